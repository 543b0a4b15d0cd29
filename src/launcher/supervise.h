/* SPDX-License-Identifier: MIT */
/*
 * Runs that are supervised. The launcher forks: the process that the caller knows becomes the
 * watcher (watch.h), with the caller's ids and CAP_KILL alone; the child goes on to become the
 * command. With private processes the child is process 1 of a pid namespace (init.h) and forks once
 * more. Three processes of one program, so nothing else has to be found, opened or executed.
 *
 * The command waits on its end of the start socket until the watcher has said that it stands.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "report.h"
#include "trampoline/run.h"

/* Passed on to the command; SIGCHLD is for watcher and process 1 themselves. */
#define SUPERVISE_SIGNALS                                                                          \
	{                                                                                          \
		SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP, SIGCHLD      \
	}

/*
 * On the start socket the command says READY, and its exit status if it has to refuse after that.
 * It hears GO; or GO_FOREGROUND: then it makes itself the terminal's foreground process group; or
 * STOP: the watcher could not hear it.
 */
enum supervise_start { SUPERVISE_READY, SUPERVISE_GO, SUPERVISE_GO_FOREGROUND, SUPERVISE_STOP };

struct supervise {
	const struct record *record; /* of the jail */
	const struct run *run;
	bool is_detached; /* --daemon: standard descriptors are /dev/null */
	int cgroup_fd;    /* where the run belongs; -1: where its caller is */
	/* Standard input, where it is the controlling terminal of the command, too; else -1. */
	int terminal_fd;
	bool is_interactive; /* standard output is that as well */
	int signal_fd;       /* SUPERVISE_SIGNALS, of whichever process reads it */
	int line_fd; /* one end of the socket between watcher and process 1; -1: no process 1 */
	unsigned int
		files; /* of 0 to 2, those that are files of the caller's: descriptors_close() */
	int output_fds[2]; /* what is to be standard output and error of the command; -1: nothing */
	int relay_fd;      /* the watcher's, to what moves output; -1: no output is moved */
	int start_fd; /* one end of the socket between watcher and command; its exec closes it */
};

/* Forks. The child returns, still privileged, with signals blocked; the parent is the watcher. */
void supervise_fork(struct reporter *reporter, struct supervise *supervise);

/* fork(2), with CLONE_ FLAGS, and into the cgroup CGROUP_FD (-1: none); refuses if it cannot. */
pid_t supervise_fork_with(const struct reporter *reporter, unsigned long flags, int cgroup_fd);

/* Closes all descriptors but the COUNT in FDS, of which -1 is none. 0, or -1. */
int supervise_close_but(const int *fds, size_t count);

/*
 * --daemon: forks. The parent waits until the child has executed the command, or says why it could
 * not, and exits; the child returns in a session of its own.
 */
void supervise_detach(struct reporter *reporter);
