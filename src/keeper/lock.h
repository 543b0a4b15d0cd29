/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "trampoline/attributes.h"

/*
 * Takes an exclusive flock(2) on FD. 0; -1 and errno: EINTR after ten seconds of waiting, or, if
 * WAIT is false, EWOULDBLOCK at once. Arms and disarms the alarm clock.
 */
int lock_take(int fd, bool wait) MUST_CHECK;
