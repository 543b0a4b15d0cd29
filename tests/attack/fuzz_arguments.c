/* SPDX-License-Identifier: MIT */
/*
 * Random names and random option vectors against the argument code, as TAP: what it accepts must be
 * what an implementation of the documented rules, written here for the purpose, accepts.
 *
 * `fuzz_arguments [NAMES [VECTORS [SEED]]]`, by default 1,000,000 and 100,000. `fuzz_arguments
 * sample N` prints N words that are no names, each with a NUL behind it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trampoline/arguments.h"
#include "trampoline/name.h"

#define LONGEST 90
#define WORDS 12

static unsigned long long state;

static unsigned int next(unsigned int below)
{
	state ^= state << 13; /* xorshift64 */
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned int)(state >> 33) % below;
}

/* ^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}$, letter by letter. */
static bool is_name(const char *text)
{
	size_t length = strlen(text);

	if (length < 1 || length > 64)
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		bool is_first = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || c == '_';

		if (!is_first && (i == 0 || (c != '.' && c != '@' && c != '+' && c != '-')))
			return false;
	}
	return true;
}

/* Mostly of the name's own letters, and of about its length: else none would ever be accepted. */
static void make_name(char *text)
{
	static const char likely[] = "abcxyzAZ_019.@+-";
	unsigned int length = next(4) ? next(8) : next(LONGEST - 1), strange = next(3);

	for (unsigned int i = 0; i < length; i++)
		text[i] = strange && !next(strange * 12) ? (char)(1 + next(255))
							 : likely[next(sizeof(likely) - 1)];
	text[length] = '\0';
}

static unsigned long accepted, refused, wrong;

static void judge(bool is_accepted, bool is_right, const char *what)
{
	accepted += is_accepted;
	refused += !is_accepted;
	if (is_accepted == is_right)
		return;
	if (wrong++ < 5)
		printf("# %s: \"%s\"\n", is_accepted ? "accepted" : "refused", what);
}

static void report(int number, const char *what)
{
	printf("%sok %d - A3: %s: %lu accepted, %lu refused, %lu of them wrongly\n",
	       wrong || !accepted || !refused ? "not " : "", number, what, accepted, refused,
	       wrong);
	accepted = refused = wrong = 0;
}

/* --- option vectors --------------------------------------------------------------------------- */

enum kind { FLAG, DIRECTORY, VARIABLE, FD, NUMBER };

/* The options of a run, from the manual. */
static const struct {
	const char *name;
	char letter;
	enum kind kind;
	bool is_repeatable;
} options[] = {{"chdir", 'C', DIRECTORY, false}, {"env", 'E', VARIABLE, true},
	       {"cgi", 0, FLAG, false},          {"private", 'p', FLAG, false},
	       {"daemon", 'd', FLAG, false},     {"verbose", 'v', FLAG, false},
	       {"keep-fd", 0, FD, true},         {"timeout", 't', NUMBER, false},
	       {"kill-after", 0, NUMBER, false}};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

static const char *const values[] = {"/",   "/tmp",        "tmp", "",   "..", "A",  "A=1",  "1A",
				     "=x",  "a_b=",        "a-b", "3",  "7",  "2",  "07",   "-3",
				     "3x",  "99999999999", "5s",  "2m", "0",  "0s", "1.5s", "s",
				     "10x", "-1s"};

