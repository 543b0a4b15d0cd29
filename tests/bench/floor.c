/* SPDX-License-Identifier: MIT */
/*
 * What the kernel's part of an entry costs: `floor direct|private HUB PIN HOME COMMAND...`
 * enters the jail with PIN in the hub and becomes the owner of HOME, and that is all. Nothing is
 * checked, proved or protected, so no launcher of a jail can be faster on this machine. With
 * `private' also a process 1 that waits, in a pid namespace, with a mount namespace and a /proc of
 * their own: without those there is no private run. Set-uid root, for the time of a measurement.
 */
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNS) != 0)
		err(125, "%s", path);
}

static void become(const char *home)
{
	struct stat status;

	if (stat(home, &status) != 0 || status.st_uid == 0 || setgroups(1, &status.st_gid) != 0 ||
	    setresgid(status.st_gid, status.st_gid, status.st_gid) != 0 ||
	    setresuid(status.st_uid, status.st_uid, status.st_uid) != 0)
		err(125, "%s", home);
}

static pid_t fork_with(unsigned long flags)
{
	pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid < 0)
		err(125, "clone");
	return pid;
}

static void leave_when_ended(pid_t pid)
{
	int status;

	if (pid == 0)
		return;
	if (waitpid(pid, &status, 0) != pid)
		err(125, "waitpid");
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 125);
}

int main(int argc, char *argv[])
{
	if (argc < 6)
		errx(125, "usage: floor direct|private HUB PIN HOME COMMAND...");
	enter(argv[2]);
	enter(argv[3]);
	if (!strcmp(argv[1], "private")) {
		leave_when_ended(fork_with(CLONE_NEWPID));
		if (unshare(CLONE_NEWNS) != 0 ||
		    mount("floor", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
			err(125, "/proc");
		become(argv[4]);
		leave_when_ended(fork_with(0));
	} else {
		become(argv[4]);
	}
	execv(argv[5], argv + 5);
	err(125, "%s", argv[5]);
}
