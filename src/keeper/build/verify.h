/* SPDX-License-Identifier: MIT */
#pragma once

#include "policy/jail.h"
#include "namespace.h"

/*
 * In a jail's new namespace: whether its mounts are exactly those that JAIL asks for, each with its
 * flags, and private, as the kernel's own table and stat(2) tell it. 0, or -1 with *ERROR.
 */
int verify_jail(const struct namespace_host *host, const struct jail *jail,
		struct text *error) MUST_CHECK;
