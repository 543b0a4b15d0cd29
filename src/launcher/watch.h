/* SPDX-License-Identifier: MIT */
/* The watcher of a supervised run: keeps the clock, passes signals on, says how the run ended. */
#pragma once

#include <time.h>

#include "outcome.h"
#include "supervise.h"

/* What the watcher knows of the run. */
struct watch {
	const struct supervise *supervise;
	const struct reporter *reporter;
	pid_t child;
	int64_t started_ms, deadline_ms;       /* deadline 0: none */
	bool is_ready, has_started;            /* the command waits for our word, is executed */
	bool is_timed_out, is_full, is_killed; /* is_full: for too much output */
	bool is_foreground; /* the terminal's foreground process group is the command's, by us */
	struct outcome_memory memory;
	timer_t alarm;   /* see job_suspend(); only with a deadline and a terminal */
	int told_status; /* the command's, from process 1; -1: not told */
};

/*
 * Becomes the watcher of the run of process CHILD, which is process 1 of the run or, without
 * private processes, the command; closes all that it does not need, tells of the run on REPORTER's
 * status descriptor, and exits as the run does.
 */
_Noreturn void watch_run(const struct reporter *reporter, const struct supervise *supervise,
			 pid_t child);
