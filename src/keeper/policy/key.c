/* SPDX-License-Identifier: MIT */
/*
 * One table holds every key with its default and its reader; defaults are read by the same readers
 * as files are. A reader believes nothing: it takes all of a value or refuses it.
 */
#include "key.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trampoline/quantity.h"

#define SEPARATORS " \t,"
#define UID_LAST 4294967293u /* -1 means "unchanged" to setresuid, -2 is nobody on some NFS */

struct key {
	const char *section, *name, *value; /* value: the default */
	bool (*read)(struct config *config, const struct key *key, const char *value);
	size_t offset;        /* of the field in struct config, for readers that serve several */
	const char *yes, *no; /* of read_choice: the two words */
};

static void *field(struct config *config, const struct key *key)
{
	return (char *)config + key->offset;
}

static bool read_uid(struct config *config, const struct key *key, const char *value)
{
	uint64_t *uid = field(config, key);

	return quantity_parse(QUANTITY_NUMBER, value, uid) == 0 && *uid > 0 && *uid <= UID_LAST;
}

/* Hands each word of VALUE to TAKE; false as soon as that is. */
static bool take_words(struct config *config, const char *value,
		       bool (*take)(struct config *config, const char *word))
{
	char copy[CONFIG_VALUE_MAX], *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%s", value);
	while ((word = strsep(&rest, SEPARATORS)))
		if (*word && !take(config, word))
			return false;
	return true;
}

static bool take_caller(struct config *config, const char *name)
{
	uint64_t uid;

	if (quantity_parse(QUANTITY_NUMBER, name, &uid) != 0) {
		const struct passwd *user = getpwnam(name);

		if (!user)
			return false;
		uid = user->pw_uid;
	}
	if (uid > UID_LAST || config->caller_count == RECORD_CALLERS_MAX)
		return false;
	config->callers[config->caller_count++] = (uint32_t)uid;
	return true;
}

static bool read_callers(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	config->caller_count = 0;
	return take_words(config, value, take_caller);
}

static bool take_kept(struct config *config, const char *name)
{
	size_t length = strlen(name);
	bool is_prefix = length > 1 && name[length - 1] == '*';

	if (!name_is_variable(name, length - is_prefix) ||
	    config->keep_length + length + 1 > sizeof(config->keep))
		return false;
	memcpy(config->keep + config->keep_length, name, length + 1);
	config->keep_length += (uint32_t)length + 1;
	return true;
}

static bool read_keep(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	config->keep_length = 0;
	return take_words(config, value, take_kept);
}

static bool read_image(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	snprintf(config->image, sizeof(config->image), "%s", value);
	return name_is_jail(value);
}

static bool read_log(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	config->log = !strcmp(value, "runs")       ? RECORD_LOG_RUNS | RECORD_LOG_REFUSALS
		      : !strcmp(value, "refusals") ? RECORD_LOG_REFUSALS
						   : 0;
	return config->log != 0 || !strcmp(value, "none");
}

static bool read_limit(struct config *config, const struct key *key, const char *value)
{
	unsigned int resource;
	uint64_t limit;

	if (limit_parse(key->name, strlen(key->name), value, &resource, &limit) != 0)
		return false;
	config->limits[resource] = limit;
	return true;
}

/* A run may have no time-out, but none has a grace without end. */
static bool read_duration(struct config *config, const struct key *key, const char *value)
{
	uint64_t *duration_ms = field(config, key);

	return quantity_parse(QUANTITY_DURATION, value, duration_ms) == 0 && *duration_ms > 0 &&
	       config->kill_after_ms != QUANTITY_UNLIMITED;
}

static bool read_path(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	for (const char *at = value; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL)
		if (*at != '/')
			return false;
	return snprintf(config->path, sizeof(config->path), "%s", value) > 0;
}

static bool read_shell(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	return snprintf(config->shell, sizeof(config->shell), "%s", value) <
		       (int)sizeof(config->shell) &&
	       value[0] == '/';
}

static bool read_umask(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	config->umask = (uint32_t)strtoul(value, NULL, 8);
	return *value && strlen(value) <= 4 && value[strspn(value, "01234567")] == '\0' &&
	       config->umask <= 0777;
}

static bool read_choice(struct config *config, const struct key *key, const char *value)
{
	bool *choice = field(config, key);

	*choice = !strcmp(value, key->yes);
	return *choice || !strcmp(value, key->no);
}

