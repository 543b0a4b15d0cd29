/* SPDX-License-Identifier: MIT */
/*
 * What a jailed command is, asked of the kernel and printed as `key: value` lines, in one order.
 * Static, so that it runs in any image; with arguments it prints only the keys they name. A first
 * argument "mark" is no key: it makes the file "mark" in the home, whatever becomes of the output.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define FDS 65536 /* numbers looked at; /proc may be absent */
#define SIGNALS 64
#define IOPRIO_WHO_PROCESS 1

static void show_uid(void)
{
	uid_t real, effective, saved;

	if (getresuid(&real, &effective, &saved) != 0)
		exit(1);
	printf("%u %u %u %d", real, effective, saved, setfsuid((uid_t)-1));
}

static void show_gid(void)
{
	gid_t real, effective, saved;

	if (getresgid(&real, &effective, &saved) != 0)
		exit(1);
	printf("%u %u %u %d", real, effective, saved, setfsgid((gid_t)-1));
}

static void show_groups(void)
{
	gid_t groups[256];
	int count = getgroups(256, groups);

	for (int i = 0; i < count; i++)
		printf("%s%u", i ? " " : "", groups[i]);
}

/* Four sets through libcap, counted: permitted, effective, inheritable, ambient. */
static void show_capabilities(void)
{
	cap_t sets = cap_get_proc();
	int counts[4] = {0};

	for (cap_value_t cap = 0; cap <= 63; cap++) {
		for (int flag = 0; flag < 3; flag++) {
			static const cap_flag_t flags[] = {CAP_PERMITTED, CAP_EFFECTIVE,
							   CAP_INHERITABLE};
			cap_flag_value_t value = CAP_CLEAR;

			if (cap_get_flag(sets, cap, flags[flag], &value) == 0 && value == CAP_SET)
				counts[flag]++;
		}
		counts[3] +=
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, (unsigned long)cap, 0, 0) == 1;
	}
	printf("%d %d %d %d", counts[0], counts[1], counts[2], counts[3]);
	cap_free(sets);
}

