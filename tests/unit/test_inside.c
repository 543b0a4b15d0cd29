/* SPDX-License-Identifier: MIT */
/*
 * Whatever may end in kill(-1) runs as process 1 of a pid namespace of its own: what goes wrong
 * there can kill nobody on this machine.
 */
#include "keeper/admin/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper/admin/child.h"
#include "keeper/admin/ask.h"
#include "keeper/admin/list.h"
#include "unit.h"

#define UID 1001
#define OTHER_UID 1002
#define FREE_UID 4000000001u /* on this machine too */
#define MNT 100
#define IPC 200
#define NET 300

/* --- pure ------------------------------------------------------------------------------------- */

static struct inside_process sorted[] = {{1, 5}, {2, 7}, {3, 7}, {4, 7}, {5, 9}, {6, 4294967295u}};

static const struct {
	uid_t uid;
	size_t count;
	pid_t first;
} rows[] = {{5, 1, 1}, {7, 3, 2}, {9, 1, 5}, {4294967295u, 1, 6},
	    {0, 0, 0}, {6, 0, 0}, {8, 0, 0}, {10, 0, 0}};

START_TEST(inside_of__uid__its_processes_and_no_others)
{
	const struct inside inside = {sorted, ARRAY_LENGTH(sorted)};
	const struct inside nobody = {.count = 0};
	size_t count = 99;
	const struct inside_process *first = inside_of(&inside, rows[_i].uid, &count);

	ck_assert_uint_eq(count, rows[_i].count);
	ck_assert(count == 0 || first->pid == rows[_i].first);
	(void)inside_of(&nobody, rows[_i].uid, &count);
	ck_assert_uint_eq(count, 0);
}
END_TEST

/* Columns: the record's ipc and net (0: the host's); the process; whether it came in before. */
static const struct {
	uint64_t record_ipc, record_net;
	struct inside_process process;
	bool is_earlier;
} ages[] = {
	/* in the jail's own mount namespace, whatever else */
	{IPC, NET, {1, UID, MNT, IPC, NET}, false},
	{IPC, NET, {1, UID, MNT, 201, 301}, false},
	{0, 0, {1, UID, MNT, 1, 1}, false},
	/* in a copy of it, as a private run is: the other namespaces tell */
	{IPC, NET, {1, UID, 101, IPC, NET}, false},
	{IPC, 0, {1, UID, 101, IPC, 1}, false},
	{0, NET, {1, UID, 101, 1, NET}, false},
	{IPC, NET, {1, UID, 101, 201, NET}, true},
	{IPC, NET, {1, UID, 101, IPC, 301}, true},
	{IPC, 0, {1, UID, 101, 201, 1}, true},
	{0, NET, {1, UID, 101, 1, 301}, true},
	/* nothing can tell */
	{0, 0, {1, UID, 101, 1, 1}, false},
};

START_TEST(inside_is_earlier__process__as_the_table_says)
{
	const struct record record = {.mount_namespace = MNT,
				      .ipc_namespace = ages[_i].record_ipc,
				      .network_namespace = ages[_i].record_net};

	ck_assert_int_eq(inside_is_earlier(&ages[_i].process, &record), ages[_i].is_earlier);
}
END_TEST

START_TEST(inside_read__no_proc_or_no_host__fails)
{
	const struct namespace_host hosts[] = {
		{.mount_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), .proc_fd = -1},
		{.mount_fd = -1, .proc_fd = open("/proc", O_PATH | O_CLOEXEC)}};
	struct inside inside;
	struct text error;

	for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
		ck_assert_int_eq(inside_read(&hosts[i], &inside), -1);
		inside_free(&inside);
		ck_assert_ptr_null(inside.processes);
		ck_assert_int_eq(inside_find(&hosts[i], FREE_UID), -1);
		assert_refused(child_kill(&hosts[i], FREE_UID, &error), error, "uid 4000000001");
	}
}
END_TEST

/* --- on processes, as root -------------------------------------------------------------------- */

static struct namespace_host host;
static struct text error;

#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			dprintf(2, "line %d: %s (errno %d, \"%s\")\n", __LINE__, #condition,       \
				errno, error.bytes);                                               \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* Runs BODY as process 1 of a pid namespace, whose mounts are the host's for what is tested. */
