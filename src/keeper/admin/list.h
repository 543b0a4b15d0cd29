/* SPDX-License-Identifier: MIT */
/* --list and --status: what is live, for people or, as JSON, for programs. */
#pragma once

#include <stdbool.h>

#include "live.h"
#include "privilege.h"

/*
 * Prints a row for each live jail, and one for each user who still has processes in a jail that was
 * discarded. Where NAME is not NULL, prints that jail alone, with what its record says. Exits with
 * a sentence if it cannot look, or if NAME is not live.
 */
void list_live(const char *name, bool json);

/* Gives up what STEP does not need, and opens *LIVE, as live_open() does. Exits if it cannot. */
void list_open(struct live *live, enum privilege_step step, const char *name);

/*
 * The name of the jail that PROCESS is in, as its /home tells, which is DATA/NAME/home. Empty if it
 * does not, as where the user has made mount namespaces without our mounts.
 */
void list_read_name(const struct namespace_host *host, pid_t process,
		    char name[static NAME_LENGTH_MAX + 1]);
