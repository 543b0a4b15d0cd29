/* SPDX-License-Identifier: MIT */
/* The only room that changes ids, groups, capabilities, no_new_privs and seccomp. */
#pragma once

#include <sys/types.h>

#include "trampoline/attributes.h"
#include "trampoline/record.h"

/*
 * Takes real uid and gid 0, so that the caller can no longer signal us. NULL; or why that cannot
 * be: no effective uid 0, a user namespace that is not the host's, a capability missing that the
 * work needs; or "", and errno says why.
 */
const char *privilege_take(void) MUST_CHECK;

/* Becomes the caller UID, GID for good, if we are anything else; 0, or -1 if not proved. */
int privilege_give_up(uid_t uid, gid_t gid) MUST_CHECK;

/*
 * Becomes the jail's user for good: the record's groups and ids, capabilities, no_new_privs; then
 * asks the kernel whether it is so. 0, or -1 with errno (EPROTO: the kernel said yes and did not do
 * it).
 */
int privilege_drop(const struct record *record) MUST_CHECK;

/*
 * Becomes the watcher: the caller UID, GID, who may signal us then, with one capability, CAP_KILL,
 * to end a process of another user. 0, or -1 with errno: EACCES, and nothing has changed, where
 * CAP_KILL is missing.
 */
int privilege_supervise(uid_t uid, gid_t gid) MUST_CHECK;

/* Loads the record's system call filter, if it has one. 0, or -1 and errno. */
int privilege_filter(const struct record *record) MUST_CHECK;
