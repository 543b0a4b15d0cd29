/* SPDX-License-Identifier: MIT */
/* Who is inside: one pass over /proc for all jails. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "namespace.h"
#include "trampoline/attributes.h"
#include "trampoline/record.h"

struct scan_process {
	pid_t pid;
	uid_t uid; /* real */
	uint64_t mount_namespace, ipc_namespace, network_namespace, root_device, root_inode;
	bool is_supervisor; /* one of ours that watches a run, or is process 1 of it */
};

struct scan {
	struct scan_process *processes;
	size_t count, size;
};

/* Looks at every process. 0, or -1 and errno; scan_free() releases it either way. */
int scan_read(const struct namespace_home *home, struct scan *scan) MUST_CHECK;
void scan_free(struct scan *scan);

/*
 * Looks once more, and adds to SCAN whom it finds, also those who are in it: for whoever asks only
 * whether a jail is empty. One look can miss a process that forks and ends all the time.
 */
int scan_again(const struct namespace_home *home, struct scan *scan) MUST_CHECK;

/*
 * Whether PROCESS is in the jail of RECORD: the user's, or root's on its way in; not who watches a
 * run from there, since that is over when the user's part is. A run with private processes has a
 * copy of the mount namespace, so it is known by the other namespaces, or, where those are the
 * host's, by its uid and root. Pins keep the numbers of live and of retired jails apart.
 */
bool scan_is_inside(const struct scan_process *process, const struct record *record);

/* How many are: a jail is empty when nobody is. */
size_t scan_count(const struct scan *scan, const struct record *record);

/* How many of them are the jail's own, as people count: all but the supervisors. */
size_t scan_count_own(const struct scan *scan, const struct record *record);

/* How many are in this mount namespace itself, of whatever jail. */
size_t scan_count_in(const struct scan *scan, uint64_t mount_namespace);

/*
 * Waits until nobody is in the mount namespace, the hub's, on his way to a jail whose pins he may
 * hold; ends who stays there, because somebody has stopped him. 0, or -1 and errno.
 */
int scan_wait_for_transit(const struct namespace_home *home, uint64_t mount_namespace) MUST_CHECK;

/* Kills all that are, however fast they fork: stops them first. 0: none is left; -1 after 5 s. */
int scan_kill(const struct namespace_home *home, const struct record *record) MUST_CHECK;
