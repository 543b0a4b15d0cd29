/* SPDX-License-Identifier: MIT */
/* Release at the end of a scope. Each keeps errno; declare with the safe value: -1 or NULL. */
#pragma once

#include <errno.h>
#include <libmount.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(const int *fd)
{
	int error = errno;

	if (*fd >= 0)
		close(*fd);
	errno = error;
}

static inline void cleanup_file(FILE *const *file)
{
	int error = errno;

	if (*file)
		fclose(*file);
	errno = error;
}

static inline void cleanup_free(void *pointer)
{
	int error = errno;

	free(*(void **)pointer);
	errno = error;
}

static inline void cleanup_table(struct libmnt_table *const *table)
{
	int error = errno;

	mnt_unref_table(*table);
	errno = error;
}

/* Hands the descriptor out of its scope. */
static inline int cleanup_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define AUTO_CLOSE __attribute__((cleanup(cleanup_close))) int
#define AUTO_FILE __attribute__((cleanup(cleanup_file))) FILE *
#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
#define AUTO_TABLE __attribute__((cleanup(cleanup_table))) struct libmnt_table *
