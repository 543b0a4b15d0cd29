/* SPDX-License-Identifier: MIT */
#include "keeper/build/hub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "unit.h"

static const struct {
	const char *name;
	unsigned int major, minor;
	const char *target;
} entries[] = {{"null", 1, 3, NULL},
	       {"zero", 1, 5, NULL},
	       {"full", 1, 7, NULL},
	       {"random", 1, 8, NULL},
	       {"urandom", 1, 9, NULL},
	       {"tty", 5, 0, NULL},
	       {"fd", 0, 0, "/proc/self/fd"},
	       {"stdin", 0, 0, "/proc/self/fd/0"},
	       {"stdout", 0, 0, "/proc/self/fd/1"},
	       {"stderr", 0, 0, "/proc/self/fd/2"},
	       {"ptmx", 0, 0, "pts/ptmx"},
	       {"shm", 0, 0, "../tmp"}};

START_TEST(hub_populate_dev__empty_directory__these_and_no_more)
{
	struct stat before, after;

	unit_mount_scratch();
	umask(077);
	int fd = open(UNIT_SCRATCH, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(fstatat(fd, ".", &before, 0), 0);
	ck_assert_msg(hub_populate_dev(fd) == 0, "%s", strerror(errno));
	for (size_t i = 0; i < ARRAY_LENGTH(entries); i++) {
		char target[64] = "";
		struct stat status;

		ck_assert_int_eq(fstatat(fd, entries[i].name, &status, AT_SYMLINK_NOFOLLOW), 0);
		if (entries[i].target) {
			ck_assert_int_gt(readlinkat(fd, entries[i].name, target, 63), 0);
			ck_assert_str_eq(target, entries[i].target);
			continue;
		}
		ck_assert_uint_eq(status.st_mode, S_IFCHR | 0666);
		ck_assert_uint_eq(status.st_rdev, makedev(entries[i].major, entries[i].minor));
		ck_assert_int_eq(unlinkat(fd, entries[i].name, 0), 0);
	}
	/* without those, nothing but the links and one directory is left */
	for (size_t i = 0; i < ARRAY_LENGTH(entries); i++)
		ck_assert(!entries[i].target || unlinkat(fd, entries[i].name, 0) == 0);
	ck_assert_int_eq(unlinkat(fd, "pts", AT_REMOVEDIR), 0);
	ck_assert_int_eq(fstatat(fd, ".", &after, 0), 0);
	ck_assert_int_eq(after.st_size, before.st_size); /* a tmpfs counts entries so */
}
END_TEST

START_TEST(hub_populate_dev__something_in_the_way__fails)
{
	unit_mount_scratch();
	unit_write_text(UNIT_SCRATCH "/shm", "");
	int fd = open(UNIT_SCRATCH, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(hub_populate_dev(fd), -1);
	ck_assert_int_eq(errno, EEXIST);
}
END_TEST

TCase *unit_hub(void)
{
	TCase *tcase = tcase_create("hub");

	tcase_add_test(tcase, hub_populate_dev__empty_directory__these_and_no_more);
	tcase_add_test(tcase, hub_populate_dev__something_in_the_way__fails);
	return tcase;
}
