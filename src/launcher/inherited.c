/* SPDX-License-Identifier: MIT */
/* Undoes what a hostile caller left us across exec: descriptors, signals, limits, scheduling. */
#include "inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/vfs.h>

#include "trampoline/auto_close.h"
#include "trampoline/proof.h"
#include "trampoline/quantity.h"
#include "trampoline/text.h"

/* Until the exec; SIGHUP is what a session's leader gets for letting go of its terminal. */
#define IGNORED (1ul << SIGXFSZ | 1ul << SIGPIPE | 1ul << SIGHUP)
#define KEYCTL_JOIN_SESSION_KEYRING 1
#define IOPRIO_WHO_PROCESS 1
#define ENOUGH_FDS 256 /* for us; a number that is kept may be higher, and is open already */
#define PR_SET_MEMORY_MERGE 67 /* linux/prctl.h of Linux 6.4 */

#define ONLY "only a pipe, socket, regular file, terminal or /dev/null may be handed down; this is "
#define MEMORY_DEVICES "\3\5\7\10\11" /* null, zero, full, random, urandom: major 1, devices.txt */
#define PIDFS_MAGIC 0x50494446        /* linux/magic.h of Linux 6.14 */
#define MQUEUE_MAGIC 0x19800202       /* ipc/mqueue.c */

static const char not_open[] = "it is not open";

/* The null device and its like, and terminals: who answers TCGETS, or had its line hung up. */
static bool is_harmless_device(int fd, dev_t device)
{
	char termios[64]; /* the kernel's has 36 bytes */

	if (major(device) == 1)
		return strchr(MEMORY_DEVICES, (int)minor(device)) && minor(device) != 0;
	/* The master of a pseudoterminal answers too, but it is the terminal's other side. */
	return device != makedev(5, 2) && (ioctl(fd, TCGETS, termios) == 0 || errno == EIO);
}

/* Namespaces and, since Linux 6.9, processes look like regular files; their file systems do not. */
static bool is_file_of_disk(int fd)
{
	static const unsigned int others[] = {NSFS_MAGIC,   PIDFS_MAGIC,     MQUEUE_MAGIC,
					      BPF_FS_MAGIC, SECRETMEM_MAGIC, DMA_BUF_MAGIC};
	struct statfs place = {.f_type = NSFS_MAGIC}; /* for a call that only seems to work */

	if (fstatfs(fd, &place) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		if ((unsigned int)place.f_type == others[i])
			return false;
	return true;
}

/*
 * NULL, with its *MODE, or why FD may not stay open. A directory walks out of any jail, pivot_root or not (runc,
 * CVE-2024-21626), and nobody can list all that the kernel makes descriptors of, so this is a list
 * of what may. A memfd is a regular file: it holds what the caller has put there and no more.
 */
static const char *judge(int fd, mode_t *mode)
{
	struct stat status = {.st_mode = S_IFDIR}; /* as above */
	int flags = fcntl(fd, F_GETFL);

	*mode = 0;
	if (flags < 0)
		return not_open;
	if (fstat(fd, &status) != 0)
		return strerror(errno);
	*mode = status.st_mode;
	if (flags & O_PATH)
		return ONLY "a path (O_PATH)";
	switch (status.st_mode & S_IFMT) {
	case S_IFIFO:
	case S_IFSOCK:
		return NULL;
	case S_IFREG:
		return is_file_of_disk(fd) ? NULL : ONLY "an object of the kernel's";
	case S_IFCHR:
		return is_harmless_device(fd, status.st_rdev) ? NULL : ONLY "another device";
	case S_IFDIR:
		return ONLY "a directory";
	case S_IFBLK:
		return ONLY "a block device";
	default:
		return ONLY "an object of the kernel's";
	}
}

static int open_null(int fd)
{
	struct stat status;

	if (openat(AT_FDCWD, "/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) == fd &&
	    fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3))
		return 0;
	errno = ENODEV;
	return -1;
}

/* Closes FIRST to LAST, and proves it by one put there: a close_range may only say it worked. */
static int close_between(int first, int last)
{
	if (first > last)
		return 0;
	bool is_planted = dup2(0, first) == first; /* not past the limit; others may be there */
	if (syscall(SYS_close_range, first, last, 0) != 0)
		return -1;
	return proof_of(!is_planted || fcntl(first, F_GETFD) < 0);
}

/*
 * /dev/stdin, /dev/stdout and /dev/stderr are links to what 0 to 2 are, and an anonymous pipe can be
 * opened by its maker alone. So others get the right that the command has by the descriptor: nobody
 * finds such a pipe but in a process of his own that has it. Where a run's output is another run's
 * input, both rights are given. If it fails, only those three names cannot be opened.
 */
static void open_up(int fd, mode_t mode)
{
	struct statfs place = {.f_type = 0};

	if (S_ISFIFO(mode) && fstatfs(fd, &place) == 0 && place.f_type == PIPEFS_MAGIC)
		(void)fchmod(fd, (mode & 07777) | (fd == 0 ? S_IROTH : S_IWOTH));
}

static int close_all_but(const int *keep_fds, size_t count)
{
	struct rlimit limit; /* the jail's comes later; too few even so, and an open says it */

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < ENOUGH_FDS) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	int first = 3;
	for (size_t i = 0; i < count; first = keep_fds[i++] + 1)
		if (close_between(first, keep_fds[i] - 1) != 0)
			return -1;
	return close_between(first, INT_MAX);
}

