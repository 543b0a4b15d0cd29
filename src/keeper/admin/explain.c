/* SPDX-License-Identifier: MIT */
/* What a run of a jail would get, and which line of which file or which option says so. */
#include "explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "build/cgroup.h"
#include "child.h"
#include "policy/jail.h"
#include "policy/key.h"
#include "report.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"
#include "trampoline/run.h"

#define STORAGE_NS INT64_C(5000000000)
#define KILL_AFTER_MS 2000 /* where no option says another: arguments_parse() */

/* The jail as it would be built, and the run that the arguments ask for. */
struct explain {
	const struct jail *jail;
	const struct arguments *arguments;
	struct run run;
};

static void print_row(const char *section, const char *name, const char *value, const char *place)
{
	printf("%-14s %-14s %-32s %s\n", section, name, value, place);
}

static void format_duration(char value[static 32], uint64_t milliseconds)
{
	if (milliseconds % 1000)
		snprintf(value, 32, "%ju.%03jus", (uintmax_t)(milliseconds / 1000),
			 (uintmax_t)(milliseconds % 1000));
	else
		snprintf(value, 32, "%jus", (uintmax_t)(milliseconds / 1000));
}

/* A limit as trampoline.conf would have it. */
static void format_limit(char value[static 32], unsigned int resource, uint64_t limit)
{
	static const char *const units[] = {"", "K", "M", "G", "T"};
	size_t unit = 0;

	if (limit == QUANTITY_UNLIMITED) {
		snprintf(value, 32, "unlimited");
		return;
	}
	if (resource == RLIMIT_CPU) {
		format_duration(value, limit * 1000);
		return;
	}
	while (resource != RLIMIT_NPROC && resource != RLIMIT_NOFILE && limit > 0 &&
	       limit % 1024 == 0 && unit + 1 < ARRAY_LENGTH(units)) {
		limit /= 1024;
		unit++;
	}
	snprintf(value, 32, "%ju%s", (uintmax_t)limit, units[unit]);
}

static bool is_key(size_t index, const char *section, const char *name)
{
	return !strcmp(key_section(index), section) && !strcmp(key_name(index), name);
}

/* Adds where the value of the key at INDEX stands: FILE:LINE, or "built in". */
static void add_place(struct text *place, const struct jail *jail, size_t index)
{
	const struct config_entry *entry = &jail->config.entries[index];

	if (entry->source == RECORD_SOURCES) {
		text_add(place, "built in");
		return;
	}
	text_add(place, jail->record.origins[entry->source].path);
	text_add(place, ":");
	text_add_number(place, (uint64_t)entry->line);
}

/* Prints the row of the limit that the key at INDEX sets, if an option changes it. */
static bool print_limit(const struct explain *explain, size_t index)
{
	const uint64_t *policy = explain->jail->record.limits, *limit = explain->run.limits;
	const char *name = key_name(index);
	struct text place = {.length = 0};
	unsigned int resource;
	uint64_t zero;
	char value[32];

	if (strcmp(key_section(index), "limits") != 0 ||
	    limit_parse(name, strlen(name), "0", &resource, &zero) != 0 ||
	    limit[resource] == policy[resource])
		return false;
	format_limit(value, resource, limit[resource]);
	text_add(&place, "--limit");
	if (limit[resource] > policy[resource]) {
		text_add(&place, ", which only root may raise above ");
		text_add(&place, explain->jail->config.entries[index].value);
		text_add(&place, ", ");
		add_place(&place, explain->jail, index);
	}
	print_row("limits", name, value, place.bytes);
	return true;
}

/* Whether the time-out in force is the option's, which is shorter than the policy's. */
static bool has_own_timeout(const struct explain *explain)
{
	return explain->run.timeout_ms < explain->jail->record.timeout_ms;
}

/* Prints the row of the key at INDEX if an option or another key changes its value. */
static bool print_changed(const struct explain *explain, size_t index)
{
	char value[32];

	if (is_key(index, "limits", "timeout") && has_own_timeout(explain)) {
		format_duration(value, explain->run.timeout_ms);
		print_row("limits", "timeout", value, "--timeout");
		return true;
	}
	if (is_key(index, "confinement", "processes") && explain->run.is_private &&
	    !(explain->run.reasons & RUN_PRIVATE_POLICY)) {
		print_row("confinement", "processes", "private",
			  explain->run.reasons & RUN_PRIVATE_OPTION ? "--private"
			  : has_own_timeout(explain)
				  ? "--timeout, which ends all of a run"
				  : "the policy's timeout, which ends all of a run");
		return true;
	}
	return print_limit(explain, index);
}

static void print_key(const struct explain *explain, size_t index)
{
	struct text place = {.length = 0};

	if (print_changed(explain, index))
		return;
	add_place(&place, explain->jail, index);
	if (is_key(index, "limits", "timeout") && explain->arguments->timeout_ms)
		text_add(&place, "; --timeout is not shorter and changes nothing");
	print_row(key_section(index), key_name(index), explain->jail->config.entries[index].value,
		  place.bytes);
}

/* Whether the key at INDEX makes every run of the jail a supervised one. */
static bool is_reason(const struct explain *explain, size_t index)
{
	if (is_key(index, "limits", "timeout"))
		return explain->run.reasons & RUN_TIMEOUT_POLICY;
	if (is_key(index, "confinement", "processes"))
		return explain->run.reasons & RUN_PRIVATE_POLICY;
	/* The record gets its cgroup, and with it the reason, when the jail is built. */
	return !strcmp(key_section(index), "resources") &&
	       strcmp(explain->jail->config.entries[index].value, "none") != 0;
}

