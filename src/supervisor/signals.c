/* SPDX-License-Identifier: MIT */
/* What both ends of the line do with signals. */
#include "signals.h"

#include <signal.h>
#include <unistd.h>

#include "trampoline/attributes.h"
#include "trampoline/exit.h"
#include "trampoline/supervisor.h"

int signals_open(void)
{
	static const int passed_on[] = SUPERVISOR_SIGNALS;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LENGTH(passed_on); i++)
		sigaddset(&set, passed_on[i]);
	/* Blocked by the launcher before it forked, so none has been lost. */
	int fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		_exit(EXIT_REFUSED);
	return fd;
}

void signals_pass_on(pid_t pid, const struct signalfd_siginfo *signal)
{
	if (signal->ssi_code != SI_KERNEL)
		kill(pid, (int)signal->ssi_signo);
}
