/* SPDX-License-Identifier: MIT */
/* A jail's files on the host: RUNDIR/jails/NAME/record. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "trampoline/attributes.h"
#include "trampoline/record.h"
#include "trampoline/text.h"

/* An O_PATH descriptor of the directory RUNDIR/jails/NAME; -1 and errno, ENOENT if it is absent. */
int state_open(int run_fd, const char *name) MUST_CHECK;

/*
 * Locks jail NAME, and makes its directory, on which the lock is an flock(2). Returns the
 * directory's descriptor, whose closing unlocks it; -1 with *ERROR: another keeper has the lock for
 * ten seconds, or now if WAIT is false (then with errno EWOULDBLOCK).
 */
int state_lock(int run_fd, const char *name, bool wait, struct text *error) MUST_CHECK;

/*
 * Takes an exclusive flock(2) on FD. 0; -1 and errno: EINTR after ten seconds of waiting, or, if
 * WAIT is false, EWOULDBLOCK at once. Arms and disarms the alarm clock.
 */
int state_take_lock(int fd, bool wait) MUST_CHECK;

/* Reads the record in DIRECTORY_FD. 0; -1 and errno: ENOENT, or another if it may not be obeyed. */
int state_read(int directory_fd, const char *name, struct record *record) MUST_CHECK;

/* Seals and publishes RECORD by one rename: the commit. -1 and errno. */
int state_publish(int directory_fd, struct record *record) MUST_CHECK;

/* Notes in the record, in place, when cleanup marked the jail. -1 and errno. */
int state_mark(int directory_fd, int64_t marked_ns) MUST_CHECK;

/*
 * Withdraws the record, readable or not, if there is one: afterwards no launcher uses it, and every
 * launcher that has used it runs as the user. -1 with *ERROR: a launcher is still on its way in
 * after ten seconds, or now if WAIT is false (then with errno EWOULDBLOCK).
 */
int state_withdraw(int directory_fd, const char *name, bool wait, struct text *error) MUST_CHECK;

/*
 * Removes the directory of a jail that has no record any more, while its lock is held. -1 and
 * errno: ENOTEMPTY if something is in it that is not ours.
 */
int state_remove(int run_fd, int directory_fd, const char *name) MUST_CHECK;
