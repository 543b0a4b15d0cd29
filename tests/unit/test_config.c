/* SPDX-License-Identifier: MIT */
#include "keeper/policy/config.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "keeper/policy/key.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"
#include "unit.h"

static struct config config;
static struct text error;

static int parse(enum record_source source, const char *text)
{
	static char copy[4096];

	snprintf(copy, sizeof(copy), "%s", text);
	return config_parse(&config, source, "t.conf", copy, strlen(copy), &error);
}

/* A key's entry, by its name. */
static const struct config_entry *entry(const char *name)
{
	size_t i = 0;

	while (strcmp(key_name(i), name) != 0)
		i++;
	return &config.entries[i];
}

START_TEST(config_defaults__nothing_read__what_the_manual_promises)
{
	const struct passwd *user = getpwnam("www-data");

	memset(&config, 0xa5, sizeof(config));
	config_defaults(&config);
	ck_assert_uint_eq(config.policy.caller_count, user ? 1 : 0);
	ck_assert(!user || config.policy.callers[0] == user->pw_uid);
	ck_assert_str_eq(config.policy.image, "default");
	ck_assert_uint_eq(config.minimum_uid, 1000);
	ck_assert_uint_eq(config.maximum_uid, 60000000);
	ck_assert_uint_eq(config.policy.flags, RECORD_LOG_REFUSALS);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_CPU], 30);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_DATA], UINT64_C(4) << 30);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_AS], QUANTITY_UNLIMITED);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_FSIZE], 64u << 20);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_NPROC], 256);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_NOFILE], 1024);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_STACK], 8u << 20);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_CORE], 0);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_NICE], 0);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_RTPRIO], 0);
	ck_assert_uint_eq(config.policy.timeout_ms, QUANTITY_UNLIMITED);
	ck_assert_uint_eq(config.policy.kill_after_ms, 2000);
	ck_assert_str_eq(config.path, "/usr/local/bin:/usr/bin:/bin");
	ck_assert_uint_eq(config.policy.keep_length, sizeof("TZ\0TERM"));
	ck_assert_mem_eq(config.policy.keep, "TZ\0TERM", config.policy.keep_length);
	ck_assert_uint_eq(config.pair_counts[CONFIG_SET], 1);
	ck_assert_str_eq(config.pairs[CONFIG_SET][0].key, "LANG");
	ck_assert_str_eq(config.pairs[CONFIG_SET][0].value, "C.UTF-8");
	ck_assert_str_eq(config.policy.shell, "auto");
	ck_assert_uint_eq(config.policy.umask, 022);
	ck_assert(config.has_dev && config.has_proc && config.is_network_private &&
		  config.is_ipc_private && config.is_filtered);
	ck_assert(!config.are_processes_private && !config.is_noexec);
	for (size_t i = 0; i < CONFIG_RESOURCES; i++)
		ck_assert_uint_eq(config.resources[i], 0);
	for (size_t i = 0; key_name(i); i++) {
		ck_assert_int_eq(config.entries[i].source, RECORD_SOURCES);
		ck_assert_str_eq(config.entries[i].value, key_default(i));
	}
}
END_TEST

static const char *const nothings[] = {"",
				       "\n\n",
				       "# comment\n; comment\n",
				       "[limits]\n",
				       "[limits]\n[environment]\n# end",
				       "   \n\t\n",
				       "\xef\xbb\xbf[limits]\n"};

START_TEST(config_parse__no_keys__still_the_defaults)
{
	struct config before;

	config_defaults(&before);
	config_defaults(&config);
	assert_done(parse(RECORD_CONFIG, nothings[_i]), error);
	ck_assert_mem_eq(&config, &before, sizeof(config));
}
END_TEST

