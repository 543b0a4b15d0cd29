/* SPDX-License-Identifier: MIT */
/*
 * A caller that starts the same command again and again: `starter HOW N M COMMAND...`
 *   ending 0 0              once, and says how it ended
 *   crowd N AT_ONCE         N times, AT_ONCE at a time
 *   pace MS PAUSE_US        one after the other for MS milliseconds, with a pause between
 * Prints one line; nothing is left unwaited for.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PACE_MAX 100000
#define CROWD_MAX 1000

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void pause_us(long us)
{
	struct timespec time = {us / 1000000, us % 1000000 * 1000};

	nanosleep(&time, NULL);
}

static pid_t start(char *command[])
{
	pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (child > 0)
		return child;
	int fd = open("/dev/null", O_RDWR);
	if (fd < 0 || dup2(fd, 0) < 0 || dup2(fd, 1) < 0)
		err(1, "/dev/null");
	execv(command[0], command);
	err(1, "%s", command[0]);
}

/* The status as wait(2) has it, which a shell would not tell. */
static int ending(long number, long unused, char *command[])
{
	pid_t child = start(command);
	int status;

	(void)number;
	(void)unused;
	if (waitpid(child, &status, 0) != child)
		err(1, "wait");
	printf("status %#x\n", (unsigned int)status);
	return 0;
}

static int crowd(long total, long at_once, char *command[])
{
	static pid_t children[CROWD_MAX];
	long failed = 0, started = 0, running = 0;

	if (at_once > CROWD_MAX)
		errx(1, "too many at once");
	while (started < total || running > 0) {
		int status;

		while (started < total && running < at_once) {
			children[running++] = start(command);
			started++;
		}
		pid_t child = wait(&status);
		for (long i = 0; i < running; i++) {
			if (children[i] != child)
				continue;
			children[i] = children[--running];
			failed += status != 0;
			break;
		}
	}
	printf("failed %ld of %ld\n", failed, total);
	return failed != 0;
}

static int compare(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return a < b ? -1 : a > b;
}

static int pace(long milliseconds, long rest, char *command[])
{
	static int64_t times[PACE_MAX];
	int64_t end = now_us() + milliseconds * 1000;
	size_t count = 0, failed = 0;

	while (now_us() < end && count < PACE_MAX) {
		int64_t begin = now_us();
		pid_t child = start(command);
		int status;

		if (waitpid(child, &status, 0) != child)
			err(1, "wait");
		times[count++] = now_us() - begin;
		failed += status != 0;
		pause_us(rest);
	}
	qsort(times, count, sizeof(times[0]), compare);
	printf("failed %zu of %zu, median %.2f ms, p99 %.2f ms\n", failed, count,
	       (double)times[count / 2] / 1e3, (double)times[count * 99 / 100] / 1e3);
	return failed != 0;
}

static const struct {
	const char *name;
	int (*perform)(long first, long second, char *command[]);
} ways[] = {{"ending", ending}, {"crowd", crowd}, {"pace", pace}};

int main(int argc, char *argv[])
{
	for (size_t i = 0; argc > 4 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(ways[i].name, argv[1]) == 0)
			return ways[i].perform(strtol(argv[2], NULL, 10), strtol(argv[3], NULL, 10),
					       argv + 4);
	errx(2, "usage: starter ending|crowd|pace N N COMMAND...");
}
