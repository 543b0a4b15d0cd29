/* SPDX-License-Identifier: MIT */
/* From the host into a live jail: hub, record, pins. Nothing is mounted, no text is parsed. */
#pragma once

#include "trampoline/attributes.h"
#include "trampoline/record.h"

struct enter {
	int hub_fd, record_fd;
	int cgroup_fd; /* -1: the jail has none; enter_join() leaves it open */
};

/*
 * Finds jail NAME: opens hub and record, and fills *RECORD if it may be obeyed and is current. 0,
 * and enter_join() closes what is open; or -1 with nothing open and errno:
 *   ENXIO   no hub in this mount namespace
 *   ESTALE  no jail, or a stale one: the keeper has to build it
 */
int enter_open(struct enter *enter, const char *name, struct record *record) MUST_CHECK;

/*
 * Moves this process in: root and working directory are the jail's afterwards. 0, or -1 and errno:
 *   ESTRPIPE  the jail has just been retired, and we are in the hub
 *   EPROTO    the kernel says that it is done, and it is not
 */
int enter_join(struct enter *enter, const struct record *record) MUST_CHECK;

/*
 * Moves to the host's mount namespace: PID 1's, or, where that may not be opened, kthreadd's, found
 * in the /proc below ROOT_FD. 0, or -1 and errno; then we stay where we are.
 */
int enter_host(int root_fd) MUST_CHECK;
