/* SPDX-License-Identifier: MIT */
/*
 * The keeper as a child: real uid 0, nothing inherited, and what it has to say comes through a pipe
 * that we empty, so that no caller can hold it up while it holds a lock.
 */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trampoline/paths.h"

#define DEADLINE_SECONDS 30 /* the keeper's own, for its lock, is 10 */

void keeper_exec(char *const argv[])
{
	static const char *const clean[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};

	execve(PATHS_KEEPER, argv, (char *const *)clean);
}

static _Noreturn void become_keeper(const char *name, uid_t caller, int pipe_fd)
{
	static const char build[] = "build";
	struct text number = {.length = 0};
	const char *argv[] = {"keeper", build, name, number.bytes, NULL};
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	text_add_number(&number, caller);
	if (null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || dup2(pipe_fd, 2) < 0 ||
	    syscall(SYS_close_range, 3, ~0u, 0) != 0 || chdir("/") != 0)
		_exit(1);
	keeper_exec((char *const *)argv);
	static const char missing[] = "trampoline: cannot execute \"" PATHS_KEEPER
				      "\": is trampoline installed whole?";
	(void)!write(2, missing, sizeof(missing) - 1);
	_exit(1);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads the child's words until it closes the pipe; -1 if it has not done so by the deadline. */
static int listen_to(int pipe_fd, struct text *words)
{
	int64_t deadline = now_ms() + DEADLINE_SECONDS * 1000;
	struct pollfd ready = {.fd = pipe_fd, .events = POLLIN};
	char bytes[256];

	for (;;) {
		int64_t left = deadline - now_ms();

		if (left <= 0 || poll(&ready, 1, (int)left) <= 0)
			return -1;
		ssize_t length = read(pipe_fd, bytes, sizeof(bytes) - 1);
		if (length <= 0)
			return (int)length;
		bytes[length] = '\0';
		text_add(words, bytes);
	}
}

/* The keeper's one line without its name and newline; what else it may be is replaced. */
static void take_sentence(const struct text *words, struct text *sentence)
{
	static const char prefix[] = "trampoline: ";
	const char *at = words->bytes;

	sentence->length = 0;
	sentence->bytes[0] = '\0';
	if (strncmp(at, prefix, sizeof(prefix) - 1) == 0)
		at += sizeof(prefix) - 1;
	text_add(sentence, at);
	sentence->length = strcspn(sentence->bytes, "\n");
	sentence->bytes[sentence->length] = '\0';
	if (sentence->length == 0)
		text_add(sentence, "cannot build jail: the keeper ended without a word");
}

int keeper_build(const char *name, uid_t caller, struct text *sentence)
{
	struct text words = {.length = 0};
	int pipe_fds[2], status = -1;

	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return text_refuse(sentence, "make a pipe", NULL, strerror(errno));
	pid_t child = fork();
	if (child < 0)
		return text_refuse(sentence, "fork", NULL, strerror(errno));
	if (child == 0)
		become_keeper(name, caller, pipe_fds[1]);
	close(pipe_fds[1]);
	int heard = listen_to(pipe_fds[0], &words);
	close(pipe_fds[0]);
	if (heard != 0) {
		kill(child, SIGKILL);
		return text_refuse(sentence, "build jail", name,
				   "the keeper takes too long; is its storage there?");
	}
	if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	take_sentence(&words, sentence);
	return -1;
}
