/* SPDX-License-Identifier: MIT */
#include "trampoline/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "sample.h"
#include "unit.h"

static struct record record;

static bool is_valid(void)
{
	return record_is_valid(&record, record.size, "alice");
}

START_TEST(record_seal__whole_record__valid_for_its_jail_alone)
{
	sample_record(&record);
	ck_assert_uint_eq(record.size, offsetof(struct record, tail) +
					       3 * sizeof(struct record_instruction) +
					       (record.set_length + 7) / 8 * 8);
	ck_assert(is_valid());
	ck_assert(!record_is_valid(&record, record.size, "alic"));
	ck_assert(!record_is_valid(&record, record.size, "alice2"));
	ck_assert(!record_is_valid(&record, record.size, "bob"));
	ck_assert(!record_is_valid(&record, record.size, ""));
}
END_TEST

START_TEST(record_is_valid__any_other_length__refused)
{
	sample_record(&record);
	for (size_t length = 0; length <= sizeof(record); length++)
		ck_assert_int_eq(record_is_valid(&record, length, "alice"), length == record.size);
}
END_TEST

START_TEST(record_is_valid__one_flipped_bit__refused_but_for_the_two_times_of_use)
{
	unsigned char *bytes = (unsigned char *)&record;

	sample_record(&record);
	size_t size = record.size;
	for (size_t at = 0; at < size; at++) {
		/* written in place, without a seal, by launchers and by cleanup */
		bool is_free = at >= offsetof(struct record, entered_ns) &&
			       at < offsetof(struct record, built_ns);

		for (int bit = 0; bit < 8; bit++) {
			bytes[at] ^= (unsigned char)(1 << bit);
			ck_assert_msg(record_is_valid(&record, size, "alice") == is_free,
				      "byte %zu, bit %d", at, bit);
			bytes[at] ^= (unsigned char)(1 << bit);
		}
	}
}
END_TEST

START_TEST(record_is_valid__two_words_exchanged__refused)
{
	uint64_t *words = record.limits;

	sample_record(&record);
	words[0] = 1;
	words[1] = 2;
	record_seal(&record);
	ck_assert(is_valid());
	words[0] = 2;
	words[1] = 1;
	ck_assert(!is_valid());
}
END_TEST

START_TEST(record_is_valid__highest_bits_of_two_words__refused)
{
	uint64_t *words = record.limits;

	/* a product keeps a difference there as it is, so a second one could take it away */
	sample_record(&record);
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		for (size_t j = 0; j < i; j++) {
			words[i] ^= UINT64_C(1) << 63;
			words[j] ^= UINT64_C(1) << 63;
			ck_assert_msg(!is_valid(), "words %zu and %zu", i, j);
			words[i] ^= UINT64_C(1) << 63;
			words[j] ^= UINT64_C(1) << 63;
		}
	ck_assert(is_valid());
}
END_TEST

static void other_magic(void)
{
	record.magic++;
}
static void older_version(void)
{
	record.version--;
}
static void newer_version(void)
{
	record.version++;
}
static void other_size(void)
{
	record.size--;
}
static void other_checksum(void)
{
	record.checksum ^= 1;
}

START_TEST(record_is_valid__foreign_header__refused)
{
	static void (*const changes[])(void) = {other_magic, older_version, newer_version,
						other_size, other_checksum};

	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		sample_record(&record);
		size_t length = record.size;
		changes[i]();
		ck_assert_msg(!record_is_valid(&record, length, "alice"), "change %zu", i);
		ck_assert_msg(!is_valid(), "change %zu", i);
	}
}
END_TEST

/* A seal is no proof of sense: what a keeper never writes is refused sealed. */
static void too_many_callers(void)
{
	record.caller_count = RECORD_CALLERS_MAX + 1;
}
static void user_root(void)
{
	record.uid = 0;
}
static void group_root(void)
{
	record.gid = 0;
}
static void no_groups(void)
{
	record.group_count = 0;
}
static void too_many_groups(void)
{
	record.group_count = RECORD_GROUPS_MAX + 1;
}
static void groups_root(void)
{
	record.group_count = 2;
	record.groups[0] = 0;
	record.groups[1] = 1001;
}
static void no_mount_namespace(void)
{
	record.mount_namespace = 0;
}
static void long_keep(void)
{
	record.keep_length = sizeof(record.keep) + 1;
}
static void long_filter(void)
{
	record.filter_length = RECORD_FILTER_MAX + 1;
}
static void overflowing_filter(void)
{
	record.filter_length = UINT32_MAX;
}
static void many_binds(void)
{
	record.bind_count = RECORD_BINDS_MAX + 1;
}
static void long_set(void)
{
	record.set_length = RECORD_SET_MAX + 1;
}
static void overflowing_set(void)
{
	record.set_length = UINT32_MAX;
}
static void set_without_end(void)
{
	record.set_length = 7;
	memcpy(record_set(&record), "A=12345", 7);
}

