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
#define WITH_JAIL (RUNS | BIT(ARGUMENTS_PREPARE) | BIT(ARGUMENTS_STATUS) | BIT(ARGUMENTS_DISCARD))
#define WITHOUT_JAIL (BIT(ARGUMENTS_LIST) | BIT(ARGUMENTS_CLEANUP))
#define ANY (~0u)

struct option;
typedef bool taker(struct arguments *arguments, const struct option *option, const char *value);
static taker take_mode, take_flag, take_directory, take_environment, take_limit, take_fd, take_duration;

static const struct option {
	char letter;
	const char *name;
	taker *take;
	unsigned int modes; /* where it may be used */
	size_t field;       /* of struct arguments; for take_mode, the mode */
	const char *wants;  /* a value of this kind; NULL: it takes none */
	bool is_repeatable;
} options[] = {
#define FIELD(name) offsetof(struct arguments, name)
	{'C', "chdir", take_directory, RUNS, 0, "an absolute path inside the jail"},
	{'E', "env", take_environment, RUNS, 0, "NAME or NAME=VALUE, at most 128 times", true},
	{0, "cgi", take_flag, RUNS, FIELD(cgi)},
	{'l', "limit", take_limit, RUNS, 0, "NAME=VALUE, such as cpu=10s or memory=256M", true},
	{'t', "timeout", take_duration, RUNS, FIELD(timeout_ms), "a duration, such as 30s or 2m"},
	{0, "kill-after", take_duration, RUNS, FIELD(kill_after_ms), "a duration, such as 2s"},
	{'p', "private", take_flag, RUNS, FIELD(private_processes)},
	{'d', "daemon", take_flag, RUNS, FIELD(daemon)},
	{0, "keep-fd", take_fd, RUNS, 0, "descriptor numbers from 3 on, each once, at most 32", true},
	{0, "status-fd", take_fd, RUNS, FIELD(status_fd), "a descriptor number from 3 on"},
	{'v', "verbose", take_flag, ANY, FIELD(verbose)},
	{0, "prepare", take_mode, ANY, ARGUMENTS_PREPARE},
	{0, "list", take_mode, ANY, ARGUMENTS_LIST},
	{0, "status", take_mode, ANY, ARGUMENTS_STATUS},
	{0, "json", take_flag, BIT(ARGUMENTS_LIST) | BIT(ARGUMENTS_STATUS), FIELD(json)},
	{0, "cleanup", take_mode, ANY, ARGUMENTS_CLEANUP},
	{0, "dry-run", take_flag, BIT(ARGUMENTS_CLEANUP), FIELD(dry_run)},
	{0, "discard", take_mode, ANY, ARGUMENTS_DISCARD},
	{0, "kill", take_flag, BIT(ARGUMENTS_DISCARD), FIELD(kill)},
	{0, "check", take_mode, ANY, ARGUMENTS_CHECK},
	{0, "explain", take_mode, ANY, ARGUMENTS_EXPLAIN},
	{'h', "help", take_mode, ANY, ARGUMENTS_HELP},
	{'V', "version", take_mode, ANY, ARGUMENTS_VERSION},
#undef FIELD
};

/* By name of LENGTH bytes, or by LETTER if NAME is NULL. */
static const struct option *find(const char *name, size_t length, char letter)
{
	for (const struct option *at = options; at < options + ARRAY_LENGTH(options); at++)
		if (name ? strlen(at->name) == length && !memcmp(at->name, name, length)
			 : at->letter == letter)
			return at;
	return NULL;
}

static bool take_mode(struct arguments *arguments, const struct option *option, const char *value)
{
	bool is_first = arguments->mode == ARGUMENTS_RUN;

	(void)value;
	arguments->mode = (enum arguments_mode)option->field;
	return is_first;
}

static bool take_flag(struct arguments *arguments, const struct option *option, const char *value)
{
	(void)value;
	return *(bool *)((char *)arguments + option->field) = true;
}

static bool take_duration(struct arguments *arguments, const struct option *option, const char *value)
{
	uint64_t *field = (uint64_t *)(void *)((char *)arguments + option->field);

	return quantity_parse(QUANTITY_DURATION, value, field) == 0 && *field > 0;
}

static bool take_directory(struct arguments *arguments, const struct option *option, const char *value)
{
	(void)option;
	arguments->directory = value;
	return value[0] == '/';
}

