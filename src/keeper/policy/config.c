/* SPDX-License-Identifier: MIT */
/*
 * Configuration files into a policy. Refuse, never guess: an unknown key may be the protection that
 * somebody meant, and a file that others can write is their policy.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>

#include "auto_free.h"
#include "key.h"
#include "path.h"
#include "report.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"

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
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		config->limits[i] = QUANTITY_UNLIMITED;
	for (size_t i = 0; i < ARRAY_LENGTH(fixed); i++)
		config->limits[fixed[i].resource] = fixed[i].value;
	for (size_t i = 0; key_name(i); i++) {
		snprintf(config->entries[i].value, CONFIG_VALUE_MAX, "%s", key_default(i));
		config->entries[i].source = RECORD_SOURCES;
		/* The one default that a system may not know is a caller; then only root may. */
		(void)key_read(config, i, key_default(i));
	}
}

/* Where the reading of a file is. */
struct parse {
	struct config *config;
	enum record_source source;
	const char *path;
	int line;       /* counts from 1 */
	int range_line; /* the last one that sets an end of the range of uids */
	char section[32];
	struct text *error;
};

#define BLANKS " \t\r\v\f"
#define MARK "\xEF\xBB\xBF" /* a byte order mark, as some editors put before the first line */

/* REASON, and WHAT in quotation marks unless it is NULL. Returns -1. */
static int refuse(const struct parse *parse, const char *reason, const char *what)
{
	struct text words = {.length = 0};
	char place[PATH_MAX];

	text_add(&words, reason);
	if (what)
		text_add_quoted(&words, what, TEXT_OBJECT_MAX);
	snprintf(place, sizeof(place), "%s:%d", parse->path, parse->line);
	return text_refuse(parse->error, "use", place, words.bytes);
}

/* Takes blanks from both ends of STRING, whose first LENGTH bytes count. */
static char *trim(char *string, size_t length)
{
	string[length] = '\0';
	string += strspn(string, BLANKS);
	for (length = strlen(string); length > 0 && strchr(BLANKS, string[length - 1]); length--)
		string[length - 1] = '\0';
	return string;
}

static int take_section(struct parse *parse, const char *name)
{
	for (size_t i = 0; key_name(i); i++)
		if (!strcmp(key_section(i), name)) {
			snprintf(parse->section, sizeof(parse->section), "%s", name);
			return 0;
		}
	return refuse(parse, "there is no section ", name);
}

static int take_key(struct parse *parse, const char *name, const char *value)
{
	for (size_t i = 0; key_name(i); i++) {
		struct config_entry *entry = &parse->config->entries[i];

		if (strcmp(key_section(i), parse->section) != 0 || strcmp(key_name(i), name) != 0)
			continue;
		if (entry->source == parse->source)
			return refuse(parse, "this key is there twice: ", name);
		if (!key_read(parse->config, i, value))
			return refuse(parse, "this key cannot have the value ", value);
		snprintf(entry->value, sizeof(entry->value), "%s", value);
		entry->source = parse->source;
		entry->line = parse->line;
		if (strstr(name, "imum_uid"))
			parse->range_line = parse->line;
		return 0;
	}
	return refuse(parse,
		      parse->section[0] ? "there is no such key in its section: "
					: "this key stands before any section: ",
		      name);
}

/* One line, without its end. */
static int take_line(struct parse *parse, char *line)
{
	line = trim(line, strlen(line));
	if (*line == '\0' || *line == '#' || *line == ';')
		return 0;
	/* A comment begins at a semicolon with a blank before it. */
	for (char *at = line; (at = strchr(at, ';')); at++)
		if (strchr(BLANKS, at[-1])) {
			line = trim(line, (size_t)(at - line));
			break;
		}
	size_t length = strlen(line);
	if (*line == '[' && strchr(line, ']')) {
		if (line[length - 1] != ']' || strchr(line, ']') != line + length - 1)
			return refuse(parse, "there is something behind the section's name", NULL);
		line[length - 1] = '\0';
		return take_section(parse, line + 1);
	}
	char *value = strpbrk(line, "=:");
	if (*line == '[' || !value)
		return refuse(parse, "neither `[section]', `key = value' nor a comment", NULL);
	*value++ = '\0';
	value = trim(value, strlen(value));
	return take_key(parse, trim(line, strlen(line)), value);
}

int config_parse(struct config *config, enum record_source source, const char *path, char *text,
		 size_t length, struct text *error)
{
	struct parse parse = {config, source, path, .error = error};

	if (memchr(text, '\0', length))
		return report_fill(error, "use", path, "it holds a NUL byte");
	text[length] = '\0';
	if (strncmp(text, MARK, strlen(MARK)) == 0)
		text += strlen(MARK);
	for (char *line; (line = strsep(&text, "\n"));) {
		parse.line++;
		if (take_line(&parse, line) != 0)
			return -1;
	}
	parse.line = parse.range_line; /* it may contradict the other file */
	if (config->minimum_uid <= config->maximum_uid)
		return 0;
	return refuse(&parse, "minimum_uid is above maximum_uid, so nobody may have a jail", NULL);
}

static int load_file(struct config *config, enum record_source source, int directory_fd,
		     const char *name, const char *jail, struct text *error)
{
	AUTO_CLOSE fd = path_open_file(directory_fd, name);
	char path[RECORD_PATH_MAX], text[65536];

	path_of_origin(source, jail, NULL, path);
	if (fd < 0 && errno == ENOENT && source == RECORD_OVERRIDE)
		return 0;
	if (fd < 0)
		return report_fill(
			error, errno == EACCES || errno == ELOOP ? "trust" : "open", path,
			errno == ENOENT ? "there is none; make install puts one there"
			: errno == EACCES || errno == ELOOP
				? "it must be a regular file of root's that only root can write"
				: NULL);
	/* In this order, so that what is written meanwhile makes the origin another. */
	ssize_t length = path_read_origin(fd, &config->origins[source]) == 0
				 ? read(fd, text, sizeof(text))
				 : -1;
	if (length < 0)
		return report_fill(error, "read", path, NULL);
	if (length == sizeof(text)) /* one byte is for the end */
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
	AUTO_CLOSE overrides_fd =
		path_open_trusted_at(directory_fd, PATHS_CONFIG, "jails.d", error);
	snprintf(name, sizeof(name), "%s.conf", jail);
	return overrides_fd < 0
		       ? -1
		       : load_file(config, RECORD_OVERRIDE, overrides_fd, name, jail, error);
}

bool config_has_uid(const struct config *config, uint32_t uid)
{
	return uid != 0 && uid != CONFIG_NOBODY && uid >= config->minimum_uid &&
	       uid <= config->maximum_uid;
}
