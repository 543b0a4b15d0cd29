/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "namespace.h"
#include "trampoline/attributes.h"
#include "trampoline/text.h"

/*
 * Kills all processes of UID. 0, and none is left; -1 with *ERROR. Kills nobody if one of them is
 * in the host's own mount namespace: an account that shares the uid is not to pay for it.
 */
int kill_uid(const struct namespace_home *home, uid_t uid, struct text *error) MUST_CHECK;
