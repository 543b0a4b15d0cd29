/* SPDX-License-Identifier: MIT */
/* The policy: trampoline.conf and jails.d/NAME.conf, read strictly. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trampoline/attributes.h"
#include "trampoline/limit.h"
#include "trampoline/record.h"
#include "trampoline/text.h"

#define CONFIG_KEYS_MAX 40
#define CONFIG_VALUE_MAX 512
#define CONFIG_PAIRS_MAX 32
#define CONFIG_PAIRS_SIZE_MAX 3072 /* of a section, keys and values; see RECORD_SET_MAX */
#define CONFIG_NOBODY 65534        /* who everybody is on a squashed or foreign file system */

/* Where a key's value came from. */
struct config_entry {
	char value[CONFIG_VALUE_MAX];
	enum record_source source; /* RECORD_CONFIG, RECORD_OVERRIDE; RECORD_SOURCES: built in */
	int line;
};

/* The sections whose keys the file makes up. */
enum config_section { CONFIG_SET, CONFIG_BINDS, CONFIG_SECTIONS };

/* A line of such a section. */
struct config_pair {
	char key[RECORD_PATH_MAX], value[1024];
	enum record_source source;
	int line;
};

/* What a jail's cgroup can limit. */
enum config_resource { CONFIG_MEMORY, CONFIG_PROCESSES, CONFIG_CPU, CONFIG_RESOURCES };

struct config {
	/* What the launcher obeys as it is written; the flags of RECORD_LOG_ alone; two origins. */
	struct record policy;
	uint32_t groups[RECORD_GROUPS_MAX - 1], group_count; /* besides the jail's own */
	uint64_t minimum_uid, maximum_uid;
	uint64_t minimum_gid, maximum_gid; /* 0: as the uids' */
	/* Bytes, a count, percent; QUANTITY_UNLIMITED; 0: none. */
	uint64_t resources[CONFIG_RESOURCES];
	char path[512];
	bool has_dev, has_proc, is_network_private, is_ipc_private, are_processes_private;
	bool is_filtered, is_noexec;
	uint32_t pair_counts[CONFIG_SECTIONS];
	struct config_entry entries[CONFIG_KEYS_MAX]; /* by the key's index */
	struct config_pair pairs[CONFIG_SECTIONS][CONFIG_PAIRS_MAX];
};

/* Everything as built in: what an empty configuration means. */
void config_defaults(struct config *config);

/*
 * Reads the LENGTH bytes of TEXT, which has room for one more and does not stay as it is, as the
 * file SOURCE, called PATH in the sentence, on top of what CONFIG holds. 0, or -1 with *ERROR:
 * unknown section or key, a key twice, a value out of range. Pure but for the names of callers,
 * which NSS looks up.
 */
int config_parse(struct config *config, enum record_source source, const char *path, char *text,
		 size_t length, struct text *error) MUST_CHECK;

/* Defaults, then trampoline.conf, then the override of JAIL (NULL: of none), each root's alone. */
int config_load(struct config *config, const char *jail, struct text *error) MUST_CHECK;

/* The least and the greatest uid, or gid, of a jail; and whether it may have this one. */
uint64_t config_least(const struct config *config, bool is_gid);
uint64_t config_greatest(const struct config *config, bool is_gid);
bool config_has_id(const struct config *config, bool is_gid, uint32_t id);