static void show_no_new_privs(void)
{
	printf("%d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

static void show_securebits(void)
{
	printf("%d", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
}

static void show_seccomp(void)
{
	printf("%d", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
}

/* The highest descriptor that /proc shows, which saves looking at all numbers. */
static int highest_fd(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int highest = directory ? 0 : FDS - 1;

	for (const struct dirent *entry; directory && (entry = readdir(directory));) {
		int fd = (int)strtol(entry->d_name, NULL, 10);
		highest = fd > highest ? fd : highest;
	}
	if (directory)
		closedir(directory);
	return highest;
}

static void show_fds(void)
{
	const char *separator = "";

	for (int fd = 0, highest = highest_fd(); fd <= highest; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		printf("%s%d", separator, fd);
		separator = " ";
	}
}

/* What the standard descriptors are: the type and, for a device, its numbers. */
static void show_standard(void)
{
	for (int fd = 0; fd < 3; fd++) {
		struct stat status;
		const char *kind = "closed";

		if (fstat(fd, &status) == 0)
			kind = S_ISCHR(status.st_mode) && status.st_rdev == 0x103 ? "null"
			       : S_ISCHR(status.st_mode)                          ? "char"
			       : S_ISFIFO(status.st_mode)                         ? "pipe"
			       : S_ISREG(status.st_mode)                          ? "file"
			       : S_ISSOCK(status.st_mode)                         ? "socket"
										  : "other";
		printf("%s%s", fd ? " " : "", kind);
	}
}

static void show_signals_blocked(void)
{
	sigset_t blocked;
	const char *separator = "";

	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (int number = 1; number <= SIGNALS; number++) {
		if (sigismember(&blocked, number) != 1)
			continue;
		printf("%s%d", separator, number);
		separator = " ";
	}
}

static void show_signals_ignored(void)
{
	const char *separator = "";

	for (int number = 1; number <= SIGNALS; number++) {
		struct sigaction action;

		if (sigaction(number, NULL, &action) != 0 || action.sa_handler != SIG_IGN)
			continue;
		printf("%s%d", separator, number);
		separator = " ";
	}
}

static void show_signals_pending(void)
{
	sigset_t pending;
	int count = 0;

	sigpending(&pending);
	for (int number = 1; number <= SIGNALS; number++)
		count += sigismember(&pending, number) == 1;
	printf("%d", count);
}

static void show_timers(void)
{
	static const int which[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};

	for (int i = 0; i < 3; i++) {
		struct itimerval value;

		getitimer(which[i], &value);
		printf("%s%ld", i ? " " : "",
		       (long)(value.it_value.tv_sec + value.it_value.tv_usec));
	}
}

static void show_umask(void)
{
	printf("%04o", umask(0));
}

static void show_cwd(void)
{
	char path[4096];

	printf("%s", syscall(SYS_getcwd, path, sizeof(path)) > 0 ? path : strerror(errno));
}

static void show_nice(void)
{
	printf("%d", getpriority(PRIO_PROCESS, 0));
}

static void show_scheduler(void)
{
	printf("%d", sched_getscheduler(0));
}

static void show_ioprio(void)
{
	printf("%ld", syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0));
}

static void show_cpus(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	printf("%d", CPU_COUNT(&set));
}

static void show_personality(void)
{
	printf("%08x", (unsigned int)personality(0xffffffff));
}

/* Merged pages, no huge pages, TSC, MCE policy, memory policy; -1 where there is none. */
static void show_memory(void)
{
	int tsc = -1, policy = -1;

	prctl(PR_GET_TSC, &tsc);
	syscall(SYS_get_mempolicy, &policy, NULL, 0, NULL, 0);
	printf("%d %d %d %d %d", prctl(68 /* PR_GET_MEMORY_MERGE */, 0, 0, 0, 0),
	       prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), tsc, prctl(PR_MCE_KILL_GET, 0, 0, 0, 0),
	       policy);
}

static void show_session(void)
{
	printf("%s", getsid(0) == getpid() ? "leader" : "member");
}

static void show_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	printf("%s", fd < 0 ? strerror(errno) : "open");
}

static void show_limits(void)
{
	static const struct {
		const char *name;
		__rlimit_resource_t resource;
	} limits[] = {
		{"cpu", RLIMIT_CPU},     {"data", RLIMIT_DATA},   {"as", RLIMIT_AS},
		{"fsize", RLIMIT_FSIZE}, {"nproc", RLIMIT_NPROC}, {"nofile", RLIMIT_NOFILE},
		{"stack", RLIMIT_STACK}, {"core", RLIMIT_CORE},
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit limit;

		getrlimit(limits[i].resource, &limit);
		printf("%s%s=%ld:%ld", i ? " " : "", limits[i].name, (long)limit.rlim_cur,
		       (long)limit.rlim_max);
	}
}

static void show_environment(void)
{
	for (char **entry = environ; *entry; entry++)
		printf("%s%s", entry == environ ? "" : "\nenv: ", *entry);
}

/* Above the root there is nothing but the root. */
static void show_above(void)
{
	struct stat root, above;

	if (stat("/", &root) != 0 || stat("/../../../../../../..", &above) != 0)
		exit(1);
	printf("%s", root.st_ino == above.st_ino && root.st_dev == above.st_dev ? "root" : "more");
}

/* What a test has written into the image to tell it from others. */
static void show_image(void)
{
	FILE *file = fopen("/etc/image", "re");
	char line[64] = "";

	if (file && fgets(line, sizeof(line), file))
		line[strcspn(line, "\n")] = '\0';
	if (file)
		fclose(file);
	printf("%s", line);
}

static void leave_mark(void)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/mark", getenv("HOME"));
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || close(fd) != 0)
		exit(1);
}

static const struct {
	const char *key;
	void (*show)(void);
} facts[] = {
	{"uid", show_uid},
	{"gid", show_gid},
	{"groups", show_groups},
	{"capabilities", show_capabilities},
	{"no_new_privs", show_no_new_privs},
	{"securebits", show_securebits},
	{"seccomp", show_seccomp},
	{"fds", show_fds},
	{"standard", show_standard},
	{"blocked", show_signals_blocked},
	{"ignored", show_signals_ignored},
	{"pending", show_signals_pending},
	{"timers", show_timers},
	{"umask", show_umask},
	{"cwd", show_cwd},
	{"nice", show_nice},
	{"scheduler", show_scheduler},
	{"ioprio", show_ioprio},
	{"cpus", show_cpus},
	{"personality", show_personality},
	{"memory", show_memory},
	{"session", show_session},
	{"terminal", show_terminal},
	{"limits", show_limits},
	{"above", show_above},
	{"image", show_image},
	{"env", show_environment},
};

static bool is_wanted(const char *key, char *const names[])
{
	if (!names[0])
		return true;
	for (; names[0]; names++)
		if (strcmp(names[0], key) == 0)
			return true;
	return false;
}

int main(int argc, char *argv[])
{
	if (argc > 1 && strcmp(argv[1], "mark") == 0) {
		leave_mark();
		argv++;
	}
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		if (!is_wanted(facts[i].key, argv + 1))
			continue;
		printf("%s: ", facts[i].key);
		facts[i].show();
		printf("\n");
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
