/* SPDX-License-Identifier: MIT */
/* Where the things are that a jail is derived from, for its record. */
#pragma once

#include "trampoline/attributes.h"
#include "trampoline/record.h"

/* Writes the path of a source, for jail JAIL and image IMAGE (NULL where it matters not). */
void origin_path(enum record_source source, const char *jail, const char *image,
		 char path[static RECORD_PATH_MAX]);

/* Fills *ORIGIN but its path from the thing itself, open at FD. -1 and errno. */
int origin_read(int fd, struct record_origin *origin) MUST_CHECK;
