/* SPDX-License-Identifier: MIT */
/* Questions of the other tools, answered by the same code that the keeper itself goes by. */
#include "ask.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "config.h"
#include "inside.h"
#include "mounted.h"
#include "live.h"
#include "lock.h"
#include "path.h"
#include "privilege.h"
#include "report.h"
#include "state.h"
#include "trampoline/name.h"
#include "trampoline/quantity.h"

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
	if (lock_take(fd, true) != 0)
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
	print_process(mounted_find(&live.home, fd));
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