static void in_own_namespace(void (*body)(void))
{
	int status;

	unit_mount_scratch();
	ck_assert_int_eq(unshare(CLONE_NEWPID), 0);
	pid_t first = fork();
	if (first == 0) {
		must(getpid() == 1);
		must(mount("proc", "/proc", "proc", 0, NULL) == 0);
		host.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
		host.mount_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
		must(host.mount_fd >= 0);
		body();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(first, &status, 0), first);
	ck_assert_int_eq(status, 0);
}

static void do_nothing(void)
{
}

/* Leaves its life to a child all the time: every look at one process of these comes too late. */
static void pass_on(void)
{
	for (;;)
		if (fork() > 0)
			_exit(0);
}

/* As many as it may have. */
static void multiply(void)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;)
		(void)!fork();
}

/*
 * A process of UID in a mount namespace of its own, unless IS_ON_HOST; it calls PREPARE before its
 * uid changes and ACT afterwards.
 */
static pid_t start(uid_t uid, bool is_on_host, void (*prepare)(void), void (*act)(void))
{
	const struct rlimit few = {30, 30};
	int ends[2];
	char byte;

	must(pipe2(ends, O_CLOEXEC) == 0);
	pid_t pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		must(is_on_host || unshare(CLONE_NEWNS) == 0);
		prepare();
		must(setrlimit(RLIMIT_NPROC, &few) == 0);
		must(setresuid(uid, uid, uid) == 0);
		must(write(ends[1], "", 1) == 1);
		act();
		for (;;)
			pause();
	}
	close(ends[1]);
	must(read(ends[0], &byte, 1) == 1);
	close(ends[0]);
	return pid;
}

static bool lives(pid_t pid)
{
	siginfo_t ended = {.si_pid = 0};

	must(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0);
	return ended.si_pid == 0;
}

static uint64_t inode_of(pid_t pid, const char *kind)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
	must(stat(path, &status) == 0);
	return status.st_ino;
}

static void leave_ipc(void)
{
	must(unshare(CLONE_NEWIPC) == 0);
}

static void read_two(void)
{
	pid_t inside_pid = start(UID, false, leave_ipc, do_nothing);
	pid_t host_pid = start(UID, true, do_nothing, do_nothing);
	pid_t other_pid = start(5, false, do_nothing, do_nothing);
	struct inside inside;

	(void)host_pid;
	must(inside_read(&host, &inside) == 0);
	must(inside.count == 2);
	must(inside.processes[0].pid == other_pid && inside.processes[0].uid == 5);
	const struct inside_process *process = &inside.processes[1];
	must(process->pid == inside_pid && process->uid == UID && !process->is_launcher);
	must(process->mount_namespace == inode_of(inside_pid, "mnt"));
	must(process->ipc_namespace == inode_of(inside_pid, "ipc"));
	must(process->ipc_namespace != inode_of(getpid(), "ipc"));
	must(process->network_namespace == inode_of(getpid(), "net"));
	inside_free(&inside);
	must(!inside.processes && inside.count == 0);
}

START_TEST(inside_read__processes__those_outside_the_hosts_mount_namespace)
{
	in_own_namespace(read_two);
}
END_TEST

static void find_them(void)
{
	must(inside_find(&host, UID) == 0);
	pid_t host_pid = start(UID, true, do_nothing, do_nothing);
	pid_t other_pid = start(OTHER_UID, false, do_nothing, do_nothing);
	must(inside_find(&host, UID) == 0);
	must(inside_find(&host, OTHER_UID) == other_pid);
	pid_t inside_pid = start(UID, false, do_nothing, do_nothing);
	must(inside_find(&host, UID) == inside_pid);
	must(kill(inside_pid, SIGKILL) == 0);
	must(kill(host_pid, SIGKILL) == 0);
	while (lives(inside_pid))
		usleep(1000);
	must(inside_find(&host, UID) == 0); /* a zombie is nobody */
}

START_TEST(inside_find__uid__a_process_that_is_inside)
{
	in_own_namespace(find_them);
}
END_TEST

static void find_fleeting(void)
{
	signal(SIGCHLD, SIG_IGN);
	start(UID, false, do_nothing, pass_on);
	for (int i = 0; i < 50; i++)
		must(inside_find(&host, UID) > 0);
}

START_TEST(inside_find__process_that_forks_and_ends_all_the_time__found)
{
	in_own_namespace(find_fleeting);
}
END_TEST

