/* SPDX-License-Identifier: MIT */
/* What became of a supervised run: its exit status, and what the status descriptor hears. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "report.h"
#include "trampoline/run.h"

struct outcome {
	const struct run *run;
	int status;          /* the command's, as wait(2) has it */
	struct rusage usage; /* of all of the run */
	uint64_t wall_ms;
	bool is_timed_out; /* the watcher has ended it */
	bool is_full;      /* for its output, and not for the time */
	bool is_oom;       /* the kernel has killed a process of the jail for its cgroup's memory */
};

/* A cgroup's memory.events (fd -1: there is none), and what it held when it was opened. */
struct outcome_memory {
	int fd;
	char events[512];
};

/* Opens and reads it in the cgroup CGROUP_FD, unless that is -1. */
void outcome_open_memory(struct outcome_memory *memory, int cgroup_fd);

/* Whether the kernel has killed a process there since MEMORY was opened. */
bool outcome_is_oom(const struct outcome_memory *memory);

/* The exit status of the run: the command's, 128 and its signal, or EXIT_TIMEOUT. */
int outcome_code(const struct outcome *outcome);

/* The lines of a run's start, whose first process is PID, and of its end; FD -1: nobody reads. */
void outcome_tell_start(int fd, pid_t pid);
void outcome_tell_exit(int fd, const struct outcome *outcome);

/* Tells the log how the run in JAIL ended, if the log hears of runs: status, reason, seconds. */
void outcome_log(const struct reporter *reporter, const char *jail, const struct outcome *outcome);
