/* SPDX-License-Identifier: MIT */
/* A command line, one word a line, and the environment that would come of it. */
#include "trampoline/arguments.h"

#include "../unit/sample.h"
#include "fuzz.h"
#include "launcher/environment.h"
#include "trampoline/name.h"
#include "trampoline/quantity.h"

#define WORDS_MAX 256

static void must_be_sound(const struct arguments *arguments, int argc, char *const argv[])
{
	bool is_kept = arguments->status_fd == -1;

	MUST_HOLD(arguments->environment_count <= ARGUMENTS_ENVIRONMENT_MAX);
	MUST_HOLD(arguments->limit_count <= ARGUMENTS_LIMITS_MAX);
	MUST_HOLD(arguments->keep_fd_count <= ARGUMENTS_FDS_MAX);
	for (size_t i = 0; i < arguments->keep_fd_count; i++) {
		MUST_HOLD(arguments->keep_fds[i] > (i ? arguments->keep_fds[i - 1] : 2));
		is_kept |= arguments->keep_fds[i] == arguments->status_fd;
	}
	MUST_HOLD(is_kept);
	for (size_t i = 0; i < arguments->limit_count; i++)
		MUST_HOLD(arguments->limits[i].resource < LIMIT_COUNT);
	for (size_t i = 0; i < arguments->environment_count; i++)
		MUST_HOLD(name_is_variable(arguments->environment[i],
					   strcspn(arguments->environment[i], "=")));
	MUST_HOLD(!arguments->jail || name_is_jail(arguments->jail));
	MUST_HOLD(!arguments->directory || arguments->directory[0] == '/');
	MUST_HOLD(arguments->kill_after_ms < UINT64_C(1) << 53);
	MUST_HOLD(arguments->timeout_ms < UINT64_C(1) << 53);
	MUST_HOLD(!arguments->command ||
		  (arguments->command > argv && arguments->command < argv + argc));
	if (arguments->mode == ARGUMENTS_RUN)
		MUST_HOLD(arguments->jail && !arguments->json && !arguments->kill &&
			  !arguments->dry_run);
}

static void must_be_clean(const struct environment *environment)
{
	MUST_HOLD(environment->count <= ENVIRONMENT_MAX &&
		  !environment->entries[environment->count]);
	for (size_t i = 0; i < environment->count; i++) {
		size_t length = strcspn(environment->entries[i], "=");

		MUST_HOLD(name_is_variable(environment->entries[i], length));
		for (size_t j = 0; j < i; j++)
			MUST_HOLD(strncmp(environment->entries[i], environment->entries[j],
					  length + 1) != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct record record;
	char *copy = malloc(size + 1), *rest = copy, *argv[WORDS_MAX + 1];
	struct arguments arguments;
	struct environment environment;
	struct text error = {.length = 0};
	int argc = 0;

	MUST_HOLD(copy);
	sample_record(&record);
	memcpy(copy, bytes, size);
	copy[size] = '\0';
	while (rest && argc < WORDS_MAX)
		argv[argc++] = strsep(&rest, "\n");
	argv[argc] = NULL;
	if (arguments_parse(&arguments, argc, argv, &error) != 0) {
		must_be_sentence(&error);
	} else {
		must_be_sound(&arguments, argc, argv);
		if (environment_build(&environment, &record, &arguments, argv) == 0)
			must_be_clean(&environment);
	}
	free(copy);
	return 0;
}
