/* SPDX-License-Identifier: MIT */
/*
 * A regular file of the caller's is never in the command's hands for writing: the command gets a
 * pipe, and a process with the caller's ids alone moves the bytes. So O_APPEND, truncation and the
 * jail's file_size are no matter between command and file; and a limit on output can be counted.
 */
#pragma once

#include "supervise.h"

/*
 * Where standard input is among FILES, as descriptors_close() has them, opens it anew for reading,
 * at the same offset; one that is open for writing alone becomes /dev/null. 0, or -1 and errno.
 */
int relay_open_input(unsigned int files) MUST_CHECK;

/*
 * Forks the relay, if the run needs one. Sets SUPERVISE's output_fds, the write ends of pipes for
 * standard output and error (-1: they stay as they are), and relay_fd: a byte from there means
 * that the limit on output is exceeded, and its end, which follows on a shutdown(2), that nothing
 * is left to be moved or that the relay has gone. Refuses if it cannot.
 */
void relay_start(const struct reporter *reporter, struct supervise *supervise);
