/* SPDX-License-Identifier: MIT */
/*
 * What a jailed program reaches in the kernel, as `NAME: RESULT` lines: `reach calls`, `reach
 * families`, `reach terminal`, `reach handles`; `reach i386` and `reach x32` make a call by another
 * ABI and say "alive" if they live; `reach rest MS` does nothing, and executes nothing; `reach key
 * ID`; `reach watch FILE`; `reach pidfd PID` asks whose it is. Static: it runs in any image.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define X32_BIT 0x40000000

static void say(const char *name, long result)
{
	printf("%s: %s\n", name, result >= 0 ? "allowed" : strerrorname_np(errno));
	fflush(stdout);
}

/* A child that a clone made must not go on as a second one of us. */
static long clone_with(unsigned long flags)
{
	long result = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (result == 0)
		_exit(0);
	return result;
}

static void calls(void)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} namespaces[] = {{"user", CLONE_NEWUSER},    {"mnt", CLONE_NEWNS},  {"pid", CLONE_NEWPID},
			  {"net", CLONE_NEWNET},      {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS},
			  {"cgroup", CLONE_NEWCGROUP}};
	struct {
		unsigned long flags, rest[10];
	} clone3 = {CLONE_NEWUSER, {0}};
	char buffer[256] = "";

	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
		snprintf(buffer, sizeof(buffer), "clone-%s", namespaces[i].name);
		say(buffer, clone_with(namespaces[i].flag));
		/* The kernel looks at the lower half only. */
		snprintf(buffer, sizeof(buffer), "clone-%s-high", namespaces[i].name);
		say(buffer, clone_with(namespaces[i].flag | 1ul << 40));
		snprintf(buffer, sizeof(buffer), "unshare-%s", namespaces[i].name);
		say(buffer, syscall(SYS_unshare, namespaces[i].flag));
	}
	say("clone3", syscall(SYS_clone3, &clone3, sizeof(clone3)));
	say("setns", syscall(SYS_setns, open("/proc/self/ns/user", O_RDONLY), 0));
	say("keyctl", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
	say("keyctl-clear", syscall(SYS_keyctl, KEYCTL_CLEAR, KEY_SPEC_SESSION_KEYRING));
	say("add_key", syscall(SYS_add_key, "user", "x", "y", 1, KEY_SPEC_USER_KEYRING));
	say("request_key", syscall(SYS_request_key, "user", "x", NULL, 0));
	say("bpf", syscall(SYS_bpf, 0, buffer, sizeof(buffer)));
	say("perf_event_open", syscall(SYS_perf_event_open, buffer, 0, -1, -1, 0));
	say("userfaultfd", syscall(SYS_userfaultfd, 1));
	say("io_uring_setup", syscall(SYS_io_uring_setup, 4, buffer));
	say("io_uring_enter", syscall(SYS_io_uring_enter, 0, 0, 0, 0, NULL, 0));
	say("syslog", syscall(SYS_syslog, 10 /* how large the log is, which anybody may ask */));
	say("mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
	say("umount", syscall(SYS_umount2, "/proc", 0));
	say("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
	say("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
	say("chroot", syscall(SYS_chroot, "/tmp"));
	say("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp"));
	say("setuid", syscall(SYS_setresuid, 0, 0, 0));
	say("setgid", syscall(SYS_setresgid, 0, 0, 0));
	say("setgroups", syscall(SYS_setgroups, 0, NULL));
	say("reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
	say("init_module", syscall(SYS_init_module, buffer, 0, ""));
	say("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
	say("swapon", syscall(SYS_swapon, "/tmp", 0));
	say("settimeofday", syscall(SYS_settimeofday, NULL, &(struct { int a, b; }){0, 0}));
	say("mknod", syscall(SYS_mknodat, AT_FDCWD, "/tmp/.node", S_IFCHR | 0666, 0x103));
	say("sethostname", syscall(SYS_sethostname, "x", 1));
	say("iopl", syscall(SYS_iopl, 3));
}

/* No kernel has type 15, so it says EINVAL of each family; another answer is the filter's. */
static void families(void)
{
	int pair[2];

	for (int family = 0; family < 45; family++) {
		if (socket(family, 15, 0) < 0 && errno != EAFNOSUPPORT)
			printf("socket %d\n", family);
		if (socketpair(family, 15, 0, pair) < 0 && errno != EAFNOSUPPORT)
			printf("socketpair %d\n", family);
	}
}

/* Input typed by us into the terminal we were started from; a request's upper half is ignored. */
static void terminal(void)
{
	char line[] = "x", linux_line[] = {3, 0};
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY);

	say("open", fd);
	say("tiocsti", syscall(SYS_ioctl, 0, TIOCSTI, line));
	say("tiocsti-high", syscall(SYS_ioctl, 0, (unsigned long)TIOCSTI | 1ul << 32, line));
	say("tiocsti-tty", syscall(SYS_ioctl, fd, TIOCSTI, line));
	say("tioclinux", syscall(SYS_ioctl, 0, TIOCLINUX, linux_line));
	say("tioclinux-high",
	    syscall(SYS_ioctl, 0, (unsigned long)TIOCLINUX | 1ul << 32, linux_line));
}

static void handles(void)
{
	struct {
		struct file_handle handle;
		unsigned char bytes[128];
	} root = {.handle = {.handle_bytes = 128}};
	int mount_id;

	say("name_to_handle_at", name_to_handle_at(AT_FDCWD, "/", &root.handle, &mount_id, 0));
	say("open_by_handle_at", open_by_handle_at(open("/", O_RDONLY), &root.handle, O_RDONLY));
}

/* PIDFD_GET_INFO of linux/pidfd.h, in two of the sizes that it has had. */
static void pidfd(const char *pid)
{
	uint64_t info[16] = {1};
	int fd = (int)syscall(SYS_pidfd_open, atoi(pid), 0);

	if (fd < 0)
		say("pidfd_open", fd);
	say("get-info", syscall(SYS_ioctl, fd, _IOC(_IOC_READ | _IOC_WRITE, 0xff, 11, 64), info));
	say("get-info-larger",
	    syscall(SYS_ioctl, fd, _IOC(_IOC_READ | _IOC_WRITE, 0xff, 11, 128), info));
	say("get-info-high",
	    syscall(SYS_ioctl, fd, 1ul << 32 | _IOC(_IOC_READ | _IOC_WRITE, 0xff, 11, 64), info));
}

int main(int argc, char *argv[])
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (!strcmp(mode, "calls"))
		calls();
	else if (!strcmp(mode, "families"))
		families();
	else if (!strcmp(mode, "terminal"))
		terminal();
	else if (!strcmp(mode, "handles"))
		handles();
	else if (!strcmp(mode, "pidfd") && argc > 2)
		pidfd(argv[2]);
	else if (!strcmp(mode, "key"))
		say("read", syscall(SYS_keyctl, KEYCTL_READ, atol(argv[2]), NULL, 0));
	else if (!strcmp(mode, "rest")) {
		long ms = atol(argv[2]);
		struct timespec time = {ms / 1000, ms % 1000 * 1000000};

		nanosleep(&time, NULL);
	} else if (!strcmp(mode, "i386")) {
#ifdef __x86_64__
		long result;

		__asm__ volatile("int $0x80" : "=a"(result) : "0"(20) : "memory"); /* getpid */
		printf("alive\n");
#endif
	} else if (!strcmp(mode, "x32")) {
#ifdef __x86_64__
		(void)!syscall(SYS_getpid | X32_BIT);
		printf("alive\n");
#endif
	} else {
		return 2;
	}
	return 0;
}
