/* SPDX-License-Identifier: MIT */
/* The record, the one format both programs know: sealing and believing it. */
#include "trampoline/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SEALED_FROM offsetof(struct record, built_ns)
#define HEADER_SIZE offsetof(struct record, filter)

_Static_assert(HEADER_SIZE % 8 == 0 && SEALED_FROM % 8 == 0, "the checksum goes by words");

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
	record->size = (uint32_t)(HEADER_SIZE + record->filter_length * sizeof(record->filter[0]));
	record->checksum = checksum(record, record->size);
}

bool record_is_valid(const struct record *record, size_t length, const char *name)
{
	if (length < HEADER_SIZE || record->magic != RECORD_MAGIC ||
	    record->version != RECORD_VERSION || record->filter_length > RECORD_FILTER_MAX ||
	    record->size != length ||
	    length != HEADER_SIZE + record->filter_length * sizeof(record->filter[0]) ||
	    record->checksum != checksum(record, length))
		return false;
	/* The seal says that a keeper wrote this; these, that it is not of another's making. */
	return record->caller_count <= RECORD_CALLERS_MAX && record->uid != 0 && record->gid != 0 &&
	       record->mount_namespace != 0 && record->keep_length <= sizeof(record->keep) &&
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

bool record_is_current(const struct record *record)
{
	for (enum record_source source = 0; source < RECORD_SOURCES; source++) {
		const struct record_origin *origin = &record->origins[source];
		if (!origin->path[0])
			return source == RECORD_CGROUP; /* none is wanted */
		struct record_origin now = {.inode = 0};
		struct stat status;

		/* `current' is the one symlink that is followed: root alone can change it. */
		if (fstatat(AT_FDCWD, origin->path, &status,
			    AT_NO_AUTOMOUNT | (source == RECORD_IMAGE ? 0 : AT_SYMLINK_NOFOLLOW)) ==
		    0)
			record_fill_origin(&now, &status);
		else if (errno != ENOENT)
			return false;
		if (memcmp(&now, origin, offsetof(struct record_origin, path)) != 0)
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
