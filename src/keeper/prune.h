/* SPDX-License-Identifier: MIT */
/* Jails that are retired but not yet empty, and the way into the hub and back. */
#pragma once

#include "live.h"
#include "trampoline/attributes.h"

/* Runs STEP in the hub, if there is one, and comes back; 0, or what STEP says, and errno. */
int prune_in_hub(const struct live *live, int (*step)(const char *name),
		 const char *name) MUST_CHECK;

/*
 * Forgets NAME's retired jails whose last process had gone before LIVE was opened, and that were
 * retired by then: record, then pins. 0, or -1 and errno.
 */
int prune_retired(const struct live *live, int directory_fd, const char *name) MUST_CHECK;
