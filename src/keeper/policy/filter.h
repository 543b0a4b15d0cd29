/* SPDX-License-Identifier: MIT */
#pragma once

#include "trampoline/attributes.h"
#include "trampoline/record.h"

/* Compiles `system_calls = default` into RECORD. 0, or -1 and errno. */
int filter_compile(struct record *record) MUST_CHECK;
