/* SPDX-License-Identifier: MIT */
/*
 * keeper: everything that need not happen once per request. It is not setuid; the launcher runs it
 * as root, as `keeper build JAIL CALLER_UID' for a jail that is missing or stale, and with an
 * administrator's own command line for --list and its like. The tools run it as `keeper ask'.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/ask.h"
#include "admin/check.h"
#include "admin/explain.h"
#include "admin/list.h"
#include "admin/retire.h"
#include "build/build.h"
#include "report.h"
#include "trampoline/arguments.h"
#include "trampoline/exit.h"
#include "trampoline/name.h"
#include "trampoline/quantity.h"

/* What --help prints: one screen of 24 lines; trampoline(8) has the rest. */
static const char help[] =
	"Usage: trampoline [OPTION]... JAIL [COMMAND [ARGUMENT]...]\n"
	"Run COMMAND as JAIL's user inside JAIL; without COMMAND, a login shell.\n"
	"  -C, --chdir=DIR         start in DIR of the jail (default: the user's home)\n"
	"  -E, --env=NAME[=VALUE]  pass NAME from the caller, or set it (repeatable)\n"
	"      --cgi               pass the CGI/1.1 variables\n"
	"  -l, --limit=NAME=VALUE  lower a limit for this run: cpu, memory, output, ...\n"
	"  -t, --timeout=DURATION  end the run then (30s, 2m): SIGTERM, later SIGKILL\n"
	"      --kill-after=DURATION  time between the two, at most the policy's (2s)\n"
	"  -p, --private           own pid namespace: nothing outlives the run\n"
	"  -d, --daemon            detach: own session, /dev/null on 0-2\n"
	"      --keep-fd=N         let descriptor N through (repeatable)\n"
	"      --status-fd=N       tell on descriptor N, in JSON lines, how the run went\n"
	"      --prepare           build the jail if needed, run nothing\n"
	"  -v, --verbose           say how the jail was entered\n"
	"As root, in place of a run:\n"
	"  --list [--json] | --status [--json] JAIL    show the live jails, or one\n"
	"  --cleanup [--dry-run]                       retire idle jails\n"
	"  --discard [--kill] JAIL|--all               retire now; kill what runs there\n"
	"  --check [JAIL]                              say what is wrong, and the cure\n"
	"  --explain [OPTION]... JAIL [COMMAND...]     show what a run would get, and why\n"
	"  -h, --help | -V, --version\n"
	"Exit status: the command's; 124 timed out, 125 refused or failed, 126 not\n"
	"executable, 127 not found. More: man 8 trampoline; man 5 trampoline.conf\n";

static void refuse_all_but_root(void)
{
	if (getauxval(AT_UID) != 0 || getauxval(AT_EUID) != 0 || getauxval(AT_SECURE))
		report_refuse("run the keeper", NULL, "only root may, and it must not be setuid");
}

/* Opens those of 0, 1 and 2 that are closed, so that no other file gets one of these numbers. */
static void open_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_CLOEXEC) != fd)
			report_refuse("open", "/dev/null", NULL);
}

/* Returns STATUS once standard output is written; refuses if it cannot be. */
static int end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno != EPIPE) /* EPIPE: the reader has had enough */
		report_refuse("write the answer", NULL, NULL);
	return EXIT_SIGNAL_BASE + SIGPIPE;
}

/* Obeys a command line that the launcher hands on. Returns the exit status. */
static int administer(const struct arguments *arguments)
{
	if (arguments->mode != ARGUMENTS_HELP && arguments->mode != ARGUMENTS_VERSION)
		refuse_all_but_root();
	switch (arguments->mode) {
	case ARGUMENTS_LIST:
	case ARGUMENTS_STATUS:
		list_live(arguments->jail, arguments->json);
		return 0;
	case ARGUMENTS_CLEANUP:
		return retire_idle(arguments->dry_run, arguments->verbose) ? 0 : EXIT_REFUSED;
	case ARGUMENTS_DISCARD:
		return retire_now(arguments->jail, arguments->kill) ? 0 : EXIT_REFUSED;
	case ARGUMENTS_CHECK:
		return check_all(arguments->jail) == 0 ? 0 : 1;
	case ARGUMENTS_EXPLAIN:
		explain_run(arguments);
		return 0;
	case ARGUMENTS_HELP:
		(void)fputs(help, stdout); /* end() finds an error */
		return 0;
	case ARGUMENTS_VERSION:
		(void)fputs("trampoline " VERSION "\n", stdout);
		return 0;
	case ARGUMENTS_RUN:
	case ARGUMENTS_PREPARE:
		break;
	}
	report_refuse("do that", NULL, "it is the launcher's part");
}

int main(int argc, char *argv[])
{
	struct text error;
	uint64_t caller;

	umask(077);
	open_standard_descriptors();
	if (argc == 4 && !strcmp(argv[1], "build") && name_is_jail(argv[2]) &&
	    quantity_parse(QUANTITY_NUMBER, argv[3], &caller) == 0) {
		refuse_all_but_root();
		build_jail(argv[2], (uid_t)caller);
		return 0;
	}
	if ((argc == 3 || argc == 4) && !strcmp(argv[1], "ask")) {
		refuse_all_but_root();
		ask_answer(argv[2], argv[3]);
		return end(0);
	}
	struct arguments arguments;
	if (arguments_parse(&arguments, argc, argv, &error) != 0)
		report_die(&error);
	return end(administer(&arguments));
}
