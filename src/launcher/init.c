/* SPDX-License-Identifier: MIT */
/*
 * Process 1 of a private run: the user's, without privilege, and not to be looked into. It reaps,
 * tells the watcher of the command, signals it for the watcher, and ends when that has ended.
 */
#include "init.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trampoline/attributes.h"

struct init {
	pid_t command;
	int line_fd, terminal_fd;
	bool is_patient, has_ended, has_killed;
	int status; /* how the command has ended, if it has */
};

/*
 * Takes in all that has stopped or ended. When the command has, the rest of the run is killed, if
 * any is left. When none is, all that the run has used is known: we tell the watcher, and end.
 */
static void reap(struct init *init)
{
	int status;
	pid_t pid;

	do {
		pid = waitpid(-1, &status, WNOHANG | WUNTRACED);
		if (pid >= 0 && init->has_ended && !init->is_patient && !init->has_killed)
			init->has_killed = kill(-1, SIGKILL) == 0;
		if (pid != init->command)
			continue;
		init->status = status;
		init->has_ended = !WIFSTOPPED(status);
		if (!init->has_ended)
			(void)!send(init->line_fd, &init->status, sizeof(init->status),
				    MSG_NOSIGNAL);
	} while (pid > 0);
	if (pid == 0)
		return;
	if (errno == ECHILD) /* else we would not hear of the end, and end the run with us */
		(void)!send(init->line_fd, &init->status, sizeof(init->status), MSG_NOSIGNAL);
	_exit(EXIT_REFUSED);
}

/* A signal of ours is the command's, so `kill 1' ends a run; the watcher's may be for all of it. */
static void pass_on(struct init *init, int message)
{
	int number = message & INIT_SIGNAL;

	init->is_patient = init->is_patient || message & INIT_PATIENT;
	if (message & INIT_FOREGROUND)
		(void)tcsetpgrp(init->terminal_fd, init->command);
	kill(number == SIGKILL ? -1 : -init->command, number);
}

static _Noreturn void run_init(const struct supervise *supervise, pid_t command)
{
	const int fds[] = {supervise->signal_fd, supervise->line_fd, supervise->terminal_fd};
	struct init init = {.command = command, .line_fd = fds[1], .terminal_fd = fds[2]};
	struct signalfd_siginfo info;
	int message;

	(void)setpgid(command, command); /* a signal may wait for it before it has done so itself */
	/* No refusal: the command may run already. What stays open here ends with the run. */
	for (int tries = 3; tries > 0 && supervise_close_but(fds, ARRAY_LENGTH(fds)) != 0; tries--)
		;
	for (;;) {
		fd_set ready = {{0}}; /* poll(2) fails where fewer than two files may be open */

		FD_SET(fds[0], &ready);
		FD_SET(fds[1], &ready);
		if (select(FD_SETSIZE, &ready, NULL, NULL, NULL) < 0)
			continue;
		if (FD_ISSET(fds[0], &ready) && read(fds[0], &info, sizeof(info)) == sizeof(info) &&
		    info.ssi_signo != SIGCHLD)
			pass_on(&init, (int)info.ssi_signo);
		else if (FD_ISSET(fds[0], &ready))
			reap(&init);
		if (!FD_ISSET(fds[1], &ready))
			continue;
		/* The line ends with the watcher, and with process 1 all of the run. */
		if (recv(fds[1], &message, sizeof(message), 0) != sizeof(message))
			_exit(EXIT_REFUSED);
		pass_on(&init, message);
	}
}

void init_settle(const struct reporter *reporter, const struct supervise *supervise)
{
	struct timeval at_once = {.tv_sec = 0};
	uint64_t none = 0;
	char word = SUPERVISE_READY;

	/* setresuid cleared the parent-death signal: set it again. Can process 1 wait at all? */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
	    (supervise->run->is_private && select(0, NULL, NULL, NULL, &at_once) != 0))
		report_refuse(reporter, "follow the watcher", NULL, NULL);
	pid_t command = supervise->run->is_private ? supervise_fork_with(reporter, 0, -1) : 0;
	if (command > 0)
		run_init(supervise, command);
	/* A process group of its own, which is what gets the signals. */
	if (setpgid(0, 0) != 0 && getpgrp() != getpid())
		report_refuse(reporter, "make a process group", NULL, NULL);
	ssize_t length = send(supervise->start_fd, &word, sizeof(word), MSG_NOSIGNAL);
	if (length == sizeof(word))
		length = recv(supervise->start_fd, &word, sizeof(word), 0);
	/* Without a watcher there is nobody to tell, and nothing to run. */
	if (length == 0 || (length < 0 && (errno == EPIPE || errno == ECONNRESET)))
		_exit(EXIT_REFUSED);
	if (length < 0 || word == SUPERVISE_STOP)
		report_refuse(reporter, "wait for the watcher", NULL,
			      length < 0 ? NULL : "it cannot hear us");
	if (word == SUPERVISE_GO_FOREGROUND)
		(void)tcsetpgrp(supervise->terminal_fd, getpid());
	if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none)) != 0)
		report_refuse(reporter, "unblock signals", NULL, NULL);
}
