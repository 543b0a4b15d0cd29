/* SPDX-License-Identifier: MIT */
/* Lines of text in fixed buffers; foreign strings are escaped here and nowhere else. */
#include "trampoline/text.h"

#include <errno.h>
#include <string.h>

static void add_byte(struct text *text, char byte)
{
	if (text->length + 1 >= sizeof(text->bytes))
		return;
	text->bytes[text->length++] = byte;
	text->bytes[text->length] = '\0';
}

void text_add(struct text *text, const char *string)
{
	while (*string)
		add_byte(text, *string++);
}

void text_add_quoted(struct text *text, const char *string, size_t most)
{
	static const char hex[] = "0123456789abcdef";

	add_byte(text, '"');
	for (size_t i = 0; string[i]; i++) {
		unsigned char byte = (unsigned char)string[i];

		if (i == most) {
			text_add(text, "...");
			break;
		}
		if (byte < ' ' || byte > '~') {
			text_add(text, "\\u00");
			add_byte(text, hex[byte >> 4]);
			add_byte(text, hex[byte & 15]);
			continue;
		}
		if (byte == '"' || byte == '\\')
			add_byte(text, '\\');
		add_byte(text, (char)byte);
	}
	add_byte(text, '"');
}

void text_add_number(struct text *text, uint64_t number)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	text_add(text, digits + at);
}

int text_refuse(struct text *text, const char *action, const char *object, const char *reason)
{
	text->length = 0;
	text_add(text, "cannot ");
	text_add(text, action);
	if (object) {
		add_byte(text, ' ');
		text_add_quoted(text, object, TEXT_OBJECT_MAX);
	}
	text_add(text, ": ");
	text_add(text, reason);
	return -1;
}

const char *text_reason(int error, bool is_filtered)
{
	/* EPROTO: a call said that it had worked, and it had not. */
	if (is_filtered && (error == EPERM || error == ENOSYS || error == EPROTO))
		return "a system call is refused, and the caller's unit filters them; see its "
		       "SystemCallFilter=, RestrictNamespaces=, RestrictSUIDSGID= and the like";
	return strerror(error);
}
