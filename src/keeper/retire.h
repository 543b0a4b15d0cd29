/* SPDX-License-Identifier: MIT */
/* Retiring jails: what cron asks for. */
#pragma once

#include <stdbool.h>

#include "live.h"
#include "trampoline/attributes.h"

/*
 * One pass of --cleanup over everything in RUNDIR. Idempotent; exits only if it cannot begin. False
 * if a jail could not be treated, which a sentence on standard error then tells.
 */
bool retire_idle(bool dry_run, bool verbose);

/*
 * Retires NAME, whose lock is held and whose directory is DIRECTORY_FD; *IS_IN_USE: somebody is
 * still inside, and the jail is shown until he has gone. 0, or -1 and errno.
 */
int retire_jail(const struct live *live, int directory_fd, const char *name,
		bool *is_in_use) MUST_CHECK;
