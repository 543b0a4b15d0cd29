/* SPDX-License-Identifier: MIT */
/* The record first, then the pins: a launcher that finds a record in force finds its own pins. */
#include "retire.h"

#include <errno.h>

#include "cgroup.h"
#include "pin.h"
#include "report.h"
#include "state.h"
#include "trampoline/paths.h"

int retire_jail(const struct live *live, int directory_fd, const char *name, bool wait,
		struct text *error)
{
	if (state_withdraw(directory_fd, name, wait, error) != 0)
		return -1;
	/* A cgroup with a process in it stays, and the next cleanup finds the jail by it. */
	if (live_in_hub(live, pin_remove, name) != 0 || cgroup_remove(live->cgroup_fd, name) != 0)
		return report_fill(error, "retire jail", name, NULL);
	if (state_remove(live->run_fd, directory_fd, name) == 0)
		return 0;
	return report_fill(error, "remove the directory of jail", name,
			   errno == ENOTEMPTY ? "something in it, below " PATHS_RUN
						"/jails, is not trampoline's; see what it is"
					      : NULL);
}
