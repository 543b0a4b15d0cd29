/* SPDX-License-Identifier: MIT */
#include "trampoline/name.h"

#include <string.h>

#include "unit.h"

static const char *const jails[] = {
	"a",
	"_",
	"alice",
	"a-b.c_d",
	"z9",
	"_.",
	"a..b",
	"a.",
	"a-",
	"9",
	"Alice",
	"aLice",
	"a@b",
	"a+b",
	"1905.a@x.org",
	"z+-@._Z",
	"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.@"};
static const char *const no_jails[] = {
	"",       ".",
	"..",     ".a",
	"-",      "-a",
	"@",      "@a",
	"+a",     "a/b",
	"a b",    "a\n",
	"a\t",    "a\x1b[2J",
	"a\xc3",  "\xc3\xa9",
	"a:b",    "a%b",
	"a,b",    "a*",
	"a\\",    "a\x7f",
	"/",      "../etc",
	"a/../b", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.@x"};
static const char *const variables[] = {"A", "_", "a", "LANG", "LC_ALL", "x9", "_9", "Zz"};
static const char *const no_variables[] = {
	"",     "9", "9A",  "A-B",          "A B",  "A.B",  "A=", "A\n", "A*",
	"\xc3", "=", "A/B", "LD_PRELOAD\t", "() {", "A[0]", "A%", "-A",  "A\x01"};

START_TEST(name_is_jail__good_name__accepted)
{
	ck_assert_msg(name_is_jail(jails[_i]), "\"%s\"", jails[_i]);
}
END_TEST

START_TEST(name_is_jail__other_name__refused)
{
	ck_assert_msg(!name_is_jail(no_jails[_i]), "\"%s\"", no_jails[_i]);
}
END_TEST

START_TEST(name_is_jail__every_byte__as_the_pattern_says)
{
	for (int byte = 1; byte < 256; byte++) {
		const char first[] = {(char)byte, '\0'}, later[] = {'a', (char)byte, 'a', '\0'};
		bool is_first = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
				(byte >= '0' && byte <= '9') || byte == '_';
		bool is_other = byte == '.' || byte == '-' || byte == '+' || byte == '@';

		ck_assert_msg(name_is_jail(first) == is_first, "byte %d", byte);
		ck_assert_msg(name_is_jail(later) == (is_first || is_other), "byte %d", byte);
	}
}
END_TEST

START_TEST(name_is_variable__good_name__accepted)
{
	ck_assert_msg(name_is_variable(variables[_i], strlen(variables[_i])), "\"%s\"",
		      variables[_i]);
}
END_TEST

START_TEST(name_is_variable__other_name__refused)
{
	ck_assert_msg(!name_is_variable(no_variables[_i], strlen(no_variables[_i])), "\"%s\"",
		      no_variables[_i]);
}
END_TEST

START_TEST(name_is_variable__length_given__rest_not_looked_at)
{
	ck_assert(name_is_variable("LANG=C!", 4));
	ck_assert(!name_is_variable("A\0B", 3));
}
END_TEST

TCase *unit_name(void)
{
	TCase *tcase = tcase_create("name");

	add_table(tcase, name_is_jail__good_name__accepted, jails);
	add_table(tcase, name_is_jail__other_name__refused, no_jails);
	tcase_add_test(tcase, name_is_jail__every_byte__as_the_pattern_says);
	add_table(tcase, name_is_variable__good_name__accepted, variables);
	add_table(tcase, name_is_variable__other_name__refused, no_variables);
	tcase_add_test(tcase, name_is_variable__length_given__rest_not_looked_at);
	return tcase;
}
