/* SPDX-License-Identifier: MIT */
#include "keeper/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper/lock.h"
#include "sample.h"
#include "unit.h"

#define ALICE UNIT_SCRATCH "/jails/alice/"
#define RETIRED ALICE "retired.4026532001" /* the sample's mount namespace */

static struct text error;
static struct record record, copy;
static int run_fd, directory_fd, lock_fd;

/* The scratch directory is RUNDIR; alice's lock is ours. */
static void start(void)
{
	unit_mount_scratch();
	run_fd = open(UNIT_SCRATCH, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	lock_fd = state_lock(run_fd, "alice", false, &directory_fd, &error);
	ck_assert_msg(lock_fd >= 0, "%s", error.bytes);
	sample_record(&record);
}

static bool is_there(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

START_TEST(state_lock__first_time__makes_the_directory_roots_alone)
{
	struct stat status;

	start();
	ck_assert_int_eq(stat(UNIT_SCRATCH "/jails", &status), 0);
	ck_assert_uint_eq(status.st_mode, S_IFDIR | 0700);
	ck_assert_int_eq(stat(ALICE, &status), 0);
	ck_assert_uint_eq(status.st_mode, S_IFDIR | 0700);
	ck_assert_int_eq(stat(ALICE "lock", &status), 0);
	ck_assert_uint_eq(status.st_mode, S_IFREG | 0600);
}
END_TEST

START_TEST(state_lock__held__busy_at_once_and_free_after)
{
	int other_fd;

	start();
	assert_refused(state_lock(run_fd, "alice", false, &other_fd, &error), error, "busy");
	ck_assert_int_ge(state_lock(run_fd, "bob", false, &other_fd, &error), 0);
	close(lock_fd);
	ck_assert_int_ge(state_lock(run_fd, "alice", true, &other_fd, &error), 0);
}
END_TEST

START_TEST(state_lock__removed_while_waited_for__the_new_one_is_taken)
{
	struct stat held, named;
	int status, own_fd;

	start();
	pid_t waiting = fork();
	if (waiting == 0) {
		close(lock_fd); /* the parent's alone */
		own_fd = state_lock(run_fd, "alice", true, &directory_fd, &error);
		_exit(own_fd >= 0 && fstat(own_fd, &held) == 0 && stat(ALICE "lock", &named) == 0 &&
				      held.st_ino == named.st_ino
			      ? 0
			      : 1);
	}
	usleep(100000); /* it waits now; if it does not yet, there is nothing to go wrong */
	ck_assert_int_eq(state_remove(run_fd, directory_fd, "alice"), 0);
	close(lock_fd);
	ck_assert_int_eq(waitpid(waiting, &status, 0), waiting);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(state_lock__symlink_in_place_of_a_directory__refused)
{
	int other_fd;

	start();
	ck_assert_int_eq(symlink("alice", UNIT_SCRATCH "/jails/bob"), 0);
	assert_refused(state_lock(run_fd, "bob", false, &other_fd, &error), error, "symbolic link");
	ck_assert_int_eq(chmod(UNIT_SCRATCH "/jails", 0777), 0);
	assert_refused(state_lock(run_fd, "carol", false, &other_fd, &error), error, "others");
}
END_TEST

START_TEST(state_lock__run_directory_gone__refused_in_the_end)
{
	int other_fd;

	unit_mount_scratch();
	unit_make_directory(UNIT_SCRATCH "/gone", 0700, 0);
	int gone_fd = open(UNIT_SCRATCH "/gone", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(rmdir(UNIT_SCRATCH "/gone"), 0);
	assert_refused(state_lock(gone_fd, "alice", true, &other_fd, &error), error,
		       "again and again");
}
END_TEST

START_TEST(lock_take__waited_for__alarm_and_handler_as_before)
{
	start();
	alarm(100);
	int fd = open(ALICE "lock", O_RDWR | O_CLOEXEC);
	close(lock_fd);
	ck_assert_int_eq(lock_take(fd, true), 0);
	ck_assert_uint_ge(alarm(0), 99);
	ck_assert_int_eq(lock_take(-1, true), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(state_publish__record__read_back_sealed)
{
	struct stat status;

	start();
	ck_assert_int_eq(state_read(directory_fd, "alice", &copy), -1);
	ck_assert_int_eq(errno, ENOENT);
	record.umask = 077; /* unsealed */
	unit_write_text(ALICE "record.new", "debris of a killed keeper");
	ck_assert_int_eq(state_publish(directory_fd, &record), 0);
	ck_assert_int_eq(state_read(directory_fd, "alice", &copy), 0);
	ck_assert_mem_eq(&copy, &record, record.size);
	ck_assert_int_eq(state_read(directory_fd, "bob", &copy), -1);
	ck_assert_int_eq(errno, ESTALE);
	ck_assert_int_eq(stat(ALICE "record", &status), 0);
	ck_assert_uint_eq(status.st_mode, S_IFREG | 0600);
	ck_assert(!is_there(ALICE "record.new"));
}
END_TEST

START_TEST(state_publish__no_room__old_record_whole)
{
	const struct rlimit small = {100, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};

	start();
	ck_assert_int_eq(state_publish(directory_fd, &record), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(state_publish(directory_fd, &record), -1);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	ck_assert_int_eq(state_read(directory_fd, "alice", &copy), 0);
}
END_TEST

START_TEST(state_mark__record__marked_in_place_and_valid)
{
	start();
	ck_assert_int_eq(state_mark(directory_fd, 12345), -1);
	ck_assert_int_eq(state_publish(directory_fd, &record), 0);
	ck_assert_int_eq(state_mark(directory_fd, 12345), 0);
	ck_assert_int_eq(state_read(directory_fd, "alice", &copy), 0);
	ck_assert_int_eq(copy.marked_ns, 12345);
}
END_TEST

START_TEST(state_withdraw__record__stays_as_retired)
{
	void *cursor = NULL;
	char file[64];

	start();
	ck_assert_int_eq(state_withdraw(directory_fd, "alice"), 0); /* nothing is no error */
	ck_assert_int_eq(state_publish(directory_fd, &record), 0);
	ck_assert_int_eq(state_withdraw(directory_fd, "alice"), 0);
	ck_assert(!is_there(ALICE "record") && is_there(RETIRED));
	ck_assert(state_has_retired(directory_fd, record.mount_namespace));
	ck_assert(!state_has_retired(directory_fd, record.mount_namespace + 1));
	ck_assert_int_eq(state_next_retired(directory_fd, "alice", &cursor, &copy, file), 1);
	ck_assert_str_eq(file, "retired.4026532001");
	ck_assert_mem_eq(&copy, &record, record.size);
	ck_assert_int_eq(state_next_retired(directory_fd, "alice", &cursor, &copy, file), 0);
	ck_assert_ptr_null(cursor);
}
END_TEST

START_TEST(state_withdraw__no_room__no_record_lost)
{
	const struct rlimit small = {0, RLIM_INFINITY};
	void *cursor = NULL;
	struct stat status;
	char file[64];

	start();
	ck_assert_int_eq(state_publish(directory_fd, &record), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(state_withdraw(directory_fd, "alice"), 0);
	ck_assert_int_eq(stat(RETIRED, &status), 0);
	ck_assert_uint_eq(status.st_mode, S_IFREG | RECORD_WITHDRAWN_MODE);
	ck_assert_int_eq(state_next_retired(directory_fd, "alice", &cursor, &copy, file), 1);
	ck_assert_mem_eq(&copy, &record, record.size);
	closedir(cursor);
}
END_TEST

START_TEST(state_withdraw__begun_and_killed__not_in_force_and_retired_by_the_next)
{
	start();
	ck_assert_int_eq(state_publish(directory_fd, &record), 0);
	ck_assert_int_eq(chmod(ALICE "record", RECORD_WITHDRAWN_MODE), 0);
	ck_assert_int_eq(state_read(directory_fd, "alice", &copy), -1);
	ck_assert_int_eq(errno, ESTALE);
	ck_assert_int_eq(state_withdraw(directory_fd, "alice"), 0);
	ck_assert(!is_there(ALICE "record") && is_there(RETIRED));
}
END_TEST

START_TEST(state_withdraw__no_record_of_this_jail__removed_without_a_copy)
{
	start();
	unit_write(ALICE "record", "damaged", 7, 0600);
	ck_assert_int_eq(state_withdraw(directory_fd, "alice"), 0);
	ck_assert(!is_there(ALICE "record"));
	ck_assert_int_eq(state_publish(directory_fd, &record), 0);
	ck_assert_int_eq(state_withdraw(directory_fd, "bob"), 0);
	ck_assert(!is_there(ALICE "record") && !is_there(RETIRED));
}
END_TEST

START_TEST(state_next_retired__debris__shown_without_a_name)
{
	void *cursor = NULL;
	char file[64];

	start();
	unit_write(ALICE "retired.1", "damaged", 7, 0600);
	ck_assert_int_eq(symlink("lock", ALICE "retired.2"), 0);
	ck_assert_int_eq(mkfifo(ALICE "retired.3", 0600), 0);
	unit_write_text(ALICE "notes", "");
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(state_next_retired(directory_fd, "alice", &cursor, &copy, file),
				 1);
		ck_assert_str_eq(copy.name, "");
		ck_assert_int_eq(strncmp(file, "retired.", 8), 0);
	}
	ck_assert_int_eq(state_next_retired(directory_fd, "alice", &cursor, &copy, file), 0);
}
END_TEST

START_TEST(state_unlink__file__gone_and_no_error_twice)
{
	start();
	unit_write_text(ALICE "retired.1", "");
	ck_assert_int_eq(state_unlink(directory_fd, "retired.1"), 0);
	ck_assert(!is_there(ALICE "retired.1"));
	ck_assert_int_eq(state_unlink(directory_fd, "retired.1"), 0);
	unit_make_directory(ALICE "directory", 0700, 0);
	ck_assert_int_eq(state_unlink(directory_fd, "directory"), -1);
}
END_TEST

static const char *const leftovers[] = {"record", "retired.1", "retired."};

START_TEST(state_remove__record_left__nothing_removed)
{
	char path[128];

	start();
	snprintf(path, sizeof(path), ALICE "%s", leftovers[_i]);
	unit_write_text(path, "");
	unit_write_text(ALICE "record.new", "");
	ck_assert_int_eq(state_remove(run_fd, directory_fd, "alice"), -1);
	ck_assert_int_eq(errno, EBUSY);
	ck_assert(is_there(path) && is_there(ALICE "lock") && is_there(ALICE "record.new"));
}
END_TEST

static const char *const strangers[] = {"notes", ".hidden", "records"};

START_TEST(state_remove__something_foreign__left_alone_with_it)
{
	char path[128];

	start();
	snprintf(path, sizeof(path), ALICE "%s", strangers[_i]);
	unit_write_text(path, "");
	unit_write_text(ALICE "record.new", "");
	ck_assert_int_eq(state_remove(run_fd, directory_fd, "alice"), -1);
	ck_assert_int_eq(errno, ENOTEMPTY);
	ck_assert(is_there(path) && !is_there(ALICE "lock") && !is_there(ALICE "record.new"));
	ck_assert(!state_is_ours(strangers[_i]) && state_is_ours("lock"));
}
END_TEST

START_TEST(state_remove__lock_and_debris_alone__removed)
{
	start();
	unit_write_text(ALICE "record.new", "");
	ck_assert_int_eq(state_remove(run_fd, directory_fd, "alice"), 0);
	ck_assert(!is_there(UNIT_SCRATCH "/jails/alice") && is_there(UNIT_SCRATCH "/jails"));
}
END_TEST

TCase *unit_state(void)
{
	TCase *tcase = tcase_create("state");

	tcase_add_test(tcase, state_lock__first_time__makes_the_directory_roots_alone);
	tcase_add_test(tcase, state_lock__held__busy_at_once_and_free_after);
	tcase_add_test(tcase, state_lock__removed_while_waited_for__the_new_one_is_taken);
	tcase_add_test(tcase, state_lock__symlink_in_place_of_a_directory__refused);
	tcase_add_test(tcase, state_lock__run_directory_gone__refused_in_the_end);
	tcase_add_test(tcase, lock_take__waited_for__alarm_and_handler_as_before);
	tcase_add_test(tcase, state_publish__record__read_back_sealed);
	tcase_add_test(tcase, state_publish__no_room__old_record_whole);
	tcase_add_test(tcase, state_mark__record__marked_in_place_and_valid);
	tcase_add_test(tcase, state_withdraw__record__stays_as_retired);
	tcase_add_test(tcase, state_withdraw__no_room__no_record_lost);
	tcase_add_test(tcase,
		       state_withdraw__begun_and_killed__not_in_force_and_retired_by_the_next);
	tcase_add_test(tcase, state_withdraw__no_record_of_this_jail__removed_without_a_copy);
	tcase_add_test(tcase, state_next_retired__debris__shown_without_a_name);
	tcase_add_test(tcase, state_unlink__file__gone_and_no_error_twice);
	add_table(tcase, state_remove__record_left__nothing_removed, leftovers);
	add_table(tcase, state_remove__something_foreign__left_alone_with_it, strangers);
	tcase_add_test(tcase, state_remove__lock_and_debris_alone__removed);
	return tcase;
}
