/* SPDX-License-Identifier: MIT */
#include "launcher/environment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sample.h"
#include "unit.h"

#define BUILD(...) build((const char *const[]){__VA_ARGS__, NULL})

static struct environment environment;
static struct arguments arguments;
static struct record record;

static int build(const char *const *inherited)
{
	sample_record(&record);
	memset(&environment, 0xa5, sizeof(environment));
	return environment_build(&environment, &record, &arguments, (char *const *)inherited);
}

static void set(const char *const *words)
{
	for (arguments.environment_count = 0; *words; words++)
		arguments.environment[arguments.environment_count++] = *words;
}

static const char *get(const char *name)
{
	return environment_get(&environment, name);
}

START_TEST(environment_build__nothing_inherited__what_the_record_says)
{
	static const char *const expected[] = {"HOME=/home/alice", "USER=alice", "LOGNAME=alice",
					       "SHELL=/bin/sh", "PATH=/usr/bin:/bin"};

	ck_assert_int_eq(build((const char *const[]){NULL}), 0);
	ck_assert_uint_eq(environment.count, ARRAY_LENGTH(expected));
	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++)
		ck_assert_str_eq(environment.entries[i], expected[i]);
	ck_assert_ptr_null(environment.entries[environment.count]);
}
END_TEST

/* `keep' of the sample is LANG LC_* TZ. */
static const struct {
	const char *entry, *name, *value; /* value NULL: it does not get in */
} policy[] = {
	{"LANG=C", "LANG", "C"},
	{"LANG=", "LANG", ""},
	{"TZ=a=b", "TZ", "a=b"},
	{"LC_ALL=C", "LC_ALL", "C"},
	{"LC_X_Y=1", "LC_X_Y", "1"},
	{"LC_=1", "LC_", NULL},
	{"LANGUAGE=de", "LANGUAGE", NULL},
	{"LAN=1", "LAN", NULL},
	{"lang=1", "lang", NULL},
	{"XLC_ALL=1", "XLC_ALL", NULL},
	{"LC_*=1", "LC_*", NULL},
	{"LD_PRELOAD=/tmp/x.so", "LD_PRELOAD", NULL},
	{"HOME=/root", "HOME", "/home/alice"},
	{"PATH=/tmp", "PATH", "/usr/bin:/bin"},
	{"IFS=x", "IFS", NULL},
	{"QUERY_STRING=a", "QUERY_STRING", NULL},
	{"LANG", "LANG", NULL},
	{"=LANG", "", NULL},
	{"LC_A B=1", "LC_A B", NULL},
	{"LC_F%%=() { x", "LC_F%%", NULL},
};

START_TEST(environment_build__inherited__by_exact_name_or_listed_prefix)
{
	arguments.environment_count = 0;
	ck_assert_int_eq(BUILD(policy[_i].entry), 0);
	ck_assert_pstr_eq(get(policy[_i].name), policy[_i].value);
	ck_assert_uint_eq(environment.count, policy[_i].value &&
							     strcmp(policy[_i].name, "HOME") != 0 &&
							     strcmp(policy[_i].name, "PATH") != 0
						     ? 6
						     : 5);
}
END_TEST

static const struct {
	const char *entry, *name;
	bool is_passed;
} cgi[] = {
	{"AUTH_TYPE=Basic", "AUTH_TYPE", true},
	{"HTTP_HOST=x", "HTTP_HOST", true},
	{"HTTP_PROXY_CONNECTION=x", "HTTP_PROXY_CONNECTION", true},
	{"HTTP_PROX=x", "HTTP_PROX", true},
	{"HTTP_PROXY=evil:3128", "HTTP_PROXY", false}, /* httpoxy, CVE-2016-5385 */
	{"HTTP_=x", "HTTP_", false},
	{"HTTPS=on", "HTTPS", true},
	{"HTTP=x", "HTTP", false},
	{"http_proxy=x", "http_proxy", false},
	{"QUERY_STRING=a&b", "QUERY_STRING", true},
	{"QUERY_STRING2=a", "QUERY_STRING2", false},
	{"SSL_CLIENT_S_DN=x", "SSL_CLIENT_S_DN", true},
	{"SSL=x", "SSL", false},
	{"REQUEST_URI=/", "REQUEST_URI", true},
	{"USER_NAME=x", "USER_NAME", true}, /* last of the list */
	{"USER_NAM=x", "USER_NAM", false},
	{"LD_LIBRARY_PATH=/tmp", "LD_LIBRARY_PATH", false},
	{"PYTHONPATH=/tmp", "PYTHONPATH", false},
};

START_TEST(environment_build__cgi__suexecs_list_without_the_proxy)
{
	arguments.environment_count = 0;
	arguments.cgi = true;
	ck_assert_int_eq(BUILD(cgi[_i].entry), 0);
	ck_assert_int_eq(get(cgi[_i].name) != NULL, cgi[_i].is_passed);
	arguments.cgi = false;
	ck_assert_int_eq(BUILD(cgi[_i].entry), 0);
	ck_assert_ptr_null(get(cgi[_i].name));
}
END_TEST

