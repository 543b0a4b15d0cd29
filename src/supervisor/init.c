/* SPDX-License-Identifier: MIT */
/* Process 1 of a private run, and the user's: it reaps, tells of the command, and ends with it. */
#include "init.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signals.h"
#include "trampoline/exit.h"
#include "trampoline/supervisor.h"

/* Takes in whoever has died; tells of the command and ends with it; the kernel ends the rest. */
static void reap(pid_t command)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != command)
			continue;
		(void)!send(SUPERVISOR_LINE_FD, &status, sizeof(status), MSG_NOSIGNAL);
		if (!WIFSTOPPED(status))
			_exit(WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status)
						  : WEXITSTATUS(status));
	}
}

_Noreturn void init_run(pid_t command)
{
	struct pollfd events[] = {{.fd = signals_open(), .events = POLLIN},
				  {.fd = SUPERVISOR_LINE_FD, .events = POLLIN}};
	struct signalfd_siginfo signal;
	int number;

	reap(command);
	while (poll(events, 2, -1) > 0) {
		/* The end of the line is the watcher's, and process 1's is the end of the run. */
		if (events[1].revents &&
		    recv(SUPERVISOR_LINE_FD, &number, sizeof(number), 0) != sizeof(number))
			break;
		if (events[1].revents)
			kill(command, number);
		else if (read(events[0].fd, &signal, sizeof(signal)) != sizeof(signal))
			break;
		else if (signal.ssi_signo == SIGCHLD)
			reap(command);
		else
			signals_pass_on(command, &signal);
	}
	_exit(EXIT_REFUSED);
}