static void mount_part(void)
{
	must(mount(UNIT_SCRATCH "/version/part", UNIT_SCRATCH "/target", NULL, MS_BIND, NULL) == 0);
}

static void mount_similar(void)
{
	must(mount(UNIT_SCRATCH "/version2", UNIT_SCRATCH "/target", NULL, MS_BIND, NULL) == 0);
}

static void find_mounts(void)
{
	static const char *const directories[] = {"/version", "/version/part", "/version2",
						  "/target", "/a b"};
	for (size_t i = 0; i < ARRAY_LENGTH(directories); i++) {
		char path[64];

		snprintf(path, sizeof(path), UNIT_SCRATCH "%s", directories[i]);
		must(mkdir(path, 0755) == 0);
	}
	int fd = open(UNIT_SCRATCH "/version", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int part_fd = open(UNIT_SCRATCH "/version/part", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int spaced_fd = open(UNIT_SCRATCH "/a b", O_PATH | O_DIRECTORY | O_CLOEXEC);
	pid_t similar_pid = start(UID, false, mount_similar, do_nothing);
	(void)similar_pid;
	must(ask_find_mounted(&host, fd) == 0);
	/* Whosever: a launcher, root's, is on its way in. */
	pid_t pid = start(0, false, mount_part, do_nothing);
	must(ask_find_mounted(&host, fd) == pid);
	must(ask_find_mounted(&host, part_fd) == pid);
	must(ask_find_mounted(&host, spaced_fd) == 0);
	must(ask_find_mounted(&host, -1) == -1);
}

START_TEST(ask_find_mounted__directory__who_has_it_or_a_part_of_it_mounted)
{
	in_own_namespace(find_mounts);
}
END_TEST

static const struct {
	const char *home, *name;
} homes[] = {
	{NULL, ""},
	{"/data/alice/home", "alice"},
	{"/alice/home", "alice"},
	{"/home/bob/home", "bob"},
	{"/home", ""},
	{"/data/al ice/home", ""},
	{"/data/alice/homes", ""},
	{"/data/alice/home/alice", ""},
};
static int home_row;

static void mount_home(void)
{
	char path[128] = UNIT_SCRATCH;

	if (!homes[home_row].home)
		return;
	for (const char *at = homes[home_row].home; *at;) {
		size_t length = 1 + strcspn(at + 1, "/");

		strncat(path, at, length);
		must(mkdir(path, 0755) == 0);
		at += length;
	}
	must(mount(UNIT_SCRATCH, "/home", NULL, MS_BIND, NULL) == 0); /* the last one counts */
	must(mount(path, "/home", NULL, MS_BIND, NULL) == 0);
}

static void name_it(void)
{
	char name[NAME_LENGTH_MAX + 1] = "unset";

	umount2("/home", MNT_DETACH);
	list_read_name(&host, start(UID, false, mount_home, do_nothing), name);
	must(strcmp(name, homes[home_row].name) == 0);
	list_read_name(&host, 4000000, name); /* it has gone */
	must(strcmp(name, "") == 0);
}

START_TEST(list_read_name__process__as_its_home_says)
{
	home_row = _i;
	in_own_namespace(name_it);
}
END_TEST

/* --- killing ---------------------------------------------------------------------------------- */

static void kill_many(void)
{
	pid_t pids[20];

	for (size_t i = 0; i < ARRAY_LENGTH(pids); i++)
		pids[i] = start(UID, false, do_nothing, do_nothing);
	pid_t root_pid = start(0, false, do_nothing, do_nothing);
	pid_t other_pid = start(OTHER_UID, false, do_nothing, do_nothing);
	pid_t host_pid = start(OTHER_UID, true, do_nothing, do_nothing);
	start(UID, false, do_nothing, multiply);
	must(child_kill(&host, UID, &error) == 0);
	for (size_t i = 0; i < ARRAY_LENGTH(pids); i++)
		must(waitpid(pids[i], NULL, 0) == pids[i]);
	must(inside_find(&host, UID) == 0);
	must(lives(root_pid) && lives(other_pid) && lives(host_pid));
	must(child_kill(&host, UID, &error) == 0); /* nobody is left: no error */
}

START_TEST(child_kill__many_that_fork__all_and_no_others)
{
	in_own_namespace(kill_many);
}
END_TEST

static void spare_all(void)
{
	pid_t inside_pid = start(UID, false, do_nothing, do_nothing);
	pid_t host_pid = start(UID, true, do_nothing, do_nothing);
	char sentence[64];

	must(child_kill(&host, UID, &error) == -1);
	snprintf(sentence, sizeof(sentence), "process %d has that uid and is in no jail", host_pid);
	must(strstr(error.bytes, sentence) && strstr(error.bytes, "uid 1001"));
	must(lives(inside_pid) && lives(host_pid));
}

START_TEST(child_kill__process_of_the_uid_on_the_host__nobody)
{
	in_own_namespace(spare_all);
}
END_TEST

static void spare_root(void)
{
	pid_t root_pid = start(0, false, do_nothing, do_nothing);
	pid_t nobody_pid = start(4294967294u, false, do_nothing, do_nothing);

	must(child_kill(&host, 0, &error) == -1);
	must(child_kill(&host, 4294967294u, &error) == -1);
	must(lives(root_pid) && lives(nobody_pid));
}

START_TEST(child_kill__root_or_nobody__refused)
{
	in_own_namespace(spare_root);
}
END_TEST

/* Calls that a root parent has the kernel answer 0 to without doing them. */
static const struct {
	int calls[3];
	unsigned long securebits;
} lies[] = {
	{{SYS_setresuid}},
	{{SYS_getresuid}},
	{{SYS_setresuid, SYS_getresuid}},
	{{SYS_fstat, SYS_newfstatat}},  /* all namespaces look the same */
	{{-1}, SECBIT_NO_SETUID_FIXUP}, /* no lie: a change of uid keeps the capabilities */
};
static int lie_row;
#define REFUSED 2 /* must() ends with 1 */

static void tell_lies(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)lies[lie_row].calls[0], 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)lies[lie_row].calls[1], 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)lies[lie_row].calls[2], 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {ARRAY_LENGTH(filter), filter};
	struct sock_filter *last = &filter[3];

	/* Number 0, read(2), where a row names fewer calls. */
	for (struct sock_filter *jump = &filter[1]; jump <= last; jump++)
		if (jump->k == 0)
			jump->k = ~0u;
	must(prctl(PR_SET_SECUREBITS, lies[lie_row].securebits) == 0);
	must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
}

