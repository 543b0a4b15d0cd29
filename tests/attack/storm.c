/* SPDX-License-Identifier: MIT */
/*
 * `storm JOBS COUNT PROGRAM [ARGUMENT...]` runs PROGRAM COUNT times, JOBS at once, and prints for
 * each different end how often it came: `TIMES STATUS FIRST-LINE`, of standard output and error
 * together.
 */
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENDS 64

extern char **environ;

static struct {
	int status;
	char line[200];
	unsigned long times;
} ends[ENDS];

static void note(int status, char *text)
{
	text[strcspn(text, "\n")] = '\0';
	for (size_t i = 0; i < ENDS; i++) {
		if (ends[i].times && (ends[i].status != status || strcmp(ends[i].line, text) != 0))
			continue;
		ends[i].status = status;
		strcpy(ends[i].line, text);
		ends[i].times++;
		return;
	}
	errx(2, "more than %d different ends", ENDS);
}

static void run(char *argv[])
{
	posix_spawn_file_actions_t actions;
	char text[200], more[4096];
	size_t length = 0;
	ssize_t got;
	int fds[2], status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		err(2, "pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 2);
	int error = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error != 0)
		errx(2, "%s: %s", argv[0], strerror(error));
	close(fds[1]);
	while ((got = read(fds[0], more, sizeof(more))) > 0) {
		size_t room = sizeof(text) - 1 - length,
		       part = (size_t)got < room ? (size_t)got : room;

		memcpy(text + length, more, part);
		length += part;
	}
	text[length] = '\0';
	close(fds[0]);
	if (waitpid(pid, &status, 0) != pid)
		err(2, "wait");
	note(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text);
}

int main(int argc, char *argv[])
{
	long jobs = argc > 3 ? atol(argv[1]) : 0, count = argc > 3 ? atol(argv[2]) : 0;
	int failed = 0, status;

	if (jobs < 1 || count < 1)
		errx(2, "usage: storm JOBS COUNT PROGRAM [ARGUMENT...]");
	for (long job = 0; job < jobs; job++) {
		if (fork() != 0)
			continue;
		for (long i = job; i < count; i += jobs)
			run(argv + 3);
		for (size_t i = 0; i < ENDS && ends[i].times; i++)
			printf("%lu %d %s\n", ends[i].times, ends[i].status, ends[i].line);
		exit(fflush(stdout) == 0 ? 0 : 2);
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed ? 2 : 0;
}
