/* SPDX-License-Identifier: MIT */
#include "keeper/admin/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define LONG_NS INT64_C(600000000000)
#define SHORT_NS INT64_C(20000000)

static void double_it(const void *context, void *answer)
{
	*(int *)answer = *(const int *)context * 2;
}

static void fill(const void *context, void *answer)
{
	memset(answer, *(const char *)context, 4096);
}

static void count_descriptors(const void *context, void *answer)
{
	int *count = answer;

	(void)context;
	for (int fd = *count = 0; fd < 1024; fd++)
		*count += fcntl(fd, F_GETFD) >= 0;
}

static void never_answer(const void *context, void *answer)
{
	(void)context;
	(void)answer;
	for (;;)
		pause();
}

static void die(const void *context, void *answer)
{
	(void)context;
	(void)answer;
	raise(SIGKILL);
}

START_TEST(child_ask__answer__handed_over)
{
	const int question = 21;
	int answer = 0;
	char large[4096];

	ck_assert_int_eq(child_ask(LONG_NS, double_it, &question, &answer, sizeof(answer)), 0);
	ck_assert_int_eq(answer, 42);
	ck_assert_int_eq(child_ask(LONG_NS, fill, "x", large, sizeof(large)), 0);
	ck_assert(large[0] == 'x' && large[4095] == 'x');
	ck_assert_int_eq(waitpid(-1, NULL, 0), -1); /* no child is left */
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(child_ask__no_answer_in_time__child_killed)
{
	int answer = 7, status;

	ck_assert_int_eq(child_ask(SHORT_NS, never_answer, NULL, &answer, sizeof(answer)), -1);
	ck_assert_int_eq(errno, ETIME);
	ck_assert_int_eq(answer, 7);
	ck_assert_int_gt(waitpid(-1, &status, 0), 0);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

START_TEST(child_ask__child_dies__no_answer)
{
	int answer = 7;

	ck_assert_int_eq(child_ask(LONG_NS, die, NULL, &answer, sizeof(answer)), -1);
	ck_assert_int_eq(errno, EPROTO);
	ck_assert_int_eq(answer, 7);
}
END_TEST

START_TEST(child_ask__child__has_no_descriptor_but_for_the_answer)
{
	int ends[2], count = 0;

	ck_assert_int_eq(pipe(ends), 0); /* also those that an exec would not close */
	ck_assert_int_eq(child_ask(LONG_NS, count_descriptors, NULL, &count, sizeof(count)), 0);
	ck_assert_int_eq(count, 1);
	count_descriptors(NULL, &count);
	ck_assert_int_gt(count, 1);
}
END_TEST

TCase *unit_child(void)
{
	TCase *tcase = tcase_create("child");

	tcase_add_test(tcase, child_ask__answer__handed_over);
	tcase_add_test(tcase, child_ask__no_answer_in_time__child_killed);
	tcase_add_test(tcase, child_ask__child_dies__no_answer);
	tcase_add_test(tcase, child_ask__child__has_no_descriptor_but_for_the_answer);
	return tcase;
}
