/* SPDX-License-Identifier: MIT */
/*
 * The command line into plain data. A table names every option, what it takes and where it may be
 * used; nothing is guessed: no abbreviations, no permutation, no environment, no option twice.
 */
#include "trampoline/arguments.h"

#include <string.h>

#include "trampoline/limit.h"
#include "trampoline/name.h"
#include "trampoline/quantity.h"

#define BIT(mode) (1u << (mode))
#define RUNS (BIT(ARGUMENTS_RUN) | BIT(ARGUMENTS_EXPLAIN))
#define ANY (~0u)
#define NO_MODE ARGUMENTS_RUN

static const struct option {
	char letter;
	const char *name;
	bool takes_value, is_repeatable;
	unsigned int modes;       /* where it may be used */
	enum arguments_mode mode; /* the mode it selects, if it selects one */
} options[] = {
	{'C', "chdir", true, false, RUNS, NO_MODE},
	{'E', "env", true, true, RUNS, NO_MODE},
	{0, "cgi", false, false, RUNS, NO_MODE},
	{'l', "limit", true, true, RUNS, NO_MODE},
	{'d', "daemon", false, false, RUNS, NO_MODE},
	{0, "keep-fd", true, true, RUNS, NO_MODE},
	{'v', "verbose", false, false, ANY, NO_MODE},
	{0, "prepare", false, false, ANY, ARGUMENTS_PREPARE},
	{0, "list", false, false, ANY, ARGUMENTS_LIST},
	{0, "status", false, false, ANY, ARGUMENTS_STATUS},
	{0, "json", false, false, BIT(ARGUMENTS_LIST) | BIT(ARGUMENTS_STATUS), NO_MODE},
	{0, "cleanup", false, false, ANY, ARGUMENTS_CLEANUP},
	{0, "dry-run", false, false, BIT(ARGUMENTS_CLEANUP), NO_MODE},
	{0, "discard", false, false, ANY, ARGUMENTS_DISCARD},
	{0, "kill", false, false, BIT(ARGUMENTS_DISCARD), NO_MODE},
	{0, "check", false, false, ANY, ARGUMENTS_CHECK},
	{0, "explain", false, false, ANY, ARGUMENTS_EXPLAIN},
	{'h', "help", false, false, ANY, ARGUMENTS_HELP},
	{'V', "version", false, false, ANY, ARGUMENTS_VERSION},
};

static const struct option *find_long(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_LENGTH(options); i++)
		if (strlen(options[i].name) == length && !memcmp(options[i].name, name, length))
			return &options[i];
	return NULL;
}

static const struct option *find_letter(char letter)
{
	for (size_t i = 0; i < ARRAY_LENGTH(options); i++)
		if (letter && options[i].letter == letter)
			return &options[i];
	return NULL;
}

static int take_fd(struct arguments *arguments, const char *value)
{
	uint64_t number;
	size_t at = arguments->keep_fd_count;

	if (quantity_parse_number(value, &number) != 0 || number < 3 || number > INT32_MAX)
		return -1;
	if (at == ARGUMENTS_FDS_MAX)
		return -1;
	for (; at > 0 && arguments->keep_fds[at - 1] >= (int)number; at--)
		if (arguments->keep_fds[at - 1] == (int)number)
			return -1;
	memmove(&arguments->keep_fds[at + 1], &arguments->keep_fds[at],
		(arguments->keep_fd_count - at) * sizeof(int));
	arguments->keep_fds[at] = (int)number;
	arguments->keep_fd_count++;
	return 0;
}

static int take_limit(struct arguments *arguments, const char *value)
{
	struct arguments_limit *limit = &arguments->limits[arguments->limit_count];
	const char *equals = strchr(value, '=');

	if (!equals || arguments->limit_count == ARGUMENTS_LIMITS_MAX)
		return -1;
	if (limit_parse(value, (size_t)(equals - value), equals + 1, &limit->resource, &limit->value))
		return -1;
	arguments->limit_count++;
	return 0;
}

static int take_environment(struct arguments *arguments, const char *value)
{
	if (arguments->environment_count == ARGUMENTS_ENVIRONMENT_MAX)
		return -1;
	if (!name_is_variable(value, strcspn(value, "=")))
		return -1;
	arguments->environment[arguments->environment_count++] = value;
	return 0;
}

