/* SPDX-License-Identifier: MIT */
/* What a run of a jail would get, and which line of which file or which option says so. */
#include "explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "build/cgroup.h"
#include "child.h"
#include "policy/jail.h"
#include "policy/key.h"
#include "policy/word.h"
#include "report.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"
#include "trampoline/run.h"

#define STORAGE_NS INT64_C(5000000000)
/* What makes a run private. */
#define PRIVATE                                                                                    \
	(RUN_PRIVATE_OPTION | RUN_PRIVATE_POLICY | RUN_TIMEOUT_OPTION | RUN_TIMEOUT_POLICY |       \
	 RUN_OUTPUT_OPTION | RUN_OUTPUT_POLICY)
/* Section, name and value; behind them stands what set the value. */
#define ROW "%-14s %-14s %-32s "

/* The --limit for what the key at INDEX sets, of several the last, which counts; NULL: none. */
static const struct arguments_limit *find_limit(const struct arguments *arguments, size_t index)
{
	const char *name = key_name(index);
	unsigned int resource;
	uint64_t zero;

	if (strcmp(key_section(index), "limits") != 0 ||
	    limit_parse(name, strlen(name), "0", &resource, &zero) != 0)
		return NULL;
	for (size_t i = arguments->limit_count; i > 0; i--)
		if (arguments->limits[i - 1].resource == resource)
			return &arguments->limits[i - 1];
	return NULL;
}

/* Where SOURCE has it; RECORD_SOURCES: nowhere. */
static void format_place(char place[static RECORD_PATH_MAX + 16], const struct record *record,
			 enum record_source source, int line)
{
	snprintf(place, RECORD_PATH_MAX + 16, "built in");
	if (source != RECORD_SOURCES)
		snprintf(place, RECORD_PATH_MAX + 16, "%s:%d", record->origins[source].path, line);
}

static void print_pairs(const struct jail *jail)
{
	char place[RECORD_PATH_MAX + 16];

	for (enum config_section section = 0; section < CONFIG_SECTIONS; section++)
		for (uint32_t i = 0; i < jail->config.pair_counts[section]; i++) {
			const struct config_pair *pair = &jail->config.pairs[section][i];

			format_place(place, &jail->record, pair->source, pair->line);
			printf(ROW "%s\n", word_section(section), pair->key, pair->value, place);
		}
}

static void print_key(const struct jail *jail, const struct arguments *arguments,
		      const struct run *run, size_t index)
{
	const struct record *record = &jail->record;
	const struct config_entry *entry = &jail->config.entries[index];
	const char *section = key_section(index), *name = key_name(index);
	const struct arguments_limit *limit = find_limit(arguments, index);
	bool is_timeout = !strcmp(name, "timeout"), is_shell = !strcmp(name, "shell");
	bool is_grace = !strcmp(name, "kill_after");
	char place[RECORD_PATH_MAX + 16], duration[32];

	format_place(place, record, entry->source, entry->line);
	snprintf(duration, sizeof(duration), "%.15gs",
		 (double)(is_grace ? run->kill_after_ms : run->timeout_ms) / 1000);
	if (limit && limit->value > record->limits[limit->resource])
		printf(ROW "--limit, which only root may raise above %s, %s\n", section, name,
		       strchr(limit->text, '=') + 1, entry->value, place);
	else if (limit)
		printf(ROW "--limit\n", section, name, strchr(limit->text, '=') + 1);
	else if (is_timeout && run->timeout_ms < record->timeout_ms)
		printf(ROW "--timeout\n", section, name, duration);
	else if (is_grace && arguments->kill_after_ms)
		printf(ROW "--kill-after%s\n", section, name, duration,
		       run->kill_after_ms > record->kill_after_ms
			       ? ", which only root may have above the policy's"
			       : "");
	else
		printf(ROW "%s%s\n", section, name,
		       is_shell && !strcmp(entry->value, "auto") ? record->shell : entry->value,
		       place,
		       is_timeout && arguments->timeout_ms
			       ? "; --timeout is not shorter and changes nothing"
			       : "");
}

