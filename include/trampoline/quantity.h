/* SPDX-License-Identifier: MIT */
/* Numbers as people write them: counts, sizes, durations. Decimal digits, no signs, no spaces. */
#pragma once

#include <stdint.h>

#include "trampoline/attributes.h"

#define QUANTITY_UNLIMITED UINT64_MAX

enum quantity_kind {
	QUANTITY_NUMBER,   /* 50 */
	QUANTITY_COUNT,    /* the same, or "unlimited" or "none" */
	QUANTITY_SIZE,     /* 64M: K M G T, powers of 1024; in bytes */
	QUANTITY_DURATION, /* 30s, 2m, 1h, 1d, 1.5s, or seconds without a unit; in milliseconds */
};

/*
 * Reads all of TEXT into *VALUE. "unlimited" and "none" are QUANTITY_UNLIMITED, but for a number.
 * Returns 0, or -1 with *VALUE untouched: not a quantity of this kind, or 2^53 and more.
 */
int quantity_parse(enum quantity_kind kind, const char *text, uint64_t *value) MUST_CHECK;
