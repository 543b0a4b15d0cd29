/* SPDX-License-Identifier: MIT */
/* The last step, as the jail's user: working directory, environment, look-up, exec. */
#pragma once

#include "environment.h"
#include "report.h"

/*
 * Changes to the working directory, builds the environment from what was INHERITED, puts NULL_FD
 * (-1: nothing) on 0 to 2, and executes the command, looked up in the new PATH, or the record's
 * shell as a login shell. Does not return: EXIT_NOT_FOUND, EXIT_NOT_EXECUTABLE, or EXIT_REFUSED for
 * a directory that is missing, closed to the user or outside the jail, and for a user with too many
 * processes.
 */
_Noreturn void execute_command(const struct reporter *reporter, const struct record *record,
			       const struct arguments *arguments, char *const inherited[],
			       int null_fd);
