/* SPDX-License-Identifier: MIT */
/*
 * Runs that are watched. The launcher forks: the process that the caller knows becomes the
 * supervisor, another program, with CAP_KILL alone; the child goes on to become the command. With
 * private processes the child is process 1 of a pid namespace and forks once more, to become the
 * supervisor's other half.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "report.h"
#include "trampoline/run.h"
#include "trampoline/supervisor.h"

struct supervise {
	const struct run *run;
	/* The jail has a /proc, which must show only the run. */
	bool has_proc;
	int program_fd; /* the supervisor's, opened on the host; -1: it could not be */
	int cgroup_fd;  /* where the run belongs; -1: where its caller is */
	int line_fd;    /* the child's end of the line */
};

/* Forks. The child returns, still privileged, with signals blocked. */
void supervise_fork(struct reporter *reporter, struct supervise *supervise);

/* fork(2), with CLONE_ FLAGS, and into the cgroup CGROUP_FD (-1: none); refuses if it cannot. */
pid_t supervise_fork_with(const struct reporter *reporter, unsigned long flags, int cgroup_fd);

/*
 * Becomes the supervisor, with ARGV, its descriptors FDS (each above 2) and nothing of the
 * command's open. Returns, with errno, if it cannot: descriptors 0 to 2 may be gone by then.
 */
void supervise_become(const struct supervise *supervise, const char *const argv[],
		      const int fds[static SUPERVISOR_FDS]);

/*
 * --daemon: forks. The parent waits until the child has executed the command, or says why it could
 * not, and exits; the child returns in a session of its own.
 */
void supervise_detach(struct reporter *reporter);
