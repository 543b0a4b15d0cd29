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
#include <strings.h>
#include <sys/resource.h>

#include "auto_free.h"
#include "key.h"
#include "path.h"
#include "report.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"
#include "word.h"

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
		config->policy.limits[i] = QUANTITY_UNLIMITED;
	for (size_t i = 0; i < ARRAY_LENGTH(fixed); i++)
		config->policy.limits[fixed[i].resource] = fixed[i].value;
	for (size_t i = 0; key_name(i); i++) {
		struct text reason;

		snprintf(config->entries[i].value, CONFIG_VALUE_MAX, "%s", key_default(i));
		config->entries[i].source = RECORD_SOURCES;
		/* The one default that a system may not know is a caller; then only root may. */
		(void)!key_read(config, i, key_default(i), &reason);
	}
	/* Under a server's LANG=C a program cannot name a file that has an umlaut. */
	config->pairs[CONFIG_SET][config->pair_counts[CONFIG_SET]++] =
		(struct config_pair){"LANG", "C.UTF-8", RECORD_SOURCES, 0};
}

/* Where the reading of a file is. */
struct parse {
	struct config *config;
	enum record_source source;
	const char *path;
	int line;       /* counts from 1 */
	int range_line; /* the last one that sets groups, or an end of a range of ids */
	char section[32];
	struct text *error;
};

#define BLANKS " \t\r\v\f"
#define MARK "\xEF\xBB\xBF" /* a byte order mark, as some editors put before the first line */

/* REASON, WHAT in quotation marks unless it is NULL, and a RULE unless that is. Returns -1. */
static int refuse(const struct parse *parse, const char *reason, const char *what, const char *rule)
{
	struct text words = {.length = 0};
	char place[PATH_MAX];

	text_add(&words, reason);
	if (what)
		text_add_quoted(&words, what, TEXT_OBJECT_MAX);
	if (rule)
		text_add(&words, rule);
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
	bool is_known = word_find_section(name) < CONFIG_SECTIONS;

	for (size_t i = 0; key_name(i); i++)
		is_known |= !strcmp(key_section(i), name);
	if (!is_known)
		return refuse(parse, "there is no section ", name, NULL);
	snprintf(parse->section, sizeof(parse->section), "%s", name);
	return 0;
}

static int take_key(struct parse *parse, const char *name, const char *value)
{
	enum config_section section = word_find_section(parse->section);

	if (section < CONFIG_SECTIONS) {
		const char *rule = word_add_pair(parse->config, section, name, value, parse->source,
						 parse->line);

		return rule ? refuse(parse, "this section cannot have ", name, rule) : 0;
	}
	for (size_t i = 0; key_name(i); i++) {
		struct config_entry *entry = &parse->config->entries[i];
		struct text reason;

		if (strcmp(key_section(i), parse->section) != 0 || strcmp(key_name(i), name) != 0)
			continue;
		if (entry->source == parse->source)
			return refuse(parse, "this key is there twice: ", name, NULL);
		if (key_read(parse->config, i, value, &reason) != 0)
			return refuse(parse, reason.bytes, NULL, NULL);
		snprintf(entry->value, sizeof(entry->value), "%s", value);
		entry->source = parse->source;
		entry->line = parse->line;
		if (strstr(name, "imum_") || !strcmp(name, "groups"))
			parse->range_line = parse->line;
		return 0;
	}
	struct text hint = {.length = 0};
	for (size_t i = 0; key_name(i); i++) {
		bool is_here = !strcmp(key_section(i), parse->section);

		if (strcasecmp(key_name(i), name) != 0 || (hint.length && !is_here))
			continue;
		snprintf(hint.bytes, sizeof(hint.bytes), "; is %s of [%s] meant?", key_name(i),
			 key_section(i));
		hint.length = strlen(hint.bytes);
	}
	return refuse(parse,
		      parse->section[0] ? "there is no such key in its section: "
					: "this key stands before any section: ",
		      name, hint.bytes);
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
			return refuse(parse, "there is something behind the section's name", NULL,
				      NULL);
		line[length - 1] = '\0';
		return take_section(parse, line + 1);
	}
	char *value = strpbrk(line, "=:");
	if (*line == '[' || !value)
		return refuse(parse, "neither `[section]', `key = value' nor a comment", NULL,
			      NULL);
	*value++ = '\0';
	value = trim(value, strlen(value));
	return take_key(parse, trim(line, strlen(line)), value);
}

/* Whether the ranges and groups of both files go together. */
static int check_ids(struct parse *parse)
{
	const struct config *config = parse->config;

	parse->line = parse->range_line; /* it may contradict the other file */
	for (int is_gid = 0; is_gid < 2; is_gid++)
		if (config_least(config, is_gid) > config_greatest(config, is_gid))
			return refuse(parse,
				      is_gid ? "minimum_gid is above maximum_gid"
					     : "minimum_uid is above maximum_uid",
				      NULL, ", so nobody may have a jail");
	for (uint32_t i = 0; i < config->group_count; i++) {
		char gid[16];

		snprintf(gid, sizeof(gid), "%u", config->groups[i]);
		if (!config_has_id(config, true, config->groups[i]))
			return refuse(parse, "`groups' has the gid ", gid,
				      ", which is not between minimum_gid and maximum_gid");
	}
	return 0;
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
	return check_ids(&parse);
}

static int load_file(struct config *config, enum record_source source, int directory_fd,
		     const char *jail, struct text *error)
{
	char path[RECORD_PATH_MAX], text[65536];

	path_of_origin(source, jail, NULL, path);
	ssize_t length = path_read_file(directory_fd, path, text, sizeof(text),
					&config->policy.origins[source], error);
	if (length < 0 && errno == ENOENT)
		return source == RECORD_OVERRIDE
			       ? 0
			       : report_fill(error, "open", path,
					     "there is none; make install puts one there");
	return length < 0 ? -1 : config_parse(config, source, path, text, (size_t)length, error);
}

int config_load(struct config *config, const char *jail, struct text *error)
{
	AUTO_CLOSE directory_fd = path_open_trusted(PATHS_CONFIG, error);

	config_defaults(config);
	if (directory_fd < 0 || load_file(config, RECORD_CONFIG, directory_fd, jail, error) != 0)
		return -1;
	if (!jail || faccessat(directory_fd, "jails.d", F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	AUTO_CLOSE overrides_fd =
		path_open_trusted_at(directory_fd, PATHS_CONFIG, "jails.d", error);
	return overrides_fd < 0 ? -1
				: load_file(config, RECORD_OVERRIDE, overrides_fd, jail, error);
}

uint64_t config_least(const struct config *config, bool is_gid)
{
	return is_gid && config->minimum_gid ? config->minimum_gid : config->minimum_uid;
}

uint64_t config_greatest(const struct config *config, bool is_gid)
{
	return is_gid && config->maximum_gid ? config->maximum_gid : config->maximum_uid;
}

bool config_has_id(const struct config *config, bool is_gid, uint32_t id)
{
	return id != 0 && id != CONFIG_NOBODY && id >= config_least(config, is_gid) &&
	       id <= config_greatest(config, is_gid);
}
