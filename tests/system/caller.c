/* SPDX-License-Identifier: MIT */
/*
 * A caller with habits: `caller HABIT... -- PROGRAM [ARGUMENT...]` takes on each and becomes
 * PROGRAM. signals          every signal blocked and ignored, SIGTERM and SIGALRM pending timer=MS
 * an interval timer that fires in MS milliseconds open=FD:PATH     PATH open for reading as FD
 * path=FD:PATH    the same with O_PATH socket=FD        a socket as FD                    close=FD
 * FD closed fds=N            N descriptors of / from 3 on      argv=none       no argument vector
 * at all argv=empty       an empty argv[0]                  env=TEXT        TEXT put into the
 * environment as is nofile=N         no descriptor from N on from now on
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SIGNALS 64
#define ENTRIES 256

static char *environment[ENTRIES + 1];
static int entries;

static void place(int fd, int wanted)
{
	if (fd < 0 || (fd != wanted && dup2(fd, wanted) < 0))
		err(1, "descriptor %d", wanted);
	if (fd != wanted)
		close(fd);
}

static void open_as(const char *text, int flags)
{
	char *path;
	int wanted = (int)strtol(text, &path, 10);

	place(open(path + 1, flags), wanted);
}

static void take_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	raise(SIGTERM);
	raise(SIGALRM);
	for (int number = 1; number <= SIGNALS; number++)
		if (number != SIGTERM && number != SIGALRM)
			signal(number, SIG_IGN);
}

static void limit_descriptors(int count)
{
	struct rlimit limit = {(rlim_t)count, (rlim_t)count};

	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		err(1, "RLIMIT_NOFILE");
}

static void open_many(int count)
{
	limit_descriptors(count + 16);
	while (count-- > 0)
		if (open("/", O_RDONLY) < 0)
			err(1, "/");
}

static void take_habit(const char *habit, char ***argv)
{
	static char *const none[] = {NULL};
	static char empty[] = "";

	if (strcmp(habit, "signals") == 0) {
		take_signals();
	} else if (strncmp(habit, "timer=", 6) == 0) {
		long ms = strtol(habit + 6, NULL, 10);
		struct itimerval value = {{0, 0}, {ms / 1000, ms % 1000 * 1000}};

		setitimer(ITIMER_REAL, &value, NULL);
	} else if (strncmp(habit, "open=", 5) == 0) {
		open_as(habit + 5, O_RDONLY);
	} else if (strncmp(habit, "path=", 5) == 0) {
		open_as(habit + 5, O_PATH);
	} else if (strncmp(habit, "socket=", 7) == 0) {
		place(socket(AF_UNIX, SOCK_STREAM, 0), (int)strtol(habit + 7, NULL, 10));
	} else if (strncmp(habit, "close=", 6) == 0) {
		close((int)strtol(habit + 6, NULL, 10));
	} else if (strncmp(habit, "fds=", 4) == 0) {
		open_many((int)strtol(habit + 4, NULL, 10));
	} else if (strncmp(habit, "nofile=", 7) == 0) {
		limit_descriptors((int)strtol(habit + 7, NULL, 10));
	} else if (strcmp(habit, "argv=none") == 0) {
		*argv = (char **)none;
	} else if (strcmp(habit, "argv=empty") == 0) {
		(*argv)[0] = empty;
	} else if (strncmp(habit, "env=", 4) == 0 && entries < ENTRIES) {
		environment[entries++] = strdup(habit + 4);
	} else {
		errx(1, "unknown habit %s", habit);
	}
}

int main(int argc, char *argv[])
{
	char **habit = argv + 1, **command = habit;
	const char *program;

	(void)argc;
	while (*command && strcmp(*command, "--") != 0)
		command++;
	if (!*command || !command[1])
		errx(1, "usage: caller HABIT... -- PROGRAM [ARGUMENT...]");
	*command++ = NULL;
	program = command[0];
	for (; *habit; habit++)
		take_habit(*habit, &command);
	execve(program, command, entries ? environment : environ);
	err(1, "%s", program);
}
