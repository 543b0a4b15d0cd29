/* SPDX-License-Identifier: MIT */
#pragma once

#include "trampoline/arguments.h"

/* --explain: what a run with ARGUMENTS would get, each line with what set it. Builds nothing. */
void explain_run(const struct arguments *arguments);