/* Carries one option into ARGUMENTS; NULL, or why not. */
static const char *take(struct arguments *arguments, const struct option *option, const char *value)
{
	const char *name = option->name;

	if (option->mode != NO_MODE) {
		if (arguments->mode != NO_MODE)
			return "only one such option may be given";
		arguments->mode = option->mode;
	} else if (!strcmp(name, "chdir")) {
		if (value[0] != '/')
			return "it must be an absolute path inside the jail";
		arguments->directory = value;
	} else if (!strcmp(name, "env")) {
		if (take_environment(arguments, value) != 0)
			return "it wants NAME or NAME=VALUE, at most 128 times";
	} else if (!strcmp(name, "limit")) {
		if (take_limit(arguments, value) != 0)
			return "it wants NAME=VALUE, such as cpu=10s, memory=256M or processes=20";
	} else if (!strcmp(name, "keep-fd")) {
		if (take_fd(arguments, value) != 0)
			return "it wants descriptor numbers from 3, each once, at most 32";
	} else if (!strcmp(name, "cgi")) {
		arguments->cgi = true;
	} else if (!strcmp(name, "daemon")) {
		arguments->daemon = true;
	} else if (!strcmp(name, "json")) {
		arguments->json = true;
	} else if (!strcmp(name, "dry-run")) {
		arguments->dry_run = true;
	} else if (!strcmp(name, "kill")) {
		arguments->kill = true;
	} else if (!strcmp(name, "verbose")) {
		arguments->verbose = true;
	}
	return NULL;
}

/* One word of options, "--name[=value]" or "-abC value"; returns how many words were used, 0 if refused. */
static int parse_word(struct arguments *arguments, char *const argv[], unsigned int *seen,
		      struct text *error)
{
	const char *word = argv[0], *at = word + 1;
	int used = 1;

	do {
		const struct option *option;
		const char *value = NULL, *reason = NULL;

		if (word[1] == '-') {
			size_t length = strcspn(word + 2, "=");

			option = find_long(word + 2, length);
			value = word[2 + length] ? word + 2 + length + 1 : NULL;
			at = "";
		} else {
			option = find_letter(*at++);
			if (option && option->takes_value && *at) {
				value = at;
				at = "";
			}
		}
		if (option && option->takes_value && !value && argv[1]) {
			value = argv[1];
			used = 2;
		}
		unsigned int bit = option ? 1u << (option - options) : 0;
		if (!option)
			reason = "unknown option; see trampoline --help";
		else if (option->takes_value && !value)
			reason = "it needs a value";
		else if (!option->takes_value && value)
			reason = "it takes no value";
		else if ((*seen & bit) && !option->is_repeatable)
			reason = "given twice";
		else
			reason = take(arguments, option, value);
		if (reason) {
			text_refuse(error, "use option", word, reason);
			return 0;
		}
		*seen |= bit;
	} while (*at);
	return used;
}

static int check_modes(const struct arguments *arguments, unsigned int seen, struct text *error)
{
	for (size_t i = 0; i < ARRAY_LENGTH(options); i++)
		if ((seen & (1u << i)) && !(options[i].modes & BIT(arguments->mode)))
			return text_refuse(error, "use option", options[i].name,
					   "it does not go with the others");
	return 0;
}

int arguments_parse(struct arguments *arguments, int argc, char *const argv[], struct text *error)
{
	static const unsigned int with_jail = RUNS | BIT(ARGUMENTS_PREPARE) | BIT(ARGUMENTS_STATUS) |
					      BIT(ARGUMENTS_DISCARD);
	static const unsigned int without_jail = BIT(ARGUMENTS_LIST) | BIT(ARGUMENTS_CLEANUP);
	unsigned int seen = 0;
	int at = 1;

	memset(arguments, 0, sizeof(*arguments));
	arguments->status_fd = -1;
	while (at < argc && argv[at][0] == '-' && argv[at][1]) {
		if (!strcmp(argv[at], "--")) {
			at++;
			break;
		}
		int used = parse_word(arguments, argv + at, &seen, error);
		if (used == 0)
			return -1;
		at += used;
	}
	if (check_modes(arguments, seen, error) != 0)
		return -1;
	if (arguments->mode == ARGUMENTS_HELP || arguments->mode == ARGUMENTS_VERSION)
		return 0;
	if (at < argc) {
		if (without_jail & BIT(arguments->mode))
			return text_refuse(error, "use operand", argv[at], "this mode takes none");
		if (!name_is_jail(argv[at]))
			return text_refuse(error, "enter jail", argv[at], "not a jail's name");
		arguments->jail = argv[at++];
	} else if (with_jail & BIT(arguments->mode)) {
		return text_refuse(error, "run", NULL, "no jail is named; see trampoline --help");
	}
	if (at < argc && !strcmp(argv[at], "--") && (RUNS & BIT(arguments->mode)))
		at++;
	if (at < argc && !(RUNS & BIT(arguments->mode)))
		return text_refuse(error, "use operand", argv[at], "this mode takes no command");
	arguments->command = at < argc ? argv + at : NULL;
	return 0;
}
