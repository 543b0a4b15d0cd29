/* SPDX-License-Identifier: MIT */
/* Retiring jails: what cron asks for. */
#pragma once

#include <stdbool.h>

/*
 * One pass of --cleanup over everything in RUNDIR. Idempotent; exits only if it cannot begin. False
 * if a jail could not be treated, or something is there that is not ours, which a sentence on
 * standard error then tells.
 */
bool pass_run(bool dry_run, bool verbose);
