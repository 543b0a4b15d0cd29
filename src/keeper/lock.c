/* SPDX-License-Identifier: MIT */
/* No lock is waited for without end: whoever holds it may be stopped. */
#include "lock.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_SECONDS 10

static void note_alarm(int number)
{
	(void)number;
	alarm(1); /* it only has to interrupt flock(), which may not have begun */
}

int lock_take(int fd, bool wait)
{
	struct sigaction action = {.sa_handler = note_alarm}, before; /* no SA_RESTART */

	if (!wait)
		return flock(fd, LOCK_EX | LOCK_NB);
	sigaction(SIGALRM, &action, &before);
	unsigned int left = alarm(LOCK_SECONDS);
	int result = flock(fd, LOCK_EX), error = errno;
	alarm(left); /* the deadline of the whole build, begun by the launcher */
	sigaction(SIGALRM, &before, NULL);
	errno = error;
	return result;
}
