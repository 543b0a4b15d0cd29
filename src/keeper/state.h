/* SPDX-License-Identifier: MIT */
/* A jail's files on the host: RUNDIR/jails/NAME/{record,lock,retired.INODE}. */
#pragma once

#include <stdbool.h>

#include "trampoline/attributes.h"
#include "trampoline/record.h"
#include "trampoline/text.h"

/* A descriptor of the directory that NAME's files are in, if it is there; -1 with *ERROR, errno. */
int state_open(int run_fd, const char *name, struct text *error) MUST_CHECK;

/* Whether FILE may be in such a directory: one of the names above, or record.new for a moment. */
bool state_is_ours(const char *file);

/*
 * Takes jail NAME's lock, making its directory; *DIRECTORY_FD is that directory. Returns the lock's
 * descriptor, whose closing releases it; -1 with *ERROR: busy after ten seconds, or at once if WAIT
 * is false.
 */
int state_lock(int run_fd, const char *name, bool wait, int *directory_fd,
	       struct text *error) MUST_CHECK;

/* Reads the record in DIRECTORY_FD; -1 and errno if there is none or it may not be obeyed. */
int state_read(int directory_fd, const char *name, struct record *record) MUST_CHECK;

/* Seals and publishes RECORD by one rename: the commit. -1 and errno. */
int state_publish(int directory_fd, struct record *record) MUST_CHECK;

/* Notes in NAME's record, in place, when cleanup marked it. -1 and errno. */
int state_mark(int directory_fd, int64_t marked_ns) MUST_CHECK;

/*
 * Withdraws the record, if there is one: from here on no launcher believes in the pins. If it was a
 * record of NAME's, it stays as retired.INODE, so that whoever still runs there can be shown.
 */
int state_withdraw(int directory_fd, const char *name) MUST_CHECK;

/*
 * Reads the retired records of NAME, one a call: *CURSOR NULL before the first. 1 with a record and
 * its FILE name, 0 at the end, -1 and errno. What is no record of NAME's has an empty name in it.
 */
int state_next_retired(int directory_fd, const char *name, void **cursor, struct record *record,
		       char file[static 64]) MUST_CHECK;

/* Whether a record was retired when the mount namespace was INODE. */
bool state_has_retired(int directory_fd, uint64_t inode);

/* Unlinks one file of the jail's directory; that it is gone already is no error. */
int state_unlink(int directory_fd, const char *file) MUST_CHECK;

/*
 * Removes the directory of a jail that has no record left, while its lock is held. -1 and errno:
 * EBUSY, with nothing removed, while retired records are there; ENOTEMPTY, with all removed that is
 * ours, if something else is.
 */
int state_remove(int run_fd, int directory_fd, const char *name) MUST_CHECK;
