/* SPDX-License-Identifier: MIT */
/* What is live: names from RUNDIR, hub and cgroups, and all processes, found once. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "inside.h"
#include "build/namespace.h"
#include "trampoline/attributes.h"
#include "trampoline/name.h"
#include "trampoline/record.h"
#include "trampoline/text.h"

struct live_jail {
	char name[NAME_LENGTH_MAX + 1];
	uid_t uid; /* as pin_uid() has it; 0: the hub has no such jail */
};

/* What the administrator's commands work on. */
struct live {
	struct namespace_host host;
	int run_fd, hub_fd; /* -1: there is none */
	int cgroup_fd;      /* -1: no jail ever wanted a cgroup */
	struct inside inside;
	struct live_jail *jails; /* sorted by name, each once */
	size_t count;
};

/*
 * Fills *LIVE, makes nothing; where NAME is not NULL, with that as the one jail, whether it is live
 * or not, and without any process. 0, and live_close() is to release it; or -1 with *ERROR.
 */
int live_open(struct live *live, const char *name, struct text *error) MUST_CHECK;
void live_close(struct live *live);

/* Runs STEP in the hub and comes back: what STEP returns, and errno. No hub: 0, without STEP. */
int live_in_hub(const struct live *live, int (*step)(const char *name),
		const char *name) MUST_CHECK;

/*
 * Reads the record of JAIL: 0; or -1 and errno, as state_read(), and then *RECORD has the name and
 * uid alone.
 */
int live_read(const struct live *live, const struct live_jail *jail,
	      struct record *record) MUST_CHECK;
