/* SPDX-License-Identifier: MIT */
#include "keeper/privilege.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "unit.h"

#define CAP(name) (UINT64_C(1) << (name))
#define ENTER (CAP(CAP_SYS_ADMIN) | CAP(CAP_SYS_CHROOT))

/* A line of capabilities, as the kernel shows it. */
static uint64_t capabilities(const char *name)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];

	ck_assert_ptr_nonnull(status);
	while (fgets(line, sizeof(line), status))
		if (!strncmp(line, name, strlen(name)))
			return strtoull(line + strlen(name), NULL, 16);
	ck_abort_msg("there is no line %s", name);
	return 0;
}

static const struct {
	enum privilege_step step;
	uint64_t needs;
} steps[] = {{PRIVILEGE_BUILD, ENTER | CAP(CAP_MKNOD) | CAP(CAP_NET_ADMIN) | CAP(CAP_DAC_OVERRIDE)},
	     {PRIVILEGE_RETIRE, ENTER | CAP(CAP_SYS_PTRACE) | CAP(CAP_SETUID)},
	     {PRIVILEGE_LOOK, ENTER | CAP(CAP_SYS_PTRACE)}};

START_TEST(privilege_lower__step__what_it_needs_and_nothing_else)
{
	uint64_t had = capabilities("CapPrm:\t");

	ck_assert_int_eq(privilege_lower(steps[_i].step), 0);
	ck_assert_uint_eq(capabilities("CapPrm:\t"), steps[_i].needs & had);
	ck_assert_uint_eq(capabilities("CapEff:\t"), steps[_i].needs & had);
	ck_assert_uint_eq(capabilities("CapInh:\t"), 0);
	ck_assert_uint_eq(capabilities("CapAmb:\t"), 0);
}
END_TEST

START_TEST(privilege_lower__look_without_ptrace__refused)
{
	ck_assert_int_eq(privilege_lower(PRIVILEGE_BUILD), 0);
	ck_assert_int_eq(privilege_lower(PRIVILEGE_LOOK), -1);
	ck_assert_int_eq(errno, EPERM);
}
END_TEST

START_TEST(privilege_lower__twice__nothing_comes_back)
{
	ck_assert_int_eq(privilege_lower(PRIVILEGE_LOOK), 0);
	uint64_t had = capabilities("CapPrm:\t");
	ck_assert_int_eq(privilege_lower(PRIVILEGE_RETIRE), 0);
	ck_assert_uint_eq(capabilities("CapPrm:\t"), had);
}
END_TEST

TCase *unit_privilege(void)
{
	TCase *tcase = tcase_create("privilege");

	add_table(tcase, privilege_lower__step__what_it_needs_and_nothing_else, steps);
	tcase_add_test(tcase, privilege_lower__look_without_ptrace__refused);
	tcase_add_test(tcase, privilege_lower__twice__nothing_comes_back);
	return tcase;
}
