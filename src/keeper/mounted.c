/* SPDX-License-Identifier: MIT */
/* proc_pid_mountinfo(5), read by libmount: which directory of which file system is mounted. */
#include "mounted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "inside.h"

struct libmnt_table *mounted_read(const struct namespace_home *home, const char *process)
{
	char path[32];

	snprintf(path, sizeof(path), "%s/mountinfo", process);
	AUTO_CLOSE fd = openat(home->proc_fd, path, O_RDONLY | O_CLOEXEC);
	AUTO_FILE stream = fd < 0 ? NULL : fdopen(fd, "r");
	AUTO_TABLE table = mnt_new_table();

	if (!stream)
		return NULL;
	fd = -1; /* the stream's now */
	errno = ENOMEM;
	if (!table || mnt_table_parse_stream(table, stream, "mountinfo") != 0)
		return NULL;
	mnt_ref_table(table);
	return table;
}

static struct libmnt_table *read_number(const struct namespace_home *home, pid_t process)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", process);
	return mounted_read(home, number);
}

void mounted_name(const struct namespace_home *home, pid_t process,
		  char name[static NAME_LENGTH_MAX + 1])
{
	AUTO_TABLE table = read_number(home, process);
	struct libmnt_fs *fs =
		table ? mnt_table_find_target(table, "/home", MNT_ITER_BACKWARD) : NULL;
	const char *root = fs ? mnt_fs_get_root(fs) : NULL, *end = NULL;

	/* "/NAME/home" in the file system that DATA is on, perhaps with more before it. */
	for (const char *at = root; at && (at = strstr(at, "/home")); at++)
		end = at[strlen("/home")] == '\0' ? at : end;
	const char *start = end;
	while (start && start > root && start[-1] != '/')
		start--;
	name[0] = '\0';
	if (start && end - start <= NAME_LENGTH_MAX)
		snprintf(name, NAME_LENGTH_MAX + 1, "%.*s", (int)(end - start), start);
	if (!name_is_jail(name))
		name[0] = '\0';
}

/* The entry of our own table for the mount that the file at FD is on. */
static struct libmnt_fs *find_mount(struct libmnt_table *table, int fd)
{
	struct libmnt_iter *iterator = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs, *found = NULL;
	struct statx status;

	if (iterator && statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) == 0)
		while (!found && mnt_table_next_fs(table, iterator, &fs) == 0)
			if ((uint64_t)mnt_fs_get_id(fs) == status.stx_mnt_id)
				found = fs;
	mnt_free_iter(iterator);
	return found;
}

/*
 * Where the directory at FD is in its file system, as mountinfo tells it of a mount of that
 * directory. -1 and errno.
 */
static int find_root(struct libmnt_table *table, int fd, dev_t *device, char root[static PATH_MAX])
{
	struct libmnt_fs *fs = find_mount(table, fd);
	char self[32], whole[PATH_MAX];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	ssize_t length = readlink(self, whole, sizeof(whole) - 1);
	const char *top = fs ? mnt_fs_get_root(fs) : NULL;
	const char *target = fs ? mnt_fs_get_target(fs) : NULL;
	errno = ENOENT;
	if (length < 0 || !top || !target)
		return -1;
	whole[length] = '\0';
	size_t skip = strcmp(target, "/") == 0 ? 0 : strlen(target);
	if (strncmp(whole, target, skip) != 0)
		return -1;
	*device = mnt_fs_get_devno(fs);
	errno = ENAMETOOLONG;
	return snprintf(root, PATH_MAX, "%s%s", strcmp(top, "/") == 0 ? "" : top, whole + skip) <
			       PATH_MAX
		       ? 0
		       : -1;
}

struct directory {
	const struct namespace_home *home;
	dev_t device;
	char root[PATH_MAX];
};

static int has_mounted(void *context, const struct inside_process *process)
{
	const struct directory *directory = context;
	size_t length = strlen(directory->root);
	struct libmnt_fs *fs;
	int result = 0;

	if (process->is_on_host)
		return 0;
	AUTO_TABLE table = read_number(directory->home, process->pid);
	/* It has ended, has no mounts any more (EINVAL), or may not be looked at. */
	if (!table)
		return errno == ENOENT || errno == ESRCH || errno == EINVAL || errno == EACCES ||
				       errno == EPERM
			       ? 0
			       : -1;
	struct libmnt_iter *iterator = mnt_new_iter(MNT_ITER_FORWARD);
	if (!iterator)
		return -1;
	while (result == 0 && mnt_table_next_fs(table, iterator, &fs) == 0) {
		const char *root = mnt_fs_get_root(fs);

		result = root && mnt_fs_get_devno(fs) == directory->device &&
			 strncmp(root, directory->root, length) == 0 &&
			 (root[length] == '\0' || root[length] == '/');
	}
	mnt_free_iter(iterator);
	return result;
}

pid_t mounted_find(const struct namespace_home *home, int fd)
{
	struct directory directory = {.home = home};
	AUTO_TABLE table = mnt_new_table_from_file("/proc/self/mountinfo");

	if (!table || find_root(table, fd, &directory.device, directory.root) != 0)
		return -1;
	return inside_search(home, has_mounted, &directory);
}
