/* SPDX-License-Identifier: MIT */
/* The hub's side of a live jail: its pins. Removing one hurts nobody who is inside. */
#include "pin.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "trampoline/layout.h"
#include "tree.h"

static const char *const pin_names[PIN_KINDS] = {LAYOUT_PIN_MOUNT, LAYOUT_PIN_IPC,
						 LAYOUT_PIN_NETWORK};

static void pin_path(char path[static 96], const char *directory, enum pin pin)
{
	snprintf(path, 96, "%s/%s", directory, pin_names[pin]);
}

static void jail_path(char path[static 64], const char *name)
{
	snprintf(path, 64, LAYOUT_JAILS "/%s", name);
}

static void retired_path(char path[static 64], const char *name, uint64_t inode)
{
	snprintf(path, 64, LAYOUT_RETIRED "/%s.%ju", name, (uintmax_t)inode);
}

uint64_t pin_inode(const char *name, enum pin pin)
{
	char directory[64], path[96];
	struct statx status;

	jail_path(directory, name);
	pin_path(path, directory, pin);
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &status) != 0 ||
	    !(status.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return 0;
	return status.stx_ino;
}

int pin_attach(const char *name, const int pin_fds[static PIN_KINDS])
{
	char directory[64], path[96];

	jail_path(directory, name);
	if (mkdir(directory, 0700) != 0)
		return -1;
	for (enum pin pin = 0; pin < PIN_KINDS; pin++) {
		if (pin_fds[pin] < 0)
			continue;
		pin_path(path, directory, pin);
		if (mknod(path, S_IFREG | 0600, 0) != 0 ||
		    tree_attach(pin_fds[pin], AT_FDCWD, path) != 0)
			return -1;
	}
	return 0;
}

static int remove_pins(const char *directory)
{
	char path[96];

	for (enum pin pin = 0; pin < PIN_KINDS; pin++) {
		pin_path(path, directory, pin);
		/* More than one can only be a hand's work, but each would keep a jail alive. */
		while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
			;
		if (errno != EINVAL && errno != ENOENT)
			return -1;
		if (unlink(path) != 0 && errno != ENOENT)
			return -1;
	}
	return rmdir(directory) == 0 || errno == ENOENT ? 0 : -1;
}

int pin_remove(const char *name)
{
	char directory[64];

	jail_path(directory, name);
	return remove_pins(directory);
}

bool pin_has_retired(const char *name, uint64_t inode)
{
	char directory[64];
	struct stat status;

	retired_path(directory, name, inode);
	return lstat(directory, &status) == 0;
}

int pin_remove_retired(const char *name, uint64_t inode)
{
	char directory[64];

	retired_path(directory, name, inode);
	return remove_pins(directory);
}

int pin_set_aside(const char *name)
{
	uint64_t inode = pin_inode(name, PIN_MOUNT);
	char directory[64], retired[64];

	if (inode == 0)
		return pin_remove(name);
	jail_path(directory, name);
	retired_path(retired, name, inode);
	if (rename(directory, retired) == 0)
		return 0;
	/* What is in the way is of a namespace that is gone, and whose number this one got. */
	return (errno == ENOTEMPTY || errno == EEXIST) && remove_pins(retired) == 0
		       ? rename(directory, retired)
		       : -1;
}
