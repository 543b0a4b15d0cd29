/* SPDX-License-Identifier: MIT */
/* What the unit tests share. Each room has one case, and each test runs in its own process. */
#pragma once

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>

#include "trampoline/attributes.h"
#include "trampoline/text.h"

/* Runs TEST once for each row of TABLE, as _i. */
#define add_table(tcase, test, table) tcase_add_loop_test(tcase, test, 0, (int)ARRAY_LENGTH(table))

/* A refusal is one sentence of our grammar, and says this. */
#define assert_refused(result, error, words)                                                       \
	do {                                                                                       \
		ck_assert_int_eq(result, -1);                                                      \
		ck_assert_msg(!strncmp((error).bytes, "cannot ", 7) &&                             \
				      strstr((error).bytes, words) != NULL,                        \
			      "\"%s\" does not say \"%s\"", (error).bytes, words);                 \
	} while (0)

/* Succeeds, or the sentence is what the test says. */
#define assert_done(result, error) ck_assert_msg((result) == 0, "refused: %s", (error).bytes)

/*
 * Scratch directories are tmpfs mounts in a mount namespace of the test's own, so the kernel takes
 * them away, however the test ends, and what is below them on the host is neither seen nor touched.
 */
#define UNIT_SCRATCH "/mnt"
bool unit_can_mount(void);
void unit_mount_scratch(void);          /* an empty UNIT_SCRATCH, root's, 0755 */
void unit_mount_over(const char *path); /* an empty directory PATH in an otherwise empty tree */

void unit_make_directory(const char *path, unsigned int mode, uid_t owner);
void unit_write(const char *path, const char *bytes, size_t length, unsigned int mode);
void unit_write_text(const char *path, const char *text);

/*
 * What an emulator (qemu-user) may not have: seccomp(2), the mount's number in statx(2), and
 * openat2(2). A test that needs one is left out without it, and main() says so.
 */
bool unit_has_filters(void);
bool unit_has_mount_ids(void);
bool unit_has_openat2(void);

/* Runs FUNCTION in a child: its exit status, and in OUTPUT what it wrote to standard error. */
int unit_run(void (*function)(void), char *output, size_t size);

/* Rooms that need no privilege. */
TCase *unit_name(void), *unit_quantity(void), *unit_limit(void), *unit_text(void),
	*unit_arguments(void), *unit_record(void), *unit_environment(void), *unit_key(void),
	*unit_config(void), *unit_filter(void), *unit_inside(void), *unit_report(void),
	*unit_run_merge(void), *unit_layout(void), *unit_child(void);

/* Rooms that are tested on files, so as root. */
TCase *unit_record_file(void), *unit_config_file(void), *unit_path(void), *unit_image(void),
	*unit_jail(void), *unit_state(void), *unit_privilege(void), *unit_hub(void),
	*unit_inside_process(void);
