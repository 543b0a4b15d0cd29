/* SPDX-License-Identifier: MIT */
/* The resolved policy of one run, for whoever asks why. */
#include "explain.h"

#include <stdio.h>
#include <string.h>

#include "crew.h"
#include "jail.h"
#include "key.h"
#include "report.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"

static void print_key(const struct jail *jail, size_t index)
{
	const struct config_entry *entry = &jail->config.entries[index];
	char place[RECORD_PATH_MAX + 16];

	if (entry->source == RECORD_SOURCES) {
		snprintf(place, sizeof(place), "built in");
	} else {
		snprintf(place, sizeof(place), "%s:%d", jail->record.origins[entry->source].path,
			 entry->line);
	}
	printf("%-14s %-14s %-32s %s\n", key_section(index), key_name(index), entry->value, place);
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

	for (size_t i = 0; i < arguments->limit_count; i++) {
		const char *name = key_limit_name(arguments->limits[i].resource);

		printf("%-14s %-14s %-32ju --limit\n", "limits", name ? name : "?",
		       (uintmax_t)arguments->limits[i].value);
	}
	for (size_t i = 0; i < arguments->environment_count; i++) {
		text.length = 0;
		text_add_quoted(&text, arguments->environment[i], TEXT_OBJECT_MAX);
		printf("%-14s %-47s --env\n", "environment", text.bytes);
	}
	if (arguments->directory) {
		text.length = 0;
		text_add_quoted(&text, arguments->directory, TEXT_OBJECT_MAX);
		printf("%-14s %-47s --chdir\n", "directory", text.bytes);
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
	for (size_t i = 0; key_name(i); i++)
		print_key(&jail, i);
	print_mounts(&jail);
	printf("%-14s %u instructions\n", "filter", jail.record.filter_length);
	print_arguments(arguments);
	jail_close(&jail);
}
