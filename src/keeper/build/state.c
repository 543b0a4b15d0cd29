/* SPDX-License-Identifier: MIT */
/*
 * What says on the host that a jail is live. Only names that we know are unlinked, one by one; no
 * directory is deleted with what is in it, and no file of a user's is near.
 */
#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "auto_free.h"
#include "clock.h"
#include "policy/path.h"
#include "report.h"
#include "trampoline/layout.h"
#include "trampoline/paths.h"

#define NEW_RECORD "record.new"
#define LOCK_SECONDS 10 /* the process that holds a lock may be stopped */
#define ATTEMPTS 1000   /* cleanups may remove the directory to be locked, or RUNDIR be gone */

static void note_alarm(int number)
{
	(void)number;
	alarm(1); /* again: the first may have come before flock(), which it has to interrupt */
}

int state_take_lock(int fd, bool wait)
{
	struct sigaction action = {.sa_handler = note_alarm}, before; /* no SA_RESTART */

	if (!wait)
		return flock(fd, LOCK_EX | LOCK_NB);
	sigaction(SIGALRM, &action, &before);
	int64_t begun_ns = clock_boottime_ns();
	unsigned int left = alarm(LOCK_SECONDS);
	int result = flock(fd, LOCK_EX), error = errno;
	unsigned int waited = (unsigned int)((clock_boottime_ns() - begun_ns) / 1000000000);
	/* The rest of the launcher's deadline for the whole build. */
	alarm(left == 0 ? 0 : left > waited ? left - waited : 1);
	sigaction(SIGALRM, &before, NULL);
	errno = error;
	return result;
}

/* Why a directory of ours cannot be opened. */
static const char *reason_of(int error)
{
	if (error == EXDEV)
		return "something is mounted there; unmount it";
	if (error == ELOOP || error == ENOTDIR)
		return "it is a symbolic link or no directory; remove it";
	return error == EACCES ? "others than root can write to it; chown root and chmod 0700 it"
			       : NULL;
}

int state_open(int run_fd, const char *name)
{
	char path[LAYOUT_PATH_MAX];

	snprintf(path, sizeof(path), LAYOUT_RUN_JAILS "/%s", name);
	return path_open_own(run_fd, path);
}

/* Opens NAME in a directory of ours called PATH, made if it is missing. -1 with *ERROR. */
static int open_directory(int directory_fd, const char *path, const char *name, struct text *error)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", path, name);
	if (mkdirat(directory_fd, name, 0700) != 0 && errno != EEXIST)
		return report_fill(error, "make directory", whole, report_if_full(REPORT_RUN));
	AUTO_CLOSE path_fd = path_open_own(directory_fd, name);
	int fd = path_fd < 0 ? -1 : openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : report_fill(error, "open directory", whole, reason_of(errno));
}

