/* SPDX-License-Identifier: MIT */
/*
 * A caller with one odd descriptor: `descriptors FD KIND PROGRAM [ARGUMENT...]` makes a descriptor
 * of KIND, has it as FD and becomes PROGRAM. Exit status 77, and why on standard error, where this
 * kernel has none of that kind. Without arguments it prints the kinds, a line each: `pass KIND' or
 * `refuse KIND', which is what the launcher has to do with it.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOT_HERE 77

static int make_pipe(void)
{
	int fds[2];

	return pipe(fds) == 0 ? fds[0] : -1;
}

static int make_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	if (master < 0 || unlockpt(master) != 0)
		return -1;
	return open(ptsname(master), O_RDWR | O_NOCTTY);
}

/* The terminal's other side goes, as that of a service that has outlived its login. */
static int make_hung_up_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || unlockpt(master) != 0)
		return -1;
	int fd = open(ptsname(master), O_RDWR | O_NOCTTY);
	close(master);
	return fd;
}

static int make_signalfd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return signalfd(-1, &set, 0);
}

static int make_io_uring(void)
{
	struct io_uring_params parameters;

	memset(&parameters, 0, sizeof(parameters));
	return (int)syscall(SYS_io_uring_setup, 1, &parameters);
}

/* A child gets the filter, because it would be ours for good. */
static int make_seccomp_listener(void)
{
	struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW};
	struct sock_fprog program = {1, &allow};
	int fds[2];

	if (pipe(fds) != 0)
		return -1;
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				      SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
		_exit(write(fds[1], &fd, sizeof(fd)) == sizeof(fd) ? 0 : 1);
	}
	int fd = -1;
	if (child < 0 || read(fds[0], &fd, sizeof(fd)) != sizeof(fd))
		return -1;
	waitpid(child, NULL, 0);
	return fd;
}

static int make_bpf_map(void)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.map_type = BPF_MAP_TYPE_ARRAY;
	attributes.key_size = attributes.value_size = 4;
	attributes.max_entries = 1;
	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes));
}

static int make_perf_event(void)
{
	struct perf_event_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.type = PERF_TYPE_SOFTWARE;
	attributes.size = sizeof(attributes);
	attributes.config = PERF_COUNT_SW_CPU_CLOCK;
	attributes.exclude_kernel = 1;
	return (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
}

static int make_message_queue(void)
{
	char name[64];

	snprintf(name, sizeof(name), "/descriptors.%d", getpid());
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
	int error = errno;
	mq_unlink(name);
	errno = error;
	return queue < 0 ? -1 : fcntl(queue, F_DUPFD, 3); /* libc opens it close-on-exec */
}

static int make_new_mount(void)
{
	int context = fsopen("tmpfs", 0);

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return -1;
	int fd = fsmount(context, 0, 0);
	close(context);
	return fd;
}

static int make_ruleset(void)
{
	uint64_t attributes = 1;

	return (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
}

static const struct kind {
	const char *name;
	int passes;
	int (*make)(void);         /* or */
	const char *path;          /* opened with */
	int flags;                 /* or */
	mode_t type;               /* a device, which need have no name in /dev: */
	unsigned int major, minor; /* or */
	long call, first, second;  /* a system call with these arguments */
} kinds[] = {
	{"pipe", 1, .make = make_pipe},
	{"socket", 1, .call = SYS_socket, AF_UNIX, SOCK_STREAM},
	{"file", 1, .path = "/tmp", O_TMPFILE | O_RDWR},
	{"memfd", 1, .call = SYS_memfd_create, (long)"odd"},
	{"terminal", 1, .make = make_terminal},
	{"hung-up-terminal", 1, .make = make_hung_up_terminal},
	{"null", 1, .path = "/dev/null", O_RDWR},
	{"zero", 1, .path = "/dev/zero", O_RDWR},
	{"full", 1, .path = "/dev/full", O_RDWR},
	{"random", 1, .path = "/dev/random"},
	{"urandom", 1, .path = "/dev/urandom"},
	{"terminal-master", 0, .path = "/dev/ptmx", O_RDWR | O_NOCTTY},
	{"kmsg", 0, .type = S_IFCHR, 1, 11},
	{"fuse", 0, .type = S_IFCHR, 10, 229},
	{"loop-control", 0, .type = S_IFCHR, 10, 237},
	{"ram-disk", 0, .type = S_IFBLK, 1, 0},
	{"loop-device", 0, .type = S_IFBLK, 7, 0},
	{"directory", 0, .path = "/"},
	{"path-to-directory", 0, .path = "/", O_PATH},
	{"path-to-file", 0, .path = "/etc/passwd", O_PATH},
	{"path-to-null", 0, .path = "/dev/null", O_PATH},
	{"mount-namespace", 0, .path = "/proc/self/ns/mnt"},
	{"network-namespace", 0, .path = "/proc/self/ns/net"},
	{"user-namespace", 0, .path = "/proc/self/ns/user"},
	{"process", 0, .call = SYS_pidfd_open, 1},
	{"eventfd", 0, .call = SYS_eventfd2},
	{"epoll", 0, .call = SYS_epoll_create1},
	{"signalfd", 0, .make = make_signalfd},
	{"timerfd", 0, .call = SYS_timerfd_create, CLOCK_MONOTONIC},
	{"inotify", 0, .call = SYS_inotify_init1},
	{"fanotify", 0, .call = SYS_fanotify_init, FAN_CLASS_NOTIF, O_RDONLY},
	{"io_uring", 0, .make = make_io_uring},
	{"userfaultfd", 0, .call = SYS_userfaultfd},
	{"seccomp-listener", 0, .make = make_seccomp_listener},
	{"bpf-map", 0, .make = make_bpf_map},
	{"perf-event", 0, .make = make_perf_event},
	{"secret-memory", 0, .call = 447 /* memfd_secret, Linux 5.14 */},
	{"message-queue", 0, .make = make_message_queue},
	{"new-mount", 0, .make = make_new_mount},
	{"mount-context", 0, .call = SYS_fsopen, (long)"tmpfs"},
	{"landlock-ruleset", 0, .make = make_ruleset},
};

static int open_device(const struct kind *kind)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/descriptors.%d", getpid());
	if (mknod(path, kind->type | 0600, makedev(kind->major, kind->minor)) != 0)
		return -1;
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	int error = errno;
	unlink(path);
	errno = error;
	return fd;
}

static int make(const struct kind *kind)
{
	if (kind->make)
		return kind->make();
	if (kind->path)
		return open(kind->path, kind->flags, 0600);
	if (kind->type)
		return open_device(kind);
	return (int)syscall(kind->call, kind->first, kind->second, 0L);
}

int main(int argc, char *argv[])
{
	const struct kind *end = kinds + sizeof(kinds) / sizeof(kinds[0]), *kind = kinds;

	for (; argc < 2 && kind < end; kind++)
		printf("%s %s\n", kind->passes ? "pass" : "refuse", kind->name);
	if (argc < 2)
		return 0;
	while (kind < end && argc > 3 && strcmp(kind->name, argv[2]) != 0)
		kind++;
	if (argc < 4 || kind == end)
		errx(2, "usage: descriptors FD KIND PROGRAM [ARGUMENT...]");
	int wanted = atoi(argv[1]), fd = make(kind);
	if (fd < 0)
		err(NOT_HERE, "%s", kind->name);
	if (fd == wanted)
		fcntl(fd, F_SETFD, 0);
	else if (dup2(fd, wanted) < 0)
		err(2, "descriptor %d", wanted);
	else
		close(fd);
	execv(argv[3], argv + 3);
	err(2, "%s", argv[3]);
}
