/* SPDX-License-Identifier: MIT */
/*
 * One table holds every key with its default and its reader; defaults are read by the same readers
 * as files are. A reader believes nothing: it takes all of a value or refuses it.
 */
#include "key.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "trampoline/quantity.h"

#define SEPARATORS " \t,"
#define MEMORY_LEAST (UINT64_C(1) << 20) /* in less nothing runs */
#define PROCESSES_MOST 4194304           /* what the kernel takes: PID_MAX_LIMIT */
#define CPU_MOST 1000000                 /* ten thousand processors */
#define UID_LAST 4294967293u /* -1 means "unchanged" to setresuid, -2 is nobody on some NFS */

struct key;
typedef bool reader(struct config *config, const struct key *key, const char *value);

static reader read_callers, read_image, read_uid, read_log, read_limit, read_timeout, read_path,
	read_keep, read_shell, read_umask, read_choice, read_memory, read_processes, read_cpu;

static const struct key {
	const char *section, *name, *value; /* value: the default */
	reader *read;
	const char *yes, *no; /* read_choice: the two words */
	size_t offset;        /* of the field, for readers that serve several keys */
} keys[] = {
	{"trampoline", "callers", "www-data", read_callers},
	{"trampoline", "image", "default", read_image},
	{"trampoline", "minimum_uid", "1000", read_uid,
	 .offset = offsetof(struct config, minimum_uid)},
	{"trampoline", "maximum_uid", "60000000", read_uid,
	 .offset = offsetof(struct config, maximum_uid)},
	{"trampoline", "log", "refusals", read_log},
	{"limits", "cpu", "30s", read_limit},
	{"limits", "memory", "512M", read_limit},
	{"limits", "address_space", "unlimited", read_limit},
	{"limits", "file_size", "64M", read_limit},
	{"limits", "processes", "50", read_limit},
	{"limits", "open_files", "256", read_limit},
	{"limits", "stack", "8M", read_limit},
	{"limits", "core", "0", read_limit},
	{"limits", "timeout", "none", read_timeout},
	{"environment", "path", "/usr/local/bin:/usr/bin:/bin", read_path},
	{"environment", "keep", "LANG LC_* TZ TERM", read_keep},
	{"environment", "shell", "/bin/sh", read_shell},
	{"environment", "umask", "022", read_umask},
	{"confinement", "dev", "minimal", read_choice, "minimal", "none",
	 offsetof(struct config, has_dev)},
	{"confinement", "proc", "private", read_choice, "private", "none",
	 offsetof(struct config, has_proc)},
	{"confinement", "network", "none", read_choice, "none", "host",
	 offsetof(struct config, is_network_private)},
	{"confinement", "ipc", "private", read_choice, "private", "host",
	 offsetof(struct config, is_ipc_private)},
	{"confinement", "processes", "shared", read_choice, "private", "shared",
	 offsetof(struct config, are_processes_private)},
	{"confinement", "system_calls", "default", read_choice, "default", "all",
	 offsetof(struct config, is_filtered)},
	{"confinement", "noexec", "no", read_choice, "yes", "no",
	 offsetof(struct config, is_noexec)},
	{"resources", "memory", "none", read_memory},
	{"resources", "processes", "none", read_processes},
	{"resources", "cpu", "none", read_cpu},
};

_Static_assert(ARRAY_LENGTH(keys) <= CONFIG_KEYS_MAX, "every key has an entry");

static void *field(struct config *config, const struct key *key)
{
	return (char *)config + key->offset;
}

static bool read_uid(struct config *config, const struct key *key, const char *value)
{
	uint64_t *uid = field(config, key);

	return quantity_parse(QUANTITY_NUMBER, value, uid) == 0 && *uid > 0 && *uid <= UID_LAST;
}

static bool read_caller(struct config *config, const char *name)
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
	char copy[CONFIG_VALUE_MAX], *rest = copy, *name;

	(void)key;
	snprintf(copy, sizeof(copy), "%s", value);
	config->caller_count = 0;
	while ((name = strsep(&rest, SEPARATORS)))
		if (*name && !read_caller(config, name))
			return false;
	return true;
}

