/* SPDX-License-Identifier: MIT */
/*
 * Storage that dies: `deadfs DIRECTORY UID` mounts a FUSE file system with one empty directory of
 * UID's on DIRECTORY and answers for it. On SIGUSR1 it stops answering, as a dead NFS server does;
 * from the start with `-d`. SIGTERM unmounts. "ready" on standard output says that it is mounted,
 * "dead" that it answers no more.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static volatile sig_atomic_t is_dead, is_over;

static void die_now(int number)
{
	(void)number;
	is_dead = 1;
}

static void end(int number)
{
	(void)number;
	is_over = 1;
}

static void answer(int fd, uint64_t unique, int error, void *body, size_t size)
{
	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + size), .error = error, .unique = unique};
	struct iovec parts[] = {{&header, sizeof(header)}, {body, size}};

	(void)!writev(fd, parts, size ? 2 : 1);
}

static void serve(int fd, uid_t uid)
{
	static char buffer[1 << 17];
	const struct fuse_in_header *in = (const struct fuse_in_header *)buffer;
	struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION, .minor = 26, .max_write = 4096};
	struct fuse_attr_out attr = {
		.attr = {.ino = 1, .mode = S_IFDIR | 0700, .nlink = 2, .uid = uid, .gid = uid}};
	struct fuse_open_out opened = {.fh = 1};

	if (read(fd, buffer, sizeof(buffer)) <= 0)
		return;
	switch (in->opcode) {
	case FUSE_INIT:
		answer(fd, in->unique, 0, &init, 24);
		break;
	case FUSE_GETATTR:
		answer(fd, in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPENDIR:
		answer(fd, in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READDIR:
	case FUSE_RELEASEDIR:
	case FUSE_ACCESS:
		answer(fd, in->unique, 0, NULL, 0);
		break;
	case FUSE_LOOKUP:
		answer(fd, in->unique, -ENOENT, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(fd, in->unique, -ENOSYS, NULL, 0);
	}
}

int main(int argc, char *argv[])
{
	struct sigaction dies = {.sa_handler = die_now}, ends = {.sa_handler = end};
	int at = 1;
	char options[128];

	if (argc > 1 && strcmp(argv[1], "-d") == 0)
		is_dead = at = 2;
	if (argc != at + 2)
		errx(2, "usage: deadfs [-d] DIRECTORY UID");
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(1, "/dev/fuse");
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", fd);
	if (mount("deadfs", argv[at], "fuse.deadfs", 0, options) != 0)
		err(1, "%s", argv[at]);
	sigaction(SIGUSR1, &dies, NULL);
	sigaction(SIGTERM, &ends, NULL);
	puts("ready");
	fflush(stdout);
	for (bool is_said = false; !is_over;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};

		if (is_dead && !is_said) {
			puts("dead");
			fflush(stdout);
			is_said = true;
		}
		if (is_dead)
			(void)poll(NULL, 0, 100);
		else if (poll(&ready, 1, 100) > 0)
			serve(fd, (uid_t)atol(argv[at + 1]));
	}
	/* Whoever waits for us gets an error; then nothing holds the mount. */
	close(fd);
	if (umount2(argv[at], MNT_DETACH) != 0)
		err(1, "umount");
	return 0;
}
