/* SPDX-License-Identifier: MIT */
/* Running the keeper: as a child, or in place of this program. */
#pragma once

#include "report.h"
#include "trampoline/attributes.h"

/*
 * Has the keeper build NAME for REPORTER's caller: as a child, in a clean environment, its sentence
 * caught in *SENTENCE. 0 when the jail is built, -1 when it is not and *SENTENCE says why.
 */
int keeper_build(const struct reporter *reporter, const char *name,
		 struct text *sentence) MUST_CHECK;

/* Becomes the keeper, in a clean environment. Returns, with errno, if it cannot be executed. */
void keeper_exec(char *const argv[]);
