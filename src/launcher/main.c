/* SPDX-License-Identifier: MIT */
/*
 * trampoline, the launcher: setuid root, static, no heap.
 *
 * Theory of operation. Caller and jail's user are both untrusted. First what the caller handed down
 * is made harmless and its ids are put away, so that it can neither signal nor stop us. The keeper
 * has decided everything about the jail and written it down in a record; we obey a valid one, and
 * have it made where there is none. Entering is setns() into pinned namespaces: no mount is made,
 * no text is read. The point of no return is privilege_drop(): before it we are root and touch
 * nothing of the user's; after it (execute.c, init.c) we are the user, and only then look at the
 * jail. A supervised run forks before that: supervise.h.
 */
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "descriptors.h"
#include "enter.h"
#include "execute.h"
#include "inherited.h"
#include "init.h"
#include "keeper.h"
#include "privilege.h"
#include "relay.h"
#include "report.h"
#include "supervise.h"
#include "trampoline/auto_close.h"
#include "trampoline/paths.h"
#include "trampoline/proof.h"
#include "trampoline/run.h"

#define ROUNDS 20 /* give up after as many builds: something is wrong */
#define DEADLINE_SECONDS 10

/* Returns a bit for each of 0 to 2 that is a file of the caller's: descriptors_close(). */
static unsigned int clean_inheritance(const struct reporter *reporter,
				      const struct arguments *arguments)
{
	int fd;
	unsigned int files;
	const char *reason =
		descriptors_close(arguments->keep_fds, arguments->keep_fd_count, &fd, &files);

	if (reason) {
		struct text number = {.length = 0};

		text_add_number(&number, (uint64_t)fd);
		report_refuse(reporter, "keep descriptor", number.bytes, reason);
	}
	if (arguments->status_fd >= 0 && fcntl(arguments->status_fd, F_SETFD, FD_CLOEXEC) != 0)
		report_refuse(reporter, "keep the status descriptor", NULL, NULL);
	if (inherited_reset_signals() != 0)
		report_refuse(reporter, "reset signals", NULL, NULL);
	return files;
}

static _Noreturn void become_keeper(const struct reporter *reporter, char *const argv[])
{
	keeper_exec(argv);
	report_refuse(reporter, "execute", PATHS_KEEPER, NULL);
}

/* --list and its like: the keeper's work, for root alone, in the host's mount namespace. */
static _Noreturn void administer(const struct reporter *reporter, char *const argv[])
{
	if (reporter->uid != 0)
		report_refuse(reporter, "use option", argv[1], "only root may");
	if (chdir("/") == 0)
		(void)!enter_host(AT_FDCWD); /* if that is refused, the keeper says so */
	become_keeper(reporter, argv);
}

static void build(struct reporter *reporter, const char *jail, int *builds)
{
	struct text sentence;

	if ((*builds)++ == ROUNDS)
		report_refuse(reporter, "enter jail", jail,
			      reporter->is_filtered ? text_reason(EPERM, true)
						    : "it changes faster than it can be built");
	if (keeper_build(reporter, jail, &sentence) == 0)
		return;
	reporter->is_logged = false; /* the keeper logs what its policy refuses */
	report_die(reporter, EXIT_REFUSED, &sentence);
}

/* SIGALRM ends even a wait for dead storage. alarm(2) would not say that it failed. */
static void set_deadline(const struct reporter *reporter, time_t seconds)
{
	const struct itimerval deadline = {.it_value = {.tv_sec = seconds}};

	if (setitimer(ITIMER_REAL, &deadline, NULL) != 0)
		report_refuse(reporter, "set a deadline", NULL, NULL);
}

/* Looks for the jail, in the host's mount namespace too, and has it built where that is needed. */
static void find(struct reporter *reporter, const char *jail, int root_fd, struct enter *enter,
		 struct record *record, int *builds)
{
	for (bool has_moved = false;; has_moved = true) {
		set_deadline(reporter, DEADLINE_SECONDS);
		enum enter_result result = enter_open(enter, jail, record);
		set_deadline(reporter, 0);
		if (result == ENTER_DONE)
			return;
		/* No hub: perhaps a private mount namespace, such as Apache's with PrivateTmp. */
		if (result != ENTER_NO_HUB || has_moved || enter_host(root_fd) != 0)
			build(reporter, jail, builds);
	}
}

/* Enters the jail. Returns how often it was built for that. */
static int enter(struct reporter *reporter, const struct arguments *arguments,
		 struct record *record, struct run *run, struct supervise *supervise)
{
	AUTO_CLOSE root_fd = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	static struct text error;
	struct enter enter;
	int builds = 0;

	for (;;) {
		find(reporter, arguments->jail, root_fd, &enter, record, &builds);
		reporter->is_logged = record->flags & RECORD_LOG_REFUSALS;
		if (!record_admits(record, reporter->uid))
			report_refuse(reporter, "enter jail", arguments->jail,
				      "this caller may not; `callers' is set in trampoline.conf");
		if (run_merge(run, record, arguments, reporter->uid, &error) != 0)
			report_die(reporter, EXIT_REFUSED, &error);
		if (record->flags & RECORD_LOG_RUNS && arguments->mode == ARGUMENTS_RUN &&
		    reporter->log_fd < 0)
			report_run(reporter, arguments->jail,
				   arguments->command ? arguments->command[0] : "a login shell");
		enum enter_result result = enter_join(&enter, record);
		supervise->cgroup_fd = enter.cgroup_fd;
		reporter->record_fd = enter.record_fd;
		if (result == ENTER_DONE)
			return builds;
		/* After ENTER_RETIRED we may be in the hub; the keeper is to start on the host. */
		if (result != ENTER_STALE && (result != ENTER_RETIRED || enter_host(root_fd) != 0))
			report_refuse(reporter, "enter jail", arguments->jail, NULL);
		build(reporter, arguments->jail, &builds);
	}
}

