/* SPDX-License-Identifier: MIT */
/* Release at the end of a scope. Each keeps errno; declare with the safe value: -1 or NULL. */
#pragma once

#include <errno.h>
#include <libmount.h>
#include <stdio.h>
#include <unistd.h>

#include "trampoline/auto_close.h"

static inline void auto_free_file(FILE *const *file)
{
	int error = errno;

	if (*file)
		fclose(*file);
	errno = error;
}

static inline void auto_free_table(struct libmnt_table *const *table)
{
	int error = errno;

	mnt_unref_table(*table);
	errno = error;
}

#define AUTO_FILE __attribute__((cleanup(auto_free_file))) FILE *
#define AUTO_TABLE __attribute__((cleanup(auto_free_table))) struct libmnt_table *
