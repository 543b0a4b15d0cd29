/* SPDX-License-Identifier: MIT */
/* From the host into a live jail: hub, record, pins. Nothing is mounted, no text is parsed. */
#pragma once

#include <sys/types.h>

#include "trampoline/attributes.h"
#include "trampoline/record.h"

/*
 * Moves this process into jail NAME, fills *RECORD and leaves no descriptor open: root and working
 * directory are the jail's afterwards. 0; or -1 and errno:
 *   ENXIO   no hub in this mount namespace
 *   ESTALE  no jail, or not one that may be entered any more: the keeper has to build it
 *   ESTRPIPE the same, and we are in the hub: cleanup has just been here
 *   EACCES  the jail is fine, but CALLER may not enter it
 */
int enter_jail(const char *name, uid_t caller, struct record *record) MUST_CHECK;

/*
 * Moves to the host's mount namespace: PID 1's, or, where that may not be opened, kthreadd's, found
 * in the /proc below ROOT_FD. 0, or -1 and errno; then we stay where we are.
 */
int enter_host(int root_fd) MUST_CHECK;
