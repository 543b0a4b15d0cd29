/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

/* Process 1 of a private run whose command is COMMAND; ends when that ends, and as it does. */
_Noreturn void init_run(pid_t command);