/* An amount of its kind; or "none", no cgroup; or "unlimited", no limit. */
static bool read_resource(struct config *config, const struct key *key, const char *value)
{
	static const struct {
		enum quantity_kind kind;
		uint64_t least, most;
	} amounts[CONFIG_RESOURCES] = {
		[CONFIG_MEMORY] = {QUANTITY_SIZE, 1 << 20, UINT64_MAX}, /* in less nothing runs */
		[CONFIG_PROCESSES] = {QUANTITY_COUNT, 1, 4194304}, /* the kernel's PID_MAX_LIMIT */
		[CONFIG_CPU] = {QUANTITY_COUNT, 1, 1000000},       /* ten thousand processors */
	};
	uint64_t *resource = field(config, key);
	size_t which = (size_t)(resource - config->resources), length = strlen(value);
	char number[CONFIG_VALUE_MAX];

	*resource = 0;
	if (!strcmp(value, "none"))
		return true;
	snprintf(number, sizeof(number), "%s", value);
	/* A percentage of one processor, as systemd has it. */
	if (which == CONFIG_CPU && strcmp(value, "unlimited") != 0) {
		if (length < 2 || value[0] > '9' || value[length - 1] != '%')
			return false;
		number[length - 1] = '\0';
	}
	return quantity_parse(amounts[which].kind, number, resource) == 0 &&
	       (*resource == QUANTITY_UNLIMITED ||
		(*resource >= amounts[which].least && *resource <= amounts[which].most));
}

#define FIELD(name) offsetof(struct config, name)

static const struct key keys[] = {
	{"trampoline", "callers", "www-data", read_callers},
	{"trampoline", "image", "default", read_image},
	{"trampoline", "minimum_uid", "1000", read_uid, FIELD(minimum_uid)},
	{"trampoline", "maximum_uid", "60000000", read_uid, FIELD(maximum_uid)},
	{"trampoline", "log", "refusals", read_log},
	{"limits", "cpu", "30s", read_limit},
	{"limits", "memory", "512M", read_limit},
	{"limits", "address_space", "unlimited", read_limit},
	{"limits", "file_size", "64M", read_limit},
	{"limits", "processes", "50", read_limit},
	{"limits", "open_files", "256", read_limit},
	{"limits", "stack", "8M", read_limit},
	{"limits", "core", "0", read_limit},
	{"limits", "output", "none", read_limit},
	{"limits", "timeout", "none", read_duration, FIELD(timeout_ms)},
	{"limits", "kill_after", "2s", read_duration, FIELD(kill_after_ms)},
	{"environment", "path", "/usr/local/bin:/usr/bin:/bin", read_path},
	{"environment", "keep", "LANG LC_* TZ TERM", read_keep},
	{"environment", "shell", "/bin/sh", read_shell},
	{"environment", "umask", "022", read_umask},
	{"confinement", "dev", "minimal", read_choice, FIELD(has_dev), "minimal", "none"},
	{"confinement", "proc", "private", read_choice, FIELD(has_proc), "private", "none"},
	{"confinement", "network", "none", read_choice, FIELD(is_network_private), "none", "host"},
	{"confinement", "ipc", "private", read_choice, FIELD(is_ipc_private), "private", "host"},
	{"confinement", "processes", "shared", read_choice, FIELD(are_processes_private), "private",
	 "shared"},
	{"confinement", "system_calls", "default", read_choice, FIELD(is_filtered), "default",
	 "all"},
	{"confinement", "noexec", "no", read_choice, FIELD(is_noexec), "yes", "no"},
	{"resources", "memory", "none", read_resource, FIELD(resources[CONFIG_MEMORY])},
	{"resources", "processes", "none", read_resource, FIELD(resources[CONFIG_PROCESSES])},
	{"resources", "cpu", "none", read_resource, FIELD(resources[CONFIG_CPU])},
};

_Static_assert(ARRAY_LENGTH(keys) <= CONFIG_KEYS_MAX, "every key has an entry");

const char *key_section(size_t index)
{
	return index < ARRAY_LENGTH(keys) ? keys[index].section : NULL;
}

const char *key_name(size_t index)
{
	return index < ARRAY_LENGTH(keys) ? keys[index].name : NULL;
}

const char *key_default(size_t index)
{
	return keys[index].value;
}

bool key_read(struct config *config, size_t index, const char *value)
{
	return strlen(value) < CONFIG_VALUE_MAX && keys[index].read(config, &keys[index], value);
}
