/* SPDX-License-Identifier: MIT */
/*
 * One table holds every key with its default and its reader, and defaults are read by the same
 * readers as files are. Refuse, never guess: an unknown key may be the protection somebody meant.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>

#include "cleanup.h"
#include "path.h"
#include "report.h"
#include "trampoline/origin.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"

#define SEPARATORS " \t,"
#define UID_LAST 4294967293u /* -1 means "unchanged" to setresuid, -2 is nobody on some NFS */

struct key;
typedef bool reader(struct config *config, const struct key *key, const char *value);

static reader read_callers, read_image, read_uid, read_log, read_limit, read_timeout, read_path,
	read_keep, read_shell, read_umask, read_choice;

static const struct key {
	const char *section, *name, *value; /* value: the default */
	reader *read;
	const char *yes, *no; /* read_choice: the two words */
	size_t offset;        /* of the field, for readers that serve several keys */
} keys[] = {
	{"trampoline", "callers", "www-data", read_callers},
	{"trampoline", "image", "default", read_image},
	{"trampoline", "minimum_uid", "1000", read_uid, .offset = offsetof(struct config, minimum_uid)},
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
	{"confinement", "noexec", "no", read_choice, "yes", "no", offsetof(struct config, is_noexec)},
};

_Static_assert(ARRAY_LENGTH(keys) <= CONFIG_KEYS_MAX, "every key has an entry");

static void *field(struct config *config, const struct key *key)
{
	return (char *)config + key->offset;
}

static bool read_uid(struct config *config, const struct key *key, const char *value)
{
	uint64_t *uid = field(config, key);

	return quantity_parse_number(value, uid) == 0 && *uid > 0 && *uid <= UID_LAST;
}

static bool read_caller(struct config *config, const char *name)
{
	uint64_t uid;

	if (quantity_parse_number(name, &uid) != 0) {
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
	config->log = !strcmp(value, "runs") ? RECORD_LOG_RUNS | RECORD_LOG_REFUSALS
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
	return quantity_parse_duration(value, &config->timeout_ms) == 0 && config->timeout_ms > 0;
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

bool config_key(size_t index, const char **section, const char **name)
{
	if (index >= ARRAY_LENGTH(keys))
		return false;
	*section = keys[index].section;
	*name = keys[index].name;
	return true;
}

void config_defaults(struct config *config)
{
	/* No key sets these: what the kernel gives a first process, whatever the caller had. */
	static const struct {
		unsigned int resource;
		uint64_t value;
	} fixed[] = {{RLIMIT_NICE, 0},
		     {RLIMIT_RTPRIO, 0},
		     {RLIMIT_MEMLOCK, 8u << 20},
		     {RLIMIT_MSGQUEUE, 819200},
		     {RLIMIT_SIGPENDING, 4096}};

	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < LIMIT_RESOURCES; i++)
		config->limits[i] = QUANTITY_UNLIMITED;
	for (size_t i = 0; i < ARRAY_LENGTH(fixed); i++)
		config->limits[fixed[i].resource] = fixed[i].value;
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		snprintf(config->entries[i].value, CONFIG_VALUE_MAX, "%s", keys[i].value);
		config->entries[i].source = RECORD_SOURCES;
		/* The one default that a system may not have: then nobody but root may call. */
		(void)keys[i].read(config, &keys[i], keys[i].value);
	}
}

/* What the two callbacks of libinih share. */
struct parse {
	struct config *config;
	enum record_source source;
	FILE *stream;
	int line; /* of the line read last */
	int bad_line;
	struct text reason;
};

static char *read_line(char *buffer, int size, void *user)
{
	struct parse *parse = user;
	char *line = fgets(buffer, size, parse->stream);

	if (!line)
		return NULL;
	parse->line++;
	if (!strchr(line, '\n') && !feof(parse->stream) && !parse->bad_line) {
		parse->bad_line = parse->line;
		text_add(&parse->reason, "the line is too long");
	}
	return line;
}

