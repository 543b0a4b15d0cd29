/* SPDX-License-Identifier: MIT */
/*
 * Looks into every new process as soon as its ids allow: `stalker LAUNCHER COMMAND`, as the jail's
 * user, until SIGTERM. It stops each new pid the moment it may, opens maps, mem, environ, fd, root
 * and cwd in /proc, tries to trace it, and lets it go on. What it sees must be COMMAND's already:
 * an access while the process is still LAUNCHER is "early". LAUNCHER and COMMAND are ends of paths.
 * Prints `TRIED HELD LATE EARLY`: pids, of them stopped before their exec, seen as COMMAND, seen
 * too early.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t is_over;
static const char *launcher, *command;
static unsigned long tried, held, late, early;

static void end(int number)
{
	(void)number;
	is_over = 1;
}

static pid_t last_pid(void)
{
	static int fd = -1;
	char text[128];

	if (fd < 0)
		fd = open("/proc/loadavg", O_RDONLY);
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
	if (length <= 0)
		err(2, "/proc/loadavg");
	text[length] = '\0';
	return (pid_t)atol(strrchr(text, ' ') + 1);
}

static bool is_program(pid_t pid, const char *path)
{
	char link[64], target[512];

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	ssize_t length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	return strstr(target, path) != NULL;
}

static void cry(pid_t pid, const char *what)
{
	early++;
	fprintf(stderr, "early: %s of %d\n", what, pid);
}

/* What a file of the process's memory is open on is decided at open: its text names the program. */
static bool see_memory(pid_t pid)
{
	static char text[65536];
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	ssize_t length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return false;
	text[length] = '\0';
	if (strstr(text, launcher))
		cry(pid, "maps");
	return strstr(text, command) != NULL;
}

/* An access, and afterwards the process is still the launcher: then it was at the access. */
static void see_files(pid_t pid)
{
	static const char *const names[] = {"mem", "environ", "fd", "root", "cwd"};
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
		int fd = open(path, O_RDONLY);
		if (fd < 0)
			continue;
		if (is_program(pid, launcher))
			cry(pid, names[i]);
		close(fd);
	}
}

/* Attached amid the exec, it is COMMAND's memory already: only what it is at the stop counts. */
static bool seize(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) != 0)
		return false;
	if (is_program(pid, launcher))
		cry(pid, "trace");
	if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0 && waitpid(pid, &status, __WALL) == pid &&
	    WIFSTOPPED(status)) {
		if (is_program(pid, launcher))
			cry(pid, "stop");
		ptrace(PTRACE_DETACH, pid, 0, 0);
	}
	return true;
}

/* Stopped, it stays as it is for as long as we look. Whether we may: only once its ids are ours. */
static bool look(pid_t pid)
{
	bool is_seen = false;

	for (int i = 0; i < 3 && !is_seen; i++) {
		see_files(pid);
		is_seen = see_memory(pid);
	}
	return seize(pid) || is_seen;
}

static void stalk(pid_t pid)
{
	int was_held = 0;

	tried++;
	/* A few milliseconds: a launcher does not live longer. */
	for (int i = 0; i < 5000 && !is_over; i++) {
		if (kill(pid, SIGSTOP) != 0) {
			if (errno == ESRCH)
				return;
			continue;
		}
		bool is_command = look(pid);

		if (!is_command && !was_held++)
			held++;
		kill(pid, SIGCONT);
		if (is_command) {
			late++;
			return;
		}
	}
}

int main(int argc, char *argv[])
{
	struct sigaction ends = {.sa_handler = end};

	if (argc != 3)
		errx(2, "usage: stalker LAUNCHER COMMAND");
	launcher = argv[1];
	command = argv[2];
	sigaction(SIGTERM, &ends, NULL);
	for (pid_t seen = last_pid(); !is_over;) {
		pid_t last = last_pid();

		if (last < seen)
			seen = last - 1;
		/* The newest first: the others are older by now. */
		for (pid_t pid = last; pid > seen && pid > last - 4; pid--)
			if (pid != getpid())
				stalk(pid);
		seen = last;
	}
	printf("%lu %lu %lu %lu\n", tried, held, late, early);
	return 0;
}