static bool read_image(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	if (!name_is_jail(value))
		return false;
	snprintf(config->image, sizeof(config->image), "%s", value);
	return true;
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

static bool read_timeout(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	return quantity_parse(QUANTITY_DURATION, value, &config->timeout_ms) == 0 &&
	       config->timeout_ms > 0;
}

static bool read_path(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	for (const char *at = value;; at++) {
		if (*at != '/')
			return false;
		at += strcspn(at, ":");
		if (!*at)
			break;
	}
	snprintf(config->path, sizeof(config->path), "%s", value);
	return true;
}

static bool read_keep(struct config *config, const struct key *key, const char *value)
{
	char copy[CONFIG_VALUE_MAX], *rest = copy, *name;

	(void)key;
	snprintf(copy, sizeof(copy), "%s", value);
	config->keep_length = 0;
	while ((name = strsep(&rest, SEPARATORS))) {
		size_t length = strlen(name);
		bool is_prefix = length > 1 && name[length - 1] == '*';

		if (length == 0)
			continue;
		if (!name_is_variable(name, length - is_prefix) ||
		    config->keep_length + length + 1 > sizeof(config->keep))
			return false;
		memcpy(config->keep + config->keep_length, name, length + 1);
		config->keep_length += (uint32_t)length + 1;
	}
	return true;
}

static bool read_shell(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	if (value[0] != '/' || strlen(value) >= sizeof(config->shell))
		return false;
	snprintf(config->shell, sizeof(config->shell), "%s", value);
	return true;
}

static bool read_umask(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	config->umask = 0;
	for (const char *at = value; *at; at++) {
		if (*at < '0' || *at > '7')
			return false;
		config->umask = config->umask * 8 + (uint32_t)(*at - '0');
		if (config->umask > 0777)
			return false;
	}
	return *value != '\0';
}

static bool read_choice(struct config *config, const struct key *key, const char *value)
{
	bool *choice = field(config, key);

	*choice = !strcmp(value, key->yes);
	return *choice || !strcmp(value, key->no);
}

/* A resource from LEAST to MOST of its kind; or "none", no cgroup; or "unlimited", no limit. */
static bool read_resource(uint64_t *resource, enum quantity_kind kind, const char *value,
			  uint64_t least, uint64_t most)
{
	*resource = 0;
	if (!strcmp(value, "none"))
		return true;
	return quantity_parse(kind, value, resource) == 0 &&
	       (*resource == QUANTITY_UNLIMITED || (*resource >= least && *resource <= most));
}

static bool read_memory(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	return read_resource(&config->resources[CONFIG_MEMORY], QUANTITY_SIZE, value, MEMORY_LEAST,
			     QUANTITY_UNLIMITED);
}

static bool read_processes(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	return read_resource(&config->resources[CONFIG_PROCESSES], QUANTITY_COUNT, value, 1,
			     PROCESSES_MOST);
}

/* A percentage of one processor, as systemd has it. */
static bool read_cpu(struct config *config, const struct key *key, const char *value)
{
	uint64_t *cpu = &config->resources[CONFIG_CPU];
	size_t length = strlen(value);
	char number[16];

	(void)key;
	if (!strcmp(value, "none") || !strcmp(value, "unlimited"))
		return read_resource(cpu, QUANTITY_COUNT, value, 0, 0);
	if (length < 2 || length > sizeof(number) || value[0] > '9' || value[length - 1] != '%')
		return false;
	snprintf(number, sizeof(number), "%.*s", (int)length - 1, value);
	return read_resource(cpu, QUANTITY_NUMBER, number, 1, CPU_MOST);
}

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

const char *key_limit_name(unsigned int resource)
{
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		unsigned int of = 0;
		uint64_t value;

		if (keys[i].read == read_limit &&
		    limit_parse(keys[i].name, strlen(keys[i].name), "0", &of, &value) == 0 &&
		    of == resource)
			return keys[i].name;
	}
	return NULL;
}
