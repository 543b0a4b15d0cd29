/* SPDX-License-Identifier: MIT */
/*
 * A record. The first byte says what the others are: 0, the record itself; else changes to a good
 * one, of three bytes each: where (16 bits) and what is flipped there. An even first byte seals it
 * again.
 */
#include "trampoline/record.h"

#include "../unit/sample.h"
#include "fuzz.h"

static void flip(struct record *record, const uint8_t *bytes, size_t size)
{
	for (; size >= 3; bytes += 3, size -= 3)
		((uint8_t *)record)[(size_t)(bytes[0] << 8 | bytes[1]) % sizeof(*record)] ^=
			bytes[2];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct record good, record;

	if (size == 0)
		return 0;
	sample_record(&good);
	if (bytes[0] == 0) {
		memset(&record, 0, sizeof(record));
		size_t length = size - 1 < sizeof(record) ? size - 1 : sizeof(record);
		memcpy(&record, bytes + 1, length);
		/* nobody seals by chance */
		MUST_HOLD(!record_is_valid(&record, length, "alice"));
		return 0;
	}
	record = good;
	flip(&record, bytes + 1, size - 1);
	bool is_same = !memcmp(&record, &good, offsetof(struct record, entered_ns)) &&
		       !memcmp(&record.built_ns, &good.built_ns,
			       good.size - offsetof(struct record, built_ns));
	MUST_HOLD(record_is_valid(&record, good.size, "alice") == is_same);
	if (bytes[0] % 2)
		return 0;
	record_seal(&record);
	if (!record_is_valid(&record, record.size, "alice"))
		return 0;
	/* What may be obeyed is the sample's jail's, and nobody's but a user's. */
	MUST_HOLD(!strncmp(record.name, "alice", sizeof("alice")) && record.uid && record.gid);
	MUST_HOLD(record.size <= sizeof(record) && record.caller_count <= RECORD_CALLERS_MAX);
	MUST_HOLD(!record_is_valid(&record, record.size - 1, "alice"));
	MUST_HOLD(!record_is_valid(&record, record.size, "bob"));
	(void)record_admits(&record, 4711);
	return 0;
}
