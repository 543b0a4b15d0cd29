/* SPDX-License-Identifier: MIT */
/*
 * A parent that lies: `liar CALL... -- PROGRAM [ARGUMENT...]` has the kernel answer 0 to each CALL
 * without doing it, for PROGRAM and all its children. `liar -ERRNO CALL...` has it answer with that
 * error, and executes PROGRAM as www-data. CALL is NAME, or NAME:N=VALUE for calls whose argument N
 * (from 0) is VALUE; several NAME:N=VALUE,M=VALUE. Root's work, and without no_new_privs: a set-uid
 * program keeps its rights, and the lie.
 */
#include <err.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void add(scmp_filter_ctx context, uint16_t answer, char *call)
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
	int error =
		seccomp_rule_add_array(context, SCMP_ACT_ERRNO(answer), number, count, arguments);
	if (error != 0)
		errx(2, "%s: %s", call, strerror(-error));
}

/* Afterwards CAP_SYS_ADMIN is there for the filter alone: the exec takes it away. */
static void become_www(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct admin[2] = {{1u << CAP_SYS_ADMIN, 1u << CAP_SYS_ADMIN, 0}};

	if (prctl(PR_SET_KEEPCAPS, 1) != 0 || setgroups(0, NULL) != 0 ||
	    setresgid(33, 33, 33) != 0 || setresuid(33, 33, 33) != 0 ||
	    syscall(SYS_capset, &header, admin) != 0)
		err(2, "www-data");
}

int main(int argc, char *argv[])
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	uint16_t answer = argc > 1 && argv[1][0] == '-' ? (uint16_t)atoi(argv[1] + 1) : 0;
	int at = answer == 0 ? 1 : 2;

	if (!context || seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0) != 0)
		errx(2, "libseccomp");
	for (; at < argc && strcmp(argv[at], "--") != 0; at++)
		add(context, answer, argv[at]);
	if (at + 1 >= argc)
		errx(2, "usage: liar [-ERRNO] CALL... -- PROGRAM [ARGUMENT...]");
	if (answer != 0)
		become_www();
	int error = seccomp_load(context);
	if (error != 0)
		errx(2, "load: %s", strerror(-error));
	execv(argv[at + 1], argv + at + 1);
	err(2, "%s", argv[at + 1]);
}
