/* SPDX-License-Identifier: MIT */
#include "sample.h"
#include "unit.h"

#include <sys/resource.h>

#include "trampoline/quantity.h"
#include "trampoline/run.h"

static struct record record;
static struct arguments arguments;
static struct run merged;
static struct text error;

static void setup(void)
{
	sample_record(&record);
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		record.limits[i] = QUANTITY_UNLIMITED;
	record.limits[RLIMIT_CPU] = 30;
	record.timeout_ms = QUANTITY_UNLIMITED;
	record.kill_after_ms = 2000;
	memset(&arguments, 0, sizeof(arguments));
	arguments.status_fd = -1;
}

static void limit(unsigned int resource, uint64_t value, const char *words)
{
	struct arguments_limit *limit = &arguments.limits[arguments.limit_count++];

	limit->resource = resource;
	limit->value = value;
	limit->text = words;
}

static void merges(uint32_t uid)
{
	ck_assert_int_eq(run_merge(&merged, &record, &arguments, uid, &error), 0);
}

START_TEST(plain_run_gets_the_policy)
{
	merges(33);
	ck_assert_mem_eq(merged.limits, record.limits, sizeof(merged.limits));
	ck_assert_uint_eq(merged.timeout_ms, QUANTITY_UNLIMITED);
	ck_assert_uint_eq(merged.kill_after_ms, 2000);
	ck_assert_uint_eq(merged.reasons, 0);
	ck_assert(!merged.is_private);
}
END_TEST

START_TEST(caller_lowers_limits_and_the_last_counts)
{
	limit(RLIMIT_CPU, 10, "cpu=10");
	limit(RLIMIT_CPU, 20, "cpu=20");
	limit(RLIMIT_AS, 4096, "address_space=4K");
	merges(33);
	ck_assert_uint_eq(merged.limits[RLIMIT_CPU], 20);
	ck_assert_uint_eq(merged.limits[RLIMIT_AS], 4096);
	ck_assert_uint_eq(record.limits[RLIMIT_CPU], 30);
}
END_TEST

START_TEST(only_root_raises_limits)
{
	limit(RLIMIT_CPU, 31, "cpu=31");
	ck_assert_int_eq(run_merge(&merged, &record, &arguments, 33, &error), -1);
	ck_assert_str_eq(error.bytes, "cannot raise limit \"cpu=31\": only root may; a caller can "
				      "lower them");
	merges(0);
	ck_assert_uint_eq(merged.limits[RLIMIT_CPU], 31);
	/* A raise that a later option takes back is refused all the same. */
	limit(RLIMIT_CPU, 5, "cpu=5");
	ck_assert_int_eq(run_merge(&merged, &record, &arguments, 33, &error), -1);
}
END_TEST

START_TEST(caller_shortens_the_timeout_and_cannot_lengthen_it)
{
	arguments.timeout_ms = 5000;
	merges(33);
	ck_assert_uint_eq(merged.timeout_ms, 5000);
	ck_assert_uint_eq(merged.reasons, RUN_TIMEOUT_OPTION);
	ck_assert(merged.is_private);
	record.timeout_ms = 1000;
	merges(0);
	ck_assert_uint_eq(merged.timeout_ms, 1000);
	ck_assert_uint_eq(merged.reasons, RUN_TIMEOUT_OPTION | RUN_TIMEOUT_POLICY);
}
END_TEST

START_TEST(only_root_lengthens_the_grace)
{
	arguments.kill_after_ms = 1000;
	merges(33);
	ck_assert_uint_eq(merged.kill_after_ms, 1000);
	arguments.kill_after_ms = 5000;
	merges(33);
	ck_assert_uint_eq(merged.kill_after_ms, 2000);
	merges(0);
	ck_assert_uint_eq(merged.kill_after_ms, 5000);
}
END_TEST

START_TEST(timeout_of_none_asks_for_nothing)
{
	arguments.timeout_ms = QUANTITY_UNLIMITED;
	merges(33);
	ck_assert_uint_eq(merged.reasons, 0);
	ck_assert(!merged.is_private);
	record.timeout_ms = 1000;
	merges(33);
	ck_assert_uint_eq(merged.timeout_ms, 1000);
	ck_assert_uint_eq(merged.reasons, RUN_TIMEOUT_POLICY);
}
END_TEST

START_TEST(each_reason_makes_a_run_supervised)
{
	arguments.status_fd = 3;
	merges(33);
	ck_assert_uint_eq(merged.reasons, RUN_STATUS_OPTION);
	ck_assert(!merged.is_private);
	arguments.status_fd = -1;
	record.origins[RECORD_CGROUP].inode = 7;
	merges(33);
	ck_assert_uint_eq(merged.reasons, RUN_CGROUP_POLICY);
	ck_assert(!merged.is_private);
	record.flags |= RECORD_PRIVATE_PROCESSES;
	arguments.private_processes = true;
	merges(33);
	ck_assert_uint_eq(merged.reasons,
			  RUN_CGROUP_POLICY | RUN_PRIVATE_POLICY | RUN_PRIVATE_OPTION);
	ck_assert(merged.is_private);
}
END_TEST

TCase *unit_run_merge(void)
{
	TCase *tcase = tcase_create("run");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, plain_run_gets_the_policy);
	tcase_add_test(tcase, caller_lowers_limits_and_the_last_counts);
	tcase_add_test(tcase, only_root_raises_limits);
	tcase_add_test(tcase, caller_shortens_the_timeout_and_cannot_lengthen_it);
	tcase_add_test(tcase, only_root_lengthens_the_grace);
	tcase_add_test(tcase, timeout_of_none_asks_for_nothing);
	tcase_add_test(tcase, each_reason_makes_a_run_supervised);
	return tcase;
}
