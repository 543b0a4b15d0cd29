/* SPDX-License-Identifier: MIT */
/* An administrator's hand: one jail is retired now, and perhaps everybody in it is killed. */
#include "discard.h"

#include <errno.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "config.h"
#include "deadline.h"
#include "kill.h"
#include "live.h"
#include "origin.h"
#include "privilege.h"
#include "report.h"
#include "retire.h"
#include "state.h"

#define STORAGE_NS INT64_C(10000000000)

static void look_at_home(const void *context, void *answer)
{
	struct stat status;

	*(uid_t *)answer = lstat(context, &status) == 0 ? status.st_uid : 0;
}

/* The owner of the user's home; 0 if there is no home, or its owner may not have a jail. */
static uid_t owner_of_home(const char *name)
{
	char path[RECORD_PATH_MAX];
	struct config config;
	struct text error;
	uid_t uid = 0;

	origin_path(RECORD_HOME, name, NULL, path);
	if (deadline_ask(STORAGE_NS, look_at_home, path, &uid, sizeof(uid)) != 0)
		report_refuse("look at", path,
			      errno == ETIME ? "its storage does not answer" : NULL);
	/* A configuration that cannot be read leaves the range that is built in. */
	(void)!config_load(&config, name, &error);
	return uid >= config.minimum_uid && uid <= config.maximum_uid && uid != CONFIG_NOBODY ? uid
											      : 0;
}

/*
 * Kills all processes of UID, while the lock of jail NAME keeps new ones from coming in. A user can
 * stop a launcher that has just become the user's, and that is still waited for; so the user's
 * processes are killed first, and those of the launchers that were waited for in the end.
 */
static int kill_all(const struct live *live, int directory_fd, const char *name, uid_t uid,
		    struct text *error)
{
	if (uid == 0)
		return report_fill(error, "find the uid of jail", name,
				   "it has no record, no pins, and no home of a user's");
	bool is_withdrawn =
		directory_fd < 0 || state_withdraw(directory_fd, name, false, error) == 0;
	if (kill_uid(&live->home, uid, error) != 0)
		return -1;
	if (is_withdrawn)
		return 0;
	return state_withdraw(directory_fd, name, true, error) == 0
		       ? kill_uid(&live->home, uid, error)
		       : -1;
}

void discard_jail(const char *name, bool kill)
{
	struct live live;
	struct record record;
	struct text error, unused;

	if (privilege_lower(PRIVILEGE_RETIRE) != 0)
		report_refuse("lower the keeper's privilege", NULL, NULL);
	if (live_open_one(&live, name, &error) != 0)
		report_die(&error);
	(void)!live_read(&live, live.jails, &record);
	uid_t uid = record.uid || !kill ? record.uid : owner_of_home(name);
	AUTO_CLOSE present_fd = live.run_fd < 0 ? -1 : state_open(live.run_fd, name);
	bool is_live = present_fd >= 0 || live.jails[0].uid != 0;
	if (!is_live && (!kill || uid == 0 || inside_find(&live.home, uid) == 0))
		report_refuse("discard jail", name, "it is not live");
	AUTO_CLOSE directory_fd =
		live.run_fd < 0 ? -1 : state_lock(live.run_fd, name, true, &error);
	if (live.run_fd >= 0 && directory_fd < 0)
		report_die(&error);
	int killed = kill ? kill_all(&live, directory_fd, name, uid, &error) : 0;
	if (directory_fd >= 0 &&
	    retire_jail(&live, directory_fd, name, true, killed == 0 ? &error : &unused) != 0)
		killed = -1;
	if (killed != 0)
		report_die(&error);
	report_log("discarded jail %s%s", name, kill ? " and its processes" : "");
	live_close(&live);
}
