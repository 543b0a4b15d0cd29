/* SPDX-License-Identifier: MIT */
/* The unit tests, on the objects that are shipped. CK_TAP_LOG_FILE_NAME=- speaks TAP. */
#include "unit.h"

#include <seccomp.h>
#include <stdlib.h>
#include <unistd.h>

#define API_OF_LINUX_4_14 3 /* seccomp_api_set(3) */

START_TEST(not_run)
{
}
END_TEST

/* libcheck knows no skips; TAP does, by these words in the name of a test that passes. */
static TCase *skipped(const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_test(tcase, not_run);
	return tcase;
}

int main(void)
{
	static TCase *(*const rooms[])(void) = {
		unit_name,   unit_quantity,    unit_limit,     unit_text,   unit_arguments,
		unit_record, unit_environment, unit_key,       unit_config, unit_filter,
		unit_inside, unit_report,      unit_run_merge, unit_layout, unit_child};
	static TCase *(*const file_rooms[])(void) = {
		unit_record_file, unit_config_file, unit_path, unit_image,         unit_jail,
		unit_state,       unit_privilege,   unit_hub,  unit_inside_process};
	Suite *suite = suite_create("unit");
	bool has_files = geteuid() == 0 && unit_can_mount();

	for (size_t i = 0; i < ARRAY_LENGTH(rooms); i++)
		suite_add_tcase(suite, rooms[i]());
	for (size_t i = 0; i < ARRAY_LENGTH(file_rooms) && has_files; i++)
		suite_add_tcase(suite, file_rooms[i]());
	if (!has_files)
		suite_add_tcase(suite, skipped("files # SKIP they need root, and mount(2)"));
	if (!unit_has_filters()) {
		/* It would ask the kernel what it can do with a process. */
		if (seccomp_api_set(API_OF_LINUX_4_14) != 0)
			return EXIT_FAILURE;
		suite_add_tcase(suite,
				skipped("a filter that is loaded # SKIP there is no seccomp(2)"));
	}
	if (has_files && !unit_has_mount_ids())
		suite_add_tcase(suite, skipped("which mount it is # SKIP statx(2) does not say"));
	if (has_files && !unit_has_openat2())
		suite_add_tcase(suite, skipped("links to / # SKIP there is no openat2(2)"));
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
