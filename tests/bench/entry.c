/* SPDX-License-Identifier: MIT */
/*
 * What it costs to start a program and see it end, several ways side by side: `entry ROUNDS WAY ,
 * WAY...` with WAY = `NAME [uid=N] [gid=N] [root=DIR] [env=NAME=VALUE]... [before=SHELL] --
 * COMMAND...`. Each way has a process of its own that has its ids and its root already, so that
 * what is timed is posix_spawn to exit and nothing else. The ways take turns within each round, and
 * medians are compared, so what else the machine does meets all of them alike. `before` runs, as
 * root, untimed. Prints: name, median and 90th percentile in microseconds, ratio of medians to the
 * first way's.
 */
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAYS_MAX 8
#define ENVIRONMENT_MAX 8
#define WARM_UP 10 /* rounds that are not counted */

struct way {
	const char *name, *root, *before;
	unsigned int uid, gid;
	char **command, *environment[ENVIRONMENT_MAX + 1];
	size_t environment_count;
	int request_fd, answer_fd;
	int64_t *times;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void become(const struct way *way)
{
	int null_fd = open("/dev/null", O_RDWR);

	if (null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0)
		err(1, "/dev/null");
	close(null_fd);
	if (way->root && (chroot(way->root) != 0 || chdir("/") != 0))
		err(1, "%s", way->root);
	if (setgroups(0, NULL) != 0 || setresgid(way->gid, way->gid, way->gid) != 0 ||
	    setresuid(way->uid, way->uid, way->uid) != 0)
		err(1, "%s: ids", way->name);
}

static _Noreturn void serve(struct way *way, int request_fd, int answer_fd)
{
	char byte;

	become(way);
	while (read(request_fd, &byte, 1) == 1) {
		pid_t child;
		int status;
		int64_t start = now_ns();
		int error = posix_spawnp(&child, way->command[0], NULL, NULL, way->command,
					 way->environment);

		if (error != 0)
			errx(1, "%s: %s: %s", way->name, way->command[0], strerror(error));
		if (waitpid(child, &status, 0) != child)
			err(1, "%s", way->name);
		int64_t elapsed = now_ns() - start;
		if (status != 0)
			errx(1, "%s: %s ended with status %#x", way->name, way->command[0],
			     (unsigned int)status);
		if (write(answer_fd, &elapsed, sizeof(elapsed)) != sizeof(elapsed))
			err(1, "%s", way->name);
	}
	_exit(0);
}

static void start(struct way *way)
{
	int request[2], answer[2];

	if (pipe2(request, O_CLOEXEC) != 0 || pipe2(answer, O_CLOEXEC) != 0)
		err(1, "pipe");
	pid_t child = fork();
	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		close(request[1]);
		close(answer[0]);
		serve(way, request[0], answer[1]);
	}
	close(request[0]);
	close(answer[1]);
	way->request_fd = request[1];
	way->answer_fd = answer[0];
}

static int64_t measure(const struct way *way)
{
	int64_t elapsed;

	if (way->before && system(way->before) != 0)
		errx(1, "%s: %s failed", way->name, way->before);
	if (write(way->request_fd, "x", 1) != 1 ||
	    read(way->answer_fd, &elapsed, sizeof(elapsed)) != sizeof(elapsed))
		errx(1, "%s: gone", way->name);
	return elapsed;
}

static int compare(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return a < b ? -1 : a > b;
}

static char **parse(struct way *way, char **word)
{
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";

	memset(way, 0, sizeof(*way));
	way->environment[way->environment_count++] = path;
	way->name = *word++;
	for (; *word && strcmp(*word, "--") != 0; word++) {
		if (strncmp(*word, "uid=", 4) == 0)
			way->uid = (unsigned int)strtoul(*word + 4, NULL, 10);
		else if (strncmp(*word, "gid=", 4) == 0)
			way->gid = (unsigned int)strtoul(*word + 4, NULL, 10);
		else if (strncmp(*word, "root=", 5) == 0)
			way->root = *word + 5;
		else if (strncmp(*word, "before=", 7) == 0)
			way->before = *word + 7;
		else if (strncmp(*word, "env=", 4) == 0 && way->environment_count < ENVIRONMENT_MAX)
			way->environment[way->environment_count++] = *word + 4;
		else
			errx(1, "%s: unknown word %s", way->name, *word);
	}
	if (!*word || !word[1])
		errx(1, "%s: no command", way->name);
	way->command = ++word;
	while (*word && strcmp(*word, ",") != 0)
		word++;
	if (*word)
		*word++ = NULL;
	return word;
}

int main(int argc, char *argv[])
{
	struct way ways[WAYS_MAX];
	size_t count = 0;
	long rounds = argc > 2 ? strtol(argv[1], NULL, 10) : 0;

	if (rounds < 1 || rounds > 1000000)
		errx(1, "usage: entry ROUNDS WAY , WAY...");
	for (char **word = argv + 2; *word; count++) {
		if (count == WAYS_MAX)
			errx(1, "too many ways");
		word = parse(&ways[count], word);
	}
	for (size_t i = 0; i < count; i++) {
		ways[i].times = calloc((size_t)rounds, sizeof(*ways[i].times));
		if (!ways[i].times)
			err(1, "memory");
		start(&ways[i]);
	}
	for (long round = -WARM_UP; round < rounds; round++) {
		/* Another one goes first each time. */
		for (size_t turn = 0; turn < count; turn++) {
			struct way *way = &ways[(turn + (size_t)(round + WARM_UP)) % count];
			int64_t elapsed = measure(way);

			if (round >= 0)
				way->times[round] = elapsed;
		}
	}
	for (size_t i = 0; i < count; i++) {
		qsort(ways[i].times, (size_t)rounds, sizeof(*ways[i].times), compare);
		double median = (double)ways[i].times[rounds / 2];
		double first = (double)ways[0].times[rounds / 2];

		printf("%s\t%.1f\t%.1f\t%.3f\n", ways[i].name, median / 1e3,
		       (double)ways[i].times[rounds * 9 / 10] / 1e3, median / first);
	}
	return 0;
}
