/* SPDX-License-Identifier: MIT */
/*
 * Words of the configuration that have rules of their own: users and groups, which NSS knows;
 * processors; and the keys that a file makes up, the variables of [set] and the places of [binds].
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

	return add_id(config->policy.callers, &config->policy.caller_count, RECORD_CALLERS_MAX,
		      name, user ? user->pw_uid : NOBODY, "there is no such user");
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
	if (config->policy.keep_length + length + 1 > sizeof(config->policy.keep))
		return "the list is too long";
	memcpy(config->policy.keep + config->policy.keep_length, name, length + 1);
	config->policy.keep_length += (uint32_t)length + 1;
	return NULL;
}

/* Why no run can have the variable NAME with VALUE; NULL if each can. */
static const char *judge_variable(const char *name, const char *value)
{
	(void)value;
	if (!name_is_variable(name, strlen(name)))
		return ": a variable's name has letters, digits and _, and begins with no digit";
	if (!strcmp(name, "HOME") || !strcmp(name, "USER") || !strcmp(name, "LOGNAME"))
		return ": it says who the user is";
	if (!strcmp(name, "PATH") || !strcmp(name, "SHELL"))
		return ": [environment] has a key for it";
	return NULL;
}

/* Whether PATH is inside the directory DIRECTORY, by their names. */
static bool is_below(const char *path, const char *directory)
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

/* Why VALUE cannot be bound on PLACE, a path in a jail, as far as their names say; or NULL. */
static const char *judge_bind(const char *place, const char *value)
{
	static const char *const taken[] = {"/home", "/tmp", "/dev", "/proc"};
	char host[RECORD_PATH_MAX];

	if (!is_plain(place))
		return ": the place of a bind is an absolute path, without `.', `..' and `//'";
	for (size_t i = 0; i < ARRAY_LENGTH(taken); i++)
		if (!strcmp(place, taken[i]) || is_below(place, taken[i]))
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

static const struct {
	const char *name;
	const char *(*judge)(const char *key, const char *value);
	uint32_t most; /* pairs */
	const char *more;
} sections[CONFIG_SECTIONS] = {
	[CONFIG_SET] = {"set", judge_variable, CONFIG_PAIRS_MAX, ": there are 32 already"},
	[CONFIG_BINDS] = {"binds", judge_bind, RECORD_BINDS_MAX, ": there are 16 already"},
};

const char *word_section(enum config_section section)
{
	return sections[section].name;
}

enum config_section word_find_section(const char *name)
{
	enum config_section section = 0;

	while (section < CONFIG_SECTIONS && strcmp(sections[section].name, name) != 0)
		section++;
	return section;
}

const char *word_add_pair(struct config *config, enum config_section section, const char *key,
			  const char *value, enum record_source source, int line)
{
	struct config_pair *pairs = config->pairs[section];
	uint32_t *count = &config->pair_counts[section], found = *count;
	const char *rule = sections[section].judge(key, value);
	size_t size = strlen(key) + strlen(value);

	for (uint32_t i = 0; i < *count; i++)
		if (!strcmp(pairs[i].key, key))
			found = i;
		else if (is_below(key, pairs[i].key) || is_below(pairs[i].key, key))
			rule = ": a bind cannot be inside another one";
		else
			size += strlen(pairs[i].key) + strlen(pairs[i].value) + 2;
	if (rule)
		return rule;
	if (found < *count && pairs[found].source == source)
		return ": it is there twice";
	if (found == sections[section].most)
		return sections[section].more;
	if (size > CONFIG_PAIRS_SIZE_MAX || strlen(key) >= sizeof(pairs->key) ||
	    strlen(value) >= sizeof(pairs->value))
		return ": it is too long, or all of them together are";
	*count += found == *count;
	snprintf(pairs[found].key, sizeof(pairs->key), "%s", key);
	snprintf(pairs[found].value, sizeof(pairs->value), "%s", value);
	pairs[found].source = source;
	pairs[found].line = line;
	return NULL;
}
