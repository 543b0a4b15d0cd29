/* SPDX-License-Identifier: MIT */
/* --list and --status: what is live, for people or, as JSON, for programs. */
#pragma once

#include <stdbool.h>

#include "live.h"

/*
 * Prints a row for each live jail, and one for each user who still has processes in a jail that was
 * discarded. Where NAME is not NULL, prints that jail alone, with what its record says. Exits with
 * a sentence if it cannot look, or if NAME is not live.
 */
void list_live(const char *name, bool json);

/* Gives up what looking does not need, and opens *LIVE. Exits if it cannot. */
void list_open(struct live *live);
