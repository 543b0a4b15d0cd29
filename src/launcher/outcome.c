/* SPDX-License-Identifier: MIT */
/* One JSON object a line; a reader who has gone, or does not read, changes nothing of the run. */
#include "outcome.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trampoline/exit.h"
#include "trampoline/text.h"

static void read_events(struct outcome_memory *memory)
{
	ssize_t length = -1;

	if (memory->fd >= 0)
		length = pread(memory->fd, memory->events, sizeof(memory->events) - 1, 0);
	memory->events[length < 0 ? 0 : length] = '\0';
}

void outcome_open_memory(struct outcome_memory *memory, int cgroup_fd)
{
	memory->fd = cgroup_fd < 0 ? -1 : openat(cgroup_fd, "memory.events", O_RDONLY | O_CLOEXEC);
	read_events(memory);
}

bool outcome_is_oom(const struct outcome_memory *memory)
{
	struct outcome_memory now = {.fd = memory->fd};

	read_events(&now);
	const char *before = strstr(memory->events, "oom_kill "), *after;
	after = strstr(now.events, "oom_kill ");
	return before && after && strcmp(before, after) != 0;
}

static void tell(int fd, struct text *line)
{
	text_add(line, "}\n");
	if (fd >= 0)
		(void)!write(fd, line->bytes, line->length);
}

static void add_member(struct text *line, const char *key, uint64_t number)
{
	text_add(line, key);
	text_add_number(line, number);
}

static void add_seconds(struct text *line, const char *key, uint64_t milliseconds)
{
	add_member(line, key, milliseconds / 1000);
	text_add(line, ".");
	for (uint64_t unit = 100; unit > 0; unit /= 10)
		text_add_number(line, milliseconds / unit % 10);
}

static uint64_t cpu_ms(const struct outcome *outcome)
{
	const struct timeval *user = &outcome->usage.ru_utime, *system = &outcome->usage.ru_stime;

	return (uint64_t)(user->tv_sec + system->tv_sec) * 1000 +
	       (uint64_t)(user->tv_usec + system->tv_usec) / 1000;
}

/* Which limit ended the run; or NULL. */
static const char *limit_of(const struct outcome *outcome)
{
	int number = WIFSIGNALED(outcome->status) ? WTERMSIG(outcome->status) : 0;
	/* The limit counts ticks and the usage nanoseconds, so half of it is near enough. */
	bool is_burnt = cpu_ms(outcome) / 500 >= outcome->run->limits[RLIMIT_CPU];

	if (outcome->is_timed_out)
		return outcome->is_full ? "output" : NULL;
	if (number == SIGKILL && outcome->is_oom)
		return "memory";
	/* SIGKILL follows a SIGXCPU that does not end the command: setrlimit(2). */
	if ((number == SIGXCPU || number == SIGKILL) && is_burnt)
		return "cpu";
	return number == SIGXFSZ ? "file_size" : NULL;
}

static const char *reason_of(const struct outcome *outcome)
{
	return limit_of(outcome)              ? "limit"
	       : outcome->is_timed_out        ? "timeout"
	       : WIFSIGNALED(outcome->status) ? "signal"
					      : "exited";
}

int outcome_code(const struct outcome *outcome)
{
	int status = outcome->status;

	/* What else had to be killed does not matter if the command ended within the grace. */
	if (outcome->is_timed_out && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		return EXIT_TIMEOUT;
	return WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

void outcome_tell_start(int fd, pid_t pid)
{
	struct text line = {.length = 0};

	add_member(&line, "{\"event\": \"start\", \"pid\": ", (uint64_t)pid);
	tell(fd, &line);
}

void outcome_tell_exit(int fd, const struct outcome *outcome)
{
	struct text line = {.length = 0};
	const char *limit = limit_of(outcome);

	add_member(&line, "{\"event\": \"exit\", \"code\": ", (uint64_t)outcome_code(outcome));
	if (WIFSIGNALED(outcome->status))
		add_member(&line, ", \"signal\": ", (uint64_t)WTERMSIG(outcome->status));
	else
		text_add(&line, ", \"signal\": null");
	text_add(&line, ", \"reason\": \"");
	text_add(&line, reason_of(outcome));
	text_add(&line, limit ? "\", \"limit\": \"" : "\", \"limit\": ");
	text_add(&line, limit ? limit : "null");
	text_add(&line, limit ? "\"" : "");
	add_seconds(&line, ", \"wall_s\": ", outcome->wall_ms);
	add_seconds(&line, ", \"cpu_s\": ", cpu_ms(outcome));
	add_member(&line, ", \"max_rss_kb\": ", (uint64_t)outcome->usage.ru_maxrss);
	tell(fd, &line);
}

void outcome_log(const struct reporter *reporter, const char *jail, const struct outcome *outcome)
{
	const char *limit = limit_of(outcome);
	struct text end = {.length = 0};

	if (reporter->log_fd < 0)
		return;
	text_add(&end, "leaves jail ");
	text_add(&end, jail);
	add_member(&end, ", status ", (uint64_t)outcome_code(outcome));
	text_add(&end, ", ");
	text_add(&end, reason_of(outcome));
	text_add(&end, limit ? " " : "");
	text_add(&end, limit ? limit : "");
	add_seconds(&end, ", ", outcome->wall_ms);
	text_add(&end, " s");
	report_log(reporter, reporter->log_fd, &end);
}
