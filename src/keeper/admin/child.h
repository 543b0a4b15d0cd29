/* SPDX-License-Identifier: MIT */
/* What another process does for the keeper: because it may hang, or because it must be the user. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "build/namespace.h"
#include "trampoline/attributes.h"
#include "trampoline/text.h"

/*
 * Asks storage that may never answer: calls TASK(CONTEXT, ANSWER) in a child; TASK fills the SIZE
 * bytes of ANSWER, at most 4096, which the caller gets. 0; -1 and errno, ETIME if the child does
 * not come back in time: it is killed then, and not waited for, since even SIGKILL may have to wait
 * for the storage. It keeps none of our descriptors open: who reads our output to its end would
 * wait for the child too.
 */
int child_ask(int64_t time_limit_ns, void (*task)(const void *context, void *answer),
	      const void *context, void *answer, size_t size) MUST_CHECK;

/* What a look at storage says. */
struct child_finding {
	uid_t uid;         /* the jail's; 0: not known */
	struct text error; /* empty: nothing is wrong */
};

/*
 * For child_ask(): looks at the storage of the jail that CONTEXT names, or, if it is NULL, at what
 * all jails have in common. ANSWER is a struct child_finding.
 */
void child_look(const void *context, void *answer);

/*
 * *UID is the owner of the home of jail NAME; 0 if there is no home, or its owner may have no jail.
 * 0, or -1 with *ERROR, also where the storage does not answer.
 */
int child_find_owner(const char *name, uid_t *uid, struct text *error) MUST_CHECK;

/*
 * Kills all processes of UID. Returns 0 when none is left, or -1 with a sentence in *ERROR. Kills
 * none if one of them is in the host's own mount namespace, so that an account of the host that has
 * the same uid loses nothing.
 */
int child_kill(const struct namespace_host *host, uid_t uid, struct text *error) MUST_CHECK;

/*
 * Does that for every uid that owns a user's home and has a process outside the host's own mount
 * namespace, in a live jail or not. It is the storage that is asked, not the processes: a user can
 * hide where they are. 0; -1 and the last one's sentence in *ERROR.
 */
int child_kill_others(const struct namespace_host *host, struct text *error) MUST_CHECK;
