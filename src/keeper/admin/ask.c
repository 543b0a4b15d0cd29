/* SPDX-License-Identifier: MIT */
/* Questions of the other tools, answered by the same code that the keeper itself goes by. */
#include "ask.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "policy/config.h"
#include "inside.h"
#include "live.h"
#include "build/state.h"
#include "policy/path.h"
#include "privilege.h"
#include "report.h"
#include "trampoline/name.h"
#include "trampoline/quantity.h"

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
	AUTO_TABLE table = namespace_mounts(directory->home, process->pid);
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

pid_t ask_find_mounted(const struct namespace_home *home, int fd)
{
	struct directory directory = {.home = home};
	AUTO_TABLE table = mnt_new_table_from_file("/proc/self/mountinfo");

	if (!table || find_root(table, fd, &directory.device, directory.root) != 0)
		return -1;
	return inside_search(home, has_mounted, &directory);
}

static void open_live(struct live *live)
{
	struct text error;

	if (privilege_lower(PRIVILEGE_LOOK) != 0)
		report_refuse("lower the keeper's privilege", NULL, NULL);
	if (live_open(live, &error) != 0)
		report_die(&error);
}

static void print_process(pid_t process)
{
	if (process < 0)
		report_refuse("look at the processes", NULL, NULL);
	if (process > 0)
		printf("process %d\n", process);
}

static void answer_uid(const char *argument)
{
	struct live live;
	uint64_t uid;

	if (!argument || quantity_parse(QUANTITY_NUMBER, argument, &uid) != 0)
		report_refuse("ask for the uid", argument, "it is no number");
	open_live(&live);
	print_process(inside_find(&live.home, (uid_t)uid));
	live_close(&live);
}

/*
 * Whether the record of a jail says that it is on the image of STATUS, so that a launcher may be on
 * its way into it. The lock is waited for, because a keeper may be building the jail.
 */
static bool is_on_image(const struct live *live, const char *name, const struct stat *status)
{
	struct record record;
	AUTO_CLOSE path_fd = state_open(live->run_fd, name);
	AUTO_CLOSE fd = path_fd < 0 ? -1 : openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return false; /* without a directory there is neither keeper nor record */
	if (fd < 0)
		report_refuse("look at jail", name, NULL);
	if (state_take_lock(fd, true) != 0)
		report_refuse("lock jail", name, "a keeper is at work on it; try again");
	return state_read(fd, name, &record) == 0 &&
	       record.origins[RECORD_IMAGE].device == status->st_dev &&
	       record.origins[RECORD_IMAGE].inode == status->st_ino;
}

static void answer_mounted(const char *argument)
{
	struct live live;
	struct text error;
	struct stat status;

	open_live(&live);
	AUTO_CLOSE fd = path_open_trusted(argument ? argument : "/", &error);
	if (fd < 0)
		report_die(&error);
	if (fstat(fd, &status) != 0)
		report_refuse("look at directory", argument, NULL);
	for (size_t i = 0; i < live.count; i++)
		if (is_on_image(&live, live.jails[i].name, &status)) {
			printf("jail %s\n", live.jails[i].name);
			live_close(&live);
			return;
		}
	print_process(ask_find_mounted(&live.home, fd));
	live_close(&live);
}

static void answer_policy(void)
{
	struct config config;
	struct text error;
	char name[NAME_LENGTH_MAX + 2];

	while (fgets(name, sizeof(name), stdin)) {
		name[strcspn(name, "\n")] = '\0';
		if (!name_is_jail(name))
			report_refuse("ask for the policy of", name, "it is no jail's name");
		if (config_load(&config, name, &error) == 0) {
			printf("%s %s %ju %ju\n", name, config.image, (uintmax_t)config.minimum_uid,
			       (uintmax_t)config.maximum_uid);
			continue;
		}
		printf("%s ? ? ?\n", name);
		fprintf(stderr, "trampoline: %s\n", error.bytes);
	}
}

void ask_answer(const char *question, const char *argument)
{
	if (!strcmp(question, "uid"))
		answer_uid(argument);
	else if (!strcmp(question, "mounted"))
		answer_mounted(argument);
	else if (!strcmp(question, "policy"))
		answer_policy();
	else
		report_refuse("answer the question", question, "there is no such question");
}
