/* SPDX-License-Identifier: MIT */
/* What the options of a run make of its jail's policy, for whoever asks beforehand. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "jail.h"
#include "trampoline/arguments.h"
#include "trampoline/text.h"

/* What a run gets, as trampoline.conf would say it, and from where: a file's line, an option. */
struct merge_row {
	char value[CONFIG_VALUE_MAX];
	struct text place;
};

/* Fills ROW for the key at INDEX. */
void merge_key(struct merge_row *row, const struct jail *jail, const struct arguments *arguments,
	       size_t index);

/* Fills ROW with whether the run is supervised, and all that asks for it. */
void merge_supervision(struct merge_row *row, const struct jail *jail,
		       const struct arguments *arguments);

/* Whether a time-out is in force, and so the time between the two signals. */
bool merge_has_timeout(const struct jail *jail, const struct arguments *arguments);

void merge_format_duration(char value[static 32], uint64_t milliseconds);
