/* SPDX-License-Identifier: MIT */
/* One table of limit names, for the configuration and for --limit. */
#include "trampoline/limit.h"

#include <string.h>
#include <sys/resource.h>

#include "trampoline/quantity.h"

_Static_assert(RLIM_NLIMITS == LIMIT_RESOURCES, "Linux has 16 resource limits");

enum limit_kind { LIMIT_SECONDS, LIMIT_BYTES, LIMIT_COUNT };

static const struct {
	const char *name;
	unsigned int resource;
	enum limit_kind kind;
} limits[] = {
	{"cpu", RLIMIT_CPU, LIMIT_SECONDS},
	/* Private anonymous memory: RLIMIT_DATA counts mmap too since Linux 4.7 (commit 84638335900f). */
	{"memory", RLIMIT_DATA, LIMIT_BYTES},
	{"data", RLIMIT_DATA, LIMIT_BYTES},
	{"address_space", RLIMIT_AS, LIMIT_BYTES},
	{"file_size", RLIMIT_FSIZE, LIMIT_BYTES},
	{"processes", RLIMIT_NPROC, LIMIT_COUNT},
	{"open_files", RLIMIT_NOFILE, LIMIT_COUNT},
	{"stack", RLIMIT_STACK, LIMIT_BYTES},
	{"core", RLIMIT_CORE, LIMIT_BYTES},
};

static int parse_value(enum limit_kind kind, const char *text, uint64_t *result)
{
	uint64_t milliseconds;

	switch (kind) {
	case LIMIT_BYTES:
		return quantity_parse_size(text, result);
	case LIMIT_COUNT:
		return quantity_parse_count(text, result);
	case LIMIT_SECONDS:
		break;
	}
	if (strcmp(text, "unlimited") == 0) {
		*result = QUANTITY_UNLIMITED;
		return 0;
	}
	if (quantity_parse_duration(text, &milliseconds) != 0 || milliseconds == QUANTITY_UNLIMITED)
		return -1;
	*result = (milliseconds + 999) / 1000;
	return 0;
}

int limit_parse(const char *name, size_t length, const char *value, unsigned int *resource,
		uint64_t *result)
{
	for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
		if (strlen(limits[i].name) != length || memcmp(limits[i].name, name, length) != 0)
			continue;
		*resource = limits[i].resource;
		return parse_value(limits[i].kind, value, result) == 0 ? 0 : -2;
	}
	return -1;
}

const char *limit_name(size_t index, unsigned int *resource)
{
	if (index >= ARRAY_LENGTH(limits))
		return NULL;
	*resource = limits[index].resource;
	return limits[index].name;
}
