/* SPDX-License-Identifier: MIT */
#include "trampoline/quantity.h"

#include <inttypes.h>
#include <stdio.h>

#include "unit.h"

static const struct {
	enum quantity_kind kind;
	const char *text;
	uint64_t value;
} good[] = {
	{QUANTITY_NUMBER, "0", 0},
	{QUANTITY_NUMBER, "007", 7},
	{QUANTITY_NUMBER, "9007199254740991", 9007199254740991},
	{QUANTITY_COUNT, "50", 50},
	{QUANTITY_COUNT, "none", QUANTITY_UNLIMITED},
	{QUANTITY_COUNT, "unlimited", QUANTITY_UNLIMITED},
	{QUANTITY_SIZE, "0", 0},
	{QUANTITY_SIZE, "10", 10},
	{QUANTITY_SIZE, "1K", 1024},
	{QUANTITY_SIZE, "512M", 512u << 20},
	{QUANTITY_SIZE, "3G", UINT64_C(3) << 30},
	{QUANTITY_SIZE, "2T", UINT64_C(2) << 40},
	{QUANTITY_SIZE, "8191T", UINT64_C(8191) << 40},
	{QUANTITY_SIZE, "none", QUANTITY_UNLIMITED},
	{QUANTITY_DURATION, "30", 30000},
	{QUANTITY_DURATION, "30s", 30000},
	{QUANTITY_DURATION, "2m", 120000},
	{QUANTITY_DURATION, "1h", 3600000},
	{QUANTITY_DURATION, "1d", 86400000},
	{QUANTITY_DURATION, "1.5", 1500},
	{QUANTITY_DURATION, "1.5s", 1500},
	{QUANTITY_DURATION, "0.25m", 15000},
	{QUANTITY_DURATION, "0.001s", 1},
	{QUANTITY_DURATION, "1.999", 1999},
	{QUANTITY_DURATION, "0.0", 0},
	{QUANTITY_DURATION, "none", QUANTITY_UNLIMITED},
};

static const struct {
	enum quantity_kind kind;
	const char *text;
} bad[] = {
	{QUANTITY_NUMBER, ""},
	{QUANTITY_NUMBER, "none"},
	{QUANTITY_NUMBER, "unlimited"},
	{QUANTITY_NUMBER, "-1"},
	{QUANTITY_NUMBER, "+1"},
	{QUANTITY_NUMBER, " 1"},
	{QUANTITY_NUMBER, "1 "},
	{QUANTITY_NUMBER, "0x10"},
	{QUANTITY_NUMBER, "1K"},
	{QUANTITY_NUMBER, "1s"},
	{QUANTITY_NUMBER, "1.0"},
	{QUANTITY_NUMBER, "1e3"},
	{QUANTITY_NUMBER, "12\n"},
	{QUANTITY_NUMBER, "9007199254740992"},
	{QUANTITY_NUMBER, "18446744073709551616"},
	{QUANTITY_NUMBER, "18446744073709551617"},
	{QUANTITY_NUMBER, "99999999999999999999999999999999999999999999"},
	{QUANTITY_COUNT, "None"},
	{QUANTITY_COUNT, "nonesuch"},
	{QUANTITY_COUNT, "1M"},
	{QUANTITY_SIZE, "M"},
	{QUANTITY_SIZE, "1k"},
	{QUANTITY_SIZE, "1KB"},
	{QUANTITY_SIZE, "1MM"},
	{QUANTITY_SIZE, "1P"},
	{QUANTITY_SIZE, "1.5M"},
	{QUANTITY_SIZE, "1s"},
	{QUANTITY_SIZE, "8192T"},
	{QUANTITY_SIZE, "16777216T"},
	{QUANTITY_SIZE, "18014398509481984K"},
	{QUANTITY_DURATION, "s"},
	{QUANTITY_DURATION, "."},
	{QUANTITY_DURATION, ".5"},
	{QUANTITY_DURATION, "1."},
	{QUANTITY_DURATION, "1.s"},
	{QUANTITY_DURATION, "1..5"},
	{QUANTITY_DURATION, "1.2.3"},
	{QUANTITY_DURATION, "0.0001"},
	{QUANTITY_DURATION, "1ms"},
	{QUANTITY_DURATION, "1S"},
	{QUANTITY_DURATION, "1K"},
	{QUANTITY_DURATION, "1h30m"},
	{QUANTITY_DURATION, "104249991375d"},
	{QUANTITY_DURATION, "9007199254741"},
	/* with the three places of a fraction, these go round 2^64 */
	{QUANTITY_DURATION, "18446744073709552.000s"},
	{QUANTITY_DURATION, "18446744073709551.617"},
	{QUANTITY_DURATION, "73786976294838206.500d"},
};

START_TEST(quantity_parse__good_text__its_value)
{
	uint64_t value = 1;

	ck_assert_msg(quantity_parse(good[_i].kind, good[_i].text, &value) == 0, "\"%s\"",
		      good[_i].text);
	ck_assert_uint_eq(value, good[_i].value);
}
END_TEST

START_TEST(quantity_parse__other_text__refused_and_untouched)
{
	uint64_t value = 77;

	ck_assert_msg(quantity_parse(bad[_i].kind, bad[_i].text, &value) == -1,
		      "\"%s\" is %" PRIu64, bad[_i].text, value);
	ck_assert_uint_eq(value, 77);
}
END_TEST

START_TEST(quantity_parse__any_number__as_the_c_library_reads_it)
{
	char text[32];
	uint64_t value;

	for (uint64_t number = (uint64_t)_i; number < UINT64_C(1) << 53; number = number * 3 + 1) {
		snprintf(text, sizeof(text), "%" PRIu64, number);
		ck_assert_int_eq(quantity_parse(QUANTITY_NUMBER, text, &value), 0);
		ck_assert_uint_eq(value, number);
	}
}
END_TEST

TCase *unit_quantity(void)
{
	TCase *tcase = tcase_create("quantity");

	add_table(tcase, quantity_parse__good_text__its_value, good);
	add_table(tcase, quantity_parse__other_text__refused_and_untouched, bad);
	tcase_add_loop_test(tcase, quantity_parse__any_number__as_the_c_library_reads_it, 0, 4);
	return tcase;
}
