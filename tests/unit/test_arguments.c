/* SPDX-License-Identifier: MIT */
#include "trampoline/arguments.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "trampoline/quantity.h"
#include "unit.h"

#define WORDS_MAX 12
#define PARSE(...) parse((const char *const[]){"trampoline", __VA_ARGS__, NULL})

static struct arguments arguments;
static struct text error;

static int parse(const char *const *words)
{
	int count = 0;

	while (words[count])
		count++;
	memset(&arguments, 0xa5, sizeof(arguments));
	error.length = 0;
	return arguments_parse(&arguments, count, (char *const *)words, &error);
}

static const struct {
	const char *words[WORDS_MAX];
	const char *says;
} refusals[] = {
	{{NULL}, "no jail is named"},
	{{"-v"}, "no jail is named"},
	{{"--prepare"}, "no jail is named"},
	{{"--status"}, "no jail is named"},
	{{"--discard"}, "no jail is named"},
	{{"--explain"}, "no jail is named"},
	{{"--"}, "no jail is named"},
	/* names */
	{{""}, "a name matches ["},
	{{"-"}, "a name matches ["},
	{{"@alice"}, "a name matches ["},
	{{".."}, "a name matches ["},
	{{"a/b"}, "a name matches ["},
	{{"--", "-v"}, "a name matches ["},
	{{"--", "--", "alice"}, "a name matches ["},
	/* unknown, abbreviated, too long */
	{{"-x", "alice"}, "unknown"},
	{{"-vx", "alice"}, "unknown"},
	{{"--privat", "alice"}, "unknown"},
	{{"--privatee", "alice"}, "unknown"},
	{{"--Private", "alice"}, "unknown"},
	{{"--=x", "alice"}, "unknown"},
	{{"---", "alice"}, "unknown"},
	{{"-\x1b", "alice"}, "\\u001b"},
	/* values missing, empty, or too many */
	{{"-C"}, "absolute path"},
	{{"--chdir"}, "absolute path"},
	{{"--chdir=", "alice"}, "absolute path"},
	{{"-C", "", "alice"}, "absolute path"},
	{{"-C", "src", "alice"}, "absolute path"},
	{{"-C=/src", "alice"}, "absolute path"},
	{{"-t"}, "duration"},
	{{"-t", "alice"}, "duration"},
	{{"-t", "--", "alice"}, "duration"},
	{{"--timeout=0", "alice"}, "duration"},
	{{"--timeout=none", "alice"}, "duration"},
	{{"--timeout=-1s", "alice"}, "duration"},
	{{"--kill-after=0s", "alice"}, "duration"},
	{{"-E"}, "NAME or NAME=VALUE"},
	{{"-E", "", "alice"}, "NAME or NAME=VALUE"},
	{{"--env==x", "alice"}, "NAME or NAME=VALUE"},
	{{"-E", "9A=x", "alice"}, "NAME or NAME=VALUE"},
	{{"-E", "A B=x", "alice"}, "NAME or NAME=VALUE"},
	{{"-l"}, "NAME=VALUE"},
	{{"-l", "cpu", "alice"}, "NAME=VALUE"},
	{{"-l", "cpu=", "alice"}, "NAME=VALUE"},
	{{"-l", "=1", "alice"}, "NAME=VALUE"},
	{{"-l", "hats=1", "alice"}, "NAME=VALUE"},
	{{"-l", "memory=1s", "alice"}, "NAME=VALUE"},
	{{"--keep-fd"}, "from 3 on"},
	{{"--keep-fd=2", "alice"}, "from 3 on"},
	{{"--keep-fd=-1", "alice"}, "from 3 on"},
	{{"--keep-fd=2147483648", "alice"}, "from 3 on"},
	{{"--keep-fd=4294967299", "alice"}, "from 3 on"},
	{{"--keep-fd=3x", "alice"}, "from 3 on"},
	{{"--keep-fd=5", "--keep-fd=5", "alice"}, "each once"},
	{{"--status-fd=1", "alice"}, "from 3 on"},
	{{"--keep-fd=5", "--status-fd=5", "alice"}, "from 3 on"},
	{{"--status-fd=5", "--keep-fd=5", "alice"}, "each once"},
	{{"--private=yes", "alice"}, "takes no value"},
	{{"--verbose=", "alice"}, "takes no value"},
	{{"--list=x"}, "takes no value"},
	/* given twice */
	{{"-v", "-v", "alice"}, "given twice"},
	{{"-vv", "alice"}, "given twice"},
	{{"-v", "--verbose", "alice"}, "given twice"},
	{{"-C/a", "--chdir=/a", "alice"}, "given twice"},
	{{"-t1", "-t1", "alice"}, "given twice"},
	{{"--status-fd=5", "--status-fd=6", "alice"}, "given twice"},
	{{"--prepare", "--prepare", "alice"}, "given twice"},
	/* modes that exclude one another, and options of another mode */
	{{"--prepare", "--explain", "alice"}, "another mode"},
	{{"--list", "--status", "alice"}, "another mode"},
	{{"--cleanup", "--discard", "alice"}, "another mode"},
	{{"--help", "--version"}, "another mode"},
	{{"--check", "--list"}, "another mode"},
	{{"--kill", "alice"}, "does not go with"},
	{{"--json", "alice"}, "does not go with"},
	{{"--dry-run", "alice"}, "does not go with"},
	{{"--json", "--cleanup"}, "does not go with"},
	{{"--discard", "--dry-run", "alice"}, "does not go with"},
	{{"--cleanup", "--kill"}, "does not go with"},
	{{"--all", "alice"}, "does not go with"},
	{{"--cleanup", "--all"}, "does not go with"},
	{{"--prepare", "-t1s", "alice"}, "does not go with"},
	{{"--prepare", "-p", "alice"}, "does not go with"},
	{{"--status", "--keep-fd=5", "alice"}, "does not go with"},
	{{"--list", "--cgi"}, "does not go with"},
	{{"--list", "-d"}, "does not go with"},
	{{"--check", "-C/", "alice"}, "does not go with"},
	{{"--help", "-lcpu=1"}, "does not go with"},
	/* operands too many */
	{{"--list", "alice"}, "unexpected argument"},
	{{"--cleanup", "alice"}, "unexpected argument"},
	{{"--prepare", "alice", "true"}, "unexpected argument"},
	{{"--prepare", "alice", "--"}, "unexpected argument"},
	{{"--status", "alice", "bob"}, "unexpected argument"},
	{{"--discard", "alice", "bob"}, "unexpected argument"},
	{{"--check", "alice", "bob"}, "unexpected argument"},
	/* nothing is permuted: what stands behind the operand is not an option */
	{{"--list", "x", "--json"}, "unexpected argument"},
	{{"--discard", "alice", "--kill"}, "unexpected argument"},
	{{"--discard", "--all", "alice"}, "unexpected argument"},
};

