/* SPDX-License-Identifier: MIT */
/*
 * Processes as /proc shows them to root. Nothing here looks at a file of a process's: its storage
 * may not answer.
 */
#include "inside.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "trampoline/paths.h"

#define LOOKS 8
#define ROOM 96 /* for an entry or two of /proc */

/* 0 if errno says that a process or thread has ended; else -1: it could not be looked at. */
static int ended(void)
{
	return errno == ENOENT || errno == ESRCH ? 0 : -1;
}

/*
 * Reads the inode number of a task's namespace. Returns 1; 0 if the task has ended; -1 and errno.
 * *INODE is 0 if we may not look at the process, such as a container's process 1 on some hosts.
 */
static int read_namespace(int task_fd, const char *kind, uint64_t *inode)
{
	char path[16];
	struct stat status;

	snprintf(path, sizeof(path), "ns/%s", kind);
	int result = fstatat(task_fd, path, &status, 0);
	*inode = result == 0 ? status.st_ino : 0;
	return result == 0 || errno == EACCES || errno == EPERM ? 1 : ended();
}

/*
 * Opens a thread that still has namespaces: the first may have ended before the others. Returns as
 * read_namespace() does.
 */
static int open_task(int pid_fd, int *task_fd, uint64_t *mount_namespace)
{
	AUTO_CLOSE fd = openat(pid_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	int result = 0;

	if (!entries)
		return ended();
	int tasks_fd = auto_close_take(&fd); /* the stream's now */
	while (result == 0) {
		errno = 0;
		const struct dirent *entry = readdir(entries);
		if (!entry) {
			result = errno == 0 ? 0 : ended();
			break;
		}
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		*task_fd = openat(tasks_fd, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		result = *task_fd < 0 ? ended() : read_namespace(*task_fd, "mnt", mount_namespace);
		if (result == 0) {
			auto_close(task_fd);
			*task_fd = -1;
		}
	}
	int error = errno;
	closedir(entries);
	errno = error;
	return result;
}

/*
 * Reads the real uid from the status file, because root owns /proc/PID where a process is not
 * dumpable: proc(5). Returns as read_namespace() does.
 */
static int read_uid(int task_fd, uid_t *uid)
{
	AUTO_CLOSE fd = openat(task_fd, "status", O_RDONLY | O_CLOEXEC);
	char status[2048];
	ssize_t length = fd < 0 ? -1 : read(fd, status, sizeof(status) - 1);

	if (length < 0)
		return ended();
	status[length] = '\0';
	const char *at = strstr(status, "\nUid:\t"); /* the name before it is escaped */
	errno = EPROTO;
	if (!at)
		return -1;
	*uid = (uid_t)strtoul(at + strlen("\nUid:\t"), NULL, 10);
	return 1;
}

/*
 * By the path of its program, as the host has it: that is still so when another one has been
 * installed in its place, and no user can write there, nor in a jail's image, nor execute ours.
 */
static bool is_launcher(int task_fd)
{
	char path[sizeof(PATHS_LAUNCHER " (deleted)")];
	ssize_t length = readlinkat(task_fd, "exe", path, sizeof(path) - 1);

	path[length < 0 ? 0 : length] = '\0';
	return !strcmp(path, PATHS_LAUNCHER) || !strcmp(path, PATHS_LAUNCHER " (deleted)");
}

/*
 * Fills PROCESS; of one in the host's mount namespace, HOST_INODE, only pid and uid. Returns as
 * read_namespace() does.
 */
static int look_at(const struct namespace_host *host, const char *name, uint64_t host_inode,
		   struct inside_process *process)
{
	AUTO_CLOSE pid_fd = openat(host->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE task_fd = -1;

	if (pid_fd < 0)
		return ended();
	process->pid = (pid_t)strtol(name, NULL, 10);
	int result = open_task(pid_fd, &task_fd, &process->mount_namespace);
	if (result == 1)
		result = read_uid(task_fd, &process->uid);
	if (result != 1)
		return result;
	process->is_on_host = process->mount_namespace == host_inode;
	if (process->is_on_host)
		return 1;
	result = read_namespace(task_fd, "ipc", &process->ipc_namespace);
	if (result == 1)
		result = read_namespace(task_fd, "net", &process->network_namespace);
	process->is_launcher = is_launcher(task_fd);
	return result;
}

/* The host's mount namespace; 0 and errno. */
static uint64_t inode_of_host(const struct namespace_host *host)
{
	struct stat status = {.st_ino = 0};

	errno = EPROTO; /* a seccomp filter that only says it worked */
	return fstat(host->mount_fd, &status) == 0 ? status.st_ino : 0;
}

/*
 * Calls VISIT for each process until it returns 1, and returns that one's number; 0 after the last;
 * -1 and errno, also where VISIT returned -1.
 */
static pid_t walk(const struct namespace_host *host,
		  int (*visit)(void *context, const struct inside_process *process), void *context)
{
	uint64_t inode = inode_of_host(host);
	AUTO_CLOSE fd =
		inode == 0 ? -1 : openat(host->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct inside_process process;
	/* Few at a time: each process is looked at as soon as it is listed, so that one which
	 * leaves its life to a child, with a higher number, is met again as that child. */
	_Alignas(struct dirent64) char buffer[ROOM + sizeof(struct dirent64)];
	ssize_t length = fd < 0 ? -1 : 0;

	while (fd >= 0 && (length = getdents64(fd, buffer, ROOM)) > 0) {
		for (ssize_t at = 0; at < length;) {
			const struct dirent64 *entry = (const void *)(buffer + at);

			int result = isdigit((unsigned char)entry->d_name[0])
					     ? look_at(host, entry->d_name, inode, &process)
					     : 0;
			if (result == 1)
				result = visit(context, &process);
			if (result != 0)
				return result < 0 ? -1 : process.pid;
			at += entry->d_reclen;
		}
	}
	return length < 0 ? -1 : 0;
}

static int add(void *context, const struct inside_process *process)
{
	struct inside *inside = context;

	if (process->is_on_host)
		return 0;
	/* Nearly always in place: realloc(3) moves pages of a large array, not bytes. */
	struct inside_process *grown =
		reallocarray(inside->processes, inside->count + 1, sizeof(*grown));
	if (!grown)
		return -1;
	inside->processes = grown;
	inside->processes[inside->count++] = *process;
	return 0;
}

static int compare(const void *first, const void *second)
{
	const struct inside_process *one = first, *other = second;
	int64_t uids = (int64_t)one->uid - other->uid;

	return uids != 0 ? (uids > 0 ? 1 : -1) : one->pid - other->pid;
}

int inside_read(const struct namespace_host *host, struct inside *inside)
{
	size_t kept = 0;

	memset(inside, 0, sizeof(*inside));
	/* Twice: where process numbers begin anew, one that always leaves can be missed. */
	int result = walk(host, add, inside) == 0 ? walk(host, add, inside) : -1;
	if (inside->count > 1)
		qsort(inside->processes, inside->count, sizeof(*inside->processes), compare);
	for (size_t i = 0; i < inside->count; i++)
		if (kept == 0 || inside->processes[kept - 1].pid != inside->processes[i].pid)
			inside->processes[kept++] = inside->processes[i];
	inside->count = kept;
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

pid_t inside_search(const struct namespace_host *host,
		    int (*matches)(void *context, const struct inside_process *process),
		    void *context)
{
	pid_t found = 0;

	for (unsigned int look = 0; look < LOOKS && found == 0; look++)
		found = walk(host, matches, context);
	return found;
}

static int has_uid(void *context, const struct inside_process *process)
{
	return process->uid == *(const uid_t *)context && !process->is_on_host;
}

/* Who may not be looked at could be there. */
static int has_uid_on_host(void *context, const struct inside_process *process)
{
	return process->uid == *(const uid_t *)context &&
	       (process->is_on_host || process->mount_namespace == 0);
}

pid_t inside_find(const struct namespace_host *host, uid_t uid)
{
	return inside_search(host, has_uid, &uid);
}

pid_t inside_find_on_host(const struct namespace_host *host, uid_t uid)
{
	return walk(host, has_uid_on_host, &uid);
}
