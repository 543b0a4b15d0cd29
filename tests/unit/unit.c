/* SPDX-License-Identifier: MIT */
/* Scratch files and children for the unit tests. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int mount_tmpfs(const char *path)
{
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return -1;
	return mount("unit", path, "tmpfs", 0, "mode=0755");
}

bool unit_can_mount(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(mount_tmpfs(UNIT_SCRATCH) == 0 ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

bool unit_has_filters(void)
{
	return prctl(PR_GET_SECCOMP) >= 0;
}

bool unit_has_mount_ids(void)
{
	struct statx root;

	return statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &root) == 0 && root.stx_mnt_id != 0;
}

bool unit_has_openat2(void)
{
	return syscall(SYS_openat2, -1, "", NULL, 0) != 0 && errno != ENOSYS;
}

void unit_mount_scratch(void)
{
	umask(0);
	ck_assert_msg(mount_tmpfs(UNIT_SCRATCH) == 0, "mount: %s", strerror(errno));
}

void unit_mount_over(const char *path)
{
	char sofar[4096] = "";
	size_t at = 1 + strcspn(path + 1, "/");

	umask(0);
	memcpy(sofar, path, at);
	if (access(sofar, F_OK) == 0 && mount_tmpfs(sofar) != 0)
		ck_abort_msg("mount over %s: %s", sofar, strerror(errno));
	for (; path[at]; at += 1 + strcspn(path + at + 1, "/")) {
		size_t length = at + 1 + strcspn(path + at + 1, "/");

		memcpy(sofar, path, length);
		sofar[length] = '\0';
		unit_make_directory(sofar, 0755, 0);
	}
}

void unit_make_directory(const char *path, unsigned int mode, uid_t owner)
{
	ck_assert_msg((mkdir(path, 0755) == 0 || errno == EEXIST) &&
			      chown(path, owner, owner) == 0 && chmod(path, mode) == 0,
		      "%s: %s", path, strerror(errno));
}

void unit_write(const char *path, const char *bytes, size_t length, unsigned int mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	ck_assert_msg(fd >= 0 && write(fd, bytes, length) == (ssize_t)length &&
			      fchmod(fd, mode) == 0 && close(fd) == 0,
		      "%s: %s", path, strerror(errno));
}

void unit_write_text(const char *path, const char *text)
{
	unit_write(path, text, strlen(text), 0644);
}

int unit_run(void (*function)(void), char *output, size_t size)
{
	int ends[2], status;
	size_t length = 0;
	ssize_t got;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		function();
		exit(0);
	}
	close(ends[1]);
	while ((got = read(ends[0], output + length, size - 1 - length)) > 0)
		length += (size_t)got;
	output[length] = '\0';
	close(ends[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}
