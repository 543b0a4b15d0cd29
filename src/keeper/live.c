/* SPDX-License-Identifier: MIT */
/* What is there, from the four places that know: RUNDIR, the hub, the cgroups, and /proc. */
#include "live.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "cleanup.h"
#include "crew.h"
#include "hub.h"
#include "path.h"
#include "report.h"
#include "state.h"
#include "trampoline/layout.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"

/* Makes room for one more in an array of COUNT entries. */
static int grow(void **array, size_t count, size_t *size, size_t entry_size)
{
	if (count < *size)
		return 0;
	void *grown = reallocarray(*array, *size ? *size * 2 : 256, entry_size);
	if (!grown)
		return -1;
	*array = grown;
	*size = *size ? *size * 2 : 256;
	return 0;
}

static int add_name(struct live *live, const char *name)
{
	if (grow((void **)&live->names, live->count, &live->size, sizeof(*live->names)) != 0)
		return -1;
	snprintf(live->names[live->count++], sizeof(*live->names), "%.*s", NAME_LENGTH_MAX, name);
	return 0;
}

static int add_jail(struct live *live, const char *entry)
{
	return name_is_jail(entry) ? add_name(live, entry) : 0; /* another is none of ours */
}

/* A leaf that outlives its jail is found by its name; so is a jail by its leaf's. */
static int add_leaf(struct live *live, const char *entry)
{
	size_t length = strlen(CGROUP_LEAF);

	return strncmp(entry, CGROUP_LEAF, length) == 0 ? add_jail(live, entry + length) : 0;
}

/* An entry of LAYOUT_RETIRED, "NAME.INODE"; another is none of ours. */
static int add_retired(struct live *live, const char *entry)
{
	const char *dot = strrchr(entry, '.');
	struct live_retired *retired;
	uint64_t inode;

	if (!dot || dot - entry > NAME_LENGTH_MAX ||
	    quantity_parse(QUANTITY_NUMBER, dot + 1, &inode) != 0)
		return 0;
	if (grow((void **)&live->retired, live->retired_count, &live->retired_size,
		 sizeof(*retired)) != 0)
		return -1;
	retired = &live->retired[live->retired_count];
	snprintf(retired->name, sizeof(retired->name), "%.*s", (int)(dot - entry), entry);
	retired->inode = inode;
	live->retired_count += name_is_jail(retired->name);
	return 0;
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
	return strcmp(first, second);
}

static int compare_retired(const void *first, const void *second)
{
	return strcmp(((const struct live_retired *)first)->name,
		      ((const struct live_retired *)second)->name);
}

static void sort_names(struct live *live)
{
	size_t kept = 0;

	if (live->count > 1)
		qsort(live->names, live->count, sizeof(*live->names), compare);
	for (size_t i = 0; i < live->count; i++)
		if (kept == 0 || strcmp(live->names[kept - 1], live->names[i]) != 0)
			memmove(live->names[kept++], live->names[i], sizeof(*live->names));
	live->count = kept;
}

int live_look_again(struct live *live)
{
	live->retired_count = 0;
	scan_free(&live->scan);
	if (live->hub_fd >= 0 && (namespace_enter(live->hub_fd) != 0 ||
				  add_entries(live, AT_FDCWD, LAYOUT_RETIRED, add_retired) != 0 ||
				  namespace_enter(live->home.mount_fd) != 0))
		return -1;
	if (live->retired_count > 1)
		qsort(live->retired, live->retired_count, sizeof(*live->retired), compare_retired);
	return scan_read(&live->home, &live->scan);
}

