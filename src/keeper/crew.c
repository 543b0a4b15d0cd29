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
#define PATIENCE_LEAST_NS INT64_C(100000000)

/* What a worker has in hand, as it says itself. */
struct hand {
	_Atomic size_t index;
	_Atomic int64_t started_ns; /* 0: nothing */
};

struct shared {
	_Atomic size_t next;
	struct hand hands[WORKERS_MAX];
};

/* The parent's side: a child must not write into it. */
struct crew {
	struct shared *shared;
	pid_t pids[WORKERS_MAX]; /* 0: has ended */
	unsigned int workers;
	size_t count, given_up;
	int (*task)(void *context, size_t index);
	void *context;
	signed char *results;
};

void *crew_share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static _Noreturn void work(const struct crew *crew, struct hand *hand)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t index; (index = atomic_fetch_add(&crew->shared->next, 1)) < crew->count;) {
		hand->index = index;
		hand->started_ns = clock_boottime_ns();
		crew->results[index] = (signed char)crew->task(crew->context, index);
		hand->started_ns = 0;
	}
	fflush(NULL);
	_exit(0);
}

static bool start(struct crew *crew, unsigned int number)
{
	struct hand *hand = &crew->shared->hands[number];

	fflush(NULL); /* or the child would say it again */
	hand->started_ns = 0;
	pid_t pid = fork();
	if (pid == 0)
		work(crew, hand);
	crew->pids[number] = pid > 0 ? pid : 0;
	return pid > 0;
}

/* The more have not come back, the shorter: a thousand homes on one dead server wait no hours. */
static int64_t patience_ns(const struct crew *crew)
{
	int64_t patience = PATIENCE_NS / (int64_t)(1 + crew->given_up);

	return patience > PATIENCE_LEAST_NS ? patience : PATIENCE_LEAST_NS;
}

/*
 * Takes in whoever has ended, and gives up whoever does not come back: not waited for, since even
 * SIGKILL may have to wait for the storage. Adds the lost to *LOST; returns how many are at work.
 */
static unsigned int look_after(struct crew *crew, unsigned int *lost)
{
	unsigned int at_work = 0;

	for (unsigned int i = 0; i < crew->workers; i++) {
		int64_t started_ns = crew->shared->hands[i].started_ns;

		if (crew->pids[i] > 0 && waitpid(crew->pids[i], NULL, WNOHANG) == crew->pids[i])
			crew->pids[i] = 0;
		if (crew->pids[i] > 0 && started_ns != 0 &&
		    clock_boottime_ns() - started_ns > patience_ns(crew)) {
			kill(crew->pids[i], SIGKILL);
			crew->pids[i] = 0;
			crew->given_up++;
			++*lost;
		}
		at_work += crew->pids[i] > 0;
	}
	return at_work;
}

static int run(struct crew *crew)
{
	static const struct timespec pause = {.tv_nsec = 1000000};
	unsigned int lost = 0;

	for (unsigned int i = 0; i < crew->workers; i++)
		if (!start(crew, i) && i == 0)
			return -1; /* with fewer than wanted it only takes longer */
	while (look_after(crew, &lost) > 0 || lost > 0) {
		/* The place of one who was given up is taken by another, for what is left. */
		for (unsigned int i = 0; i < crew->workers && lost > 0; i++) {
			if (crew->pids[i] != 0)
				continue;
			if (!start(crew, i))
				return -1;
			lost--;
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

int crew_work(size_t count, unsigned int workers, int (*task)(void *context, size_t index),
	      void *context, signed char *results)
{
	struct crew crew = {.shared = crew_share(sizeof(*crew.shared)),
			    .count = count,
			    .task = task,
			    .context = context,
			    .results = results};

	if (!crew.shared)
		return -1;
	crew.workers = workers > WORKERS_MAX ? WORKERS_MAX : workers;
	if (crew.workers > count)
		crew.workers = (unsigned int)count;
	memset(results, CREW_STUCK, count); /* until a worker says otherwise */
	int result = count > 0 ? run(&crew) : 0, error = errno;
	munmap(crew.shared, sizeof(*crew.shared));
	errno = error;
	return result;
}
