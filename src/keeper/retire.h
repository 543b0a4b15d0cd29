/* SPDX-License-Identifier: MIT */
/* Retiring jails: what cron asks for, and what an administrator does by hand. */
#pragma once

#include <stdbool.h>

/*
 * One pass of --cleanup over everything in RUNDIR. Idempotent; exits only if it cannot begin. False
 * if a jail could not be treated, which a sentence on standard error then tells.
 */
bool retire_idle(bool dry_run, bool verbose);

/* --discard: retires NAME now, and with KILL ends whoever is inside. */
void retire_now(const char *name, bool kill);
