/* SPDX-License-Identifier: MIT */
/* Numbers as people write them: counts, sizes and durations. Decimal digits only, no signs, no spaces. */
#pragma once

#include <stdint.h>

#include "trampoline/attributes.h"

#define QUANTITY_UNLIMITED UINT64_MAX

/*
 * Each reads all of TEXT into *VALUE; 0, or -1 with *VALUE untouched: not a number of this kind, or
 * too large. "unlimited" is QUANTITY_UNLIMITED for counts and sizes, "none" for durations.
 */
int quantity_parse_number(const char *text, uint64_t *value) MUST_CHECK;
int quantity_parse_count(const char *text, uint64_t *value) MUST_CHECK;
int quantity_parse_size(const char *text, uint64_t *bytes) MUST_CHECK; /* 64M: K M G T, powers of 1024 */
/* 30s, 2m, 1h, 1.5s, or seconds without a unit; to the millisecond. */
int quantity_parse_duration(const char *text, uint64_t *milliseconds) MUST_CHECK;
