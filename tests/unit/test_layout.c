/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <string.h>

#include "trampoline/layout.h"

START_TEST(longest_name_fits)
{
	char name[NAME_LENGTH_MAX + 1], path[LAYOUT_PATH_MAX];

	memset(name, 'a', NAME_LENGTH_MAX);
	name[NAME_LENGTH_MAX] = '\0';
	layout_record_path(path, name);
	ck_assert_uint_lt(strlen(path), sizeof(path));
	layout_pin_path(path, name, LAYOUT_PIN_MOUNT);
	ck_assert_uint_lt(strlen(path), sizeof(path));
}
END_TEST

START_TEST(paths_name_their_jail)
{
	char path[LAYOUT_PATH_MAX];

	layout_record_path(path, "alice");
	ck_assert_str_eq(path, "jails/alice/record");
	layout_pin_path(path, "alice", LAYOUT_PIN_NETWORK);
	ck_assert_str_eq(path, "/jails/alice/net");
}
END_TEST

TCase *unit_layout(void)
{
	TCase *tcase = tcase_create("layout");

	tcase_add_test(tcase, longest_name_fits);
	tcase_add_test(tcase, paths_name_their_jail);
	return tcase;
}
