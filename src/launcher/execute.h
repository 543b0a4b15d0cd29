/* SPDX-License-Identifier: MIT */
/* The last step, as the jail's user: working directory, look-up, exec. */
#pragma once

#include "environment.h"
#include "report.h"

/* Changes to DIRECTORY, refusing one that is missing, closed to the user or outside the jail. */
void execute_chdir(const struct reporter *reporter, const char *directory);

/*
 * Executes COMMAND, looked up in the environment's PATH, or the record's shell as a login shell if
 * it is NULL. Does not return: EXIT_NOT_FOUND, EXIT_NOT_EXECUTABLE or, for a user with too many
 * processes, EXIT_REFUSED.
 */
_Noreturn void execute_command(const struct reporter *reporter, const struct record *record,
			       char *const *command, const struct environment *environment);
