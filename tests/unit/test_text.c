/* SPDX-License-Identifier: MIT */
#include "trampoline/text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "unit.h"

static const struct {
	const char *string, *quoted;
} quotations[] = {
	{"", "\"\""},
	{"alice", "\"alice\""},
	{"a b", "\"a b\""},
	{"say \"x\"", "\"say \\\"x\\\"\""},
	{"C:\\", "\"C:\\\\\""},
	{"a\nb\tc\r", "\"a\\u000ab\\u0009c\\u000d\""},
	{"\x1b[2J", "\"\\u001b[2J\""},
	{"\x7f", "\"\\u007f\""},
	{"\xc3\xa9", "\"\\u00c3\\u00a9\""},
	{"\xff", "\"\\u00ff\""},
	{"%s%n", "\"%s%n\""},
};

/* Whether STRING is one whole JSON string: RFC 8259, section 7, of printable ASCII. */
static bool is_json_string(const char *string)
{
	if (*string++ != '"')
		return false;
	while (*string && *string != '"') {
		if (*string < ' ' || *string > '~')
			return false;
		if (*string++ != '\\')
			continue;
		if (*string == 'u') {
			for (int i = 1; i <= 4; i++)
				if (!isxdigit((unsigned char)string[i]))
					return false;
			string += 4;
		} else if (!strchr("\"\\/bfnrt", *string)) {
			return false;
		}
		string++;
	}
	return string[0] == '"' && string[1] == '\0';
}

START_TEST(text_add_quoted__any_string__escaped)
{
	struct text text = {.length = 0};

	text_add_quoted(&text, quotations[_i].string, TEXT_OBJECT_MAX);
	ck_assert_str_eq(text.bytes, quotations[_i].quoted);
	ck_assert_uint_eq(text.length, strlen(quotations[_i].quoted));
}
END_TEST

START_TEST(text_add_quoted__every_byte__valid_json)
{
	for (int byte = 1; byte < 256; byte++) {
		const char string[] = {'a', (char)byte, 'b', '\0'};
		struct text text = {.length = 0};

		text_add_quoted(&text, string, TEXT_OBJECT_MAX);
		ck_assert_msg(is_json_string(text.bytes), "%s", text.bytes);
	}
}
END_TEST

START_TEST(text_add_quoted__longer_than_most__cut_and_marked)
{
	struct text text = {.length = 0};

	text_add_quoted(&text, "abcd", 4);
	ck_assert_str_eq(text.bytes, "\"abcd\"");
	text.length = 0;
	text_add_quoted(&text, "abcde", 4);
	ck_assert_str_eq(text.bytes, "\"abcd...\"");
	text.length = 0;
	text_add_quoted(&text, "\n\n\n", 2);
	ck_assert_str_eq(text.bytes, "\"\\u000a\\u000a...\"");
}
END_TEST

START_TEST(text_add__more_than_fits__cut_and_terminated)
{
	struct text text = {.length = 0};

	for (size_t i = 0; i < TEXT_SIZE; i++)
		text_add(&text, "abc");
	ck_assert_uint_eq(text.length, TEXT_SIZE - 1);
	ck_assert_uint_eq(strlen(text.bytes), TEXT_SIZE - 1);
	text_add_number(&text, 5);
	text_add_quoted(&text, "x", 1);
	ck_assert_uint_eq(text.length, TEXT_SIZE - 1);
}
END_TEST

START_TEST(text_add_number__extremes__decimal)
{
	struct text text = {.length = 0};

	text_add_number(&text, 0);
	text_add(&text, " ");
	text_add_number(&text, 1234567890);
	text_add(&text, " ");
	text_add_number(&text, UINT64_MAX);
	ck_assert_str_eq(text.bytes, "0 1234567890 18446744073709551615");
}
END_TEST

START_TEST(text_refuse__object_or_none__one_grammar)
{
	struct text text = {.length = 0};

	text_add(&text, "what stood here before");
	ck_assert_int_eq(text_refuse(&text, "open", "a\nb", "no"), -1);
	ck_assert_str_eq(text.bytes, "cannot open \"a\\u000ab\": no");
	ck_assert_int_eq(text_refuse(&text, "run", NULL, "no jail"), -1);
	ck_assert_str_eq(text.bytes, "cannot run: no jail");
	ck_assert_uint_eq(text.length, strlen(text.bytes));
}
END_TEST

START_TEST(text_refuse__longest_object__reason_still_there)
{
	char object[4096];
	struct text text;

	memset(object, '\xff', sizeof(object));
	object[sizeof(object) - 1] = '\0';
	ck_assert_int_eq(text_refuse(&text, "use option", object, "it is unknown"), -1);
	ck_assert_ptr_nonnull(strstr(text.bytes, "...\": it is unknown"));
}
END_TEST

START_TEST(text_reason__filter__named_for_what_it_can_answer)
{
	ck_assert_str_eq(text_reason(EPERM, false), strerror(EPERM));
	ck_assert_str_eq(text_reason(ENOENT, true), strerror(ENOENT));
	ck_assert_ptr_nonnull(strstr(text_reason(EPERM, true), "the caller's unit filters"));
	ck_assert_str_eq(text_reason(ENOSYS, true), text_reason(EPERM, true));
	ck_assert_str_eq(text_reason(EPROTO, true), text_reason(EPERM, true));
}
END_TEST

TCase *unit_text(void)
{
	TCase *tcase = tcase_create("text");

	add_table(tcase, text_add_quoted__any_string__escaped, quotations);
	tcase_add_test(tcase, text_add_quoted__every_byte__valid_json);
	tcase_add_test(tcase, text_add_quoted__longer_than_most__cut_and_marked);
	tcase_add_test(tcase, text_add__more_than_fits__cut_and_terminated);
	tcase_add_test(tcase, text_add_number__extremes__decimal);
	tcase_add_test(tcase, text_refuse__object_or_none__one_grammar);
	tcase_add_test(tcase, text_refuse__longest_object__reason_still_there);
	tcase_add_test(tcase, text_reason__filter__named_for_what_it_can_answer);
	return tcase;
}
