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
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enter.h"
#include "environment.h"
#include "execute.h"
#include "inherited.h"
#include "keeper.h"
#include "privilege.h"
#include "report.h"
#include "supervise.h"
#include "trampoline/auto_close.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"

/* A jail may be retired, or its image switched, between two looks; more often than this it is a fault. */
#define ROUNDS 5
#define KILL_AFTER_MS 2000
#define DEADLINE_SECONDS 60 /* twice the keeper's */

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
	if (arguments->status_fd >= 0 && fcntl(arguments->status_fd, F_SETFD, FD_CLOEXEC) != 0)
		report_refuse(reporter, EXIT_REFUSED, "keep descriptor", "--status-fd", NULL);
	if (inherited_reset_signals() != 0)
		report_refuse(reporter, EXIT_REFUSED, "reset signals", NULL, NULL);
}

static void take_privilege(const struct reporter *reporter)
{
	if (privilege_take() == 0)
		return;
	report_refuse(reporter, EXIT_REFUSED, "act as root", NULL,
		      errno == EPERM	    ? "the program is not setuid root here: its bit is lost, its file "
					      "system is mounted nosuid, the caller has no_new_privs, or this "
					      "is a user namespace"
		      : errno == EOPNOTSUPP ? "this is a user namespace, and its root is not the host's"
		      : errno == EACCES	    ? "a capability is missing: the caller's bounding set is reduced"
					    : NULL);
}

static _Noreturn void become_keeper(const struct reporter *reporter, char *const argv[])
{
	keeper_exec(argv);
	report_refuse(reporter, EXIT_REFUSED, "execute", PATHS_KEEPER, NULL);
}

/* --help and --version need no privilege, so they get none. */
static _Noreturn void inform(const struct reporter *reporter, char *const argv[])
{
	if (privilege_give_up(reporter->uid, reporter->gid) != 0)
		_exit(EXIT_REFUSED);
	become_keeper(reporter, argv);
}

/* --list and its like: the keeper's work, for root alone, in the host's mount namespace. */
static _Noreturn void administer(const struct reporter *reporter, char *const argv[])
{
	if (reporter->uid != 0)
		report_refuse(reporter, EXIT_REFUSED, "do that", NULL, "only root may");
	if (chdir("/") != 0)
		report_refuse(reporter, EXIT_REFUSED, "change to directory", "/", NULL);
	(void)!enter_host(AT_FDCWD); /* where that is refused, the keeper looks and says so */
	become_keeper(reporter, argv);
}

/* Looks for the jail, in the host's mount namespace too, and has it built where that is needed. */
static void find(struct reporter *reporter, const char *jail, int root_fd, struct enter *enter,
		 struct record *record, int *builds)
{
	struct text sentence;
	bool is_home = false;

	while (enter_open(enter, jail, record) != 0) {
		/* No hub: perhaps a private mount namespace, such as Apache's with PrivateTmp. */
		if (errno == ENXIO && !is_home) {
			is_home = true;
			if (enter_host(root_fd) == 0)
				continue;
		}
		if ((*builds)++ == ROUNDS)
			report_refuse(reporter, EXIT_REFUSED, "enter jail", jail,
				      "it changes faster than it can be built");
		if (keeper_build(jail, reporter->uid, &sentence) != 0) {
			reporter->is_logged = false; /* the keeper knows the policy and has done it */
			report_die(reporter, EXIT_REFUSED, &sentence);
		}
	}
}

static void log_run(const struct reporter *reporter, const struct arguments *arguments)
{
	struct text line = {.length = 0};

	text_add(&line, "enters jail ");
	text_add(&line, arguments->jail);
	text_add(&line, ", runs ");
	text_add_quoted(&line, arguments->command ? arguments->command[0] : "a login shell",
			TEXT_OBJECT_MAX);
	report_log(reporter, line.bytes);
}

/* Enters the jail. Returns how often it was built for that. */
static int enter(struct reporter *reporter, const struct arguments *arguments, struct record *record)
{
	AUTO_CLOSE root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct enter enter;
	int builds = 0;

	for (;;) {
		find(reporter, arguments->jail, root_fd, &enter, record, &builds);
		reporter->is_logged = record->flags & RECORD_LOG_REFUSALS;
		if (!record_admits(record, reporter->uid))
			report_refuse(reporter, EXIT_REFUSED, "enter jail", arguments->jail,
				      "this caller may not; `callers' is set in trampoline.conf");
		if (record->flags & RECORD_LOG_RUNS && arguments->mode == ARGUMENTS_RUN)
			log_run(reporter, arguments);
		if (enter_join(&enter, record) == 0)
			return builds;
		/* Cleanup has just been here: back, and once more. */
		if (errno != ESTRPIPE || enter_host(root_fd) != 0 || builds > ROUNDS)
			report_refuse(reporter, EXIT_REFUSED, "enter jail", arguments->jail, NULL);
	}
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
	if (record->filter_length == 0 && inherited_leave_own_terminal() != 0)
		report_refuse(reporter, EXIT_REFUSED, "leave the terminal", NULL, NULL);
	umask((mode_t)record->umask);
	if (umask((mode_t)record->umask) != record->umask)
		report_refuse(reporter, EXIT_REFUSED, "set the umask", NULL, NULL);
	if (inherited_set_limits(record->limits) != 0)
		report_refuse(reporter, EXIT_REFUSED, "set the limits", NULL, NULL);
	if (privilege_drop(record->uid, record->gid) != 0 || privilege_filter(record) != 0)
		report_refuse(reporter, EXIT_REFUSED, "drop privilege", NULL, NULL);
	/* ---- From here on: the user's ids, no capability, and no way to get one. ---- */
}

