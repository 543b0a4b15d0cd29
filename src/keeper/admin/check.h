/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * --check: looks at configuration, image, data, state and kernel, and at jail NAME or all of them.
 * Prints a line a finding, with its cure. Returns how many there were.
 */
unsigned int check_all(const char *name);
