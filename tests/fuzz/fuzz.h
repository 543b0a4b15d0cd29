/* SPDX-License-Identifier: MIT */
/* A fuzz target: what must hold for any input. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trampoline/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* How many mutations `unit' tries; a target that makes files for each has fewer. */
extern const unsigned long fuzz_runs __attribute__((weak));

/* What a target that makes files has, to remove them: called however the fuzzer ends. */
void fuzz_end(void) __attribute__((weak));

/* Like assert(3), which NDEBUG cannot take away; what is in BYTES is then found. */
#define MUST_HOLD(condition)                                                                       \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* A refusal is one whole sentence of printable ASCII, whatever was refused. */
static inline void must_be_sentence(const struct text *error)
{
	MUST_HOLD(error->length < TEXT_SIZE && strlen(error->bytes) == error->length);
	MUST_HOLD(!strncmp(error->bytes, "cannot ", 7));
	for (const char *at = error->bytes; *at; at++)
		MUST_HOLD(*at >= ' ' && *at <= '~');
}
