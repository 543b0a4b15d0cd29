/* SPDX-License-Identifier: MIT */
/*
 * The watcher is the process that the caller started, with the caller's ids and one capability,
 * CAP_KILL, to end its child, which is another user's. Nobody may look into it; the caller may stop
 * or kill it, and with it the run.
 */
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"
#include "trampoline/attributes.h"
#include "trampoline/quantity.h"

#define REAPED_MS 1000 /* for process 1 to kill and reap all of the run and say so */

struct watch {
	const struct supervise *supervise;
	pid_t child;
	int status_fd;
	int64_t started_ms, deadline_ms; /* deadline 0: none */
	bool is_ready, has_started;      /* the command waits for our word, is executed */
	bool is_timed_out, is_killed;
	int told_status; /* the command's, from process 1; -1: not told */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(const struct watch *watch, struct text *line)
{
	text_add(line, "}\n");
	(void)!write(watch->status_fd, line->bytes, line->length);
}

static void say_start(const struct watch *watch)
{
	struct text line = {.length = 0};

	text_add(&line, "{\"event\": \"start\", \"pid\": ");
	text_add_number(&line, (uint64_t)watch->child);
	say(watch, &line);
}

static void add_seconds(struct text *line, const char *key, uint64_t milliseconds)
{
	text_add(line, key);
	text_add_number(line, milliseconds / 1000);
	text_add(line, ".");
	for (uint64_t unit = 100; unit > 0; unit /= 10)
		text_add_number(line, milliseconds / unit % 10);
}

static uint64_t milliseconds_of(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000 + (uint64_t)time->tv_usec / 1000;
}

/* Says how the run ended, and ends as it did; STATUS is the command's, as wait(2) has it. */
static _Noreturn void finish(const struct watch *watch, int status, const struct rusage *usage)
{
	struct text line = {.length = 0};
	bool is_signal = WIFSIGNALED(status);
	int code = is_signal ? EXIT_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);

	/* Of a command that ended within the grace it does not matter what else had to be killed. */
	if (watch->is_timed_out && !(watch->is_killed && code == EXIT_SIGNAL_BASE + SIGKILL))
		code = EXIT_TIMEOUT;
	if (!watch->has_started) /* the command's half has said why */
		_exit(code);
	text_add(&line, "{\"event\": \"exit\", \"code\": ");
	text_add_number(&line, (uint64_t)code);
	text_add(&line, ", \"signal\": ");
	if (is_signal)
		text_add_number(&line, (uint64_t)WTERMSIG(status));
	else
		text_add(&line, "null");
	text_add(&line, watch->is_timed_out ? ", \"reason\": \"timeout\""
			: is_signal         ? ", \"reason\": \"signal\""
					    : ", \"reason\": \"exited\"");
	add_seconds(&line, ", \"wall_s\": ", (uint64_t)(now_ms() - watch->started_ms));
	add_seconds(&line, ", \"cpu_s\": ",
		    milliseconds_of(&usage->ru_utime) + milliseconds_of(&usage->ru_stime));
	text_add(&line, ", \"max_rss_kb\": ");
	text_add_number(&line, (uint64_t)usage->ru_maxrss);
	say(watch, &line);
	_exit(code);
}

/*
 * Signals the command's process group. In a private run process 1 does it: it reaps the command, so
 * it knows whether the number is still the command's.
 */
static void signal_command(const struct watch *watch, int message)
{
	if (watch->supervise->line_fd >= 0)
		(void)!send(watch->supervise->line_fd, &message, sizeof(message),
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		kill(-watch->child, message & INIT_SIGNAL);
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
		signal_command(watch, SIGKILL);
		watch->is_killed = true;
		watch->deadline_ms = now_ms() + REAPED_MS;
	} else {
		signal_command(watch, SIGTERM | INIT_PATIENT);
		signal_command(watch, SIGCONT); /* one that is stopped would not take it */
		watch->is_timed_out = true;
		watch->deadline_ms = now_ms() + (int64_t)watch->supervise->run->kill_after_ms;
	}
}

/* The command's half is ready, cannot go on, or has been executed. */
static void hear_start(struct watch *watch, struct pollfd *start)
{
	char word;
	ssize_t length = recv(start->fd, &word, sizeof(word), MSG_DONTWAIT);

	if (length == 1 && word == SUPERVISE_READY) {
		watch->is_ready = true;
		word = SUPERVISE_GO;
		(void)!send(start->fd, &word, sizeof(word), MSG_NOSIGNAL);
		return;
	}
	watch->has_started = length == 0 && watch->is_ready;
	start->fd = -1;
	if (watch->has_started)
		say_start(watch);
}

/* What process 1 tells of the command; false: nothing more will come. */
static bool hear_line(struct watch *watch)
{
	struct init_word word;
	ssize_t length = recv(watch->supervise->line_fd, &word, sizeof(word), MSG_DONTWAIT);

	if (length == sizeof(word) && !WIFSTOPPED(word.status))
		watch->told_status = word.status;
	return length > 0;
}

/* Has the child ended? Then so do we. */
static void take_child(struct watch *watch, struct pollfd *start)
{
	struct rusage usage;
	int status;
	pid_t ended = wait4(watch->child, &status, WNOHANG | WUNTRACED, &usage);

	if (ended < 0 && errno != EINTR) { /* no other word of the child would come */
		kill(watch->child, SIGKILL);
		_exit(watch->is_ready ? EXIT_SIGNAL_BASE + SIGKILL : EXIT_REFUSED);
	}
	if (ended != watch->child || WIFSTOPPED(status))
		return;
	while (start->fd >= 0)
		hear_start(watch, start);
	while (watch->supervise->line_fd >= 0 && hear_line(watch))
		;
	/* Process 1 cannot die of the signal that the command died of, so it has told. */
	finish(watch, watch->told_status >= 0 ? watch->told_status : status, &usage);
}

static void take_signal(struct watch *watch, struct pollfd *start)
{
	struct signalfd_siginfo signal;

	if (read(watch->supervise->signal_fd, &signal, sizeof(signal)) != sizeof(signal))
		return;
	if (signal.ssi_signo == SIGCHLD)
		take_child(watch, start);
	else
		signal_command(watch, (int)signal.ssi_signo);
}

_Noreturn void watch_run(const struct supervise *supervise, pid_t child, int status_fd)
{
	struct watch watch = {.supervise = supervise,
			      .child = child,
			      .status_fd = status_fd,
			      .started_ms = now_ms(),
			      .told_status = -1};
	struct pollfd events[] = {{.fd = supervise->signal_fd, .events = POLLIN},
				  {.fd = supervise->start_fd, .events = POLLIN},
				  {.fd = supervise->line_fd, .events = POLLIN}};

	if (supervise->run->timeout_ms != QUANTITY_UNLIMITED)
		watch.deadline_ms = watch.started_ms + (int64_t)supervise->run->timeout_ms;
	for (;;) {
		int64_t left = watch.deadline_ms ? watch.deadline_ms - now_ms() : -1;

		if (watch.deadline_ms && left <= 0) {
			expire(&watch);
			continue;
		}
		if (poll(events, ARRAY_LENGTH(events), left > INT32_MAX ? INT32_MAX : (int)left) <=
		    0)
			continue;
		if (events[1].revents)
			hear_start(&watch, &events[1]);
		else if (events[2].revents && !hear_line(&watch))
			events[2].fd = -1;
		else if (events[0].revents)
			take_signal(&watch, &events[1]);
	}
}
