/* SPDX-License-Identifier: MIT */
/*
 * Directories are cgroups, and each file in one is a value: cgroups(7). A controller is turned on
 * where our cgroup is and in our cgroup, and never off: as long as it is on here, nobody can turn
 * it off above. What is written is read back.
 */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "policy/path.h"
#include "report.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"

#define MOUNT_MAX 96
#define VALUE_SIZE 512
#define PERIOD_US 100000
#define OWN_NAME (strrchr("/" PATHS_CGROUP, '/') + 1) /* the last name in it */

_Static_assert(MOUNT_MAX + sizeof(PATHS_CGROUP) + CGROUP_LEAF_SIZE < RECORD_PATH_MAX,
	       "CGROUP is too long");

static const struct {
	const char *key, *controller, *file;
} resources[CONFIG_RESOURCES] = {
	[CONFIG_MEMORY] = {"memory", "memory", "memory.max"},
	[CONFIG_PROCESSES] = {"processes", "pids", "pids.max"},
	[CONFIG_CPU] = {"cpu", "cpu", "cpu.max"},
};

/* Whether FS is the cgroup2 mount that shows all cgroups, and nothing is mounted over it. */
static int is_whole(struct libmnt_fs *fs, void *context)
{
	const char *type = mnt_fs_get_fstype(fs), *root = mnt_fs_get_root(fs);
	struct statx status;

	(void)context;
	return type && root && !strcmp(type, "cgroup2") && !strcmp(root, "/") &&
	       statx(AT_FDCWD, mnt_fs_get_target(fs), 0, STATX_MNT_ID, &status) == 0 &&
	       status.stx_mnt_id == (uint64_t)mnt_fs_get_id(fs);
}

static int find_mount(char path[static MOUNT_MAX])
{
	AUTO_TABLE table = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_iter *iterator = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	bool is_found = table && iterator &&
			mnt_table_find_next_fs(table, iterator, is_whole, NULL, &fs) == 0 &&
			snprintf(path, MOUNT_MAX, "%s", mnt_fs_get_target(fs)) < MOUNT_MAX;

	mnt_free_iter(iterator);
	errno = ENODEV;
	return is_found ? 0 : -1;
}

/* Opens the directory that PATHS_CGROUP is in, which may be the root; MOUNT is where that is. */
static int open_above(char mount[static MOUNT_MAX], struct text *error)
{
	char above[sizeof(PATHS_CGROUP)] = PATHS_CGROUP;
	AUTO_CLOSE root_fd = find_mount(mount) == 0 ? path_open_directory(AT_FDCWD, mount) : -1;
	int fd = root_fd < 0 ? -1 : path_open_own(root_fd, dirname(above));
	return fd >= 0 ? fd
		       : report_fill(error, "make cgroup", PATHS_CGROUP,
				     errno == ENODEV   ? "no cgroup2 file system is mounted whole; "
							 "mount one on /sys/fs/cgroup"
				     : errno == ENOENT ? "the cgroup that it belongs in is not "
							 "there; start the unit whose it is"
						       : NULL);
}

static int open_own(int above_fd, struct text *error)
{
	int fd = path_open_own(above_fd, OWN_NAME);

	return fd >= 0 ? fd
		       : report_fill(error, "use cgroup", PATHS_CGROUP,
				     errno == EACCES
					     ? "others than root can write to it; chown root "
					       "and chmod 0700 it"
					     : NULL);
}

int cgroup_open(void)
{
	char mount[MOUNT_MAX];
	struct text error;
	AUTO_CLOSE above_fd = open_above(mount, &error);

	return above_fd < 0 ? -1 : path_open_own(above_fd, OWN_NAME);
}

/* Reads the first line of FILE; write_value() writes one. 0, or -1 and errno. */
static int read_value(int directory_fd, const char *file, char value[static VALUE_SIZE])
{
	AUTO_CLOSE fd = openat(directory_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, value, VALUE_SIZE - 1);

	value[length < 0 ? 0 : length] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return length < 0 ? -1 : 0;
}

