/* SPDX-License-Identifier: MIT */
/* What a jail is derived from, and whether that is still what it was. */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "trampoline/record.h"

/* The path of a source on the host, for the jail and image NAMEs of a record. */
void origin_path(enum record_source source, const char *jail, const char *image,
		 char path[static PATH_MAX]);

/* What is there now: 0 (absent counts: inode 0), or -1 and errno. FD: the thing itself, open. */
int origin_read(enum record_source source, const char *path, struct record_origin *origin) MUST_CHECK;
int origin_read_fd(enum record_source source, int fd, struct record_origin *origin) MUST_CHECK;

/* Whether each thing the record was derived from is still the same one. */
bool origin_is_current(const struct record *record);
