/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * --discard: retires jail NAME now, so that every launcher on its way in is there or never will be,
 * and with KILL ends whoever is inside. Exits if it cannot.
 */
void discard_jail(const char *name, bool kill);
