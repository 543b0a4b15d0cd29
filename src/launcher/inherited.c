/* SPDX-License-Identifier: MIT */
/* Undoes what a hostile caller left us across exec: signals, limits, scheduling, memory. */
#include "inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "trampoline/auto_close.h"
#include "trampoline/proof.h"
#include "trampoline/quantity.h"
#include "trampoline/text.h"

/* Until the exec; SIGHUP is what a session's leader gets for letting go of its terminal. */
#define IGNORED (1ul << SIGXFSZ | 1ul << SIGPIPE | 1ul << SIGHUP)
#define KEYCTL_JOIN_SESSION_KEYRING 1
#define IOPRIO_WHO_PROCESS 1
#define PR_SET_MEMORY_MERGE 67 /* linux/prctl.h of Linux 6.4 */
#define TIMER_SLACK_NS 50000   /* how late a timer may be: the kernel's own value */

/* Not libc's, which keeps some signals to itself. */
static int set_action(int number, void (*handler)(int))
{
	unsigned long action[] = {(unsigned long)handler, 0, 0, 0}; /* then flags, restorer, mask */

	return (int)syscall(SYS_rt_sigaction, number, action, NULL, sizeof(action[3]));
}

int inherited_reset_signals(void)
{
	static const struct itimerval never;
	unsigned long none = 0, pending = 0;

	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++)
		if (setitimer(which, &never, NULL) != 0)
			return -1;
	if (syscall(SYS_rt_sigpending, &pending, sizeof(pending)) != 0)
		return -1;
	for (int number = 1; number < _NSIG; number++) {
		if (number == SIGKILL || number == SIGSTOP)
			continue;
		/* Ignoring a signal is what discards a pending one: sigaction(2), POSIX. */
		if ((pending >> (number - 1)) & 1 && set_action(number, SIG_IGN) != 0)
			return -1;
		if (set_action(number, IGNORED >> number & 1 ? SIG_IGN : SIG_DFL) != 0)
			return -1;
	}
	return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
}

/*
 * The proof is the old value: a call that only seems to work does not write it, and no limit that
 * is in force has a soft value above its hard one.
 */
static int set_limit(int resource, rlim_t value)
{
	/* The signal comes at the soft limit and can be caught; a second later it is SIGKILL. */
	rlim_t spare = resource == RLIMIT_CPU && value != RLIM_INFINITY;
	struct rlimit limit = {value, value + spare}, old = {.rlim_cur = 1, .rlim_max = 0};

	if (prlimit(0, resource, &limit, &old) != 0) {
		struct rlimit now;

		/* A hard limit that cannot be raised stays; a higher one is lowered. */
		if (errno != EPERM || getrlimit(resource, &now) != 0)
			return -1;
		limit.rlim_max = now.rlim_max < limit.rlim_max ? now.rlim_max : limit.rlim_max;
		limit.rlim_cur = value < limit.rlim_max ? value : limit.rlim_max;
		if (prlimit(0, resource, &limit, &old) != 0)
			return -1;
	}
	return proof_of(old.rlim_cur <= old.rlim_max);
}

int inherited_set_limits(const uint64_t limits[static LIMIT_RESOURCES], mode_t mask)
{
	for (int i = 0; i < LIMIT_RESOURCES; i++) {
		/* Without meaning since Linux 2.6, or without real-time scheduling, now gone. */
		if (i == RLIMIT_RSS || i == RLIMIT_LOCKS || i == RLIMIT_RTTIME)
			continue;
		if (set_limit(i, limits[i] == QUANTITY_UNLIMITED ? RLIM_INFINITY : limits[i]) != 0)
			return -1;
	}
	return proof_of(umask(mask) == INHERITED_UMASK);
}

/* What a task hands to its children and no exec resets. EINVAL: this kernel does not have it. */
static int reset_task(void)
{
	static const struct {
		int option;
		unsigned long value;
	} usual[] = {
		{PR_SET_MEMORY_MERGE, 0}, /* its pages may be merged with others': a side channel */
		{PR_SET_THP_DISABLE, 0},
		{PR_SET_TSC, PR_TSC_ENABLE}, /* or each look at the clock is SIGSEGV */
		{PR_MCE_KILL, PR_MCE_KILL_CLEAR},
		{PR_SET_TIMERSLACK, TIMER_SLACK_NS}, /* has no effect until sched_setattr */
		{PR_SET_CHILD_SUBREAPER, 0},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(usual); i++)
		if (prctl(usual[i].option, usual[i].value, 0, 0, 0) != 0 && errno != EINVAL)
			return -1;
	return syscall(SYS_set_mempolicy, 0, NULL, 0) == 0 || errno == ENOSYS ? 0 : -1;
}

