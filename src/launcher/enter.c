/* SPDX-License-Identifier: MIT */
/*
 * The warm path. The order matters: the record is read and locked on the host, the pins are opened
 * in the hub, and only then is it looked at whether the record is in force. The keeper makes it
 * read-only, waits for the lock and unlinks it before it touches the pins, so a record that is in
 * force belongs to the pins that are open here.
 */
#include "enter.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "trampoline/auto_close.h"
#include "trampoline/layout.h"
#include "trampoline/paths.h"
#include "trampoline/proof.h"

#define NSFS_MAGIC 0x6e736673 /* linux/magic.h */
#define PLACE_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define PF_KTHREAD 0x00200000u /* include/linux/sched.h; shown in /proc/PID/stat, field 9 */

/* RUNDIR is believed only while it is what the keeper makes: root's and nobody else's. */
static int open_hub(int run_fd)
{
	AUTO_CLOSE fd =
		openat(run_fd, LAYOUT_RUN_HUB, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct statfs file_system;
	struct stat status;

	if (fd >= 0 && fstat(run_fd, &status) == 0 && status.st_uid == 0 &&
	    (status.st_mode & 07777) == 0700 && fstatfs(fd, &file_system) == 0 &&
	    file_system.f_type == NSFS_MAGIC)
		return auto_close_take(&fd);
	return -1;
}

static int open_record(int run_fd, const char *name)
{
	char path[LAYOUT_PATH_MAX];

	layout_record_path(path, name);
	return openat(run_fd, path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* In the hub: the pin of one namespace, if it is the one the record speaks of. */
static int open_pin(const char *name, const char *kind, uint64_t inode)
{
	char path[LAYOUT_PATH_MAX];
	struct stat status;

	layout_pin_path(path, name, kind);
	AUTO_CLOSE fd = inode ? openat(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd >= 0 && fstat(fd, &status) == 0 && status.st_ino == inode)
		return auto_close_take(&fd);
	errno = fd < 0 ? errno : ENOENT;
	return -1;
}

/*
 * No type: the descriptor says which namespace it is. All six registers are set, because a filter
 * may look at those that libc leaves alone.
 */
static int join_one(int fd)
{
	return (int)syscall(SYS_setns, fd, 0, 0, 0, 0, 0);
}

/*
 * In the hub: joins RECORD's namespaces. Each setns has the arguments of the one that brought us
 * here, from HUB_FD: a seccomp filter sees no more, so it can fake all or none; the last is proved.
 */
static enum enter_result join(const struct record *record, int record_fd, int hub_fd)
{
	const struct record_origin *image = &record->origins[RECORD_IMAGE];
	AUTO_CLOSE mount_fd = open_pin(record->name, LAYOUT_PIN_MOUNT, record->mount_namespace);
	AUTO_CLOSE ipc_fd = open_pin(record->name, LAYOUT_PIN_IPC, record->ipc_namespace);
	AUTO_CLOSE network_fd =
		open_pin(record->name, LAYOUT_PIN_NETWORK, record->network_namespace);
	const int pins[] = {ipc_fd, network_fd, mount_fd};
	struct stat status;

	if (mount_fd < 0 || (ipc_fd < 0 && record->ipc_namespace) ||
	    (network_fd < 0 && record->network_namespace) || fstat(record_fd, &status) != 0 ||
	    status.st_nlink != 1 || (status.st_mode & 07777) != RECORD_MODE)
		return errno == EMFILE || errno == ENFILE ? ENTER_FAILED : ENTER_RETIRED;
	for (size_t i = 0; i < ARRAY_LENGTH(pins); i++)
		if (pins[i] >= 0 &&
		    (dup3(pins[i], hub_fd, O_CLOEXEC) != hub_fd || join_one(hub_fd) != 0))
			return ENTER_FAILED;
	return proof_of(stat("/", &status) == 0 && status.st_dev == image->device &&
			status.st_ino == image->inode) == 0
		       ? ENTER_DONE
		       : ENTER_FAILED;
}

/* Where --list finds when the jail was last entered. Outside the seal, so no race can damage it. */
static void note_entry(int record_fd)
{
	struct timespec now = {.tv_sec = 0};

	/* By number: the vDSO's is two pages more to map for one look. */
	syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &now);
	int64_t ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	(void)!pwrite(record_fd, &ns, sizeof(ns), offsetof(struct record, entered_ns));
}

enum enter_result enter_open(struct enter *enter, const char *name, struct record *record)
{
	AUTO_CLOSE run_fd = openat(AT_FDCWD, PATHS_RUN, PLACE_FLAGS);
	AUTO_CLOSE hub_fd = open_hub(run_fd);
	AUTO_CLOSE record_fd = hub_fd < 0 ? -1 : open_record(run_fd, name);

	if (hub_fd < 0)
		return ENTER_NO_HUB;
	bool is_read = record_fd >= 0 && record_read(record_fd, name, record) == 0;
	const struct record_origin *cgroup = &record->origins[RECORD_CGROUP];
	bool has_cgroup = is_read && cgroup->inode != 0;
	/* Open first, compare inodes afterwards; cgroup inode numbers are never reused. */
	AUTO_CLOSE cgroup_fd = has_cgroup ? openat(AT_FDCWD, cgroup->path, PLACE_FLAGS) : -1;
	if (!is_read || has_cgroup != (cgroup_fd >= 0) || !record_is_current(record))
		return ENTER_STALE;
	enter->cgroup_fd = auto_close_take(&cgroup_fd);
	enter->hub_fd = auto_close_take(&hub_fd);
	enter->record_fd = auto_close_take(&record_fd);
	return ENTER_DONE;
}

enum enter_result enter_join(struct enter *enter, const struct record *record)
{
	AUTO_CLOSE hub_fd = auto_close_take(&enter->hub_fd);
	AUTO_CLOSE record_fd = auto_close_take(&enter->record_fd);
	AUTO_CLOSE cgroup_fd = auto_close_take(&enter->cgroup_fd);

	/* A keeper has it: the jail is being discarded or built, and the next keeper waits. */
	if (flock(record_fd, LOCK_SH | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? ENTER_STALE : ENTER_FAILED;
	/* EINVAL: the file is no hub any more. The keeper runs next and says what is wrong. */
	if (join_one(hub_fd) != 0)
		return errno == EINVAL ? ENTER_RETIRED : ENTER_FAILED;
	enum enter_result result = join(record, record_fd, hub_fd);
	if (result == ENTER_DONE) {
		note_entry(record_fd);
		enter->record_fd = auto_close_take(&record_fd);
		enter->cgroup_fd = auto_close_take(&cgroup_fd);
	}
	return result;
}

/* Whether process 2 is a thread of the kernel's: in a container it is somebody's program. */
static bool process_2_is_kthreadd(int root_fd)
{
	AUTO_CLOSE fd = openat(root_fd, "proc/2/stat", O_RDONLY | O_CLOEXEC);
	char stat_line[512];
	ssize_t length = fd < 0 ? -1 : read(fd, stat_line, sizeof(stat_line) - 1);

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
	AUTO_CLOSE fd = openat(root_fd, "proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (fd < 0 && process_2_is_kthreadd(root_fd))
		fd = openat(root_fd, "proc/2/ns/mnt", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -1 : setns(fd, CLONE_NEWNS);
}
