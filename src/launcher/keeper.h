/* SPDX-License-Identifier: MIT */
/* Running the other program. */
#pragma once

#include <sys/types.h>

#include "trampoline/attributes.h"
#include "trampoline/text.h"

/*
 * Has the keeper build NAME for CALLER: as a child, in a clean environment, its sentence caught in
 * *SENTENCE. 0 when the jail is built, -1 when it is not and *SENTENCE says why.
 */
int keeper_build(const char *name, uid_t caller, struct text *sentence) MUST_CHECK;

/* Becomes the keeper, for an administrator; returns only if it cannot be executed. */
void keeper_exec(char *const argv[]);
