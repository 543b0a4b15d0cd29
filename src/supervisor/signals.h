/* SPDX-License-Identifier: MIT */
/* Signals as descriptors: none is lost, and nothing happens in a handler. */
#pragma once

#include <sys/signalfd.h>
#include <sys/types.h>

/* A descriptor of the signals that are passed on, and of SIGCHLD; does not return without one. */
int signals_open(void);

/* Signals PID likewise; but a terminal has told it itself: it signals its foreground group. */
void signals_pass_on(pid_t pid, const struct signalfd_siginfo *signal);
