/* SPDX-License-Identifier: MIT */
/*
 * The mount table of a pinned mount namespace: `nsmounts PIN [PIN...]` walks from pin to pin (the
 * hub, then a path in the hub) and prints /proc/self/mountinfo there, read through a descriptor of
 * the host's /proc, since a namespace that only we made has none. `-i` prints the namespace's inode
 * instead; `-d PATH` takes the mount PATH of the last namespace away; `-x PATH` lets it expire,
 * once, and prints the kernel's word for the result; `-r PATH` removes an empty directory there.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void copy(int directory_fd, const char *name)
{
	char buffer[65536];
	ssize_t length;
	int fd = openat(directory_fd, name, O_RDONLY);

	if (fd < 0)
		err(1, "%s", name);
	while ((length = read(fd, buffer, sizeof(buffer))) > 0)
		if (write(1, buffer, (size_t)length) != length)
			err(1, "output");
	if (length < 0)
		err(1, "%s", name);
	close(fd);
}

static int enter(const char *pin)
{
	int fd = open(pin, O_RDONLY);

	if (fd < 0 || setns(fd, CLONE_NEWNS) != 0)
		err(1, "%s", pin);
	return fd;
}

int main(int argc, char *argv[])
{
	int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY), pin_fd = -1, inode = 0, at = 1;
	const char *target = NULL;
	char what = 0;
	struct stat status;
	int flags = UMOUNT_NOFOLLOW;

	if (at < argc && strcmp(argv[at], "-i") == 0)
		inode = at++;
	if (at + 1 < argc && argv[at][0] == '-' && strchr("dxr", argv[at][1])) {
		what = argv[at][1];
		flags |= what == 'd' ? MNT_DETACH : MNT_EXPIRE;
		target = argv[at + 1];
		at += 2;
	}
	if (proc_fd < 0 || at >= argc)
		errx(1, "usage: nsmounts [-i] [-d PATH | -x PATH | -r PATH] PIN...");
	for (; at < argc; at++)
		pin_fd = enter(argv[at]);
	if (target) {
		int result = what == 'r' ? rmdir(target) : umount2(target, flags);

		printf("%s\n", result == 0 ? "gone" : strerrorname_np(errno));
		return result == 0 ? 0 : 1;
	}
	if (!inode)
		copy(proc_fd, "self/mountinfo");
	else if (fstat(pin_fd, &status) == 0)
		printf("%lu\n", (unsigned long)status.st_ino);
	return 0;
}
