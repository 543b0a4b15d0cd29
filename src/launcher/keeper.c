/* SPDX-License-Identifier: MIT */
/*
 * The keeper as a child: real uid 0, nothing inherited. The keeper's one sentence fits into a pipe,
 * which is read after the keeper's end: a caller who stops us cannot hold up a keeper with a lock.
 */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trampoline/paths.h"

#define PREFIX "trampoline: "
#define DEADLINE_SECONDS 30 /* of which the keeper may wait 10 for its lock: state.c */
#define KEEPER_LOOKS 150    /* of 20 ms: dpkg puts the keeper into place after the launcher */

void keeper_exec(char *const argv[])
{
	static const char *const clean[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
	static const int kinds[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_STACK, RLIMIT_CPU};

	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

		if (setrlimit(kinds[i], &limit) == 0 || getrlimit(kinds[i], &limit) != 0)
			continue;
		limit.rlim_cur = limit.rlim_max; /* without CAP_SYS_RESOURCE: as far as it goes */
		(void)setrlimit(kinds[i], &limit);
	}
	for (int i = 0; chdir("/") == 0 && i < KEEPER_LOOKS; i++) {
		execve(PATHS_KEEPER, argv, (char *const *)clean);
		if (errno != ENOENT || poll(NULL, 0, 20) != 0)
			break;
	}
}

static _Noreturn void build_in_child(const struct reporter *reporter, const char *name, int pipe_fd,
				     struct text *sentence)
{
	static const struct itimerval deadline = {.it_value = {.tv_sec = DEADLINE_SECONDS}};
	struct text number = {.length = 0};
	const char *argv[] = {"keeper", "build", name, number.bytes, NULL};
	int null_fd = openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);

	text_add_number(&number, reporter->uid);
	if (dup2(pipe_fd, 2) != 2)
		_exit(1); /* root says nothing to what is the caller's */
	/* Away from the caller's terminal, whose ^Z reaches root too; SIGALRM ends any wait. */
	if (setsid() >= 0 && setitimer(ITIMER_REAL, &deadline, NULL) == 0 && null_fd >= 0 &&
	    dup2(null_fd, 0) == 0 && dup2(null_fd, 1) == 1 &&
	    syscall(SYS_close_range, 3, ~0u, 0) == 0)
		keeper_exec((char *const *)argv);
	(void)text_refuse(sentence, "execute", PATHS_KEEPER,
			  text_reason(errno, reporter->is_filtered));
	report_note(reporter, sentence->bytes);
	_exit(1);
}

/* Reads the keeper's sentence into *SENTENCE; where there is none, says how the keeper ended. */
static void read_sentence(const struct reporter *reporter, int pipe_fd, int status,
			  const char *name, struct text *sentence)
{
	struct text reason = {.length = 0};
	char *words = sentence->bytes;
	ssize_t length = read(pipe_fd, words, sizeof(sentence->bytes) - 1);

	words[length < 0 ? 0 : length] = '\0';
	words[strcspn(words, "\n")] = '\0';
	if (strncmp(words, PREFIX, strlen(PREFIX)) == 0) {
		sentence->length = strlen(words + strlen(PREFIX));
		memmove(words, words + strlen(PREFIX), sentence->length + 1);
		return;
	}
	if (WIFSIGNALED(status)) {
		text_add(&reason, "the keeper was killed by signal ");
		text_add_number(&reason, (uint64_t)WTERMSIG(status));
	} else {
		/* What the dynamic loader wrote is of no use to a caller. */
		text_add(&reason, "the keeper did not start; a library is missing, or the "
				  "caller's limits leave it no memory or descriptors");
	}
	if (reporter->is_filtered) {
		text_add(&reason, "; or ");
		text_add(&reason, text_reason(EPERM, true));
	}
	(void)text_refuse(sentence, "build jail", name, reason.bytes);
}

int keeper_build(const struct reporter *reporter, const char *name, struct text *sentence)
{
	int pipe_fds[2], status = -1;

	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return text_refuse(sentence, "make a pipe", NULL,
				   text_reason(errno, reporter->is_filtered));
	/* musl's fork() blocks all signals, and does not say where they have stayed blocked. */
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		build_in_child(reporter, name, pipe_fds[1], sentence);
	close(pipe_fds[1]);
	if (child < 0 || waitpid(child, &status, 0) != child)
		(void)text_refuse(sentence, "run the keeper", NULL,
				  text_reason(errno, reporter->is_filtered));
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		(void)text_refuse(sentence, "build jail", name,
				  "it takes too long; is its storage there?");
	else if (status != 0)
		read_sentence(reporter, pipe_fds[0], status, name, sentence);
	close(pipe_fds[0]);
	return status == 0 ? 0 : -1;
}
