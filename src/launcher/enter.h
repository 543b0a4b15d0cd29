/* SPDX-License-Identifier: MIT */
/* From the host into a live jail: hub, record, pins. Nothing is mounted, no text is parsed. */
#pragma once

#include "trampoline/attributes.h"
#include "trampoline/record.h"

struct enter {
	int hub_fd;
	int record_fd; /* enter_join() locks it and leaves it open */
	int cgroup_fd; /* -1: the jail has none; after ENTER_DONE of enter_join() it is open */
};

enum enter_result {
	ENTER_DONE,
	ENTER_NO_HUB, /* this mount namespace has no hub: it may be a private one */
	ENTER_STALE,  /* the jail is not live, or not as it should be: the keeper has to build it */
	ENTER_RETIRED, /* the jail was retired meanwhile; this process may be in the hub already */
	ENTER_FAILED,  /* errno says why; EPROTO: the kernel said that it was done, and it is not */
};

/*
 * Finds jail NAME: opens hub and record, and fills *RECORD if it may be obeyed and is current.
 * ENTER_DONE, and enter_join() closes what is open; or, with nothing open, ENTER_NO_HUB or
 * ENTER_STALE.
 */
enum enter_result enter_open(struct enter *enter, const char *name,
			     struct record *record) MUST_CHECK;

/*
 * Moves this process in: root and working directory are the jail's afterwards. Any enter_result but
 * ENTER_NO_HUB; after ENTER_STALE the process is where it was.
 *
 * After ENTER_DONE the record has a shared flock(2), by which a keeper that discards the jail sees
 * that somebody is on the way in. It is to be closed, in every process that has a copy, as soon as
 * the ids are the user's: from then on the uid says so.
 */
enum enter_result enter_join(struct enter *enter, const struct record *record) MUST_CHECK;

/*
 * Moves to the host's mount namespace: PID 1's, or, where that may not be opened, kthreadd's, found
 * in the /proc below ROOT_FD. 0, or -1 and errno; then we stay where we are.
 */
int enter_host(int root_fd) MUST_CHECK;
