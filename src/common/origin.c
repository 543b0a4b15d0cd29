/* SPDX-License-Identifier: MIT */
/*
 * A jail's origins are compared by device, inode and owner, configuration also by ctime, which no
 * user can set. The pinned jail holds its directories, so their inode numbers cannot be used again.
 */
#include "trampoline/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "trampoline/paths.h"

static char *append(char *at, const char *string)
{
	size_t length = strlen(string);

	memcpy(at, string, length + 1);
	return at + length;
}

void origin_path(enum record_source source, const char *jail, const char *image,
		 char path[static PATH_MAX])
{
	static const struct {
		const char *before, *between;
	} forms[RECORD_SOURCES] = {
		[RECORD_CONFIG] = {PATHS_CONFIG "/trampoline.conf", NULL},
		[RECORD_OVERRIDE] = {PATHS_CONFIG "/jails.d/", ".conf"},
		[RECORD_IMAGE] = {PATHS_IMAGES "/", "/current"},
		[RECORD_BASE] = {PATHS_DATA "/", "/home"},
		[RECORD_HOME] = {PATHS_DATA "/", "/home/"},
		[RECORD_TMP] = {PATHS_DATA "/", "/tmp"},
	};
	char *at = append(path, forms[source].before);

	if (!forms[source].between)
		return;
	at = append(at, source == RECORD_IMAGE ? image : jail);
	at = append(at, forms[source].between);
	if (source == RECORD_HOME)
		append(at, jail);
}

static int fill(enum record_source source, const struct stat *status, struct record_origin *origin)
{
	memset(origin, 0, sizeof(*origin));
	origin->device = status->st_dev;
	origin->inode = status->st_ino;
	origin->uid = status->st_uid;
	origin->gid = status->st_gid;
	if (source == RECORD_CONFIG || source == RECORD_OVERRIDE)
		origin->changed_ns = (int64_t)status->st_ctim.tv_sec * 1000000000 +
				     (int64_t)status->st_ctim.tv_nsec;
	return 0;
}

int origin_read(enum record_source source, const char *path, struct record_origin *origin)
{
	struct stat status;
	/* `current` is the one symlink that is followed: root alone can change it. */
	int flags = source == RECORD_IMAGE ? 0 : AT_SYMLINK_NOFOLLOW;

	if (fstatat(AT_FDCWD, path, &status, flags) == 0)
		return fill(source, &status, origin);
	memset(origin, 0, sizeof(*origin));
	return errno == ENOENT ? 0 : -1;
}

int origin_read_fd(enum record_source source, int fd, struct record_origin *origin)
{
	struct stat status;

	return fstat(fd, &status) == 0 ? fill(source, &status, origin) : -1;
}

bool origin_is_current(const struct record *record)
{
	char path[PATH_MAX];
	struct record_origin now;

	for (enum record_source source = 0; source < RECORD_SOURCES; source++) {
		origin_path(source, record->name, record->image, path);
		if (origin_read(source, path, &now) != 0 ||
		    memcmp(&now, &record->origins[source], sizeof(now)) != 0)
			return false;
	}
	return true;
}
