/* SPDX-License-Identifier: MIT */
/* Which version of an image is current. */
#pragma once

#include <stddef.h>

#include "trampoline/attributes.h"
#include "trampoline/name.h"
#include "trampoline/text.h"

/*
 * An O_PATH descriptor of the version that images/IMAGE/current names, and that name in VERSION.
 * Every directory down to it is trusted. -1, and a sentence in *ERROR.
 */
int image_open(const char *image, char version[static NAME_LENGTH_MAX + 1],
	       struct text *error) MUST_CHECK;
