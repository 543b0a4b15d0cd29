/* SPDX-License-Identifier: MIT */
#include "keeper/scan.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define MNT 100
#define IPC 200
#define NET 300
#define UID 1001
#define DEVICE 7
#define ROOT 55

/* Columns: the record's ipc and net (0: the host's); the process; whether it is inside. */
static const struct {
	uint64_t record_ipc, record_net;
	struct scan_process process;
	bool is_inside;
} table[] = {
	/* in the jail's own mount namespace, whatever else */
	{IPC, NET, {1, UID, MNT, IPC, NET, DEVICE, ROOT}, true},
	{IPC, NET, {1, 0, MNT, 1, 1, 1, 1}, true},
	{0, 0, {1, 0, MNT, 1, 1, 1, 1}, true},
	/* in a copy of it: the ipc namespace tells, and alone */
	{IPC, NET, {1, UID, 101, IPC, NET, DEVICE, ROOT}, true},
	{IPC, NET, {1, UID, 101, IPC, 1, DEVICE, ROOT}, true},
	{IPC, NET, {1, 0, 101, IPC, 1, 1, 1}, true},
	{IPC, NET, {1, UID, 101, 201, NET, DEVICE, ROOT}, false},
	{IPC, 0, {1, UID, 101, 201, 1, DEVICE, ROOT}, false},
	{IPC, 0, {1, UID, 101, IPC, 1, DEVICE, ROOT}, true},
	/* ipc = host: the network namespace */
	{0, NET, {1, UID, 101, 1, NET, DEVICE, ROOT}, true},
	{0, NET, {1, UID, 101, 1, 301, DEVICE, ROOT}, false},
	{0, NET, {1, UID, 101, 1, 0, DEVICE, ROOT}, false},
	/* both the host's: uid and root, all three */
	{0, 0, {1, UID, 101, 1, 1, DEVICE, ROOT}, true},
	{0, 0, {1, UID + 1, 101, 1, 1, DEVICE, ROOT}, false},
	{0, 0, {1, UID, 101, 1, 1, DEVICE + 1, ROOT}, false},
	{0, 0, {1, UID, 101, 1, 1, DEVICE, ROOT + 1}, false},
	{0, 0, {1, 0, 101, 1, 1, DEVICE, ROOT}, false},
	/* another's, where a number has been used again */
	{IPC, NET, {1, UID + 1, MNT, IPC, NET, DEVICE, ROOT}, false},
	{0, NET, {1, UID + 1, 101, 1, NET, DEVICE, ROOT}, false},
	/* who hides its namespaces is in none */
	{IPC, NET, {1, UID, 0, 0, 0, DEVICE, ROOT}, false},
	{0, NET, {1, UID, 0, 0, 0, DEVICE, ROOT}, false},
	{0, 0, {1, (uid_t)-1, 0, 0, 0, 0, 0}, false},
};

static struct record record_of(uint64_t ipc, uint64_t net)
{
	static struct record record;

	record.mount_namespace = MNT;
	record.ipc_namespace = ipc;
	record.network_namespace = net;
	record.uid = UID;
	record.filter_length = 1;
	record.origins[RECORD_IMAGE].device = DEVICE;
	record.origins[RECORD_IMAGE].inode = ROOT;
	return record;
}

START_TEST(scan_is_inside__process__as_the_table_says)
{
	const struct record record = record_of(table[_i].record_ipc, table[_i].record_net);

	ck_assert_int_eq(scan_is_inside(&table[_i].process, &record), table[_i].is_inside);
}
END_TEST

START_TEST(scan_is_inside__no_filter__root_and_uid_are_enough)
{
	struct record record = record_of(IPC, NET);
	struct scan_process process = {1, UID, 7, 8, 9, DEVICE, ROOT};

	ck_assert(!scan_is_inside(&process, &record));
	record.filter_length = 0; /* namespaces of his own making */
	ck_assert(scan_is_inside(&process, &record));
	process.uid = 0;
	ck_assert(!scan_is_inside(&process, &record));
	process.uid = UID;
	process.root_inode++;
	ck_assert(!scan_is_inside(&process, &record));
}
END_TEST

