/* SPDX-License-Identifier: MIT */
/*
 * supervisor: what watches a run. Two programs in one, because they are the two ends of one line:
 * `watch' outside, in the process that the caller started, with its ids, keeps the clock,
 * passes signals on and says how the run ended; `init', with private processes, is process 1 inside
 * and the user's, takes in orphans and ends everything when the command ends. `watch' has one
 * capability, CAP_KILL, for its child alone; not inheritable, and so not ambient, after main().
 *
 * Descriptors: 0 the line between the two, 1 the status descriptor or a copy of 0, 2 (watch only)
 * closed by the command's exec, with a byte before that if there was none.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"
#include "signals.h"
#include "trampoline/exit.h"
#include "trampoline/quantity.h"
#include "trampoline/supervisor.h"
#include "trampoline/text.h"

#define REAPED_MS 100 /* enough for process 1 to reap a command and say so */

/* What the watcher knows of a run. */
struct run {
	pid_t child;
	uint64_t kill_after_ms;
	int64_t started_ms, deadline_ms; /* deadline 0: none */
	bool has_status, is_decided;     /* is_decided: executed, or known not to be */
	bool has_started, is_timed_out, is_killed;
	int told_status; /* the command's, from process 1; -1: not told */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t number(const char *text)
{
	uint64_t value;

	if (quantity_parse(QUANTITY_NUMBER, text, &value) != 0)
		_exit(EXIT_REFUSED);
	return value;
}

static void say(const struct run *run, struct text *line)
{
	text_add(line, "}\n");
	if (run->has_status)
		(void)!write(SUPERVISOR_STATUS_FD, line->bytes, line->length);
}

static void say_start(const struct run *run)
{
	struct text line = {.length = 0};

	text_add(&line, "{\"event\": \"start\", \"pid\": ");
	text_add_number(&line, (uint64_t)run->child);
	say(run, &line);
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
static _Noreturn void finish(const struct run *run, int status, const struct rusage *usage)
{
	struct text line = {.length = 0};
	bool is_signal = WIFSIGNALED(status);
	int code = is_signal ? EXIT_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);

	if (run->is_timed_out)
		code = run->is_killed ? EXIT_SIGNAL_BASE + SIGKILL : EXIT_TIMEOUT;
	if (!run->has_started) /* the launcher's half has said why */
		_exit(code);
	text_add(&line, "{\"event\": \"exit\", \"code\": ");
	text_add_number(&line, (uint64_t)code);
	text_add(&line, ", \"signal\": ");
	if (is_signal)
		text_add_number(&line, (uint64_t)WTERMSIG(status));
	else
		text_add(&line, "null");
	text_add(&line, run->is_timed_out ? ", \"reason\": \"timeout\""
			: is_signal       ? ", \"reason\": \"signal\""
					  : ", \"reason\": \"exited\"");
	add_seconds(&line, ", \"wall_s\": ", (uint64_t)(now_ms() - run->started_ms));
	add_seconds(&line, ", \"cpu_s\": ",
		    milliseconds_of(&usage->ru_utime) + milliseconds_of(&usage->ru_stime));
	text_add(&line, ", \"max_rss_kb\": ");
	text_add_number(&line, (uint64_t)usage->ru_maxrss);
	say(run, &line);
	_exit(code);
}

/*
 * The clock has run out: SIGTERM; after the grace process 1 is asked to kill the command, because
 * only who reaps it learns what it has used; and at once after that SIGKILL, which none survives.
 */
static void expire(struct run *run)
{
	static const int signal = SIGKILL;

	if (run->is_killed) {
		kill(run->child, SIGKILL);
		run->deadline_ms = 0;
	} else if (run->is_timed_out) {
		(void)!send(SUPERVISOR_LINE_FD, &signal, sizeof(signal),
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		run->is_killed = true;
		run->deadline_ms = now_ms() + REAPED_MS;
	} else {
		kill(run->child, SIGTERM);
		run->is_timed_out = true;
		run->deadline_ms = now_ms() + (int64_t)run->kill_after_ms;
	}
}

static void decide(struct run *run)
{
	char byte;

	run->has_started = read(SUPERVISOR_EXECUTED_FD, &byte, 1) == 0;
	run->is_decided = true;
	close(SUPERVISOR_EXECUTED_FD);
	if (run->has_started)
		say_start(run);
}

/*
 * The command has stopped, by its own doing: a person at a terminal wants the prompt back, so we
 * stop too. Only in the foreground: elsewhere it would be the command that stops our clock. If a
 * SIGCONT waits for us it is history: ^Z has stopped us as well, and `fg' has continued both.
 */
static void suspend(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	bool is_foreground = fd >= 0 && tcgetpgrp(fd) == getpgrp();
	sigset_t pending;

	if (fd >= 0)
		close(fd);
	if (is_foreground && sigpending(&pending) == 0 && !sigismember(&pending, SIGCONT))
		kill(getpid(), SIGSTOP);
}

/* What process 1 tells of the command; false: nothing more will come. */
static bool hear(struct run *run)
{
	int status;
	ssize_t length = recv(SUPERVISOR_LINE_FD, &status, sizeof(status), MSG_DONTWAIT);

	if (length == sizeof(status) && WIFSTOPPED(status))
		suspend();
	else if (length == sizeof(status))
		run->told_status = status;
	return length > 0;
}

static void take_signal(struct run *run, int signal_fd)
{
	struct signalfd_siginfo signal;
	struct rusage usage;
	int status;

	if (read(signal_fd, &signal, sizeof(signal)) != sizeof(signal))
		return;
	if (signal.ssi_signo != SIGCHLD) {
		signals_pass_on(run->child, &signal);
		return;
	}
	pid_t ended = wait4(run->child, &status, WNOHANG | WUNTRACED, &usage);
	if (ended < 0 && errno != EINTR)
		_exit(EXIT_REFUSED); /* no other word of the child would come */
	if (ended != run->child)
		return;
	if (WIFSTOPPED(status)) {
		suspend();
		return;
	}
	if (!run->is_decided)
		decide(run);
	/* Process 1 cannot die of the signal that the command died of; it has told. */
	while (hear(run))
		;
	finish(run, run->told_status >= 0 ? run->told_status : status, &usage);
}

static _Noreturn void watch(struct run *run)
{
	struct pollfd events[] = {{.fd = SUPERVISOR_LINE_FD, .events = POLLIN},
				  {.fd = signals_open(), .events = POLLIN},
				  {.fd = SUPERVISOR_EXECUTED_FD, .events = POLLIN}};

	for (;;) {
		int64_t left = run->deadline_ms ? run->deadline_ms - now_ms() : -1;

		if (run->deadline_ms && left <= 0) {
			expire(run);
			continue;
		}
		if (poll(events, run->is_decided ? 2 : 3,
			 left > INT32_MAX ? INT32_MAX : (int)left) <= 0)
			continue;
		if (!run->is_decided && events[2].revents)
			decide(run);
		else if (events[0].revents && !hear(run))
			events[0].fd = -1; /* without process 1, the exec closes the other end */
		else if (events[1].revents)
			take_signal(run, events[1].fd);
	}
}

int main(int argc, char *argv[])
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct kill_alone[2] = {{1u << CAP_KILL, 1u << CAP_KILL, 0}};

	/* Neither end is the user's to look into; exec saw to that too: nobody may read us. */
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_TIMERSLACK, SUPERVISOR_SLACK_NS) != 0)
		return EXIT_REFUSED;
	if (argc == 3 && !strcmp(argv[1], "init"))
		init_run((pid_t)number(argv[2]));
	if (argc != 6 || strcmp(argv[1], "watch") != 0 ||
	    syscall(SYS_capset, &header, kill_alone) != 0)
		return EXIT_REFUSED;
	struct run run = {
		.child = (pid_t)number(argv[2]), .started_ms = now_ms(), .told_status = -1};
	uint64_t timeout_ms = number(argv[3]);
	run.kill_after_ms = number(argv[4]);
	run.has_status = number(argv[5]) == 1;
	if (timeout_ms > 0)
		run.deadline_ms = run.started_ms + (int64_t)timeout_ms;
	watch(&run);
}
