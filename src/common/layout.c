/* SPDX-License-Identifier: MIT */
/* Paths in RUNDIR and in the hub. */
#include "trampoline/layout.h"

#include <string.h>

void layout_record_path(char path[static LAYOUT_PATH_MAX], const char *name)
{
	stpcpy(stpcpy(stpcpy(path, LAYOUT_RUN_JAILS "/"), name), "/" LAYOUT_RUN_RECORD);
}

void layout_pin_path(char path[static LAYOUT_PATH_MAX], const char *name, const char *pin)
{
	stpcpy(stpcpy(stpcpy(stpcpy(path, LAYOUT_JAILS "/"), name), "/"), pin);
}
