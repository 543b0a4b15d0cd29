/* SPDX-License-Identifier: MIT */
/* What the keeper says, and where: one sentence at the end on standard error; syslog for the record. */
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "trampoline/exit.h"

/*
 * Some errnos are a full table, and the cure is a sysctl: mount(2) and unshare(2) say ENOSPC for
 * both, clone and open say ENFILE.
 */
static const char *reason_of(int error)
{
	if (error == ENOSPC)
		return "no room left: RUNDIR is full, or the kernel's fs.mount-max or "
		       "user.max_mnt_namespaces (user.max_ipc_namespaces, user.max_net_namespaces) is "
		       "reached; raise it with sysctl, or retire jails with trampoline --cleanup";
	return strerror(error);
}

int report_fill(struct text *error, const char *action, const char *object, const char *reason)
{
	return text_refuse(error, action, object, reason ? reason : reason_of(errno));
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
