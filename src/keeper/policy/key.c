/* SPDX-License-Identifier: MIT */
/*
 * One table holds every key with its default and its reader; defaults are read by the same readers
 * as files are. A reader believes nothing: it takes all of a value or refuses it.
 */
#include "key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trampoline/quantity.h"
#include "word.h"

#define SEPARATORS " \t,"

struct key {
	const char *section, *name, *value; /* value: the default */
	bool (*read)(struct config *config, const struct key *key, const char *value);
	size_t offset;    /* of the field in struct config, for readers that serve several */
	const char *form; /* what READ wants */
	/* Of a list, in place of READ: takes a word, counted at OFFSET, or says why it cannot. */
	const char *(*take)(struct config *config, const char *word);
};

static void *field(struct config *config, const struct key *key)
{
	return (char *)config + key->offset;
}

/* An end of a range of ids; of the gids', also the form's last word: as the uids'. */
static bool read_id(struct config *config, const struct key *key, const char *value)
{
	uint64_t *id = field(config, key), number = 0;
	bool is_number = quantity_parse(QUANTITY_NUMBER, value, &number) == 0;

	/* What is refused leaves the default, by which the administrator's commands go on. */
	if (is_number ? number == 0 || number > WORD_ID_LAST
		      : strcmp(value, strrchr(key->form, ' ') + 1) != 0)
		return false;
	*id = is_number ? number : 0;
	return true;
}

static bool read_image(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	snprintf(config->policy.image, sizeof(config->policy.image), "%s", value);
	return name_is_jail(value) && !strchr(value, '@'); /* which stands before a version */
}

static bool read_log(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	config->policy.flags = !strcmp(value, "runs")       ? RECORD_LOG_RUNS | RECORD_LOG_REFUSALS
			       : !strcmp(value, "refusals") ? RECORD_LOG_REFUSALS
							    : 0;
	return config->policy.flags != 0 || !strcmp(value, "none");
}

static bool read_limit(struct config *config, const struct key *key, const char *value)
{
	unsigned int resource;
	uint64_t limit;

	if (limit_parse(key->name, strlen(key->name), value, &resource, &limit) != 0)
		return false;
	config->policy.limits[resource] = limit;
	return true;
}

/* A run may have no time-out, but none has a grace without end. */
static bool read_duration(struct config *config, const struct key *key, const char *value)
{
	uint64_t *duration_ms = field(config, key);

	return quantity_parse(QUANTITY_DURATION, value, duration_ms) == 0 && *duration_ms > 0 &&
	       config->policy.kill_after_ms != QUANTITY_UNLIMITED;
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
	return snprintf(config->policy.shell, sizeof(config->policy.shell), "%s", value) <
		       (int)sizeof(config->policy.shell) &&
	       (value[0] == '/' || !strcmp(value, "auto"));
}

static bool read_umask(struct config *config, const struct key *key, const char *value)
{
	(void)key;
	config->policy.umask = (uint32_t)strtoul(value, NULL, 8);
	return *value && strlen(value) <= 4 && value[strspn(value, "01234567")] == '\0' &&
	       config->policy.umask <= 0777;
}

static bool read_cpus(struct config *config, const struct key *key, const char *value)
{
	return word_take_cpus(field(config, key), value);
}

