/* SPDX-License-Identifier: MIT */
/* A jail's pins, /jails/NAME/{mnt,ipc,net} in the hub; every function is to be called there. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "trampoline/attributes.h"

enum pin { PIN_MOUNT, PIN_IPC, PIN_NETWORK, PIN_KINDS };

/* The inode of a pin of NAME's, 0 if there is none. */
uint64_t pin_inode(const char *name, enum pin pin);

/* The uid that pin_attach() noted; 0 if there is none. */
uid_t pin_uid(const char *name);

/* Notes UID, and attaches the detached trees PIN_FDS (-1: none) as NAME's pins. -1 and errno. */
int pin_attach(const char *name, uid_t uid, const int pin_fds[static PIN_KINDS]) MUST_CHECK;

/*
 * Marks the mount namespace's pin as one that may expire, or removes it if it is marked:
 * umount2(2), MNT_EXPIRE. An entry takes the mark away. 0: it is removed. -1 and errno: EAGAIN: it
 * is marked; EBUSY: a process has it open; ENOENT, EINVAL: there is none.
 */
int pin_expire(const char *name) MUST_CHECK;

/* Removes NAME's pins; processes in the jail stay in it. 0, or -1 and errno. */
int pin_remove(const char *name) MUST_CHECK;
