/* SPDX-License-Identifier: MIT */
/*
 * What says on the host that a jail is live. Only names we know are ever unlinked, one by one;
 * there is nothing recursive here, and nothing of a user's is within reach.
 */
#include "state.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "lock.h"
#include "path.h"
#include "report.h"
#include "trampoline/layout.h"
#include "trampoline/paths.h"

#define LOCK_FILE "lock"
#define NEW_RECORD "record.new"
#define RETIRED "retired."
#define ATTEMPTS 1000 /* to lock what cleanups remove; and RUNDIR itself may have gone */

/* Why a directory of ours cannot be opened. */
static const char *reason_of(int error)
{
	if (error == EXDEV)
		return "something is mounted there; unmount it";
	if (error == ELOOP || error == ENOTDIR)
		return "it is a symbolic link or no directory; remove it";
	return error == EPERM ? "others than root can write to it; chown root and chmod 0700 it"
			      : NULL;
}

/* Opens PATH, which is WHOLE, below a directory of ours. -1 with *ERROR. */
static int open_own(int directory_fd, const char *path, const char *whole, struct text *error)
{
	int fd = path_open_own(directory_fd, path);

	return fd >= 0 ? fd : report_fill(error, "open directory", whole, reason_of(errno));
}

int state_open(int run_fd, const char *name, struct text *error)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), PATHS_RUN "/jails/%s", name);
	return open_own(run_fd, whole + strlen(PATHS_RUN "/"), whole, error);
}

/* Opens NAME in a directory of ours called PATH, made if it is missing. -1 with *ERROR. */
static int open_directory_at(int directory_fd, const char *path, const char *name,
			     struct text *error)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", path, name);
	if (mkdirat(directory_fd, name, 0700) != 0 && errno != EEXIST)
		return report_fill(error, "make directory", whole, report_if_full(REPORT_RUN));
	return open_own(directory_fd, name, whole, error);
}

/* RUNDIR/jails/NAME. errno ENOENT: a cleanup has just removed it. */
static int open_directory(int run_fd, const char *name, struct text *error)
{
	AUTO_CLOSE jails_fd = open_directory_at(run_fd, PATHS_RUN, LAYOUT_RUN_JAILS, error);

	return jails_fd < 0 ? -1 : open_directory_at(jails_fd, PATHS_RUN "/jails", name, error);
}

