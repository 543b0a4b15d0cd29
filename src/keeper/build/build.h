/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

/*
 * Builds jail NAME for CALLER, unless a valid record says that it is live, and publishes its
 * record. Refuses (and exits) before anything is made wherever that can be known.
 */
void build_jail(const char *name, uid_t caller);
