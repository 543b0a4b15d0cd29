/* SPDX-License-Identifier: MIT */
/* The directories of ours are listed, and no other is opened. */
#include "foreign.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"
#include "report.h"
#include "state.h"
#include "trampoline/layout.h"
#include "trampoline/paths.h"

typedef void teller(const struct text *sentence);

static bool is_ours_in_run(const char *name)
{
	return !strcmp(name, LAYOUT_RUN_HUB) || !strcmp(name, LAYOUT_RUN_JAILS);
}

/* Tells of the entries of a directory, called PATH, that IS_OURS does not know. */
static size_t look(int directory_fd, const char *path, bool (*is_ours)(const char *name),
		   teller *tell)
{
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	struct text sentence;
	char whole[PATH_MAX];
	size_t found = 0;

	if (!entries && errno == ENOENT)
		return 0; /* it has just been removed */
	if (!entries) {
		(void)report_fill(&sentence, "read directory", path, NULL);
		tell(&sentence);
		return 1;
	}
	for (const struct dirent *entry; (entry = readdir(entries));) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    is_ours(entry->d_name))
			continue;
		snprintf(whole, sizeof(whole), "%s/%s", path, entry->d_name);
		(void)report_fill(&sentence, "account for", whole,
				  "it is not trampoline's; see what it is, and remove it");
		tell(&sentence);
		found++;
	}
	closedir(entries);
	return found;
}

static size_t look_into_jail(const struct live *live, const char *name, teller *tell)
{
	struct text sentence;
	char path[PATH_MAX];
	AUTO_CLOSE directory_fd = state_open(live->run_fd, name, &sentence);

	if (directory_fd < 0 && errno == ENOENT)
		return 0;
	if (directory_fd < 0) {
		tell(&sentence);
		return 1;
	}
	snprintf(path, sizeof(path), PATHS_RUN "/jails/%s", name);
	return look(directory_fd, path, state_is_ours, tell);
}

size_t foreign_find(const struct live *live, teller *tell)
{
	if (live->run_fd < 0)
		return 0;
	AUTO_CLOSE jails_fd = path_open_own(live->run_fd, LAYOUT_RUN_JAILS);
	size_t found = look(live->run_fd, PATHS_RUN, is_ours_in_run, tell);
	if (jails_fd >= 0)
		found += look(jails_fd, PATHS_RUN "/jails", name_is_jail, tell);
	for (size_t i = 0; i < live->count; i++) /* most of which a pass may just have retired */
		if (jails_fd < 0 || faccessat(jails_fd, live->names[i], F_OK, 0) == 0 ||
		    errno != ENOENT)
			found += look_into_jail(live, live->names[i], tell);
	return found;
}

static void tell_nobody(const struct text *sentence)
{
	(void)sentence;
}

bool foreign_is_in(int directory_fd)
{
	return look(directory_fd, ".", state_is_ours, tell_nobody) > 0;
}
