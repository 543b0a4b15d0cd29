/* SPDX-License-Identifier: MIT */
/* The watcher of a supervised run: keeps the clock, passes signals on, says how the run ended. */
#pragma once

#include "supervise.h"

/*
 * Becomes the watcher of the run of process CHILD, which is process 1 of the run or, without
 * private processes, the command; closes all that it does not need, tells of the run on REPORTER's
 * status descriptor, and exits as the run does.
 */
_Noreturn void watch_run(const struct reporter *reporter, const struct supervise *supervise,
			 pid_t child);
