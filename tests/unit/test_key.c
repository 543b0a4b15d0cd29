/* SPDX-License-Identifier: MIT */
#include "keeper/policy/key.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "keeper/policy/word.h"
#include "trampoline/quantity.h"
#include "unit.h"

static struct config config;
static struct text reason;

/* The key called "SECTION.NAME". */
static size_t index_of(const char *key)
{
	char name[64];

	for (size_t i = 0; key_name(i); i++) {
		snprintf(name, sizeof(name), "%s.%s", key_section(i), key_name(i));
		if (!strcmp(name, key))
			return i;
	}
	ck_abort_msg("there is no key %s", key);
	return 0;
}

static const struct {
	const char *key, *value;
	bool is_good;
} values[] = {
	{"trampoline.callers", "root", true},
	{"trampoline.callers", "root, 33\t1000", true},
	{"trampoline.callers", "", true},
	{"trampoline.callers", "0", true},
	{"trampoline.callers", "4294967293", true},
	{"trampoline.callers", "4294967294", false},
	{"trampoline.callers", "4294967295", false},
	{"trampoline.callers", "4294967296", false},
	{"trampoline.callers", "no-such-user-here", false},
	{"trampoline.callers", "root;33", false},
	{"trampoline.callers", "-1", false},
	{"trampoline.image", "default", true},
	{"trampoline.image", "py3.11", true},
	{"trampoline.image", "", false},
	{"trampoline.image", "..", false},
	{"trampoline.image", "3.A_b+c-d", true},
	{"trampoline.image", "a@b", false},
	{"trampoline.image", "a/b", false},
	{"trampoline.image", "/images", false},
	{"trampoline.minimum_uid", "1", true},
	{"trampoline.minimum_uid", "0", false},
	{"trampoline.minimum_uid", "-1", false},
	{"trampoline.minimum_uid", "none", false},
	{"trampoline.maximum_uid", "4294967293", true},
	{"trampoline.maximum_uid", "4294967294", false},
	{"trampoline.maximum_uid", "alice", false},
	{"trampoline.minimum_gid", "minimum_uid", true},
	{"trampoline.minimum_gid", "100", true},
	{"trampoline.minimum_gid", "0", false},
	{"trampoline.minimum_gid", "maximum_uid", false},
	{"trampoline.minimum_gid", "users", false},
	{"trampoline.maximum_gid", "maximum_uid", true},
	{"trampoline.maximum_gid", "4294967293", true},
	{"trampoline.maximum_gid", "4294967294", false},
	{"trampoline.maximum_gid", "", false},
	{"trampoline.groups", "", true},
	{"trampoline.groups", "games, 1000", true},
	{"trampoline.groups", "4294967294", false},
	{"trampoline.groups", "no-such-group-here", false},
	{"trampoline.groups", "-1", false},
	{"trampoline.log", "none", true},
	{"trampoline.log", "refusals", true},
	{"trampoline.log", "runs", true},
	{"trampoline.log", "", false},
	{"trampoline.log", "all", false},
	{"limits.cpu", "30s", true},
	{"limits.cpu", "none", true},
	{"limits.cpu", "30M", false},
	{"limits.cpu", "0.5s", false},
	{"limits.cpu", "1.0s", true},
	{"limits.cpu", "1500ms", false},
	{"limits.memory", "512M", true},
	{"limits.memory", "", false},
	{"limits.memory", "512MB", false},
	{"limits.address_space", "unlimited", true},
	{"limits.address_space", "1s", false},
	{"limits.file_size", "1T", true},
	{"limits.file_size", "1 M", false},
	{"limits.processes", "0", true},
	{"limits.processes", "1K", false},
	{"limits.open_files", "16", true},
	{"limits.open_files", "-1", false},
	{"limits.stack", "1M", true},
	{"limits.stack", "8m", false},
	{"limits.core", "0", true},
	{"limits.core", "no", false},
	{"limits.output", "1M", true},
	{"limits.output", "much", false},
	{"limits.timeout", "none", true},
	{"limits.timeout", "0.5s", true},
	{"limits.timeout", "0", false},
	{"limits.timeout", "soon", false},
	{"limits.kill_after", "0.5s", true},
	{"limits.kill_after", "0", false},
	{"limits.kill_after", "none", false},
	{"environment.path", "/bin", true},
	{"environment.path", "/bin:/usr/bin", true},
	{"environment.path", "", false},
	{"environment.path", ":/bin", false},
	{"environment.path", "/bin:", false},
	{"environment.path", "/bin::/usr/bin", false},
	{"environment.path", "/bin:.", false},
	{"environment.path", "bin", false},
	{"environment.keep", "", true},
	{"environment.keep", "LANG,LC_*  TZ", true},
	{"environment.keep", "*", false},
	{"environment.keep", "L*G", false},
	{"environment.keep", "LC_**", false},
	{"environment.keep", "LANG=C", false},
	{"environment.keep", "9A", false},
	{"environment.keep", "9*", false},
	{"environment.shell", "/bin/bash", true},
	{"environment.shell", "auto", true},
	{"environment.shell", "automatic", false},
	{"environment.shell", "", false},
	{"environment.shell", "bash", false},
	{"environment.umask", "077", true},
	{"environment.umask", "0", true},
	{"environment.umask", "0777", true},
	{"environment.umask", "1000", false},
	{"environment.umask", "028", false},
	{"environment.umask", "", false},
	{"environment.umask", "u=rwx", false},
	{"confinement.dev", "minimal", true},
	{"confinement.dev", "none", true},
	{"confinement.dev", "host", false},
	{"confinement.proc", "private", true},
	{"confinement.proc", "none", true},
	{"confinement.proc", "yes", false},
	{"confinement.network", "none", true},
	{"confinement.network", "host", true},
	{"confinement.network", "private", false},
	{"confinement.ipc", "private", true},
	{"confinement.ipc", "host", true},
	{"confinement.ipc", "none", false},
	{"confinement.processes", "shared", true},
	{"confinement.processes", "private", true},
	{"confinement.processes", "host", false},
	{"confinement.system_calls", "default", true},
	{"confinement.system_calls", "all", true},
	{"confinement.system_calls", "none", false},
	{"confinement.noexec", "yes", true},
	{"confinement.noexec", "no", true},
	{"confinement.noexec", "true", false},
	{"confinement.noexec", "YES", false},
	{"confinement.noexec", "", false},
	{"confinement.cpus", "all", true},
	{"confinement.cpus", "inherit", true},
	{"confinement.cpus", "0", true},
	{"confinement.cpus", "0-3,5", true},
	{"confinement.cpus", "0,1023", true},
	{"confinement.cpus", "0-1023", true},
	{"confinement.cpus", "", false},
	{"confinement.cpus", "none", false},
	{"confinement.cpus", "0,all", false},
	{"confinement.cpus", "0-", false},
	{"confinement.cpus", "-1", false},
	{"confinement.cpus", "0,", false},
	{"confinement.cpus", ",0", false},
	{"confinement.cpus", "3-0", false},
	{"confinement.cpus", "0-3:2", false},
	{"confinement.cpus", "0 1", false},
	{"confinement.cpus", "0,1024", false},
	{"confinement.cpus", "0-18446744073709551616", false},
	{"confinement.cpus", "+0", false},
	{"confinement.cpus", "0x1", false},
	{"confinement.cpus", "1023", false}, /* which is not there */
	{"resources.memory", "none", true},
	{"resources.memory", "unlimited", true},
	{"resources.memory", "64M", true},
	{"resources.memory", "1048576", true},
	{"resources.memory", "1048575", false},
	{"resources.memory", "0", false},
	{"resources.memory", "8192T", false},
	{"resources.memory", "50%", false},
	{"resources.memory", "-1", false},
	{"resources.memory", "max", false},
	{"resources.memory", "", false},
	{"resources.processes", "none", true},
	{"resources.processes", "unlimited", true},
	{"resources.processes", "1", true},
	{"resources.processes", "4194304", true},
	{"resources.processes", "4194305", false},
	{"resources.processes", "0", false},
	{"resources.processes", "1K", false},
	{"resources.processes", "", false},
	{"resources.cpu", "none", true},
	{"resources.cpu", "unlimited", true},
	{"resources.cpu", "1%", true},
	{"resources.cpu", "150%", true},
	{"resources.cpu", "1000000%", true},
	{"resources.cpu", "1000001%", false},
	{"resources.cpu", "18446744073709551617%", false},
	{"resources.cpu", "99999999999999999999999999999999999999%", false},
	{"resources.cpu", "0%", false},
	{"resources.cpu", "50", false},
	{"resources.cpu", "%", false},
	{"resources.cpu", "50%%", false},
	{"resources.cpu", "50 %", false},
	{"resources.cpu", "50s%", false},
	{"resources.cpu", "none%", false},
	{"resources.cpu", "1.5%", false},
	{"resources.cpu", "+5%", false},
	{"resources.cpu", "", false},
};

