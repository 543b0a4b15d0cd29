/* SPDX-License-Identifier: MIT */
/* What was set aside goes when nobody is left in it. */
#include "prune.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "pin.h"
#include "report.h"
#include "state.h"

/* Back from the hub; nothing could be done anywhere else. */
static void come_back(const struct live *live)
{
	int error = errno;

	if (namespace_enter(live->home.mount_fd) != 0)
		report_refuse("return to the host's mounts", NULL, NULL);
	errno = error;
}

int prune_in_hub(const struct live *live, int (*step)(const char *name), const char *name)
{
	if (live->hub_fd < 0)
		return 0;
	if (namespace_enter(live->hub_fd) != 0)
		return -1;
	int result = step(name);
	come_back(live);
	return result;
}

static int unpin_retired(const struct live *live, const char *name, uint64_t inode)
{
	if (live->hub_fd < 0)
		return 0;
	if (namespace_enter(live->hub_fd) != 0)
		return -1;
	int result = pin_remove_retired(name, inode);
	come_back(live);
	return result;
}

/*
 * Whether the jail had been set aside when the processes were looked at: who came in between that
 * look and now is not in it. What has no pins any more has lost them to a hand, or with its hub.
 */
static bool was_aside(const struct live *live, const char *name, uint64_t inode)
{
	size_t count;
	const struct live_retired *known = live_retired_of(live, name, &count);

	for (size_t i = 0; i < count; i++)
		if (known[i].inode == inode)
			return true;
	if (live->hub_fd < 0)
		return true;
	if (namespace_enter(live->hub_fd) != 0)
		return false;
	bool is_there = pin_has_retired(name, inode);
	come_back(live);
	return !is_there;
}

/* Removes set-aside pins that have lost their record, to a hand or a crash, if nobody is inside. */
static int prune_orphans(const struct live *live, int directory_fd, const char *name)
{
	size_t count;
	const struct live_retired *retired = live_retired_of(live, name, &count);

	for (size_t i = 0; i < count; i++)
		if (!state_has_retired(directory_fd, retired[i].inode) &&
		    scan_count_in(&live->scan, retired[i].inode) == 0 &&
		    unpin_retired(live, name, retired[i].inode) != 0)
			return -1;
	return 0;
}

int prune_retired(const struct live *live, int directory_fd, const char *name)
{
	struct record record;
	char file[64];
	void *cursor = NULL;
	int found;

	if (live_has_transit(live))
		return 0; /* who knows to which jail */
	while ((found = state_next_retired(directory_fd, name, &cursor, &record, file)) > 0) {
		if (record.name[0] && (scan_count(&live->scan, &record) > 0 ||
				       !was_aside(live, name, record.mount_namespace)))
			continue;
		/* The file first: without its pins, its numbers could soon be another jail's. */
		if (state_unlink(directory_fd, file) != 0)
			return -1;
		if (record.name[0] && unpin_retired(live, name, record.mount_namespace) != 0)
			return -1;
	}
	return found != 0 ? found : prune_orphans(live, directory_fd, name);
}
