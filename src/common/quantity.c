/* SPDX-License-Identifier: MIT */
/* Counts, sizes and durations, read strictly: all of the text or nothing, overflow refused. */
#include "trampoline/quantity.h"

#include <stddef.h>
#include <string.h>

#define LARGEST (UINT64_C(1) << 53) /* exact as a double too, for whoever reads our JSON */

static uint64_t factor_of(enum quantity_kind kind, char unit)
{
	static const struct {
		enum quantity_kind kind;
		char unit;
		uint64_t factor;
	} units[] = {{QUANTITY_SIZE, 'K', 1024},        {QUANTITY_SIZE, 'M', 1u << 20},
		     {QUANTITY_SIZE, 'G', 1u << 30},    {QUANTITY_SIZE, 'T', UINT64_C(1) << 40},
		     {QUANTITY_DURATION, 's', 1000},    {QUANTITY_DURATION, 'm', 60000},
		     {QUANTITY_DURATION, 'h', 3600000}, {QUANTITY_DURATION, 'd', 86400000},
		     {QUANTITY_DURATION, '\0', 1000}};

	for (size_t i = 0; i < ARRAY_LENGTH(units); i++)
		if (units[i].kind == kind && units[i].unit == unit)
			return units[i].factor;
	return unit ? 0 : 1;
}

int quantity_parse(enum quantity_kind kind, const char *text, uint64_t *value)
{
	uint64_t number = 0, scale = 1;
	const char *at = text;

	if (kind != QUANTITY_NUMBER && (!strcmp(text, "unlimited") || !strcmp(text, "none"))) {
		*value = QUANTITY_UNLIMITED;
		return 0;
	}
	for (; *at >= '0' && *at <= '9' && number < LARGEST; at++)
		number = number * 10 + (uint64_t)(*at - '0');
	if (at == text)
		return -1;
	if (kind == QUANTITY_DURATION && *at == '.')
		for (at++; *at >= '0' && *at <= '9' && scale < 1000 && number < LARGEST;
		     at++, scale *= 10)
			number = number * 10 + (uint64_t)(*at - '0');
	uint64_t factor = at[-1] == '.' ? 0 : factor_of(kind, *at);
	if (factor == 0 || (*at && at[1]) || number >= LARGEST / factor)
		return -1;
	*value = number * factor / scale;
	return 0;
}
