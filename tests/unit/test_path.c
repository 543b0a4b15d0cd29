/* SPDX-License-Identifier: MIT */
#include "keeper/policy/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#define AT UNIT_SCRATCH "/"

static struct text error;

/* One wrong thing on the way to WALKED; SAYS NULL: it is trusted all the same. */
static const struct {
	const char *directory;
	unsigned int mode;
	uid_t owner;
	const char *walked, *says, *object;
} walks[] = {
	{AT "a", 0755, 0, AT "a/b/c", NULL, NULL},
	{AT "a", 0700, 0, AT "a/b/c", NULL, NULL},
	{AT "a", 0755, 0, AT "/a//b/c/", NULL, NULL},
	{AT "a", 0755, 1001, AT "a/b/c", "not root's", "\"/mnt/a\""},
	{AT "a", 0775, 0, AT "a/b/c", "others than root", "\"/mnt/a\""},
	{AT "a", 0757, 0, AT "a/b/c", "others than root", "\"/mnt/a\""},
	{AT "a/b", 0777, 0, AT "a/b/c", "others than root", "\"/mnt/a/b\""},
	{AT "a/b", 0755, 1001, AT "a/b/c", "not root's", "\"/mnt/a/b\""},
	{AT "a/b/c", 0755, 1001, AT "a/b/c", "not root's", "\"/mnt/a/b/c\""},
	{AT "a/b/c", 0775, 0, AT "a/b/c", "others than root", "\"/mnt/a/b/c\""},
	/* a sticky parent is like /tmp; but what is walked to must be root's to fill */
	{AT "a", 01777, 0, AT "a/b/c", NULL, NULL},
	{AT "a/b", 01775, 0, AT "a/b/c", NULL, NULL},
	{AT "a/b/c", 01777, 0, AT "a/b/c", "others than root", "\"/mnt/a/b/c\""},
	{AT "a", 01777, 1001, AT "a/b/c", "not root's", "\"/mnt/a\""},
	/* set-user-id and set-group-id bits of a directory mean nothing here */
	{AT "a", 06755, 0, AT "a/b/c", NULL, NULL},
	{AT "a", 0755, 0, AT "a/link/c", "symbolic link", "\"/mnt/a/link\""},
	{AT "a", 0755, 0, AT "a/b/link", "symbolic link", "\"/mnt/a/b/link\""},
	{AT "a", 0755, 0, AT "a/b/file", "no directory", "\"/mnt/a/b/file\""},
	{AT "a", 0755, 0, AT "a/none/c", "No such file", "\"/mnt/a/none\""},
};

static void make_tree(void)
{
	unit_mount_scratch();
	unit_make_directory(AT "a", 0755, 0);
	unit_make_directory(AT "a/b", 0755, 0);
	unit_make_directory(AT "a/b/c", 0755, 0);
	unit_write_text(AT "a/b/file", "");
	ck_assert_int_eq(symlink("b", AT "a/link"), 0);
	ck_assert_int_eq(symlink("c", AT "a/b/link"), 0);
}

