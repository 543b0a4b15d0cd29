/* SPDX-License-Identifier: MIT */
/*
 * Idle jails expire as mounts do: MNT_EXPIRE marks a pin in one pass and removes it in a later one,
 * unless somebody opened it in between, and nobody can between the kernel's look and its doing.
 * Pins and records of our own names go, one by one; no code here can reach a file of a user's.
 */
#include "retire.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "cleanup.h"
#include "clock.h"
#include "foreign.h"
#include "live.h"
#include "pin.h"
#include "prune.h"
#include "state.h"
#include "trampoline/layout.h"

static bool has_user(const struct record *record)
{
	struct stat status;

	/* Another error is not an absence: storage that is away keeps its jails. */
	return lstat(record->origins[RECORD_BASE].path, &status) == 0 || errno != ENOENT;
}

/*
 * The record first, then the pins: in this order a launcher never finds one without the other. The
 * cgroup goes last; with a process in it it stays, and a later pass knows the jail by it.
 */
int retire_jail(const struct live *live, int directory_fd, const char *name, int *left)
{
	if (state_withdraw(directory_fd, name) != 0 ||
	    prune_in_hub(live, pin_set_aside, name) != 0 ||
	    prune_retired(live, directory_fd, name) != 0 ||
	    cgroup_remove(live->cgroup_fd, name) != 0)
		return -1;
	*left = state_remove(live->run_fd, directory_fd, name) == 0 ? 0 : errno;
	return *left == 0 || *left == EBUSY || *left == ENOTEMPTY ? 0 : -1;
}

static int expire_pin(const char *name)
{
	char path[LAYOUT_PATH_MAX];

	layout_pin_path(path, name, LAYOUT_PIN_MOUNT);
	return umount2(path, MNT_EXPIRE | UMOUNT_NOFOLLOW);
}

/* What using the pin does to its mark: umount2(2), MNT_EXPIRE. */
static int touch_pin(const char *name)
{
	char path[LAYOUT_PATH_MAX];

	layout_pin_path(path, name, LAYOUT_PIN_MOUNT);
	AUTO_CLOSE fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 && errno != ENOENT ? -1 : 0;
}

/*
 * Nobody was inside when we looked. The kernel decides whether that is still so: the record is away
 * while it does, so that a request that comes just now waits for our lock and not for nothing.
 */
static int expire(const struct live *live, int directory_fd, struct record *record,
		  enum retire_outcome *outcome)
{
	const char *name = record->name;
	bool was_marked = record->marked_ns > record->entered_ns;

	if (was_marked && state_unlink(directory_fd, LAYOUT_RUN_RECORD) != 0)
		return -1;
	int result = prune_in_hub(live, expire_pin, name);
	if (result == 0 || errno == EINVAL || errno == ENOENT) {
		int left;

		*outcome = RETIRE_DONE;
		return retire_jail(live, directory_fd, name, &left);
	}
	if (errno != EAGAIN && errno != EBUSY)
		return -1;
	/* EBUSY: somebody holds the pin open, a launcher on its way in. */
	*outcome = errno == EAGAIN ? RETIRE_MARKED : RETIRE_KEPT;
	record->marked_ns = errno == EAGAIN ? clock_boottime_ns() : 0;
	return was_marked ? state_publish(directory_fd, record)
			  : state_mark(directory_fd, record->marked_ns);
}

int retire_treat(const struct live *live, int directory_fd, const char *name,
		 enum retire_outcome *outcome)
{
	struct record record;
	size_t processes;
	int left;

	if (state_read(directory_fd, name, &record) != 0) {
		if (retire_jail(live, directory_fd, name, &left) != 0)
			return -1;
		*outcome = left == EBUSY       ? RETIRE_DISCARDED
			   : left == ENOTEMPTY ? RETIRE_FOREIGN
					       : RETIRE_DEBRIS;
		return 0;
	}
	/* Its policy had one before, and has none now. */
	if (!record.origins[RECORD_CGROUP].inode && cgroup_remove(live->cgroup_fd, name) != 0)
		return -1;
	enum live_state state = live_judge(live, &record, &processes);
	if (!has_user(&record) || (state == LIVE_STALE && processes == 0)) {
		*outcome = RETIRE_WITHDRAWN;
		return retire_jail(live, directory_fd, name, &left);
	}
	if (processes == 0)
		return expire(live, directory_fd, &record, outcome);
	*outcome = RETIRE_KEPT;
	return prune_in_hub(live, touch_pin, name) != 0 ? -1
							: prune_retired(live, directory_fd, name);
}

int retire_forget(const struct live *live, int directory_fd, const char *name,
		  enum retire_outcome *outcome)
{
	struct record record;
	int left;

	if (state_read(directory_fd, name, &record) == 0)
		return 0; /* it has been built again */
	if (retire_jail(live, directory_fd, name, &left) != 0)
		return -1;
	if (left == EBUSY)
		*outcome = RETIRE_DISCARDED;
	else if (*outcome == RETIRE_DISCARDED)
		*outcome = RETIRE_DEBRIS;
	return 0;
}

static bool has_discarded(const struct live *live, int directory_fd, const char *name)
{
	struct record record;
	char file[64];
	void *cursor = NULL;
	size_t processes = 0;

	while (state_next_retired(directory_fd, name, &cursor, &record, file) > 0)
		processes += record.name[0] ? scan_count(&live->scan, &record) : 0;
	return processes > 0;
}

enum retire_outcome retire_foresee(const struct live *live, const char *name)
{
	AUTO_CLOSE directory_fd = live_open_jail(live, name);
	struct record record;
	size_t processes;

	if (directory_fd < 0)
		return errno == ENOENT ? RETIRE_DEBRIS : RETIRE_FOREIGN;
	if (state_read(directory_fd, name, &record) != 0)
		return has_discarded(live, directory_fd, name) ? RETIRE_DISCARDED
		       : foreign_is_in(directory_fd)           ? RETIRE_FOREIGN
							       : RETIRE_DEBRIS;
	enum live_state state = live_judge(live, &record, &processes);
	if (!has_user(&record) || (state == LIVE_STALE && processes == 0) || state == LIVE_MARKED)
		return RETIRE_DONE;
	return processes > 0 ? RETIRE_KEPT : RETIRE_MARKED;
}