/* Whether, and how, this run is watched: what the caller or the policy asks for, the stricter of both. */
static bool is_supervised(const struct arguments *arguments, const struct record *record,
			  struct supervise *supervise)
{
	supervise->uid = record->uid;
	supervise->has_proc = record->flags & RECORD_PROC;
	supervise->kill_after_ms = arguments->kill_after_ms ? arguments->kill_after_ms : KILL_AFTER_MS;
	supervise->timeout_ms = record->timeout_ms;
	if (arguments->timeout_ms && arguments->timeout_ms < record->timeout_ms)
		supervise->timeout_ms = arguments->timeout_ms;
	/* A time-out that ends only the first process would end nothing. */
	supervise->is_private = arguments->private_processes ||
				record->flags & RECORD_PRIVATE_PROCESSES ||
				supervise->timeout_ms != QUANTITY_UNLIMITED;
	return supervise->is_private || arguments->status_fd >= 0;
}

static void redirect_to_null(const struct reporter *reporter, int null_fd)
{
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null_fd, fd) < 0)
			report_refuse(reporter, EXIT_REFUSED, "open \"/dev/null\"", NULL, NULL);
	close(null_fd);
}

static _Noreturn void run(struct reporter *reporter, const struct arguments *arguments,
			  char *const inherited[])
{
	struct record record;
	struct environment environment;
	struct supervise supervise;
	char home[sizeof("/home/") + NAME_LENGTH_MAX];

	int null_fd = arguments->daemon ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
	if (inherited_leave_terminal() != 0)
		report_refuse(reporter, EXIT_REFUSED, "leave the terminal", NULL, NULL);
	if (inherited_reset_standing() != 0)
		report_refuse(reporter, EXIT_REFUSED, "reset what the caller set", NULL, NULL);
	(void)alarm(DEADLINE_SECONDS); /* with the default action, which ends a wait for dead storage */
	int builds = enter(reporter, arguments, &record);
	(void)alarm(0);
	reporter->is_logged = false; /* the log is outside, and what follows is the user's affair */
	if (arguments->mode == ARGUMENTS_PREPARE)
		_exit(0);
	merge_limits(reporter, arguments, &record);
	if (arguments->daemon)
		supervise_detach(reporter);
	bool supervised = is_supervised(arguments, &record, &supervise);
	if (supervised)
		supervise_fork(reporter, &supervise);
	become_user(reporter, &record);
	if (supervised)
		supervise_settle(reporter, &supervise);
	stpcpy(stpcpy(home, "/home/"), record.name);
	execute_chdir(reporter, arguments->directory ? arguments->directory : home);
	if (environment_build(&environment, &record, arguments, inherited) != 0)
		report_refuse(reporter, EXIT_REFUSED, "build the environment", NULL, NULL);
	if (arguments->verbose)
		report_note(reporter, builds ? "entered a jail built now" : "entered a live jail");
	if (arguments->daemon)
		redirect_to_null(reporter, null_fd);
	execute_command(reporter, &record, arguments->command, &environment);
}

int main(int argc, char *argv[])
{
	static char *const nothing[] = {NULL};
	char **inherited = environ;
	struct reporter reporter = {getuid(), getgid(), false, 2, -1, -1, -1, -1};
	struct arguments arguments;
	struct text error;

	environ = (char **)nothing; /* before any library call could look into the caller's */
	if (argc < 1 || !argv[0] || !*argv[0])
		_exit(EXIT_REFUSED);
	int parsed = arguments_parse(&arguments, argc, argv, &error);
	if (parsed != 0)
		arguments.keep_fd_count = 0;
	clean_inheritance(&reporter, &arguments);
	if (parsed == 0)
		reporter.status_fd = arguments.status_fd;
	reporter.is_logged = true;
	if (parsed != 0)
		report_die(&reporter, EXIT_REFUSED, &error);
	if (arguments.mode == ARGUMENTS_HELP || arguments.mode == ARGUMENTS_VERSION)
		inform(&reporter, argv);
	take_privilege(&reporter);
	umask(077);
	if (arguments.mode != ARGUMENTS_RUN && arguments.mode != ARGUMENTS_PREPARE)
		administer(&reporter, argv);
	run(&reporter, &arguments, inherited);
}