START_TEST(config_parse__every_section__taken_with_their_lines)
{
	config_defaults(&config);
	assert_done(parse(RECORD_CONFIG, "# policy\n"
					 "[trampoline]\n"
					 "callers = root 7\n"
					 "image=py\n"
					 "\n"
					 "[limits]\r\n"
					 "  cpu = 5s   ; less than usual\n"
					 "[confinement]\n"
					 "network : host\n"
					 "[environment]\n"
					 "keep =\n"
					 "[limits]\n"
					 "core = 1M"),
		    error);
	ck_assert_uint_eq(config.policy.caller_count, 2);
	ck_assert_str_eq(config.policy.image, "py");
	ck_assert_uint_eq(config.policy.limits[RLIMIT_CPU], 5);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_CORE], 1u << 20);
	ck_assert(!config.is_network_private);
	ck_assert_uint_eq(config.policy.keep_length, 0);
	ck_assert_str_eq(entry("cpu")->value, "5s");
	ck_assert_int_eq(entry("cpu")->line, 7);
	ck_assert_int_eq(entry("cpu")->source, RECORD_CONFIG);
	ck_assert_int_eq(entry("core")->line, 13);
	ck_assert_int_eq(entry("stack")->source, RECORD_SOURCES);
}
END_TEST

static const struct {
	const char *text, *place, *says;
} refusals[] = {
	{"[limits]\ncpu = x\n", "t.conf:2",
	 "cpu cannot have the value \"x\": it wants whole seconds"},
	{"[limits]\nmemory = 1GB\n", "t.conf:2",
	 "memory cannot have the value \"1GB\": it wants bytes, or a number with K, M, G or T"},
	{"[confinement]\nproc = yes\n", "t.conf:2",
	 "proc cannot have the value \"yes\": it wants private or none"},
	{"[trampoline]\ncallers = root no-such-user-here 3\n", "t.conf:2",
	 "callers cannot have the value \"no-such-user-here\": there is no such user"},
	{"[environment]\nkeep = A B=c\n", "t.conf:2", "keep cannot have the value \"B=c\": it"},
	{"[set]\nA = 1\n2A = 1\n", "t.conf:3", "cannot have \"2A\": a variable's name"},
	{"[set]\nA B = 1\n", "t.conf:2", "cannot have \"A B\": a variable's name"},
	{"[set]\n= 1\n", "t.conf:2", "cannot have \"\": a variable's name"},
	{"[set]\nHOME = /\n", "t.conf:2", "cannot have \"HOME\": it says who"},
	{"[set]\nUSER = x\n", "t.conf:2", "cannot have \"USER\": it says who"},
	{"[set]\nLOGNAME = x\n", "t.conf:2", "cannot have \"LOGNAME\": it says who"},
	{"[set]\nPATH = /\n", "t.conf:2", "cannot have \"PATH\": [environment] has a key"},
	{"[set]\nSHELL = /\n", "t.conf:2", "cannot have \"SHELL\": [environment] has a key"},
	{"[set]\nA = 1\nB = 1\nA = 1\n", "t.conf:4", "cannot have \"A\": it is there twice"},
	{"[set]\nA\n", "t.conf:2", "neither"},
	{"[binds]\n/a = b\n", "t.conf:2", "cannot have \"/a\": a bind is /HOST/PATH"},
	{"[binds]\n/a = /b r\n", "t.conf:2", "cannot have \"/a\": a bind is /HOST/PATH"},
	{"[binds]\n/a/. = /b\n", "t.conf:2", "cannot have \"/a/.\": the place of a bind"},
	{"[binds]\n/tmp/a = /b\n", "t.conf:2", "cannot have \"/tmp/a\": /home, /tmp, /dev"},
	{"[binds]\n/a = /b\n/a = /c\n", "t.conf:3", "cannot have \"/a\": it is there twice"},
	{"[binds]\n/a = /b\n/a/c = /c\n", "t.conf:3", "\"/a/c\": a bind cannot be inside"},
	{"[binds]\n/a/c = /b\n/a = /c\n", "t.conf:3", "\"/a\": a bind cannot be inside"},
	{"[limits]\ncpu =\n", "t.conf:2", "cannot have the value"},
	{"[limits]\n\n# c\nhoem = 1\n", "t.conf:4", "no such key"},
	{"cpu = 1s\n", "t.conf:1", "before any section: \"cpu\""},
	{"[limit]\ncpu = 1s\n", "t.conf:1", "no section \"limit\""},
	{"[Limits]\ncpu = 1s\n", "t.conf:1", "no section \"Limits\""},
	/* also one without keys */
	{"[limits]\ncpu = 1s\n\n[nosuch]\n", "t.conf:4", "no section \"nosuch\""},
	{"[nosuch] ; a comment\n", "t.conf:1", "no section \"nosuch\""},
	{"\xef\xbb\xbf[nosuch]\n", "t.conf:1", "no section \"nosuch\""},
	{"\f\v[nosuch]\n", "t.conf:1", "no section \"nosuch\""},
	{"[]\n", "t.conf:1", "no section \"\""},
	{"[limits ]\n", "t.conf:1", "no section \"limits \""},
	{"[\x1b[2J]\n", "t.conf:1", "u001b"},
	{"[trampoline]\ncpu = 1s\n", "t.conf:2", "no such key"},
	{"[limits]\nCPU = 1s\n", "t.conf:2",
	 "no such key in its section: \"CPU\"; is cpu of [limits] meant?"},
	{"[resources]\n\tCpu = 1%\n", "t.conf:2", "\"Cpu\"; is cpu of [resources] meant?"},
	{"[environment]\n  Memory = 1G\n", "t.conf:2", "\"Memory\"; is memory of [limits] meant?"},
	{"callers = root\n", "t.conf:1", "\"callers\"; is callers of [trampoline] meant?"},
	{"[limits]\n\n  memory = 1GB\n", "t.conf:3",
	 "memory cannot have the value \"1GB\": it wants bytes, or"},
	{"[limits]\ncpu = 0.5s\n", "t.conf:2",
	 "cpu cannot have the value \"0.5s\": it wants whole seconds"},
	{"[limits]\ncpu = 1500ms\n", "t.conf:2",
	 "cpu cannot have the value \"1500ms\": it wants whole seconds"},
	{"[trampoline]\nminimum_uid = 4294967293\n", "t.conf:2", "minimum_uid is above"},
	{"[limits]\n= 1s\n", "t.conf:2", "no such key"},
	{"[limits]\ncpu\xc2\xa0= 1s\n", "t.conf:2", "no such key"},
	{"[limits]\ncpu = 1s\ncpu = 1s\n", "t.conf:3", "there twice"},
	{"[limits]\ncpu = 1s\n[environment]\n[limits]\ncpu = 2s\n", "t.conf:5", "there twice"},
	{"[limits]\ncpu = 1s\n  2s\n", "t.conf:3", "neither"},
	{"[limits]\ncpu\n", "t.conf:2", "neither"},
	{"[limits\ncpu = 1s\n", "t.conf:1", "neither"},
	{"\n\nnonsense\n", "t.conf:3", "neither"},
	{"[limits]\ncpu = 1s#5\n", "t.conf:2", "cannot have the value"},
	{"[limits]\ncpu = \"1s\"\n", "t.conf:2", "cannot have the value"},
	{"[confinement]\nsystem_calls = \x1b[2J\n", "t.conf:2", "u001b"},
	/* what stands behind a section would else be a protection that nobody has */
	{"[confinement] network = none\n", "t.conf:1", "behind the section"},
	{"[limits]]\n", "t.conf:1", "behind the section"},
	{"[limits];\n", "t.conf:1", "behind the section"},
	{"\xef\xbb\xbf[confinement] network = none\n", "t.conf:1", "behind the section"},
	{"\f[confinement] network = none\n", "t.conf:1", "behind the section"},
	/* two keys that contradict each other, or the default: the later one */
	{"[trampoline]\nminimum_uid = 3000\n\nmaximum_uid = 2000\n", "t.conf:4", "is above"},
	{"[trampoline]\nmaximum_uid = 2000\nminimum_uid = 3000\n", "t.conf:3", "is above"},
	{"[trampoline]\nmaximum_uid = 999\nlog = none\n", "t.conf:2", "is above"},
	{"[trampoline]\nminimum_uid = 3000\nmaximum_uid = 2000\nx\n", "t.conf:4", "neither"},
	{"[trampoline]\nminimum_gid = 3000\nmaximum_gid = 2000\n", "t.conf:3",
	 "minimum_gid is above"},
	{"[trampoline]\nminimum_gid = 3000\n\nmaximum_uid = 2000\n", "t.conf:4",
	 "minimum_gid is above"},
	{"[trampoline]\ngroups = 1000 999\n", "t.conf:2",
	 "`groups' has the gid \"999\", which is not"},
	{"[trampoline]\ngroups = 0\n", "t.conf:2", "`groups' has the gid \"0\", which is not"},
	{"[trampoline]\ngroups = 65534\n", "t.conf:2", "`groups' has the gid \"65534\""},
	{"[trampoline]\ngroups = 1500\nminimum_gid = 2000\n", "t.conf:3", "`groups' has the gid"},
	{"[trampoline]\ngroups = 1500, no-such-group-here\n", "t.conf:2",
	 "groups cannot have the value \"no-such-group-here\": there is no such group"},
	{"[confinement]\ncpus = 1023\n", "t.conf:2",
	 "cpus cannot have the value \"1023\": it wants all,"},
	/* the first of several */
	{"[limits]\ncpu = x\nhoem = 1\nnonsense\n", "t.conf:2", "cannot have the value"},
};

