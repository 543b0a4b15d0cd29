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
#define REPEATED (1u << 31) /* not a mode: the option may come more than once */
#define ANY (REPEATED - 1)
#define FIELD(name) offsetof(struct arguments, name)

enum kind { MODE, FLAG, DURATION, DIRECTORY, VARIABLE, LIMIT, FD };

static const struct option {
	char letter;
	const char *name;
	enum kind kind;
	unsigned int modes; /* BIT() of each mode it goes with, and REPEATED */
	size_t field;       /* offset in struct arguments; of a MODE, its enum arguments_mode */
	const char *wants;  /* the rule for its value; NULL: it takes none */
} options[] = {
	{'C', "--chdir", DIRECTORY, RUNS, 0, "it wants an absolute path inside the jail"},
	{'E', "--env", VARIABLE, RUNS | REPEATED, 0,
	 "it wants NAME or NAME=VALUE, at most 128 times"},
	{0, "--cgi", FLAG, RUNS, FIELD(cgi), NULL},
	{'l', "--limit", LIMIT, RUNS | REPEATED, 0,
	 "it wants NAME=VALUE, such as cpu=10s (whole seconds) or memory=256M"},
	{'t', "--timeout", DURATION, RUNS, FIELD(timeout_ms),
	 "it wants a duration, such as 30s or 2m"},
	{0, "--kill-after", DURATION, RUNS, FIELD(kill_after_ms), "it wants a duration, like 2s"},
	{'p', "--private", FLAG, RUNS, FIELD(private_processes), NULL},
	{'d', "--daemon", FLAG, RUNS, FIELD(daemon), NULL},
	{0, "--keep-fd", FD, RUNS | REPEATED, 0,
	 "it wants descriptor numbers from 3 on, each once, at most 32"},
	{0, "--status-fd", FD, RUNS, FIELD(status_fd), "it wants a descriptor number from 3 on"},
	{'v', "--verbose", FLAG, ANY, FIELD(verbose), NULL},
	{0, "--prepare", MODE, ANY, ARGUMENTS_PREPARE, NULL},
	{0, "--list", MODE, ANY, ARGUMENTS_LIST, NULL},
	{0, "--status", MODE, ANY, ARGUMENTS_STATUS, NULL},
	{0, "--json", FLAG, BIT(ARGUMENTS_LIST) | BIT(ARGUMENTS_STATUS), FIELD(json), NULL},
	{0, "--cleanup", MODE, ANY, ARGUMENTS_CLEANUP, NULL},
	{0, "--dry-run", FLAG, BIT(ARGUMENTS_CLEANUP), FIELD(dry_run), NULL},
	{0, "--discard", MODE, ANY, ARGUMENTS_DISCARD, NULL},
	{0, "--all", FLAG, BIT(ARGUMENTS_DISCARD), FIELD(all), NULL},
	{0, "--kill", FLAG, BIT(ARGUMENTS_DISCARD), FIELD(kill), NULL},
	{0, "--check", MODE, ANY, ARGUMENTS_CHECK, NULL},
	{0, "--explain", MODE, ANY, ARGUMENTS_EXPLAIN, NULL},
	{'h', "--help", MODE, ANY, ARGUMENTS_HELP, NULL},
	{'V', "--version", MODE, ANY, ARGUMENTS_VERSION, NULL},
};

/* Finds by the LENGTH bytes at NAME, or by LETTER if NAME is NULL. NULL: no such option. */
static const struct option *find(const char *name, size_t length, char letter)
{
	for (const struct option *at = options; at < options + ARRAY_LENGTH(options); at++)
		if (name ? strlen(at->name) == length + 2 && !memcmp(at->name + 2, name, length)
			 : at->letter == letter)
			return at;
	return NULL;
}

