/* SPDX-License-Identifier: MIT */
/* --list and --status: what is live, for people or, as JSON, for programs. */
#pragma once

#include <stdbool.h>

/* Every live jail, and every retired one that somebody still runs in. */
void list_all(bool json);

/* One of them, with everything its record says. */
void list_one(const char *name, bool json);
