/* SPDX-License-Identifier: MIT */
/*
 * Who is in a jail: the processes whose real uid is the jail's, outside the host's mount namespace.
 * A jailed process cannot change its uid, so this is true whatever became of records and pins.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "build/namespace.h"
#include "trampoline/attributes.h"
#include "trampoline/record.h"

struct inside_process {
	pid_t pid;
	uid_t uid;                                                  /* real */
	uint64_t mount_namespace, ipc_namespace, network_namespace; /* 0: we may not look */
	bool is_on_host;  /* in the host's mount namespace; the rest is not looked at then */
	bool is_launcher; /* one of ours: process 1 of a private run, or a command to be */
};

struct inside {
	struct inside_process *processes; /* sorted by uid */
	size_t count;
};

/* Looks at every process. 0, or -1 and errno; inside_free() releases it either way. */
int inside_read(const struct namespace_host *host, struct inside *inside) MUST_CHECK;
void inside_free(struct inside *inside);

/* The first of the *COUNT processes of UID, in a row. */
const struct inside_process *inside_of(const struct inside *inside, uid_t uid, size_t *count);

/* Whether PROCESS, of the jail's uid, came in before the jail of RECORD was built. */
bool inside_is_earlier(const struct inside_process *process, const struct record *record);

/*
 * Looks several times, since one look can miss a process that forks and ends all the time: 0 if
 * MATCHES returned 0 for everybody, else the number of a process for which it returned 1; -1 and
 * errno, also where MATCHES returned -1.
 */
pid_t inside_search(const struct namespace_host *host,
		    int (*matches)(void *context, const struct inside_process *process),
		    void *context) MUST_CHECK;

/* So looks for whoever of UID is inside. */
pid_t inside_find(const struct namespace_host *host, uid_t uid) MUST_CHECK;

/* Looks once for a process of UID that is in no jail we can see: 0, its number; -1 and errno. */
pid_t inside_find_on_host(const struct namespace_host *host, uid_t uid) MUST_CHECK;