START_TEST(key_read__value__taken_or_refused)
{
	config_defaults(&config);
	ck_assert_msg((key_read(&config, index_of(values[_i].key), values[_i].value, &reason) ==
		       0) == values[_i].is_good,
		      "%s = %s", values[_i].key, values[_i].value);
}
END_TEST

START_TEST(key_read__every_key__has_a_good_and_a_bad_value_above)
{
	for (size_t i = 0; key_name(i); i++) {
		int good = 0, bad = 0;

		for (size_t j = 0; j < ARRAY_LENGTH(values); j++)
			if (index_of(values[j].key) == i)
				values[j].is_good ? good++ : bad++;
		ck_assert_msg(good > 0, "%s.%s", key_section(i), key_name(i));
		ck_assert_msg(bad > 0, "%s.%s", key_section(i), key_name(i));
	}
}
END_TEST

static bool take(const char *key, const char *value)
{
	return key_read(&config, index_of(key), value, &reason) == 0;
}

START_TEST(key_read__good_value__field_set)
{
	config_defaults(&config);
	ck_assert(take("trampoline.callers", " root,\t7 "));
	ck_assert_uint_eq(config.policy.caller_count, 2);
	ck_assert_uint_eq(config.policy.callers[0], 0);
	ck_assert_uint_eq(config.policy.callers[1], 7);
	ck_assert(take("trampoline.callers", ""));
	ck_assert_uint_eq(config.policy.caller_count, 0);
	ck_assert(take("trampoline.minimum_uid", "5") && take("trampoline.maximum_uid", "6"));
	ck_assert_uint_eq(config.minimum_uid, 5);
	ck_assert_uint_eq(config.maximum_uid, 6);
	ck_assert(take("trampoline.log", "runs"));
	ck_assert_uint_eq(config.policy.flags, RECORD_LOG_RUNS | RECORD_LOG_REFUSALS);
	ck_assert(take("trampoline.log", "none"));
	ck_assert_uint_eq(config.policy.flags, 0);
	ck_assert(take("limits.timeout", "2m"));
	ck_assert_uint_eq(config.policy.timeout_ms, 120000);
	ck_assert(take("environment.umask", "0027"));
	ck_assert_uint_eq(config.policy.umask, 027);
	ck_assert(take("environment.keep", "A,,B_*"));
	ck_assert_uint_eq(config.policy.keep_length, 6);
	ck_assert_mem_eq(config.policy.keep, "A\0B_*", 6);
	ck_assert(take("confinement.network", "host") && !config.is_network_private);
	ck_assert(take("confinement.network", "none") && config.is_network_private);
	ck_assert(take("confinement.ipc", "host") && !config.is_ipc_private);
	ck_assert(take("confinement.processes", "private") && config.are_processes_private);
	ck_assert(take("confinement.system_calls", "all") && !config.is_filtered);
	ck_assert(take("confinement.noexec", "yes") && config.is_noexec);
	ck_assert(take("trampoline.groups", "7 9") && config.group_count == 2);
	ck_assert_uint_eq(config.groups[1], 9);
	ck_assert(take("confinement.cpus", "0-2,64,66-70") && config.policy.cpus[0] == 7);
	ck_assert_uint_eq(config.policy.cpus[1], 0x7d);
	ck_assert(take("confinement.cpus", "all") && config.policy.cpus[15] == UINT64_MAX);
	ck_assert(take("confinement.cpus", "inherit") && config.policy.cpus[0] == 0);
	ck_assert(take("confinement.dev", "none") && !config.has_dev);
	ck_assert(take("confinement.proc", "none") && !config.has_proc);
	ck_assert(take("resources.memory", "64M") && take("resources.processes", "20"));
	ck_assert(take("resources.cpu", "150%"));
	ck_assert_uint_eq(config.resources[CONFIG_MEMORY], 64 << 20);
	ck_assert_uint_eq(config.resources[CONFIG_PROCESSES], 20);
	ck_assert_uint_eq(config.resources[CONFIG_CPU], 150);
	ck_assert(take("resources.cpu", "unlimited") && take("resources.memory", "none"));
	ck_assert_uint_eq(config.resources[CONFIG_CPU], QUANTITY_UNLIMITED);
	ck_assert_uint_eq(config.resources[CONFIG_MEMORY], 0);
}
END_TEST

