/* SPDX-License-Identifier: MIT */
/*
 * The mount system calls. Attributes are set while a tree is still detached: MS_BIND|MS_RDONLY in
 * one mount(2) is not read-only ("the remaining flags are ignored"), and afterwards is too late.
 */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "auto_free.h"
#include "policy/path.h"

/* The number that the next descriptor gets: the kernel takes the lowest that is free. */
static int next_number(void)
{
	AUTO_CLOSE fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	return fd;
}

/*
 * Returns FD if a call has just made it, else -1. A seccomp filter or a tracer may have answered
 * the call with any other number, such as that of a descriptor of the host's; tree_restrict or
 * tree_attach would then change one of the host's mounts. EXPECTED is a number that was free before
 * the call, so what is open there now is new.
 */
static int new_descriptor(int expected, int fd)
{
	if (fd < 0 || (fd == expected && fd > STDERR_FILENO && fcntl(fd, F_GETFD) >= 0))
		return fd;
	errno = EPROTO;
	return -1;
}

int tree_clone(int fd, const char *path)
{
	int expected = next_number();

	return new_descriptor(expected, open_tree(fd, path,
						  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
							  AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
}

int tree_restrict(int tree_fd, uint64_t attributes)
{
	struct mount_attr attr = {.attr_set = attributes, .propagation = MS_PRIVATE};

	return mount_setattr(tree_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr));
}

int tree_attach(int tree_fd, int fd, const char *path)
{
	AUTO_CLOSE target_fd = path_open_plain(fd, path);

	if (target_fd < 0)
		return -1;
	return move_mount(tree_fd, "", target_fd, "",
			  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* OPTIONS are the file system's: keys, each with its value behind it, and a NULL. */
static int new_tree(const char *type, const char *const options[], uint64_t attributes)
{
	int expected = next_number();
	AUTO_CLOSE fd = new_descriptor(expected, fsopen(type, FSOPEN_CLOEXEC));

	if (fd < 0 || fsconfig(fd, FSCONFIG_SET_STRING, "source", "trampoline", 0) != 0)
		return -1;
	for (size_t i = 0; options[i]; i += 2)
		if (fsconfig(fd, FSCONFIG_SET_STRING, options[i], options[i + 1], 0) != 0)
			return -1;
	if (fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return -1;
	expected = next_number();
	return new_descriptor(expected, fsmount(fd, FSMOUNT_CLOEXEC, (unsigned int)attributes));
}

int tree_new_tmpfs(const char *mode, uint64_t attributes)
{
	return new_tree("tmpfs", (const char *[]){"mode", mode, NULL}, attributes);
}

int tree_new_proc(uint64_t attributes)
{
	return new_tree("proc", (const char *[]){"hidepid", "invisible", NULL}, attributes);
}

int tree_new_pts(uint64_t attributes)
{
	/* Without gid= a terminal has the group of the process that opens ptmx: grantpt(3) of old C
	 * libraries gives it the group tty, or else that one, which a user may do. */
	return new_tree("devpts",
			(const char *[]){"max", "64", "mode", "0620", "ptmxmode", "0666", NULL},
			attributes);
}

int tree_make_private(void)
{
	struct mount_attr attr = {.propagation = MS_PRIVATE};

	return mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof(attr));
}

int tree_pivot(int root_fd)
{
	/* pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one. */
	if (fchdir(root_fd) != 0 || syscall(SYS_pivot_root, ".", ".") != 0)
		return -1;
	return umount2(".", MNT_DETACH) == 0 && chdir("/") == 0 ? 0 : -1;
}
