/* SPDX-License-Identifier: MIT */
/*
 * The watcher is the process that the caller started, with the caller's ids and one capability,
 * CAP_KILL, to end its child, which is another user's. Nobody may look into it; the caller may stop
 * or kill it, and with it the run.
 */
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"
#include "job.h"
#include "privilege.h"
#include "trampoline/attributes.h"
#include "trampoline/quantity.h"

#define REAPED_MS 1000 /* for process 1 to kill and reap all of the run and say so */

static int64_t now_ms(void)
{
	struct timespec now = {.tv_sec = 0};

	syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &now); /* by number: enter.c says why */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Too much output ends a run as a time-out does. What comes before the start is no output, but the
 * sentence that says why there is none. False: the relay has gone.
 */
static bool hear_relay(struct watch *watch)
{
	char excess;

	if (recv(watch->supervise->relay_fd, &excess, 1, MSG_DONTWAIT) != 1)
		return false;
	watch->is_full = watch->has_started && !watch->is_timed_out;
	watch->deadline_ms = watch->is_full ? now_ms() : watch->deadline_ms;
	return true;
}

/* Says how the run ended, and ends as it did; STATUS is the command's, as wait(2) has it. */
static _Noreturn void finish(struct watch *watch, int status, const struct rusage *usage)
{
	struct outcome outcome = {.run = watch->supervise->run,
				  .status = status,
				  .usage = *usage,
				  .wall_ms = (uint64_t)(now_ms() - watch->started_ms),
				  .is_oom = outcome_is_oom(&watch->memory)};
	struct pollfd relay = {.fd = watch->supervise->relay_fd, .events = POLLIN};
	uint64_t grace_ms = watch->supervise->run->kill_after_ms;

	job_take_terminal(watch);
	/* The output is where it should be, unless that takes longer than the grace. */
	grace_ms = grace_ms < REAPED_MS ? REAPED_MS : grace_ms > INT32_MAX ? INT32_MAX : grace_ms;
	if (relay.fd >= 0 && shutdown(relay.fd, SHUT_WR) == 0)
		while (poll(&relay, 1, (int)grace_ms) > 0 && hear_relay(watch))
			; /* there was more of it than may be */
	outcome.is_full = watch->is_full;
	outcome.is_timed_out = watch->is_timed_out || watch->is_full;
	if (watch->has_started) /* else the command's half has said why not */
		outcome_tell_exit(watch->reporter->status_fd, &outcome);
	outcome_log(watch->reporter, watch->supervise->record->name, &outcome);
	_exit(outcome_code(&outcome));
}

/* What process 1 tells of the command; false: nothing more will come, the command's end is last. */
static bool hear_line(struct watch *watch)
{
	int status;
	ssize_t length = recv(watch->supervise->line_fd, &status, sizeof(status), MSG_DONTWAIT);

	if (length == sizeof(status) && WIFSTOPPED(status))
		job_suspend(watch, WSTOPSIG(status));
	else if (length == sizeof(status))
		watch->told_status = status;
	/* A word of ours that process 1 did not read comes back first: ECONNRESET. */
	return (length > 0 || (length < 0 && errno == ECONNRESET)) && watch->told_status < 0;
}

/* Whether process 1 has sent the command's status; takes all that it has sent. */
static bool has_told(struct watch *watch)
{
	while (watch->supervise->line_fd >= 0 && watch->told_status < 0 && hear_line(watch))
		;
	return watch->told_status >= 0;
}

/*
 * The clock has run out: SIGTERM; after the grace process 1 is asked to kill the command, because
 * only who reaps it learns what it has used; and a second later SIGKILL, which no process 1
 * survives.
 */
static void expire(struct watch *watch)
{
	if (watch->is_killed) {
		kill(watch->child, SIGKILL);
		watch->deadline_ms = 0;
	} else if (watch->is_timed_out) {
		job_signal(watch, SIGKILL);
		watch->is_killed = true;
		watch->deadline_ms = now_ms() + REAPED_MS;
	} else if (!watch->is_full && has_told(watch)) { /* it was in time, and we are late */
		watch->is_killed = true;
		watch->deadline_ms = now_ms() + REAPED_MS;
	} else {
		job_signal(watch, SIGTERM | INIT_PATIENT);
		job_signal(watch, SIGCONT); /* one that is stopped would not take it */
		watch->is_timed_out = true;
		watch->deadline_ms = now_ms() + (int64_t)watch->supervise->run->kill_after_ms;
	}
}

