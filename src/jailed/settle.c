/* SPDX-License-Identifier: MIT */
/* The child's half of a supervised run: it must not outlive whoever watches it. */
#include "settle.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Noreturn void become_init(const struct supervise *supervise, pid_t command)
{
	const int fds[] = {supervise->line_fd, supervise->line_fd, supervise->line_fd};
	struct text pid = {.length = 0};
	const char *argv[] = {"trampoline", "init", pid.bytes, NULL};

	text_add_number(&pid, (uint64_t)command);
	supervise_become(supervise, argv, fds);
	_exit(EXIT_REFUSED); /* process 1's end is the command's */
}

void settle_run(const struct reporter *reporter, const struct supervise *supervise)
{
	struct pollfd line = {.fd = supervise->line_fd};
	uint64_t none = 0;

	/* A change of ids cleared it; and if the supervisor has gone already, none will come. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || poll(&line, 1, 0) != 0)
		_exit(EXIT_REFUSED);
	pid_t command = supervise->run->is_private ? supervise_fork_with(reporter, 0, -1) : 0;
	if (command > 0)
		become_init(supervise, command);
	if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none)) != 0)
		report_refuse(reporter, "unblock signals", NULL, NULL);
}