START_TEST(path_open_trusted__one_thing_on_the_way__trusted_or_named)
{
	struct stat opened, named;

	make_tree();
	unit_make_directory(walks[_i].directory, walks[_i].mode, walks[_i].owner);
	int fd = path_open_trusted(walks[_i].walked, &error);
	if (walks[_i].says) {
		assert_refused(fd, error, walks[_i].says);
		ck_assert_msg(strstr(error.bytes, walks[_i].object) != NULL, "%s", error.bytes);
		return;
	}
	ck_assert_msg(fd >= 0, "%s", error.bytes);
	ck_assert_int_eq(fstat(fd, &opened), 0);
	ck_assert_int_eq(stat(AT "a/b/c", &named), 0);
	ck_assert_uint_eq(opened.st_ino, named.st_ino);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(path_open_trusted__root__trusted)
{
	int fd = path_open_trusted("/", &error);

	ck_assert_msg(fd >= 0, "%s", error.bytes);
}
END_TEST

START_TEST(path_open_trusted__any_outcome__no_descriptor_left)
{
	make_tree();
	int before = dup(0);
	close(before);
	ck_assert_int_ge(path_open_trusted(AT "a/b/c", &error), 0);
	int after = dup(0);
	ck_assert_int_eq(after, before + 1); /* the one it returns */
	ck_assert_int_eq(path_open_trusted(AT "a/b/none", &error), -1);
	ck_assert_int_eq(dup(0), after + 1);
}
END_TEST

START_TEST(path_open_trusted__name_too_long__refused)
{
	char path[8192];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_refused(path_open_trusted(path, &error), error, "too long");
	path[300] = '\0';
	assert_refused(path_open_trusted(path, &error), error, "File name too long");
}
END_TEST

START_TEST(path_open_trusted_at__name__trusted_or_refused)
{
	make_tree();
	int fd = path_open_trusted(AT "a", &error);

	ck_assert_int_ge(path_open_trusted_at(fd, AT "a", "b", &error), 0);
	assert_refused(path_open_trusted_at(fd, AT "a", "link", &error), error, "/mnt/a/link");
	unit_make_directory(AT "a/b", 01777, 0);
	assert_refused(path_open_trusted_at(fd, AT "a", "b", &error), error, "others than root");
}
END_TEST

START_TEST(path_open_directory__what_is_there__directories_alone)
{
	make_tree();
	int fd = path_open_trusted(AT "a", &error);

	unit_make_directory(AT "a/b", 0777, 1001);
	ck_assert_int_ge(path_open_directory(fd, "b"), 0);
	ck_assert_int_eq(path_open_directory(fd, "link"), -1);
	ck_assert_int_eq(errno, ENOTDIR);
	ck_assert_int_eq(path_open_directory(fd, "none"), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(mkfifo(AT "a/fifo", 0600), 0);
	ck_assert_int_eq(path_open_directory(fd, "fifo"), -1);
	ck_assert_int_eq(errno, ENOTDIR);
}
END_TEST

static const struct {
	unsigned int mode;
	uid_t owner;
	int error;
} files[] = {{0644, 0, 0},      {0600, 0, 0},         {0664, 0, EACCES}, {0646, 0, EACCES},
	     {0622, 0, EACCES}, {0644, 1001, EACCES}, {0400, 0, 0}};

START_TEST(path_open_file__mode_and_owner__roots_alone)
{
	unit_mount_scratch();
	unit_write(AT "file", "x", 1, files[_i].mode);
	ck_assert_int_eq(chown(AT "file", files[_i].owner, 0), 0);
	int scratch_fd = path_open_trusted(UNIT_SCRATCH, &error);
	errno = 0;
	int fd = path_open_file(scratch_fd, "file");
	ck_assert_int_eq(fd >= 0, files[_i].error == 0);
	ck_assert_int_eq(errno, files[_i].error);
}
END_TEST

START_TEST(path_open_file__no_regular_file__refused_without_waiting)
{
	make_tree();
	int fd = path_open_trusted(AT "a", &error);

	ck_assert_int_eq(mkfifo(AT "a/fifo", 0600), 0);
	ck_assert_int_eq(path_open_file(fd, "fifo"), -1);
	ck_assert_int_eq(errno, EACCES);
	ck_assert_int_eq(path_open_file(fd, "b"), -1);
	ck_assert_int_eq(errno, EACCES);
	ck_assert_int_eq(path_open_file(fd, "link"), -1);
	ck_assert_int_eq(errno, ELOOP);
	ck_assert_int_eq(path_open_file(fd, "none"), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(path_open_plain__symlink_on_the_way__refused)
{
	make_tree();
	int fd = path_open_trusted(UNIT_SCRATCH, &error);

	ck_assert_int_ge(path_open_plain(fd, "a/b"), 0);
	ck_assert_int_ge(path_open_plain(fd, AT "a//b/"), 0);
	ck_assert_int_ge(path_open_plain(fd, "."), 0);
	ck_assert_int_eq(path_open_plain(fd, "a/link"), -1);
	ck_assert_int_eq(errno, ELOOP);
	ck_assert_int_eq(path_open_plain(fd, "a/link/."), -1);
	ck_assert_int_eq(errno, ENOTDIR);
	ck_assert_int_eq(path_open_plain(fd, "none/b"), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

static const struct {
	const char *path;
	unsigned int mode;
	uid_t owner;
	bool is_mount;
	int error;
} owns[] = {{"a/b", 0700, 0, false, 0},        {"a/b", 0755, 0, false, 0},
	    {"a/b", 0775, 0, false, EACCES},   {"a/b", 0700, 1001, false, EACCES},
	    {"a/link", 0700, 0, false, ELOOP}, {"none", 0700, 0, false, ENOENT},
	    {"a/b", 0700, 0, true, EXDEV} /* the last */};

START_TEST(path_open_own__owner_mount_and_mode__own_alone)
{
	make_tree();
	int fd = path_open_trusted(AT, &error);

	unit_make_directory(AT "a/b", owns[_i].mode, owns[_i].owner);
	if (owns[_i].is_mount)
		ck_assert_int_eq(mount(AT "a/b", AT "a/b", NULL, MS_BIND, NULL), 0);
	errno = 0;
	ck_assert_int_eq(path_open_own(fd, owns[_i].path) >= 0, owns[_i].error == 0);
	ck_assert_int_eq(errno, owns[_i].error);
}
END_TEST

/* What is bound, HOST, on PLACE of the image "a"; its origin is left in ORIGIN. */
static struct record_origin origin;

static int hold_bind(const char *place, const char *host)
{
	int image_fd = open(AT "a", O_PATH | O_DIRECTORY | O_CLOEXEC);

	snprintf(origin.path, sizeof(origin.path), "%s", host);
	return path_open_bind(&origin, image_fd, place, &error);
}

START_TEST(path_open_bind__what_is_there__held_with_its_origin)
{
	struct stat opened, named;

	make_tree();
	ck_assert_int_eq(chown(AT "a/b/c", 1001, 1001), 0); /* the last may be anybody's */
	int fd = hold_bind("/b", AT "a/b/c");
	ck_assert_msg(fd >= 0, "%s", error.bytes);
	ck_assert_int_eq(fstat(fd, &opened), 0);
	ck_assert_int_eq(lstat(AT "a/b/c", &named), 0);
	ck_assert_uint_eq(opened.st_ino, named.st_ino);
	ck_assert_uint_eq(origin.inode, named.st_ino);
	ck_assert_str_eq(origin.path, AT "a/b/c");
	ck_assert_int_ge(hold_bind("/b/file", AT "a/b/file"), 0);
	ck_assert_int_ge(hold_bind("/b", "/mnt"), 0);
	assert_refused(hold_bind("/b", AT "a/b/file"), error, "must have a file there");
	assert_refused(hold_bind("/link", AT "a/b/c"), error, "must have a real directory there");
	assert_refused(hold_bind("/b", AT "a/b/link"), error, "it is a symbolic link");
	assert_refused(hold_bind("/b", AT "a/link/c"), error, "symbolic link");
	ck_assert_int_eq(chown(AT "a/b", 1001, 1001), 0);
	assert_refused(hold_bind("/b", AT "a/b/c"), error, "not root's");
}
END_TEST

TCase *unit_path(void)
{
	TCase *tcase = tcase_create("path");

	add_table(tcase, path_open_trusted__one_thing_on_the_way__trusted_or_named, walks);
	tcase_add_test(tcase, path_open_trusted__root__trusted);
	tcase_add_test(tcase, path_open_trusted__any_outcome__no_descriptor_left);
	tcase_add_test(tcase, path_open_trusted__name_too_long__refused);
	tcase_add_test(tcase, path_open_trusted_at__name__trusted_or_refused);
	tcase_add_test(tcase, path_open_directory__what_is_there__directories_alone);
	add_table(tcase, path_open_file__mode_and_owner__roots_alone, files);
	tcase_add_test(tcase, path_open_file__no_regular_file__refused_without_waiting);
	tcase_add_test(tcase, path_open_plain__symlink_on_the_way__refused);
	tcase_add_loop_test(tcase, path_open_own__owner_mount_and_mode__own_alone, 0,
			    (int)ARRAY_LENGTH(owns) - (unit_has_mount_ids() ? 0 : 1));
	tcase_add_test(tcase, path_open_bind__what_is_there__held_with_its_origin);
	return tcase;
}
