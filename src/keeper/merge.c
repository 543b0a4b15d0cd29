/* SPDX-License-Identifier: MIT */
/*
 * The launcher's judgement of a run, told in advance and in words: merge_limits() and
 * is_supervised() in its main.c. Pure.
 */
#include "merge.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "key.h"
#include "trampoline/quantity.h"

void merge_format_duration(char value[static 32], uint64_t milliseconds)
{
	if (milliseconds % 1000)
		snprintf(value, 32, "%ju.%03jus", (uintmax_t)(milliseconds / 1000),
			 (uintmax_t)(milliseconds % 1000));
	else
		snprintf(value, 32, "%jus", (uintmax_t)(milliseconds / 1000));
}

/* As trampoline.conf would say it. */
static void format_limit(char value[static 32], unsigned int resource, uint64_t limit)
{
	static const char *const units[] = {"", "K", "M", "G", "T"};
	size_t unit = 0;

	if (limit == QUANTITY_UNLIMITED) {
		snprintf(value, 32, "unlimited");
		return;
	}
	if (resource == RLIMIT_CPU) {
		merge_format_duration(value, limit * 1000);
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

/* Anybody may ask for less, root also for more; of several the last counts. */
static void apply_limits(struct merge_row *row, const struct jail *jail,
			 const struct arguments *arguments, size_t index)
{
	bool is_raised = false, is_set = false;
	char value[32] = "";

	for (size_t i = 0; i < arguments->limit_count; i++) {
		const struct arguments_limit *limit = &arguments->limits[i];
		const char *name = key_limit_name(limit->resource);

		if (!name || !is_key(index, "limits", name))
			continue;
		is_set = true;
		is_raised |= limit->value > jail->record.limits[limit->resource];
		format_limit(value, limit->resource, limit->value);
	}
	if (!is_set)
		return;
	row->place.length = 0;
	text_add(&row->place, "--limit");
	if (is_raised) {
		text_add(&row->place, ", which only root may raise above ");
		text_add(&row->place, row->value);
		text_add(&row->place, ", ");
		add_place(&row->place, jail, index);
	}
	snprintf(row->value, sizeof(row->value), "%s", value);
}

static bool has_own_timeout(const struct jail *jail, const struct arguments *arguments)
{
	return arguments->timeout_ms && arguments->timeout_ms < jail->record.timeout_ms;
}

bool merge_has_timeout(const struct jail *jail, const struct arguments *arguments)
{
	return arguments->timeout_ms || jail->record.timeout_ms != QUANTITY_UNLIMITED;
}

static void apply_timeout(struct merge_row *row, const struct jail *jail,
			  const struct arguments *arguments)
{
	char value[32];

	if (has_own_timeout(jail, arguments)) {
		merge_format_duration(value, arguments->timeout_ms);
		snprintf(row->value, sizeof(row->value), "%s", value);
		row->place.length = 0;
		text_add(&row->place, "--timeout");
	} else if (arguments->timeout_ms) {
		text_add(&row->place, "; --timeout is not shorter and changes nothing");
	}
}

static void apply_private(struct merge_row *row, const struct jail *jail,
			  const struct arguments *arguments)
{
	if (jail->config.are_processes_private ||
	    (!arguments->private_processes && !merge_has_timeout(jail, arguments)))
		return;
	snprintf(row->value, sizeof(row->value), "private");
	row->place.length = 0;
	text_add(&row->place, arguments->private_processes ? "--private"
			      : has_own_timeout(jail, arguments)
				      ? "--timeout, which ends all of a run"
				      : "the policy's timeout, which ends all of a run");
}

void merge_key(struct merge_row *row, const struct jail *jail, const struct arguments *arguments,
	       size_t index)
{
	row->place.length = 0;
	snprintf(row->value, sizeof(row->value), "%s", jail->config.entries[index].value);
	add_place(&row->place, jail, index);
	apply_limits(row, jail, arguments, index);
	if (is_key(index, "limits", "timeout"))
		apply_timeout(row, jail, arguments);
	if (is_key(index, "confinement", "processes"))
		apply_private(row, jail, arguments);
}

static void add_reason(struct text *reasons, const char *reason)
{
	if (reasons->length > 0)
		text_add(reasons, ", ");
	text_add(reasons, reason);
}

/* Whether a key of the policy makes every run a supervised one. */
static bool makes_supervised(const struct jail *jail, size_t index)
{
	return (is_key(index, "limits", "timeout") &&
		jail->record.timeout_ms != QUANTITY_UNLIMITED) ||
	       (is_key(index, "confinement", "processes") && jail->config.are_processes_private) ||
	       (!strcmp(key_section(index), "resources") &&
		strcmp(jail->config.entries[index].value, "none") != 0);
}

void merge_supervision(struct merge_row *row, const struct jail *jail,
		       const struct arguments *arguments)
{
	struct text *reasons = &row->place;

	reasons->length = 0;
	if (arguments->private_processes)
		add_reason(reasons, "--private");
	if (arguments->timeout_ms)
		add_reason(reasons, "--timeout");
	if (arguments->status_fd >= 0)
		add_reason(reasons, "--status-fd");
	for (size_t i = 0; key_name(i); i++) {
		if (!makes_supervised(jail, i))
			continue;
		add_reason(reasons, key_name(i));
		text_add(reasons, " of [");
		text_add(reasons, key_section(i));
		text_add(reasons, "] at ");
		add_place(reasons, jail, i);
	}
	snprintf(row->value, sizeof(row->value), "%s", reasons->length > 0 ? "yes" : "no");
	if (reasons->length == 0)
		text_add(reasons, "nothing asks for it");
}
