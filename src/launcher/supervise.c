/* SPDX-License-Identifier: MIT */
/* The forks of a run that is supervised or detached. */
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privilege.h"
#include "relay.h"
#include "trampoline/attributes.h"
#include "trampoline/proof.h"
#include "watch.h"

#define INTO_CGROUP UINT64_C(0x200000000) /* CLONE_INTO_CGROUP of linux/sched.h */

pid_t supervise_fork_with(const struct reporter *reporter, unsigned long flags, int cgroup_fd)
{
	/* struct clone_args, linux/sched.h. Process 1 forks under a filter without clone3. */
	const uint64_t into[11] = {
		[0] = flags | INTO_CGROUP, [4] = SIGCHLD, [10] = (uint64_t)cgroup_fd};
	pid_t child = (pid_t)(cgroup_fd < 0 ? syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0)
					    : syscall(SYS_clone3, into, sizeof(into)));

	if (child < 0)
		report_refuse(reporter, "fork", NULL,
			      errno == EAGAIN ? REPORT_TOO_MANY_PROCESSES
			      : errno == ENODEV || errno == ENOENT
				      ? "the jail has just been discarded; try again"
				      : NULL);
	return child;
}

/* In the child: a /proc of its own over the jail's, which shows the host's processes. */
static void make_proc(const struct reporter *reporter)
{
	char self[16] = "";

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("trampoline", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "hidepid=invisible") != 0 ||
	    proof_of(readlink("/proc/self", self, sizeof(self)) == 1 && self[0] == '1') != 0)
		report_refuse(reporter, "mount a private /proc", NULL, NULL);
}

int supervise_close_but(const int *fds, size_t count)
{
	/* From the highest on: where one cannot be closed, standard error is there to say so. */
	for (int64_t last = UINT32_MAX, kept; last >= 0; last = kept - 1) {
		kept = -1;
		for (size_t i = 0; i < count; i++)
			if (fds[i] > kept && fds[i] <= last)
				kept = fds[i];
		if (last > kept && syscall(SYS_close_range, kept + 1, last, 0) != 0)
			return -1;
	}
	return 0;
}

/* A socket whose ends are [0] the watcher's and [1] the child's. */
static void make_socket(const struct reporter *reporter, int fds[static 2])
{
	fds[0] = fds[1] = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0 ||
	    proof_of(fds[0] >= 0 && fds[1] >= 0) != 0)
		report_refuse(reporter, "make a socket", NULL, NULL);
}

void supervise_fork(struct reporter *reporter, struct supervise *supervise)
{
	static const int passed_on[] = SUPERVISE_SIGNALS;
	int start[2], line[2] = {-1, -1};
	uint64_t set = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(passed_on); i++)
		set |= UINT64_C(1) << (passed_on[i] - 1);
	/* Whoever has the terminal may change its settings, so that it would stop us at a write. */
	uint64_t blocked = set | UINT64_C(1) << (SIGTTOU - 1);
	/* One for all: who reads it gets its own signals. The jail's limits come later. */
	supervise->signal_fd = (int)syscall(SYS_signalfd4, -1, &set, sizeof(set), SFD_CLOEXEC);
	if (supervise->signal_fd < 0 ||
	    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &blocked, NULL, sizeof(set)) != 0)
		report_refuse(reporter, "block signals", NULL, NULL);
	/* Without a filter the command leaves the terminal: become_user(). */
	supervise->terminal_fd = supervise->record->filter_length && tcgetpgrp(0) >= 0 ? 0 : -1;
	supervise->is_interactive = supervise->terminal_fd >= 0 && tcgetpgrp(1) >= 0;
	if (!supervise->is_detached)
		relay_start(reporter, supervise);
	make_socket(reporter, start);
	if (supervise->run->is_private)
		make_socket(reporter, line);
	pid_t child = supervise_fork_with(reporter, supervise->run->is_private ? CLONE_NEWPID : 0,
					  supervise->cgroup_fd);
	bool is_child = child == 0;
	supervise->start_fd = start[is_child];
	supervise->line_fd = line[is_child];
	if (!is_child) {
		/* Signals for all of our process group are passed on; the child gets them once. */
		(void)setpgid(child, child);
		watch_run(reporter, supervise, child);
	}
	/* Before our ids change: no path of the user's may lead through the host's directory. */
	const int fds[] = {supervise->cgroup_fd, start[0], line[0], supervise->relay_fd};
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	for (int i = 0; i < 2; i++)
		if (supervise->output_fds[i] >= 0 && dup2(supervise->output_fds[i], i + 1) < 0)
			report_refuse(reporter, "replace standard output", NULL, NULL);
	reporter->waiting_fds[0] = start[1];
	if (supervise->run->is_private && supervise->record->flags & RECORD_PROC)
		make_proc(reporter);
}

void supervise_detach(struct reporter *reporter)
{
	int detached[2];
	char status;

	reporter->fd = fcntl(reporter->fd, F_DUPFD_CLOEXEC, 3);
	if (reporter->fd < 0 || pipe2(detached, O_CLOEXEC) != 0)
		report_refuse(reporter, "detach", NULL, NULL);
	if (supervise_fork_with(reporter, 0, -1) > 0) {
		close(detached[1]);
		close(reporter->record_fd);
		if (privilege_give_up(reporter->uid, reporter->gid) != 0)
			_exit(EXIT_REFUSED);
		_exit(read(detached[0], &status, 1) == 1 ? (unsigned char)status : 0);
	}
	close(detached[0]);
	reporter->waiting_fds[1] = detached[1];
	if (setsid() < 0)
		report_refuse(reporter, "leave the session", NULL, NULL);
}