START_TEST(config_parse__bad_line__refused_with_its_number)
{
	config_defaults(&config);
	int result = parse(RECORD_CONFIG, refusals[_i].text);
	ck_assert_msg(result == -1, "accepted: %s", refusals[_i].text);
	assert_refused(result, error, refusals[_i].says);
	ck_assert_msg(strstr(error.bytes, refusals[_i].place) != NULL, "%s", error.bytes);
	for (const char *at = error.bytes; *at; at++)
		ck_assert_msg(*at >= ' ' && *at <= '~', "%s", error.bytes);
}
END_TEST

/* The value of VARIABLE in [set], or NULL. */
static const char *value_of(const char *variable)
{
	for (uint32_t i = 0; i < config.pair_counts[CONFIG_SET]; i++)
		if (!strcmp(config.pairs[CONFIG_SET][i].key, variable))
			return config.pairs[CONFIG_SET][i].value;
	return NULL;
}

START_TEST(config_parse__set__variables_to_the_end_of_the_line)
{
	config_defaults(&config);
	assert_done(parse(RECORD_CONFIG, "[set]\n"
					 "JAVA_TOOL_OPTIONS = -Xmx256m -Da=b:c  ; a comment\n"
					 "  Quoted=\"x;y\"  \n"
					 "EMPTY =\n"
					 "[limits]\ncpu = 5s\n"
					 "[set]\n_last : 1"),
		    error);
	ck_assert_str_eq(value_of("JAVA_TOOL_OPTIONS"), "-Xmx256m -Da=b:c");
	ck_assert_str_eq(value_of("Quoted"), "\"x;y\"");
	ck_assert_str_eq(value_of("EMPTY"), "");
	ck_assert_str_eq(value_of("_last"), "1");
	ck_assert_str_eq(value_of("LANG"), "C.UTF-8");
	ck_assert_uint_eq(config.pair_counts[CONFIG_SET], 5);
	ck_assert_int_eq(config.pairs[CONFIG_SET][4].line, 8);
	ck_assert_int_eq(config.pairs[CONFIG_SET][4].source, RECORD_CONFIG);
	/* the other file adds to it and replaces single ones */
	assert_done(parse(RECORD_OVERRIDE, "[set]\nEMPTY = full\nLANG = de_DE.UTF-8\nMORE = 1\n"),
		    error);
	ck_assert_str_eq(value_of("EMPTY"), "full");
	ck_assert_str_eq(value_of("LANG"), "de_DE.UTF-8");
	ck_assert_str_eq(value_of("MORE"), "1");
	ck_assert_str_eq(value_of("_last"), "1");
	ck_assert_uint_eq(config.pair_counts[CONFIG_SET], 6);
	ck_assert_int_eq(config.pairs[CONFIG_SET][3].line, 2);
}
END_TEST

