/* SPDX-License-Identifier: MIT */
/* The record's policy and the arguments of one run, merged. */
#include "trampoline/run.h"

#include <string.h>

#include "trampoline/quantity.h"

static unsigned int find_reasons(const struct record *record, const struct arguments *arguments)
{
	unsigned int reasons = 0;

	if (arguments->private_processes)
		reasons |= RUN_PRIVATE_OPTION;
	if (record->flags & RECORD_PRIVATE_PROCESSES)
		reasons |= RUN_PRIVATE_POLICY;
	if (arguments->timeout_ms && arguments->timeout_ms != QUANTITY_UNLIMITED)
		reasons |= RUN_TIMEOUT_OPTION;
	if (record->timeout_ms != QUANTITY_UNLIMITED)
		reasons |= RUN_TIMEOUT_POLICY;
	if (arguments->status_fd >= 0)
		reasons |= RUN_STATUS_OPTION;
	if (record->limits[LIMIT_OUTPUT] != QUANTITY_UNLIMITED)
		reasons |= RUN_OUTPUT_POLICY;
	if (record->origins[RECORD_CGROUP].inode)
		reasons |= RUN_CGROUP_POLICY;
	return reasons;
}

int run_merge(struct run *run, const struct record *record, const struct arguments *arguments,
	      uint32_t uid, struct text *error)
{
	memcpy(run->limits, record->limits, sizeof(run->limits));
	for (size_t i = 0; i < arguments->limit_count; i++) {
		const struct arguments_limit *limit = &arguments->limits[i];

		if (limit->value > record->limits[limit->resource] && uid != 0)
			return text_refuse(error, "raise limit", limit->text,
					   "only root may; a caller can lower them");
		run->limits[limit->resource] = limit->value; /* of several, the last counts */
	}
	run->timeout_ms = record->timeout_ms;
	if (arguments->timeout_ms && arguments->timeout_ms < record->timeout_ms)
		run->timeout_ms = arguments->timeout_ms;
	run->kill_after_ms = record->kill_after_ms;
	if (arguments->kill_after_ms &&
	    (uid == 0 || arguments->kill_after_ms < record->kill_after_ms))
		run->kill_after_ms = arguments->kill_after_ms;
	run->reasons = find_reasons(record, arguments);
	if (run->limits[LIMIT_OUTPUT] < record->limits[LIMIT_OUTPUT])
		run->reasons |= RUN_OUTPUT_OPTION;
	/* Both have to end all of the run, which only a pid namespace of its own can. */
	run->is_private = run->timeout_ms != QUANTITY_UNLIMITED ||
			  run->limits[LIMIT_OUTPUT] != QUANTITY_UNLIMITED ||
			  run->reasons & (RUN_PRIVATE_OPTION | RUN_PRIVATE_POLICY);
	return 0;
}