static int collect(struct live *live)
{
	if (add_entries(live, live->run_fd, LAYOUT_RUN_JAILS, add_jail) != 0 ||
	    (live->cgroup_fd >= 0 && add_entries(live, live->cgroup_fd, ".", add_leaf) != 0))
		return -1;
	if (live->hub_fd >= 0 && (namespace_enter(live->hub_fd) != 0 ||
				  add_entries(live, AT_FDCWD, LAYOUT_JAILS, add_jail) != 0 ||
				  namespace_enter(live->home.mount_fd) != 0))
		return -1;
	if (live_look_again(live) != 0)
		return -1;
	for (size_t i = 0; i < live->retired_count; i++)
		if (add_name(live, live->retired[i].name) != 0)
			return -1;
	sort_names(live);
	return 0;
}

int live_open(struct live *live, struct text *error)
{
	struct stat status;

	memset(live, 0, sizeof(*live));
	live->run_fd = live->hub_fd = live->cgroup_fd = -1;
	if (namespace_remember(&live->home) != 0)
		return report_fill(error, "open", "/proc", NULL);
	if (namespace_is_first() != 1)
		return report_fill(
			error, "look at what is live in", PATHS_RUN,
			"this is not the mount namespace of process 1, nor may it be entered");
	if (stat(PATHS_RUN, &status) != 0 && errno == ENOENT)
		return 0; /* after a reboot: nothing is live */
	live->run_fd = hub_open_run_directory(error);
	if (live->run_fd < 0)
		return -1;
	live->cgroup_fd = cgroup_open();
	live->hub_fd = hub_open(&live->home, live->run_fd);
	live->hub_inode =
		live->hub_fd >= 0 && fstat(live->hub_fd, &status) == 0 ? status.st_ino : 0;
	bool has_answer = live->hub_fd >= 0 || errno == ENXIO || errno == ESTALE;
	if (has_answer && collect(live) == 0)
		return 0;
	(void)report_fill(error, "look at what is live in", PATHS_RUN, NULL);
	live_close(live);
	return -1;
}

void live_close(struct live *live)
{
	scan_free(&live->scan);
	free(live->names);
	free(live->retired);
	auto_close(&live->cgroup_fd);
	auto_close(&live->hub_fd);
	auto_close(&live->run_fd);
}

const struct live_retired *live_retired_of(const struct live *live, const char *name, size_t *count)
{
	size_t low = 0, high = live->retired_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(live->retired[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (*count = 0; low + *count < live->retired_count; ++*count)
		if (strcmp(live->retired[low + *count].name, name) != 0)
			break;
	return live->retired + low;
}

bool live_has_transit(const struct live *live)
{
	return live->hub_inode != 0 && scan_count_in(&live->scan, live->hub_inode) > 0;
}

int live_open_jail(const struct live *live, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "jails/%s", name);
	return path_open_own(live->run_fd, path);
}

enum live_state live_judge(const struct live *live, const struct record *record, size_t *processes)
{
	*processes = scan_count(&live->scan, record);
	if (!record_is_current(record))
		return LIVE_STALE;
	if (*processes > 0)
		return LIVE_IN_USE;
	return record->marked_ns > record->entered_ns ? LIVE_MARKED : LIVE_IDLE;
}

static int look(void *context, size_t index)
{
	const struct live *live = context;
	AUTO_CLOSE directory_fd = live_open_jail(live, live->names[index]);
	struct record record;
	size_t processes;

	if (directory_fd < 0 || state_read(directory_fd, live->names[index], &record) != 0)
		return LIVE_DISCARDED;
	return (int)live_judge(live, &record, &processes);
}

signed char *live_states(struct live *live)
{
	signed char *states = crew_share(live->count + 1);

	if (!states || crew_work(live->count, live->count < 64 ? 1 : 4, look, live, states) != 0)
		return NULL;
	for (size_t i = 0; i < live->count; i++)
		if (states[i] == CREW_STUCK)
			states[i] = LIVE_UNREACHABLE;
	return states;
}

const char *live_state_name(enum live_state state)
{
	static const char *const names[LIVE_STATES] = {"in use", "idle",      "marked",
						       "stale",  "discarded", "no answer"};

	return names[state];
}
