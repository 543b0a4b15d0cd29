/* SPDX-License-Identifier: MIT */
/*
 * trampoline, the launcher: setuid root, static, no heap.
 *
 * Theory of operation. The caller is untrusted, and so is the jail's user. First everything the
 * caller handed down is made harmless; then the caller's ids are put away, so that it can neither
 * signal nor stop us. The keeper, the other program, has decided everything about the jail and
 * written it down in a record; we obey a record that is valid, and have the keeper make one where
 * there is none. Entering is setns() into pinned namespaces: no mount is made, no text is read.
 * The point of no return is privilege_drop(): before it we are root and touch nothing of the
 * user's, after it we are the user and have nothing of root's left, and only then do we change
 * directory, look up the command and execute it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enter.h"
#include "environment.h"
#include "execute.h"
#include "help.h"
#include "inherited.h"
#include "keeper.h"
#include "privilege.h"
#include "report.h"
#include "trampoline/paths.h"

/* A jail may be retired, or its image switched, between two looks; more often than this it is a fault. */
#define ROUNDS 5

static void clean_inheritance(const struct reporter *reporter, const struct arguments *arguments)
{
	char number[2] = "0";
	int fd;

	if (inherited_close(arguments->keep_fds, arguments->keep_fd_count, &fd) != 0) {
		number[0] = (char)('0' + (fd < 10 ? fd : 9));
		const char *what = fd < 3 ? number : "--keep-fd";
		if (errno == EISDIR || errno == ENOTBLK)
			report_refuse(reporter, EXIT_REFUSED, "keep descriptor", what,
				      "a directory, path or block device would lead out of the jail");
		report_refuse(reporter, EXIT_REFUSED, "keep descriptor", what, NULL);
	}
	if (inherited_reset_signals() != 0)
		report_refuse(reporter, EXIT_REFUSED, "reset signals", NULL, NULL);
}

static void take_privilege(const struct reporter *reporter)
{
	if (privilege_take() == 0)
		return;
	switch (errno) {
	case EPERM:
		report_refuse(reporter, EXIT_REFUSED, "take root's rights", NULL,
			      "the program is not setuid root here: its bit is lost, its file system is "
			      "mounted nosuid, the caller has no_new_privs, or this is a user namespace");
	case EOPNOTSUPP:
		report_refuse(reporter, EXIT_REFUSED, "act as root", NULL,
			      "this is a user namespace, and its root is not the host's");
	case EACCES:
		report_refuse(reporter, EXIT_REFUSED, "act as root", NULL,
			      "a capability is missing: the caller's bounding set was reduced");
	default:
		report_refuse(reporter, EXIT_REFUSED, "take root's rights", NULL, NULL);
	}
}

/* --list and its like: the keeper's work, for root alone, in the host's mount namespace. */
static _Noreturn void administer(const struct reporter *reporter, char *const argv[])
{
	if (reporter->uid != 0)
		report_refuse(reporter, EXIT_REFUSED, "do that", NULL, "only root may");
	inherited_raise_limits();
	(void)!enter_host(AT_FDCWD); /* where that is refused, the keeper looks at where it is and says so */
	keeper_exec(argv);
	report_refuse(reporter, EXIT_REFUSED, "execute", PATHS_KEEPER, NULL);
}

static void build(const struct reporter *reporter, const char *jail)
{
	struct text sentence;

	inherited_raise_limits();
	if (keeper_build(jail, reporter->uid, &sentence) != 0)
		report_die(reporter, EXIT_REFUSED, &sentence);
}

/* Enters the jail, having it built where that is needed. Returns how often it was. */
static int enter(const struct reporter *reporter, const char *jail, struct record *record)
{
	int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), round = 0;
	bool is_home = false;

	while (enter_jail(jail, reporter->uid, record) != 0) {
		int error = errno;

		if (error == EACCES)
			report_refuse(reporter, EXIT_REFUSED, "enter jail", jail,
				      "this caller may not; `callers' is set in trampoline.conf");
		if (error != ENXIO && error != ESTALE && error != ESTRPIPE)
			report_refuse(reporter, EXIT_REFUSED, "enter jail", jail, NULL);
		if (error == ESTRPIPE && enter_host(root_fd) != 0)
			report_refuse(reporter, EXIT_REFUSED, "return to the host's mounts", NULL, NULL);
		/* Perhaps a private mount namespace: Apache runs with PrivateTmp. */
		if (error == ENXIO && !is_home) {
			is_home = true;
			if (enter_host(root_fd) == 0)
				continue;
		}
		if (round++ == ROUNDS)
			report_refuse(reporter, EXIT_REFUSED, "enter jail", jail,
				      "it changes faster than it can be built");
		build(reporter, jail);
	}
	close(root_fd);
	return round;
}

