/* SPDX-License-Identifier: MIT */
/*
 * What tests/system/caller.c does not do: `hostile HABIT... -- PROGRAM [ARGUMENT...]`.
 *   full=FD       FD is a pipe that is full and that nobody empties
 *   argv=SIZE     one more argument, of SIZE bytes
 *   env=SIZE      1 KiB variables, SIZE bytes in all
 *   lc=COUNT      COUNT variables LC_0, LC_1, ...
 *   share-fs      another process shares our root and working directory (CLONE_FS)
 *   traced        our parent traces us
 *   key=NAME      a session keyring with the key NAME; afterwards says whether it is still there
 *   death=SIGNAL  that signal when our parent dies     subreaper  orphans come to us
 *   memory        what no exec resets: merging, huge pages, TSC, MCE, memory policy, cores
 *   slack=NS      timer slack                      www        www-data's ids, no other groups
 *   without=N     without capability N in the bounding set, from our exec on
 *   ambient       every capability that we have inheritable and ambient
 *   securebits=N  these securebits                 timers     one of each kind, a minute from now
 *   soft-NAME=N   a soft limit, named as in prlimit(1); -1 is none
 *   hard-NAME=N   a hard one                       nofile=N   both
 */
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SESSION_KEYRING (-3)
#define KEYCTL_JOIN 1
#define KEYCTL_SEARCH 10

extern char **environ;
static char *arguments[4096];
static int argument_count;

/* Until PARENT has gone; a signal for its death would need its permission, and its ids change. */
static void stay_with(pid_t parent)
{
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	while (getppid() == parent)
		usleep(20000);
	_exit(0);
}

static void fill_pipe(int wanted)
{
	pid_t parent = getpid();
	static const char bytes[4096];
	int fds[2];

	if (pipe(fds) != 0 || fcntl(fds[1], F_SETFL, O_NONBLOCK) != 0)
		err(2, "pipe");
	while (write(fds[1], bytes, sizeof(bytes)) > 0)
		;
	while (write(fds[1], bytes, 1) > 0)
		;
	/* The reading end stays open in a child: a pipe without one is no obstacle. */
	if (fork() == 0) {
		stay_with(parent);
	}
	close(fds[0]);
	fcntl(fds[1], F_SETFL, 0);
	if (dup2(fds[1], wanted) < 0)
		err(2, "descriptor %d", wanted);
	if (fds[1] != wanted)
		close(fds[1]);
}

static void share_fs(void)
{
	pid_t parent = getpid();

	if (syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0) == 0) {
		stay_with(parent);
	}
}

/* We stay as the parent, who lets the traced child go on at every stop. */
static void trace(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
			err(2, "trace");
		return;
	}
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, child, 0, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void hold_key(const char *name)
{
	long key;
	int status;

	if (syscall(SYS_keyctl, KEYCTL_JOIN, NULL) < 0)
		err(2, "keyring");
	key = syscall(SYS_add_key, "user", name, "secret", 6, SESSION_KEYRING);
	if (key < 0)
		err(2, "key");
	printf("key %ld\n", key);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		return;
	waitpid(child, &status, 0);
	printf("%s\n", syscall(SYS_keyctl, KEYCTL_SEARCH, SESSION_KEYRING, "user", name, 0) == key
			       ? "kept"
			       : "lost");
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void fill_environment(long size)
{
	static char *entries[8192];
	int count = 0;

	for (; size > 0 && count < 8191; size -= 1024) {
		char *entry = malloc(1024);

		snprintf(entry, 1024, "JUNK%d=", count);
		memset(entry + strlen(entry), 'x', 1000 - strlen(entry));
		entry[1000] = '\0';
		entries[count++] = entry;
	}
	environ = entries;
}

static void raise_ambient(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];

	if (syscall(SYS_capget, &header, sets) != 0)
		err(2, "capget");
	for (int i = 0; i < 2; i++)
		sets[i].inheritable = sets[i].permitted;
	if (syscall(SYS_capset, &header, sets) != 0)
		err(2, "capset");
	for (unsigned long cap = 0; cap < 64; cap++)
		if ((sets[cap / 32].permitted >> cap % 32) & 1 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0)
			err(2, "ambient %lu", cap);
}

static void spoil_memory(void)
{
	unsigned long node = 1;
	int fd = open("/proc/self/coredump_filter", O_WRONLY);

	if (fd < 0 || write(fd, "0x7f", 4) != 4)
		err(2, "core dumps");
	close(fd);
	/* A kernel that lacks one of them says so, and the probe shows the usual. */
	prctl(67 /* PR_SET_MEMORY_MERGE */, 1, 0, 0, 0);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	syscall(SYS_set_mempolicy, 3 /* MPOL_INTERLEAVE */, &node, 2);
	prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
}