/* Becomes the jail's user; what the caller's parents arranged ends here. */
static void become_user(struct reporter *reporter, const struct record *record,
			const struct run *run)
{
	if (record->filter_length == 0 && inherited_leave_own_terminal() != 0)
		report_refuse(reporter, "leave the terminal", NULL, NULL);
	/* Still blocked where there is a watcher: one that was passed on counts from here on. */
	if (signal(SIGHUP, SIG_DFL) == SIG_ERR)
		report_refuse(reporter, "reset signals", NULL, NULL);
	if (inherited_set_limits(run->limits, record->umask) != 0)
		report_refuse(reporter, "set limits and umask", NULL, NULL);
	if (privilege_drop(record) != 0)
		report_refuse(reporter, "drop privilege", NULL, NULL);
	close(reporter->record_fd); /* from here on the uid shows that this process is in it */
	reporter->record_fd = -1;
	if (reporter->log_fd >= 0)
		close(reporter->log_fd); /* the watcher has its own */
	if (privilege_filter(record) != 0)
		report_refuse(reporter, "drop privilege", NULL, NULL);
	/* ---- From here on: the user's ids, no capability, and no way to get one. ---- */
}

static _Noreturn void run_command(struct reporter *reporter, const struct arguments *arguments,
				  char *const inherited[], unsigned int files)
{
	/* Not on the stack, all of whose pages would be touched; most records fit into one page. */
	static _Alignas(4096) struct record record;
	struct run run;
	struct supervise supervise = {.record = &record,
				      .run = &run,
				      .is_detached = arguments->daemon,
				      .files = files,
				      .output_fds = {-1, -1},
				      .relay_fd = -1};
	int null_fd = arguments->daemon ? openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC) : -1;

	if (relay_open_input(files) != 0)
		report_refuse(reporter, "open standard input anew", NULL, NULL);
	if (inherited_leave_terminal() != 0 || inherited_reset_standing(reporter->uid) != 0)
		report_refuse(reporter, "undo what the caller set", NULL, NULL);
	int builds = enter(reporter, arguments, &record, &run, &supervise);
	reporter->is_logged = false; /* the log is outside, and what follows is the user's affair */
	if (arguments->mode == ARGUMENTS_PREPARE)
		_exit(0);
	if (arguments->daemon)
		supervise_detach(reporter);
	if (!arguments->daemon && files & 6) /* standard output or error */
		run.reasons |= RUN_OUTPUT_FILE;
	if (inherited_set_processors(record.cpus) != 0)
		report_refuse(reporter, "use the processors of `cpus'", NULL,
			      errno == EINVAL ? "the caller's cpuset has none of them" : NULL);
	if (run.reasons != 0)
		supervise_fork(reporter, &supervise);
	become_user(reporter, &record, &run);
	if (run.reasons != 0)
		init_settle(reporter, &supervise);
	if (arguments->verbose)
		report_note(reporter, builds ? "entered a jail built now" : "entered a live jail");
	execute_command(reporter, &record, arguments, inherited, null_fd);
}

int main(int argc, char *argv[])
{
	static char *const nothing[] = {NULL};
	char **inherited = environ;
	/* From the auxiliary vector: a filter of the caller's can fake what getuid() returns. */
	struct reporter reporter = {.uid = (uid_t)getauxval(AT_UID),
				    .gid = (gid_t)getauxval(AT_GID),
				    .is_filtered = proof_of_filter(),
				    .fd = 2,
				    .status_fd = -1,
				    .waiting_fds = {-1, -1},
				    .record_fd = -1,
				    .log_fd = -1};
	struct arguments arguments;
	static struct text error;

	environ = (char **)nothing; /* before any library call could look into the caller's */
	if (argc < 1 || !argv[0] || !*argv[0])
		_exit(EXIT_REFUSED);
	int parsed = arguments_parse(&arguments, argc, argv, &error);
	reporter.status_fd = arguments.status_fd; /* read, or -1, even after a refusal */
	unsigned int files = clean_inheritance(&reporter, &arguments);
	reporter.is_logged = true;
	if (parsed != 0)
		report_die(&reporter, EXIT_REFUSED, &error);
	if (arguments.mode == ARGUMENTS_HELP || arguments.mode == ARGUMENTS_VERSION) {
		/* The keeper prints these without privilege, as it needs none for them. */
		if (privilege_give_up(reporter.uid, reporter.gid) == 0)
			become_keeper(&reporter, argv);
		_exit(EXIT_REFUSED);
	}
	const char *reason = privilege_take();
	if (reason)
		report_refuse(&reporter, "act as root", NULL, reason);
	umask(INHERITED_UMASK);
	if (arguments.mode != ARGUMENTS_RUN && arguments.mode != ARGUMENTS_PREPARE)
		administer(&reporter, argv);
	run_command(&reporter, &arguments, inherited, files);
}
