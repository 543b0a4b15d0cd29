/* SPDX-License-Identifier: MIT */
/* What becomes of one jail in a pass of --cleanup. */
#pragma once

#include "live.h"
#include "trampoline/attributes.h"

enum retire_outcome {
	RETIRE_KEPT,
	RETIRE_MARKED,
	RETIRE_DONE,
	RETIRE_WITHDRAWN, /* and to be forgotten after another look at the processes */
	RETIRE_DISCARDED, /* retired before, and somebody is still inside */
	RETIRE_DEBRIS,
	RETIRE_FOREIGN, /* and foreign_find() says why */
	RETIRE_BUSY,    /* another keeper is at work; there is a next pass */
	RETIRE_FAILED,  /* and a sentence says why */
	RETIRE_OUTCOMES
};

/*
 * All of these: NAME's lock is held, and DIRECTORY_FD is its directory. 0, or -1 and errno.
 *
 * Retires the jail. *LEFT: 0; EBUSY if somebody is still inside, or may have come in since LIVE was
 * opened, and the jail is shown until that is known; ENOTEMPTY if something that is not ours keeps
 * the directory.
 */
int retire_jail(const struct live *live, int directory_fd, const char *name, int *left) MUST_CHECK;

/* Marks, keeps or retires it. */
int retire_treat(const struct live *live, int directory_fd, const char *name,
		 enum retire_outcome *outcome) MUST_CHECK;

/* After live_look_again(): what is left of a jail whose outcome retire_treat() has said. */
int retire_forget(const struct live *live, int directory_fd, const char *name,
		  enum retire_outcome *outcome) MUST_CHECK;

/* What retire_treat() would do, as far as that can be known without doing it. */
enum retire_outcome retire_foresee(const struct live *live, const char *name);
