/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

#define WORD_ID_LAST 4294967293u /* -1 is "unchanged" to setresuid, -2 nobody on some NFS */

/* Each adds one word of a list to CONFIG. NULL; or why it cannot. */
const char *word_take_caller(struct config *config, const char *name);
const char *word_take_group(struct config *config, const char *name);
const char *word_take_kept(struct config *config, const char *name);

/* Why NAME can be no variable of every run; NULL if it can. */
const char *word_judge_variable(const char *name, const char *value);

/* Whether PATH is inside the directory DIRECTORY, by their names. */
bool word_is_below(const char *path, const char *directory);

/* Reads the VALUE of a bind, /HOST/PATH [rw] [noexec]. Returns MOUNT_ATTR_ flags; 0: it is none. */
uint64_t word_read_bind(const char *value, char host[static RECORD_PATH_MAX]);

/* Why VALUE cannot be bound on PLACE, a path in a jail, as far as their names say; or NULL. */
const char *word_judge_bind(const char *place, const char *value);

/*
 * Reads all, inherit, or a list as cpuset(7) has it, such as 0-3,5, of which at least one processor
 * is there. False if VALUE is none of these.
 */
bool word_take_cpus(uint64_t cpus[static RECORD_CPUS_MAX / 64], const char *value);