START_TEST(arguments_parse__bad_words__refused_in_a_sentence)
{
	const char *words[WORDS_MAX + 2] = {"trampoline"};

	memcpy(words + 1, refusals[_i].words, sizeof(refusals[_i].words));
	assert_refused(parse(words), error, refusals[_i].says);
	for (const char *at = error.bytes; *at; at++)
		ck_assert_msg(*at >= ' ' && *at <= '~', "%s", error.bytes);
}
END_TEST

static const struct {
	const char *words[WORDS_MAX];
	enum arguments_mode mode;
	const char *jail;
} modes[] = {
	{{"alice"}, ARGUMENTS_RUN, "alice"},
	{{"--prepare", "alice"}, ARGUMENTS_PREPARE, "alice"},
	{{"--explain", "alice"}, ARGUMENTS_EXPLAIN, "alice"},
	{{"--explain", "-p", "-t5", "alice"}, ARGUMENTS_EXPLAIN, "alice"},
	{{"--list"}, ARGUMENTS_LIST, NULL},
	{{"--list", "--json"}, ARGUMENTS_LIST, NULL},
	{{"--status", "alice"}, ARGUMENTS_STATUS, "alice"},
	{{"--json", "--status", "alice"}, ARGUMENTS_STATUS, "alice"},
	{{"--cleanup"}, ARGUMENTS_CLEANUP, NULL},
	{{"--cleanup", "--dry-run", "-v"}, ARGUMENTS_CLEANUP, NULL},
	{{"--discard", "alice"}, ARGUMENTS_DISCARD, "alice"},
	{{"--kill", "--discard", "--", "alice"}, ARGUMENTS_DISCARD, "alice"},
	{{"--check"}, ARGUMENTS_CHECK, NULL},
	{{"--check", "alice"}, ARGUMENTS_CHECK, "alice"},
	{{"--help"}, ARGUMENTS_HELP, NULL},
	{{"-h"}, ARGUMENTS_HELP, NULL},
	{{"-vh"}, ARGUMENTS_HELP, NULL},
	{{"--version"}, ARGUMENTS_VERSION, NULL},
	{{"-V"}, ARGUMENTS_VERSION, NULL},
};

