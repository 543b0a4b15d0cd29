/* SPDX-License-Identifier: MIT */
#include "keeper/policy/path.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trampoline/paths.h"
#include "unit.h"

#define IMAGE PATHS_IMAGES "/default"
#define LONGEST "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz01"

static struct text error;
static char version[NAME_LENGTH_MAX + 8];

static void make_image(const char *current)
{
	unit_mount_over(PATHS_IMAGES);
	unit_make_directory(IMAGE, 0755, 0);
	unit_make_directory(IMAGE "/1", 0755, 0);
	unit_make_directory(IMAGE "/" LONGEST, 0755, 0);
	unit_make_directory(IMAGE "/.hidden", 0755, 0);
	unit_make_directory(IMAGE "/Jan 1", 0755, 0);
	unit_write_text(IMAGE "/file", "");
	ck_assert_int_eq(symlink("1", IMAGE "/link"), 0);
	if (current)
		ck_assert_int_eq(symlink(current, IMAGE "/current"), 0);
}

static const struct {
	const char *current, *says;
} versions[] = {
	{"1", NULL},
	{LONGEST, NULL},
	{"Jan 1", "of letters"},
	{NULL, IMAGE "/current\": no version is current; use trampoline-image activate"},
	{"2", "No such file"},
	{".", "beside it"},
	{"..", "beside it"},
	{".hidden", "beside it"},
	{"../default/1", "beside it"},
	{"1/", "beside it"},
	{"/", "beside it"},
	{IMAGE "/1", "beside it"},
	{LONGEST "6", "beside it"},
	{"link", "symbolic link"},
	{"current", "symbolic link"},
	{"file", "no directory"},
};

START_TEST(path_open_image__current__one_name_of_a_directory_beside_it)
{
	struct stat opened, named;

	make_image(versions[_i].current);
	int fd = path_open_image("default", version, &error);
	if (versions[_i].says) {
		assert_refused(fd, error, versions[_i].says);
		return;
	}
	ck_assert_msg(fd >= 0, "%s", error.bytes);
	ck_assert_str_eq(version, versions[_i].current);
	ck_assert_int_eq(fstat(fd, &opened), 0);
	ck_assert_int_eq(stat(IMAGE "/current", &named), 0);
	ck_assert_uint_eq(opened.st_ino, named.st_ino);
}
END_TEST

START_TEST(path_open_image__current_no_symlink__refused)
{
	make_image(NULL);
	unit_make_directory(IMAGE "/current", 0755, 0);
	assert_refused(path_open_image("default", version, &error), error,
		       "cannot read link \"" IMAGE
		       "/current\": it is no symbolic link; move it away");
}
END_TEST

static const struct {
	const char *directory;
	unsigned int mode;
	uid_t owner;
} strangers[] = {{PATHS_IMAGES, 0777, 0}, {PATHS_IMAGES, 0755, 1001}, {IMAGE, 0775, 0},
		 {IMAGE, 0755, 1001},     {IMAGE "/1", 0757, 0},      {IMAGE "/1", 0755, 1001}};

START_TEST(path_open_image__directory_that_others_can_change__refused)
{
	make_image("1");
	unit_make_directory(strangers[_i].directory, strangers[_i].mode, strangers[_i].owner);
	assert_refused(path_open_image("default", version, &error), error,
		       "cannot trust directory");
}
END_TEST

START_TEST(path_open_image__no_image__refused)
{
	make_image("1");
	assert_refused(path_open_image("other", version, &error), error, "/other\": No such file");
}
END_TEST

TCase *unit_image(void)
{
	TCase *tcase = tcase_create("image");

	add_table(tcase, path_open_image__current__one_name_of_a_directory_beside_it, versions);
	tcase_add_test(tcase, path_open_image__current_no_symlink__refused);
	add_table(tcase, path_open_image__directory_that_others_can_change__refused, strangers);
	tcase_add_test(tcase, path_open_image__no_image__refused);
	return tcase;
}
