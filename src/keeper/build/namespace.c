/* SPDX-License-Identifier: MIT */
/*
 * A namespace file can be bound only in an older mount namespace: so the kernel keeps namespaces
 * from holding each other. On 6.18 the numbers it goes by come from batches for each CPU and are
 * not in order of creation (fixed in 6.19), so a namespace is made again, on another CPU, until it
 * fits.
 */
#include "namespace.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#include "auto_free.h"
#include "tree.h"

#define ATTEMPTS 8192 /* a batch has 4096 numbers, and a cpuset may keep us on one CPU */
#ifndef NS_GET_MNTNS_ID
#define NS_GET_MNTNS_ID _IOR(0xb7, 0x5, uint64_t) /* linux/nsfs.h */
#endif

int namespace_open(const struct namespace_host *host, const char *kind)
{
	char path[32];

	snprintf(path, sizeof(path), "self/ns/%s", kind);
	return openat(host->proc_fd, path, O_RDONLY | O_CLOEXEC);
}

int namespace_remember(struct namespace_host *host)
{
	host->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	host->mount_fd = host->proc_fd < 0 ? -1 : namespace_open(host, "mnt");
	return host->mount_fd < 0 ? -1 : 0;
}

struct libmnt_table *namespace_mounts(const struct namespace_host *host, pid_t process)
{
	char path[32] = "self/mountinfo";

	if (process != 0)
		snprintf(path, sizeof(path), "%d/mountinfo", process);
	AUTO_CLOSE fd = openat(host->proc_fd, path, O_RDONLY | O_CLOEXEC);
	AUTO_FILE stream = fd < 0 ? NULL : fdopen(fd, "r");
	AUTO_TABLE table = mnt_new_table();

	if (!stream)
		return NULL;
	fd = -1; /* the stream's now */
	errno = ENOMEM;
	if (!table || mnt_table_parse_stream(table, stream, "mountinfo") != 0)
		return NULL;
	mnt_ref_table(table);
	return table;
}

int namespace_is_first(void)
{
	AUTO_TABLE table = mnt_new_table_from_file("/proc/1/mountinfo");
	struct statx root;

	if (!table || statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &root) != 0)
		return -1;
	/* Mount ids are unique in the whole system: PID 1's table has ours only if it is ours. */
	struct libmnt_fs *fs = mnt_table_find_target(table, "/", MNT_ITER_BACKWARD);
	if (!(root.stx_mask & STATX_MNT_ID)) {
		errno = ENOSYS; /* where statx(2) is refused, libc makes it of fstatat(2) */
		return -1;
	}
	return fs && (uint64_t)mnt_fs_get_id(fs) == root.stx_mnt_id;
}

static uint64_t inode_of(const struct namespace_host *host, const char *kind)
{
	char path[32];
	struct stat status;

	snprintf(path, sizeof(path), "self/ns/%s", kind);
	return fstatat(host->proc_fd, path, &status, 0) == 0 ? status.st_ino : 0;
}

int namespace_unshare(const struct namespace_host *host, const char *kind, int flag)
{
	uint64_t before = inode_of(host, kind);

	if (unshare(flag) != 0)
		return -1;
	if (before != 0 && inode_of(host, kind) != before)
		return 0;
	errno = EPROTO; /* a seccomp filter that only says it worked */
	return -1;
}

int namespace_enter(int fd)
{
	return setns(fd, CLONE_NEWNS);
}

int namespace_enter_surely(const struct namespace_host *host, int fd)
{
	struct stat status;

	if (namespace_enter(fd) != 0)
		return -1;
	if (fstat(fd, &status) == 0 && inode_of(host, "mnt") == status.st_ino)
		return 0;
	errno = EPROTO;
	return -1;
}

/* Moves to another CPU for each ATTEMPT; 0 allows all again. */
static void move_to_cpu(unsigned int attempt)
{
	cpu_set_t cpus;

	memset(&cpus, attempt == 0 ? 0xff : 0, sizeof(cpus));
	if (attempt > 0)
		CPU_SET(attempt % (unsigned int)get_nprocs_conf(), &cpus);
	/* If we may not use that CPU, the next attempt's may do. */
	(void)sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* The number the kernel orders a mount namespace by; 0 where it does not tell (before 6.8). */
static uint64_t order_of(int fd)
{
	uint64_t id = 0;

	return ioctl(fd, NS_GET_MNTNS_ID, &id) == 0 ? id : 0;
}

int namespace_new(const struct namespace_host *host, int base_fd, int pinner_fd, int *pin_fd)
{
	uint64_t pinner = order_of(pinner_fd);

	for (unsigned int attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (attempt > 0)
			move_to_cpu(attempt);
		if (namespace_enter_surely(host, base_fd) != 0 ||
		    namespace_unshare(host, "mnt", CLONE_NEWNS) != 0)
			return -1;
		AUTO_CLOSE fd = namespace_open(host, "mnt");
		if (fd < 0)
			return -1;
		if (pinner != 0 && order_of(fd) <= pinner)
			continue;
		if (attempt > 0)
			move_to_cpu(0);
		*pin_fd = namespace_enter_surely(host, pinner_fd) == 0 ? tree_clone(fd, "") : -1;
		return *pin_fd >= 0 && namespace_enter_surely(host, fd) == 0 ? auto_close_take(&fd)
									     : -1;
	}
	errno = EAGAIN;
	return -1;
}

int namespace_new_network(const struct namespace_host *host)
{
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	if (namespace_unshare(host, "net", CLONE_NEWNET) != 0)
		return -1;
	AUTO_CLOSE fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &loopback);
}