START_TEST(arguments_parse__mode__taken_with_its_jail)
{
	const char *words[WORDS_MAX + 2] = {"trampoline"};

	memcpy(words + 1, modes[_i].words, sizeof(modes[_i].words));
	assert_done(parse(words), error);
	ck_assert_int_eq(arguments.mode, modes[_i].mode);
	ck_assert_pstr_eq(arguments.jail, modes[_i].jail);
	ck_assert_ptr_null(arguments.command);
}
END_TEST

START_TEST(arguments_parse__jail_alone__defaults)
{
	assert_done(PARSE("alice"), error);
	ck_assert_ptr_null(arguments.directory);
	ck_assert_uint_eq(arguments.environment_count, 0);
	ck_assert_uint_eq(arguments.limit_count, 0);
	ck_assert_uint_eq(arguments.keep_fd_count, 0);
	ck_assert_int_eq(arguments.status_fd, -1);
	ck_assert_uint_eq(arguments.timeout_ms, 0);
	ck_assert_uint_eq(arguments.kill_after_ms, 0);
	ck_assert(!arguments.cgi && !arguments.private_processes && !arguments.daemon &&
		  !arguments.json && !arguments.dry_run && !arguments.kill && !arguments.verbose);
}
END_TEST

START_TEST(arguments_parse__nothing_at_all__refused)
{
	char *const none[] = {NULL};

	assert_refused(arguments_parse(&arguments, 0, none, &error), error, "no jail is named");
}
END_TEST

START_TEST(arguments_parse__every_long_option__taken)
{
	assert_done(PARSE("--chdir=/src", "--env=A=1", "--cgi", "--limit=cpu=10s", "--timeout=1.5s",
			  "--kill-after=3s", "--private", "--daemon", "--keep-fd=7",
			  "--status-fd=9", "--verbose", "alice"),
		    error);
	ck_assert_str_eq(arguments.directory, "/src");
	ck_assert_uint_eq(arguments.environment_count, 1);
	ck_assert_str_eq(arguments.environment[0], "A=1");
	ck_assert_uint_eq(arguments.limit_count, 1);
	ck_assert_uint_eq(arguments.limits[0].resource, RLIMIT_CPU);
	ck_assert_uint_eq(arguments.limits[0].value, 10);
	ck_assert_uint_eq(arguments.timeout_ms, 1500);
	ck_assert_uint_eq(arguments.kill_after_ms, 3000);
	ck_assert_uint_eq(arguments.keep_fd_count, 2);
	ck_assert_int_eq(arguments.keep_fds[0], 7);
	ck_assert_int_eq(arguments.keep_fds[1], 9);
	ck_assert_int_eq(arguments.status_fd, 9);
	ck_assert(arguments.cgi && arguments.private_processes && arguments.daemon &&
		  arguments.verbose);
	assert_done(PARSE("--list", "--json"), error);
	ck_assert(arguments.json);
	assert_done(PARSE("--cleanup", "--dry-run"), error);
	ck_assert(arguments.dry_run);
	assert_done(PARSE("--discard", "--kill", "alice"), error);
	ck_assert(arguments.kill && !arguments.all);
	assert_done(PARSE("--discard", "--all"), error);
	ck_assert(arguments.all && !arguments.jail);
}
END_TEST

START_TEST(arguments_parse__letters_together__each_taken)
{
	assert_done(PARSE("-pdvt", "2m", "-lcore=0", "-EA", "-C", "/src", "alice"), error);
	ck_assert(arguments.private_processes && arguments.daemon && arguments.verbose);
	ck_assert_uint_eq(arguments.timeout_ms, 120000);
	ck_assert_uint_eq(arguments.limits[0].resource, RLIMIT_CORE);
	ck_assert_str_eq(arguments.environment[0], "A");
	ck_assert_str_eq(arguments.directory, "/src");
	assert_done(PARSE("-pC/a=b", "alice"), error);
	ck_assert_str_eq(arguments.directory, "/a=b");
}
END_TEST

START_TEST(arguments_parse__value_apart_or_with_equals__the_same)
{
	assert_done(PARSE("--env", "A=b=c", "--limit", "stack=1M", "--timeout", "5", "alice"),
		    error);
	ck_assert_str_eq(arguments.environment[0], "A=b=c");
	ck_assert_uint_eq(arguments.limits[0].value, 1u << 20);
	ck_assert_uint_eq(arguments.timeout_ms, 5000);
	ck_assert_str_eq(arguments.jail, "alice");
	/* a value that looks like an option is still the value */
	assert_done(PARSE("-E", "A=--cgi", "alice"), error);
	ck_assert(!arguments.cgi);
}
END_TEST

