/* SPDX-License-Identifier: MIT */
/*
 * The one room that speaks. A caller can stop a program that writes to its pipe, so whoever speaks
 * has no privilege left by then (the snap-confine exploits of CVE-2021-44731 stepped it that way).
 */
#include "report.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "privilege.h"
#include "trampoline/attributes.h"

#define LOG_AUTHPRIV_NOTICE "<85>" /* facility 10, severity 5: RFC 5424, 6.2.1 */

/* A socket that is connected to the log; -1 if there is no log. Never waits. */
static int open_log(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* One authpriv record. */
void report_log(const struct reporter *reporter, int log_fd, const struct text *sentence)
{
	struct text line = {.length = 0};

	text_add(&line, LOG_AUTHPRIV_NOTICE "trampoline[");
	text_add_number(&line, (uint64_t)getpid());
	text_add(&line, "]: uid ");
	text_add_number(&line, reporter->uid);
	text_add(&line, ": ");
	text_add(&line, sentence->bytes);
	(void)!send(log_fd, line.bytes, line.length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void report_run(struct reporter *reporter, const char *jail, const char *command)
{
	struct text line = {.length = 0};

	text_add(&line, "enters jail ");
	text_add(&line, jail);
	text_add(&line, ", runs ");
	text_add_quoted(&line, command, TEXT_OBJECT_MAX);
	reporter->log_fd = open_log();
	report_log(reporter, reporter->log_fd, &line);
}

void report_note(const struct reporter *reporter, const char *note)
{
	struct text line = {.length = 0};

	text_add(&line, "trampoline: ");
	text_add(&line, note);
	text_add(&line, "\n");
	(void)!write(reporter->fd, line.bytes, line.length);
}

_Noreturn void report_die(const struct reporter *reporter, enum exit_status status,
			  const struct text *sentence)
{
	const char byte = (char)status;
	struct text line = {.length = 0};

	close(reporter->record_fd); /* the caller may let us wait for ever, a keeper not */
	if (privilege_give_up(reporter->uid, reporter->gid) != 0)
		_exit(status);
	if (reporter->is_logged)
		report_log(reporter, open_log(), sentence);
	report_note(reporter, sentence->bytes);
	text_add(&line, "{\"event\": \"refused\", \"code\": ");
	text_add_number(&line, status);
	text_add(&line, ", \"reason\": ");
	text_add_quoted(&line, sentence->bytes, TEXT_SIZE);
	text_add(&line, "}\n");
	(void)!write(reporter->status_fd, line.bytes, line.length);
	for (size_t i = 0; i < ARRAY_LENGTH(reporter->waiting_fds); i++)
		(void)!write(reporter->waiting_fds[i], &byte, 1);
	_exit(status);
}

_Noreturn void report_exit(const struct reporter *reporter, enum exit_status status,
			   const char *action, const char *object, const char *reason)
{
	struct text sentence;

	(void)text_refuse(&sentence, action, object,
			  reason && *reason ? reason : text_reason(errno, reporter->is_filtered));
	report_die(reporter, status, &sentence);
}
