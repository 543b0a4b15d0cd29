/* SPDX-License-Identifier: MIT */
/*
 * What lies in RUNDIR and was not put there by us. It is told of and never touched: only somebody
 * who looks can know what it is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "live.h"
#include "trampoline/text.h"

/* Calls TELL with a sentence, which says the cure, for each such thing; returns how many. */
size_t foreign_find(const struct live *live, void (*tell)(const struct text *sentence));

/* Whether there is any in the directory of a jail. */
bool foreign_is_in(int directory_fd);
