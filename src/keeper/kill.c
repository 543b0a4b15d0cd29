/* SPDX-License-Identifier: MIT */
/* The end of all that a user runs: by a child that is the user, so that it can kill nobody else. */
#include "kill.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "inside.h"
#include "privilege.h"
#include "report.h"

#define KILL_NS INT64_C(5000000000)

/* The kernel does it under a lock that no fork outruns. */
static int kill_once(uid_t uid)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(privilege_borrow(uid) == 0 && (kill(-1, SIGKILL) == 0 || errno == ESRCH) ? 0
											       : 1);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	errno = EPERM;
	return status == 0 ? 0 : -1;
}

static int refuse_shared(pid_t process, uid_t uid, struct text *error)
{
	char action[64], reason[160];

	snprintf(action, sizeof(action), "kill the processes of uid %u", uid);
	snprintf(reason, sizeof(reason),
		 "process %d has that uid and is in no jail; no account of the host may have a "
		 "jail's uid",
		 process);
	return report_fill(error, action, NULL, reason);
}

int kill_uid(const struct namespace_home *home, uid_t uid, struct text *error)
{
	static const struct timespec pause = {.tv_nsec = 2000000};
	int64_t deadline_ns = clock_boottime_ns() + KILL_NS;
	char action[64];
	pid_t left;

	snprintf(action, sizeof(action), "kill the processes of uid %u", uid);
	left = inside_find_on_host(home, uid);
	if (left > 0)
		return refuse_shared(left, uid, error);
	if (left < 0)
		return report_fill(error, action, NULL, NULL);
	do {
		if (kill_once(uid) != 0)
			return report_fill(error, action, NULL, NULL);
		left = inside_find(home, uid);
		if (left == 0)
			return 0;
		nanosleep(&pause, NULL);
	} while (left > 0 && clock_boottime_ns() < deadline_ns);
	return report_fill(error, action, NULL,
			   left > 0 ? "they do not end; their storage may not answer" : NULL);
}
