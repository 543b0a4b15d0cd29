/* SPDX-License-Identifier: MIT */
/* Retiring jails: what cron asks for. */
#pragma once

#include <stdbool.h>

#include "live.h"
#include "trampoline/attributes.h"

/*
 * One pass of --cleanup over everything in RUNDIR. Idempotent; exits only if it cannot begin. False
 * if a jail could not be treated, or something is there that is not ours, which a sentence on
 * standard error then tells.
 */
bool retire_idle(bool dry_run, bool verbose);

/*
 * Retires NAME, whose lock is held and whose directory is DIRECTORY_FD. *LEFT: 0; EBUSY if somebody
 * is still inside, and the jail is shown until he has gone; ENOTEMPTY if something that is not ours
 * keeps the directory. 0, or -1 and errno.
 */
int retire_jail(const struct live *live, int directory_fd, const char *name, int *left) MUST_CHECK;
