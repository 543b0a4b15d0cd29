/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#define NAME_LENGTH_MAX 64
#define NAME_RULE "a name matches [A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}"

/*
 * Whether NAME may name a jail, as NAME_RULE says it. Such a name is one path component, never "."
 * or "..", no option, and safe to print.
 */
bool name_is_jail(const char *name);

/* Whether TEXT (of LENGTH bytes) may name an environment variable: [A-Za-z_][A-Za-z0-9_]*. */
bool name_is_variable(const char *text, unsigned long length);
