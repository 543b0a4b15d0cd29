/* SPDX-License-Identifier: MIT */
/* The command's environment: an allow-list by exact name, built after privilege is gone. */
#pragma once

#include <stddef.h>

#include "trampoline/arguments.h"
#include "trampoline/attributes.h"
#include "trampoline/record.h"

#define ENVIRONMENT_MAX 1024

struct environment {
	size_t count;
	const char *entries[ENVIRONMENT_MAX + 1]; /* NULL-terminated, no name twice */
};

/*
 * The caller's INHERITED variables that the policy keeps and, for --cgi, the CGI ones; then what
 * the record sets: HOME, USER, LOGNAME, SHELL, PATH, LANG and the policy's own; then --env. A later
 * one replaces an earlier. 0, or -1 with errno E2BIG.
 */
int environment_build(struct environment *environment, const struct record *record,
		      const struct arguments *arguments, char *const inherited[]) MUST_CHECK;

/* The value of NAME, or NULL. */
const char *environment_get(const struct environment *environment, const char *name);
