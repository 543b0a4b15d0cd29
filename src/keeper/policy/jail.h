/* SPDX-License-Identifier: MIT */
/* What a jail is to be: configuration, image, data, opened and judged before anything is done. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "trampoline/attributes.h"
#include "trampoline/record.h"
#include "trampoline/text.h"

struct jail {
	struct record record; /* all but the namespaces and the time */
	struct config config;
	/* All O_PATH. */
	int image_fd; /* the image's version */
	int base_fd;  /* data/NAME/home */
	int tmp_fd;   /* data/NAME/tmp */
	int bind_fds[RECORD_BINDS_MAX];
};

/*
 * Decides what jail NAME is. 0; or -1 with a sentence in *ERROR and nothing open. Touches nothing.
 * Afterwards jail_close() releases it.
 */
int jail_describe(struct jail *jail, const char *name, struct text *error) MUST_CHECK;

void jail_close(struct jail *jail);

#define JAIL_MOUNTS_MAX (6 + RECORD_BINDS_MAX)

struct jail_mount {
	const char *path;    /* in the jail */
	uint64_t attributes; /* MOUNT_ATTR_ of mount_setattr(2) */
	int source_fd;       /* what is mounted there; -1: */
	const char *shared;  /* what all jails share, a path in the hub; NULL: a new devpts */
	const struct record_origin *origin; /* which thing SOURCE_FD is */
};

/* Fills MOUNTS with all that JAIL has mounted, its root first. Returns how many there are. */
size_t jail_mounts(const struct jail *jail, struct jail_mount mounts[static JAIL_MOUNTS_MAX]);
