/* SPDX-License-Identifier: MIT */
/* Mounts held by descriptors, and where they are attached. Nothing here knows a jail. */
#pragma once

#include <stdint.h>

#include "trampoline/attributes.h"

/*
 * Every function returns a descriptor or 0; -1 and errno as the system call it is named after. A
 * descriptor is a new one, proved not to be open before; -1 and EPROTO if a call that should make
 * it answered with another one's number.
 */

/* A detached copy of the one mount at FD (PATH "") or at PATH, without what is mounted below. */
int tree_clone(int fd, const char *path) MUST_CHECK;

/* Adds MOUNT_ATTR_ ATTRIBUTES to a tree, and makes it private. */
int tree_restrict(int tree_fd, uint64_t attributes) MUST_CHECK;

/* Attaches a detached tree on PATH under FD, resolving no symlink. */
int tree_attach(int tree_fd, int fd, const char *path) MUST_CHECK;

/* A new, detached tmpfs of MODE, or a /proc in which each user sees only his own processes. */
int tree_new_tmpfs(const char *mode, uint64_t attributes) MUST_CHECK;
int tree_new_proc(uint64_t attributes) MUST_CHECK;

/*
 * A new, detached devpts with at most 64 pseudo-terminals. Made outside the host's mount namespace,
 * it gets none of those that kernel.pty.reserve keeps for the host (fs/devpts/inode.c).
 */
int tree_new_pts(uint64_t attributes) MUST_CHECK;
#define TREE_PTS_OPTIONS "max=64,mode=620,ptmxmode=666" /* what the kernel then says of it */

/* Makes every mount of this namespace private. */
int tree_make_private(void) MUST_CHECK;

/* Makes the mount at ROOT_FD the root of this namespace and lets go of the old one. */
int tree_pivot(int root_fd) MUST_CHECK;
