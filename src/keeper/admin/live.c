/* SPDX-License-Identifier: MIT */
/* What is there, from the four places that know: RUNDIR, the hub, the cgroups, and /proc. */
#include "live.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "build/cgroup.h"
#include "build/hub.h"
#include "build/pin.h"
#include "build/state.h"
#include "report.h"
#include "trampoline/layout.h"
#include "trampoline/paths.h"

static int add_jail(struct live *live, const char *name)
{
	if (!name_is_jail(name))
		return 0; /* ".", "..", or nothing of ours */
	struct live_jail *grown = reallocarray(live->jails, live->count + 1, sizeof(*grown));
	if (!grown)
		return -1;
	live->jails = grown;
	struct live_jail *jail = &grown[live->count++];
	snprintf(jail->name, sizeof(jail->name), "%.*s", NAME_LENGTH_MAX, name);
	jail->uid = 0;
	return 0;
}

/* A cgroup that outlives its jail is found by its name. */
static int add_leaf(struct live *live, const char *entry)
{
	size_t length = strlen(CGROUP_LEAF);

	return strncmp(entry, CGROUP_LEAF, length) == 0 ? add_jail(live, entry + length) : 0;
}

/* Hands every entry of a directory, if it is there, to ADD. */
static int add_entries(struct live *live, int directory_fd, const char *path,
		       int (*add)(struct live *live, const char *entry))
{
	int fd = openat(directory_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	int result = 0;

	if (!entries)
		return errno == ENOENT ? 0 : -1;
	for (const struct dirent *entry; result == 0 && (entry = readdir(entries));)
		result = add(live, entry->d_name);
	closedir(entries);
	return result;
}

static int compare(const void *first, const void *second)
{
	return strcmp(((const struct live_jail *)first)->name,
		      ((const struct live_jail *)second)->name);
}

static void sort(struct live *live)
{
	size_t kept = 0;

	if (live->count > 1)
		qsort(live->jails, live->count, sizeof(*live->jails), compare);
	for (size_t i = 0; i < live->count; i++)
		if (kept == 0 || strcmp(live->jails[kept - 1].name, live->jails[i].name) != 0)
			live->jails[kept++] = live->jails[i];
	live->count = kept;
}

/* In the hub, if there is one: the names that are there, if ALL are wanted, and each one's uid. */
static int collect_in_hub(struct live *live, bool all)
{
	if (live->hub_fd < 0)
		return 0;
	if (namespace_enter(live->hub_fd) != 0)
		return -1;
	int result = all ? add_entries(live, AT_FDCWD, LAYOUT_JAILS, add_jail) : 0;
	for (size_t i = 0; i < live->count; i++)
		live->jails[i].uid = pin_uid(live->jails[i].name);
	return namespace_enter(live->host.mount_fd) == 0 ? result : -1;
}

static int collect_all(struct live *live)
{
	if (live->run_fd < 0)
		return 0;
	if (add_entries(live, live->run_fd, LAYOUT_RUN_JAILS, add_jail) != 0 ||
	    (live->cgroup_fd >= 0 && add_entries(live, live->cgroup_fd, ".", add_leaf) != 0) ||
	    collect_in_hub(live, true) != 0)
		return -1;
	sort(live);
	return 0;
}

/* Opens RUNDIR and what it leads to. With neither RUNDIR nor hub, nothing is live. */
static int open_places(struct live *live, struct text *error)
{
	struct stat status;

	memset(live, 0, sizeof(*live));
	live->run_fd = live->hub_fd = live->cgroup_fd = -1;
	if (namespace_remember(&live->host) != 0)
		return report_fill(error, "open", "/proc", NULL);
	int is_first = namespace_is_first();
	if (is_first != 1)
		return report_fill(
			error, "look at what is live in", PATHS_RUN,
			is_first < 0 ? NULL
				     : "this is not the mount namespace of process 1, nor may it "
				       "be entered");
	if (stat(PATHS_RUN, &status) != 0 && errno == ENOENT)
		return 0;
	live->run_fd = hub_open_run_directory(error);
	if (live->run_fd < 0)
		return -1;
	live->cgroup_fd = cgroup_open();
	live->hub_fd = hub_open(&live->host, live->run_fd);
	if (live->hub_fd >= 0 || errno == ENXIO || errno == ESTALE)
		return 0;
	return report_fill(error, "look at what is live in", PATHS_RUN, NULL);
}

int live_open(struct live *live, const char *name, struct text *error)
{
	if (open_places(live, error) != 0)
		return -1;
	/* Processes first, names second: a jail is listed before the first process enters it. */
	if (name ? add_jail(live, name) == 0 && collect_in_hub(live, false) == 0
		 : inside_read(&live->host, &live->inside) == 0 && collect_all(live) == 0)
		return 0;
	(void)report_fill(error, name ? "look at jail" : "look at what is live in",
			  name ? name : PATHS_RUN, NULL);
	live_close(live);
	return -1;
}

void live_close(struct live *live)
{
	inside_free(&live->inside);
	free(live->jails);
	auto_close(&live->cgroup_fd);
	auto_close(&live->hub_fd);
	auto_close(&live->run_fd);
}

int live_in_hub(const struct live *live, int (*step)(const char *name), const char *name)
{
	if (live->hub_fd < 0)
		return 0;
	if (namespace_enter(live->hub_fd) != 0)
		return -1;
	int result = step(name), error = errno;
	if (namespace_enter(live->host.mount_fd) != 0)
		return -1;
	errno = error;
	return result;
}

int live_read(const struct live *live, const struct live_jail *jail, struct record *record)
{
	AUTO_CLOSE directory_fd = state_open(live->run_fd, jail->name);
	int result = directory_fd < 0 ? -1 : state_read(directory_fd, jail->name, record);

	if (result == 0)
		return 0;
	memset(record, 0, offsetof(struct record, tail));
	snprintf(record->name, sizeof(record->name), "%s", jail->name);
	record->uid = jail->uid;
	return -1;
}