/* The command is ready, cannot go on, or has been executed. */
static void hear_start(struct watch *watch, struct pollfd *start)
{
	char word;
	ssize_t length = recv(start->fd, &word, sizeof(word), MSG_DONTWAIT);

	if (length < 0 && (errno == EINTR || errno == EAGAIN))
		return; /* the next look will say */
	if (length == 1 && word == SUPERVISE_READY) {
		watch->is_ready = true;
		watch->is_foreground = watch->supervise->is_interactive && job_has_terminal(watch);
		word = watch->is_foreground ? SUPERVISE_GO_FOREGROUND : SUPERVISE_GO;
		for (int tries = 3; tries > 0 && send(start->fd, &word, 1, MSG_NOSIGNAL) < 0;
		     tries--)
			; /* without the word the command would wait for ever */
		return;
	}
	watch->has_started = length == 0 && watch->is_ready;
	/* The command's half has the caller's standard error, so it is the one to say so. */
	if (length < 0 && send(start->fd, &(char){SUPERVISE_STOP}, 1, MSG_NOSIGNAL) != 1)
		close(start->fd);
	start->fd = -1;
	if (watch->has_started)
		outcome_tell_start(watch->reporter->status_fd, watch->child);
}

/* Has the child ended? Then so do we. */
static void take_child(struct watch *watch, struct pollfd *start)
{
	struct rusage usage;
	int status;
	pid_t ended = wait4(watch->child, &status, WNOHANG | WUNTRACED, &usage);

	if (ended < 0) { /* no other word of the child would come */
		kill(watch->child, SIGKILL);
		_exit(watch->is_ready ? EXIT_SIGNAL_BASE + SIGKILL : EXIT_REFUSED);
	}
	if (ended == watch->child && WIFSTOPPED(status))
		job_suspend(watch, WSTOPSIG(status));
	if (ended != watch->child || WIFSTOPPED(status))
		return;
	while (start->fd >= 0)
		hear_start(watch, start);
	/* Process 1 cannot end as the command did, so it has told; else it was killed. */
	if (has_told(watch))
		status = watch->told_status;
	else if (watch->supervise->line_fd >= 0 && watch->is_ready)
		status = SIGKILL;
	finish(watch, status, &usage);
}

static void take_signal(struct watch *watch, struct pollfd *start)
{
	struct signalfd_siginfo signal = {.ssi_signo = SIGCHLD};
	(void)!read(watch->supervise->signal_fd, &signal, sizeof(signal));
	if (signal.ssi_signo == SIGCHLD)
		take_child(watch, start);
	else if (signal.ssi_signo == SIGCONT)
		job_resume(watch);
	else
		job_signal(watch, (int)signal.ssi_signo);
}

/* The command waits for a word of ours: where none comes, it has not run. */
static void prepare(struct watch *watch, const struct supervise *supervise)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT};
	const int fds[] = {supervise->signal_fd,       supervise->line_fd,     supervise->start_fd,
			   supervise->terminal_fd,     supervise->relay_fd,    watch->memory.fd,
			   watch->reporter->status_fd, watch->reporter->log_fd};

	/* First what a filter of the caller's may refuse when it is too late: clock, kill, wait. */
	if (privilege_supervise(watch->reporter->uid, watch->reporter->gid) != 0 ||
	    !watch->started_ms || kill(watch->child, 0) != 0 ||
	    (waitpid(getpid(), NULL, WNOHANG) != 0 && errno != ECHILD) ||
	    (watch->deadline_ms && supervise->terminal_fd >= 0 &&
	     timer_create(CLOCK_BOOTTIME, &event, &watch->alarm) != 0) ||
	    supervise_close_but(fds, ARRAY_LENGTH(fds)) != 0)
		report_refuse(watch->reporter, "supervise the run", NULL,
			      errno == EACCES ? "the caller left us no CAP_KILL" : NULL);
}

_Noreturn void watch_run(const struct reporter *reporter, const struct supervise *supervise,
			 pid_t child)
{
	struct watch watch = {.supervise = supervise,
			      .reporter = reporter,
			      .child = child,
			      .started_ms = now_ms(),
			      .told_status = -1};
	/* Taken from the last one on: what comes first. The kernel looks at them in this order, so
	 * whatever led to an event that it has seen is seen too. */
	struct pollfd events[] = {{.fd = supervise->signal_fd, .events = POLLIN},
				  {.fd = supervise->relay_fd, .events = POLLIN},
				  {.fd = supervise->line_fd, .events = POLLIN},
				  {.fd = supervise->start_fd, .events = POLLIN}};

	if (supervise->run->timeout_ms != QUANTITY_UNLIMITED)
		watch.deadline_ms = watch.started_ms + (int64_t)supervise->run->timeout_ms;
	outcome_open_memory(&watch.memory, supervise->cgroup_fd);
	prepare(&watch, supervise);
	for (;;) {
		int64_t left = watch.deadline_ms ? watch.deadline_ms - now_ms() : -1;
		if (watch.deadline_ms && left <= 0) {
			expire(&watch);
			continue;
		}
		left = left > INT32_MAX ? INT32_MAX : left;
		if (poll(events, ARRAY_LENGTH(events), (int)left) <= 0)
			continue;
		if (events[3].revents)
			hear_start(&watch, &events[3]);
		else if (events[2].revents)
			events[2].fd = hear_line(&watch) ? events[2].fd : -1;
		else if (events[1].revents)
			events[1].fd = hear_relay(&watch) ? events[1].fd : -1;
		else if (events[0].revents) /* perhaps of the child's end */
			take_signal(&watch, &events[3]);
	}
}
