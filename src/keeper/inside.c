/* SPDX-License-Identifier: MIT */
/*
 * Processes as /proc shows them to root. Nothing here looks at a file of a process's: its storage
 * may not answer.
 */
#include "inside.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "auto_free.h"
#include "trampoline/paths.h"

#define LOOKS 8

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

/* False for a process that has gone or cannot be looked at. Of the HOST's, less is looked at. */
static bool look_at(const struct namespace_home *home, const char *name, uint64_t host,
		    struct inside_process *process)
{
	AUTO_CLOSE pid_fd = openat(home->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE task_fd = pid_fd < 0 ? -1 : open_task(pid_fd);

	if (task_fd < 0)
		return false;
	process->pid = (pid_t)strtol(name, NULL, 10);
	process->mount_namespace = namespace_of(task_fd, "mnt");
	process->uid = uid_of(task_fd);
	process->is_on_host = process->mount_namespace == host;
	if (process->is_on_host)
		return true;
	process->ipc_namespace = namespace_of(task_fd, "ipc");
	process->network_namespace = namespace_of(task_fd, "net");
	process->is_supervisor = is_supervisor(task_fd);
	return process->mount_namespace != 0;
}

/* The host's mount namespace; 0 and errno. */
static uint64_t host_of(const struct namespace_home *home)
{
	struct stat status = {.st_ino = 0};

	errno = EPROTO; /* a seccomp filter that only says it worked */
	return fstat(home->mount_fd, &status) == 0 ? status.st_ino : 0;
}

/*
 * Calls VISIT for each process until it returns something else than 0, and returns that; 0 after
 * the last; -1 and errno.
 */
static int walk(const struct namespace_home *home,
		int (*visit)(void *context, const struct inside_process *process), void *context)
{
	uint64_t host = host_of(home);
	AUTO_CLOSE fd =
		host == 0 ? -1 : openat(home->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct inside_process process;
	/* Room for an entry or two: each process is looked at as soon as it is listed, so that one
	 * which leaves its life to a child, with a higher number, is met again as that child. */
	_Alignas(struct entry) char buffer[96];
	ssize_t length = fd < 0 ? -1 : 0;
	int result = 0;

	while (fd >= 0 && (length = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < length;) {
			const struct entry *entry =
				(const struct entry *)(const void *)(buffer + at);

			if (isdigit((unsigned char)entry->name[0]) &&
			    look_at(home, entry->name, host, &process))
				result = visit(context, &process);
			if (result != 0)
				return result;
			at += entry->length;
		}
	}
	return length < 0 ? -1 : 0;
}

static int add(void *context, const struct inside_process *process)
{
	struct inside *inside = context;

	if (process->is_on_host)
		return 0;
	if (inside->count == inside->size) {
		size_t size = inside->size ? inside->size * 2 : 256;
		struct inside_process *grown =
			reallocarray(inside->processes, size, sizeof(*grown));

		if (!grown)
			return -1;
		inside->processes = grown;
		inside->size = size;
	}
	inside->processes[inside->count++] = *process;
	return 0;
}

static int compare(const void *first, const void *second)
{
	uid_t one = ((const struct inside_process *)first)->uid;
	uid_t other = ((const struct inside_process *)second)->uid;

	return (one > other) - (one < other);
}

int inside_read(const struct namespace_home *home, struct inside *inside)
{
	memset(inside, 0, sizeof(*inside));
	int result = walk(home, add, inside);
	if (inside->count > 1)
		qsort(inside->processes, inside->count, sizeof(*inside->processes), compare);
	return result;
}

void inside_free(struct inside *inside)
{
	free(inside->processes);
	memset(inside, 0, sizeof(*inside));
}

const struct inside_process *inside_of(const struct inside *inside, uid_t uid, size_t *count)
{
	size_t low = 0, high = inside->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (inside->processes[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	for (*count = 0; low + *count < inside->count; ++*count)
		if (inside->processes[low + *count].uid != uid)
			break;
	return inside->processes + low;
}

bool inside_is_earlier(const struct inside_process *process, const struct record *record)
{
	/* A private run has a copy of the mount namespace, so the others tell, where they can. */
	if (process->mount_namespace == record->mount_namespace)
		return false;
	return (record->ipc_namespace && process->ipc_namespace != record->ipc_namespace) ||
	       (record->network_namespace &&
		process->network_namespace != record->network_namespace);
}

struct search {
	int (*matches)(const void *context, const struct inside_process *process);
	const void *context;
	pid_t found;
};

static int match(void *context, const struct inside_process *process)
{
	struct search *search = context;

	search->found = process->pid;
	return search->matches(search->context, process);
}

pid_t inside_search(const struct namespace_home *home,
		    int (*matches)(const void *context, const struct inside_process *process),
		    const void *context)
{
	struct search search = {.matches = matches, .context = context};

	for (unsigned int look = 0; look < LOOKS; look++) {
		int result = walk(home, match, &search);

		if (result != 0)
			return result < 0 ? -1 : search.found;
	}
	return 0;
}

static int has_uid(const void *context, const struct inside_process *process)
{
	return process->uid == *(const uid_t *)context && !process->is_on_host;
}

static int has_uid_on_host(const void *context, const struct inside_process *process)
{
	return process->uid == *(const uid_t *)context && process->is_on_host;
}

pid_t inside_find(const struct namespace_home *home, uid_t uid)
{
	return inside_search(home, has_uid, &uid);
}

pid_t inside_find_on_host(const struct namespace_home *home, uid_t uid)
{
	struct search search = {.matches = has_uid_on_host, .context = &uid};
	int result = walk(home, match, &search);

	return result > 0 ? search.found : result;
}
