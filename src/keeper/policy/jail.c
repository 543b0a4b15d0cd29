/* SPDX-License-Identifier: MIT */
/*
 * Judgement: may this home be a jail's, whose is it, on which image, under which policy. Everything
 * is held by descriptors from here on; the names are not looked up again.
 */
#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "filter.h"
#include "path.h"
#include "report.h"
#include "trampoline/layout.h"
#include "trampoline/paths.h"
#include "word.h"

/* Opens data/NAME: a user exists because root made this directory. */
static int open_data(const char *name, struct text *error)
{
	AUTO_CLOSE data_fd = path_open_trusted(PATHS_DATA, error);
	struct stat status;

	if (data_fd < 0)
		return -1;
	if (fstatat(data_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
		return report_fill(error, "find jail", name,
				   "there is no such user in " PATHS_DATA
				   "; see trampoline-user(8)");
	return path_open_trusted_at(data_fd, PATHS_DATA, name, error);
}

/* Opens a directory of the user's, and remembers which it was. */
static int open_users(struct jail *jail, enum record_source source, int parent_fd, const char *name,
		      struct text *error)
{
	AUTO_CLOSE fd = path_open_directory(parent_fd, name);
	struct record_origin *origin = &jail->record.origins[source];

	if (fd < 0)
		return report_fill(error, "open directory", origin->path,
				   errno == ENOTDIR ? "it is a symbolic link or no directory"
						    : NULL);
	if (path_read_origin(fd, origin) != 0)
		return report_fill(error, "look at directory", origin->path, NULL);
	return auto_close_take(&fd);
}

/* Whether a jail's user may have this ID, a uid or gid. -1 with *ERROR. */
static int judge_id(const struct jail *jail, bool is_gid, uint32_t id, const char *action,
		    struct text *error)
{
	const struct config *config = &jail->config;
	const char *kind = is_gid ? "gid" : "uid";
	char reason[160];

	if (config_has_id(config, is_gid, id))
		return 0;
	snprintf(reason, sizeof(reason),
		 id == CONFIG_NOBODY
			 ? "its %s is %u, which is nobody's"
			 : "its %s, %u, is not between minimum_%s and maximum_%s, %ju and %ju",
		 kind, id, kind, kind, (uintmax_t)config_least(config, is_gid),
		 (uintmax_t)config_greatest(config, is_gid));
	return report_fill(error, action, jail->record.origins[RECORD_HOME].path, reason);
}

/* Adds GID to the record's groups, which ascend. */
static void add_group(struct record *record, uint32_t gid)
{
	uint32_t *groups = record->groups, at = record->group_count;

	for (uint32_t i = 0; i < record->group_count; i++)
		if (groups[i] == gid)
			return;
	for (; at > 0 && groups[at - 1] > gid; at--)
		groups[at] = groups[at - 1];
	groups[at] = gid;
	record->group_count++;
}

/* The owner of data/NAME/home/NAME is who the jail runs as: only root can give a directory away. */
static int identify(struct jail *jail, struct text *error)
{
	struct record *record = &jail->record;
	const struct record_origin *home = &record->origins[RECORD_HOME];
	const struct record_origin *tmp = &record->origins[RECORD_TMP];

	if (judge_id(jail, false, home->uid, "run as the owner of", error) != 0 ||
	    judge_id(jail, true, home->gid, "run as the group of", error) != 0)
		return -1;
	record->uid = home->uid;
	record->gid = home->gid;
	add_group(record, record->gid);
	for (uint32_t i = 0; i < jail->config.group_count; i++)
		add_group(record, jail->config.groups[i]);
	if (tmp->uid != record->uid)
		return report_fill(error, "use", tmp->path,
				   "it belongs to another user than the home");
	return 0;
}

static int open_data_directories(struct jail *jail, struct text *error)
{
	const char *name = jail->record.name;
	AUTO_CLOSE data_fd = open_data(name, error);
	char path[PATH_MAX];

	if (data_fd < 0)
		return -1;
	snprintf(path, sizeof(path), PATHS_DATA "/%s", name);
	jail->base_fd = path_open_trusted_at(data_fd, path, "home", error);
	if (jail->base_fd < 0)
		return -1;
	if (path_read_origin(jail->base_fd, &jail->record.origins[RECORD_BASE]) != 0)
		return report_fill(error, "look at directory", path, NULL);
	AUTO_CLOSE home_fd = open_users(jail, RECORD_HOME, jail->base_fd, name, error);
	if (home_fd < 0)
		return -1;
	/* What is bound is one file system: another's root mounted on it would stay behind. */
	if (jail->record.origins[RECORD_HOME].device != jail->record.origins[RECORD_BASE].device &&
	    path_is_mount(home_fd))
		return report_fill(error, "use", jail->record.origins[RECORD_HOME].path,
				   "it is a mount of its own; mount that file system one level "
				   "higher");
	jail->tmp_fd = open_users(jail, RECORD_TMP, data_fd, "tmp", error);
	return jail->tmp_fd < 0 ? -1 : identify(jail, error);
}

/* The policy as the launcher will obey it. */
static void copy_policy(struct record *record, const struct config *config, const char *name)
{
	*record = config->policy;
	snprintf(record->name, sizeof(record->name), "%s", name);
	if (config->are_processes_private)
		record->flags |= RECORD_PRIVATE_PROCESSES;
	if (config->has_proc)
		record->flags |= RECORD_PROC;
	for (enum record_source source = 0; source < RECORD_SOURCES; source++)
		path_of_origin(source, name, record->image, record->origins[source].path);
}

/* Adds one of every run's variables to the end of the tail. It has room: CONFIG_PAIRS_SIZE_MAX. */
static void set(struct record *record, const char *name, const char *before, const char *value)
{
	size_t room = RECORD_SET_MAX - record->set_length;
	char *at = record_set(record) + record->set_length;

	record->set_length += (uint32_t)snprintf(at, room, "%s=%s%s", name, before, value) + 1;
}

static void set_all(struct record *record, const struct config *config)
{
	const struct config_pair *pairs = config->pairs[CONFIG_SET];

	set(record, "HOME", "/home/", record->name);
	set(record, "USER", "", record->name);
	set(record, "LOGNAME", "", record->name);
	set(record, "SHELL", "", record->shell);
	set(record, "PATH", "", config->path);
	for (uint32_t i = 0; i < config->pair_counts[CONFIG_SET]; i++)
		set(record, pairs[i].key, "", pairs[i].value);
}

_Static_assert(RECORD_SET_MAX > CONFIG_PAIRS_SIZE_MAX + sizeof(((struct config *)0)->path) +
					sizeof(((struct config *)0)->policy.shell) +
					4ul * NAME_LENGTH_MAX,
	       "all variables fit");

/* Opens what is bound. A refusal names the line as well. */
static int open_binds(struct jail *jail, struct text *error)
{
	struct text reason;

	for (uint32_t i = 0; i < jail->config.pair_counts[CONFIG_BINDS]; i++) {
		const struct config_pair *bind = &jail->config.pairs[CONFIG_BINDS][i];
		struct record_origin *origin = &record_binds(&jail->record)[i];
		char line[RECORD_PATH_MAX + 16];

		(void)word_read_bind(bind->value, origin->path);
		jail->bind_fds[i] = path_open_bind(origin, jail->image_fd, bind->key, &reason);
		snprintf(line, sizeof(line), "%s:%d", jail->record.origins[bind->source].path,
			 bind->line);
		if (jail->bind_fds[i] < 0)
			return report_fill(error, "use", line, reason.bytes);
		jail->record.bind_count++;
	}
	return 0;
}

static int describe(struct jail *jail, const char *name, struct text *error)
{
	struct record *record = &jail->record;

	if (config_load(&jail->config, name, error) != 0)
		return -1;
	copy_policy(record, &jail->config, name);
	if (open_data_directories(jail, error) != 0)
		return -1;
	jail->image_fd = path_open_image(record->image, record->image_version, error);
	if (jail->image_fd < 0)
		return -1;
	if (path_read_origin(jail->image_fd, &record->origins[RECORD_IMAGE]) != 0)
		return report_fill(error, "look at image", record->image, NULL);
	if (!strcmp(record->shell, "auto"))
		snprintf(record->shell, sizeof(record->shell), "%s",
			 path_is_program(jail->image_fd, "/bin/bash") ? "/bin/bash" : "/bin/sh");
	if (jail->config.is_filtered && filter_compile(record) != 0)
		return report_fill(error, "compile the system call filter", NULL, NULL);
	if (open_binds(jail, error) != 0)
		return -1;
	set_all(record, &jail->config); /* the last part of the tail */
	return 0;
}

int jail_describe(struct jail *jail, const char *name, struct text *error)
{
	memset(jail, 0, sizeof(*jail));
	jail->image_fd = jail->base_fd = jail->tmp_fd = -1;
	if (describe(jail, name, error) == 0)
		return 0;
	jail_close(jail);
	return -1;
}

void jail_close(struct jail *jail)
{
	auto_close(&jail->image_fd);
	auto_close(&jail->base_fd);
	auto_close(&jail->tmp_fd);
	for (uint32_t i = 0; i < jail->record.bind_count; i++)
		auto_close(&jail->bind_fds[i]);
	jail->image_fd = jail->base_fd = jail->tmp_fd = -1;
	jail->record.bind_count = 0;
}

#define INERT (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define DEVICES (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)

size_t jail_mounts(const struct jail *jail, struct jail_mount mounts[static JAIL_MOUNTS_MAX])
{
	const struct record_origin *origins = jail->record.origins;
	const struct config *config = &jail->config;
	const uint64_t noexec = config->is_noexec ? MOUNT_ATTR_NOEXEC : 0;
	const struct jail_mount fixed[] = {
		{"/", MOUNT_ATTR_RDONLY | INERT, jail->image_fd, NULL, &origins[RECORD_IMAGE]},
		{"/home", INERT | noexec, jail->base_fd, NULL, &origins[RECORD_BASE]},
		{"/tmp", INERT | noexec, jail->tmp_fd, NULL, &origins[RECORD_TMP]},
		{"/dev", MOUNT_ATTR_RDONLY | DEVICES, -1, LAYOUT_DEV, NULL},
		{"/dev/pts", DEVICES, -1, NULL, NULL},
		{"/proc", INERT | MOUNT_ATTR_NOEXEC, -1, LAYOUT_PROC, NULL}};
	const bool wanted[] = {
		true, true, true, config->has_dev, config->has_dev, config->has_proc};
	char host[RECORD_PATH_MAX];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(fixed); i++)
		if (wanted[i])
			mounts[count++] = fixed[i];
	for (uint32_t i = 0; i < jail->record.bind_count; i++) {
		const struct config_pair *bind = &config->pairs[CONFIG_BINDS][i];
		uint64_t attributes = word_read_bind(bind->value, host);

		if (!(attributes & MOUNT_ATTR_RDONLY))
			attributes |= noexec;
		mounts[count++] = (struct jail_mount){bind->key, attributes, jail->bind_fds[i],
						      NULL, &record_binds(&jail->record)[i]};
	}
	return count;
}
