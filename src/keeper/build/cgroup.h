/* SPDX-License-Identifier: MIT */
/* Control groups, version 2: a leaf for each jail whose policy has [resources], in PATHS_CGROUP. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/config.h"
#include "trampoline/attributes.h"
#include "trampoline/name.h"
#include "trampoline/record.h"
#include "trampoline/text.h"

/* A leaf's name: a jail may be called memory.max, as a file of the kernel's is. */
#define CGROUP_LEAF "jail-"
#define CGROUP_LEAF_SIZE (sizeof(CGROUP_LEAF) + NAME_LENGTH_MAX)

struct cgroup_usage {
	uint64_t memory, memory_peak; /* bytes; QUANTITY_UNLIMITED: not counted */
	uint64_t cpu_us;
};

/* Whether CONFIG wants a leaf. */
bool cgroup_is_wanted(const struct config *config);

/* Whether what CONFIG says of resources can be had here. 0, or -1 with *ERROR. Makes nothing. */
int cgroup_check(const struct config *config, struct text *error) MUST_CHECK;

/*
 * Makes jail NAME's leaf, or takes the one that is there, sets its limits as CONFIG has them, and
 * fills *ORIGIN; does nothing where CONFIG wants none. 0, or -1 with *ERROR.
 */
int cgroup_make(const struct config *config, const char *name, struct record_origin *origin,
		struct text *error) MUST_CHECK;

/* An O_PATH descriptor of PATHS_CGROUP; -1 and errno: ENOENT if it was never made. */
int cgroup_open(void) MUST_CHECK;

/*
 * In CGROUP_FD, which is PATHS_CGROUP, or -1: removes NAME's leaf, if there is one. 0, or -1 and
 * errno: EBUSY if a process is in it.
 */
int cgroup_remove(int cgroup_fd, const char *name) MUST_CHECK;

/* Fills *USAGE of NAME's leaf in CGROUP_FD (-1: none). 0, or -1 if there is no leaf to read. */
int cgroup_read_usage(int cgroup_fd, const char *name, struct cgroup_usage *usage) MUST_CHECK;
