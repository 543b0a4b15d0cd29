/* SPDX-License-Identifier: MIT */
/* What the launcher says of a run, and to whom: its caller, a program, syslog. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "trampoline/exit.h"
#include "trampoline/text.h"

#define REPORT_TOO_MANY_PROCESSES "the user already has as many processes as the limit allows"

/* To whom a refusal is told, and how. */
struct reporter {
	uid_t uid; /* the caller's real ids: nothing is written for it with any others */
	gid_t gid;
	bool is_filtered;   /* by the caller; the jail's own filter does not count */
	bool is_logged;     /* whether syslog hears of it: the policy's word, once it is known */
	int fd;             /* where the sentence goes: standard error or a copy of it */
	int status_fd;      /* --status-fd, for JSON lines. Of this one and those below, -1: none */
	int waiting_fds[2]; /* who waits for our exec, or for the byte that is our status instead */
	int log_fd;         /* of a run that the log hears of, never the command's: report_run() */
	int record_fd; /* whose lock says that we are on the way in; -1: we are not, or are in */
};

/* Gives up all privilege, says `trampoline: SENTENCE` to caller and log, and exits with STATUS. */
_Noreturn void report_die(const struct reporter *reporter, enum exit_status status,
			  const struct text *sentence);

/* The same for `cannot ACTION "OBJECT": REASON`; REASON NULL: what errno says. */
_Noreturn void report_exit(const struct reporter *reporter, enum exit_status status,
			   const char *action, const char *object, const char *reason);

/* The same with EXIT_REFUSED. */
static inline _Noreturn void report_refuse(const struct reporter *reporter, const char *action,
					   const char *object, const char *reason)
{
	report_exit(reporter, EXIT_REFUSED, action, object, reason);
}

/*
 * Tells the log that COMMAND is run in JAIL, and keeps the way there in log_fd. The watcher tells
 * by report_log() how it went: the log cannot be found any more once the jail is the root. Neither
 * waits: where the log is full or absent, the run goes on and the line is lost.
 */
void report_run(struct reporter *reporter, const char *jail, const char *command);
void report_log(const struct reporter *reporter, int log_fd, const struct text *sentence);

/* `trampoline: NOTE` on standard error; only once privilege is gone. */
void report_note(const struct reporter *reporter, const char *note);
