/* SPDX-License-Identifier: MIT */
/* The command line on one screen; trampoline(8) has the rest. */
#include "help.h"

const char *help_text(void)
{
	return "Usage: trampoline [OPTION]... JAIL [COMMAND [ARGUMENT]...]\n"
	       "Run COMMAND as JAIL's user inside JAIL; without COMMAND, a login shell.\n"
	       "\n"
	       "  -C, --chdir=DIR         start in DIR of the jail (default: the user's home)\n"
	       "  -E, --env=NAME[=VALUE]  pass NAME from the caller, or set it (repeatable)\n"
	       "      --cgi               pass the CGI/1.1 variables\n"
	       "  -l, --limit=NAME=VALUE  lower a limit for this run: cpu, memory, file_size,\n"
	       "                          processes, open_files, stack, data, core, address_space\n"
	       "  -t, --timeout=DURATION  end the run after DURATION (30s, 2m): SIGTERM, then SIGKILL\n"
	       "      --kill-after=DURATION  time between the two (default: 2s)\n"
	       "  -p, --private           own pid namespace: nothing outlives the run\n"
	       "  -d, --daemon            detach: own session, /dev/null on 0-2\n"
	       "      --keep-fd=N         let descriptor N through (repeatable; never a directory)\n"
	       "      --status-fd=N       tell on descriptor N, in JSON lines, how the run went\n"
	       "      --prepare           build the jail if needed, run nothing\n"
	       "  -v, --verbose           say how the jail was entered\n"
	       "\n"
	       "As root:\n"
	       "      --list [--json]           show the live jails\n"
	       "      --status [--json] JAIL    show one\n"
	       "      --cleanup [--dry-run]     retire idle jails\n"
	       "      --discard [--kill] JAIL   retire one now\n"
	       "      --check [JAIL]            look for what is wrong, and say the cure\n"
	       "      --explain JAIL [COMMAND]  show what a run would get, and why\n"
	       "\n"
	       "  -h, --help              this text\n"
	       "  -V, --version           the version\n"
	       "\n"
	       "Exit status: the command's own; 124 timed out, 125 refused or failed, 126 not executable,\n"
	       "127 not found in the jail. Policy: trampoline.conf(5).\n";
}