static void become_www(void)
{
	if (setgroups(0, NULL) != 0 || setresgid(33, 33, 33) != 0 || setresuid(33, 33, 33) != 0)
		err(2, "www-data");
}

/* PLACE is soft or hard: a hard limit takes the soft one with it. */
static void set_limit(const char *name, long value, int is_hard)
{
	static const struct {
		const char *name;
		__rlimit_resource_t resource;
	} limits[] = {{"as", RLIMIT_AS},           {"core", RLIMIT_CORE},
		      {"cpu", RLIMIT_CPU},         {"data", RLIMIT_DATA},
		      {"fsize", RLIMIT_FSIZE},     {"locks", RLIMIT_LOCKS},
		      {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE},
		      {"nice", RLIMIT_NICE},       {"nofile", RLIMIT_NOFILE},
		      {"nproc", RLIMIT_NPROC},     {"rss", RLIMIT_RSS},
		      {"rtprio", RLIMIT_RTPRIO},   {"sigpending", RLIMIT_SIGPENDING},
		      {"stack", RLIMIT_STACK}};
	struct rlimit limit;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		size_t length = strlen(limits[i].name);

		if (strncmp(limits[i].name, name, length) != 0 || name[length] != '=')
			continue;
		getrlimit(limits[i].resource, &limit);
		limit.rlim_cur = (rlim_t)value < limit.rlim_max ? (rlim_t)value : limit.rlim_max;
		if (is_hard)
			limit.rlim_max = limit.rlim_cur;
		if (setrlimit(limits[i].resource, &limit) != 0)
			err(2, "limit %s", name);
		return;
	}
	errx(2, "unknown limit %s", name);
}

static void take_habit(const char *habit)
{
	const char *equals = strchr(habit, '=');
	long number = equals ? strtol(equals + 1, NULL, 0) : 0;

	if (!strncmp(habit, "full=", 5)) {
		fill_pipe((int)number);
	} else if (!strncmp(habit, "argv=", 5)) {
		/* One string has a limit of its own, 128 KiB: execve(2). */
		for (; number > 0; number -= 131000) {
			long size = number < 131000 ? number : 131000;
			char *text = malloc((size_t)size + 1);

			memset(text, 'a', (size_t)size);
			text[size] = '\0';
			arguments[argument_count++] = text;
		}
	} else if (!strncmp(habit, "env=", 4)) {
		fill_environment(number);
	} else if (!strncmp(habit, "lc=", 3)) {
		for (long i = 0; i < number; i++) {
			char *entry = malloc(32);

			snprintf(entry, 32, "LC_%ld=x", i);
			putenv(entry);
		}
	} else if (!strcmp(habit, "share-fs")) {
		share_fs();
	} else if (!strcmp(habit, "traced")) {
		trace();
	} else if (!strncmp(habit, "key=", 4)) {
		hold_key(equals + 1);
	} else if (!strncmp(habit, "death=", 6)) {
		prctl(PR_SET_PDEATHSIG, number);
	} else if (!strcmp(habit, "subreaper")) {
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	} else if (!strcmp(habit, "timers")) {
		for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++)
			setitimer((__itimer_which_t)which, &(struct itimerval){{0, 0}, {60, 0}},
				  NULL);
	} else if (!strcmp(habit, "memory")) {
		spoil_memory();
	} else if (!strcmp(habit, "www")) {
		become_www();
	} else if (!strncmp(habit, "without=", 8)) {
		if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0)
			err(2, "bounding set");
	} else if (!strcmp(habit, "ambient")) {
		raise_ambient();
	} else if (!strncmp(habit, "securebits=", 11)) {
		if (prctl(PR_SET_SECUREBITS, number, 0, 0, 0) != 0)
			err(2, "securebits");
	} else if (!strncmp(habit, "soft-", 5) || !strncmp(habit, "hard-", 5)) {
		set_limit(habit + 5, number, habit[0] == 'h');
	} else if (!strncmp(habit, "nofile=", 7)) {
		set_limit(habit, number, 1);
	} else if (!strncmp(habit, "slack=", 6)) {
		prctl(PR_SET_TIMERSLACK, number);
	} else {
		errx(2, "unknown habit %s", habit);
	}
}

int main(int argc, char *argv[])
{
	int at = 1;

	for (; at < argc && strcmp(argv[at], "--") != 0; at++)
		;
	if (at + 1 >= argc)
		errx(2, "usage: hostile HABIT... -- PROGRAM [ARGUMENT...]");
	for (int i = at + 1; i < argc; i++)
		arguments[argument_count++] = argv[i];
	for (int i = 1; i < at; i++)
		take_habit(argv[i]);
	execve(arguments[0], arguments, environ);
	err(2, "%s", arguments[0]);
}
