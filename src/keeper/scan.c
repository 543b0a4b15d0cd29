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

#define KILL_NS INT64_C(5000000000)

static uint64_t namespace_of(int pid_fd, const char *kind)
{
	char path[16];
	struct stat status;

	snprintf(path, sizeof(path), "ns/%s", kind);
	return fstatat(pid_fd, path, &status, 0) == 0 ? status.st_ino : 0;
}

/* False for a process that has gone, or is the kernel's to hide. */
static bool look_at(const struct namespace_home *home, const char *name, struct scan_process *process)
{
	AUTO_CLOSE pid_fd = openat(home->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat status;

	if (pid_fd < 0 || fstat(pid_fd, &status) != 0)
		return false;
	process->pid = (pid_t)strtol(name, NULL, 10);
	process->uid = status.st_uid;
	process->mount_namespace = namespace_of(pid_fd, "mnt");
	process->ipc_namespace = namespace_of(pid_fd, "ipc");
	process->network_namespace = namespace_of(pid_fd, "net");
	return process->mount_namespace != 0;
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

int scan_read(const struct namespace_home *home, struct scan *scan)
{
	int fd = openat(home->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	struct scan_process process;

	memset(scan, 0, sizeof(*scan));
	if (!entries)
		return -1;
	for (const struct dirent *entry; result == 0 && (entry = readdir(entries));)
		if (isdigit((unsigned char)entry->d_name[0]) && look_at(home, entry->d_name, &process))
			result = add(scan, &process);
	closedir(entries);
	return result;
}

void scan_free(struct scan *scan)
{
	free(scan->processes);
	memset(scan, 0, sizeof(*scan));
}

bool scan_is_inside(const struct scan_process *process, const struct record *record)
{
	if (process->mount_namespace == record->mount_namespace)
		return true;
	if (record->ipc_namespace)
		return process->ipc_namespace == record->ipc_namespace;
	if (record->network_namespace)
		return process->network_namespace == record->network_namespace;
	return process->uid == record->uid;
}

size_t scan_count(const struct scan *scan, const struct record *record)
{
	size_t count = 0;

	for (size_t i = 0; i < scan->count; i++)
		count += scan_is_inside(&scan->processes[i], record);
	return count;
}

/* Signals one process if it is still the one we saw: a pid may have been given to another. */
static void signal_one(const struct namespace_home *home, const struct scan_process *process,
		       const struct record *record, int number)
{
	AUTO_CLOSE fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	struct scan_process now;
	char name[16];

	snprintf(name, sizeof(name), "%d", process->pid);
	if (fd >= 0 && look_at(home, name, &now) && scan_is_inside(&now, record))
		(void)syscall(SYS_pidfd_send_signal, fd, number, NULL, 0);
}

static ssize_t signal_all(const struct namespace_home *home, const struct record *record, int number)
{
	struct scan scan;
	ssize_t count = -1;

	if (scan_read(home, &scan) == 0) {
		count = 0;
		for (size_t i = 0; i < scan.count; i++) {
			if (!scan_is_inside(&scan.processes[i], record))
				continue;
			signal_one(home, &scan.processes[i], record, number);
			count++;
		}
	}
	scan_free(&scan);
	return count;
}

int scan_kill(const struct namespace_home *home, const struct record *record)
{
	static const struct timespec pause = {.tv_nsec = 2000000};
	int64_t deadline_ns = clock_boottime_ns() + KILL_NS;

	/* Who is stopped does not fork, so each round leaves fewer that can outrun the next. */
	while (clock_boottime_ns() < deadline_ns) {
		ssize_t stopped = signal_all(home, record, SIGSTOP);

		if (stopped <= 0)
			return (int)stopped;
		if (signal_all(home, record, SIGKILL) < 0)
			return -1;
		nanosleep(&pause, NULL);
	}
	errno = ETIME;
	return -1;
}
