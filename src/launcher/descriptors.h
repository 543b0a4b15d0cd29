/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#include "trampoline/attributes.h"

/*
 * Leaves exactly 0, 1, 2 and the COUNT ascending KEEP_FDS open; 0-2 that were closed are /dev/null,
 * and those that are anonymous pipes can be opened anew, by /dev/stdin and so on.
 * NULL; or why that cannot be, with the descriptor in *FD: it is none of pipe, socket, regular
 * file, terminal, null and its like, or it is not open. *FILES has a bit, 1 << N, for each of 0 to
 * 2 that is a regular file open for writing.
 */
const char *descriptors_close(const int *keep_fds, size_t count, int *fd,
			      unsigned int *files) MUST_CHECK;
