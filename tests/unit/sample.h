/* SPDX-License-Identifier: MIT */
/* A record as a keeper would seal it. */
#pragma once

#include <string.h>

#include "trampoline/record.h"

static inline void sample_record(struct record *record)
{
	static const char keep[] = "LANG\0LC_*\0TZ";
	static const char set[] = "HOME=/home/alice\0USER=alice\0LOGNAME=alice\0SHELL=/bin/sh\0"
				  "PATH=/usr/bin:/bin";

	memset(record, 0, sizeof(*record));
	memcpy(record->name, "alice", sizeof("alice"));
	memcpy(record->shell, "/bin/sh", sizeof("/bin/sh"));
	memcpy(record->keep, keep, sizeof(keep));
	record->keep_length = sizeof(keep);
	record->uid = record->gid = record->groups[0] = 1001;
	record->group_count = 1;
	record->mount_namespace = 4026532001;
	record->ipc_namespace = 4026532002;
	record->network_namespace = 4026532003;
	record->caller_count = 2;
	record->callers[0] = 33;
	record->callers[1] = 1000;
	record->filter_length = 3;
	for (uint32_t i = 0; i < record->filter_length; i++)
		record_filter(record)[i].k = i;
	record->set_length = sizeof(set);
	memcpy(record_set(record), set, sizeof(set));
	record_seal(record);
}
