/* SPDX-License-Identifier: MIT */
/* The end of live jails: of their records, pins and cgroups. Nobody inside is hurt. */
#pragma once

#include <stdbool.h>

/*
 * --cleanup, which cron runs: one pass over all jails, in which idle ones expire. Exits only if it
 * cannot begin. False if a jail could not be treated, which a sentence on standard error tells.
 */
bool retire_idle(bool dry_run, bool verbose);

/*
 * --discard: retires jail NAME now, so that every launcher on its way in is there or never will be,
 * and with KILL ends whoever is inside. Exits if it cannot.
 */
void retire_by_hand(const char *name, bool kill);
