/* SPDX-License-Identifier: MIT */
/*
 * Which names are names. Allow-lists of ASCII, without the locale: what passes here is one path
 * component and is joined to our own paths by both programs.
 */
#include "trampoline/name.h"

#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

bool name_is_jail(const char *name)
{
	size_t length = strnlen(name, NAME_LENGTH_MAX + 1);

	return length > 0 && length <= NAME_LENGTH_MAX && !strchr(".@+-", name[0]) &&
	       strspn(name, LOWER UPPER DIGIT "_.@+-") == length;
}

bool name_is_variable(const char *text, unsigned long length)
{
	if (length == 0 || strchr(DIGIT, text[0]))
		return false;
	for (unsigned long i = 0; i < length; i++)
		if (!text[i] || !strchr(LOWER UPPER DIGIT "_", text[i]))
			return false;
	return true;
}
