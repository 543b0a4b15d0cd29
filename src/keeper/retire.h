/* SPDX-License-Identifier: MIT */
/* The end of a live jail: of its record, pins and cgroup. Nobody inside is hurt. */
#pragma once

#include <stdbool.h>

#include "live.h"
#include "trampoline/attributes.h"
#include "trampoline/text.h"

/*
 * Retires jail NAME, whose lock is held by DIRECTORY_FD. 0; -1 with *ERROR, as state_withdraw(), or
 * where something in the directory is not ours: then all that is ours is gone.
 */
int retire_jail(const struct live *live, int directory_fd, const char *name, bool wait,
		struct text *error) MUST_CHECK;
