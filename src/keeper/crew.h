/* SPDX-License-Identifier: MIT */
/*
 * Work on many jails by several processes: what waits for one thing (an RCU grace period after each
 * umount) waits together, and what waits for ever (storage that is away) is left behind.
 */
#pragma once

#include <stddef.h>

#include "trampoline/attributes.h"

#define CREW_STUCK (-1) /* the result of a task that did not come back in time */

/* Memory that the crew shares, zeroed; NULL and errno. Callers leave it mapped until they exit. */
void *crew_share(size_t size);

/*
 * Calls TASK(CONTEXT, i) once for each i below COUNT, in up to WORKERS child processes, and puts
 * what it returns (0 to 127) into RESULTS, which is shared memory. One that takes longer than five
 * seconds, or less when others have, is killed, and its result is CREW_STUCK. 0, or -1 and errno if
 * no child could be made.
 */
int crew_work(size_t count, unsigned int workers, int (*task)(void *context, size_t index),
	      void *context, signed char *results) MUST_CHECK;
