/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "trampoline/text.h"

/* `trampoline: SENTENCE` on standard error, and exit with EXIT_REFUSED. */
_Noreturn void report_die(const struct text *sentence);

/* The same for `cannot ACTION "OBJECT": REASON`; REASON NULL: what errno says. */
_Noreturn void report_refuse(const char *action, const char *object, const char *reason);

/* Fills *ERROR so, with errno's words where REASON is NULL; returns -1. */
int report_fill(struct text *error, const char *action, const char *object, const char *reason);

/* One line to syslog, authpriv. */
void report_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