static int refuse_key(struct parse *parse, const char *reason, const char *what)
{
	if (!parse->bad_line) {
		parse->bad_line = parse->line;
		text_add(&parse->reason, reason);
		text_add_quoted(&parse->reason, what);
	}
	return 0;
}

static int take_key(void *user, const char *section, const char *name, const char *value)
{
	struct parse *parse = user;

	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		struct config_entry *entry = &parse->config->entries[i];

		if (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0)
			continue;
		if (entry->source == parse->source)
			return refuse_key(parse, "this key is there twice: ", name);
		if (strlen(value) >= sizeof(entry->value) || !keys[i].read(parse->config, &keys[i], value))
			return refuse_key(parse, "this key cannot have the value ", value);
		snprintf(entry->value, sizeof(entry->value), "%s", value);
		entry->source = parse->source;
		entry->line = parse->line;
		return 1;
	}
	return refuse_key(parse, "there is no such key in its section: ", name);
}

int config_parse(struct config *config, enum record_source source, const char *path, const char *text,
		 size_t length, struct text *error)
{
	struct parse parse = {.config = config, .source = source};
	AUTO_FILE stream = length ? fmemopen((void *)text, length, "r") : fopen("/dev/null", "re");
	char place[PATH_MAX];

	if (!stream)
		return report_fill(error, "read", path, NULL);
	parse.stream = stream;
	int result = memchr(text, '\0', length) ? 1 : ini_parse_stream(read_line, &parse, take_key, &parse);
	if (result == 0 && !parse.bad_line)
		return 0;
	if (result < 0)
		return report_fill(error, "read", path, NULL);
	snprintf(place, sizeof(place), "%s:%d", path, parse.bad_line ? parse.bad_line : result);
	return text_refuse(error, "use", place,
			   parse.bad_line ? parse.reason.bytes
					  : "neither `[section]', `key = value' nor a comment");
}

static int load_file(struct config *config, enum record_source source, int directory_fd,
		     const char *name, const char *jail, struct text *error)
{
	AUTO_CLOSE fd = path_open_file(directory_fd, name);
	char path[PATH_MAX], text[65536];

	origin_path(source, jail ? jail : "", "", path);
	if (fd < 0 && errno == ENOENT && source == RECORD_OVERRIDE)
		return 0;
	if (fd < 0 && errno == ENOENT)
		return report_fill(error, "open", path, "there is none; make install puts one there");
	if (fd < 0 && (errno == EPERM || errno == ELOOP))
		return report_fill(error, "trust", path,
				   "it must be a regular file of root's that only root can write");
	if (fd < 0 || origin_read_fd(source, fd, &config->origins[source]) != 0)
		return report_fill(error, "open", path, NULL);
	ssize_t length = read(fd, text, sizeof(text));
	if (length < 0)
		return report_fill(error, "read", path, NULL);
	if (length == sizeof(text))
		return report_fill(error, "read", path, "it is larger than 64 KiB");
	return config_parse(config, source, path, text, (size_t)length, error);
}

int config_load(struct config *config, const char *jail, struct text *error)
{
	AUTO_CLOSE directory_fd = path_open_trusted(PATHS_CONFIG, error);
	char name[NAME_LENGTH_MAX + sizeof(".conf")];

	config_defaults(config);
	if (directory_fd < 0 ||
	    load_file(config, RECORD_CONFIG, directory_fd, "trampoline.conf", jail, error) != 0)
		return -1;
	if (!jail || faccessat(directory_fd, "jails.d", F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	AUTO_CLOSE overrides_fd = path_open_trusted_at(directory_fd, PATHS_CONFIG, "jails.d", error);
	snprintf(name, sizeof(name), "%s.conf", jail);
	return overrides_fd < 0 ? -1
				: load_file(config, RECORD_OVERRIDE, overrides_fd, name, jail, error);
}
