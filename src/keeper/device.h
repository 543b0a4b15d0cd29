/* SPDX-License-Identifier: MIT */
#pragma once

#include "trampoline/attributes.h"

/* Fills the directory at DEV_FD with the minimal /dev of a jail. 0, or -1 and errno. */
int device_populate(int dev_fd) MUST_CHECK;
