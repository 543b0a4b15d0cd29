/* SPDX-License-Identifier: MIT */
/* The record, the one format both programs know: sealing and believing it. */
#include "trampoline/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SEALED_FROM offsetof(struct record, built_ns)
#define HEADER_SIZE offsetof(struct record, tail)

_Static_assert(HEADER_SIZE % 8 == 0 && SEALED_FROM % 8 == 0 && sizeof(struct record) % 8 == 0,
	       "the checksum goes by words");

struct record_instruction *record_filter(const struct record *record)
{
	return (struct record_instruction *)(void *)record->tail;
}

struct record_origin *record_binds(const struct record *record)
{
	return (struct record_origin *)(void *)(record_filter(record) + record->filter_length);
}

char *record_set(const struct record *record)
{
	return (char *)(record_binds(record) + record->bind_count);
}

/* The bytes of RECORD, whole words; or 0 if a part of its tail is longer than it may be. */
static size_t size_of(const struct record *record)
{
	if (record->filter_length > RECORD_FILTER_MAX || record->bind_count > RECORD_BINDS_MAX ||
	    record->set_length > RECORD_SET_MAX)
		return 0;
	return HEADER_SIZE + record->filter_length * sizeof(struct record_instruction) +
	       record->bind_count * sizeof(struct record_origin) +
	       ((size_t)record->set_length + 7) / 8 * 8;
}

/* FNV-1a by 64-bit words: it finds damage, not forgery; only root can write a record. */
static uint64_t checksum(const struct record *record, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)record;
	uint64_t sum = UINT64_C(0xcbf29ce484222325), word;

	for (size_t at = SEALED_FROM; at < length; at += sizeof(word)) {
		memcpy(&word, bytes + at, sizeof(word));
		sum = (sum ^ word) * UINT64_C(0x100000001b3);
		sum ^= sum >> 32;
	}
	return sum;
}

void record_seal(struct record *record)
{
	record->magic = RECORD_MAGIC;
	record->version = RECORD_VERSION;
	record->size = (uint32_t)size_of(record);
	record->checksum = checksum(record, record->size);
}

bool record_is_valid(const struct record *record, size_t length, const char *name)
{
	if (length < HEADER_SIZE || record->magic != RECORD_MAGIC ||
	    record->version != RECORD_VERSION || record->size != length ||
	    length != size_of(record) || record->checksum != checksum(record, length))
		return false;
	/* The checksum finds damage; what follows, a keeper's fault or another jail's record. */
	return record->caller_count <= RECORD_CALLERS_MAX && record->uid != 0 && record->gid != 0 &&
	       record->group_count - 1 < RECORD_GROUPS_MAX && record->groups[0] != 0 &&
	       record->mount_namespace != 0 && record->keep_length <= sizeof(record->keep) &&
	       (record->set_length == 0 || !record_set(record)[record->set_length - 1]) &&
	       strncmp(record->name, name, sizeof(record->name)) == 0;
}

int record_read(int record_fd, const char *name, struct record *record)
{
	struct stat status;
	ssize_t length = -1;

	if (fstat(record_fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == 0 &&
	    (status.st_mode & 07777) == RECORD_MODE)
		length = read(record_fd, record, sizeof(*record));
	if (length >= 0 && record_is_valid(record, (size_t)length, name))
		return 0;
	errno = ESTALE;
	return -1;
}

void record_fill_origin(struct record_origin *origin, const struct stat *status)
{
	origin->device = status->st_dev;
	origin->inode = status->st_ino;
	origin->uid = status->st_uid;
	origin->gid = status->st_gid;
	origin->changed_ns = S_ISDIR(status->st_mode)
				     ? 0
				     : (int64_t)status->st_ctim.tv_sec * 1000000000 +
					       (int64_t)status->st_ctim.tv_nsec;
}

/* Whether the first SIZE bytes of ORIGIN are what its path has now. */
static bool is_same(const struct record_origin *origin, int flags, size_t size)
{
	struct record_origin now = {.inode = 0};
	struct stat status;

	if (fstatat(AT_FDCWD, origin->path, &status, AT_NO_AUTOMOUNT | flags) == 0)
		record_fill_origin(&now, &status);
	else if (errno != ENOENT)
		return false;
	return memcmp(&now, origin, size) == 0;
}

bool record_is_current(const struct record *record)
{
	for (uint32_t i = 0; i < record->bind_count; i++)
		if (!is_same(&record_binds(record)[i], AT_SYMLINK_NOFOLLOW,
			     offsetof(struct record_origin, changed_ns)))
			return false;
	for (enum record_source source = 0; source < RECORD_SOURCES; source++) {
		const struct record_origin *origin = &record->origins[source];

		if (!origin->path[0])
			return source == RECORD_CGROUP; /* the policy wants no cgroup */
		/* `current' is the one symlink that is followed: root alone can change it. */
		if (!is_same(origin, source == RECORD_IMAGE ? 0 : AT_SYMLINK_NOFOLLOW,
			     offsetof(struct record_origin, path)))
			return false;
	}
	return true;
}

bool record_admits(const struct record *record, uint32_t uid)
{
	for (uint32_t i = 0; i < record->caller_count; i++)
		if (record->callers[i] == uid)
			return true;
	return uid == 0;
}
