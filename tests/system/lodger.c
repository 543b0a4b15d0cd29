/* SPDX-License-Identifier: MIT */
/*
 * Who lives in a jail while it is cleaned. Each names itself "lodger" and stays until a signal:
 *   lodger quiet          touches nothing at all
 *   lodger headless       its first thread has ended, a second one lives on
 *   lodger hop US         leaves its life to a child every US microseconds
 *   lodger fork           has children all the time, as many as the limit allows
 *   lodger bomb FILE      as soon as FILE is there, forks as fast as it can, and so does each child
 *   lodger kill           kills all others that it may, again and again
 *   lodger write FILE...  a numbered line into each, every millisecond; at SIGTERM the last number
 *                         goes into FILE.last
 * Each says "in" on standard output and then nothing more: its end is the end of that file.
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES 8

static volatile sig_atomic_t is_ended;

static void note_end(int number)
{
	(void)number;
	is_ended = 1;
}

static void *stay(void *nothing)
{
	for (;;)
		pause();
	return nothing;
}

static void be_headless(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, stay, NULL) != 0)
		errx(1, "no thread");
	pthread_exit(NULL);
}

static void hop(useconds_t period)
{
	for (;;) {
		usleep(period);
		if (fork() > 0)
			_exit(0);
	}
}

static void fork_on(void)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		if (fork() == 0) {
			usleep(20000);
			if (fork() == 0)
				usleep(20000);
			_exit(0);
		}
		usleep(5000);
	}
}

static void bomb(const char *go)
{
	signal(SIGCHLD, SIG_IGN);
	while (access(go, F_OK) != 0)
		usleep(1000);
	for (;;)
		if (fork() < 0)
			usleep(1000);
}

static void kill_on(void)
{
	for (;;)
		kill(-1, SIGKILL);
}

static void write_last(const char *path, unsigned long number)
{
	char last[4096];
	int fd;

	snprintf(last, sizeof(last), "%s.last", path);
	fd = open(last, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || dprintf(fd, "%lu\n", number) < 0)
		err(1, "%s", last);
	close(fd);
}

static void write_on(char *const paths[])
{
	int fds[FILES], count = 0;
	unsigned long number = 0;

	signal(SIGTERM, note_end);
	for (; paths[count] && count < FILES; count++) {
		fds[count] = open(paths[count], O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (fds[count] < 0)
			err(1, "%s", paths[count]);
	}
	while (!is_ended) {
		number++;
		for (int i = 0; i < count; i++)
			if (dprintf(fds[i], "%lu\n", number) < 0)
				err(1, "%s", paths[i]);
		usleep(1000);
	}
	for (int i = 0; i < count; i++)
		write_last(paths[i], number);
}

int main(int argc, char *argv[])
{
	prctl(PR_SET_NAME, "lodger");
	if (write(1, "in\n", 3) != 3)
		err(1, "standard output");
	if (argc == 2 && strcmp(argv[1], "quiet") == 0)
		stay(NULL);
	else if (argc == 2 && strcmp(argv[1], "headless") == 0)
		be_headless();
	else if (argc == 2 && strcmp(argv[1], "fork") == 0)
		fork_on();
	else if (argc == 3 && strcmp(argv[1], "bomb") == 0)
		bomb(argv[2]);
	else if (argc == 2 && strcmp(argv[1], "kill") == 0)
		kill_on();
	else if (argc == 3 && strcmp(argv[1], "hop") == 0)
		hop((useconds_t)strtoul(argv[2], NULL, 10));
	else if (argc > 2 && strcmp(argv[1], "write") == 0)
		write_on(argv + 2);
	else
		errx(1, "usage: lodger quiet | headless | hop US | fork | bomb FILE | kill | write "
			"FILE...");
	return 0;
}
