/* SPDX-License-Identifier: MIT */
/* Retiring jails: removes their records, pins and cgroups. Processes in them go on. */
#pragma once

#include <stdbool.h>

/*
 * --cleanup, which cron runs: one pass over all jails, in which idle ones expire, or, with DRY_RUN,
 * are named. Exits only if it cannot begin. False if it could not treat a jail: a sentence says so.
 */
bool retire_idle(bool dry_run, bool verbose);

/*
 * --discard: retires jail NAME now, or all jails if it is NULL. When it returns, no launcher is
 * still on its way into the old jail. With KILL it also kills all processes of the jail's user; of
 * all jails, also what runs in those discarded before. Exits with a sentence if it cannot; false if
 * it could not for some of all jails, each of which has a sentence on standard error.
 */
bool retire_now(const char *name, bool kill);
