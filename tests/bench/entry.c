/* SPDX-License-Identifier: MIT */
/*
 * What it costs to start a program and see it end, several ways side by side: `entry ROUNDS WAY ,
 * WAY...` with WAY = `NAME [uid=N] [gid=N] [root=DIR] [env=NAME=VALUE]... [setup=SHELL]
 * [before=SHELL] [flight=N] -- COMMAND...`. Each way has a process of its own that has its ids and
 * its root already, so that what is timed is posix_spawn to exit and nothing else. Each round runs
 * every way once, another one first each time, so what else the machine does meets all of them
 * alike. As root and untimed, `setup' runs once, in a mount namespace that the way then has to
 * itself, and `before' in each round. With `flight', N commands run at once; the figures are a
 * command's share. Processor time, faults and switches include those of orphans.
 *
 * Prints for each way, tab-separated: name; wall clock in us, its median, 10th and 90th percentile;
 * its ratio to the first way's, and the least and greatest ratio of seven parts of the rounds;
 * processor time in us, its median, ratio, least and greatest; page faults; context switches.
 */
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAYS_MAX 24
#define ENVIRONMENT_MAX 8
#define FLIGHT_MAX 64
#define WARM_UP 5 /* rounds that are not counted */
#define PARTS 7

enum figure { WALL_NS, CPU_US, FAULTS, SWITCHES, FIGURES };

struct way {
	const char *name, *root, *setup, *before;
	unsigned int uid, gid, flight;
	char **command, *environment[ENVIRONMENT_MAX + 1];
	size_t environment_count;
	int request_fd, answer_fd;
	double *figures[FIGURES]; /* of each round */
};

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double microseconds(const struct timeval *time)
{
	return (double)time->tv_sec * 1e6 + (double)time->tv_usec;
}

/* Adds SIGN times what the children that have been waited for have used. */
static void add_usage(double figures[static FIGURES], double sign)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	figures[CPU_US] += sign * (microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime));
	figures[FAULTS] += sign * (double)(usage.ru_minflt + usage.ru_majflt);
	figures[SWITCHES] += sign * (double)(usage.ru_nvcsw + usage.ru_nivcsw);
}

static void become(const struct way *way)
{
	int null_fd = open("/dev/null", O_RDWR);

	if (way->setup &&
	    (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	     system(way->setup) != 0))
		errx(1, "%s: %s failed", way->name, way->setup);
	if (null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0)
		err(1, "/dev/null");
	close(null_fd);
	/* Orphans are ours to wait for, so their usage is counted. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		err(1, "%s: subreaper", way->name);
	if (way->root && (chroot(way->root) != 0 || chdir("/") != 0))
		err(1, "%s", way->root);
	if (setgroups(0, NULL) != 0 || setresgid(way->gid, way->gid, way->gid) != 0 ||
	    setresuid(way->uid, way->uid, way->uid) != 0)
		err(1, "%s: ids", way->name);
}

static pid_t start_command(const struct way *way)
{
	posix_spawn_file_actions_t actions;
	pid_t child;

	/* Standard error, too: trampoline relays what is written to a file. */
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	int error = posix_spawnp(&child, way->command[0], &actions, NULL, way->command,
				 way->environment);
	posix_spawn_file_actions_destroy(&actions);
	if (error != 0)
		errx(1, "%s: %s: %s", way->name, way->command[0], strerror(error));
	return child;
}

static void run_once(const struct way *way, double figures[static FIGURES])
{
	pid_t children[FLIGHT_MAX];
	int status;

	add_usage(figures, -1);
	double start = now_ns();
	for (unsigned int i = 0; i < way->flight; i++)
		children[i] = start_command(way);
	for (unsigned int i = 0; i < way->flight; i++) {
		if (waitpid(children[i], &status, 0) != children[i])
			err(1, "%s", way->name);
		if (status != 0)
			errx(1, "%s: %s ended with status %#x", way->name, way->command[0],
			     (unsigned int)status);
	}
	figures[WALL_NS] = now_ns() - start;
	while (wait(NULL) > 0)
		;
	add_usage(figures, 1);
}

static _Noreturn void serve(const struct way *way, int request_fd, int answer_fd)
{
	char byte;

	become(way);
	while (read(request_fd, &byte, 1) == 1) {
		double figures[FIGURES] = {0};

		run_once(way, figures);
		for (int i = 0; i < FIGURES; i++)
			figures[i] /= way->flight;
		if (write(answer_fd, figures, sizeof(figures)) != sizeof(figures))
			err(1, "%s", way->name);
	}
	_exit(0);
}

