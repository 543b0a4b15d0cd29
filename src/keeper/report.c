/* SPDX-License-Identifier: MIT */
/* What the keeper says, and where: one sentence at its end on standard error; syslog as well. */
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "trampoline/exit.h"
#include "trampoline/proof.h"

const char *report_if_full(const char *limit)
{
	/* What mount(2), unshare(2) and a file system say alike; EUSERS: unshare(2) before 4.9. */
	return errno == ENOSPC || errno == EUSERS ? limit : NULL;
}

int report_fill(struct text *error, const char *action, const char *object, const char *reason)
{
	return text_refuse(error, action, object,
			   reason ? reason : text_reason(errno, proof_of_filter()));
}

_Noreturn void report_die(const struct text *sentence)
{
	fprintf(stderr, "trampoline: %s\n", sentence->bytes);
	exit(EXIT_REFUSED);
}

_Noreturn void report_refuse(const char *action, const char *object, const char *reason)
{
	struct text sentence;

	(void)report_fill(&sentence, action, object, reason);
	report_die(&sentence);
}

void report_log(const char *format, ...)
{
	va_list arguments;

	openlog("trampoline", LOG_PID, LOG_AUTHPRIV);
	va_start(arguments, format);
	vsyslog(LOG_NOTICE, format, arguments);
	va_end(arguments);
	closelog();
}
