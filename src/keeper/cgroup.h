/* SPDX-License-Identifier: MIT */
/* Control groups, version 2: PATHS_CGROUP below the host's mount of them, and the leaves in it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "trampoline/attributes.h"
#include "trampoline/name.h"

/* A leaf's name: a jail may be called memory.max, as a file of the kernel's is. */
#define CGROUP_LEAF "jail-"
#define CGROUP_LEAF_SIZE (sizeof(CGROUP_LEAF) + NAME_LENGTH_MAX)
#define CGROUP_MOUNT_MAX 128
#define CGROUP_VALUE_SIZE 512

struct cgroup_usage {
	uint64_t memory, memory_peak; /* bytes; QUANTITY_UNLIMITED: nobody counts them */
	uint64_t processes, cpu_us;
};

/*
 * An O_PATH descriptor of the directory that PATHS_CGROUP is in, which may be the root, and in
 * MOUNT the path of the mount. -1 and errno: ENODEV if no cgroup2 file system is mounted whole.
 */
int cgroup_open_above(char mount[static CGROUP_MOUNT_MAX]) MUST_CHECK;

/* The last name in PATHS_CGROUP. */
const char *cgroup_name(void);

/* An O_PATH descriptor of PATHS_CGROUP; -1 and errno if it was never made. */
int cgroup_open(void) MUST_CHECK;

/* Reads the first line of a file of the kernel's; writes one. 0, or -1 and errno. */
int cgroup_read(int directory_fd, const char *file,
		char value[static CGROUP_VALUE_SIZE]) MUST_CHECK;
int cgroup_write(int directory_fd, const char *file, const char *value) MUST_CHECK;

/*
 * In CGROUP_FD, which is PATHS_CGROUP, or -1: removes NAME's leaf, unless a process is in it. That
 * there is none is no error. 0, or -1 and errno.
 */
int cgroup_remove(int cgroup_fd, const char *name) MUST_CHECK;

/* Whether NAME has a leaf in CGROUP_FD. */
bool cgroup_exists(int cgroup_fd, const char *name);

/* What is and was used in NAME's leaf in CGROUP_FD. -1 and errno: there is none. */
int cgroup_read_usage(int cgroup_fd, const char *name, struct cgroup_usage *usage) MUST_CHECK;
