/* SPDX-License-Identifier: MIT */
/* Exit statuses of our own, as env(1), timeout(1) and chroot(1) have them. */
#pragma once

enum exit_status {
	EXIT_TIMEOUT = 124,        /* the wall clock ran out */
	EXIT_REFUSED = 125,        /* trampoline refused or failed; the command never ran */
	EXIT_NOT_EXECUTABLE = 126, /* found in the jail, but it cannot be executed */
	EXIT_NOT_FOUND = 127,      /* not found in the jail */
	EXIT_SIGNAL_BASE = 128,    /* a supervised command died of signal n: 128 + n */
};
