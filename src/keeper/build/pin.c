/* SPDX-License-Identifier: MIT */
/* The hub's side of a live jail: its pins. Removing one hurts nobody who is inside. */
#include "pin.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "trampoline/layout.h"
#include "trampoline/quantity.h"
#include "tree.h"

/* By enum pin; the last is no pin, but the uid. */
static const char *const names[PIN_KINDS + 1] = {LAYOUT_PIN_MOUNT, LAYOUT_PIN_IPC,
						 LAYOUT_PIN_NETWORK, LAYOUT_PIN_UID};

uint64_t pin_inode(const char *name, enum pin pin)
{
	char path[LAYOUT_PATH_MAX];
	struct statx status;

	layout_pin_path(path, name, names[pin]);
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &status) != 0 ||
	    !(status.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return 0;
	return status.stx_ino;
}

uid_t pin_uid(const char *name)
{
	char path[LAYOUT_PATH_MAX], number[16];
	uint64_t uid;

	layout_pin_path(path, name, LAYOUT_PIN_UID);
	ssize_t length = readlink(path, number, sizeof(number) - 1);
	number[length < 0 ? 0 : length] = '\0';
	return quantity_parse(QUANTITY_NUMBER, number, &uid) == 0 ? (uid_t)uid : 0;
}

int pin_attach(const char *name, uid_t uid, const int pin_fds[static PIN_KINDS])
{
	char path[LAYOUT_PATH_MAX], number[16];

	snprintf(path, sizeof(path), LAYOUT_JAILS "/%s", name);
	if (mkdir(path, 0700) != 0)
		return -1;
	snprintf(number, sizeof(number), "%u", uid);
	layout_pin_path(path, name, LAYOUT_PIN_UID);
	if (symlink(number, path) != 0)
		return -1;
	for (enum pin pin = 0; pin < PIN_KINDS; pin++) {
		if (pin_fds[pin] < 0)
			continue;
		layout_pin_path(path, name, names[pin]);
		if (mknod(path, S_IFREG | 0600, 0) != 0 ||
		    tree_attach(pin_fds[pin], AT_FDCWD, path) != 0)
			return -1;
	}
	return 0;
}

int pin_expire(const char *name)
{
	char path[LAYOUT_PATH_MAX];

	layout_pin_path(path, name, LAYOUT_PIN_MOUNT);
	return umount2(path, MNT_EXPIRE | UMOUNT_NOFOLLOW);
}

int pin_remove(const char *name)
{
	char path[LAYOUT_PATH_MAX];

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		layout_pin_path(path, name, names[i]);
		/* Only an administrator can have mounted a second one; each keeps a jail live. */
		while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
			;
		if (errno != EINVAL && errno != ENOENT)
			return -1;
		if (unlink(path) != 0 && errno != ENOENT)
			return -1;
	}
	snprintf(path, sizeof(path), LAYOUT_JAILS "/%s", name);
	return rmdir(path) == 0 || errno == ENOENT ? 0 : -1;
}
