/* SPDX-License-Identifier: MIT */
/* Questions of the other tools, answered by the same code that the keeper itself goes by. */
#include "ask.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "build/state.h"
#include "inside.h"
#include "list.h"
#include "policy/config.h"
#include "policy/path.h"
#include "report.h"
#include "trampoline/name.h"
#include "trampoline/quantity.h"

/* What mountinfo tells of a mount of a directory: the device, and the path in that. */
struct directory {
	const struct namespace_host *host;
	dev_t device;
	char root[2 * PATH_MAX];
};

/* Whether FS is a mount of the directory or of something in it. */
static int is_part(struct libmnt_fs *fs, void *context)
{
	const struct directory *directory = context;
	const char *root = mnt_fs_get_root(fs);
	size_t length = strlen(directory->root);

	return root && mnt_fs_get_devno(fs) == directory->device &&
	       strncmp(root, directory->root, length) == 0 &&
	       (root[length] == '\0' || root[length] == '/');
}

static int has_mounted(void *context, const struct inside_process *process)
{
	const struct directory *directory = context;
	struct libmnt_fs *fs;

	if (process->is_on_host)
		return 0;
	AUTO_TABLE table = namespace_mounts(directory->host, process->pid);
	/* It has ended, has no mounts any more (EINVAL), or may not be looked at. */
	if (!table && (errno == ENOENT || errno == ESRCH || errno == EINVAL || errno == EACCES ||
		       errno == EPERM))
		return 0;
	struct libmnt_iter *iterator = table ? mnt_new_iter(MNT_ITER_FORWARD) : NULL;
	int result = iterator ? mnt_table_find_next_fs(table, iterator, is_part, context, &fs) : -1;
	mnt_free_iter(iterator);
	return result < 0 ? -1 : result == 0;
}

pid_t ask_find_mounted(const struct namespace_host *host, int fd)
{
	struct directory directory = {.host = host};
	char link[32], whole[PATH_MAX] = "";
	struct statx status;
	AUTO_TABLE table = namespace_mounts(host, 0);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (!table || readlink(link, whole, sizeof(whole) - 1) < 0 ||
	    statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0)
		return -1;
	struct libmnt_fs *fs = mnt_table_find_mountpoint(table, whole, MNT_ITER_BACKWARD);
	errno = ENOENT;
	if (!fs || (uint64_t)mnt_fs_get_id(fs) != status.stx_mnt_id)
		return -1; /* it was moved, or its mount is covered by another */
	const char *root = mnt_fs_get_root(fs), *target = mnt_fs_get_target(fs);
	directory.device = mnt_fs_get_devno(fs);
	/* In front of the rest of the path, "/" is nothing. */
	snprintf(directory.root, sizeof(directory.root), "%s%s", root[1] ? root : "",
		 whole + (target[1] ? strlen(target) : 0));
	return inside_search(host, has_mounted, &directory);
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

	if (quantity_parse(QUANTITY_NUMBER, argument, &uid) != 0)
		report_refuse("ask for the uid", argument, "it is no number");
	list_open(&live, PRIVILEGE_LOOK, NULL);
	print_process(inside_find(&live.host, (uid_t)uid));
	live_close(&live);
}

/*
 * Whether the record of a jail says that it is on the image of STATUS, so that a launcher may be on
 * its way into it. The lock is waited for, because a keeper may be building the jail. Of a record
 * that no launcher obeys any more nothing is read; but one that has obeyed it may still be on its
 * way, and is waited for.
 */
static bool is_on_image(const struct live *live, const char *name, const struct stat *status)
{
	struct record record;
	struct text error;
	AUTO_CLOSE fd = state_lock(live->run_fd, name, true, &error);

	if (fd < 0)
		report_die(&error);
	if (state_read(fd, name, &record) == 0)
		return record.origins[RECORD_IMAGE].device == status->st_dev &&
		       record.origins[RECORD_IMAGE].inode == status->st_ino;
	if (errno != ENOENT && state_withdraw(fd, name, true, &error) != 0)
		report_die(&error);
	return false;
}

static void answer_mounted(const char *argument)
{
	struct live live;
	struct text error;
	struct stat status;
	size_t i = 0;

	list_open(&live, PRIVILEGE_LOOK, NULL);
	AUTO_CLOSE fd = path_open_trusted(argument, &error);
	if (fd < 0)
		report_die(&error);
	if (fstat(fd, &status) != 0)
		report_refuse("look at directory", argument, NULL);
	while (i < live.count && !is_on_image(&live, live.jails[i].name, &status))
		i++;
	if (i < live.count)
		printf("jail %s\n", live.jails[i].name);
	else
		print_process(ask_find_mounted(&live.host, fd));
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
			report_refuse("ask for the policy of", name, NAME_RULE);
		if (config_load(&config, name, &error) == 0) {
			printf("%s %s %ju %ju %ju %ju\n", name, config.policy.image,
			       (uintmax_t)config_least(&config, false),
			       (uintmax_t)config_greatest(&config, false),
			       (uintmax_t)config_least(&config, true),
			       (uintmax_t)config_greatest(&config, true));
		} else {
			printf("%s ? ? ? ? ?\n", name);
			fprintf(stderr, "trampoline: %s\n", error.bytes);
		}
	}
}

void ask_answer(const char *question, const char *argument)
{
	if (argument && !strcmp(question, "uid"))
		answer_uid(argument);
	else if (argument && !strcmp(question, "mounted"))
		answer_mounted(argument);
	else if (!strcmp(question, "policy"))
		answer_policy();
	else
		report_refuse("answer the question", question, "there is no such question");
}
