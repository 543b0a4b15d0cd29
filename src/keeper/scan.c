/* SPDX-License-Identifier: MIT */
/* Processes by the inode numbers of their namespaces, as /proc shows them to root. */
#include "scan.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "cleanup.h"
#include "clock.h"
#include "trampoline/paths.h"

#define KILL_NS INT64_C(5000000000)
#define EMPTY_ROUNDS 8
#define TRANSIT_NS INT64_C(1000000000) /* an entry is in the hub for less than a millisecond */

struct entry { /* struct linux_dirent64: getdents64(2) */
	uint64_t inode;
	int64_t next;
	uint16_t length;
	uint8_t type;
	char name[];
};

static uint64_t namespace_of(int task_fd, const char *kind)
{
	char path[16];
	struct stat status;

	snprintf(path, sizeof(path), "ns/%s", kind);
	return fstatat(task_fd, path, &status, 0) == 0 ? status.st_ino : 0;
}

/* A task of the process that still has namespaces: its first thread may have ended first. */
static int open_task(int pid_fd)
{
	int fd = openat(pid_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC), task_fd = -1;
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);

	for (const struct dirent *entry; entries && task_fd < 0 && (entry = readdir(entries));) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		task_fd = openat(fd, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (task_fd >= 0 && namespace_of(task_fd, "mnt") == 0) {
			close(task_fd);
			task_fd = -1;
		}
	}
	if (entries)
		closedir(entries);
	return task_fd;
}

/* The real uid; the owner of /proc/PID is root for whoever is not dumpable. */
static uid_t uid_of(int task_fd)
{
	AUTO_CLOSE fd = openat(task_fd, "status", O_RDONLY | O_CLOEXEC);
	char status[2048];
	ssize_t length = fd < 0 ? -1 : read(fd, status, sizeof(status) - 1);

	status[length < 0 ? 0 : length] = '\0';
	const char *uid = strstr(status, "\nUid:\t"); /* the name before it is escaped */
	return uid ? (uid_t)strtoul(uid + 6, NULL, 10) : (uid_t)-1;
}

/*
 * By the path of its program, as the host has it: that is still so when another one has been
 * installed in its place, and no user can write there, nor in a jail's image, nor execute ours.
 */
static bool is_supervisor(int task_fd)
{
	char path[sizeof(PATHS_SUPERVISOR " (deleted)")];
	ssize_t length = readlinkat(task_fd, "exe", path, sizeof(path) - 1);

	path[length < 0 ? 0 : length] = '\0';
	return !strcmp(path, PATHS_SUPERVISOR) || !strcmp(path, PATHS_SUPERVISOR " (deleted)");
}

