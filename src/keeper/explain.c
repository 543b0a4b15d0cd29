/* SPDX-License-Identifier: MIT */
/* The resolved policy of one run, for whoever asks why. */
#include "explain.h"

#include <stdio.h>
#include <string.h>

#include "crew.h"
#include "jail.h"
#include "key.h"
#include "merge.h"
#include "report.h"
#include "trampoline/paths.h"

#define KILL_AFTER_MS 2000 /* where no option says another: arguments_parse() */

static void print_row(const char *section, const char *name, const char *value, const char *place)
{
	printf("%-14s %-14s %-32s %s\n", section, name, value, place);
}

static void print_keys(const struct jail *jail, const struct arguments *arguments)
{
	struct merge_row row;

	for (size_t i = 0; key_name(i); i++) {
		merge_key(&row, jail, arguments, i);
		print_row(key_section(i), key_name(i), row.value, row.place.bytes);
	}
	merge_supervision(&row, jail, arguments);
	print_row("run", "supervised", row.value, row.place.bytes);
}

static void print_run(const struct jail *jail, const struct arguments *arguments)
{
	struct text directory = {.length = 0};
	char value[32];

	merge_format_duration(value, arguments->kill_after_ms);
	const char *place = arguments->kill_after_ms == KILL_AFTER_MS ? "built in" : "--kill-after";
	if (merge_has_timeout(jail, arguments))
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

static int look(void *context, size_t index)
{
	struct jail jail;
	struct text error;

	(void)index;
	if (jail_describe(&jail, context, &error) == 0)
		jail_close(&jail);
	return 0;
}

void explain_run(const struct arguments *arguments)
{
	struct jail jail;
	struct text error;
	signed char *result = crew_share(1);

	/* The user's storage may not answer, so a crew looks first. */
	if (!result || crew_work(1, 1, look, (void *)arguments->jail, result) != 0)
		report_refuse("look at jail", arguments->jail, NULL);
	if (*result == CREW_STUCK)
		report_refuse("look at jail", arguments->jail, "its storage does not answer");
	if (jail_describe(&jail, arguments->jail, &error) != 0)
		report_die(&error);
	printf("%-14s %s\n%-14s uid %u, gid %u, the owner of %s/%s/home/%s\n", "jail",
	       arguments->jail, "identity", jail.record.uid, jail.record.gid, PATHS_DATA,
	       arguments->jail, arguments->jail);
	print_keys(&jail, arguments);
	print_mounts(&jail);
	printf("%-14s %u instructions\n", "filter", jail.record.filter_length);
	print_run(&jail, arguments);
	print_arguments(arguments);
	jail_close(&jail);
}
