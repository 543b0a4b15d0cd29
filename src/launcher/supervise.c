/* SPDX-License-Identifier: MIT */
/* Watching a run: the supervisor outside, process 1 inside, and what passes between them. */
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "privilege.h"
#include "trampoline/quantity.h"

/* What the supervisor knows of a run. */
struct run {
	pid_t child;
	int executed_fd; /* closed by the command's exec; a byte before that is its failure */
	int lifeline_fd; /* the child sees it close when we end; process 1 sends the command's status */
	int64_t started_ms, deadline_ms; /* deadline 0: none */
	bool has_started, is_timed_out, is_killed;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* fork(2), with CLONE_ FLAGS; libc's would run handlers that we do not have. */
static pid_t fork_with(unsigned long flags)
{
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

static void watched_signals(sigset_t *set)
{
	static const int passed_on[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD};

	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_LENGTH(passed_on); i++)
		sigaddset(set, passed_on[i]);
}

/* The child's /proc shows the host's processes until it has one of its own namespace. */
static void make_proc(const struct reporter *reporter)
{
	char self[16] = "";

	if (unshare(CLONE_NEWNS) != 0 || umount2("/proc", MNT_DETACH | UMOUNT_NOFOLLOW) != 0 ||
	    mount("trampoline", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "hidepid=invisible") != 0)
		report_refuse(reporter, EXIT_REFUSED, "mount a private /proc", NULL, NULL);
	if (readlink("/proc/self", self, sizeof(self)) != 1 || self[0] != '1')
		report_refuse(reporter, EXIT_REFUSED, "mount a private /proc", NULL,
			      "it shows other processes than its own");
}

static void say_start(const struct reporter *reporter, const struct run *run)
{
	struct text line = {.length = 0};

	text_add(&line, "{\"event\": \"start\", \"pid\": ");
	text_add_number(&line, (uint64_t)run->child);
	report_status(reporter, &line);
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

/* Says how the run ended, and ends as it did. STATUS as process 1 or wait(2) have it. */
static _Noreturn void finish(const struct reporter *reporter, const struct run *run, int status,
			     const struct rusage *usage)
{
	struct text line = {.length = 0};
	bool is_signal = WIFSIGNALED(status);
	int code = is_signal ? EXIT_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);

	if (run->is_timed_out)
		code = run->is_killed ? EXIT_SIGNAL_BASE + SIGKILL : EXIT_TIMEOUT;
	if (!run->has_started) /* the command's half has said why */
		_exit(code);
	text_add(&line, "{\"event\": \"exit\", \"code\": ");
	text_add_number(&line, (uint64_t)code);
	text_add(&line, ", \"signal\": ");
	if (is_signal)
		text_add_number(&line, (uint64_t)WTERMSIG(status));
	else
		text_add(&line, "null");
	text_add(&line, run->is_timed_out ? ", \"reason\": \"timeout\""
			: is_signal	  ? ", \"reason\": \"signal\""
					  : ", \"reason\": \"exited\"");
	add_seconds(&line, ", \"wall_s\": ", (uint64_t)(now_ms() - run->started_ms));
	add_seconds(&line, ", \"cpu_s\": ",
		    milliseconds_of(&usage->ru_utime) + milliseconds_of(&usage->ru_stime));
	text_add(&line, ", \"max_rss_kb\": ");
	text_add_number(&line, (uint64_t)usage->ru_maxrss);
	report_status(reporter, &line);
	_exit(code);
}

/* The clock has run out: SIGTERM, and after the grace SIGKILL, which process 1 cannot survive either. */
static void expire(struct run *run, const struct supervise *supervise)
{
	run->is_killed = run->is_timed_out;
	kill(run->child, run->is_timed_out ? SIGKILL : SIGTERM);
	run->deadline_ms = run->is_timed_out ? 0 : now_ms() + (int64_t)supervise->kill_after_ms;
	run->is_timed_out = true;
}

/* Waits for one thing to happen to the run and deals with it. */
static void watch(const struct reporter *reporter, struct run *run, int signal_fd,
		  const struct supervise *supervise)
{
	struct pollfd events[] = {{.fd = signal_fd, .events = POLLIN},
				  {.fd = run->executed_fd, .events = POLLIN}};
	int64_t left = run->deadline_ms ? run->deadline_ms - now_ms() : -1;
	struct signalfd_siginfo signal;
	struct rusage usage;
	int status;
	char byte;

	if (run->deadline_ms && left <= 0) {
		expire(run, supervise);
		return;
	}
	if (poll(events, 2, left > INT32_MAX ? INT32_MAX : (int)left) <= 0)
		return;
	if (events[1].revents) {
		run->has_started = read(run->executed_fd, &byte, 1) == 0;
		close(run->executed_fd);
		run->executed_fd = -1;
		if (run->has_started)
			say_start(reporter, run);
		return;
	}
	if (read(signal_fd, &signal, sizeof(signal)) != sizeof(signal))
		return;
	if (signal.ssi_signo != SIGCHLD)
		kill(run->child, (int)signal.ssi_signo);
	else if (wait4(run->child, &status, WNOHANG, &usage) == run->child) {
		/* Process 1 cannot die of the signal that the command died of; it tells. */
		(void)!recv(run->lifeline_fd, &status, sizeof(status), MSG_DONTWAIT);
		finish(reporter, run, status, &usage);
	}
}

/* Holds nothing open of the command's, so that whoever reads its output sees the end of it. */
static _Noreturn void become_supervisor(const struct reporter *reporter, struct run *run,
					const struct supervise *supervise)
{
	sigset_t set;

	watched_signals(&set);
	int signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (signal_fd < 0 || privilege_supervise(reporter->uid, reporter->gid, supervise->uid) != 0) {
		kill(run->child, SIGKILL);
		report_refuse(reporter, EXIT_REFUSED, "supervise the run", NULL, NULL);
	}
	report_release(reporter);
	for (;;)
		watch(reporter, run, signal_fd, supervise);
}

void supervise_fork(struct reporter *reporter, const struct supervise *supervise)
{
	struct run run = {.started_ms = now_ms()};
	int executed[2], lifeline[2];
	sigset_t set;

	watched_signals(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || pipe2(executed, O_CLOEXEC) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, lifeline) != 0)
		report_refuse(reporter, EXIT_REFUSED, "make a pipe", NULL, NULL);
	if (supervise->timeout_ms != QUANTITY_UNLIMITED)
		run.deadline_ms = run.started_ms + (int64_t)supervise->timeout_ms;
	run.child = fork_with(supervise->is_private ? CLONE_NEWPID : 0);
	if (run.child < 0)
		report_refuse(reporter, EXIT_REFUSED, "fork", NULL, NULL);
	if (run.child > 0) {
		run.executed_fd = executed[0];
		run.lifeline_fd = lifeline[0];
		close(executed[1]);
		close(lifeline[1]);
		become_supervisor(reporter, &run, supervise);
	}
	close(executed[0]);
	close(lifeline[0]);
	reporter->executed_fd = executed[1];
	reporter->lifeline_fd = lifeline[1];
	if (supervise->is_private && supervise->has_proc)
		make_proc(reporter);
}

