/* SPDX-License-Identifier: MIT */
/* A line of text in a fixed buffer: no heap, no format strings; what does not fit is cut. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_SIZE 2048
#define TEXT_OBJECT_MAX 128 /* bytes of an object that a sentence shows */

struct text {
	char bytes[TEXT_SIZE]; /* always terminated */
	size_t length;
};

void text_add(struct text *text, const char *string);

/*
 * Adds STRING in double quotes, as JSON has it: what is not printable ASCII appears as \u00NN, so
 * that no terminal, log or parser is ever steered by it. Of longer ones the first MOST bytes.
 */
void text_add_quoted(struct text *text, const char *string, size_t most);

void text_add_number(struct text *text, uint64_t number);

/*
 * The one grammar of our refusals: `cannot ACTION "OBJECT": REASON`, OBJECT quoted and left out if
 * NULL. Replaces what TEXT held; always returns -1, so that refusing is one statement.
 */
int text_refuse(struct text *text, const char *action, const char *object, const char *reason);

/*
 * What a refusal says of the errno ERROR. Of one that a system call filter of the caller's may have
 * answered with, where there is such a filter (IS_FILTERED): whose filter that is.
 */
const char *text_reason(int error, bool is_filtered);