START_TEST(key_read__longest_value__fits_and_longer_refused)
{
	char value[CONFIG_VALUE_MAX + 1], names[RECORD_CALLERS_MAX * 3 + 3] = "";

	memset(value, '/', sizeof(value));
	value[CONFIG_VALUE_MAX] = '\0';
	ck_assert(!take("environment.path", value));
	value[CONFIG_VALUE_MAX - 1] = '\0';
	ck_assert(take("environment.path", value));
	ck_assert_str_eq(config.path, value);
	ck_assert(!take("environment.shell", value));
	value[sizeof(config.policy.shell)] = '\0';
	ck_assert(!take("environment.shell", value));
	value[sizeof(config.policy.shell) - 1] = '\0';
	ck_assert(take("environment.shell", value));
	memset(value, 'A', sizeof(value));
	value[sizeof(config.policy.keep) - 1] = '\0';
	ck_assert(take("environment.keep", value));
	ck_assert_uint_eq(config.policy.keep_length, sizeof(config.policy.keep));
	for (int i = 0; i < RECORD_CALLERS_MAX; i++)
		strcat(names, "12 ");
	ck_assert(take("trampoline.callers", names));
	ck_assert_uint_eq(config.policy.caller_count, RECORD_CALLERS_MAX);
	ck_assert(!take("trampoline.callers", strcat(names, "12")));
	names[(RECORD_GROUPS_MAX - 1) * 3] = '\0';
	ck_assert(take("trampoline.groups", names));
	names[(RECORD_GROUPS_MAX - 1) * 3] = '1';
	ck_assert(!take("trampoline.groups", names));
}
END_TEST

