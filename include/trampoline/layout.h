/* SPDX-License-Identifier: MIT */
/*
 * What is where in RUNDIR and in the hub. The keeper makes all of it; the launcher opens records
 * and pins. LAYOUT_VERSION counts up with each change of the hub's part.
 */
#pragma once

#include "trampoline/name.h"

/* In RUNDIR, on the host. */
#define LAYOUT_RUN_HUB "hub"       /* the hub's mount namespace is mounted on this file */
#define LAYOUT_RUN_JAILS "jails"   /* one directory for each jail */
#define LAYOUT_RUN_RECORD "record" /* in jails/NAME */

/* In the hub: its own mount namespace, where these are absolute paths. */
#define LAYOUT_JAILS "/jails" /* jails/NAME/{mnt,ipc,net}: a jail's namespaces are mounted there */
#define LAYOUT_DEV "/dev"     /* the /dev that all jails share */
#define LAYOUT_PROC "/proc" /* the /proc that all jails share; each user sees only his processes */
#define LAYOUT_SEED "/seed" /* pin of the empty mount namespace that a jail's is copied from */
#define LAYOUT_STAGE "/stage"      /* where a jail's root is mounted until pivot_root(2) */
#define LAYOUT_VERSION "/layout.2" /* exists in a hub that has all of the above */

/* A pin's file name, and the name of the same namespace in /proc/PID/ns. */
#define LAYOUT_PIN_MOUNT "mnt"
#define LAYOUT_PIN_IPC "ipc"
#define LAYOUT_PIN_NETWORK "net"

/* Beside the pins, a symbolic link: its text is the uid whose processes are the jail's. */
#define LAYOUT_PIN_UID "uid"

#define LAYOUT_PATH_MAX (NAME_LENGTH_MAX + sizeof("/jails//record"))

/* jails/NAME/record, below RUNDIR. NAME is a valid jail's name. */
void layout_record_path(char path[static LAYOUT_PATH_MAX], const char *name);

/* /jails/NAME/PIN, in the hub. */
void layout_pin_path(char path[static LAYOUT_PATH_MAX], const char *name, const char *pin);
