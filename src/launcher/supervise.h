/* SPDX-License-Identifier: MIT */
/*
 * Runs that are watched. The launcher forks: its parent half, the supervisor, keeps a clock, passes
 * signals on and says how it ended; the child half goes on to become the command. With private
 * processes the child is process 1 of a pid namespace and forks once more: what is left when the
 * command ends is killed by the kernel.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "report.h"
#include "trampoline/record.h"

struct supervise {
	bool is_private, has_proc; /* has_proc: the jail has a /proc, which must show only the run */
	uint64_t timeout_ms, kill_after_ms; /* QUANTITY_UNLIMITED: none */
	uid_t uid;                          /* the jail's user */
};

/*
 * Forks. The supervisor never returns: it exits as the command did. The child returns, still
 * privileged, and supervise_settle() is its next step once it is the user.
 */
void supervise_fork(struct reporter *reporter, const struct supervise *supervise);

/*
 * As the user: arranges that we end when the supervisor does, and with private processes forks the
 * command, which returns, from process 1, which does not.
 */
void supervise_settle(const struct reporter *reporter, const struct supervise *supervise);

/*
 * --daemon: forks. The parent waits until the child has executed the command, or says why it could
 * not, and exits; the child returns in a session of its own.
 */
void supervise_detach(struct reporter *reporter);