static void add_reason(struct text *reasons, const char *reason)
{
	if (reasons->length > 0)
		text_add(reasons, ", ");
	text_add(reasons, reason);
}

static void print_supervision(const struct explain *explain)
{
	static const struct {
		enum run_reason reason;
		const char *option;
	} options[] = {{RUN_PRIVATE_OPTION, "--private"},
		       {RUN_TIMEOUT_OPTION, "--timeout"},
		       {RUN_STATUS_OPTION, "--status-fd"}};
	struct text reasons = {.length = 0};

	for (size_t i = 0; i < ARRAY_LENGTH(options); i++)
		if (explain->run.reasons & options[i].reason)
			add_reason(&reasons, options[i].option);
	for (size_t i = 0; key_name(i); i++) {
		if (!is_reason(explain, i))
			continue;
		add_reason(&reasons, key_name(i));
		text_add(&reasons, " of [");
		text_add(&reasons, key_section(i));
		text_add(&reasons, "] at ");
		add_place(&reasons, explain->jail, i);
	}
	print_row("run", "supervised", reasons.length > 0 ? "yes" : "no",
		  reasons.length > 0 ? reasons.bytes : "nothing asks for it");
}

static void print_run(const struct explain *explain)
{
	const struct arguments *arguments = explain->arguments;
	struct text directory = {.length = 0};
	char value[32];

	format_duration(value, explain->run.kill_after_ms);
	const char *place = arguments->kill_after_ms == KILL_AFTER_MS ? "built in" : "--kill-after";
	if (explain->run.timeout_ms != QUANTITY_UNLIMITED)
		print_row("run", "kill_after", value, place);
	else if (arguments->kill_after_ms != KILL_AFTER_MS)
		print_row("run", "kill_after", value, "--kill-after; there is no time-out for it");
	if (arguments->daemon)
		print_row("run", "daemon", "yes", "--daemon");
	for (size_t i = 0; i < arguments->keep_fd_count; i++) {
		bool is_status = arguments->keep_fds[i] == arguments->status_fd;

		snprintf(value, sizeof(value), "%d", arguments->keep_fds[i]);
		print_row("run", is_status ? "status_fd" : "keep_fd", value,
			  is_status ? "--status-fd" : "--keep-fd");
	}
	if (!arguments->directory) {
		text_add(&directory, "/home/");
		text_add(&directory, arguments->jail);
	} else {
		text_add_quoted(&directory, arguments->directory, TEXT_OBJECT_MAX);
	}
	print_row("run", "directory", directory.bytes,
		  arguments->directory ? "--chdir" : "built in");
}

static void print_mounts(const struct jail *jail)
{
	const struct config *config = &jail->config;
	const char *users = config->is_noexec ? "nosuid,nodev,noexec" : "nosuid,nodev";
	const char *name = jail->record.name;

	printf("mount          /              ro,nosuid,nodev                  %s/%s/%s\n",
	       PATHS_IMAGES, config->image, jail->record.image_version);
	printf("mount          /home          %-32s %s/%s/home\n", users, PATHS_DATA, name);
	printf("mount          /tmp           %-32s %s/%s/tmp\n", users, PATHS_DATA, name);
	if (config->has_dev)
		printf("mount          /dev           ro,nosuid,noexec                 the shared "
		       "minimal /dev\n");
	if (config->has_proc)
		printf("mount          /proc          nosuid,nodev,noexec              a /proc of "
		       "its own\n");
}

static void print_arguments(const struct arguments *arguments)
{
	struct text text;

	if (arguments->cgi)
		print_row("environment", "cgi", "the CGI/1.1 variables", "--cgi");
	for (size_t i = 0; i < arguments->environment_count; i++) {
		text.length = 0;
		text_add_quoted(&text, arguments->environment[i], TEXT_OBJECT_MAX);
		printf("%-14s %-47s --env\n", "environment", text.bytes);
	}
	printf("command       ");
	for (char *const *word = arguments->command; word && *word; word++) {
		text.length = 0;
		text_add_quoted(&text, *word, TEXT_OBJECT_MAX);
		printf(" %s", text.bytes);
	}
	printf("%s\n", arguments->command ? "" : " a login shell");
}

static void look(const void *context, void *answer)
{
	struct jail jail;

	(void)!jail_describe(&jail, context, answer);
}

void explain_run(const struct arguments *arguments)
{
	struct jail jail;
	struct explain explain = {.jail = &jail, .arguments = arguments};
	struct text error;

	if (child_ask(STORAGE_NS, look, arguments->jail, &error, sizeof(error)) != 0)
		report_refuse("look at jail", arguments->jail,
			      errno == ETIME ? "its storage does not answer" : NULL);
	if (jail_describe(&jail, arguments->jail, &error) != 0 ||
	    cgroup_check(&jail.config, &error) != 0 ||
	    run_merge(&explain.run, &jail.record, arguments, 0, &error) != 0)
		report_die(&error);
	printf("%-14s %s\n%-14s uid %u, gid %u, the owner of %s/%s/home/%s\n", "jail",
	       arguments->jail, "identity", jail.record.uid, jail.record.gid, PATHS_DATA,
	       arguments->jail, arguments->jail);
	for (size_t i = 0; key_name(i); i++)
		print_key(&explain, i);
	print_supervision(&explain);
	print_mounts(&jail);
	printf("%-14s %u instructions\n", "filter", jail.record.filter_length);
	print_run(&explain);
	print_arguments(arguments);
	jail_close(&jail);
}
