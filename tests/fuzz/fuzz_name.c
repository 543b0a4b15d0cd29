/* SPDX-License-Identifier: MIT */
/* A name: of a jail, of a variable. What is one is said here again, byte by byte. */
#include "trampoline/name.h"

#include <stdio.h>

#include "fuzz.h"
#include "trampoline/layout.h"

static bool is_between(char byte, char first, char last)
{
	return byte >= first && byte <= last;
}

static bool is_letter(char byte)
{
	return is_between(byte, 'a', 'z') || is_between(byte, 'A', 'Z') || byte == '_';
}

static bool may_name_a_jail(const char *text, size_t length)
{
	bool is_good = length >= 1 && length <= 64;

	for (size_t i = 0; is_good && i < length; i++)
		is_good = is_letter(text[i]) || is_between(text[i], '0', '9') ||
			  (i > 0 &&
			   (text[i] == '.' || text[i] == '@' || text[i] == '+' || text[i] == '-'));
	return is_good;
}

static bool may_name_a_variable(const char *text, size_t length)
{
	bool is_good = length >= 1 && is_letter(text[0]);

	for (size_t i = 1; is_good && i < length; i++)
		is_good = is_letter(text[i]) || is_between(text[i], '0', '9');
	return is_good;
}

/* The paths that are made of a jail's name are whole, and one component longer for it. */
static void must_be_paths(const char *name)
{
	char path[LAYOUT_PATH_MAX], wanted[2 * LAYOUT_PATH_MAX];

	layout_record_path(path, name);
	snprintf(wanted, sizeof(wanted), "jails/%s/record", name);
	MUST_HOLD(!strcmp(path, wanted));
	layout_pin_path(path, name, LAYOUT_PIN_MOUNT);
	snprintf(wanted, sizeof(wanted), "/jails/%s/mnt", name);
	MUST_HOLD(!strcmp(path, wanted));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = malloc(size + 1);

	MUST_HOLD(text);
	memcpy(text, bytes, size);
	text[size] = '\0';
	size_t length = strlen(text);
	MUST_HOLD(name_is_jail(text) == may_name_a_jail(text, length));
	if (name_is_jail(text))
		must_be_paths(text);
	/* A variable's name need not end where the text does, and may have a NUL in it. */
	for (size_t part = 0; part <= size && part <= 2 * NAME_LENGTH_MAX; part++)
		MUST_HOLD(name_is_variable(text, part) == may_name_a_variable(text, part));
	free(text);
	return 0;
}
