/* SPDX-License-Identifier: MIT */
/* A supervised run between its fork and its command: what ties it to its supervisor. */
#pragma once

#include "launcher/supervise.h"

/*
 * In a supervised run, as the user: arranges that we end when the supervisor does, and with private
 * processes forks the command, which returns, from process 1, which does not. Unblocks signals.
 */
void settle_run(const struct reporter *reporter, const struct supervise *supervise);
