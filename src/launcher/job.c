/* SPDX-License-Identifier: MIT */
/* Which of the process groups at a terminal has it: job control, as a shell does it. */
#include "job.h"

#include <sys/socket.h>
#include <unistd.h>

#include "init.h"

void job_signal(const struct watch *watch, int message)
{
	if (watch->supervise->line_fd >= 0)
		(void)!send(watch->supervise->line_fd, &message, sizeof(message),
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		kill(-watch->child, message & INIT_SIGNAL);
}

bool job_has_terminal(const struct watch *watch)
{
	return tcgetpgrp(watch->supervise->terminal_fd) == getpgrp();
}

void job_take_terminal(struct watch *watch)
{
	if (watch->is_foreground)
		(void)tcsetpgrp(watch->supervise->terminal_fd, getpgrp());
	watch->is_foreground = false;
}

void job_resume(struct watch *watch)
{
	bool is_ours = job_has_terminal(watch);

	watch->is_foreground = watch->is_foreground || is_ours;
	if (is_ours && watch->supervise->line_fd < 0)
		(void)tcsetpgrp(watch->supervise->terminal_fd, watch->child);
	job_signal(watch, is_ours ? SIGCONT | INIT_FOREGROUND : SIGCONT);
}

void job_suspend(struct watch *watch, int number)
{
	const struct itimerspec deadline = {
		.it_value = {.tv_sec = watch->deadline_ms / 1000,
			     .tv_nsec = watch->deadline_ms % 1000 * 1000000}};
	sigset_t stop, pending;

	if (watch->supervise->terminal_fd < 0 || watch->is_timed_out)
		return;
	if ((number == SIGTTIN || number == SIGTTOU) && job_has_terminal(watch)) {
		job_resume(watch); /* it lacked the terminal, which is ours to give */
		return;
	}
	job_take_terminal(watch);
	kill(0, SIGTSTP);
	if (watch->deadline_ms)
		(void)timer_settime(watch->alarm, TIMER_ABSTIME, &deadline, NULL);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, NULL); /* here we stop, and go on */
	sigprocmask(SIG_BLOCK, &stop, NULL);
	/* If it was SIGCONT that let us go on, it is taken like any other. */
	if (sigpending(&pending) != 0 || sigismember(&pending, SIGCONT))
		return;
	/* No shell waits, and the terminal is not ours: it would stop again, for ever. */
	if (number == SIGTTIN || number == SIGTTOU)
		job_signal(watch, SIGHUP);
	job_resume(watch);
}