START_TEST(key_name__table__each_key_once_and_ends)
{
	size_t count = 0;

	for (; key_name(count); count++)
		for (size_t j = 0; j < count; j++)
			ck_assert(strcmp(key_name(count), key_name(j)) != 0 ||
				  strcmp(key_section(count), key_section(j)) != 0);
	ck_assert_uint_gt(count, 20);
	ck_assert_ptr_null(key_section(count));
	ck_assert_ptr_null(key_name(SIZE_MAX));
}
END_TEST

#define BOUND (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

static const struct {
	const char *value, *host;
	uint64_t attributes; /* 0: refused */
} binds[] = {
	{"/a", "/a", BOUND | MOUNT_ATTR_RDONLY},
	{"/a/b..c/.d/...", "/a/b..c/.d/...", BOUND | MOUNT_ATTR_RDONLY},
	{"/a rw", "/a", BOUND},
	{"/a \t noexec", "/a", BOUND | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC},
	{"/a noexec rw", "/a", BOUND | MOUNT_ATTR_NOEXEC},
	{"", NULL, 0},
	{"a", NULL, 0},
	{"/", NULL, 0},
	{"//a", NULL, 0},
	{"/a/", NULL, 0},
	{"/a//b", NULL, 0},
	{"/.", NULL, 0},
	{"/..", NULL, 0},
	{"/a/../b", NULL, 0},
	{"/a/./b", NULL, 0},
	{"/a ro", NULL, 0},
	{"/a rwx", NULL, 0},
	{"/a rw,noexec", NULL, 0},
	{"/a suid", NULL, 0},
	{"/a b", NULL, 0},
};

START_TEST(word_read_bind__value__host_and_attributes)
{
	char host[RECORD_PATH_MAX], value[RECORD_PATH_MAX + 8];

	ck_assert_uint_eq(word_read_bind(binds[_i].value, host), binds[_i].attributes);
	ck_assert(!binds[_i].host || !strcmp(host, binds[_i].host));
	/* the longest that a record holds, and one that it does not */
	memset(value, 'a', sizeof(value));
	value[0] = '/';
	value[RECORD_PATH_MAX - 1] = '\0';
	ck_assert_uint_ne(word_read_bind(value, host), 0);
	ck_assert_str_eq(host, value);
	memcpy(value + RECORD_PATH_MAX - 1, "a rw", 5);
	ck_assert_uint_eq(word_read_bind(value, host), 0);
}
END_TEST

START_TEST(word_add_pair__bind_inside_another__refused)
{
	static struct config nested;
	static const struct {
		const char *place;
		bool is_taken;
	} places[] = {
		{"/a/b", true}, {"/a", false}, {"/a/b/c", false}, {"/a/bc", true}, {"/ab", true}};

	for (size_t i = 0; i < ARRAY_LENGTH(places); i++)
		ck_assert_int_eq(word_add_pair(&nested, CONFIG_BINDS, places[i].place, "/host",
					       RECORD_CONFIG, 1) == NULL,
				 places[i].is_taken);
}
END_TEST

TCase *unit_key(void)
{
	TCase *tcase = tcase_create("key");

	add_table(tcase, key_read__value__taken_or_refused, values);
	tcase_add_test(tcase, key_read__every_key__has_a_good_and_a_bad_value_above);
	tcase_add_test(tcase, key_read__good_value__field_set);
	tcase_add_test(tcase, key_read__longest_value__fits_and_longer_refused);
	tcase_add_test(tcase, key_name__table__each_key_once_and_ends);
	add_table(tcase, word_read_bind__value__host_and_attributes, binds);
	tcase_add_test(tcase, word_add_pair__bind_inside_another__refused);
	return tcase;
}
