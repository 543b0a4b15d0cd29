/* SPDX-License-Identifier: MIT */
/* The watcher of a supervised run: keeps the clock, passes signals on, says how the run ended. */
#pragma once

#include "supervise.h"

/*
 * Watches the run of process CHILD, which is process 1 of the run or, without private processes,
 * the command; tells of it on STATUS_FD (-1: nobody reads), and exits as the run does. SUPERVISE's
 * descriptors and STATUS_FD are all that is open.
 */
_Noreturn void watch_run(const struct supervise *supervise, pid_t child, int status_fd);