START_TEST(environment_build__env_option__passes_or_sets)
{
	set((const char *const[]){"SECRET", "MODE=a", "ABSENT", "EMPTY=", "HTTP_PROXY", NULL});
	ck_assert_int_eq(
		BUILD("SECRETS=no", "SECRET=x", "SECRET=y", "OTHER=1", "HTTP_PROXY=mine", "ABSENT"),
		0);
	ck_assert_str_eq(get("SECRET"), "x"); /* the first, as getenv(3) has it */
	ck_assert_str_eq(get("MODE"), "a");
	ck_assert_str_eq(get("EMPTY"), "");
	ck_assert_str_eq(get("HTTP_PROXY"), "mine"); /* asked for by its name */
	ck_assert_ptr_null(get("ABSENT"));
	ck_assert_ptr_null(get("OTHER"));
	ck_assert_ptr_null(get("SECRETS"));
	ck_assert_uint_eq(environment.count, 9);
}
END_TEST

START_TEST(environment_build__same_name_again__the_later_replaces)
{
	set((const char *const[]){"LANG=option", "PATH=/opt", "TZ", "LANG=last", NULL});
	ck_assert_int_eq(BUILD("LANG=C", "LANG=de", "TZ=UTC"), 0);
	ck_assert_str_eq(get("LANG"), "last");
	ck_assert_str_eq(get("PATH"), "/opt");
	ck_assert_str_eq(get("TZ"), "UTC");
	ck_assert_uint_eq(environment.count, 7);
	for (size_t i = 0; i < environment.count; i++)
		for (size_t j = 0; j < i; j++)
			ck_assert(strncmp(environment.entries[i], environment.entries[j],
					  strcspn(environment.entries[i], "=") + 1) != 0);
	/* it keeps the place of the first */
	ck_assert_str_eq(environment.entries[0], "LANG=last");
}
END_TEST

START_TEST(environment_build__too_many__e2big)
{
	static char words[ENVIRONMENT_MAX][16];
	static const char *inherited[ENVIRONMENT_MAX + 1];

	arguments.environment_count = 0;
	for (size_t i = 0; i < ENVIRONMENT_MAX; i++) {
		snprintf(words[i], sizeof(words[i]), "LC_%zu=x", i);
		inherited[i] = words[i];
	}
	inherited[ENVIRONMENT_MAX - 5] = NULL;
	ck_assert_int_eq(build(inherited), 0);
	ck_assert_uint_eq(environment.count, ENVIRONMENT_MAX);
	ck_assert_ptr_null(environment.entries[ENVIRONMENT_MAX]);
	inherited[ENVIRONMENT_MAX - 5] = words[ENVIRONMENT_MAX - 5];
	errno = 0;
	ck_assert_int_eq(build(inherited), -1);
	ck_assert_int_eq(errno, E2BIG);
	set((const char *const[]){"ONE=more", NULL});
	inherited[ENVIRONMENT_MAX - 5] = NULL;
	ck_assert_int_eq(build(inherited), -1);
	ck_assert_int_eq(errno, E2BIG);
}
END_TEST

START_TEST(environment_build__set_by_the_policy__over_the_callers_under_the_option)
{
	static const char set[] = "LANG=C.UTF-8\0TZ=\0JAVA_TOOL_OPTIONS=-Xmx256m -Da=b";
	static const char *const inherited[] = {"LANG=C", "TZ=UTC", "SERVER_NAME=x", "PATH=/tmp",
						NULL};

	sample_record(&record);
	memcpy(record_set(&record) + record.set_length, set, sizeof(set));
	record.set_length += sizeof(set);
	memcpy(record.keep, "LANG\0TZ\0PATH", sizeof("LANG\0TZ\0PATH"));
	record.keep_length = sizeof("LANG\0TZ\0PATH");
	arguments.environment_count = 0;
	ck_assert_int_eq(
		environment_build(&environment, &record, &arguments, (char *const *)inherited), 0);
	ck_assert_str_eq(get("LANG"), "C.UTF-8");
	ck_assert_str_eq(get("TZ"), "");
	ck_assert_str_eq(get("PATH"), "/usr/bin:/bin");
	ck_assert_str_eq(get("JAVA_TOOL_OPTIONS"), "-Xmx256m -Da=b");
	ck_assert_uint_eq(environment.count, 8);
	arguments.environment_count = 2;
	arguments.environment[0] = "LANG";
	arguments.environment[1] = "JAVA_TOOL_OPTIONS=-Xmx1m";
	ck_assert_int_eq(
		environment_build(&environment, &record, &arguments, (char *const *)inherited), 0);
	ck_assert_str_eq(get("LANG"), "C");
	ck_assert_str_eq(get("JAVA_TOOL_OPTIONS"), "-Xmx1m");
}
END_TEST

START_TEST(environment_build__empty_keep__nothing_kept)
{
	static const char *const inherited[] = {"LANG=C", "LC_ALL=C", NULL};

	sample_record(&record);
	arguments.environment_count = 0;
	record.keep_length = 0;
	ck_assert_int_eq(
		environment_build(&environment, &record, &arguments, (char *const *)inherited), 0);
	ck_assert_uint_eq(environment.count, 5);
}
END_TEST

TCase *unit_environment(void)
{
	TCase *tcase = tcase_create("environment");

	tcase_add_test(tcase, environment_build__nothing_inherited__what_the_record_says);
	add_table(tcase, environment_build__inherited__by_exact_name_or_listed_prefix, policy);
	add_table(tcase, environment_build__cgi__suexecs_list_without_the_proxy, cgi);
	tcase_add_test(tcase, environment_build__env_option__passes_or_sets);
	tcase_add_test(tcase, environment_build__same_name_again__the_later_replaces);
	tcase_add_test(tcase, environment_build__too_many__e2big);
	tcase_add_test(tcase,
		       environment_build__set_by_the_policy__over_the_callers_under_the_option);
	tcase_add_test(tcase, environment_build__empty_keep__nothing_kept);
	return tcase;
}