/* The record's limits with this run's: anybody may ask for less, root also for more. */
static void merge_limits(const struct reporter *reporter, const struct arguments *arguments,
			 struct record *record)
{
	for (size_t i = 0; i < arguments->limit_count; i++) {
		const struct arguments_limit *limit = &arguments->limits[i];

		if (limit->value > record->limits[limit->resource] && reporter->uid != 0)
			report_refuse(reporter, EXIT_REFUSED, "raise a limit", NULL,
				      "only root may; a caller can lower them");
		record->limits[limit->resource] = limit->value;
	}
}

/* Becomes the jail's user; what the caller's parents arranged ends here. */
static void become_user(const struct reporter *reporter, const struct record *record)
{
	if (inherited_leave_terminal(record->filter_length > 0) != 0)
		report_refuse(reporter, EXIT_REFUSED, "leave the terminal", NULL, NULL);
	umask((mode_t)record->umask);
	if (inherited_set_limits(record->limits) != 0)
		report_refuse(reporter, EXIT_REFUSED, "set the limits", NULL, NULL);
	if (privilege_drop(record->uid, record->gid) != 0 || privilege_filter(record) != 0)
		report_refuse(reporter, EXIT_REFUSED, "drop privilege", NULL, NULL);
	/* ---- From here on: the user's ids, no capability, and no way to get one. ---- */
}

static _Noreturn void run(struct reporter *reporter, const struct arguments *arguments,
			  char *const inherited[])
{
	struct record record;
	struct environment environment;
	char home[sizeof("/home/") + NAME_LENGTH_MAX];

	if (inherited_reset_standing() != 0)
		report_refuse(reporter, EXIT_REFUSED, "reset what the caller set", NULL, NULL);
	int builds = enter(reporter, arguments->jail, &record);
	reporter->is_logged = false; /* the log is outside, and what follows is the user's affair */
	if (arguments->mode == ARGUMENTS_PREPARE)
		_exit(0);
	merge_limits(reporter, arguments, &record);
	become_user(reporter, &record);
	stpcpy(stpcpy(home, "/home/"), record.name);
	execute_chdir(reporter, arguments->directory ? arguments->directory : home);
	if (environment_build(&environment, &record, arguments, inherited) != 0)
		report_refuse(reporter, EXIT_REFUSED, "build the environment", NULL, NULL);
	if (arguments->verbose)
		report_note(reporter, builds ? "entered a jail built now" : "entered a live jail");
	execute_command(reporter, &record, arguments->command, &environment);
}

int main(int argc, char *argv[])
{
	static char *const nothing[] = {NULL};
	char **inherited = environ;
	struct reporter reporter = {.uid = getuid(), .gid = getgid(), .fd = 2};
	struct arguments arguments;
	struct text error;

	environ = (char **)nothing; /* before any library call could look into the caller's */
	if (argc < 1 || !argv[0] || !*argv[0])
		_exit(EXIT_REFUSED);
	int parsed = arguments_parse(&arguments, argc, argv, &error);
	if (parsed != 0)
		arguments.keep_fd_count = 0;
	clean_inheritance(&reporter, &arguments);
	if (parsed == 0 && arguments.mode == ARGUMENTS_HELP)
		report_answer(&reporter, help_text());
	if (parsed == 0 && arguments.mode == ARGUMENTS_VERSION)
		report_answer(&reporter, "trampoline " VERSION "\n");
	reporter.is_logged = true;
	if (parsed != 0)
		report_die(&reporter, EXIT_REFUSED, &error);
	take_privilege(&reporter);
	umask(077);
	if (arguments.mode != ARGUMENTS_RUN && arguments.mode != ARGUMENTS_PREPARE)
		administer(&reporter, argv);
	run(&reporter, &arguments, inherited);
}
