/* SPDX-License-Identifier: MIT */
/* Tasks are handed out by a shared counter; the parent only looks at the clock. */
#include "crew.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define WORKERS_MAX 32
#define PATIENCE_NS INT64_C(5000000000)

struct worker {
	pid_t pid;                  /* 0: has ended */
	_Atomic size_t index;       /* the task in hand */
	_Atomic int64_t started_ns; /* 0: none in hand */
};

struct crew {
	_Atomic size_t next;
	struct worker workers[WORKERS_MAX];
};

void *crew_share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static bool start(struct crew *crew, struct worker *worker, size_t count,
		  int (*task)(void *context, size_t index), void *context, signed char *results)
{
	fflush(NULL); /* or the child would say it again */
	worker->started_ns = 0;
	worker->pid = fork();
	if (worker->pid != 0)
		return worker->pid > 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t index; (index = atomic_fetch_add(&crew->next, 1)) < count;) {
		worker->index = index;
		worker->started_ns = clock_boottime_ns();
		results[index] = (signed char)task(context, index);
		worker->started_ns = 0;
	}
	fflush(NULL);
	_exit(0);
}

/* Takes in whoever has ended, and gives up whoever does not come back. How many are at work. */
static unsigned int look_after(struct crew *crew, unsigned int workers, signed char *results,
			       unsigned int *lost)
{
	unsigned int at_work = 0;

	for (unsigned int i = 0; i < workers; i++) {
		struct worker *worker = &crew->workers[i];
		int64_t started_ns = worker->started_ns;

		if (worker->pid > 0 && waitpid(worker->pid, NULL, WNOHANG) == worker->pid)
			worker->pid = 0;
		if (worker->pid > 0 && started_ns != 0 &&
		    clock_boottime_ns() - started_ns > PATIENCE_NS) {
			/* Not waited for: even SIGKILL may have to wait for the storage. */
			kill(worker->pid, SIGKILL);
			results[worker->index] = CREW_STUCK;
			worker->pid = 0;
			++*lost;
		}
		at_work += worker->pid > 0;
	}
	return at_work;
}

int crew_work(size_t count, unsigned int workers, int (*task)(void *context, size_t index),
	      void *context, signed char *results)
{
	static const struct timespec pause = {.tv_nsec = 1000000};
	struct crew *crew = crew_share(sizeof(*crew));
	unsigned int lost = 0, at_work = 0;

	if (!crew)
		return -1;
	if (workers > WORKERS_MAX)
		workers = WORKERS_MAX;
	for (unsigned int i = 0; i < workers && i < count; i++)
		at_work += start(crew, &crew->workers[i], count, task, context, results);
	if (count > 0 && at_work == 0)
		return -1;
	while ((at_work = look_after(crew, workers, results, &lost)) > 0 || lost > 0) {
		/* The place of one who was given up is taken by another, for what is left. */
		for (unsigned int i = 0; i < workers && lost > 0; i++) {
			if (crew->workers[i].pid != 0)
				continue;
			if (!start(crew, &crew->workers[i], count, task, context, results))
				return -1;
			lost--;
		}
		nanosleep(&pause, NULL);
	}
	munmap(crew, sizeof(*crew));
	return 0;
}