static void kill_under_lies(void)
{
	pid_t root_pid = start(0, false, do_nothing, do_nothing);
	pid_t other_pid = start(OTHER_UID, false, do_nothing, do_nothing);
	pid_t inside_pid = start(UID, false, do_nothing, do_nothing);
	int status;
	/* Process 1 itself is never killed, so a child of its calls. */
	pid_t keeper = fork();

	if (keeper == 0) {
		tell_lies();
		_exit(child_kill(&host, UID, &error) == 0 ? 0 : REFUSED);
	}
	must(waitpid(keeper, &status, 0) == keeper && status == REFUSED << 8);
	must(lives(root_pid) && lives(other_pid) && lives(inside_pid));
}

START_TEST(child_kill__ids_that_do_not_change__refused_and_nobody_killed)
{
	lie_row = _i;
	in_own_namespace(kill_under_lies);
}
END_TEST

TCase *unit_inside_process(void)
{
	TCase *tcase = tcase_create("inside, on processes");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, inside_read__processes__those_outside_the_hosts_mount_namespace);
	tcase_add_test(tcase, inside_find__uid__a_process_that_is_inside);
	tcase_add_test(tcase, inside_find__process_that_forks_and_ends_all_the_time__found);
	if (unit_has_mount_ids())
		tcase_add_test(tcase,
			       ask_find_mounted__directory__who_has_it_or_a_part_of_it_mounted);
	add_table(tcase, list_read_name__process__as_its_home_says, homes);
	tcase_add_test(tcase, child_kill__many_that_fork__all_and_no_others);
	tcase_add_test(tcase, child_kill__process_of_the_uid_on_the_host__nobody);
	tcase_add_test(tcase, child_kill__root_or_nobody__refused);
	if (unit_has_filters())
		add_table(tcase, child_kill__ids_that_do_not_change__refused_and_nobody_killed,
			  lies);
	return tcase;
}

TCase *unit_inside(void)
{
	TCase *tcase = tcase_create("inside");

	add_table(tcase, inside_of__uid__its_processes_and_no_others, rows);
	add_table(tcase, inside_is_earlier__process__as_the_table_says, ages);
	tcase_add_test(tcase, inside_read__no_proc_or_no_host__fails);
	return tcase;
}
