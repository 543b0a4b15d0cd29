/* SPDX-License-Identifier: MIT */
/* Counts, sizes and durations, read strictly: all of the text or nothing, overflow refused. */
#include "trampoline/quantity.h"

#include <stddef.h>
#include <string.h>

/* Reads digits; NULL if there are none or the number passes MAX, else where the digits end. */
static const char *digits(const char *text, uint64_t max, uint64_t *value)
{
	const char *at = text;
	uint64_t sum = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (sum > (max - digit) / 10)
			return NULL;
		sum = sum * 10 + digit;
	}
	*value = sum;
	return at == text ? NULL : at;
}

int quantity_parse_number(const char *text, uint64_t *value)
{
	uint64_t number;
	const char *end = digits(text, UINT64_MAX - 10, &number);

	if (!end || *end)
		return -1;
	*value = number;
	return 0;
}

int quantity_parse_count(const char *text, uint64_t *value)
{
	if (strcmp(text, "unlimited") != 0)
		return quantity_parse_number(text, value);
	*value = QUANTITY_UNLIMITED;
	return 0;
}

int quantity_parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	uint64_t number;
	unsigned int shift = 0;

	if (strcmp(text, "unlimited") == 0) {
		*bytes = QUANTITY_UNLIMITED;
		return 0;
	}
	const char *end = digits(text, UINT64_MAX >> 1, &number);
	if (!end)
		return -1;
	if (*end) {
		const char *unit = strchr(units, *end++);

		if (!unit || *end)
			return -1;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	if (number > (UINT64_MAX >> 1) >> shift)
		return -1;
	*bytes = number << shift;
	return 0;
}

int quantity_parse_duration(const char *text, uint64_t *milliseconds)
{
	static const char units[] = "smhd";
	static const uint64_t factors[] = {1000, 60000, 3600000, 86400000};
	uint64_t whole, thousandths = 0, factor = 1000;

	if (strcmp(text, "none") == 0) {
		*milliseconds = QUANTITY_UNLIMITED;
		return 0;
	}
	const char *end = digits(text, UINT32_MAX, &whole);
	if (!end)
		return -1;
	if (*end == '.') {
		const char *fraction = ++end;

		end = digits(fraction, 999, &thousandths);
		if (!end || end - fraction > 3)
			return -1;
		for (long width = end - fraction; width < 3; width++)
			thousandths *= 10;
	}
	if (*end) {
		const char *unit = strchr(units, *end++);

		if (!unit || *end)
			return -1;
		factor = factors[unit - units];
	}
	*milliseconds = whole * factor + thousandths * factor / 1000;
	return 0;
}