/*
 * A process without a login uid may choose one, once, and the kernel's audit believes it. So it is
 * the caller's uid, not what a user in a jail would write. Where we cannot write it nobody can.
 */
static void set_login(uid_t caller)
{
	static const char unset[] = "4294967295";
	AUTO_CLOSE fd = openat(AT_FDCWD, "/proc/self/loginuid", O_RDWR | O_CLOEXEC);
	char now[sizeof(unset)];

	if (fd < 0 || read(fd, now, sizeof(now)) != sizeof(unset) - 1 ||
	    memcmp(now, unset, sizeof(unset) - 1) != 0)
		return;
	struct text number = {.length = 0};
	text_add_number(&number, caller);
	(void)!pwrite(fd, number.bytes, number.length, 0);
}

static int write_own(const char *path, const char *value)
{
	AUTO_CLOSE fd = openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
	ssize_t length = (ssize_t)strlen(value);

	return fd >= 0 && write(fd, value, (size_t)length) == length ? 0 : -1;
}

int inherited_reset_standing(uid_t caller)
{
	/* struct sched_attr, its first version: size, then zeros: SCHED_OTHER, no flags, nice 0 */
	uint32_t attributes[12] = {sizeof(attributes)};

	/* A hog in a jail goes before the host's services. EACCES: the caller's is higher and only
	 * CAP_SYS_RESOURCE lowers it; no harm to others. */
	if (write_own("/proc/self/oom_score_adj", "500") != 0 && errno != EACCES)
		return -1;
	/* Which memory a core has; this is the kernel's own choice: core(5). */
	if (write_own("/proc/self/coredump_filter", "0x33") != 0 && errno != ENOENT)
		return -1;
	set_login(caller);
	if (syscall(SYS_sched_setattr, 0, attributes, 0) != 0 || reset_task() != 0 ||
	    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0) != 0 || personality(PER_LINUX) < 0)
		return -1;
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS ? 0
											      : -1;
}

int inherited_set_processors(const uint64_t cpus[static RECORD_CPUS_MAX / 64])
{
	const size_t size = RECORD_CPUS_MAX / 8;
	uint64_t now[RECORD_CPUS_MAX / 64] = {0}, any = 0, every = UINT64_MAX, other = 0;

	for (size_t i = 0; i < RECORD_CPUS_MAX / 64; i++) {
		any |= cpus[i];
		every &= cpus[i];
	}
	if (!any)
		return 0;
	if (syscall(SYS_sched_setaffinity, 0, size, cpus) != 0)
		return -1;
	if (every == UINT64_MAX)
		return 0;
	if (syscall(SYS_sched_getaffinity, 0, size, now) < 0)
		return -1;
	/* A cpuset may leave us fewer than asked for. */
	for (size_t i = 0; i < RECORD_CPUS_MAX / 64; i++)
		other |= now[i] & ~cpus[i];
	return proof_of(other == 0);
}

int inherited_leave_terminal(void)
{
	int group;

	/* Our controlling terminal alone answers: tcgetpgrp(3). */
	if (ioctl(0, TIOCGPGRP, &group) == 0)
		return 0;
	/* A new session costs a wait on a loaded machine, so only where there is a terminal to
	 * leave: TIOCSTI wants it to be the controlling one (CVE-2017-5226). ENXIO: there is none.
	 */
	AUTO_CLOSE fd = openat(AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if ((fd < 0 && errno == ENXIO) || setsid() >= 0)
		return 0;
	/* We lead a process group, so there is no new session for us; to let go is as good. */
	return ioctl(fd, TIOCNOTTY);
}

int inherited_leave_own_terminal(void)
{
	return setsid() >= 0 || ioctl(0, TIOCNOTTY) == 0 || errno == ENOTTY ? 0 : -1;
}