static int write_value(int directory_fd, const char *file, const char *value)
{
	AUTO_CLOSE fd = openat(directory_fd, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 || write(fd, value, strlen(value)) < 0 ? -1 : 0;
}

bool cgroup_is_wanted(const struct config *config)
{
	return config->resources[CONFIG_MEMORY] || config->resources[CONFIG_PROCESSES] ||
	       config->resources[CONFIG_CPU];
}

/* Whether RESOURCE needs its controller: "unlimited" wants the leaf alone. */
static bool is_limited(const struct config *config, enum config_resource resource)
{
	return config->resources[resource] && config->resources[resource] != QUANTITY_UNLIMITED;
}

/* Whether FILE, a list of controllers, has that of RESOURCE. */
static bool has_controller(int directory_fd, const char *file, enum config_resource resource)
{
	char value[VALUE_SIZE], *rest = value, *word;

	if (read_value(directory_fd, file, value) == 0)
		while ((word = strsep(&rest, " ")))
			if (!strcmp(word, resources[resource].controller))
				return true;
	return false;
}

static int refuse_missing(struct text *error, enum config_resource resource)
{
	const char *controller = resources[resource].controller;
	char action[64], reason[160];

	snprintf(action, sizeof(action), "limit %s in [resources]", resources[resource].key);
	snprintf(reason, sizeof(reason),
		 "the kernel does not offer the %s controller in cgroup v2; boot with "
		 "cgroup_no_v1=%s, or set it to none",
		 controller, controller);
	return report_fill(error, action, NULL, reason);
}

int cgroup_check(const struct config *config, struct text *error)
{
	char mount[MOUNT_MAX];

	if (!cgroup_is_wanted(config))
		return 0;
	AUTO_CLOSE above_fd = open_above(mount, error);
	if (above_fd < 0)
		return -1;
	for (enum config_resource i = 0; i < CONFIG_RESOURCES; i++)
		if (is_limited(config, i) && !has_controller(above_fd, "cgroup.controllers", i))
			return refuse_missing(error, i);
	if (faccessat(above_fd, OWN_NAME, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return 0; /* it will be made */
	AUTO_CLOSE own_fd = open_own(above_fd, error);
	return own_fd < 0 ? -1 : 0;
}

/* Turns on, for what is below, the controllers that CONFIG needs and that are not on. */
static int enable(int directory_fd, const struct config *config, struct text *error)
{
	char order[16];

	for (enum config_resource i = 0; i < CONFIG_RESOURCES; i++) {
		bool is_right = !is_limited(config, i) ||
				has_controller(directory_fd, "cgroup.subtree_control", i);

		snprintf(order, sizeof(order), "+%s", resources[i].controller);
		if (is_right || write_value(directory_fd, "cgroup.subtree_control", order) == 0)
			continue;
		return report_fill(error, "turn on a controller for cgroup", PATHS_CGROUP,
				   errno == EBUSY ? "a process is in it, or right above it; only "
						    "the cgroups below may have any"
						  : NULL);
	}
	return 0;
}

/* Writes a limit and reads it back. No FILE means no controller: then nothing is limited. */
static int set(int leaf_fd, const char *file, const char *value, bool is_limit)
{
	char now[VALUE_SIZE];

	if (write_value(leaf_fd, file, value) != 0)
		return errno == ENOENT && !is_limit ? 0 : -1;
	if (read_value(leaf_fd, file, now) != 0)
		return -1;
	errno = EPROTO;
	return strcmp(now, value) == 0 ? 0 : -1;
}

static int set_limits(int leaf_fd, const struct config *config)
{
	for (enum config_resource i = 0; i < CONFIG_RESOURCES; i++) {
		uint64_t limit = config->resources[i];
		char value[48] = "max";

		if (i == CONFIG_MEMORY)
			limit &= ~((uint64_t)sysconf(_SC_PAGESIZE) - 1); /* as the kernel does */
		if (i == CONFIG_CPU)
			limit *= PERIOD_US / 100;
		if (is_limited(config, i))
			snprintf(value, sizeof(value), "%ju", (uintmax_t)limit);
		if (i == CONFIG_CPU)
			snprintf(value + strlen(value), 16, " %d", PERIOD_US);
		if (set(leaf_fd, resources[i].file, value, is_limited(config, i)) != 0)
			return -1;
	}
	/* Swap would only put off the end, at the host's cost. And memory.oom.group stays 0: a
	 * process that asks for too much does not take the user's other runs with it. */
	return set(leaf_fd, "memory.swap.max", is_limited(config, CONFIG_MEMORY) ? "0" : "max",
		   false);
}

int cgroup_make(const struct config *config, const char *name, struct record_origin *origin,
		struct text *error)
{
	char mount[MOUNT_MAX], leaf[CGROUP_LEAF_SIZE];

	if (!cgroup_is_wanted(config))
		return 0;
	AUTO_CLOSE above_fd = open_above(mount, error);
	if (above_fd < 0)
		return -1;
	if (mkdirat(above_fd, OWN_NAME, 0755) != 0 && errno != EEXIST)
		return report_fill(error, "make cgroup", PATHS_CGROUP, NULL);
	AUTO_CLOSE own_fd = open_own(above_fd, error);
	if (own_fd < 0 || enable(above_fd, config, error) != 0 ||
	    enable(own_fd, config, error) != 0)
		return -1;
	snprintf(leaf, sizeof(leaf), CGROUP_LEAF "%s", name);
	if (mkdirat(own_fd, leaf, 0755) != 0 && errno != EEXIST)
		return report_fill(error, "make a cgroup for jail", name,
				   errno == EAGAIN ? "cgroup.max.descendants or cgroup.max.depth "
						     "is reached; raise it above " PATHS_CGROUP
						   : NULL);
	snprintf(origin->path, sizeof(origin->path), "%s/" PATHS_CGROUP "/%s", mount, leaf);
	AUTO_CLOSE leaf_fd = path_open_own(own_fd, leaf);
	if (leaf_fd >= 0 && set_limits(leaf_fd, config) == 0 &&
	    path_read_origin(leaf_fd, origin) == 0)
		return 0;
	(void)report_fill(error, "limit the resources of jail", name,
			  errno == EPROTO ? "the kernel did not take a limit" : NULL);
	(void)!cgroup_remove(own_fd, name);
	return -1;
}

int cgroup_remove(int cgroup_fd, const char *name)
{
	char leaf[CGROUP_LEAF_SIZE];

	snprintf(leaf, sizeof(leaf), CGROUP_LEAF "%s", name);
	return cgroup_fd < 0 || unlinkat(cgroup_fd, leaf, AT_REMOVEDIR) == 0 || errno == ENOENT
		       ? 0
		       : -1;
}

/* The number in FILE, behind KEY; QUANTITY_UNLIMITED where it is not there. */
static uint64_t number_in(int leaf_fd, const char *file, const char *key)
{
	char value[VALUE_SIZE];
	uint64_t number = QUANTITY_UNLIMITED;

	if (read_value(leaf_fd, file, value) == 0 && !strncmp(value, key, strlen(key)))
		(void)!quantity_parse(QUANTITY_NUMBER, value + strlen(key), &number);
	return number;
}

int cgroup_read_usage(int cgroup_fd, const char *name, struct cgroup_usage *usage)
{
	char leaf[CGROUP_LEAF_SIZE];

	snprintf(leaf, sizeof(leaf), CGROUP_LEAF "%s", name);
	AUTO_CLOSE leaf_fd = cgroup_fd < 0 ? -1 : path_open_own(cgroup_fd, leaf);
	usage->memory = number_in(leaf_fd, "memory.current", "");
	usage->memory_peak = number_in(leaf_fd, "memory.peak", ""); /* since Linux 5.19 */
	usage->cpu_us = number_in(leaf_fd, "cpu.stat", "usage_usec ");
	return usage->cpu_us == QUANTITY_UNLIMITED ? -1 : 0;
}
