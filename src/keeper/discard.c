/* SPDX-License-Identifier: MIT */
/* An administrator's hand: one jail is retired now, and perhaps everybody in it is killed. */
#include "discard.h"

#include <errno.h>
#include <string.h>

#include "cgroup.h"
#include "cleanup.h"
#include "live.h"
#include "pin.h"
#include "privilege.h"
#include "prune.h"
#include "report.h"
#include "retire.h"
#include "state.h"

/* Ends everybody in NAME's retired jails. */
static int kill_retired(const struct live *live, int directory_fd, const char *name)
{
	struct record record;
	char file[64];
	void *cursor = NULL;
	int found, result = 0;

	while ((found = state_next_retired(directory_fd, name, &cursor, &record, file)) > 0)
		if (record.name[0] && scan_kill(&live->home, &record) != 0)
			result = -1;
	return result == 0 ? found : -1;
}

void discard_jail(const char *name, bool kill)
{
	struct live live;
	struct text error;
	AUTO_CLOSE directory_fd = -1;
	int left;

	if (privilege_lower(PRIVILEGE_RETIRE) != 0)
		report_refuse("lower the keeper's privilege", NULL, NULL);
	if (live_open(&live, &error) != 0)
		report_die(&error);
	if (live.run_fd < 0)
		report_refuse("discard jail", name, "it is not live");
	AUTO_CLOSE present_fd = live_open_jail(&live, name);
	if (present_fd < 0)
		report_refuse("discard jail", name, errno == ENOENT ? "it is not live" : NULL);
	AUTO_CLOSE lock_fd = state_lock(live.run_fd, name, true, &directory_fd, &error);
	if (lock_fd < 0)
		report_die(&error);
	/* Out of sight first, so that nobody joins those who are to be killed. */
	if (state_withdraw(directory_fd, name) != 0 ||
	    prune_in_hub(&live, pin_set_aside, name) != 0)
		report_refuse("discard jail", name, NULL);
	/* And who holds the pins already arrives, or never does. */
	if (live.hub_inode != 0 && scan_wait_for_transit(&live.home, live.hub_inode) != 0)
		report_refuse("see everybody arrive in jail", name, NULL);
	if (kill && (cgroup_kill(live.cgroup_fd, name) != 0 ||
		     kill_retired(&live, directory_fd, name) != 0))
		report_refuse("kill every process of jail", name, NULL);
	if (live_look_again(&live) != 0 || retire_jail(&live, directory_fd, name, &left) != 0)
		report_refuse("discard jail", name, NULL);
	report_log("discarded jail %s%s", name, kill ? " and its processes" : "");
	live_close(&live);
}
