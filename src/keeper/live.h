/* SPDX-License-Identifier: MIT */
/* The live jails: names from RUNDIR, hub and cgroups, each with what is known of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "namespace.h"
#include "scan.h"
#include "trampoline/attributes.h"
#include "trampoline/name.h"
#include "trampoline/record.h"
#include "trampoline/text.h"

/* A jail whose pins were set aside, as the hub has it. */
struct live_retired {
	char name[NAME_LENGTH_MAX + 1];
	uint64_t inode; /* of its mount namespace */
};

/* What the administrator's commands work on. */
struct live {
	struct namespace_home home;
	int run_fd, hub_fd; /* hub_fd -1: there is no hub, so no jail is live */
	int cgroup_fd;      /* -1: no jail ever wanted a cgroup */
	uint64_t hub_inode;
	struct scan scan;
	char (*names)[NAME_LENGTH_MAX + 1]; /* sorted, each once */
	size_t count, size;
	struct live_retired *retired; /* sorted by name; from before the scan began */
	size_t retired_count, retired_size;
};

enum live_state {
	LIVE_IN_USE,
	LIVE_IDLE,
	LIVE_MARKED,
	LIVE_STALE,
	LIVE_DISCARDED,
	LIVE_UNREACHABLE, /* its storage does not answer */
	LIVE_STATES
};

/* Collects names and processes; makes nothing. 0, or -1 with *ERROR. live_close() releases it. */
int live_open(struct live *live, struct text *error) MUST_CHECK;
void live_close(struct live *live);

/* Looks at the retired jails and the processes anew; the names stay. 0, or -1 and errno. */
int live_look_again(struct live *live) MUST_CHECK;

/* NAME's retired jails: the first of *COUNT in a row. */
const struct live_retired *live_retired_of(const struct live *live, const char *name,
					   size_t *count);

/* Whether somebody was in the hub when the processes were looked at: on his way to any jail. */
bool live_has_transit(const struct live *live);

/* A descriptor of RUNDIR/jails/NAME, or -1 and errno. */
int live_open_jail(const struct live *live, const char *name) MUST_CHECK;

/*
 * The state of a jail with a valid record, and in *PROCESSES how many are inside. Looks at the
 * user's storage, which may take for ever: to be called by a crew.
 */
enum live_state live_judge(const struct live *live, const struct record *record, size_t *processes);

/*
 * The states of all jails, found by a crew: an array of COUNT live_states; NULL and errno. It is
 * memory of crew_share(), so it stays mapped until the process ends.
 */
signed char *live_states(struct live *live);

const char *live_state_name(enum live_state state);
