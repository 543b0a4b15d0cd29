/* SPDX-License-Identifier: MIT */
#pragma once

#include <errno.h>
#include <stdbool.h>

/* 0 if a call had its effect; else -1 and EPROTO: the kernel, or a filter before it, said yes and
 * did not do it. */
static inline int proof_of(bool is_so)
{
	if (is_so)
		return 0;
	errno = EPROTO;
	return -1;
}
