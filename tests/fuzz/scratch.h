/* SPDX-License-Identifier: MIT */
/* A directory for targets that read files, in memory where that is possible; removed at the end. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

const unsigned long fuzz_runs = 2000;

static char scratch_path[] = "/dev/shm/trampoline-fuzz.XXXXXX";
static int scratch_fd = -1;

static inline int scratch_open(int directory_fd, const char *name)
{
	return openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static inline void scratch_make(void)
{
	static char elsewhere[sizeof(scratch_path)] = "/tmp/trampoline-fuzz.XXXXXX";

	if (!mkdtemp(scratch_path)) {
		MUST_HOLD(mkdtemp(elsewhere));
		memcpy(scratch_path, elsewhere, sizeof(scratch_path));
	}
	scratch_fd = scratch_open(AT_FDCWD, scratch_path);
	MUST_HOLD(scratch_fd >= 0);
}

/* Hands each name in the directory at FD to STEP. */
static inline void scratch_each(int fd, void (*step)(int fd, const char *name))
{
	DIR *entries = fdopendir(scratch_open(fd, "."));

	MUST_HOLD(entries);
	for (const struct dirent *entry; (entry = readdir(entries));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			step(fd, entry->d_name);
	closedir(entries);
}

static inline void scratch_remove(int fd, const char *name)
{
	if (unlinkat(fd, name, 0) != 0)
		(void)unlinkat(fd, name, AT_REMOVEDIR);
}

/* Removes NAME, and first all that is in it. */
static inline void scratch_remove_deep(int fd, const char *name)
{
	int inner_fd = scratch_open(fd, name);

	if (inner_fd >= 0) {
		scratch_each(inner_fd, scratch_remove_deep);
		close(inner_fd);
	}
	scratch_remove(fd, name);
}

/* However the fuzzer ends. */
__attribute__((destructor)) void fuzz_end(void)
{
	int fd = scratch_fd;

	scratch_fd = -1;
	if (fd < 0)
		return;
	scratch_each(fd, scratch_remove_deep);
	(void)rmdir(scratch_path);
}

static inline void scratch_write(int directory_fd, const char *name, const void *bytes, size_t size,
				 mode_t mode)
{
	int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			mode);

	if (fd < 0)
		return; /* something else has this name already */
	MUST_HOLD(write(fd, bytes, size) == (ssize_t)size && fchmod(fd, mode) == 0);
	close(fd);
}