const char *inherited_close(const int *keep_fds, size_t count, int *fd)
{
	const char *reason;
	mode_t mode;

	for (*fd = 0; *fd < 3; ++*fd) {
		reason = judge(*fd, &mode);
		if (reason == not_open)
			reason = open_null(*fd) == 0 ? NULL : strerror(errno);
		if (reason)
			return reason;
		open_up(*fd, mode);
	}
	for (size_t i = 0; i < count; i++) {
		*fd = keep_fds[i];
		reason = judge(*fd, &mode);
		if (reason)
			return reason;
	}
	*fd = 0;
	return close_all_but(keep_fds, count) == 0 ? NULL : strerror(errno);
}

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
 * The proof is the old value: a call that only seems to work does not write it, and no limit that is
 * in force has a soft value above its hard one.
 */
static int set_limit(int resource, rlim_t value)
{
	/* The signal comes at the soft limit and can be caught; a second later it is SIGKILL. */
	rlim_t spare = resource == RLIMIT_CPU && value != RLIM_INFINITY;
	struct rlimit limit = {value, value + spare}, old = {.rlim_cur = 1, .rlim_max = 0};

	if (prlimit(0, resource, &limit, &old) != 0) {
		if (errno != EPERM || getrlimit(resource, &limit) != 0)
			return -1;
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
	};

	for (size_t i = 0; i < ARRAY_LENGTH(usual); i++)
		if (prctl(usual[i].option, usual[i].value, 0, 0, 0) != 0 && errno != EINVAL)
			return -1;
	return syscall(SYS_set_mempolicy, 0, NULL, 0) == 0 || errno == ENOSYS ? 0 : -1;
}

/*
 * Who has no login uid yet may choose one, once, and the kernel's audit believes it: so the caller's
 * uid it is, and not what a user in a jail would write there. Where we cannot write it nobody can.
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
	unsigned long everywhere[16];

	/* A hog in a jail goes before the host's services. EACCES: the caller's is higher and only
	 * CAP_SYS_RESOURCE lowers it; no harm to others. */
	if (write_own("/proc/self/oom_score_adj", "500") != 0 && errno != EACCES)
		return -1;
	/* Which memory a core has; this is the kernel's own choice: core(5). */
	if (write_own("/proc/self/coredump_filter", "0x33") != 0 && errno != ENOENT)
		return -1;
	set_login(caller);
	memset(everywhere, 0xff, sizeof(everywhere));
	if (reset_task() != 0 || syscall(SYS_sched_setattr, 0, attributes, 0) != 0 ||
	    syscall(SYS_sched_setaffinity, 0, sizeof(everywhere), everywhere) != 0 ||
	    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0) != 0 || personality(PER_LINUX) < 0)
		return -1;
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS ? 0
											      : -1;
}

int inherited_leave_terminal(void)
{
	char termios[64]; /* the kernel's has 36 bytes */

	if (ioctl(0, TCGETS, termios) == 0)
		return 0;
	/* A new session costs a wait on a loaded machine, so only where there is a terminal to
	 * leave: TIOCSTI wants it to be the controlling one (CVE-2017-5226). ENXIO: there is none. */
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
