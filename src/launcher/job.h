/* SPDX-License-Identifier: MIT */
/* The command of a supervised run as a shell's job: stopped, continued, and given the terminal. */
#pragma once

#include "watch.h"

/*
 * Signals the command's process group with MESSAGE, a signal and INIT_ flags (init.h); in a
 * private run process 1 does, which reaps the command.
 */
void job_signal(const struct watch *watch, int message);

/* Whether the terminal has us in the foreground, so that we may give it away. */
bool job_has_terminal(const struct watch *watch) MUST_CHECK;
void job_take_terminal(struct watch *watch);

/* The command goes on; in the foreground if we are there. */
void job_resume(struct watch *watch);

/*
 * The command has stopped, by signal NUMBER. At a terminal a shell waits for us to stop, too: we
 * take the terminal back and do so, unless our process group is orphaned and no shell waits. A
 * timer continues us at the deadline; if its SIGCONT comes early, it clears the pending SIGTSTP.
 */
void job_suspend(struct watch *watch, int number);