START_TEST(record_is_valid__sealed_nonsense__refused)
{
	static void (*const changes[])(void) = {too_many_callers,   user_root,   group_root,
						no_mount_namespace, long_keep,   no_groups,
						too_many_groups,    groups_root, set_without_end};
	static void (*const lengths[])(void) = {long_filter, overflowing_filter, many_binds,
						long_set, overflowing_set};

	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		sample_record(&record);
		changes[i]();
		record_seal(&record);
		ck_assert_msg(!is_valid(), "change %zu", i);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		sample_record(&record);
		size_t length = record.size;
		lengths[i]();
		ck_assert_msg(!is_valid(), "length %zu", i);
		record_seal(&record); /* which does not read past the end */
		ck_assert_msg(!is_valid() && !record_is_valid(&record, length, "alice"),
			      "sealed length %zu", i);
	}
}
END_TEST

START_TEST(record_is_valid__longest_tail__accepted)
{
	sample_record(&record);
	record.filter_length = RECORD_FILTER_MAX;
	record.bind_count = RECORD_BINDS_MAX;
	record.set_length = RECORD_SET_MAX;
	record_seal(&record);
	ck_assert_uint_eq(record.size, sizeof(record));
	ck_assert(is_valid());
}
END_TEST

START_TEST(record_set__behind_filter_and_binds__found_and_sealed)
{
	sample_record(&record);
	size_t size = record.size - (record.set_length + 7) / 8 * 8;
	record.bind_count = 2;
	memcpy(record_binds(&record)[1].path, "/srv", sizeof("/srv"));
	record.set_length = sizeof("A=1");
	memcpy(record_set(&record), "A=1", sizeof("A=1"));
	record_seal(&record);
	ck_assert_uint_eq(record.size, size + 2 * sizeof(struct record_origin) + 8);
	ck_assert(is_valid());
	ck_assert_uint_eq(record_filter(&record)[2].k, 2);
	ck_assert_str_eq(record_binds(&record)[1].path, "/srv");
	ck_assert_str_eq(record_set(&record), "A=1");
	record_set(&record)[2] = '2';
	ck_assert(!is_valid());
}
END_TEST

START_TEST(record_admits__uid__callers_and_root)
{
	sample_record(&record);
	ck_assert(record_admits(&record, 33));
	ck_assert(record_admits(&record, 1000));
	ck_assert(record_admits(&record, 0));
	ck_assert(!record_admits(&record, 1001));
	ck_assert(!record_admits(&record, UINT32_MAX));
	record.caller_count = 0;
	ck_assert(!record_admits(&record, 33));
	ck_assert(record_admits(&record, 0));
}
END_TEST

/* --- on files --------------------------------------------------------------------------------- */

#define RECORD_PATH UNIT_SCRATCH "/record"

static int read_back(void)
{
	static struct record copy;
	int fd = open(RECORD_PATH, O_RDONLY | O_CLOEXEC);

	memset(&copy, 0xa5, sizeof(copy));
	ck_assert_int_ge(fd, 0);
	errno = 0;
	int result = record_read(fd, "alice", &copy);
	int saved = errno;
	close(fd);
	if (result == 0)
		ck_assert_mem_eq(&copy, &record, record.size);
	errno = saved;
	return result;
}

static void write_record(void)
{
	unit_mount_scratch();
	sample_record(&record);
	unit_write(RECORD_PATH, (const char *)&record, record.size, 0600);
}

START_TEST(record_read__as_published__read)
{
	write_record();
	ck_assert_int_eq(read_back(), 0);
}
END_TEST

