/* SPDX-License-Identifier: MIT */
/*
 * The warm path. The order matters: the record is read on the host, the pins are opened in the hub,
 * and only then is the record's link count looked at. The keeper unlinks a record before it touches
 * the pins, so a record that still has its name belongs to the pins we hold.
 */
#include "enter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "trampoline/origin.h"
#include "trampoline/paths.h"

#define NSFS_MAGIC 0x6e736673  /* linux/magic.h */
#define PF_KTHREAD 0x00200000u /* include/linux/sched.h; shown in /proc/PID/stat, field 9 */

struct pins {
	int mount_fd, ipc_fd, network_fd;
};

/* RUNDIR is believed only while it is what the keeper makes: root's and nobody else's. */
static int open_run_directory(void)
{
	struct stat status;
	int fd = open(PATHS_RUN, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &status) == 0 && status.st_uid == 0 &&
	    (status.st_mode & 07777) == 0700)
		return fd;
	if (fd >= 0)
		close(fd);
	errno = ENXIO;
	return -1;
}

static int open_hub(int run_fd)
{
	struct statfs file_system;
	int fd = openat(run_fd, "hub", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && fstatfs(fd, &file_system) == 0 && file_system.f_type == NSFS_MAGIC)
		return fd;
	if (fd >= 0)
		close(fd);
	errno = ENXIO;
	return -1;
}

static int open_record(int run_fd, const char *name)
{
	char path[NAME_LENGTH_MAX + sizeof("jails//" RECORD_FILE)];

	stpcpy(stpcpy(stpcpy(path, "jails/"), name), "/" RECORD_FILE);
	return openat(run_fd, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
}

/* The pin of one namespace, if it is the one the record speaks of; -2 where there is none to be. */
static int open_pin(const char *name, const char *kind, uint64_t inode)
{
	char path[NAME_LENGTH_MAX + sizeof("/jails//mnt")];
	struct stat status;

	if (inode == 0)
		return -2;
	stpcpy(stpcpy(stpcpy(stpcpy(path, "/jails/"), name), "/"), kind);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &status) == 0 && status.st_ino == inode)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* In the hub: opens all pins of the record, or none. */
static int open_pins(const struct record *record, struct pins *pins)
{
	pins->mount_fd = open_pin(record->name, "mnt", record->mount_namespace);
	pins->ipc_fd = open_pin(record->name, "ipc", record->ipc_namespace);
	pins->network_fd = open_pin(record->name, "net", record->network_namespace);
	return pins->mount_fd < 0 || pins->ipc_fd == -1 || pins->network_fd == -1 ? -1 : 0;
}

static void close_pins(const struct pins *pins)
{
	close(pins->mount_fd);
	close(pins->ipc_fd);
	close(pins->network_fd);
}

static bool still_has_its_name(int record_fd)
{
	struct stat status;

	return fstat(record_fd, &status) == 0 && status.st_nlink == 1;
}

/* Where --list finds when the jail was last entered. Outside the seal, so no race can damage it. */
static void note_entry(int record_fd)
{
	struct timespec now;
	int64_t entered_ns;

	if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
		return;
	entered_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	(void)!pwrite(record_fd, &entered_ns, sizeof(entered_ns),
		      offsetof(struct record, entered_ns)); /* a display, not a decision */
}

static int join(const struct pins *pins)
{
	if (pins->ipc_fd >= 0 && setns(pins->ipc_fd, CLONE_NEWIPC) != 0)
		return -1;
	if (pins->network_fd >= 0 && setns(pins->network_fd, CLONE_NEWNET) != 0)
		return -1;
	return setns(pins->mount_fd, CLONE_NEWNS);
}

static int enter_recorded(int hub_fd, int record_fd, uid_t caller, const char *name,
			  struct record *record)
{
	const struct record_origin *image = &record->origins[RECORD_IMAGE];
	struct pins pins;
	struct stat root;

	if (record_read(record_fd, name, record) != 0 || !origin_is_current(record)) {
		errno = ESTALE;
		return -1;
	}
	if (!record_admits(record, caller)) {
		errno = EACCES;
		return -1;
	}
	if (setns(hub_fd, CLONE_NEWNS) != 0)
		return -1;
	if (open_pins(record, &pins) != 0 || !still_has_its_name(record_fd)) {
		close_pins(&pins);
		errno = ESTRPIPE;
		return -1;
	}
	int result = join(&pins);
	close_pins(&pins);
	/* A setns that only says it worked (a seccomp filter can do that) has not made it our root. */
	if (result == 0 && (stat("/", &root) != 0 || root.st_dev != image->device ||
			    root.st_ino != image->inode)) {
		errno = EPROTO;
		return -1;
	}
	if (result == 0)
		note_entry(record_fd);
	return result;
}

int enter_jail(const char *name, uid_t caller, struct record *record)
{
	int run_fd = open_run_directory(), hub_fd = -1, record_fd = -1, result = -1;

	if (run_fd < 0)
		return -1;
	hub_fd = open_hub(run_fd);
	if (hub_fd >= 0) {
		record_fd = open_record(run_fd, name);
		if (record_fd >= 0)
			result = enter_recorded(hub_fd, record_fd, caller, name, record);
		else
			errno = ESTALE;
	}
	int error = errno;
	close(record_fd);
	close(hub_fd);
	close(run_fd);
	errno = error;
	return result;
}

/* Whether process 2 is a thread of the kernel's: in a container it is somebody's program. */
static bool process_2_is_kthreadd(int root_fd)
{
	char stat_line[512];
	int fd = openat(root_fd, "proc/2/stat", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, stat_line, sizeof(stat_line) - 1);

	close(fd);
	if (length <= 0)
		return false;
	stat_line[length] = '\0';
	const char *at = strrchr(stat_line, ')'); /* the name before it may hold anything */
	for (int field = 2; at && field < 9; field++)
		at = strchr(at + 1, ' ');
	return at && strtoul(at, NULL, 10) & PF_KTHREAD;
}

int enter_host(int root_fd)
{
	int fd = openat(root_fd, "proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (fd < 0 && process_2_is_kthreadd(root_fd))
		fd = openat(root_fd, "proc/2/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int result = setns(fd, CLONE_NEWNS);
	close(fd);
	return result;
}