/* Keeps keep_fds ascending, each number once; the number of --status-fd is among them. */
static bool take_fd(struct arguments *arguments, const struct option *option, const char *value)
{
	uint64_t number;
	size_t at = arguments->keep_fd_count;
	int *fds = arguments->keep_fds;

	if (quantity_parse(QUANTITY_NUMBER, value, &number) != 0 || number < 3 ||
	    number > INT32_MAX || at == ARGUMENTS_FDS_MAX)
		return false;
	for (; at > 0 && fds[at - 1] >= (int)number; at--)
		if (fds[at - 1] == (int)number)
			return false;
	memmove(&fds[at + 1], &fds[at], (arguments->keep_fd_count++ - at) * sizeof(int));
	fds[at] = (int)number;
	if (option->field)
		arguments->status_fd = (int)number;
	return true;
}

/* Stores OPTION's VALUE in ARGUMENTS. False: it breaks the rule, or is a second mode. */
static bool take(struct arguments *arguments, const struct option *option, const char *value)
{
	void *field = (char *)arguments + option->field;
	struct arguments_limit *limit = &arguments->limits[arguments->limit_count];
	size_t length = strcspn(value, "=");
	bool is_first = arguments->mode == ARGUMENTS_RUN;

	switch (option->kind) {
	case MODE:
		arguments->mode = (enum arguments_mode)option->field;
		return is_first;
	case FLAG:
		return *(bool *)field = true;
	case DURATION:
		return quantity_parse(QUANTITY_DURATION, value, field) == 0 &&
		       *(uint64_t *)field - 1 < QUANTITY_UNLIMITED - 1; /* no 0, no unlimited */
	case DIRECTORY:
		arguments->directory = value;
		return value[0] == '/';
	case VARIABLE:
		if (arguments->environment_count == ARGUMENTS_ENVIRONMENT_MAX)
			return false;
		arguments->environment[arguments->environment_count++] = value;
		return name_is_variable(value, length);
	case LIMIT:
		return value[length] && arguments->limit_count++ < ARGUMENTS_LIMITS_MAX &&
		       (limit->text = value) &&
		       limit_parse(value, length, value + length + 1, &limit->resource,
				   &limit->value) == 0;
	case FD:
		return take_fd(arguments, option, value);
	}
	return false;
}

/* Reads a word of options, argv[0], and its value. Returns 1, 2 (argv[1] is the value) or -1. */
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
			return text_refuse(error, "use option", word,
					   "unknown; see trampoline --help");
		if (is_long ? *at == '=' : option->wants && *at) {
			value = at + is_long;
			at = "";
		} else if (option->wants && argv[1]) {
			value = argv[1];
			used = 2;
		}
		if (option->wants && !value)
			return text_refuse(error, "use option", word, option->wants);
		if (!option->wants && value)
			return text_refuse(error, "use option", word, "it takes no value");
		if (*seen & BIT(option - options) && !(option->modes & REPEATED))
			return text_refuse(error, "use option", word, "given twice");
		*seen |= BIT(option - options);
		if (!take(arguments, option, value ? value : ""))
			return text_refuse(error, "use option", word,
					   option->wants ? option->wants : "another mode is given");
	} while (!is_long && *at);
	return used;
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
	unsigned int mode = BIT(arguments->mode);
	for (size_t i = 0; i < ARRAY_LENGTH(options); i++)
		if ((seen & (1u << i)) && !(options[i].modes & mode))
			return text_refuse(error, "use option", options[i].name,
					   "it does not go with the others");
	if (mode & (BIT(ARGUMENTS_HELP) | BIT(ARGUMENTS_VERSION)))
		return 0;
	if (at < argc && !(mode & WITHOUT_JAIL) && !arguments->all) {
		if (!name_is_jail(argv[at]))
			return text_refuse(error, "enter jail", argv[at], NAME_RULE);
		arguments->jail = argv[at++];
	} else if (mode & WITH_JAIL && !arguments->all) {
		return text_refuse(error, "read the command line", NULL,
				   "no jail is named; see trampoline --help");
	}
	if (at < argc && (mode & RUNS) && !strcmp(argv[at], "--"))
		at++;
	if (at < argc && !(mode & RUNS))
		return text_refuse(error, "use operand", argv[at], "unexpected argument");
	arguments->command = at < argc ? argv + at : NULL;
	return 0;
}