static void print_reasons(const char *name, unsigned int reasons)
{
	static const struct {
		enum run_reason reason;
		const char *words;
	} rows[] = {{RUN_PRIVATE_OPTION, ", --private"},
		    {RUN_TIMEOUT_OPTION, ", --timeout"},
		    {RUN_STATUS_OPTION, ", --status-fd"},
		    {RUN_OUTPUT_OPTION, ", --limit=output"},
		    {RUN_TIMEOUT_POLICY, ", timeout of [limits]"},
		    {RUN_PRIVATE_POLICY, ", processes of [confinement]"},
		    {RUN_OUTPUT_POLICY, ", output of [limits]"},
		    {RUN_CGROUP_POLICY, ", [resources]"}};
	struct text text = {.length = 0};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (reasons & rows[i].reason)
			text_add(&text, rows[i].words);
	printf(ROW "%s\n", "run", name, reasons ? "yes" : "no",
	       reasons ? text.bytes + strlen(", ") : "nothing asks for it");
}

static void print_directory(const struct arguments *arguments)
{
	struct text directory = {.length = 0};

	if (!arguments->directory) {
		printf("%-14s %-14s /home/%-26s built in\n", "run", "directory", arguments->jail);
		return;
	}
	text_add_quoted(&directory, arguments->directory, TEXT_OBJECT_MAX);
	printf(ROW "--chdir\n", "run", "directory", directory.bytes);
}

static void print_mounts(const struct jail *jail)
{
	struct jail_mount mounts[JAIL_MOUNTS_MAX];
	size_t count = jail_mounts(jail, mounts);

	for (size_t i = 0; i < count; i++) {
		const struct jail_mount *mount = &mounts[i];
		char options[32], source[RECORD_PATH_MAX];

		snprintf(options, sizeof(options), "%s,nosuid%s%s",
			 mount->attributes & MOUNT_ATTR_RDONLY ? "ro" : "rw",
			 mount->attributes & MOUNT_ATTR_NODEV ? ",nodev" : "",
			 mount->attributes & MOUNT_ATTR_NOEXEC ? ",noexec" : "");
		snprintf(source, sizeof(source), "%s",
			 mount->origin   ? mount->origin->path
			 : mount->shared ? "one that all jails share"
					 : "one of its own");
		if (i == 0)
			snprintf(source, sizeof(source), PATHS_IMAGES "/%s/%s", jail->record.image,
				 jail->record.image_version);
		printf(ROW "%s\n", "mount", mount->path, options, source);
	}
}

static void look(const void *context, void *answer)
{
	struct jail jail;

	(void)!jail_describe(&jail, context, answer);
}

void explain_run(const struct arguments *arguments)
{
	struct jail jail;
	struct run run;
	struct text error;

	if (child_ask(STORAGE_NS, look, arguments->jail, &error, sizeof(error)) != 0)
		report_refuse("look at jail", arguments->jail,
			      errno == ETIME ? "its storage does not answer" : NULL);
	if (jail_describe(&jail, arguments->jail, &error) != 0 ||
	    cgroup_check(&jail.config, &error) != 0 ||
	    run_merge(&run, &jail.record, arguments, 0, &error) != 0)
		report_die(&error);
	/* The record gets its cgroup, and with it the reason, when the jail is built. */
	if (cgroup_is_wanted(&jail.config))
		run.reasons |= RUN_CGROUP_POLICY;
	printf("%-14s uid %u, gid %u, the owner of " PATHS_DATA "/%s/home/%s\n", "identity",
	       jail.record.uid, jail.record.gid, arguments->jail, arguments->jail);
	for (size_t i = 0; key_name(i); i++)
		print_key(&jail, arguments, &run, i);
	print_pairs(&jail);
	print_reasons("supervised", run.reasons);
	print_reasons("private", run.reasons & PRIVATE);
	print_mounts(&jail);
	printf("%-14s %u instructions\n", "filter", jail.record.filter_length);
	print_directory(arguments);
	jail_close(&jail);
}
