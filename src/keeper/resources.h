/* SPDX-License-Identifier: MIT */
/* The section [resources] of a policy, as a leaf among the cgroups. */
#pragma once

#include "config.h"
#include "trampoline/attributes.h"
#include "trampoline/record.h"
#include "trampoline/text.h"

/* Whether what CONFIG says of resources can be had here. 0, or -1 with *ERROR. Makes nothing. */
int resources_check(const struct config *config, struct text *error) MUST_CHECK;

/*
 * Makes jail NAME's leaf, or takes the one that is there, sets its limits as CONFIG has them, and
 * fills *ORIGIN; does nothing where CONFIG wants none. 0, or -1 with *ERROR.
 */
int resources_make(const struct config *config, const char *name, struct record_origin *origin,
		   struct text *error) MUST_CHECK;
