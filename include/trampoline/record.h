/* SPDX-License-Identifier: MIT */
/*
 * The record: everything the keeper decided about one live jail, for the launcher to obey.
 * Host byte order, one machine, one boot: it lives in RUNDIR, which a reboot empties.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "trampoline/attributes.h"
#include "trampoline/limit.h"
#include "trampoline/name.h"

#define RECORD_MAGIC UINT64_C(0x4e4c4f504d415254) /* "TRAMPOLN" */
#define RECORD_VERSION 4
#define RECORD_CALLERS_MAX 32
#define RECORD_GROUPS_MAX 16
#define RECORD_CPUS_MAX 1024
#define RECORD_FILTER_MAX 1024
#define RECORD_BINDS_MAX 16
#define RECORD_SET_MAX 4096
#define RECORD_TAIL_MAX                                                                            \
	(RECORD_FILTER_MAX * sizeof(struct record_instruction) +                                   \
	 RECORD_BINDS_MAX * sizeof(struct record_origin) + RECORD_SET_MAX)
#define RECORD_PATH_MAX 224        /* a whole record is to fit into a page */
#define RECORD_MODE 0600           /* of the file */
#define RECORD_WITHDRAWN_MODE 0400 /* no launcher obeys it any more, and it will be unlinked */

enum record_flag {
	RECORD_LOG_REFUSALS = 1,
	RECORD_LOG_RUNS = 2,
	RECORD_PRIVATE_PROCESSES = 4, /* every run in a pid namespace of its own */
	RECORD_PROC = 8,              /* the jail has a /proc */
};

/* What a jail was derived from, in the order in which it is checked. */
enum record_source {
	RECORD_CONFIG,   /* trampoline.conf */
	RECORD_OVERRIDE, /* jails.d/NAME.conf; may be absent */
	RECORD_IMAGE,    /* what images/IMAGE/current names */
	RECORD_BASE,     /* data/NAME/home, which is mounted */
	RECORD_HOME,     /* data/NAME/home/NAME, whose owner is the identity */
	RECORD_TMP,      /* data/NAME/tmp */
	RECORD_CGROUP,   /* the jail's cgroup; an empty path: it has none */
	RECORD_SOURCES,
};

struct record_origin {
	uint64_t device, inode; /* inode 0: it was absent */
	int64_t changed_ns;     /* ctime; 0 for directories, whose content may change */
	uint32_t uid, gid;
	char path[RECORD_PATH_MAX]; /* on the host */
};

struct record_instruction { /* struct sock_filter, without linux/filter.h */
	uint16_t code;
	uint8_t jump_true, jump_false;
	uint32_t k;
};

struct record {
	uint64_t magic;
	uint32_t version, size; /* size: bytes of this record, as far as its tail is used */
	uint64_t checksum;      /* of all from `built_ns' on */
	int64_t entered_ns;     /* the last entry; launchers write it in place */
	int64_t marked_ns;      /* cleanup's last mark; the keeper writes it in place */
	int64_t built_ns;       /* all three by CLOCK_BOOTTIME, which cannot be set; 0: never */
	char name[NAME_LENGTH_MAX + 8];
	char image[NAME_LENGTH_MAX + 8], image_version[NAME_LENGTH_MAX + 8];
	uint32_t uid, gid;
	uint64_t mount_namespace, ipc_namespace, network_namespace; /* inodes; 0: the host's */
	uint32_t flags, umask;
	uint32_t caller_count, callers[RECORD_CALLERS_MAX]; /* real uids; 0 always may */
	uint32_t group_count, groups[RECORD_GROUPS_MAX];    /* ascending, GID among them */
	uint64_t cpus[RECORD_CPUS_MAX / 64]; /* a bit for each processor; none: the caller's */
	uint64_t limits[LIMIT_COUNT];        /* by RLIMIT_ number; QUANTITY_UNLIMITED for none */
	uint64_t timeout_ms;                 /* QUANTITY_UNLIMITED for none */
	uint64_t kill_after_ms;              /* from the time-out to SIGKILL */
	char shell[128];
	char keep[512]; /* names, each with a NUL behind it; a last "*" is any ending */
	struct record_origin origins[RECORD_SOURCES];
	uint32_t keep_length;
	uint32_t filter_length, bind_count, set_length; /* instructions, binds, bytes of the tail */
	/* One after the other: the filter, the binds' origins, the variables of every run. */
	_Alignas(8) unsigned char tail[RECORD_TAIL_MAX];
};

/*
 * The parts of the tail, writable if RECORD is. Each begins where the one before it ends, so they
 * are filled in this order. The set: NAME=VALUE, each with a NUL behind it.
 */
struct record_instruction *record_filter(const struct record *record);
struct record_origin *record_binds(const struct record *record);
char *record_set(const struct record *record);

/* Completes size and checksum of a record whose other fields are set. */
void record_seal(struct record *record);

/* Whether the LENGTH bytes of RECORD are a whole, undamaged record of jail NAME. Pure. */
bool record_is_valid(const struct record *record, size_t length, const char *name);

/*
 * Reads and validates NAME's record from RECORD_FD. 0; -1 with errno ESTALE if there is none that
 * this program may obey: not a regular file of root's with RECORD_MODE, damaged, of another jail or
 * version.
 */
int record_read(int record_fd, const char *name, struct record *record) MUST_CHECK;

/* Fills all of *ORIGIN but its path. */
void record_fill_origin(struct record_origin *origin, const struct stat *status);

/*
 * Whether each thing the record was derived from is still the same one, by device, inode and owner,
 * a file also by its ctime, which no user can set; a bind by device and inode alone, because its
 * content may change. The pinned jail holds its directories, so their inode numbers cannot be used
 * again.
 */
bool record_is_current(const struct record *record);

/* Whether a caller with real uid UID may enter. */
bool record_admits(const struct record *record, uint32_t uid);
