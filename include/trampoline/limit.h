/* SPDX-License-Identifier: MIT */
/* The limits that a policy or a run may set, most of setrlimit(2), under one set of names. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "trampoline/attributes.h"

#define LIMIT_RESOURCES 16 /* RLIM_NLIMITS of Linux */
/* Bytes of standard output and error, which no rlimit counts. */
#define LIMIT_OUTPUT LIMIT_RESOURCES
#define LIMIT_COUNT 17 /* a record holds one value for each */

/*
 * Reads VALUE for the limit that the LENGTH bytes at NAME name (cpu, memory, address_space,
 * file_size, processes, open_files, stack, data, core, output) into *RESOURCE (an RLIMIT_ number
 * or LIMIT_OUTPUT) and *RESULT (whole seconds, bytes or a count; QUANTITY_UNLIMITED for none).
 * Returns 0, -1 for an unknown name, -2 for a value that is none of this limit's.
 */
int limit_parse(const char *name, size_t length, const char *value, unsigned int *resource,
		uint64_t *result) MUST_CHECK;