/* Whether the file we locked is still the lock: a cleanup may have removed it while we waited. */
static bool is_the_lock(int directory_fd, int lock_fd)
{
	struct stat held, named;

	return fstat(lock_fd, &held) == 0 &&
	       fstatat(directory_fd, LOCK_FILE, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

int state_lock(int run_fd, const char *name, bool wait, int *directory_fd, struct text *error)
{
	for (unsigned int attempt = 0; attempt < ATTEMPTS; attempt++) {
		AUTO_CLOSE directory = open_directory(run_fd, name, error);
		if (directory < 0 && errno == ENOENT)
			continue; /* a cleanup removed it between the two calls */
		if (directory < 0)
			return -1;
		AUTO_CLOSE lock_fd = openat(directory, LOCK_FILE,
					    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (lock_fd < 0 && errno == ENOENT)
			continue; /* the same */
		if (lock_fd < 0)
			return report_fill(error, "open the lock of jail", name,
					   report_if_full(REPORT_RUN));
		if (lock_take(lock_fd, wait) != 0)
			return report_fill(
				error, "lock jail", name,
				errno == EINTR || errno == EWOULDBLOCK
					? "busy: another keeper is at work on it; try again"
					: NULL);
		if (!is_the_lock(directory, lock_fd))
			continue;
		*directory_fd = auto_close_take(&directory);
		return auto_close_take(&lock_fd);
	}
	return report_fill(error, "lock jail", name, "it is removed again and again; try again");
}

static int open_record(int directory_fd, const char *file)
{
	return openat(directory_fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* Whether its withdrawal has begun: a keeper was killed before it could give it its new name. */
static bool is_withdrawn(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && (status.st_mode & 07777) == RECORD_WITHDRAWN_MODE;
}

int state_read(int directory_fd, const char *name, struct record *record)
{
	AUTO_CLOSE fd = open_record(directory_fd, LAYOUT_RUN_RECORD);

	if (fd < 0 || record_read(fd, name, record) != 0)
		return -1;
	errno = ESTALE;
	return is_withdrawn(fd) ? -1 : 0;
}

/* FILE appears whole or not at all. */
static int write_record(int directory_fd, const char *file, const struct record *record)
{
	if (state_unlink(directory_fd, NEW_RECORD) != 0)
		return -1;
	AUTO_CLOSE fd = openat(directory_fd, NEW_RECORD,
			       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, RECORD_MODE);
	if (fd < 0)
		return -1;
	ssize_t written = write(fd, record, record->size);
	if (written == (ssize_t)record->size)
		return renameat(directory_fd, NEW_RECORD, directory_fd, file);
	if (written >= 0)
		errno = ENOSPC;
	return -1;
}

int state_publish(int directory_fd, struct record *record)
{
	record_seal(record);
	return write_record(directory_fd, LAYOUT_RUN_RECORD, record);
}

int state_mark(int directory_fd, int64_t marked_ns)
{
	AUTO_CLOSE fd = openat(directory_fd, LAYOUT_RUN_RECORD, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -1;
	ssize_t written =
		pwrite(fd, &marked_ns, sizeof(marked_ns), offsetof(struct record, marked_ns));
	return written == sizeof(marked_ns) ? 0 : -1;
}

int state_unlink(int directory_fd, const char *file)
{
	return unlinkat(directory_fd, file, 0) == 0 || errno == ENOENT ? 0 : -1;
}

int state_withdraw(int directory_fd, const char *name)
{
	struct record record;
	char file[64];
	AUTO_CLOSE fd = open_record(directory_fd, LAYOUT_RUN_RECORD);

	if (fd < 0 || record_read(fd, name, &record) != 0)
		return state_unlink(directory_fd, LAYOUT_RUN_RECORD);
	/* No step of it loses the record, and none needs room on a full file system. */
	snprintf(file, sizeof(file), RETIRED "%ju", (uintmax_t)record.mount_namespace);
	return fchmod(fd, RECORD_WITHDRAWN_MODE) == 0
		       ? renameat(directory_fd, LAYOUT_RUN_RECORD, directory_fd, file)
		       : -1;
}

bool state_has_retired(int directory_fd, uint64_t inode)
{
	char file[64];
	struct stat status;

	snprintf(file, sizeof(file), RETIRED "%ju", (uintmax_t)inode);
	return fstatat(directory_fd, file, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

int state_next_retired(int directory_fd, const char *name, void **cursor, struct record *record,
		       char file[static 64])
{
	if (!*cursor) {
		int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		*cursor = fd < 0 ? NULL : fdopendir(fd);
		if (!*cursor)
			return -1;
	}
	for (const struct dirent *entry; (entry = readdir(*cursor));) {
		bool is_retired = strncmp(entry->d_name, RETIRED, strlen(RETIRED)) == 0;

		if ((!is_retired && strcmp(entry->d_name, LAYOUT_RUN_RECORD) != 0) ||
		    strlen(entry->d_name) > 63)
			continue;
		AUTO_CLOSE fd = open_record(directory_fd, entry->d_name);
		if (!is_retired && !is_withdrawn(fd))
			continue;
		snprintf(file, 64, "%s", entry->d_name);
		if (fd < 0 || record_read(fd, name, record) != 0)
			record->name[0] = '\0';
		return 1;
	}
	closedir(*cursor);
	*cursor = NULL;
	return 0;
}

bool state_is_ours(const char *file)
{
	return !strcmp(file, LAYOUT_RUN_RECORD) || !strcmp(file, NEW_RECORD) ||
	       !strcmp(file, LOCK_FILE) || !strncmp(file, RETIRED, strlen(RETIRED));
}

/* Whether the directory holds a record, of a live jail or of a retired one. */
static bool holds_record(int directory_fd)
{
	AUTO_CLOSE fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	bool is_record = !entries;

	if (entries)
		fd = -1; /* the stream's now */
	for (const struct dirent *entry; entries && (entry = readdir(entries));)
		is_record |= !strcmp(entry->d_name, LAYOUT_RUN_RECORD) ||
			     !strncmp(entry->d_name, RETIRED, strlen(RETIRED));
	if (entries)
		closedir(entries);
	return is_record;
}

int state_remove(int run_fd, int directory_fd, const char *name)
{
	char path[64];

	if (holds_record(directory_fd)) {
		errno = EBUSY;
		return -1;
	}
	if (state_unlink(directory_fd, NEW_RECORD) != 0 ||
	    state_unlink(directory_fd, LOCK_FILE) != 0)
		return -1;
	snprintf(path, sizeof(path), "jails/%s", name);
	/* Another cleanup may have made a lock of its own, and been faster. */
	return unlinkat(run_fd, path, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}
