/* SPDX-License-Identifier: MIT */
/* Descriptors that close at the end of their scope and keep errno. Start with one or -1. */
#pragma once

#include <errno.h>
#include <unistd.h>

static inline void auto_close(const int *fd)
{
	int error = errno;

	if (*fd >= 0)
		close(*fd);
	errno = error;
}

/* Hands the descriptor out of its scope. */
static inline int auto_close_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define AUTO_CLOSE __attribute__((cleanup(auto_close))) int
