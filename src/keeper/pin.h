/* SPDX-License-Identifier: MIT */
/* A jail's pins, /jails/NAME/{mnt,ipc,net} in the hub; every function is to be called there. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "trampoline/attributes.h"

enum pin { PIN_MOUNT, PIN_IPC, PIN_NETWORK, PIN_KINDS };

/* The inode of a pin of NAME's, 0 if there is none. */
uint64_t pin_inode(const char *name, enum pin pin);

/* Attaches the detached trees PIN_FDS (-1: none) as NAME's pins. -1 and errno. */
int pin_attach(const char *name, const int pin_fds[static PIN_KINDS]) MUST_CHECK;

/* Removes NAME's pins. Whoever is inside stays inside. 0, or -1 and errno. */
int pin_remove(const char *name) MUST_CHECK;

/*
 * Puts NAME's pins where no launcher looks, in one step. While they are there, the inode
 * numbers in the retired record mean that jail and no other: the kernel uses numbers again.
 */
int pin_set_aside(const char *name) MUST_CHECK;

/* Whether there are pins that were set aside when the mount namespace was INODE. */
bool pin_has_retired(const char *name, uint64_t inode);

/* Removes the pins that were set aside when the mount namespace was INODE. */
int pin_remove_retired(const char *name, uint64_t inode) MUST_CHECK;
