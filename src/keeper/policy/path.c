/* SPDX-License-Identifier: MIT */
/*
 * Whoever can write to a parent can exchange what is below it, so every component is looked at
 * through the descriptor that the next one is opened from: no name is resolved twice.
 */
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "auto_free.h"
#include "report.h"
#include "trampoline/paths.h"

#define DIRECTORY_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int path_open_directory(int directory_fd, const char *name)
{
	return openat(directory_fd, name, DIRECTORY_FLAGS);
}

int path_open_file(int directory_fd, const char *name)
{
	AUTO_CLOSE fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0)
		return -1;
	if (S_ISREG(status.st_mode) && status.st_uid == 0 &&
	    !(status.st_mode & (S_IWGRP | S_IWOTH)))
		return auto_close_take(&fd);
	errno = EACCES;
	return -1;
}

static int open_component(int directory_fd, const char *name, bool is_last, const char *path,
			  struct text *error)
{
	AUTO_CLOSE fd = openat(directory_fd, name, DIRECTORY_FLAGS);
	struct stat status;

	if (fd < 0)
		return report_fill(error, "open directory", path,
				   errno == ENOTDIR ? "it is a symbolic link or no directory"
						    : NULL);
	if (fstat(fd, &status) != 0)
		return report_fill(error, "look at directory", path, NULL);
	if (status.st_uid != 0)
		return report_fill(error, "trust directory", path,
				   "it is not root's; chown root it, or whoever owns it decides");
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) && (is_last || !(status.st_mode & S_ISVTX)))
		return report_fill(error, "trust directory", path,
				   "others than root can write to it; chmod go-w it");
	return auto_close_take(&fd);
}

int path_open_trusted_at(int directory_fd, const char *path, const char *name, struct text *error)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", path, name);
	return open_component(directory_fd, name, true, whole, error);
}

int path_open_trusted(const char *path, struct text *error)
{
	char sofar[PATH_MAX];
	AUTO_CLOSE fd = open_component(AT_FDCWD, "/", path[1] == '\0', "/", error);

	for (size_t at = 1; fd >= 0 && path[at];) {
		size_t length = strcspn(path + at, "/"), end = at + length;

		if (end >= sizeof(sofar))
			return report_fill(error, "open directory", path, "its name is too long");
		memcpy(sofar, path, end);
		sofar[end] = '\0';
		at = end + strspn(path + end, "/");
		if (length == 0)
			continue;
		int next = open_component(fd, sofar + end - length, path[at] == '\0', sofar, error);
		close(fd);
		fd = next;
	}
	return auto_close_take(&fd);
}

int path_open_plain(int directory_fd, const char *path)
{
	AUTO_CLOSE fd = openat(directory_fd, *path == '/' ? "/" : ".", DIRECTORY_FLAGS);
	char name[NAME_MAX + 1];
	struct stat status;

	for (path += strspn(path, "/"); fd >= 0 && *path; path += strspn(path, "/")) {
		size_t length = strcspn(path, "/");
		AUTO_CLOSE parent_fd = auto_close_take(&fd);

		errno = ENAMETOOLONG;
		if (snprintf(name, sizeof(name), "%.*s", (int)length, path) <= NAME_MAX)
			fd = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		path += length;
	}
	if (fd >= 0 && fstat(fd, &status) == 0 && !S_ISLNK(status.st_mode))
		return auto_close_take(&fd);
	errno = fd < 0 ? errno : ELOOP;
	return -1;
}

int path_open_own(int directory_fd, const char *path)
{
	AUTO_CLOSE fd = path_open_plain(directory_fd, path);
	struct statx from, to;

	if (fd < 0 || statx(directory_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &from) != 0 ||
	    statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &to) != 0)
		return -1;
	/* No way down leads back into a mount that it has left. */
	errno = !(from.stx_mask & to.stx_mask & STATX_MNT_ID)                 ? ENOSYS
		: from.stx_mnt_id != to.stx_mnt_id                            ? EXDEV
		: !S_ISDIR(to.stx_mode)                                       ? ENOTDIR
		: to.stx_uid != 0 || (to.stx_mode & (S_IWGRP | S_IWOTH)) != 0 ? EACCES
									      : 0;
	return errno == 0 ? auto_close_take(&fd) : -1;
}

bool path_is_mount(int fd)
{
	struct statx status;

	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &status) == 0 &&
	       (status.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

int path_open_bind(struct record_origin *origin, int image_fd, const char *place,
		   struct text *error)
{
	size_t length = (size_t)(strrchr(origin->path, '/') - origin->path);
	struct stat status, there;
	char parent[RECORD_PATH_MAX];

	snprintf(parent, sizeof(parent), "%.*s", length ? (int)length : 1, origin->path);
	AUTO_CLOSE parent_fd = path_open_trusted(parent, error);
	if (parent_fd < 0)
		return -1;
	AUTO_CLOSE fd =
		openat(parent_fd, origin->path + length + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0)
		return report_fill(error, "bind", origin->path,
				   errno == ENOENT ? "there is none; make it, or take the line away"
						   : NULL);
	if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode) && !S_ISSOCK(status.st_mode))
		return report_fill(error, "bind", origin->path,
				   S_ISLNK(status.st_mode)
					   ? "it is a symbolic link; name what it leads to"
					   : "it is no directory, file or socket");
	AUTO_CLOSE place_fd = path_open_plain(image_fd, place + 1);
	if (place_fd < 0 || fstat(place_fd, &there) != 0 ||
	    S_ISDIR(there.st_mode) != S_ISDIR(status.st_mode))
		return report_fill(error, "bind on", place,
				   S_ISDIR(status.st_mode)
					   ? "the image must have a real directory there"
					   : "the image must have a file there, and no directory");
	record_fill_origin(origin, &status);
	return auto_close_take(&fd);
}

