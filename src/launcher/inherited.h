/* SPDX-License-Identifier: MIT */
/* What an exec inherits besides memory, made harmless: the caller chose all of it. */
#pragma once

#include <sys/types.h>

#include "trampoline/attributes.h"
#include "trampoline/record.h"

/* Default actions, empty mask, nothing pending, no timer; SIGPIPE, SIGXFSZ ignored until exec. */
int inherited_reset_signals(void) MUST_CHECK;

/*
 * Scheduling, I/O priority, personality, memory policy and merging, core dumps and
 * session keyring of a fresh login; an OOM score that makes the run go first; and CALLER, a uid, as
 * the login uid of a process that has none. 0, or -1 with errno.
 */
int inherited_reset_standing(uid_t caller) MUST_CHECK;

/* Onto the processors of the record alone; unless it has none, which leaves the caller's. */
int inherited_set_processors(const uint64_t cpus[static RECORD_CPUS_MAX / 64]) MUST_CHECK;

/* Away from the caller's terminal, unless standard input is one: then a person is at work. */
int inherited_leave_terminal(void) MUST_CHECK;

/* Away from it even so, where no system call filter keeps TIOCSTI from it. */
int inherited_leave_own_terminal(void) MUST_CHECK;

#define INHERITED_UMASK 077 /* while we are root; it has to be in force when the limits are set */

/*
 * Sets the limits of the jail, and its umask. A hard limit of the caller's that is lower stays
 * where the kernel does not let us raise it: a limit is never weaker than asked for.
 */
int inherited_set_limits(const uint64_t limits[static LIMIT_RESOURCES], mode_t mask) MUST_CHECK;
