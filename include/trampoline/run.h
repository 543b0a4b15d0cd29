/* SPDX-License-Identifier: MIT */
/*
 * What one run gets: the policy of the jail's record, and what the arguments of the run make of it.
 * The launcher obeys the result and --explain prints it, so the rules exist once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "trampoline/arguments.h"
#include "trampoline/attributes.h"
#include "trampoline/limit.h"
#include "trampoline/record.h"
#include "trampoline/text.h"

/* Why a run is supervised; a run can have several reasons. */
enum run_reason {
	RUN_PRIVATE_OPTION = 1,  /* --private */
	RUN_PRIVATE_POLICY = 2,  /* processes = private */
	RUN_TIMEOUT_OPTION = 4,  /* --timeout */
	RUN_TIMEOUT_POLICY = 8,  /* timeout = DURATION */
	RUN_STATUS_OPTION = 16,  /* --status-fd */
	RUN_CGROUP_POLICY = 32,  /* [resources]: only a new process can start in a cgroup */
	RUN_OUTPUT_OPTION = 64,  /* --limit=output */
	RUN_OUTPUT_POLICY = 128, /* output = SIZE */
	RUN_OUTPUT_FILE = 256,   /* standard output or error is a file; the launcher sees that */
};

struct run {
	uint64_t limits[LIMIT_COUNT]; /* by RLIMIT_ number; QUANTITY_UNLIMITED for none */
	uint64_t timeout_ms;          /* wall clock; QUANTITY_UNLIMITED for none */
	uint64_t kill_after_ms;       /* from the time-out to SIGKILL */
	unsigned int reasons;         /* enum run_reason, ORed; 0: the run is not supervised */
	bool is_private;              /* the run has a pid namespace of its own */
};

/*
 * Fills RUN for a caller with real uid UID. A caller may lower limits and shorten time-out and
 * grace; only root may raise limits and lengthen the grace. Pure. 0, or -1 with a sentence in
 * *ERROR.
 */
int run_merge(struct run *run, const struct record *record, const struct arguments *arguments,
	      uint32_t uid, struct text *error) MUST_CHECK;
