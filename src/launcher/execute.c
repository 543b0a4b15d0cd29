/* SPDX-License-Identifier: MIT */
/* From here on every path belongs to the jail and every right is the user's own. */
#include "execute.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "environment.h"

#define SEARCHED_MAX 1024 /* directories of PATH with longer names are skipped */

static void change_directory(const struct reporter *reporter, const char *directory,
			     char where[static PATH_MAX])
{
	if (chdir(directory) != 0)
		report_refuse(reporter, "change to directory", directory, NULL);
	/* "(unreachable)/..." is the kernel's word for outside our root: getcwd(2). */
	if (syscall(SYS_getcwd, where, PATH_MAX) < 0)
		report_refuse(reporter, "change to directory", directory, NULL);
	if (where[0] != '/')
		report_refuse(reporter, "change to directory", directory,
			      "it is not inside the jail");
}

/* An exec keeps what is ignored, so the command is to find defaults; our own sentence is not. */
static bool set_write_signals(void (*action)(int))
{
	return signal(SIGXFSZ, action) != SIG_ERR && signal(SIGPIPE, action) != SIG_ERR;
}

static _Noreturn void refuse(const struct reporter *reporter, const char *command, int error)
{
	(void)set_write_signals(SIG_IGN); /* a closed pipe must not change the status */
	errno = error;
	if (error == ENOENT || error == ENOTDIR)
		report_exit(reporter, EXIT_NOT_FOUND, "find command", command,
			    "no such program in the jail");
	if (error == ELIBBAD || error == ENOEXEC)
		report_exit(
			reporter, EXIT_NOT_EXECUTABLE, "execute", command,
			error == ELIBBAD
				? "its interpreter, named by the line with #! or a program's "
				  "loader, is not in the jail; name one that is, with no CR"
				: "it has no first line like #!/bin/sh, and is no program for "
				  "this machine; add that line, or compile it for this machine");
	if (error == EAGAIN) /* RLIMIT_NPROC is counted at exec: execve(2) */
		report_refuse(reporter, "execute", command, REPORT_TOO_MANY_PROCESSES);
	report_exit(reporter, EXIT_NOT_EXECUTABLE, "execute", command, NULL);
}

static int try(const char *path, char *const *argv, const struct environment *environment)
{
	execve(path, argv, (char *const *)environment->entries);
	int error = errno;
	/* The file is there, so it is its interpreter that is not. */
	return error == ENOENT && faccessat(AT_FDCWD, path, F_OK, 0) == 0 ? ELIBBAD : error;
}

/* As execvp(3), with the new environment's PATH and without its guess that a file is a script. */
static int search(const char *command, char *const *argv, const struct environment *environment)
{
	const char *at = environment_get(environment, "PATH");
	char path[SEARCHED_MAX];
	int result = ENOENT;

	for (; at; at = *at ? at + 1 : NULL) {
		size_t length = strcspn(at, ":");

		if (length > 0 && at[0] == '/' && length + strlen(command) + 2 <= sizeof(path)) {
			memcpy(path, at, length);
			stpcpy(stpcpy(path + length, "/"), command);
			int error = try(path, argv, environment);
			if (error == EACCES)
				result = EACCES;
			else if (error != ENOENT && error != ENOTDIR)
				return error;
		}
		at += length;
	}
	return result;
}

/* A login shell's name begins with a dash. */
static _Noreturn void log_in(const struct reporter *reporter, const char *shell,
			     const struct environment *environment)
{
	char name[sizeof(((struct record *)0)->shell) + 1];
	char *argv[] = {name, NULL};

	stpcpy(stpcpy(name, "-"), strrchr(shell, '/') + 1);
	refuse(reporter, shell, try(shell, argv, environment));
}

_Noreturn void execute_command(const struct reporter *reporter, const struct record *record,
			       const struct arguments *arguments, char *const inherited[],
			       int null_fd)
{
	char *const *command = arguments->command;
	char home[sizeof("/home/") + NAME_LENGTH_MAX];
	/* Not on the stack, all of whose pages would be touched; and one page for both. */
	static union {
		char where[PATH_MAX];
		struct environment environment;
	} room;

	stpcpy(stpcpy(home, "/home/"), record->name);
	change_directory(reporter, arguments->directory ? arguments->directory : home, room.where);
	if (environment_build(&room.environment, record, arguments, inherited) != 0)
		report_refuse(reporter, "build the environment", NULL, NULL);
	for (int fd = 0; arguments->daemon && fd < 3; fd++)
		if (dup2(null_fd, fd) < 0)
			report_refuse(reporter, "redirect to \"/dev/null\"", NULL, NULL);
	if (!set_write_signals(SIG_DFL))
		report_refuse(reporter, "reset signals", NULL, NULL);
	if (!command)
		log_in(reporter, record->shell, &room.environment);
	refuse(reporter, command[0],
	       !*command[0]              ? ENOENT
	       : strchr(command[0], '/') ? try(command[0], command, &room.environment)
					 : search(command[0], command, &room.environment));
}
