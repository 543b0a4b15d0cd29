/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* --discard: retires NAME now, and with KILL ends whoever is inside. Exits if it cannot. */
void discard_jail(const char *name, bool kill);
