/* SPDX-License-Identifier: MIT */
/* Each child is left or waited for here; none outlives the keeper. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "auto_free.h"
#include "clock.h"
#include "inside.h"
#include "privilege.h"
#include "report.h"

#define KILL_NS INT64_C(5000000000)

/* The answer comes through a pipe, which has room for all of it. */
static _Noreturn void answer_in_child(int pipe_fd, void (*task)(const void *context, void *answer),
				      const void *context, void *answer, size_t size)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(pipe_fd, 0) == 0 && syscall(SYS_close_range, 1, ~0u, 0) == 0) {
		task(context, answer);
		_exit(write(0, answer, size) == (ssize_t)size ? 0 : 1);
	}
	_exit(1);
}

int child_ask(int64_t time_limit_ns, void (*task)(const void *context, void *answer),
	      const void *context, void *answer, size_t size)
{
	int pipe_fds[2];

	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return -1;
	AUTO_CLOSE read_fd = pipe_fds[0];
	pid_t child = fork();
	if (child == 0)
		answer_in_child(pipe_fds[1], task, context, answer, size);
	close(pipe_fds[1]);
	if (child < 0)
		return -1;
	struct pollfd pollfd = {.fd = read_fd, .events = POLLIN};
	int ready = poll(&pollfd, 1, (int)(time_limit_ns / 1000000));
	if (ready == 1)
		waitpid(child, NULL, 0);
	else
		kill(child, SIGKILL);
	errno = ready == 0 ? ETIME : EPROTO;
	return ready == 1 && read(read_fd, answer, size) == (ssize_t)size ? 0 : -1;
}

/* The kernel does it under a lock that no fork outruns. */
static int kill_once(uid_t uid)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(privilege_borrow(uid) == 0 && (kill(-1, SIGKILL) == 0 || errno == ESRCH) ? 0
											       : 1);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	errno = EPERM;
	return status == 0 ? 0 : -1;
}

static int refuse_shared(pid_t process, uid_t uid, struct text *error)
{
	char action[64], reason[160];

	snprintf(action, sizeof(action), "kill the processes of uid %u", uid);
	snprintf(reason, sizeof(reason),
		 "process %d has that uid and is in no jail; no account of the host may have a "
		 "jail's uid",
		 process);
	return report_fill(error, action, NULL, reason);
}

int child_kill(const struct namespace_home *home, uid_t uid, struct text *error)
{
	static const struct timespec pause = {.tv_nsec = 2000000};
	int64_t deadline_ns = clock_boottime_ns() + KILL_NS;
	char action[64];
	pid_t left;

	snprintf(action, sizeof(action), "kill the processes of uid %u", uid);
	left = inside_find_on_host(home, uid);
	if (left > 0)
		return refuse_shared(left, uid, error);
	if (left < 0)
		return report_fill(error, action, NULL, NULL);
	do {
		if (kill_once(uid) != 0)
			return report_fill(error, action, NULL, NULL);
		left = inside_find(home, uid);
		if (left == 0)
			return 0;
		nanosleep(&pause, NULL);
	} while (left > 0 && clock_boottime_ns() < deadline_ns);
	return report_fill(error, action, NULL,
			   left > 0 ? "they do not end; their storage may not answer" : NULL);
}