static const unsigned int wrong_modes[] = {
	RECORD_WITHDRAWN_MODE, 0644, 0640, 0602, 0660, 0200, 0700, 04600, 01600};

START_TEST(record_read__any_other_mode__stale)
{
	write_record();
	ck_assert_int_eq(chmod(RECORD_PATH, wrong_modes[_i]), 0);
	ck_assert_int_eq(read_back(), -1);
	ck_assert_int_eq(errno, ESTALE);
}
END_TEST

START_TEST(record_read__not_roots__stale)
{
	write_record();
	ck_assert_int_eq(chown(RECORD_PATH, 1001, 0), 0);
	ck_assert_int_eq(read_back(), -1);
	ck_assert_int_eq(errno, ESTALE);
}
END_TEST

START_TEST(record_read__cut_empty_or_longer__stale)
{
	write_record();
	const off_t sizes[] = {0,
			       8,
			       (off_t)offsetof(struct record, tail),
			       (off_t)record.size - 1,
			       (off_t)record.size + 1,
			       sizeof(record)};

	for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
		ck_assert_int_eq(truncate(RECORD_PATH, sizes[i]), 0);
		ck_assert_int_eq(read_back(), -1);
		ck_assert_int_eq(errno, ESTALE);
	}
}
END_TEST

START_TEST(record_read__no_regular_file__refused)
{
	static struct record copy;
	int ends[2], directory_fd;

	unit_mount_scratch();
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	directory_fd = open(UNIT_SCRATCH, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(record_read(ends[0], "alice", &copy), -1);
	ck_assert_int_eq(errno, ESTALE);
	ck_assert_int_eq(record_read(directory_fd, "alice", &copy), -1);
	ck_assert_int_eq(errno, ESTALE);
	ck_assert_int_eq(record_read(-1, "alice", &copy), -1);
	ck_assert_int_eq(errno, ESTALE);
}
END_TEST

static const char *const names[RECORD_SOURCES] = {
	[RECORD_CONFIG] = "conf",  [RECORD_OVERRIDE] = "alice.conf", [RECORD_IMAGE] = "current",
	[RECORD_BASE] = "home",    [RECORD_HOME] = "home/alice",     [RECORD_TMP] = "tmp",
	[RECORD_CGROUP] = "cgroup"};

/* All seven sources in the scratch directory, as the keeper would find and record them. */
static void make_sources(void)
{
	unit_mount_scratch();
	ck_assert_int_eq(chdir(UNIT_SCRATCH), 0);
	unit_write_text("conf", "[trampoline]\n");
	unit_write_text("alice.conf", "");
	unit_make_directory("1", 0755, 0);
	unit_make_directory("2", 0755, 0);
	ck_assert_int_eq(symlink("1", "current"), 0);
	unit_make_directory("home", 0755, 0);
	unit_make_directory("home/alice", 0700, 1001);
	unit_make_directory("tmp", 0700, 1001);
	unit_make_directory("cgroup", 0755, 0);
	sample_record(&record);
	for (enum record_source source = 0; source < RECORD_SOURCES; source++) {
		struct stat status;

		ck_assert_int_eq(stat(names[source], &status), 0);
		record_fill_origin(&record.origins[source], &status);
		snprintf(record.origins[source].path, RECORD_PATH_MAX, UNIT_SCRATCH "/%s",
			 names[source]);
	}
	ck_assert(record_is_current(&record));
}

/* Whether the same directory or file, changed by COMMAND-like steps, is noticed. */
static const struct {
	const char *from, *to; /* from NULL: TO is removed; to NULL: FROM's owner changes */
} changes[] = {{NULL, "conf"},  {NULL, "alice.conf"}, {NULL, "current"},
	       {"conf", NULL},  {"home", NULL},       {"home/alice", NULL},
	       {"tmp", NULL},   {"current", NULL},    {"home/alice", "home/bob"},
	       {"tmp", "tmp2"}, {"home", "home2"},    {"1", "3"}};

START_TEST(record_is_current__source_removed_moved_or_given_away__stale)
{
	make_sources();
	const char *from = changes[_i].from, *to = changes[_i].to;

	if (!from)
		ck_assert_int_eq(unlink(to), 0);
	else if (!to)
		ck_assert_int_eq(chown(from, 1002, 1002), 0);
	else
		ck_assert_int_eq(rename(from, to), 0);
	ck_assert_msg(!record_is_current(&record), "%s -> %s", from, to);
}
END_TEST

START_TEST(record_is_current__other_directory_of_the_same_name__stale)
{
	make_sources();
	ck_assert_int_eq(rename("home/alice", "home/old"), 0);
	unit_make_directory("home/alice", 0700, 1001);
	ck_assert(!record_is_current(&record));
	ck_assert_int_eq(rmdir("home/alice"), 0);
	ck_assert_int_eq(symlink("old", "home/alice"), 0);
	ck_assert(!record_is_current(&record));
	ck_assert_int_eq(unlink("home/alice"), 0);
	ck_assert_int_eq(rename("home/old", "home/alice"), 0);
	ck_assert(record_is_current(&record));
}
END_TEST

START_TEST(record_is_current__cgroup_made_again__stale)
{
	make_sources();
	ck_assert_int_eq(rename("cgroup", "old"), 0);
	ck_assert(!record_is_current(&record));
	unit_make_directory("cgroup", 0755, 0);
	ck_assert(!record_is_current(&record));
	ck_assert_int_eq(rmdir("cgroup"), 0);
	ck_assert_int_eq(rename("old", "cgroup"), 0);
	ck_assert(record_is_current(&record));
}
END_TEST

START_TEST(record_is_current__no_path__current_for_a_cgroup_alone)
{
	make_sources();
	memset(&record.origins[RECORD_CGROUP], 0, sizeof(record.origins[RECORD_CGROUP]));
	ck_assert(record_is_current(&record));
	for (enum record_source source = 0; source < RECORD_CGROUP; source++) {
		struct record_origin before = record.origins[source];

		memset(&record.origins[source], 0, sizeof(before));
		ck_assert(!record_is_current(&record));
		record.origins[source] = before;
	}
}
END_TEST

START_TEST(record_is_current__image_switched_and_back__stale_and_current)
{
	make_sources();
	ck_assert_int_eq(symlink("2", "new"), 0);
	ck_assert_int_eq(rename("new", "current"), 0);
	ck_assert(!record_is_current(&record));
	ck_assert_int_eq(symlink("1", "new"), 0);
	ck_assert_int_eq(rename("new", "current"), 0);
	ck_assert(record_is_current(&record));
}
END_TEST

START_TEST(record_is_current__configuration_rewritten_with_old_times__stale)
{
	static const struct timespec epoch[2];

	make_sources();
	usleep(20000); /* a tick of the clock that the kernel takes times from */
	unit_write_text("conf", "[trampolinE]\n");
	ck_assert_int_eq(utimensat(AT_FDCWD, "conf", epoch, 0), 0);
	ck_assert(!record_is_current(&record));
}
END_TEST

START_TEST(record_is_current__users_directories_in_use__still_current)
{
	make_sources();
	usleep(20000);
	unit_write_text("home/alice/file", "x");
	unit_write_text("tmp/file", "x");
	unit_write_text("1/file", "x");
	ck_assert_int_eq(chmod("home/alice", 0755), 0);
	ck_assert(record_is_current(&record));
}
END_TEST

START_TEST(record_is_current__override_appears__stale)
{
	make_sources();
	ck_assert_int_eq(unlink("alice.conf"), 0);
	memset(&record.origins[RECORD_OVERRIDE], 0, offsetof(struct record_origin, path));
	ck_assert(record_is_current(&record));
	unit_write_text("alice.conf", "");
	ck_assert(!record_is_current(&record));
}
END_TEST

/* Records the file PATH as one that is bound into the jail. */
static void add_bind(const char *path)
{
	struct record_origin *origin = &record_binds(&record)[record.bind_count++];
	struct stat status;

	ck_assert_int_eq(lstat(path, &status), 0);
	record_fill_origin(origin, &status);
	snprintf(origin->path, RECORD_PATH_MAX, UNIT_SCRATCH "/%s", path);
}

START_TEST(record_is_current__bind_written_to_or_given_away__still_current)
{
	make_sources();
	unit_write_text("bound", "x");
	add_bind("1");
	add_bind("bound");
	usleep(20000);
	unit_write_text("bound", "y");
	unit_write_text("1/file", "x");
	ck_assert_int_eq(chown("bound", 1002, 1002), 0);
	ck_assert(record_is_current(&record));
}
END_TEST

START_TEST(record_is_current__bind_replaced_or_removed__stale)
{
	make_sources();
	unit_write_text("bound", "x");
	unit_write_text("other", "x");
	add_bind("1");
	add_bind("bound");
	ck_assert(record_is_current(&record));
	ck_assert_int_eq(rename("bound", "kept"), 0);
	ck_assert(!record_is_current(&record));
	ck_assert_int_eq(symlink("kept", "bound"), 0);
	ck_assert(!record_is_current(&record));
	ck_assert_int_eq(rename("other", "bound"), 0);
	ck_assert(!record_is_current(&record));
	ck_assert_int_eq(rename("kept", "bound"), 0);
	ck_assert(record_is_current(&record));
	ck_assert_int_eq(rename("bound", "1/bound"), 0);
	ck_assert_int_eq(symlink("1/bound", "bound"), 0);
	ck_assert(!record_is_current(&record));
}
END_TEST

START_TEST(record_is_current__mounted_over__stale)
{
	make_sources();
	ck_assert_int_eq(mount("unit", "tmp", "tmpfs", 0, "mode=0700,uid=1001,gid=1001"), 0);
	ck_assert(!record_is_current(&record));
}
END_TEST

START_TEST(record_is_current__name_that_cannot_be_looked_up__stale)
{
	make_sources();
	/* not "absent": the override may be there, behind what is in the way */
	memset(&record.origins[RECORD_OVERRIDE], 0, offsetof(struct record_origin, path));
	snprintf(record.origins[RECORD_OVERRIDE].path, RECORD_PATH_MAX, UNIT_SCRATCH "/conf/x");
	ck_assert(!record_is_current(&record));
}
END_TEST

TCase *unit_record(void)
{
	TCase *tcase = tcase_create("record");

	tcase_add_test(tcase, record_seal__whole_record__valid_for_its_jail_alone);
	tcase_add_test(tcase, record_is_valid__any_other_length__refused);
	tcase_add_test(tcase,
		       record_is_valid__one_flipped_bit__refused_but_for_the_two_times_of_use);
	tcase_add_test(tcase, record_is_valid__two_words_exchanged__refused);
	tcase_add_test(tcase, record_is_valid__highest_bits_of_two_words__refused);
	tcase_add_test(tcase, record_is_valid__foreign_header__refused);
	tcase_add_test(tcase, record_is_valid__sealed_nonsense__refused);
	tcase_add_test(tcase, record_is_valid__longest_tail__accepted);
	tcase_add_test(tcase, record_set__behind_filter_and_binds__found_and_sealed);
	tcase_add_test(tcase, record_admits__uid__callers_and_root);
	return tcase;
}

TCase *unit_record_file(void)
{
	TCase *tcase = tcase_create("record on files");

	tcase_add_test(tcase, record_read__as_published__read);
	add_table(tcase, record_read__any_other_mode__stale, wrong_modes);
	tcase_add_test(tcase, record_read__not_roots__stale);
	tcase_add_test(tcase, record_read__cut_empty_or_longer__stale);
	tcase_add_test(tcase, record_read__no_regular_file__refused);
	add_table(tcase, record_is_current__source_removed_moved_or_given_away__stale, changes);
	tcase_add_test(tcase, record_is_current__other_directory_of_the_same_name__stale);
	tcase_add_test(tcase, record_is_current__cgroup_made_again__stale);
	tcase_add_test(tcase, record_is_current__no_path__current_for_a_cgroup_alone);
	tcase_add_test(tcase, record_is_current__image_switched_and_back__stale_and_current);
	tcase_add_test(tcase, record_is_current__configuration_rewritten_with_old_times__stale);
	tcase_add_test(tcase, record_is_current__users_directories_in_use__still_current);
	tcase_add_test(tcase, record_is_current__override_appears__stale);
	tcase_add_test(tcase, record_is_current__bind_written_to_or_given_away__still_current);
	tcase_add_test(tcase, record_is_current__bind_replaced_or_removed__stale);
	tcase_add_test(tcase, record_is_current__mounted_over__stale);
	tcase_add_test(tcase, record_is_current__name_that_cannot_be_looked_up__stale);
	return tcase;
}
