/* SPDX-License-Identifier: MIT */
/*
 * Users by the thousand: `population make DATA COUNT UID' lays out DATA/uNNNNN for uids from UID
 * on, as trampoline-user does; `population remove DATA COUNT UID' takes just these names away
 * again.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_line(int fd, const char *path, const char *line)
{
	int file_fd = openat(fd, path, O_WRONLY | O_CREAT | O_EXCL, 0644);

	if (file_fd < 0 || write(file_fd, line, strlen(line)) != (ssize_t)strlen(line))
		err(1, "%s", path);
	close(file_fd);
}

static void make(int fd, const char *name, uid_t uid)
{
	char path[64], line[128];

	if (mkdirat(fd, name, 0755) != 0)
		err(1, "%s", name);
	fd = openat(fd, name, O_RDONLY | O_DIRECTORY);
	snprintf(path, sizeof(path), "home/%s", name);
	if (fd < 0 || mkdirat(fd, "home", 0755) != 0 || mkdirat(fd, "home/.etc", 0755) != 0 ||
	    mkdirat(fd, path, 0700) != 0 || mkdirat(fd, "tmp", 0700) != 0 ||
	    fchownat(fd, path, uid, uid, 0) != 0 || fchownat(fd, "tmp", uid, uid, 0) != 0)
		err(1, "%s", name);
	snprintf(line, sizeof(line), "%s:x:%u:%u::/home/%s:/bin/sh\n", name, uid, uid, name);
	write_line(fd, "home/.etc/passwd", line);
	snprintf(line, sizeof(line), "%s:x:%u:\n", name, uid);
	write_line(fd, "home/.etc/group", line);
	close(fd);
}

static void take(int fd, const char *name, const char *below, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s", name, below);
	if (unlinkat(fd, path, flags) != 0 && errno != ENOENT)
		warn("%s", path);
}

static void take_away(int fd, const char *name)
{
	char home[64];

	snprintf(home, sizeof(home), "/home/%s", name);
	take(fd, name, "/home/.etc/passwd", 0);
	take(fd, name, "/home/.etc/group", 0);
	take(fd, name, "/home/.etc", AT_REMOVEDIR);
	take(fd, name, home, AT_REMOVEDIR);
	take(fd, name, "/home", AT_REMOVEDIR);
	take(fd, name, "/tmp", AT_REMOVEDIR);
	take(fd, name, "", AT_REMOVEDIR);
}

int main(int argc, char *argv[])
{
	char name[32];
	int fd;

	if (argc != 5)
		errx(1, "usage: population make|remove DATA COUNT UID");
	umask(022);
	fd = open(argv[2], O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		err(1, "%s", argv[2]);
	for (int i = 0; i < atoi(argv[3]); i++) {
		snprintf(name, sizeof(name), "u%05d", i);
		if (strcmp(argv[1], "make") == 0)
			make(fd, name, (uid_t)(atoi(argv[4]) + i));
		else
			take_away(fd, name);
	}
	return 0;
}
