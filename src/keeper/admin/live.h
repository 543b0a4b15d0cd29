/* SPDX-License-Identifier: MIT */
/* What is live: names from RUNDIR, hub and cgroups, and all processes, found once. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "inside.h"
#include "build/namespace.h"
#include "trampoline/attributes.h"
#include "trampoline/name.h"
#include "trampoline/record.h"
#include "trampoline/text.h"

struct live_jail {
	char name[NAME_LENGTH_MAX + 1];
	uid_t uid; /* as the hub has it; 0: it has none */
};

/* What the administrator's commands work on. */
struct live {
	struct namespace_host host;
	int run_fd, hub_fd; /* -1: there is none */
	int cgroup_fd;      /* -1: no jail ever wanted a cgroup */
	struct inside inside;
	struct live_jail *jails; /* sorted by name, each once */
	size_t count, size;
};

/* Looks, and makes nothing. 0, or -1 with *ERROR. live_close() releases it. */
int live_open(struct live *live, struct text *error) MUST_CHECK;
void live_close(struct live *live);

/* The same for NAME alone, which need not be there, and without a look at the processes. */
int live_open_one(struct live *live, const char *name, struct text *error) MUST_CHECK;

/* Runs STEP in the hub, if there is one, and comes back; 0, or what STEP says, and errno. */
int live_in_hub(const struct live *live, int (*step)(const char *name),
		const char *name) MUST_CHECK;

/*
 * Reads the record of JAIL: 0; or -1 and errno, as state_read(), and then *RECORD has the name and
 * uid alone.
 */
int live_read(const struct live *live, const struct live_jail *jail,
	      struct record *record) MUST_CHECK;
