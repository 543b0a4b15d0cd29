/* SPDX-License-Identifier: MIT */
#include "keeper/report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "trampoline/exit.h"
#include "unit.h"

START_TEST(report_fill__no_reason__what_errno_says)
{
	struct text error;

	errno = ENOENT;
	ck_assert_int_eq(report_fill(&error, "open", "x", NULL), -1);
	ck_assert_str_eq(error.bytes, "cannot open \"x\": No such file or directory");
	ck_assert_int_eq(report_fill(&error, "open", NULL, "no"), -1);
	ck_assert_str_eq(error.bytes, "cannot open: no");
}
END_TEST

START_TEST(report_if_full__errno__limit_only_where_room_is_missing)
{
	errno = ENOSPC;
	ck_assert_str_eq(report_if_full("full"), "full");
	errno = EUSERS;
	ck_assert_str_eq(report_if_full("full"), "full");
	errno = EPERM;
	ck_assert_ptr_null(report_if_full("full"));
}
END_TEST

static void refuse(void)
{
	report_refuse("use", "a\x1b", "no");
}

static void die(void)
{
	struct text sentence = {.length = 0};

	text_add(&sentence, "cannot go on");
	report_die(&sentence);
}

/* Not for whoever reads the results. */
static void be_silent(void)
{
	ck_assert_int_ge(dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO), 0);
}

START_TEST(report_refuse__called__exit_125)
{
	be_silent();
	refuse();
}
END_TEST

START_TEST(report_die__called__exit_125)
{
	be_silent();
	die();
}
END_TEST

START_TEST(report_refuse__called__one_sentence_on_standard_error)
{
	char output[256];

	ck_assert_int_eq(unit_run(refuse, output, sizeof(output)), EXIT_REFUSED);
	ck_assert_str_eq(output, "trampoline: cannot use \"a\\u001b\": no\n");
	ck_assert_int_eq(unit_run(die, output, sizeof(output)), EXIT_REFUSED);
	ck_assert_str_eq(output, "trampoline: cannot go on\n");
}
END_TEST

TCase *unit_report(void)
{
	TCase *tcase = tcase_create("report");

	tcase_add_test(tcase, report_fill__no_reason__what_errno_says);
	tcase_add_test(tcase, report_if_full__errno__limit_only_where_room_is_missing);
	tcase_add_exit_test(tcase, report_refuse__called__exit_125, EXIT_REFUSED);
	tcase_add_exit_test(tcase, report_die__called__exit_125, EXIT_REFUSED);
	tcase_add_test(tcase, report_refuse__called__one_sentence_on_standard_error);
	return tcase;
}