START_TEST(config_parse__set__bounded_in_number_and_length)
{
	char text[4096] = "[set]\nLANG = 1\n", value[1100];

	for (int i = 2; i <= CONFIG_PAIRS_MAX; i++)
		sprintf(text + strlen(text), "A%d = 1\n", i);
	config_defaults(&config);
	assert_done(parse(RECORD_CONFIG, text), error);
	assert_done(parse(RECORD_OVERRIDE, "[set]\nA7 = 2\n"), error);
	assert_refused(parse(RECORD_OVERRIDE, "[set]\nB = 1\n"), error, "there are 32 already");
	memset(value, 'x', sizeof(value));
	value[1024] = '\0';
	snprintf(text, sizeof(text), "[set]\nA = %s\n", value);
	config_defaults(&config);
	assert_refused(parse(RECORD_CONFIG, text), error, "\"A\": it is too long");
	value[1023] = '\0';
	snprintf(text, sizeof(text), "[set]\nA = %s\nB = %s\nC = %.900s\n", value, value, value);
	config_defaults(&config);
	assert_done(parse(RECORD_CONFIG, text), error);
	ck_assert_str_eq(value_of("B"), value);
	snprintf(text, sizeof(text), "[set]\nC = %s\n", value);
	assert_refused(parse(RECORD_OVERRIDE, text), error,
		       "\"C\": it is too long, or all of them");
	memset(text, 'A', 300);
	memcpy(text, "[set]\n", 6);
	strcpy(text + 300, " = 1\n");
	assert_refused(parse(RECORD_OVERRIDE, text), error, "it is too long");
}
END_TEST

