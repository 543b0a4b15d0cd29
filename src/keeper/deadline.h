/* SPDX-License-Identifier: MIT */
/* Questions to storage that may never answer: a child asks, and is left behind if it must be. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "trampoline/attributes.h"

/*
 * Calls TASK(CONTEXT, ANSWER) in a child; TASK fills the SIZE bytes of ANSWER, at most 4096, which
 * the caller gets. 0; -1 and errno, ETIME if the child does not come back in time: it is killed
 * then, and not waited for, since even SIGKILL may have to wait for the storage. It keeps none of
 * our descriptors open: who reads our output to its end would wait for the child too.
 */
int deadline_ask(int64_t time_limit_ns, void (*task)(const void *context, void *answer),
		 const void *context, void *answer, size_t size) MUST_CHECK;
