/* SPDX-License-Identifier: MIT */
/*
 * keeper: everything that need not happen once per request. It is not setuid; the launcher runs it
 * as root, as `keeper build JAIL CALLER_UID' for a jail that is missing or stale, and with an
 * administrator's own command line for --list and its like.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"
#include "report.h"
#include "trampoline/arguments.h"
#include "trampoline/name.h"
#include "trampoline/quantity.h"

static void refuse_strangers(void)
{
	if (getuid() != 0 || geteuid() != 0 || getauxval(AT_SECURE))
		report_refuse("run the keeper", NULL, "only root may, and it must not be setuid");
}

int main(int argc, char *argv[])
{
	struct text error;
	uint64_t caller;

	refuse_strangers();
	umask(077);
	if (argc == 4 && !strcmp(argv[1], "build") && name_is_jail(argv[2]) &&
	    quantity_parse_number(argv[3], &caller) == 0) {
		build_jail(argv[2], (uid_t)caller);
		return 0;
	}
	struct arguments arguments;
	if (arguments_parse(&arguments, argc, argv, &error) != 0)
		report_die(&error);
	report_refuse("do that", NULL, "this is the launcher's part");
}