static bool take_fd(struct arguments *arguments, const struct option *option, const char *value)
{
	uint64_t number;
	size_t at = arguments->keep_fd_count;
	int *fds = arguments->keep_fds;

	if (quantity_parse(QUANTITY_NUMBER, value, &number) != 0 || number < 3 || number > INT32_MAX ||
	    at == ARGUMENTS_FDS_MAX)
		return false;
	while (at > 0 && fds[at - 1] > (int)number)
		at--;
	if (at > 0 && fds[at - 1] == (int)number)
		return false;
	memmove(&fds[at + 1], &fds[at], (arguments->keep_fd_count++ - at) * sizeof(int));
	fds[at] = (int)number;
	if (option->field)
		arguments->status_fd = (int)number;
	return true;
}

static bool take_limit(struct arguments *arguments, const struct option *option, const char *value)
{
	struct arguments_limit *limit = &arguments->limits[arguments->limit_count];
	size_t length = strcspn(value, "=");

	(void)option;
	return value[length] && arguments->limit_count++ < ARGUMENTS_LIMITS_MAX &&
	       limit_parse(value, length, value + length + 1, &limit->resource, &limit->value) == 0;
}

static bool take_environment(struct arguments *arguments, const struct option *option, const char *value)
{
	(void)option;
	if (arguments->environment_count == ARGUMENTS_ENVIRONMENT_MAX)
		return false;
	arguments->environment[arguments->environment_count++] = value;
	return name_is_variable(value, strcspn(value, "="));
}

static int refuse_value(struct text *error, const char *word, const char *wants)
{
	struct text reason = {.length = 0};

	text_add(&reason, "it wants ");
	text_add(&reason, wants);
	return text_refuse(error, "use option", word, reason.bytes);
}

/* One word of options, "--name[=value]" or "-abC value": how many words were used, or -1. */
static int parse_word(struct arguments *arguments, char *const argv[], unsigned int *seen,
		      struct text *error)
{
	const char *word = argv[0], *at = word + 1;
	bool is_long = word[1] == '-';
	int used = 1;

	do {
		size_t length = is_long ? strcspn(word + 2, "=") : 1;
		const struct option *option = find(is_long ? word + 2 : NULL, length, *at);
		const char *value = NULL;

		at = is_long ? word + 2 + length : at + 1;
		if (!option)
			return text_refuse(error, "use option", word, "unknown; see trampoline --help");
		if (is_long ? *at == '=' : option->wants && *at) {
			value = at + is_long;
			at = "";
		} else if (option->wants && argv[1]) {
			value = argv[1];
			used = 2;
		}
		if (option->wants && !value)
			return refuse_value(error, word, option->wants);
		if (!option->wants && value)
			return text_refuse(error, "use option", word, "it takes no value");
		if ((*seen & BIT(option - options)) && !option->is_repeatable)
			return text_refuse(error, "use option", word, "given twice");
		*seen |= BIT(option - options);
		if (!option->take(arguments, option, value))
			return option->wants ? refuse_value(error, word, option->wants)
					     : text_refuse(error, "use option", word,
							   "another mode is given already");
	} while (!is_long && *at);
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
	unsigned int seen = 0;
	int at = 1;

	memset(arguments, 0, sizeof(*arguments));
	arguments->status_fd = -1;
	while (at < argc && argv[at][0] == '-' && argv[at][1]) {
		if (!strcmp(argv[at++], "--"))
			break;
		int used = parse_word(arguments, argv + at - 1, &seen, error);
		if (used < 0)
			return -1;
		at += used - 1;
	}
	if (check_modes(arguments, seen, error) != 0)
		return -1;
	unsigned int mode = BIT(arguments->mode);
	if (mode & (BIT(ARGUMENTS_HELP) | BIT(ARGUMENTS_VERSION)))
		return 0;
	if (at < argc && !(mode & WITHOUT_JAIL)) {
		if (!name_is_jail(argv[at]))
			return text_refuse(error, "enter jail", argv[at], "not a jail's name");
		arguments->jail = argv[at++];
	} else if (mode & WITH_JAIL) {
		return text_refuse(error, "run", NULL, "no jail is named; see trampoline --help");
	}
	if (at < argc && (mode & RUNS) && !strcmp(argv[at], "--"))
		at++;
	if (at < argc && !(mode & RUNS))
		return text_refuse(error, "use operand", argv[at], "it is one too many");
	arguments->command = at < argc ? argv + at : NULL;
	return 0;
}
