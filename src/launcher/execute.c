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

void execute_chdir(const struct reporter *reporter, const char *directory)
{
	char where[PATH_MAX];

	if (chdir(directory) != 0)
		report_refuse(reporter, EXIT_REFUSED, "change to directory", directory, NULL);
	/* "(unreachable)/..." is the kernel's word for outside our root: getcwd(2). */
	if (syscall(SYS_getcwd, where, sizeof(where)) < 0 || where[0] != '/')
		report_refuse(reporter, EXIT_REFUSED, "change to directory", directory,
			      "it is not inside the jail");
}

static _Noreturn void refuse(const struct reporter *reporter, const char *command, int error)
{
	errno = error;
	if (error == ENOENT || error == ENOTDIR)
		report_refuse(reporter, EXIT_NOT_FOUND, "find command", command,
			      "no such program in the jail");
	if (error == EAGAIN) /* RLIMIT_NPROC is counted at exec: execve(2) */
		report_refuse(reporter, EXIT_REFUSED, "execute", command,
			      "the user already has as many processes as the limit allows");
	report_refuse(reporter, EXIT_NOT_EXECUTABLE, "execute", command,
		      error == ELIBBAD ? "the interpreter that it names is not in the jail" : NULL);
}

static int try(const char *path, char *const *argv, const struct environment *environment)
{
	execve(path, argv, (char *const *)environment->entries);
	/* The file is there, so it is its interpreter that is not. */
	if (errno == ENOENT && faccessat(AT_FDCWD, path, F_OK, 0) == 0)
		errno = ELIBBAD;
	return errno;
}

/* As execvp(3), with the new environment's PATH and without its guess that a file is a script. */
static int search(const char *command, char *const *argv, const struct environment *environment)
{
	const char *at = environment_get(environment, "PATH");
	char path[PATH_MAX];
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
		if (!*at)
			break;
	}
	return result;
}

_Noreturn void execute_command(const struct reporter *reporter, const struct record *record,
			       char *const *command, const struct environment *environment)
{
	char login[sizeof(record->shell) + 1];
	char *login_argv[] = {login, NULL};

	signal(SIGXFSZ, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (!command) {
		const char *slash = strrchr(record->shell, '/');

		stpcpy(stpcpy(login, "-"), slash + 1);
		refuse(reporter, record->shell, try(record->shell, login_argv, environment));
	}
	const char *name = command[0];
	if (!*name)
		refuse(reporter, name, ENOENT);
	refuse(reporter, name,
	       strchr(name, '/') ? try(name, command, environment)
				 : search(name, command, environment));
}
