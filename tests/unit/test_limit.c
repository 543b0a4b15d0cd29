/* SPDX-License-Identifier: MIT */
#include "trampoline/limit.h"

#include <string.h>
#include <sys/resource.h>

#include "trampoline/quantity.h"
#include "unit.h"

static const struct {
	const char *name, *value;
	unsigned int resource;
	uint64_t result;
} good[] = {
	{"cpu", "10s", RLIMIT_CPU, 10},
	{"cpu", "1.0s", RLIMIT_CPU, 1},
	{"cpu", "2m", RLIMIT_CPU, 120},
	{"cpu", "none", RLIMIT_CPU, QUANTITY_UNLIMITED},
	{"memory", "256M", RLIMIT_DATA, 256u << 20},
	{"data", "1K", RLIMIT_DATA, 1024},
	{"address_space", "unlimited", RLIMIT_AS, QUANTITY_UNLIMITED},
	{"file_size", "64M", RLIMIT_FSIZE, 64u << 20},
	{"processes", "50", RLIMIT_NPROC, 50},
	{"open_files", "256", RLIMIT_NOFILE, 256},
	{"stack", "8M", RLIMIT_STACK, 8u << 20},
	{"core", "0", RLIMIT_CORE, 0},
};

static const struct {
	const char *name, *value;
	int result;
} bad[] = {
	{"", "1", -1},           {"cp", "1", -1},       {"cpus", "1", -1},
	{"CPU", "1", -1},        {"nice", "1", -1},     {"timeout", "1s", -1},
	{"cpu ", "1", -1},       {"cpu", "", -2},       {"cpu", "1K", -2},
	{"cpu", "0.5s", -2},     {"cpu", "1.001s", -2}, {"cpu", "1500ms", -2},
	{"memory", "1s", -2},    {"memory", "-1", -2},  {"processes", "1K", -2},
	{"open_files", "x", -2}, {"core", "1 ", -2},
};

START_TEST(limit_parse__good_limit__its_resource_and_value)
{
	unsigned int resource = LIMIT_RESOURCES;
	uint64_t result = 1;

	ck_assert_int_eq(limit_parse(good[_i].name, strlen(good[_i].name), good[_i].value,
				     &resource, &result),
			 0);
	ck_assert_uint_eq(resource, good[_i].resource);
	ck_assert_uint_eq(result, good[_i].result);
}
END_TEST

START_TEST(limit_parse__unknown_name_or_bad_value__told_apart)
{
	unsigned int resource;
	uint64_t result;

	ck_assert_int_eq(
		limit_parse(bad[_i].name, strlen(bad[_i].name), bad[_i].value, &resource, &result),
		bad[_i].result);
}
END_TEST

START_TEST(limit_parse__length_given__rest_of_name_not_looked_at)
{
	unsigned int resource;
	uint64_t result;

	ck_assert_int_eq(limit_parse("core=1", 4, "1", &resource, &result), 0);
	ck_assert_int_eq(limit_parse("core", 3, "1", &resource, &result), -1);
}
END_TEST

TCase *unit_limit(void)
{
	TCase *tcase = tcase_create("limit");

	add_table(tcase, limit_parse__good_limit__its_resource_and_value, good);
	add_table(tcase, limit_parse__unknown_name_or_bad_value__told_apart, bad);
	tcase_add_test(tcase, limit_parse__length_given__rest_of_name_not_looked_at);
	return tcase;
}
