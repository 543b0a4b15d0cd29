/* SPDX-License-Identifier: MIT */
/* The forks of a run that is watched or detached; who watches is another program. */
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privilege.h"
#include "trampoline/attributes.h"
#include "trampoline/paths.h"
#include "trampoline/proof.h"
#include "trampoline/quantity.h"
#include "trampoline/supervisor.h"

#define ON_EXEC 4u                        /* CLOSE_RANGE_CLOEXEC of linux/close_range.h */
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

void supervise_become(const struct supervise *supervise, const char *const argv[],
		      const int fds[static SUPERVISOR_FDS])
{
	for (int i = 0; i < SUPERVISOR_FDS; i++) /* all of ours are above */
		if (dup2(fds[i], i) != i)
			return;
	if (syscall(SYS_close_range, SUPERVISOR_FDS, ~0u, ON_EXEC) == 0)
		syscall(SYS_execveat, supervise->program_fd, "", argv, NULL, AT_EMPTY_PATH);
}

static _Noreturn void become_watcher(const struct reporter *reporter,
				     const struct supervise *supervise, pid_t child, int line_fd,
				     int executed_fd)
{
	int status_fd = reporter->status_fd;
	const int fds[] = {line_fd, status_fd < 0 ? line_fd : status_fd, executed_fd};
	bool is_timed = supervise->run->timeout_ms != QUANTITY_UNLIMITED;
	const uint64_t numbers[] = {(uint64_t)child, is_timed ? supervise->run->timeout_ms : 0,
				    supervise->run->kill_after_ms, status_fd >= 0};
	static struct text texts[4];
	const char *argv[7] = {"trampoline", "watch"};

	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		text_add_number(&texts[i], numbers[i]);
		argv[i + 2] = texts[i].bytes;
	}
	if (privilege_supervise(reporter->uid, reporter->gid) == 0)
		supervise_become(supervise, argv, fds);
	kill(child, SIGKILL);
	report_refuse(reporter, "supervise the run", NULL, NULL);
}

void supervise_fork(struct reporter *reporter, struct supervise *supervise)
{
	static const int passed_on[] = SUPERVISOR_SIGNALS;
	int executed[2], line[2];
	uint64_t set = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(passed_on); i++)
		set |= UINT64_C(1) << (passed_on[i] - 1);
	if (supervise->program_fd < 0)
		report_refuse(reporter, "open", PATHS_SUPERVISOR, "is trampoline installed whole?");
	if (syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, sizeof(set)) != 0 ||
	    pipe2(executed, O_CLOEXEC) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) != 0)
		report_refuse(reporter, "make a pipe", NULL, NULL);
	pid_t child = supervise_fork_with(reporter, supervise->run->is_private ? CLONE_NEWPID : 0,
					  supervise->cgroup_fd);
	if (child > 0)
		become_watcher(reporter, supervise, child, line[0], executed[0]);
	close(executed[0]);
	close(line[0]);
	reporter->waiting_fds[0] = executed[1];
	supervise->line_fd = line[1];
	if (supervise->run->is_private && supervise->has_proc)
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
