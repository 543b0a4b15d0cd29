/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

/* setresuid(2) takes -1 for "unchanged"; some NFS servers map root to -2. */
#define WORD_ID_LAST 4294967293u

/* Each adds one word of a list to CONFIG. NULL; or why it cannot. */
const char *word_take_caller(struct config *config, const char *name);
const char *word_take_group(struct config *config, const char *name);
const char *word_take_kept(struct config *config, const char *name);

/* The name of a section whose keys the file makes up; and the section, or CONFIG_SECTIONS. */
const char *word_section(enum config_section section);
enum config_section word_find_section(const char *name);

/*
 * Adds KEY = VALUE, from this LINE of the file SOURCE, to SECTION of CONFIG, or replaces the value
 * that the other file has. NULL; or why it cannot.
 */
const char *word_add_pair(struct config *config, enum config_section section, const char *key,
			  const char *value, enum record_source source, int line);

/* Reads the VALUE of a bind, /HOST/PATH [rw] [noexec]. Returns MOUNT_ATTR_ flags; 0: it is none. */
uint64_t word_read_bind(const char *value, char host[static RECORD_PATH_MAX]);

/*
 * Reads all, inherit, or a list as cpuset(7) has it, such as 0-3,5, of which at least one processor
 * is there. False if VALUE is none of these.
 */
bool word_take_cpus(uint64_t cpus[static RECORD_CPUS_MAX / 64], const char *value);
