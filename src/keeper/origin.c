/* SPDX-License-Identifier: MIT */
/* The layout of SYSCONFDIR and STATEDIR, in one place. */
#include "origin.h"

#include <stdio.h>

#include "trampoline/paths.h"

/* A prefix, two names and some words always fit. */
_Static_assert(sizeof(PATHS_CONFIG) + 64 < RECORD_PATH_MAX &&
		       sizeof(PATHS_DATA) + 96 < RECORD_PATH_MAX &&
		       sizeof(PATHS_IMAGES) + 64 < RECORD_PATH_MAX,
	       "STATEDIR and SYSCONFDIR are too long");

void origin_path(enum record_source source, const char *jail, const char *image,
		 char path[static RECORD_PATH_MAX])
{
	switch (source) {
	case RECORD_CONFIG:
		snprintf(path, RECORD_PATH_MAX, PATHS_CONFIG "/trampoline.conf");
		break;
	case RECORD_OVERRIDE:
		snprintf(path, RECORD_PATH_MAX, PATHS_CONFIG "/jails.d/%s.conf", jail ? jail : "");
		break;
	case RECORD_IMAGE:
		snprintf(path, RECORD_PATH_MAX, PATHS_IMAGES "/%s/current", image ? image : "");
		break;
	case RECORD_BASE:
		snprintf(path, RECORD_PATH_MAX, PATHS_DATA "/%s/home", jail);
		break;
	case RECORD_HOME:
		snprintf(path, RECORD_PATH_MAX, PATHS_DATA "/%s/home/%s", jail, jail);
		break;
	case RECORD_TMP:
		snprintf(path, RECORD_PATH_MAX, PATHS_DATA "/%s/tmp", jail);
		break;
	case RECORD_CGROUP: /* where the mount is, only a look at it tells */
	case RECORD_SOURCES:
		break;
	}
}

int origin_read(int fd, struct record_origin *origin)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -1;
	record_fill_origin(origin, &status);
	return 0;
}