/* The form says "YES or NO". */
static bool read_choice(struct config *config, const struct key *key, const char *value)
{
	size_t length = strcspn(key->form, " ");
	bool *choice = field(config, key);

	*choice = strlen(value) == length && !memcmp(value, key->form, length);
	return *choice || !strcmp(value, key->form + length + strlen(" or "));
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

#define NUMBER "a number from 1 to 4294967293"
#define COUNT "a number, or unlimited"
#define SIZE "bytes, or a number with K, M, G or T, such as 64M; or unlimited"

static const struct key keys[] = {
	{"trampoline", "callers", "www-data", NULL, FIELD(policy.caller_count),
	 .take = word_take_caller},
	{"trampoline", "image", "default", read_image, 0, "a name, without @: " NAME_RULE},
	{"trampoline", "minimum_uid", "1000", read_id, FIELD(minimum_uid), NUMBER},
	{"trampoline", "maximum_uid", "60000000", read_id, FIELD(maximum_uid), NUMBER},
	{"trampoline", "minimum_gid", "minimum_uid", read_id, FIELD(minimum_gid),
	 NUMBER " or minimum_uid"},
	{"trampoline", "maximum_gid", "maximum_uid", read_id, FIELD(maximum_gid),
	 NUMBER " or maximum_uid"},
	{"trampoline", "groups", "", NULL, FIELD(group_count), .take = word_take_group},
	{"trampoline", "log", "refusals", read_log, 0, "none, refusals or runs"},
	{"limits", "cpu", "30s", read_limit, 0, "whole seconds, such as 30s; or unlimited"},
	{"limits", "memory", "4G", read_limit, 0, SIZE},
	{"limits", "address_space", "unlimited", read_limit, 0, SIZE},
	{"limits", "file_size", "64M", read_limit, 0, SIZE},
	{"limits", "processes", "256", read_limit, 0, COUNT},
	{"limits", "open_files", "1024", read_limit, 0, COUNT},
	{"limits", "stack", "8M", read_limit, 0, SIZE},
	{"limits", "core", "0", read_limit, 0, SIZE},
	{"limits", "output", "none", read_limit, 0, SIZE},
	{"limits", "timeout", "none", read_duration, FIELD(policy.timeout_ms),
	 "a duration, such as 30s or 2m; or none"},
	{"limits", "kill_after", "2s", read_duration, FIELD(policy.kill_after_ms),
	 "a duration, such as 0.5s or 2s"},
	{"environment", "path", "/usr/local/bin:/usr/bin:/bin", read_path, 0,
	 "absolute paths with a colon between them"},
	{"environment", "keep", "TZ TERM", NULL, FIELD(policy.keep_length), .take = word_take_kept},
	{"environment", "shell", "auto", read_shell, 0, "an absolute path, or auto"},
	{"environment", "umask", "022", read_umask, 0, "an octal number up to 0777"},
	{"confinement", "dev", "minimal", read_choice, FIELD(has_dev), "minimal or none"},
	{"confinement", "proc", "private", read_choice, FIELD(has_proc), "private or none"},
	{"confinement", "network", "none", read_choice, FIELD(is_network_private), "none or host"},
	{"confinement", "ipc", "private", read_choice, FIELD(is_ipc_private), "private or host"},
	{"confinement", "processes", "shared", read_choice, FIELD(are_processes_private),
	 "private or shared"},
	{"confinement", "system_calls", "default", read_choice, FIELD(is_filtered),
	 "default or all"},
	{"confinement", "noexec", "no", read_choice, FIELD(is_noexec), "yes or no"},
	{"confinement", "cpus", "all", read_cpus, FIELD(policy.cpus),
	 "all, inherit, or processors of which one is there, such as 0-3,5"},
	{"resources", "memory", "none", read_resource, FIELD(resources[CONFIG_MEMORY]),
	 "1M or more, such as 64M; unlimited; or none"},
	{"resources", "processes", "none", read_resource, FIELD(resources[CONFIG_PROCESSES]),
	 "a number from 1 to 4194304; unlimited; or none"},
	{"resources", "cpu", "none", read_resource, FIELD(resources[CONFIG_CPU]),
	 "a percentage of one processor, such as 50%; unlimited; or none"},
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

/* Reads VALUE. NULL; or what of it, a word of a list or all, is refused, and the RULE. */
static const char *read_value(struct config *config, const struct key *key, const char *value,
			      const char **rule)
{
	static char copy[CONFIG_VALUE_MAX];
	char *rest = copy, *word;

	*rule = "it is too long";
	if (strlen(value) >= sizeof(copy))
		return value;
	*rule = NULL;
	if (!key->take)
		return key->read(config, key, value) ? NULL : value;
	*(uint32_t *)field(config, key) = 0;
	snprintf(copy, sizeof(copy), "%s", value);
	while ((word = strsep(&rest, SEPARATORS))) {
		*rule = *word ? key->take(config, word) : NULL;
		if (*rule)
			return word;
	}
	return NULL;
}

int key_read(struct config *config, size_t index, const char *value, struct text *reason)
{
	const struct key *key = &keys[index];
	const char *rule, *bad = read_value(config, key, value, &rule);

	if (!bad)
		return 0;
	reason->length = 0;
	text_add(reason, key->name);
	text_add(reason, " cannot have the value ");
	text_add_quoted(reason, bad, TEXT_OBJECT_MAX);
	text_add(reason, rule ? ": " : ": it wants ");
	text_add(reason, rule ? rule : key->form);
	return -1;
}