START_TEST(arguments_parse__command__passed_through)
{
	static const char *const words[] = {"trampoline", "-p",     "alice", "ls", "-v",
					    "--",         "--list", "",      NULL};

	assert_done(parse(words), error);
	ck_assert_ptr_eq((const char *const *)arguments.command, words + 3);
	ck_assert(!arguments.verbose);
	assert_done(PARSE("alice", "-x"), error);
	ck_assert_str_eq(arguments.command[0], "-x");
}
END_TEST

START_TEST(arguments_parse__two_dashes__one_pair_before_the_command)
{
	assert_done(PARSE("alice", "--", "ls", "--"), error);
	ck_assert_str_eq(arguments.command[0], "ls");
	ck_assert_str_eq(arguments.command[1], "--");
	assert_done(PARSE("alice", "--", "--"), error);
	ck_assert_str_eq(arguments.command[0], "--");
	assert_done(PARSE("--", "alice", "--", "-v"), error);
	ck_assert_str_eq(arguments.command[0], "-v");
	assert_done(PARSE("alice", "--"), error);
	ck_assert_ptr_null(arguments.command);
}
END_TEST

START_TEST(arguments_parse__descriptors__ascending)
{
	static const int sorted[] = {3, 4, 8, 9, 100, 2147483647};

	assert_done(PARSE("--keep-fd=9", "--keep-fd=3", "--status-fd=8", "--keep-fd=2147483647",
			  "--keep-fd=100", "--keep-fd=4", "alice"),
		    error);
	ck_assert_uint_eq(arguments.keep_fd_count, ARRAY_LENGTH(sorted));
	ck_assert_mem_eq(arguments.keep_fds, sorted, sizeof(sorted));
	ck_assert_int_eq(arguments.status_fd, 8);
}
END_TEST

/* FORMAT, with the number of the word in it, COUNT times before the jail. */
static int parse_many(const char *format, int count)
{
	static char words[256][32];
	const char *argv[258] = {"trampoline"};

	for (int i = 0; i < count; i++) {
		snprintf(words[i], sizeof(words[i]), "%s%d", format, i + 3);
		argv[i + 1] = words[i];
	}
	argv[count + 1] = "alice";
	return parse(argv);
}

START_TEST(arguments_parse__as_many_as_there_is_room_for__one_more_refused)
{
	assert_done(parse_many("--env=A", ARGUMENTS_ENVIRONMENT_MAX), error);
	ck_assert_str_eq(arguments.environment[ARGUMENTS_ENVIRONMENT_MAX - 1], "A130");
	assert_refused(parse_many("--env=A", ARGUMENTS_ENVIRONMENT_MAX + 1), error, "at most 128");
	assert_done(parse_many("--keep-fd=", ARGUMENTS_FDS_MAX), error);
	assert_refused(parse_many("--keep-fd=", ARGUMENTS_FDS_MAX + 1), error, "at most 32");
	assert_done(parse_many("--limit=core=", ARGUMENTS_LIMITS_MAX), error);
	ck_assert_uint_eq(arguments.limits[ARGUMENTS_LIMITS_MAX - 1].value, 18);
	assert_refused(parse_many("--limit=core=", ARGUMENTS_LIMITS_MAX + 1), error, "use option");
}
END_TEST

TCase *unit_arguments(void)
{
	TCase *tcase = tcase_create("arguments");

	add_table(tcase, arguments_parse__bad_words__refused_in_a_sentence, refusals);
	add_table(tcase, arguments_parse__mode__taken_with_its_jail, modes);
	tcase_add_test(tcase, arguments_parse__jail_alone__defaults);
	tcase_add_test(tcase, arguments_parse__nothing_at_all__refused);
	tcase_add_test(tcase, arguments_parse__every_long_option__taken);
	tcase_add_test(tcase, arguments_parse__letters_together__each_taken);
	tcase_add_test(tcase, arguments_parse__value_apart_or_with_equals__the_same);
	tcase_add_test(tcase, arguments_parse__command__passed_through);
	tcase_add_test(tcase, arguments_parse__two_dashes__one_pair_before_the_command);
	tcase_add_test(tcase, arguments_parse__descriptors__ascending);
	tcase_add_test(tcase, arguments_parse__as_many_as_there_is_room_for__one_more_refused);
	return tcase;
}