START_TEST(scan_count__several__those_inside)
{
	struct scan_process processes[] = {{1, UID, MNT, IPC, NET, 0, 0},
					   {2, UID, 5, 5, 5, 0, 0},
					   {3, UID, 101, IPC, NET, 0, 0}};
	const struct scan scan = {processes, ARRAY_LENGTH(processes), ARRAY_LENGTH(processes)};
	const struct scan none = {.count = 0};
	const struct record record = record_of(IPC, NET);

	ck_assert_uint_eq(scan_count(&scan, &record), 2);
	ck_assert_uint_eq(scan_count(&none, &record), 0);
	/* who watches a run keeps the jail, and is not one of its own */
	ck_assert_uint_eq(scan_count_own(&scan, &record), 2);
	processes[2].is_supervisor = true;
	ck_assert_uint_eq(scan_count(&scan, &record), 2);
	ck_assert_uint_eq(scan_count_own(&scan, &record), 1);
}
END_TEST

static uint64_t inode_of(const char *path)
{
	struct stat status;

	ck_assert_int_eq(stat(path, &status), 0);
	return status.st_ino;
}

START_TEST(scan_read__this_process__as_the_kernel_shows_it)
{
	const struct namespace_home home = {
		.mount_fd = -1, .proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)};
	struct scan scan;
	int found = 0;

	ck_assert_int_eq(scan_read(&home, &scan), 0);
	for (size_t i = 0; i < scan.count; i++) {
		const struct scan_process *process = &scan.processes[i];

		if (process->pid != getpid())
			continue;
		found++;
		ck_assert_uint_eq(process->uid, getuid());
		ck_assert_uint_eq(process->mount_namespace, inode_of("/proc/self/ns/mnt"));
		ck_assert_uint_eq(process->ipc_namespace, inode_of("/proc/self/ns/ipc"));
		ck_assert_uint_eq(process->network_namespace, inode_of("/proc/self/ns/net"));
		ck_assert_uint_eq(process->root_inode, inode_of("/"));
	}
	ck_assert_int_eq(found, 1);
	scan_free(&scan);
	ck_assert_ptr_null(scan.processes);
	ck_assert_uint_eq(scan.count, 0);
	close(home.proc_fd);
}
END_TEST

START_TEST(scan_read__no_proc__fails)
{
	const struct namespace_home home = {.mount_fd = -1, .proc_fd = -1};
	struct scan scan;

	ck_assert_int_eq(scan_read(&home, &scan), -1);
	scan_free(&scan);
}
END_TEST

/* --- on processes, as root -------------------------------------------------------------------- */

static void sleep_in_a_namespace(int ready_fd)
{
	if (unshare(CLONE_NEWNS) != 0 || write(ready_fd, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

START_TEST(scan_kill__one_process_in_the_jail__it_and_no_other_is_killed)
{
	const struct namespace_home home = {
		.mount_fd = -1, .proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)};
	struct record record = record_of(0, 0);
	int ends[2], status;
	char byte, path[64];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid_t inside = fork();
	if (inside == 0)
		sleep_in_a_namespace(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	pid_t outside = fork();
	if (outside == 0)
		sleep_in_a_namespace(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", inside);
	/* Held, or the kernel gives the number to another namespace, and its processes die. */
	int held_fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(held_fd, 0);
	record.mount_namespace = inode_of(path);
	record.uid = 60000001; /* nobody's, so that none is inside by it */
	ck_assert_int_eq(scan_kill(&home, &record), 0);
	ck_assert_int_eq(waitpid(inside, &status, 0), inside);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(waitpid(outside, &status, WNOHANG | WUNTRACED), 0);
	ck_assert_int_eq(kill(outside, SIGKILL), 0);
	ck_assert_int_eq(scan_kill(&home, &record), 0); /* nobody is left: no error */
	close(held_fd);
}
END_TEST

TCase *unit_scan_kill(void)
{
	TCase *tcase = tcase_create("scan on processes");

	tcase_add_test(tcase, scan_kill__one_process_in_the_jail__it_and_no_other_is_killed);
	return tcase;
}

TCase *unit_scan(void)
{
	TCase *tcase = tcase_create("scan");

	add_table(tcase, scan_is_inside__process__as_the_table_says, table);
	tcase_add_test(tcase, scan_is_inside__no_filter__root_and_uid_are_enough);
	tcase_add_test(tcase, scan_count__several__those_inside);
	tcase_add_test(tcase, scan_read__this_process__as_the_kernel_shows_it);
	tcase_add_test(tcase, scan_read__no_proc__fails);
	return tcase;
}
