/* SPDX-License-Identifier: MIT */
/*
 * What the launcher and the supervisor agree on: `supervisor watch PID TIMEOUT_MS KILL_AFTER_MS
 * STATUS' (TIMEOUT_MS 0: none; STATUS: 0 or 1) and `supervisor init PID'; all of them numbers.
 */
#pragma once

#include <signal.h>

enum supervisor_fd {
	SUPERVISOR_LINE_FD,     /* a socket between watch and init */
	SUPERVISOR_STATUS_FD,   /* JSON lines, if there is a reader */
	SUPERVISOR_EXECUTED_FD, /* ends when the command is executed */
	SUPERVISOR_FDS,
};

/* Passed on to the command; SIGCHLD is for the supervisor itself. */
#define SUPERVISOR_SIGNALS                                                                         \
	{                                                                                          \
		SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGCHLD               \
	}

/* How late a timer may be: the kernel's own value, since the caller's outlives every exec. */
#define SUPERVISOR_SLACK_NS 50000
