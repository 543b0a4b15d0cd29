/* SPDX-License-Identifier: MIT */
/*
 * Configuration files into a policy. Refuse, never guess: an unknown key may be the protection that
 * somebody meant, and a file that others can write is their policy.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>

#include "cleanup.h"
#include "key.h"
#include "origin.h"
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
	for (size_t i = 0; i < LIMIT_RESOURCES; i++)
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

/* What the two callbacks of libinih share. */
struct parse {
	struct config *config;
	enum record_source source;
	FILE *stream;
	int line; /* of the line read last */
	int bad_line;
	struct text reason;
};

/* What libinih skips at the start of a line, and a byte order mark at that of the first. */
#define BLANKS " \t\r\n\v\f"
#define MARK "\xEF\xBB\xBF"

static int refuse(struct parse *parse, const char *reason, const char *what)
{
	if (!parse->bad_line) {
		parse->bad_line = parse->line;
		text_add(&parse->reason, reason);
		if (what)
			text_add_quoted(&parse->reason, what, TEXT_OBJECT_MAX);
	}
	return 0;
}

static bool is_section(const char *name)
{
	for (size_t i = 0; key_name(i); i++)
		if (!strcmp(key_section(i), name))
			return true;
	return false;
}

/*
 * libinih tells of keys alone: not of what stands behind the name of a section, nor of a section
 * without keys. Either may be a protection that somebody meant.
 */
static void judge_section(struct parse *parse, char *line)
{
	char *start = line + strspn(line, BLANKS MARK), *name = start + 1;
	char *end = *start == '[' ? strchr(name, ']') : NULL;

	if (!end)
		return;
	const char *behind = end + 1 + strspn(end + 1, BLANKS);
	if (*behind && (behind == end + 1 || (*behind != ';' && *behind != '#')))
		(void)refuse(parse, "there is something behind the section's name", NULL);
	*end = '\0';
	if (!is_section(name))
		(void)refuse(parse, "there is no section ", name);
	*end = ']';
}

static char *read_line(char *buffer, int size, void *user)
{
	struct parse *parse = user;
	char *line = fgets(buffer, size, parse->stream);

	if (!line)
		return NULL;
	parse->line++;
	if (!strchr(line, '\n') && !feof(parse->stream))
		(void)refuse(parse, "the line is too long", NULL);
	judge_section(parse, line);
	return line;
}

static int take_key(void *user, const char *section, const char *name, const char *value)
{
	struct parse *parse = user;

	for (size_t i = 0; key_name(i); i++) {
		struct config_entry *entry = &parse->config->entries[i];

		if (strcmp(key_section(i), section) != 0 || strcmp(key_name(i), name) != 0)
			continue;
		if (entry->source == parse->source)
			return refuse(parse, "this key is there twice: ", name);
		if (!key_read(parse->config, i, value))
			return refuse(parse, "this key cannot have the value ", value);
		snprintf(entry->value, sizeof(entry->value), "%s", value);
		entry->source = parse->source;
		entry->line = parse->line;
		return 1;
	}
	return refuse(parse,
		      *section ? "there is no such key in its section: "
			       : "this key stands before any section: ",
		      name);
}

/* One file may contradict itself or the other; a line of this one's has the last word in it. */
static void judge_range(struct parse *parse)
{
	const struct config *config = parse->config;

	if (config->minimum_uid <= config->maximum_uid)
		return;
	parse->line = 0;
	for (size_t i = 0; key_name(i); i++) {
		const struct config_entry *entry = &config->entries[i];

		if ((!strcmp(key_name(i), "minimum_uid") || !strcmp(key_name(i), "maximum_uid")) &&
		    entry->source == parse->source && entry->line > parse->line)
			parse->line = entry->line;
	}
	(void)refuse(parse, "minimum_uid is above maximum_uid, so nobody may have a jail", NULL);
}

int config_parse(struct config *config, enum record_source source, const char *path,
		 const char *text, size_t length, struct text *error)
{
	struct parse parse = {.config = config, .source = source};
	AUTO_FILE stream = length ? fmemopen((void *)text, length, "r") : fopen("/dev/null", "re");
	char place[PATH_MAX];

	if (!stream)
		return report_fill(error, "read", path, NULL);
	parse.stream = stream;
	if (memchr(text, '\0', length))
		return report_fill(error, "use", path, "it holds a NUL byte");
	int result = ini_parse_stream(read_line, &parse, take_key, &parse);
	if (result == 0)
		judge_range(&parse);
	if (result == 0 && !parse.bad_line)
		return 0;
	if (result < 0)
		return report_fill(error, "read", path, NULL);
	/* Of several errors, the first; what libinih itself finds is one of syntax. */
	if (result > 0 && result < parse.bad_line)
		parse.bad_line = 0;
	snprintf(place, sizeof(place), "%s:%d", path, parse.bad_line ? parse.bad_line : result);
	return text_refuse(error, "use", place,
			   parse.bad_line ? parse.reason.bytes
					  : "neither `[section]', `key = value' nor a comment");
}

static int load_file(struct config *config, enum record_source source, int directory_fd,
		     const char *name, const char *jail, struct text *error)
{
	AUTO_CLOSE fd = path_open_file(directory_fd, name);
	char path[RECORD_PATH_MAX], text[65536];

	origin_path(source, jail, NULL, path);
	if (fd < 0 && errno == ENOENT && source == RECORD_OVERRIDE)
		return 0;
	if (fd < 0 && errno == ENOENT)
		return report_fill(error, "open", path,
				   "there is none; make install puts one there");
	if (fd < 0 && (errno == EPERM || errno == ELOOP))
		return report_fill(error, "trust", path,
				   "it must be a regular file of root's that only root can write");
	if (fd < 0 || origin_read(fd, &config->origins[source]) != 0)
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
	AUTO_CLOSE overrides_fd =
		path_open_trusted_at(directory_fd, PATHS_CONFIG, "jails.d", error);
	snprintf(name, sizeof(name), "%s.conf", jail);
	return overrides_fd < 0
		       ? -1
		       : load_file(config, RECORD_OVERRIDE, overrides_fd, name, jail, error);
}
