/* SPDX-License-Identifier: MIT */
/*
 * Words of the configuration that have rules of their own: users and groups, which NSS knows;
 * variables; binds; processors.
 */
#include "word.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "trampoline/quantity.h"

#define NOBODY UINT64_MAX
#define BLANKS " \t"

static bool is_number(const char *name)
{
	return name[strspn(name, "0123456789")] == '\0';
}

/* Adds to IDS what NAME is, a number itself or FOUND; or says why not. */
static const char *add_id(uint32_t *ids, uint32_t *count, size_t most, const char *name,
			  uint64_t found, const char *unknown)
{
	if (is_number(name) && quantity_parse(QUANTITY_NUMBER, name, &found) != 0)
		found = NOBODY;
	if (found > WORD_ID_LAST)
		return is_number(name) ? "a number is at most 4294967293" : unknown;
	if (*count == most)
		return "the list is too long with it";
	ids[(*count)++] = (uint32_t)found;
	return NULL;
}

const char *word_take_caller(struct config *config, const char *name)
{
	const struct passwd *user = is_number(name) ? NULL : getpwnam(name);

	return add_id(config->callers, &config->caller_count, RECORD_CALLERS_MAX, name,
		      user ? user->pw_uid : NOBODY, "there is no such user");
}

const char *word_take_group(struct config *config, const char *name)
{
	const struct group *group = is_number(name) ? NULL : getgrnam(name);

	return add_id(config->groups, &config->group_count, ARRAY_LENGTH(config->groups), name,
		      group ? group->gr_gid : NOBODY, "there is no such group");
}

const char *word_take_kept(struct config *config, const char *name)
{
	size_t length = strlen(name);
	bool is_prefix = length > 1 && name[length - 1] == '*';

	if (!name_is_variable(name, length - is_prefix))
		return "it wants variables' names, with * as the last letter of some";
	if (config->keep_length + length + 1 > sizeof(config->keep))
		return "the list is too long";
	memcpy(config->keep + config->keep_length, name, length + 1);
	config->keep_length += (uint32_t)length + 1;
	return NULL;
}

const char *word_judge_variable(const char *name, const char *value)
{
	(void)value; /* any */
	if (!name_is_variable(name, strlen(name)))
		return ": a variable's name has letters, digits and _, and begins with no digit";
	if (!strcmp(name, "HOME") || !strcmp(name, "USER") || !strcmp(name, "LOGNAME"))
		return ": it says who the user is";
	if (!strcmp(name, "PATH") || !strcmp(name, "SHELL"))
		return ": [environment] has a key for it";
	return NULL;
}

bool word_is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/* Whether PATH is absolute and has a component, none of them empty, `.' or `..'. */
static bool is_plain(const char *path)
{
	const char *at = path;

	while (*at == '/') {
		size_t length = strcspn(++at, "/");

		if (length == 0 || (length <= 2 && strncmp(at, "..", length) == 0))
			return false;
		at += length;
	}
	return at > path && *at == '\0';
}

uint64_t word_read_bind(const char *value, char host[static RECORD_PATH_MAX])
{
	uint64_t attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	size_t length = strcspn(value, BLANKS);

	if (snprintf(host, RECORD_PATH_MAX, "%.*s", (int)length, value) >= RECORD_PATH_MAX)
		return 0;
	for (const char *at = value + length; *(at += strspn(at, BLANKS)); at += length) {
		length = strcspn(at, BLANKS);
		if (length == 2 && !strncmp(at, "rw", length))
			attributes &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		else if (length == 6 && !strncmp(at, "noexec", length))
			attributes |= MOUNT_ATTR_NOEXEC;
		else
			return 0;
	}
	return is_plain(host) ? attributes : 0;
}

const char *word_judge_bind(const char *place, const char *value)
{
	static const char *const taken[] = {"/home", "/tmp", "/dev", "/proc"};
	char host[RECORD_PATH_MAX];

	if (!is_plain(place))
		return ": the place of a bind is an absolute path, without `.', `..' and `//'";
	for (size_t i = 0; i < ARRAY_LENGTH(taken); i++)
		if (!strcmp(place, taken[i]) || word_is_below(place, taken[i]))
			return ": /home, /tmp, /dev and /proc are the jail's; bind it elsewhere";
	if (word_read_bind(value, host) == 0)
		return ": a bind is /HOST/PATH [rw] [noexec], the path without blanks, `.', `..' "
		       "and `//', and at most 223 bytes long";
	return NULL;
}

bool word_take_cpus(uint64_t cpus[static RECORD_CPUS_MAX / 64], const char *value)
{
	long count = sysconf(_SC_NPROCESSORS_CONF);
	bool is_all = !strcmp(value, "all"), is_there = false;
	char *at;

	memset(cpus, is_all ? 0xff : 0, RECORD_CPUS_MAX / 8);
	if (is_all || !strcmp(value, "inherit"))
		return true;
	do {
		unsigned long first = strtoul(value, &at, 10), last = first;

		if (*value < '0' || *value > '9')
			return false;
		if (*at == '-') {
			value = at + 1;
			last = strtoul(value, &at, 10);
		}
		if (*value < '0' || *value > '9' || last < first || last >= RECORD_CPUS_MAX)
			return false;
		is_there |= (long)first < count;
		for (; first <= last; first++)
			cpus[first / 64] |= UINT64_C(1) << first % 64;
		value = at + 1;
	} while (*at == ',');
	return *at == '\0' && is_there;
}