/* Process 1: passes signals on, takes in orphans, and ends everything when the command ends. */
static _Noreturn void become_init(const struct reporter *reporter, pid_t command)
{
	struct pollfd events[2] = {{.events = POLLIN}, {.fd = reporter->lifeline_fd, .events = POLLIN}};
	struct signalfd_siginfo signal;
	sigset_t set;
	int status;
	pid_t pid;

	watched_signals(&set);
	events[0].fd = signalfd(-1, &set, SFD_CLOEXEC);
	report_release(reporter);
	while (events[0].fd >= 0 && poll(events, 2, -1) > 0 && !events[1].revents) {
		if (read(events[0].fd, &signal, sizeof(signal)) != sizeof(signal))
			break;
		if (signal.ssi_signo != SIGCHLD)
			kill(command, (int)signal.ssi_signo);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid != command)
				continue;
			(void)!send(reporter->lifeline_fd, &status, sizeof(status), MSG_NOSIGNAL);
			_exit(WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status)
						  : WEXITSTATUS(status));
		}
	}
	_exit(EXIT_REFUSED); /* the supervisor has gone, and the kernel ends the run with us */
}

void supervise_settle(const struct reporter *reporter, const struct supervise *supervise)
{
	struct pollfd lifeline = {.fd = reporter->lifeline_fd};
	sigset_t none;

	/* A change of ids cleared it; and if the supervisor has gone already, no signal will come. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || poll(&lifeline, 1, 0) != 0)
		_exit(EXIT_REFUSED);
	if (supervise->is_private) {
		pid_t command = fork_with(0);

		if (command < 0)
			report_refuse(reporter, EXIT_REFUSED, "start the command", NULL,
				      "the user already has as many processes as the limit allows");
		if (command > 0)
			become_init(reporter, command);
	}
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		report_refuse(reporter, EXIT_REFUSED, "unblock signals", NULL, NULL);
}

void supervise_detach(struct reporter *reporter)
{
	int detached[2];
	char status;

	reporter->fd = fcntl(reporter->fd, F_DUPFD_CLOEXEC, 3);
	if (reporter->fd < 0 || pipe2(detached, O_CLOEXEC) != 0)
		report_refuse(reporter, EXIT_REFUSED, "detach", NULL, NULL);
	pid_t child = fork_with(0);
	if (child < 0)
		report_refuse(reporter, EXIT_REFUSED, "fork", NULL, NULL);
	if (child > 0) {
		close(detached[1]);
		if (privilege_give_up(reporter->uid, reporter->gid) != 0)
			_exit(EXIT_REFUSED);
		_exit(read(detached[0], &status, 1) == 1 ? (unsigned char)status : 0);
	}
	close(detached[0]);
	reporter->detached_fd = detached[1];
	if (setsid() < 0)
		report_refuse(reporter, EXIT_REFUSED, "leave the session", NULL, NULL);
}
