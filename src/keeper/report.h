/* SPDX-License-Identifier: MIT */
/* What the keeper says: one sentence on standard error before it exits, lines to syslog. */
#pragma once

#include <stdbool.h>

#include "trampoline/paths.h"
#include "trampoline/text.h"

/* `trampoline: SENTENCE` on standard error, and exit with EXIT_REFUSED. */
_Noreturn void report_die(const struct text *sentence);

/* The same for `cannot ACTION "OBJECT": REASON`; REASON NULL: what errno says. */
_Noreturn void report_refuse(const char *action, const char *object, const char *reason);

/* Fills *ERROR so, with text_reason() where REASON is NULL; returns -1. */
int report_fill(struct text *error, const char *action, const char *object, const char *reason);

/* LIMIT, a REPORT_ sentence, if errno says that there is no room; else NULL: errno's own words. */
const char *report_if_full(const char *limit);

#define REPORT_CURE "; raise it with sysctl, or retire jails with trampoline --cleanup"
#define REPORT_MOUNTS "fs.mount-max is reached" REPORT_CURE
#define REPORT_MOUNT_NAMESPACES "user.max_mnt_namespaces is reached" REPORT_CURE
#define REPORT_IPC_NAMESPACES "user.max_ipc_namespaces is reached" REPORT_CURE
#define REPORT_NETWORK_NAMESPACES "user.max_net_namespaces is reached" REPORT_CURE
#define REPORT_RUN                                                                                 \
	"the file system of " PATHS_RUN " is full; trampoline --cleanup retires idle jails"

/* One line to syslog, authpriv. */
void report_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
