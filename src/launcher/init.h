/* SPDX-License-Identifier: MIT */
/* A supervised run between its fork and its command; and process 1 of a private one. */
#pragma once

#include "supervise.h"

/*
 * What the watcher sends on the line: a signal for the command's process group, or more. Process 1
 * sends how the command has stopped or ended, an int as wait(2) has it.
 */
enum init_message {
	INIT_SIGNAL = 0xff,      /* the bits of the signal; SIGKILL is for all of the run */
	INIT_FOREGROUND = 0x100, /* before that the terminal's foreground is the command's */
	INIT_PATIENT = 0x200,    /* what is left when the command ends lives on until SIGKILL */
};

/*
 * In a supervised run, as the user: arranges that we end when the watcher does; with private
 * processes forks the command, and does not return in process 1. In the command it returns, with
 * no signal blocked, once the watcher has said that it stands; if that has ended, it exits.
 */
void init_settle(const struct reporter *reporter, const struct supervise *supervise);
