/* SPDX-License-Identifier: MIT */
/* The keys of the configuration, by their place in one table. */
#pragma once

#include <stddef.h>

#include "config.h"

/* Section and name of the key at INDEX; NULL past the end. */
const char *key_section(size_t index);
const char *key_name(size_t index);

/* What it is where no file sets it, as a file would say it. */
const char *key_default(size_t index);

/*
 * Reads VALUE into CONFIG. 0; or -1, with the field in any state and the rule in *REASON, if it is
 * none of this key's.
 */
int key_read(struct config *config, size_t index, const char *value,
	     struct text *reason) MUST_CHECK;
