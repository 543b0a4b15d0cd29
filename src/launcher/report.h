/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "trampoline/exit.h"
#include "trampoline/text.h"

/* To whom a refusal is told, and how. */
struct reporter {
	uid_t uid; /* the caller's real ids: nothing is written for it with any others */
	gid_t gid;
	bool is_logged;   /* whether syslog hears of it: the policy's word, once it is known */
	int fd;           /* where the sentence goes: standard error or a copy of it */
	int status_fd;    /* JSON lines for a program; this and the others: -1 if there is none */
	int detached_fd;  /* a parent that waits for our exec, or for the byte that is our status */
	int executed_fd;  /* a supervisor that does the same */
	int lifeline_fd;  /* closed by the supervisor's end */
};

/* Gives up every privilege, says `trampoline: SENTENCE` to caller and log, and exits with STATUS. */
_Noreturn void report_die(const struct reporter *reporter, enum exit_status status,
			  const struct text *sentence);

/* The same for `cannot ACTION "OBJECT": REASON`; REASON NULL: what errno says. */
_Noreturn void report_refuse(const struct reporter *reporter, enum exit_status status,
			     const char *action, const char *object, const char *reason);

/* One authpriv record about JAIL, sent without waiting: a log that is full or absent stops nobody. */
void report_log(const struct reporter *reporter, const char *sentence);

/* `trampoline: NOTE` on standard error; only once privilege is gone. */
void report_note(const struct reporter *reporter, const char *note);

/* Completes LINE, a JSON object without its last brace, and writes it to the status descriptor. */
void report_status(const struct reporter *reporter, struct text *line);

/* Lets go of the command's descriptors and of everybody who waits for its exec. */
void report_release(const struct reporter *reporter);