START_TEST(config_parse__binds__places_of_both_files)
{
	char text[1024] = "[binds]\n";

	config_defaults(&config);
	assert_done(parse(RECORD_CONFIG, "[binds]\n/a = /b rw\n/ab = /b\n"), error);
	assert_done(parse(RECORD_OVERRIDE, "[binds]\n/c: /d\n/a = /e\n"), error);
	ck_assert_uint_eq(config.pair_counts[CONFIG_BINDS], 3);
	ck_assert_str_eq(config.pairs[CONFIG_BINDS][0].value, "/e");
	ck_assert_int_eq(config.pairs[CONFIG_BINDS][0].line, 3);
	ck_assert_str_eq(config.pairs[CONFIG_BINDS][2].key, "/c");
	assert_refused(parse(RECORD_OVERRIDE, "[binds]\n/ab/c = /d\n"), error, "inside another");
	for (int i = 1; i <= RECORD_BINDS_MAX; i++)
		sprintf(text + strlen(text), "/a%d = /b\n", i);
	config_defaults(&config);
	assert_done(parse(RECORD_CONFIG, text), error);
	assert_refused(parse(RECORD_OVERRIDE, "[binds]\n/b = /b\n"), error, "16 already");
}
END_TEST

START_TEST(config_parse__range__both_files_count)
{
	config_defaults(&config);
	assert_done(parse(RECORD_CONFIG, "[trampoline]\nminimum_uid = 70000000\n"
					 "maximum_uid = 80000000\n"),
		    error);
	assert_refused(parse(RECORD_OVERRIDE, "\n[trampoline]\nmaximum_uid = 69999999\n"), error,
		       "t.conf:3\": minimum_uid is above maximum_uid");
	config_defaults(&config);
	assert_done(parse(RECORD_CONFIG, "[trampoline]\nminimum_uid = 5000\nmaximum_gid = 6000\n"),
		    error);
	ck_assert(config_has_id(&config, true, 5000) && !config_has_id(&config, true, 4999));
	ck_assert(config_has_id(&config, true, 6000) && !config_has_id(&config, true, 6001));
	ck_assert(config_has_id(&config, false, 6001));
	config_defaults(&config);
	assert_done(parse(RECORD_CONFIG, "[trampoline]\nminimum_uid = 5000\n"), error);
	assert_done(parse(RECORD_OVERRIDE, "[trampoline]\nmaximum_uid = 5000\n"), error);
}
END_TEST

START_TEST(config_parse__long_line__read_whole)
{
	char text[4096] = "[environment]\npath = /bin:";

	memset(text + strlen(text), '/', 1000);
	strcat(text, "\n");
	config_defaults(&config);
	assert_refused(parse(RECORD_CONFIG, text), error, "cannot have the value");
	ck_assert_ptr_nonnull(strstr(error.bytes, "t.conf:2"));
	memset(text, '#', 2000);
	strcpy(text + 2000, "\n[limits]\ncpu = 1s\n");
	config_defaults(&config);
	assert_done(parse(RECORD_CONFIG, text), error);
	ck_assert_int_eq(entry("cpu")->line, 3);
}
END_TEST

