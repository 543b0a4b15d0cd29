/* SPDX-License-Identifier: MIT */
/* The caller's descriptors: which may stay open. */
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "trampoline/proof.h"

#define ENOUGH_FDS 256 /* for us; a number that is kept may be higher, and is open already */
#define ONLY "only a pipe, socket, file, terminal or /dev/null may be handed down; this is "
/* Of major 1: null, zero, full, random, urandom (the kernel's devices.txt). */
#define NULL_AND_ITS_LIKE (1u << 3 | 1u << 5 | 1u << 7 | 1u << 8 | 1u << 9)
#define PIDFS_MAGIC 0x50494446  /* linux/magic.h of Linux 6.14 */
#define MQUEUE_MAGIC 0x19800202 /* ipc/mqueue.c */

static const char not_open[] = "it is not open";
static const char errno_says[] = ""; /* a call has been refused */

/* The null device and its like, and terminals: who answers TCGETS, or had its line hung up. */
static bool is_harmless_device(int fd, dev_t device)
{
	char termios[64]; /* the kernel's has 36 bytes */

	errno = 0;
	if (major(device) == 1)
		return minor(device) < 32 && NULL_AND_ITS_LIKE >> minor(device) & 1;
	/* The master of a pseudoterminal answers too, but it is the terminal's other side. */
	return device != makedev(5, 2) && (ioctl(fd, TCGETS, termios) == 0 || errno == EIO);
}

/* Namespaces and, since Linux 6.9, processes look like regular files; their file systems do not. */
static const char *judge_file(int fd)
{
	static const unsigned int others[] = {NSFS_MAGIC,   PIDFS_MAGIC,     MQUEUE_MAGIC,
					      BPF_FS_MAGIC, SECRETMEM_MAGIC, DMA_BUF_MAGIC};
	struct statfs place = {.f_type = NSFS_MAGIC}; /* for a call that only seems to work */

	if (fstatfs(fd, &place) != 0)
		return errno_says;
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		if ((unsigned int)place.f_type == others[i])
			return ONLY "an object of the kernel's";
	return NULL;
}

/*
 * NULL, with *STATUS and *FLAGS, or why FD may not stay open. A directory walks out of any jail,
 * pivot_root or not (runc, CVE-2024-21626), and nobody can list all that the kernel makes
 * descriptors of, so this is a list of what may. A memfd is a regular file: it holds what the
 * caller has put there and no more.
 */
static const char *judge(int fd, struct stat *status, int *flags)
{
	*status = (struct stat){.st_mode = S_IFDIR}; /* as above */
	*flags = fcntl(fd, F_GETFL);
	if (*flags < 0)
		return errno == EBADF ? not_open : errno_says;
	if (fstat(fd, status) != 0)
		return errno_says;
	if (*flags & O_PATH)
		return ONLY "a path (O_PATH)";
	switch (status->st_mode & S_IFMT) {
	case S_IFIFO:
	case S_IFSOCK:
		return NULL;
	case S_IFREG:
		return judge_file(fd);
	case S_IFCHR:
		if (is_harmless_device(fd, status->st_rdev))
			return NULL;
		/* Without a filter, ENOSYS is the answer of /dev/loop-control. */
		return (errno == EPERM || errno == ENOSYS) && proof_of_filter() ? errno_says
										: ONLY
			       "another device";
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
 * /dev/stdin, /dev/stdout and /dev/stderr are links to what 0 to 2 are, and only its maker can open
 * an anonymous pipe. So others get the right that the command has by the descriptor: nobody
 * finds such a pipe but in a process of his own that has it. Where a run's output is another's
 * input, both rights are given. If it fails, only those three names cannot be opened. *PIPES is the
 * device of all anonymous pipes, when one has been seen.
 */
static void open_up(int fd, const struct stat *status, dev_t *pipes)
{
	mode_t right = fd == 0 ? S_IROTH : S_IWOTH;
	struct statfs place = {.f_type = 0};

	if (!S_ISFIFO(status->st_mode) || status->st_mode & right)
		return;
	if (status->st_dev != *pipes && (fstatfs(fd, &place) != 0 || place.f_type != PIPEFS_MAGIC))
		return;
	*pipes = status->st_dev;
	(void)fchmod(fd, (status->st_mode & 07777) | right);
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

const char *descriptors_close(const int *keep_fds, size_t count, int *fd, unsigned int *files)
{
	const char *reason;
	struct stat status;
	dev_t pipes = 0;
	int flags;

	*files = 0;
	for (*fd = 0; *fd < 3; ++*fd) {
		reason = judge(*fd, &status, &flags);
		if (reason == not_open && open_null(*fd) == 0)
			continue;
		if (reason)
			return reason == not_open ? errno_says : reason;
		if (S_ISREG(status.st_mode) && (flags & O_ACCMODE) != O_RDONLY)
			*files |= 1u << *fd;
		open_up(*fd, &status, &pipes);
	}
	for (size_t i = 0; i < count; i++) {
		*fd = keep_fds[i];
		reason = judge(*fd, &status, &flags);
		if (reason)
			return reason;
	}
	*fd = 0;
	return close_all_but(keep_fds, count) == 0 ? NULL : errno_says;
}
