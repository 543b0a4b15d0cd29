/* SPDX-License-Identifier: MIT */
/*
 * A parent that lies: `liar CALL... -- PROGRAM [ARGUMENT...]` has the kernel answer 0 to each CALL
 * without doing it, for PROGRAM and all its children. CALL is NAME, or NAME:N=VALUE for calls whose
 * argument N (from 0) is VALUE; several NAME:N=VALUE,M=VALUE. Root's work, and without
 * no_new_privs: a set-uid program keeps its rights, and the lie.
 */
#include <err.h>
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add(scmp_filter_ctx context, char *call)
{
	struct scmp_arg_cmp arguments[6];
	unsigned int count = 0;
	char *rest = strchr(call, ':'), *word;

	if (rest)
		*rest++ = '\0';
	while (rest && (word = strsep(&rest, ","))) {
		char *end;
		unsigned int number = (unsigned int)strtoul(word, &end, 10);

		arguments[count++] = SCMP_CMP(number, SCMP_CMP_MASKED_EQ, 0xffffffffu,
					      strtoul(end + 1, NULL, 0) & 0xffffffffu);
	}
	int number = seccomp_syscall_resolve_name(call);
	if (number == __NR_SCMP_ERROR)
		errx(2, "no such call: %s", call);
	int error = seccomp_rule_add_array(context, SCMP_ACT_ERRNO(0), number, count, arguments);
	if (error != 0)
		errx(2, "%s: %s", call, strerror(-error));
}

int main(int argc, char *argv[])
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	int at = 1;

	if (!context || seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0) != 0)
		errx(2, "libseccomp");
	for (; at < argc && strcmp(argv[at], "--") != 0; at++)
		add(context, argv[at]);
	if (at + 1 >= argc)
		errx(2, "usage: liar CALL... -- PROGRAM [ARGUMENT...]");
	int error = seccomp_load(context);
	if (error != 0)
		errx(2, "load: %s", strerror(-error));
	execv(argv[at + 1], argv + at + 1);
	err(2, "%s", argv[at + 1]);
}
