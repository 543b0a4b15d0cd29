/* SPDX-License-Identifier: MIT */
/* --list and --status: what is live, for people or, as JSON, for programs. */
#pragma once

#include <stdbool.h>

/* Every live jail, and whoever runs in one that is not live any more. Exits if it cannot look. */
void list_all(bool json);

/* One of them, with everything its record says. Exits if it cannot look, or NAME is not live. */
void list_one(const char *name, bool json);
