/* SPDX-License-Identifier: MIT */
/* Directories are cgroups, and each file in one is a value: cgroups(7). Only empty ones can go. */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "path.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"

/* Whether FS is the cgroup2 mount that shows all cgroups, and nothing is mounted over it. */
static bool is_whole(struct libmnt_fs *fs)
{
	const char *type = mnt_fs_get_fstype(fs), *root = mnt_fs_get_root(fs);
	struct statx status;

	return type && root && !strcmp(type, "cgroup2") && !strcmp(root, "/") &&
	       statx(AT_FDCWD, mnt_fs_get_target(fs), 0, STATX_MNT_ID, &status) == 0 &&
	       status.stx_mnt_id == (uint64_t)mnt_fs_get_id(fs);
}

static int find_mount(char path[static CGROUP_MOUNT_MAX])
{
	AUTO_TABLE table = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_iter *iterator = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int result = -1;

	while (table && iterator && result != 0 && mnt_table_next_fs(table, iterator, &fs) == 0)
		if (is_whole(fs) && snprintf(path, CGROUP_MOUNT_MAX, "%s", mnt_fs_get_target(fs)) <
					    CGROUP_MOUNT_MAX)
			result = 0;
	mnt_free_iter(iterator);
	errno = ENODEV;
	return result;
}

int cgroup_open_above(char mount[static CGROUP_MOUNT_MAX])
{
	char above[sizeof(PATHS_CGROUP)] = PATHS_CGROUP;
	char *slash = strrchr(above, '/');

	if (find_mount(mount) != 0)
		return -1;
	AUTO_CLOSE root_fd = path_open_directory(AT_FDCWD, mount);
	if (slash)
		*slash = '\0';
	return root_fd < 0 ? -1 : path_open_own(root_fd, slash ? above : ".");
}

const char *cgroup_name(void)
{
	const char *slash = strrchr(PATHS_CGROUP, '/');

	return slash ? slash + 1 : PATHS_CGROUP;
}

int cgroup_open(void)
{
	char mount[CGROUP_MOUNT_MAX];
	AUTO_CLOSE above_fd = cgroup_open_above(mount);

	return above_fd < 0 ? -1 : path_open_own(above_fd, cgroup_name());
}

int cgroup_read(int directory_fd, const char *file, char value[static CGROUP_VALUE_SIZE])
{
	AUTO_CLOSE fd = openat(directory_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, value, CGROUP_VALUE_SIZE - 1);

	if (length < 0)
		return -1;
	value[length] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return 0;
}

int cgroup_write(int directory_fd, const char *file, const char *value)
{
	AUTO_CLOSE fd = openat(directory_fd, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 || write(fd, value, strlen(value)) < 0 ? -1 : 0;
}

static int open_leaf(int cgroup_fd, const char *name)
{
	char leaf[CGROUP_LEAF_SIZE];

	snprintf(leaf, sizeof(leaf), CGROUP_LEAF "%s", name);
	return path_open_own(cgroup_fd, leaf);
}

int cgroup_remove(int cgroup_fd, const char *name)
{
	char leaf[CGROUP_LEAF_SIZE];

	snprintf(leaf, sizeof(leaf), CGROUP_LEAF "%s", name);
	if (cgroup_fd < 0 || unlinkat(cgroup_fd, leaf, AT_REMOVEDIR) == 0)
		return 0;
	return errno == ENOENT || errno == EBUSY ? 0 : -1;
}

bool cgroup_exists(int cgroup_fd, const char *name)
{
	AUTO_CLOSE leaf_fd = cgroup_fd < 0 ? -1 : open_leaf(cgroup_fd, name);

	return leaf_fd >= 0;
}

/* A file that is a number; QUANTITY_UNLIMITED where it is not there. */
static uint64_t number_in(int leaf_fd, const char *file)
{
	char value[CGROUP_VALUE_SIZE];
	uint64_t number = QUANTITY_UNLIMITED;

	if (cgroup_read(leaf_fd, file, value) == 0)
		(void)!quantity_parse(QUANTITY_NUMBER, value, &number);
	return number;
}

/* One line for each. */
static uint64_t count_processes(int leaf_fd)
{
	AUTO_CLOSE fd = openat(leaf_fd, "cgroup.procs", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t count = 0;
	char buffer[4096];
	ssize_t length;

	while (fd >= 0 && (length = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < length; i++)
			count += buffer[i] == '\n';
	return count;
}

int cgroup_read_usage(int cgroup_fd, const char *name, struct cgroup_usage *usage)
{
	static const char cpu[] = "usage_usec ";
	char value[CGROUP_VALUE_SIZE];
	AUTO_CLOSE leaf_fd = cgroup_fd < 0 ? -1 : open_leaf(cgroup_fd, name);

	if (leaf_fd < 0 || cgroup_read(leaf_fd, "cpu.stat", value) != 0)
		return -1;
	usage->memory = number_in(leaf_fd, "memory.current");
	usage->memory_peak = number_in(leaf_fd, "memory.peak"); /* since Linux 5.19 */
	usage->processes = count_processes(leaf_fd);
	errno = EPROTO; /* its first line, cgroup-v2 */
	return strncmp(value, cpu, strlen(cpu)) != 0
		       ? -1
		       : quantity_parse(QUANTITY_NUMBER, value + strlen(cpu), &usage->cpu_us);
}
