/* SPDX-License-Identifier: MIT */
/*
 * A quantity: the first byte says which kind, the rest is the text; and the same text once more as
 * NAME=VALUE of a limit. Calculated here a second time, in 128 bits.
 */
#include "trampoline/quantity.h"

#include <stdbool.h>

#include "fuzz.h"
#include "trampoline/attributes.h"
#include "trampoline/limit.h"

typedef unsigned __int128 wide;

#define LARGEST ((wide)1 << 53)
#define SATURATED ((wide)1 << 70) /* more digits make it no larger */

/* Adds the digits at AT to *NUMBER, and returns how many there are. */
static size_t read_digits(const char *at, wide *number)
{
	size_t count = strspn(at, "0123456789");

	for (size_t i = 0; i < count; i++)
		if (*number < SATURATED)
			*number = *number * 10 + (wide)(at[i] - '0');
	return count;
}

static wide factor_of(enum quantity_kind kind, const char *unit)
{
	static const char *const sizes[] = {"", "K", "M", "G", "T"};
	static const char *const times[] = {"", "s", "m", "h", "d"};
	static const wide milliseconds[] = {1000, 1000, 60000, 3600000, 86400000};

	for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
		if (kind == QUANTITY_SIZE && !strcmp(unit, sizes[i]))
			return (wide)1 << (10 * i);
		if (kind == QUANTITY_DURATION && !strcmp(unit, times[i]))
			return milliseconds[i];
	}
	return kind != QUANTITY_SIZE && kind != QUANTITY_DURATION && !*unit ? 1 : 0;
}

/* TEXT is *PARTS / *SCALE, where it is a quantity at all and not a word. */
static bool calculate(enum quantity_kind kind, const char *text, wide *parts, wide *scale)
{
	wide number = 0;
	const char *at = text + read_digits(text, &number);

	*scale = 1;
	if (at == text)
		return false;
	if (kind == QUANTITY_DURATION && *at == '.') {
		size_t count = read_digits(at + 1, &number);

		if (count < 1 || count > 3)
			return false;
		for (at += 1 + count; count > 0; count--)
			*scale *= 10;
	}
	wide factor = factor_of(kind, at);
	*parts = number * factor;
	return factor != 0;
}

static void must_be_right(enum quantity_kind kind, const char *text)
{
	uint64_t value = 4711;
	wide parts, scale;
	int result = quantity_parse(kind, text, &value);

	if (kind != QUANTITY_NUMBER && (!strcmp(text, "unlimited") || !strcmp(text, "none"))) {
		MUST_HOLD(result == 0 && value == QUANTITY_UNLIMITED);
		return;
	}
	if (!calculate(kind, text, &parts, &scale)) {
		MUST_HOLD(result == -1 && value == 4711);
		return;
	}
	/* The bound is kept before the division by the factor, which rounds: a day less at most. */
	if (result == 0)
		MUST_HOLD(parts < LARGEST && value == parts / scale);
	else
		MUST_HOLD(parts >= LARGEST - 86400000 * 2 && value == 4711);
}

static void must_be_limit(const char *text)
{
	const char *equals = strchr(text, '=');
	unsigned int resource = LIMIT_COUNT;
	uint64_t value;

	if (equals &&
	    limit_parse(text, (size_t)(equals - text), equals + 1, &resource, &value) == 0)
		MUST_HOLD(resource < LIMIT_COUNT && (value < LARGEST || value == UINT64_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size == 0)
		return 0;
	char *text = malloc(size);
	MUST_HOLD(text);
	memcpy(text, bytes + 1, size - 1);
	text[size - 1] = '\0';
	must_be_right((enum quantity_kind)(bytes[0] % (QUANTITY_DURATION + 1)), text);
	must_be_limit(text);
	free(text);
	return 0;
}
