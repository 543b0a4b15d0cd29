/* SPDX-License-Identifier: MIT */
#pragma once

#include "trampoline/arguments.h"

/*
 * --explain: what a run with ARGUMENTS would get, each line with what set it. Builds nothing; exits
 * if there is no such jail or its policy is refused.
 */
void explain_run(const struct arguments *arguments);
