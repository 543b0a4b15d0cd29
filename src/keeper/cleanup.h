/* SPDX-License-Identifier: MIT */
/* --cleanup, which cron runs: retires idle jails. */
#pragma once

#include <stdbool.h>

/*
 * One pass over all jails. Exits only if it cannot begin. False if a jail could not be treated,
 * which a sentence on standard error tells.
 */
bool cleanup_run(bool dry_run, bool verbose);