/* False for a process that has gone, is the kernel's to hide, or has the mounts of the HOST. */
static bool look_at(const struct namespace_home *home, const char *name,
		    struct scan_process *process)
{
	AUTO_CLOSE pid_fd = openat(home->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE task_fd = pid_fd < 0 ? -1 : open_task(pid_fd);
	struct stat root = {.st_ino = 0};

	if (task_fd < 0)
		return false;
	process->mount_namespace = namespace_of(task_fd, "mnt");
	if (fstat(home->mount_fd, &root) == 0 && process->mount_namespace == root.st_ino)
		return false; /* most are that, and need no longer look */
	process->pid = (pid_t)strtol(name, NULL, 10);
	process->uid = uid_of(task_fd);
	process->ipc_namespace = namespace_of(task_fd, "ipc");
	process->network_namespace = namespace_of(task_fd, "net");
	root.st_dev = root.st_ino = 0;
	(void)fstatat(task_fd, "root", &root, 0); /* not there any more: inode 0 */
	process->root_device = root.st_dev;
	process->root_inode = root.st_ino;
	process->is_supervisor = is_supervisor(task_fd);
	return true;
}

static int add(struct scan *scan, const struct scan_process *process)
{
	if (scan->count == scan->size) {
		size_t size = scan->size ? scan->size * 2 : 256;
		struct scan_process *grown = reallocarray(scan->processes, size, sizeof(*grown));

		if (!grown)
			return -1;
		scan->processes = grown;
		scan->size = size;
	}
	scan->processes[scan->count++] = *process;
	return 0;
}

int scan_again(const struct namespace_home *home, struct scan *scan)
{
	AUTO_CLOSE fd = openat(home->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct scan_process process;
	/* Room for an entry or two: each process is looked at as soon as it is listed, so that one
	 * which leaves its life to a child, with a higher number, is met again as that child. */
	_Alignas(struct entry) char buffer[96];
	ssize_t length = fd < 0 ? -1 : 0;

	while (fd >= 0 && (length = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < length;) {
			const struct entry *entry =
				(const struct entry *)(const void *)(buffer + at);

			if (isdigit((unsigned char)entry->name[0]) &&
			    look_at(home, entry->name, &process) && add(scan, &process) != 0)
				return -1;
			at += entry->length;
		}
	}
	return (int)length;
}

int scan_read(const struct namespace_home *home, struct scan *scan)
{
	memset(scan, 0, sizeof(*scan));
	return scan_again(home, scan);
}

void scan_free(struct scan *scan)
{
	free(scan->processes);
	memset(scan, 0, sizeof(*scan));
}

bool scan_is_inside(const struct scan_process *process, const struct record *record)
{
	const struct record_origin *image = &record->origins[RECORD_IMAGE];
	bool is_rooted = process->uid == record->uid && process->root_device == image->device &&
			 process->root_inode == image->inode;

	/* Others are in another's jail: a record that has lost its pins has a number that the
	 * kernel may have used again. Root is a launcher on its way in. */
	if (process->uid != record->uid && process->uid != 0)
		return false;
	if (process->mount_namespace == record->mount_namespace)
		return true;
	/* Without a filter the user may make namespaces of his own. */
	if (is_rooted && record->filter_length == 0)
		return true;
	if (record->ipc_namespace)
		return process->ipc_namespace == record->ipc_namespace;
	if (record->network_namespace)
		return process->network_namespace == record->network_namespace;
	return is_rooted;
}

size_t scan_count(const struct scan *scan, const struct record *record)
{
	size_t count = 0;

	for (size_t i = 0; i < scan->count; i++)
		count += scan_is_inside(&scan->processes[i], record);
	return count;
}

size_t scan_count_in(const struct scan *scan, uint64_t mount_namespace)
{
	size_t count = 0;

	for (size_t i = 0; i < scan->count; i++)
		count += scan->processes[i].mount_namespace == mount_namespace;
	return count;
}

size_t scan_count_own(const struct scan *scan, const struct record *record)
{
	size_t count = 0;

	for (size_t i = 0; i < scan->count; i++)
		count += !scan->processes[i].is_supervisor &&
			 scan_is_inside(&scan->processes[i], record);
	return count;
}

/*
 * Signals one process if it is still where we saw it, in the jail of RECORD or (NULL) in the mount
 * namespace: a pid may have been given to another.
 */
static void signal_one(const struct namespace_home *home, const struct scan_process *process,
		       uint64_t mount_namespace, const struct record *record, int number)
{
	AUTO_CLOSE fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	struct scan_process now;
	char name[16];

	snprintf(name, sizeof(name), "%d", process->pid);
	if (fd >= 0 && look_at(home, name, &now) &&
	    (record ? scan_is_inside(&now, record) : now.mount_namespace == mount_namespace))
		(void)syscall(SYS_pidfd_send_signal, fd, number, NULL, 0);
}

static ssize_t signal_all(const struct namespace_home *home, const struct record *record,
			  int number)
{
	struct scan scan;
	ssize_t count = -1;

	if (scan_read(home, &scan) == 0) {
		count = 0;
		for (size_t i = 0; i < scan.count; i++) {
			if (!scan_is_inside(&scan.processes[i], record))
				continue;
			signal_one(home, &scan.processes[i], 0, record, number);
			count++;
		}
	}
	scan_free(&scan);
	return count;
}

static void pause_between(void)
{
	static const struct timespec pause = {.tv_nsec = 2000000};

	nanosleep(&pause, NULL);
}

int scan_wait_for_transit(const struct namespace_home *home, uint64_t mount_namespace)
{
	int64_t begun_ns = clock_boottime_ns(), now_ns;

	do {
		struct scan scan;
		int result = scan_read(home, &scan);
		size_t count = scan_count_in(&scan, mount_namespace);

		now_ns = clock_boottime_ns();
		for (size_t i = 0; now_ns - begun_ns > TRANSIT_NS && i < scan.count; i++)
			if (scan.processes[i].mount_namespace == mount_namespace)
				signal_one(home, &scan.processes[i], mount_namespace, NULL,
					   SIGKILL);
		scan_free(&scan);
		if (result != 0 || count == 0)
			return result;
		pause_between();
	} while (now_ns - begun_ns < KILL_NS);
	errno = ETIME;
	return -1;
}

int scan_kill(const struct namespace_home *home, const struct record *record)
{
	int64_t deadline_ns = clock_boottime_ns() + KILL_NS;

	/* Who is stopped does not fork, so each round leaves fewer that can outrun the next. A
	 * round can miss one that leaves its life to a child all the time, not many on end. */
	for (int empty = 0; clock_boottime_ns() < deadline_ns;) {
		ssize_t stopped = signal_all(home, record, SIGSTOP);

		empty = stopped == 0 ? empty + 1 : 0;
		if (stopped < 0 || empty == EMPTY_ROUNDS)
			return stopped < 0 ? -1 : 0;
		if (stopped > 0 && signal_all(home, record, SIGKILL) < 0)
			return -1;
		pause_between();
	}
	errno = ETIME;
	return -1;
}