START_TEST(config_parse__longest_value__taken_to_the_last_letter)
{
	char text[1024], value[600];
	size_t longest = 0;

	for (size_t length = 20; length < sizeof(value); length++) {
		memset(value, 'x', sizeof(value));
		memcpy(value, "/bin/", 5);
		value[length] = '\0';
		snprintf(text, sizeof(text), "[environment]\npath = %s\n[limits]\n", value);
		config_defaults(&config);
		if (parse(RECORD_CONFIG, text) != 0)
			break;
		longest = length;
		ck_assert_str_eq(config.path, value);
	}
	ck_assert_uint_eq(longest, CONFIG_VALUE_MAX - 1);
}
END_TEST

START_TEST(config_parse__nul_byte__refused)
{
	char text[] = "[limits]\ncpu = 1s\0 processes\n";

	config_defaults(&config);
	assert_refused(
		config_parse(&config, RECORD_CONFIG, "t.conf", text, sizeof(text) - 1, &error),
		error, "t.conf");
}
END_TEST

START_TEST(config_parse__override__on_top_of_the_file)
{
	config_defaults(&config);
	assert_done(parse(RECORD_CONFIG, "[limits]\ncpu = 5s\ncore = 1M\n"), error);
	assert_done(parse(RECORD_OVERRIDE, "[limits]\n\ncpu = 7s\n"), error);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_CPU], 7);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_CORE], 1u << 20);
	ck_assert_int_eq(entry("cpu")->source, RECORD_OVERRIDE);
	ck_assert_int_eq(entry("cpu")->line, 3);
	ck_assert_int_eq(entry("core")->source, RECORD_CONFIG);
	config_defaults(&config);
	assert_refused(parse(RECORD_OVERRIDE, "[limits]\ncpu = 7s\ncpu = 7s\n"), error, "twice");
}
END_TEST

/* --- on files --------------------------------------------------------------------------------- */

#define CONF PATHS_CONFIG "/trampoline.conf"
#define OVERRIDES PATHS_CONFIG "/jails.d"

static void make_config(void)
{
	unit_mount_over(PATHS_CONFIG);
	unit_write_text(CONF, "[trampoline]\ncallers = 7\n[limits]\ncpu = 5s\n");
}

START_TEST(config_load__two_files__override_wins)
{
	make_config();
	unit_make_directory(OVERRIDES, 0755, 0);
	unit_write_text(OVERRIDES "/alice.conf", "[limits]\ncpu = 7s\n");
	assert_done(config_load(&config, "alice", &error), error);
	ck_assert_uint_eq(config.policy.callers[0], 7);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_CPU], 7);
	ck_assert_uint_ne(config.policy.origins[RECORD_CONFIG].inode, 0);
	ck_assert_int_ne(config.policy.origins[RECORD_CONFIG].changed_ns, 0);
	ck_assert_uint_ne(config.policy.origins[RECORD_OVERRIDE].inode, 0);
	assert_done(config_load(&config, "bob", &error), error);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_CPU], 5);
	ck_assert_uint_eq(config.policy.origins[RECORD_OVERRIDE].inode, 0);
	assert_done(config_load(&config, NULL, &error), error);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_CPU], 5);
}
END_TEST

START_TEST(config_load__no_overrides_directory__the_file_alone)
{
	make_config();
	assert_done(config_load(&config, "alice", &error), error);
	ck_assert_uint_eq(config.policy.limits[RLIMIT_CPU], 5);
}
END_TEST

START_TEST(config_load__no_file__says_where_one_comes_from)
{
	unit_mount_over(PATHS_CONFIG);
	assert_refused(config_load(&config, NULL, &error), error, "make install");
}
END_TEST

START_TEST(config_load__file_of_another__refused)
{
	make_config();
	ck_assert_int_eq(chown(CONF, 1001, 0), 0);
	assert_refused(config_load(&config, NULL, &error), error, "only root can write");
	ck_assert_int_eq(chown(CONF, 0, 0), 0);
	ck_assert_int_eq(chmod(CONF, 0664), 0);
	assert_refused(config_load(&config, NULL, &error), error, "only root can write");
	ck_assert_int_eq(chmod(CONF, 0646), 0);
	assert_refused(config_load(&config, NULL, &error), error, "only root can write");
	ck_assert_int_eq(chmod(CONF, 0600), 0);
	assert_done(config_load(&config, NULL, &error), error);
}
END_TEST

