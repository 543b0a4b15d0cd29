/* SPDX-License-Identifier: MIT */
/* One table of limit names, for the configuration and for --limit. */
#include "trampoline/limit.h"

#include <string.h>
#include <sys/resource.h>

#include "trampoline/quantity.h"

_Static_assert(RLIM_NLIMITS == LIMIT_RESOURCES, "Linux has 16 resource limits");

static const struct {
	const char *name;
	unsigned int resource;
	enum quantity_kind kind;
} limits[] = {
	{"cpu", RLIMIT_CPU, QUANTITY_DURATION},
	/* Private anonymous memory: RLIMIT_DATA counts mmap too since Linux 4.7 (84638335900f). */
	{"memory", RLIMIT_DATA, QUANTITY_SIZE},
	{"data", RLIMIT_DATA, QUANTITY_SIZE},
	{"address_space", RLIMIT_AS, QUANTITY_SIZE},
	{"file_size", RLIMIT_FSIZE, QUANTITY_SIZE},
	{"processes", RLIMIT_NPROC, QUANTITY_COUNT},
	{"open_files", RLIMIT_NOFILE, QUANTITY_COUNT},
	{"stack", RLIMIT_STACK, QUANTITY_SIZE},
	{"core", RLIMIT_CORE, QUANTITY_SIZE},
	{"output", LIMIT_OUTPUT, QUANTITY_SIZE},
};

int limit_parse(const char *name, size_t length, const char *value, unsigned int *resource,
		uint64_t *result)
{
	for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
		if (strlen(limits[i].name) != length || memcmp(limits[i].name, name, length) != 0)
			continue;
		*resource = limits[i].resource;
		if (quantity_parse(limits[i].kind, value, result) != 0)
			return -2;
		if (limits[i].kind != QUANTITY_DURATION || *result == QUANTITY_UNLIMITED)
			return 0;
		uint64_t milliseconds = *result;
		*result /= 1000; /* setrlimit(2) has whole seconds */
		return milliseconds % 1000 ? -2 : 0;
	}
	return -1;
}
