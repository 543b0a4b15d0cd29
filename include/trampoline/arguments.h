/* SPDX-License-Identifier: MIT */
/* The command line, read into plain data: pure, no environment, no files, no privilege. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trampoline/attributes.h"
#include "trampoline/text.h"

#define ARGUMENTS_ENVIRONMENT_MAX 128
#define ARGUMENTS_LIMITS_MAX 16
#define ARGUMENTS_FDS_MAX 32

enum arguments_mode {
	ARGUMENTS_RUN,
	ARGUMENTS_PREPARE,
	ARGUMENTS_EXPLAIN,
	ARGUMENTS_LIST,
	ARGUMENTS_STATUS,
	ARGUMENTS_CLEANUP,
	ARGUMENTS_DISCARD,
	ARGUMENTS_CHECK,
	ARGUMENTS_HELP,
	ARGUMENTS_VERSION,
};

struct arguments_limit {
	unsigned int resource; /* RLIMIT_ number or LIMIT_OUTPUT */
	uint64_t value;
	const char *text; /* the caller's, NAME=VALUE */
};

struct arguments {
	enum arguments_mode mode;
	const char *jail;      /* a valid jail name, or NULL where the mode takes none */
	char *const *command;  /* NULL-terminated; NULL for a login shell */
	const char *directory; /* absolute, or NULL for the home */
	const char *environment[ARGUMENTS_ENVIRONMENT_MAX]; /* NAME or NAME=VALUE, in order */
	size_t environment_count;
	struct arguments_limit limits[ARGUMENTS_LIMITS_MAX];
	size_t limit_count;
	int keep_fds[ARGUMENTS_FDS_MAX]; /* 3 and above, ascending, each once */
	size_t keep_fd_count;
	int status_fd; /* also in keep_fds: the launcher keeps it, its exec closes it; or -1 */
	uint64_t timeout_ms;    /* QUANTITY_UNLIMITED for none, 0 for "as the policy says" */
	uint64_t kill_after_ms; /* 0 for "as the policy says" */
	bool cgi, private_processes, daemon, json, dry_run, all, kill, verbose;
};

/*
 * Reads ARGV, whose strings the result borrows. Reading stops at the first operand, which names the
 * jail; one "--" may stand before the command. Returns 0, or -1 with a sentence in *ERROR; then
 * ARGUMENTS has what was read before the fault, so that --status-fd can be told of it.
 */
int arguments_parse(struct arguments *arguments, int argc, char *const argv[],
		    struct text *error) MUST_CHECK;