static bool is_value(enum kind kind, const char *value)
{
	char *end;

	switch (kind) {
	case DIRECTORY:
		return value[0] == '/';
	case VARIABLE:
		return (value[0] == '_' || (value[0] >= 'A' && value[0] <= 'Z') ||
			(value[0] >= 'a' && value[0] <= 'z')) &&
		       strspn(value,
			      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
			       strcspn(value, "=");
	case FD:
		return value[0] && strspn(value, "0123456789") == strlen(value) &&
		       strtoull(value, NULL, 10) >= 3 && strtoull(value, NULL, 10) <= 0x7fffffff;
	case NUMBER:
		if (value[0] < '0' || value[0] > '9' || strtod(value, &end) <= 0)
			return false;
		return !*end || !strcmp(end, "s") || !strcmp(end, "m") || !strcmp(end, "h") ||
		       !strcmp(end, "ms") || !strcmp(end, "d");
	case FLAG:
		break;
	}
	return false;
}

struct model {
	unsigned int seen;
	unsigned long long fds[WORDS];
	unsigned int fd_count;
};

/* Takes option NUMBER with VALUE, NULL for none; whether it may be. */
static bool take(struct model *model, unsigned int number, const char *value)
{
	bool is_first = !(model->seen & 1u << number);

	model->seen |= 1u << number;
	if ((options[number].kind == FLAG) != !value ||
	    (!is_first && !options[number].is_repeatable))
		return false;
	if (!value)
		return true;
	if (!is_value(options[number].kind, value))
		return false;
	if (options[number].kind != FD)
		return true;
	for (unsigned int i = 0; i < model->fd_count; i++)
		if (model->fds[i] == strtoull(value, NULL, 10))
			return false;
	model->fds[model->fd_count++] = strtoull(value, NULL, 10);
	return true;
}

/* Builds a vector and works out meanwhile whether it is a run; JAIL: then which word, or 0. */
static bool make_vector(char *argv[], int *argc, char words[WORDS][64], int *jail)
{
	struct model model = {0};
	bool is_right = true;
	int count = 1;

	argv[0] = "trampoline";
	for (unsigned int left = next(4); left > 0; left--) {
		unsigned int number = next(OPTIONS), form = next(8);
		const char *value = values[next(sizeof(values) / sizeof(values[0]))];
		bool wants = options[number].kind != FLAG;
		char *word = words[count];

		if (!next(12)) { /* not an option at all */
			strcpy(word, next(2) ? "--nosuch" : "-x");
			is_right = false;
		} else if (options[number].letter && form < 4) {
			sprintf(word, "-%c%s", options[number].letter,
				wants && form < 2 && *value ? value : "");
			bool is_separate = wants && !word[2];
			argv[count++] = word;
			if (is_separate)
				argv[count++] = (char *)value;
			is_right &= take(&model, number, wants ? value : NULL);
			continue;
		} else if (wants && form < 6) {
			sprintf(word, "--%s", options[number].name);
			argv[count++] = word;
			argv[count++] = (char *)value;
			is_right &= take(&model, number, value);
			continue;
		} else {
			bool has_value = wants || form == 7;

			sprintf(word, "--%s%s%s", options[number].name, has_value ? "=" : "",
				has_value ? value : "");
			is_right &= take(&model, number, has_value ? value : NULL);
		}
		argv[count++] = word;
	}
	if (!next(3))
		argv[count++] = "--";
	*jail = count;
	if (next(10)) {
		static char name[LONGEST];

		make_name(name);
		/* Without "--" a word that begins with a minus would be an option. */
		if (name[0] == '-')
			name[0] = 'a';
		argv[count++] = name;
		is_right &= is_name(name);
		for (unsigned int more = next(3); more > 0; more--)
			argv[count++] = next(2) ? "-C" : "--help";
	} else {
		is_right = false;
	}
	argv[count] = NULL;
	*argc = count;
	return is_right;
}

static bool is_understood(const struct arguments *arguments, char *argv[], int jail)
{
	return arguments->mode == ARGUMENTS_RUN && arguments->jail == argv[jail] &&
	       (argv[jail + 1] ? arguments->command == argv + jail + 1 : !arguments->command);
}

static void print_sample(unsigned long count)
{
	char name[LONGEST];

	while (count > 0) {
		make_name(name);
		if (is_name(name))
			continue;
		fwrite(name, 1, strlen(name) + 1, stdout);
		count--;
	}
}

int main(int argc, char *argv[])
{
	unsigned long names = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	unsigned long vectors = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
	unsigned long misread = 0;

	state = argc > 3 ? strtoull(argv[3], NULL, 10) : 20070601;
	if (argc > 2 && !strcmp(argv[1], "sample")) {
		print_sample(strtoul(argv[2], NULL, 10));
		return 0;
	}
	for (unsigned long i = 0; i < names; i++) {
		char name[LONGEST];

		make_name(name);
		judge(name_is_jail(name), is_name(name), name);
	}
	report(1, "random names");
	for (unsigned long i = 0; i < vectors; i++) {
		char words[WORDS][64], *vector[WORDS * 2 + 2], line[512] = "";
		struct arguments arguments;
		struct text error;
		int count, jail;
		bool is_right = make_vector(vector, &count, words, &jail);
		bool is_accepted = arguments_parse(&arguments, count, vector, &error) == 0;

		for (int word = 1; word < count; word++)
			strncat(strncat(line, vector[word], 60), "|", 2);
		judge(is_accepted, is_right, line);
		misread += is_accepted && is_right && !is_understood(&arguments, vector, jail);
	}
	report(2, "random option vectors");
	printf("%sok 3 - A6: jail and command are the words they should be\n1..3\n",
	       misread ? "not " : "");
	return 0;
}