/* Whether jails/NAME is still the directory at FD: a cleanup may have removed it meanwhile. */
static bool is_in_place(int jails_fd, const char *name, int fd)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && fstatat(jails_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

int state_lock(int run_fd, const char *name, bool wait, struct text *error)
{
	for (unsigned int attempt = 0; attempt < ATTEMPTS; attempt++) {
		AUTO_CLOSE jails_fd = open_directory(run_fd, PATHS_RUN, LAYOUT_RUN_JAILS, error);
		AUTO_CLOSE fd = jails_fd < 0
					? -1
					: open_directory(jails_fd, PATHS_RUN "/" LAYOUT_RUN_JAILS,
							 name, error);
		if (fd < 0 && errno == ENOENT)
			continue; /* a cleanup removed it between the two calls */
		if (fd < 0)
			return -1;
		if (state_take_lock(fd, wait) != 0)
			return report_fill(
				error, "lock jail", name,
				errno == EINTR || errno == EWOULDBLOCK
					? "busy: another keeper is at work on it; try again"
					: NULL);
		if (is_in_place(jails_fd, name, fd))
			return auto_close_take(&fd);
	}
	return report_fill(error, "lock jail", name, "it is removed again and again; try again");
}

static int open_record(int directory_fd, int flags)
{
	return openat(directory_fd, LAYOUT_RUN_RECORD, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

int state_read(int directory_fd, const char *name, struct record *record)
{
	AUTO_CLOSE fd = open_record(directory_fd, O_RDONLY);

	return fd < 0 ? -1 : record_read(fd, name, record);
}

static int unlink_if_there(int directory_fd, const char *file)
{
	return unlinkat(directory_fd, file, 0) == 0 || errno == ENOENT ? 0 : -1;
}

int state_publish(int directory_fd, struct record *record)
{
	record_seal(record);
	if (unlink_if_there(directory_fd, NEW_RECORD) != 0)
		return -1;
	AUTO_CLOSE fd = openat(directory_fd, NEW_RECORD,
			       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, RECORD_MODE);
	if (fd < 0)
		return -1;
	ssize_t written = write(fd, record, record->size);
	if (written == (ssize_t)record->size)
		return renameat(directory_fd, NEW_RECORD, directory_fd, LAYOUT_RUN_RECORD);
	if (written >= 0)
		errno = ENOSPC;
	return -1;
}

int state_mark(int directory_fd, int64_t marked_ns)
{
	AUTO_CLOSE fd = open_record(directory_fd, O_WRONLY);

	if (fd < 0)
		return -1;
	ssize_t written =
		pwrite(fd, &marked_ns, sizeof(marked_ns), offsetof(struct record, marked_ns));
	return written == sizeof(marked_ns) ? 0 : -1;
}

/* Returns which process locked the file at FD: proc_locks(5); 0 if that cannot be found. */
static int find_holder(int fd)
{
	AUTO_FILE locks = fopen("/proc/locks", "re");
	struct stat status;
	char line[256], place[64];

	if (!locks || fstat(fd, &status) != 0)
		return 0;
	/* "1: FLOCK  ADVISORY  READ 1234 00:19:5678 0 EOF"; a waiter's line has "->" in it. */
	snprintf(place, sizeof(place), " %02x:%02x:%ju ", major(status.st_dev),
		 minor(status.st_dev), (uintmax_t)status.st_ino);
	while (fgets(line, sizeof(line), locks)) {
		char *end = strstr(line, place);

		if (!end || !strstr(line, " FLOCK ") || strstr(line, "->"))
			continue;
		*end = '\0';
		const char *process = strrchr(line, ' ');
		return process ? (int)strtol(process, NULL, 10) : 0;
	}
	return 0;
}

static int refuse_withdrawal(int fd, const char *name, struct text *error)
{
	char reason[160] = "a launcher is on its way into it; try again";
	int saved = errno, pid = find_holder(fd);

	if (pid != 0)
		snprintf(reason, sizeof(reason),
			 "process %d, a launcher, is on its way into it; see why it does not go "
			 "on, or kill it",
			 pid);
	errno = saved;
	return report_fill(error, "withdraw the record of jail", name,
			   saved == EINTR || saved == EWOULDBLOCK ? reason : NULL);
}

int state_withdraw(int directory_fd, const char *name, bool wait, struct text *error)
{
	AUTO_CLOSE fd = open_record(directory_fd, O_RDONLY);
	struct stat status;

	if (fd < 0 && errno == ENOENT)
		return 0;
	/* What is open, or could be but for want of memory, a launcher may have locked. */
	if (fd >= 0 ? fstat(fd, &status) != 0
		    : errno != ELOOP && errno != ENXIO && errno != ENODEV && errno != EACCES)
		return report_fill(error, "withdraw the record of jail", name, NULL);
	/* No launcher locks anything but a regular file of root's; the rest is only unlinked. */
	if (fd >= 0 && S_ISREG(status.st_mode) && status.st_uid == 0) {
		if (fchmod(fd, RECORD_WITHDRAWN_MODE) != 0)
			return report_fill(error, "withdraw the record of jail", name, NULL);
		if (state_take_lock(fd, wait) != 0)
			return refuse_withdrawal(fd, name, error);
	}
	if (unlink_if_there(directory_fd, LAYOUT_RUN_RECORD) != 0)
		return report_fill(error, "withdraw the record of jail", name, NULL);
	return 0;
}

/* Whether a keeper may have left FILE in a jail's directory; the last two, before version 0.2. */
static bool is_ours(const char *file)
{
	return !strcmp(file, NEW_RECORD) || !strcmp(file, "lock") ||
	       !strncmp(file, "retired.", strlen("retired."));
}

int state_remove(int run_fd, int directory_fd, const char *name)
{
	char path[LAYOUT_PATH_MAX];
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);

	if (!entries)
		return -1;
	for (const struct dirent *entry; (entry = readdir(entries));)
		if (is_ours(entry->d_name))
			(void)unlinkat(directory_fd, entry->d_name, 0);
	closedir(entries);
	snprintf(path, sizeof(path), LAYOUT_RUN_JAILS "/%s", name);
	return unlinkat(run_fd, path, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}
