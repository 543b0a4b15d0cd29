/* SPDX-License-Identifier: MIT */
/*
 * A controller is turned on where our cgroup is and in our cgroup, and never off: as long as it is
 * on here, nobody can turn it off above. What is written is read back.
 */
#include "resources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "auto_free.h"
#include "origin.h"
#include "path.h"
#include "privilege.h"
#include "report.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"

#define PERIOD_US 100000
_Static_assert(CGROUP_MOUNT_MAX + sizeof(PATHS_CGROUP) + CGROUP_LEAF_SIZE < RECORD_PATH_MAX,
	       "CGROUP is too long");

static const struct {
	const char *key, *controller, *file;
} resources[CONFIG_RESOURCES] = {
	[CONFIG_MEMORY] = {"memory", "memory", "memory.max"},
	[CONFIG_PROCESSES] = {"processes", "pids", "pids.max"},
	[CONFIG_CPU] = {"cpu", "cpu", "cpu.max"},
};

static bool is_wanted(const struct config *config)
{
	for (size_t i = 0; i < CONFIG_RESOURCES; i++)
		if (config->resources[i])
			return true;
	return false;
}

/* "unlimited" wants the leaf, and no controller. */
static bool is_limited(const struct config *config, enum config_resource resource)
{
	return config->resources[resource] && config->resources[resource] != QUANTITY_UNLIMITED;
}

/* Whether FILE, a list of controllers, has that of RESOURCE. */
static bool has_controller(int directory_fd, const char *file, enum config_resource resource)
{
	char value[CGROUP_VALUE_SIZE], *rest = value, *word;

	if (cgroup_read(directory_fd, file, value) != 0)
		return false;
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

static int open_above(char mount[static CGROUP_MOUNT_MAX], struct text *error)
{
	int fd = cgroup_open_above(mount);

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
	int fd = path_open_own(above_fd, cgroup_name());

	return fd >= 0 ? fd
		       : report_fill(error, "use cgroup", PATHS_CGROUP,
				     errno == EPERM
					     ? "others than root can write to it; chown root "
					       "and chmod 0700 it"
					     : NULL);
}

int resources_check(const struct config *config, struct text *error)
{
	char mount[CGROUP_MOUNT_MAX];

	if (!is_wanted(config))
		return 0;
	AUTO_CLOSE above_fd = open_above(mount, error);
	if (above_fd < 0)
		return -1;
	for (enum config_resource i = 0; i < CONFIG_RESOURCES; i++)
		if (is_limited(config, i) && !has_controller(above_fd, "cgroup.controllers", i))
			return refuse_missing(error, i);
	if (faccessat(above_fd, cgroup_name(), F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return 0; /* it will be made */
	AUTO_CLOSE own_fd = open_own(above_fd, error);
	return own_fd < 0 ? -1 : 0;
}

/* Turns on, for what is below, the controllers that CONFIG needs and that are not on. */
static int enable(int directory_fd, const struct config *config, struct text *error)
{
	char order[16];

	for (enum config_resource i = 0; i < CONFIG_RESOURCES; i++) {
		if (!is_limited(config, i) ||
		    has_controller(directory_fd, "cgroup.subtree_control", i))
			continue;
		snprintf(order, sizeof(order), "+%s", resources[i].controller);
		if (cgroup_write(directory_fd, "cgroup.subtree_control", order) == 0)
			continue;
		if (errno == ENOENT)
			return refuse_missing(error, i);
		return report_fill(error, "turn on a controller for cgroup", PATHS_CGROUP,
				   errno == EBUSY ? "a process is in it, or right above it; only "
						    "the cgroups below may have any"
						  : NULL);
	}
	return 0;
}

/* Writes a limit and looks whether it is so. Without its controller nothing is limited already. */
static int set(int leaf_fd, const char *file, const char *value, bool is_limit)
{
	char now[CGROUP_VALUE_SIZE];

	if (cgroup_write(leaf_fd, file, value) != 0)
		return errno == ENOENT && !is_limit ? 0 : -1;
	if (cgroup_read(leaf_fd, file, now) != 0)
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

/* The root of all cgroups is closed to its owner too: its mode is 0555. */
static int make_own(int above_fd)
{
	if (mkdirat(above_fd, cgroup_name(), 0755) == 0 || errno == EEXIST)
		return 0;
	if (errno != EACCES || privilege_override(true) != 0)
		return -1;
	int result = mkdirat(above_fd, cgroup_name(), 0755), error = errno;
	if (privilege_override(false) != 0)
		return -1;
	errno = error;
	return result == 0 || error == EEXIST ? 0 : -1;
}

int resources_make(const struct config *config, const char *name, struct record_origin *origin,
		   struct text *error)
{
	char mount[CGROUP_MOUNT_MAX], leaf[CGROUP_LEAF_SIZE];

	if (!is_wanted(config))
		return 0;
	AUTO_CLOSE above_fd = open_above(mount, error);
	if (above_fd < 0)
		return -1;
	if (make_own(above_fd) != 0)
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
	if (leaf_fd >= 0 && set_limits(leaf_fd, config) == 0 && origin_read(leaf_fd, origin) == 0)
		return 0;
	(void)report_fill(error, "limit the resources of jail", name,
			  errno == EPROTO ? "the kernel did not take a limit" : NULL);
	(void)!cgroup_remove(own_fd, name);
	return -1;
}