START_TEST(config_load__symlink_directory_or_fifo__refused)
{
	make_config();
	ck_assert_int_eq(rename(CONF, PATHS_CONFIG "/real"), 0);
	ck_assert_int_eq(symlink("real", CONF), 0);
	assert_refused(config_load(&config, NULL, &error), error, "regular file");
	ck_assert_int_eq(unlink(CONF), 0);
	ck_assert_int_eq(mkdir(CONF, 0700), 0);
	assert_refused(config_load(&config, NULL, &error), error, "regular file");
	ck_assert_int_eq(rmdir(CONF), 0);
	ck_assert_int_eq(mkfifo(CONF, 0600), 0);
	assert_refused(config_load(&config, NULL, &error), error, "regular file");
}
END_TEST

START_TEST(config_load__override_that_is_not_roots__refused)
{
	make_config();
	unit_make_directory(OVERRIDES, 0755, 0);
	unit_write_text(OVERRIDES "/alice.conf", "");
	ck_assert_int_eq(chown(OVERRIDES "/alice.conf", 1001, 1001), 0);
	assert_refused(config_load(&config, "alice", &error), error, "alice.conf");
	assert_done(config_load(&config, "bob", &error), error);
	ck_assert_int_eq(chmod(OVERRIDES, 0777), 0);
	assert_refused(config_load(&config, "bob", &error), error, "jails.d");
	ck_assert_int_eq(unlink(OVERRIDES "/alice.conf"), 0);
	ck_assert_int_eq(rmdir(OVERRIDES), 0);
	ck_assert_int_eq(symlink("/", OVERRIDES), 0);
	assert_refused(config_load(&config, "bob", &error), error, "symbolic link");
}
END_TEST

START_TEST(config_load__directory_that_others_can_write__refused)
{
	make_config();
	ck_assert_int_eq(chmod(PATHS_CONFIG, 01777), 0);
	assert_refused(config_load(&config, NULL, &error), error, "others than root");
	ck_assert_int_eq(chmod(PATHS_CONFIG, 0755), 0);
	ck_assert_int_eq(chown(PATHS_CONFIG, 1001, 0), 0);
	assert_refused(config_load(&config, NULL, &error), error, "not root's");
}
END_TEST

START_TEST(config_load__longer_than_64_kib__refused)
{
	static char text[65536];

	make_config();
	memset(text, '\n', sizeof(text));
	unit_write(CONF, text, sizeof(text) - 1, 0644);
	assert_done(config_load(&config, NULL, &error), error);
	unit_write(CONF, text, sizeof(text), 0644);
	assert_refused(config_load(&config, NULL, &error), error, "64 KiB");
}
END_TEST

TCase *unit_config(void)
{
	TCase *tcase = tcase_create("config");

	tcase_add_test(tcase, config_defaults__nothing_read__what_the_manual_promises);
	add_table(tcase, config_parse__no_keys__still_the_defaults, nothings);
	tcase_add_test(tcase, config_parse__every_section__taken_with_their_lines);
	add_table(tcase, config_parse__bad_line__refused_with_its_number, refusals);
	tcase_add_test(tcase, config_parse__set__variables_to_the_end_of_the_line);
	tcase_add_test(tcase, config_parse__set__bounded_in_number_and_length);
	tcase_add_test(tcase, config_parse__binds__places_of_both_files);
	tcase_add_test(tcase, config_parse__range__both_files_count);
	tcase_add_test(tcase, config_parse__long_line__read_whole);
	tcase_add_test(tcase, config_parse__longest_value__taken_to_the_last_letter);
	tcase_add_test(tcase, config_parse__nul_byte__refused);
	tcase_add_test(tcase, config_parse__override__on_top_of_the_file);
	return tcase;
}

TCase *unit_config_file(void)
{
	TCase *tcase = tcase_create("config on files");

	tcase_add_test(tcase, config_load__two_files__override_wins);
	tcase_add_test(tcase, config_load__no_overrides_directory__the_file_alone);
	tcase_add_test(tcase, config_load__no_file__says_where_one_comes_from);
	tcase_add_test(tcase, config_load__file_of_another__refused);
	tcase_add_test(tcase, config_load__symlink_directory_or_fifo__refused);
	tcase_add_test(tcase, config_load__override_that_is_not_roots__refused);
	tcase_add_test(tcase, config_load__directory_that_others_can_write__refused);
	tcase_add_test(tcase, config_load__longer_than_64_kib__refused);
	return tcase;
}