/* A prefix, two names and some words always fit. */
_Static_assert(sizeof(PATHS_CONFIG) + 32 + NAME_LENGTH_MAX < RECORD_PATH_MAX &&
		       sizeof(PATHS_DATA) + 16 + 2ul * NAME_LENGTH_MAX < RECORD_PATH_MAX &&
		       sizeof(PATHS_IMAGES) + 16 + NAME_LENGTH_MAX < RECORD_PATH_MAX,
	       "STATEDIR and SYSCONFDIR are too long");

void path_of_origin(enum record_source source, const char *jail, const char *image,
		    char path[static RECORD_PATH_MAX])
{
	const char *user = jail ? jail : "";
	const char *const parts[RECORD_SOURCES][4] = {
		[RECORD_CONFIG] = {PATHS_CONFIG "/trampoline.conf", "", "", ""},
		[RECORD_OVERRIDE] = {PATHS_CONFIG "/jails.d/", user, ".conf", ""},
		[RECORD_IMAGE] = {PATHS_IMAGES "/", image ? image : "", "/current", ""},
		[RECORD_BASE] = {PATHS_DATA "/", user, "/home", ""},
		[RECORD_HOME] = {PATHS_DATA "/", user, "/home/", user},
		[RECORD_TMP] = {PATHS_DATA "/", user, "/tmp", ""},
		/* where the mount is, only a look at it tells */
		[RECORD_CGROUP] = {"", "", "", ""},
	};

	snprintf(path, RECORD_PATH_MAX, "%s%s%s%s", parts[source][0], parts[source][1],
		 parts[source][2], parts[source][3]);
}

int path_read_origin(int fd, struct record_origin *origin)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -1;
	record_fill_origin(origin, &status);
	return 0;
}

ssize_t path_read_file(int directory_fd, const char *path, char *text, size_t size,
		       struct record_origin *origin, struct text *error)
{
	AUTO_CLOSE fd = path_open_file(directory_fd, strrchr(path, '/') + 1);

	if (fd < 0) {
		bool is_wrong = errno == EACCES || errno == ELOOP;

		return errno == ENOENT
			       ? -1
			       : report_fill(error, is_wrong ? "trust" : "open", path,
					     is_wrong ? "it must be a regular file of root's that "
							"only root can write"
						      : NULL);
	}
	/* In this order, so that what is written meanwhile makes the origin another. */
	ssize_t length = path_read_origin(fd, origin) == 0 ? read(fd, text, size) : -1;
	if (length >= 0 && (size_t)length < size) /* one byte is for the end */
		return length;
	report_fill(error, "read", path, length < 0 ? NULL : "it is larger than 64 KiB");
	errno = EIO;
	return -1;
}

/* One path component, not hidden, of letters that need no quoting anywhere. */
static bool is_version(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";
	size_t length = strlen(name);

	return length > 0 && length <= NAME_LENGTH_MAX && name[0] != '.' &&
	       strspn(name, letters) == length;
}

int path_open_image(const char *image, char version[static NAME_LENGTH_MAX + 1], struct text *error)
{
	char path[RECORD_PATH_MAX], current[RECORD_PATH_MAX], link[NAME_LENGTH_MAX + 2];

	snprintf(path, sizeof(path), PATHS_IMAGES "/%s", image);
	AUTO_CLOSE image_fd = path_open_trusted(path, error);
	if (image_fd < 0)
		return -1;
	path_of_origin(RECORD_IMAGE, NULL, image, current);
	ssize_t length = readlinkat(image_fd, "current", link, sizeof(link) - 1);
	if (length < 0)
		return report_fill(
			error, "read link", current,
			errno == ENOENT   ? "no version is current; use trampoline-image activate"
			: errno == EINVAL ? "it is no symbolic link; move it away and use "
					    "trampoline-image activate"
					  : NULL);
	link[length] = '\0';
	if (!is_version(link))
		return report_fill(error, "use image version", link,
				   "`current' must name a version that is beside it, of letters, "
				   "digits and _.-");
	memcpy(version, link, (size_t)length + 1); /* is_version() bounds it */
	return path_open_trusted_at(image_fd, path, version, error);
}

bool path_is_program(int root_fd, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	AUTO_CLOSE fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	struct stat status;

	/* EAGAIN: a rename or mount anywhere might have been on the way. */
	for (int tries = 1000; fd < 0 && errno == EAGAIN && tries > 0; tries--)
		fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) /* no link to / can be told then */
		fd = openat(root_fd, path + 1, O_PATH | O_CLOEXEC);
	return fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	       status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH);
}
