/* SPDX-License-Identifier: MIT */
/* The only room of the keeper's that changes capabilities. Its ids stay root's. */
#pragma once

#include <sys/types.h>

#include "trampoline/attributes.h"

/* What a step of the keeper's needs; the rest is given up for good. */
enum privilege_step {
	PRIVILEGE_BUILD,  /* namespaces, mounts, device nodes, a loopback device */
	PRIVILEGE_RETIRE, /* namespaces and pins; looking at processes, and killing a user's */
	PRIVILEGE_LOOK,   /* the same without killing */
};

/* Lowers the capabilities, inheritable and ambient ones included. 0, or -1 and errno. */
int privilege_lower(enum privilege_step step) MUST_CHECK;

/*
 * Becomes UID in effect, for good. The real and saved uids are nobody's, so that nobody of UID may
 * signal this process. 0, or -1: then nothing may be done any more, for a call may have been
 * answered falsely, and what is meant for the user's processes would meet root's.
 */
int privilege_borrow(uid_t uid) MUST_CHECK;
