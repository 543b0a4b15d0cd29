/* SPDX-License-Identifier: MIT */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <sys/prctl.h>

/* 0 if a call had its effect; else -1 and EPROTO: the kernel, or a filter before it, said yes and
 * did not do it. */
static inline int proof_of(bool is_so)
{
	if (is_so)
		return 0;
	errno = EPROTO;
	return -1;
}

/*
 * Whether a system call filter of the caller's is in force: what /proc/self/status has as
 * `Seccomp: 2'. EINVAL: this kernel has no filters; any other error is a filter's own answer.
 */
static inline bool proof_of_filter(void)
{
	int error = errno, mode = prctl(PR_GET_SECCOMP);
	bool is_filtered = mode > 0 || (mode < 0 && errno != EINVAL);

	errno = error;
	return is_filtered;
}
