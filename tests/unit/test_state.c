/* SPDX-License-Identifier: MIT */
#include "keeper/build/state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sample.h"
#include "unit.h"

#define ALICE UNIT_SCRATCH "/jails/alice/"

static struct text error;
static struct record record, copy;
static int run_fd, directory_fd;

/* The scratch directory is RUNDIR; alice's lock is ours. */
static void start(void)
{
	unit_mount_scratch();
	run_fd = open(UNIT_SCRATCH, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	directory_fd = state_lock(run_fd, "alice", false, &error);
	ck_assert_msg(directory_fd >= 0, "%s", error.bytes);
	sample_record(&record);
}

static bool is_there(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

/* Whether CHILD comes to wait for a flock; false if it ends before. */
static bool await_waiter(pid_t child)
{
	char wanted[64], line[256];
	siginfo_t ended = {.si_pid = 0};

	snprintf(wanted, sizeof(wanted), "-> FLOCK  ADVISORY  WRITE %d ", child);
	while (waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       ended.si_pid == 0) {
		FILE *locks = fopen("/proc/locks", "re");

		ck_assert_ptr_nonnull(locks);
		bool waits = false;
		while (!waits && fgets(line, sizeof(line), locks))
			waits = strstr(line, wanted) != NULL;
		fclose(locks);
		if (waits)
			return true;
		usleep(1000);
	}
	return false;
}

START_TEST(state_lock__first_time__makes_the_directory_roots_alone)
{
	struct stat status;

	start();
	ck_assert_int_eq(stat(UNIT_SCRATCH "/jails", &status), 0);
	ck_assert_uint_eq(status.st_mode, S_IFDIR | 0700);
	ck_assert_int_eq(stat(ALICE, &status), 0);
	ck_assert_uint_eq(status.st_mode, S_IFDIR | 0700);
}
END_TEST

START_TEST(state_lock__held__busy_at_once_and_free_after)
{
	start();
	assert_refused(state_lock(run_fd, "alice", false, &error), error, "busy");
	ck_assert_int_eq(errno, EWOULDBLOCK);
	ck_assert_int_ge(state_lock(run_fd, "bob", false, &error), 0);
	close(directory_fd);
	ck_assert_int_ge(state_lock(run_fd, "alice", true, &error), 0);
}
END_TEST

START_TEST(state_lock__removed_while_waited_for__the_new_one_is_taken)
{
	struct stat held, named;
	int status, own_fd;

	start();
	pid_t waiting = fork();
	if (waiting == 0) {
		close(directory_fd); /* the parent's alone */
		own_fd = state_lock(run_fd, "alice", true, &error);
		_exit(own_fd >= 0 && fstat(own_fd, &held) == 0 && stat(ALICE, &named) == 0 &&
				      held.st_ino == named.st_ino
			      ? 0
			      : 1);
	}
	ck_assert(await_waiter(waiting));
	ck_assert_int_eq(state_remove(run_fd, directory_fd, "alice"), 0);
	close(directory_fd);
	ck_assert_int_eq(waitpid(waiting, &status, 0), waiting);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(state_lock__symlink_in_place_of_a_directory__refused)
{
	start();
	ck_assert_int_eq(symlink("alice", UNIT_SCRATCH "/jails/bob"), 0);
	assert_refused(state_lock(run_fd, "bob", false, &error), error, "symbolic link");
	ck_assert_int_eq(chmod(UNIT_SCRATCH "/jails", 0777), 0);
	assert_refused(state_lock(run_fd, "carol", false, &error), error, "others");
}
END_TEST

START_TEST(state_lock__run_directory_gone__refused_in_the_end)
{
	unit_mount_scratch();
	unit_make_directory(UNIT_SCRATCH "/gone", 0700, 0);
	int gone_fd = open(UNIT_SCRATCH "/gone", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(rmdir(UNIT_SCRATCH "/gone"), 0);
	assert_refused(state_lock(gone_fd, "alice", true, &error), error, "again and again");
}
END_TEST

START_TEST(state_take_lock__waited_for__alarm_and_handler_as_before)
{
	start();
	alarm(100);
	int fd = open(ALICE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(directory_fd);
	ck_assert_int_eq(state_take_lock(fd, true), 0);
	ck_assert_uint_ge(alarm(0), 99);
	ck_assert_int_eq(state_take_lock(-1, true), -1);
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

/* A launcher on its way in. */
static int hold_record(void)
{
	int fd = open(ALICE "record", O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(flock(fd, LOCK_SH | LOCK_NB), 0);
	return fd;
}

START_TEST(state_withdraw__record__gone)
{
	start();
	ck_assert_int_eq(state_withdraw(directory_fd, "alice", true, &error), 0); /* no error */
	ck_assert_int_eq(state_publish(directory_fd, &record), 0);
	assert_done(state_withdraw(directory_fd, "alice", true, &error), error);
	ck_assert(!is_there(ALICE "record"));
}
END_TEST

/* What is no record of this jail's, or none that can be read. */
static const char *const unreadable[] = {"damaged", "", NULL, "link", "fifo"};

START_TEST(state_withdraw__unreadable_record__gone)
{
	start();
	if (!unreadable[_i]) { /* a keeper was killed while it withdrew this one */
		ck_assert_int_eq(state_publish(directory_fd, &record), 0);
		ck_assert_int_eq(chmod(ALICE "record", RECORD_WITHDRAWN_MODE), 0);
	} else if (!strcmp(unreadable[_i], "link")) {
		ck_assert_int_eq(symlink("/etc/passwd", ALICE "record"), 0);
	} else if (!strcmp(unreadable[_i], "fifo")) {
		ck_assert_int_eq(mkfifo(ALICE "record", 0600), 0);
	} else {
		unit_write(ALICE "record", unreadable[_i], strlen(unreadable[_i]), 0600);
	}
	ck_assert_int_eq(state_read(directory_fd, "alice", &copy), -1);
	assert_done(state_withdraw(directory_fd, "alice", true, &error), error);
	ck_assert(!is_there(ALICE "record"));
}
END_TEST

START_TEST(state_withdraw__directory_in_its_place__refused)
{
	start();
	unit_make_directory(ALICE "record", 0700, 0);
	assert_refused(state_withdraw(directory_fd, "alice", true, &error), error, "\"alice\"");
	ck_assert(is_there(ALICE "record"));
}
END_TEST

START_TEST(state_withdraw__launcher_on_its_way__out_of_force_and_it_is_named)
{
	char process[32];

	start();
	ck_assert_int_eq(state_publish(directory_fd, &record), 0);
	int held_fd = hold_record();
	snprintf(process, sizeof(process), "process %d, a launcher", getpid());
	int result = state_withdraw(directory_fd, "alice", false, &error);
	ck_assert_int_eq(errno, EWOULDBLOCK);
	assert_refused(result, error, process);
	ck_assert(is_there(ALICE "record"));
	ck_assert_int_eq(state_read(directory_fd, "alice", &copy), -1);
	close(held_fd);
	assert_done(state_withdraw(directory_fd, "alice", false, &error), error);
	ck_assert(!is_there(ALICE "record"));
}
END_TEST

START_TEST(state_withdraw__launcher_on_its_way__waited_for)
{
	int status;

	start();
	ck_assert_int_eq(state_publish(directory_fd, &record), 0);
	int held_fd = hold_record();
	pid_t keeper = fork();
	if (keeper == 0) {
		close(held_fd); /* the parent's alone */
		_exit(state_withdraw(directory_fd, "alice", true, &error) == 0 ? 0 : 1);
	}
	ck_assert(await_waiter(keeper));
	ck_assert(is_there(ALICE "record"));
	close(held_fd);
	ck_assert_int_eq(waitpid(keeper, &status, 0), keeper);
	ck_assert_int_eq(status, 0);
	ck_assert(!is_there(ALICE "record"));
}
END_TEST

START_TEST(state_remove__what_is_not_ours__left_alone)
{
	start();
	unit_write_text(ALICE "notes", "");
	unit_write_text(ALICE "record.new", "");
	ck_assert_int_eq(state_remove(run_fd, directory_fd, "alice"), -1);
	ck_assert_int_eq(errno, ENOTEMPTY);
	ck_assert(is_there(ALICE "notes") && !is_there(ALICE "record.new"));
}
END_TEST

START_TEST(state_remove__files_of_ours__removed)
{
	start();
	unit_write_text(ALICE "record.new", "");
	unit_write_text(ALICE "retired.1", "of another version");
	unit_write_text(ALICE "lock", "the same");
	ck_assert_int_eq(state_remove(run_fd, directory_fd, "alice"), 0);
	ck_assert(!is_there(UNIT_SCRATCH "/jails/alice") && is_there(UNIT_SCRATCH "/jails"));
	ck_assert_int_eq(state_remove(run_fd, directory_fd, "alice"), 0); /* no error */
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
	tcase_add_test(tcase, state_take_lock__waited_for__alarm_and_handler_as_before);
	tcase_add_test(tcase, state_publish__record__read_back_sealed);
	tcase_add_test(tcase, state_publish__no_room__old_record_whole);
	tcase_add_test(tcase, state_mark__record__marked_in_place_and_valid);
	tcase_add_test(tcase, state_withdraw__record__gone);
	add_table(tcase, state_withdraw__unreadable_record__gone, unreadable);
	tcase_add_test(tcase, state_withdraw__directory_in_its_place__refused);
	tcase_add_test(tcase, state_withdraw__launcher_on_its_way__out_of_force_and_it_is_named);
	tcase_add_test(tcase, state_withdraw__launcher_on_its_way__waited_for);
	tcase_add_test(tcase, state_remove__what_is_not_ours__left_alone);
	tcase_add_test(tcase, state_remove__files_of_ours__removed);
	return tcase;
}