static void start(struct way *way, size_t rounds)
{
	int request[2], answer[2];

	for (int i = 0; i < FIGURES; i++) {
		way->figures[i] = calloc(rounds, sizeof(double));
		if (!way->figures[i])
			err(1, "memory");
	}
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

static void measure(const struct way *way, long round)
{
	double figures[FIGURES];

	if (way->before && system(way->before) != 0)
		errx(1, "%s: %s failed", way->name, way->before);
	if (write(way->request_fd, "x", 1) != 1 ||
	    read(way->answer_fd, figures, sizeof(figures)) != sizeof(figures))
		errx(1, "%s: gone", way->name);
	for (int i = 0; round >= 0 && i < FIGURES; i++)
		way->figures[i][round] = figures[i];
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

/* The value that PERCENT of COUNT values are below. */
static double percentile(const double *values, size_t count, size_t percent)
{
	double *sorted = malloc(count * sizeof(*sorted));

	if (!sorted)
		err(1, "memory");
	memcpy(sorted, values, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare);
	double value = sorted[count * percent / 100];
	free(sorted);
	return value;
}

/* The ratio to FIRST of the medians of each part of the rounds: the median, least and greatest. */
static void print_ratio(const double *values, const double *first, size_t rounds)
{
	size_t parts = rounds < PARTS ? rounds : PARTS, length = rounds / parts;
	double ratios[PARTS];

	for (size_t i = 0; i < parts; i++)
		ratios[i] = percentile(values + i * length, length, 50) /
			    percentile(first + i * length, length, 50);
	printf("\t%.3f\t%.3f\t%.3f", percentile(ratios, parts, 50), percentile(ratios, parts, 0),
	       percentile(ratios, parts, 99));
}

static void print_way(const struct way *way, const struct way *first, size_t rounds)
{
	const double *wall = way->figures[WALL_NS];

	printf("%s\t%.1f\t%.1f\t%.1f", way->name, percentile(wall, rounds, 50) / 1e3,
	       percentile(wall, rounds, 10) / 1e3, percentile(wall, rounds, 90) / 1e3);
	print_ratio(wall, first->figures[WALL_NS], rounds);
	printf("\t%.1f", percentile(way->figures[CPU_US], rounds, 50));
	print_ratio(way->figures[CPU_US], first->figures[CPU_US], rounds);
	printf("\t%.0f\t%.0f\n", percentile(way->figures[FAULTS], rounds, 50),
	       percentile(way->figures[SWITCHES], rounds, 50));
}

/* Takes a word before the command; false: it is unknown. */
static int take_word(struct way *way, char *word)
{
	char *value = strchr(word, '=');

	if (!value++)
		return 0;
	if (strncmp(word, "uid=", 4) == 0)
		way->uid = (unsigned int)strtoul(value, NULL, 10);
	else if (strncmp(word, "gid=", 4) == 0)
		way->gid = (unsigned int)strtoul(value, NULL, 10);
	else if (strncmp(word, "root=", 5) == 0)
		way->root = value;
	else if (strncmp(word, "setup=", 6) == 0)
		way->setup = value;
	else if (strncmp(word, "before=", 7) == 0)
		way->before = value;
	else if (strncmp(word, "flight=", 7) == 0)
		way->flight = (unsigned int)strtoul(value, NULL, 10);
	else if (strncmp(word, "env=", 4) == 0 && way->environment_count < ENVIRONMENT_MAX)
		way->environment[way->environment_count++] = value;
	else
		return 0;
	return way->flight >= 1 && way->flight <= FLIGHT_MAX;
}

static char **parse(struct way *way, char **word)
{
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

	*way = (struct way){.name = *word++, .flight = 1};
	way->environment[way->environment_count++] = path;
	for (; *word && strcmp(*word, "--") != 0; word++)
		if (!take_word(way, *word))
			errx(1, "%s: cannot use word %s", way->name, *word);
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
	for (size_t i = 0; i < count; i++)
		start(&ways[i], (size_t)rounds);
	for (long round = -WARM_UP; round < rounds; round++)
		for (size_t turn = 0; turn < count; turn++)
			measure(&ways[(turn + (size_t)(round + WARM_UP)) % count], round);
	for (size_t i = 0; i < count; i++)
		print_way(&ways[i], &ways[0], (size_t)rounds);
	return 0;
}
