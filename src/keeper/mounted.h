/* SPDX-License-Identifier: MIT */
/* What a process has mounted, as the kernel's own table tells it: no file is looked at. */
#pragma once

#include <libmount.h>
#include <sys/types.h>

#include "namespace.h"
#include "trampoline/attributes.h"
#include "trampoline/name.h"

/*
 * The mount table of PROCESS, a number or "self", for AUTO_TABLE; NULL and errno, as open(2) and
 * read(2) of the file have it.
 */
struct libmnt_table *mounted_read(const struct namespace_home *home, const char *process);

/*
 * The name of the jail that PROCESS is in, as its /home tells, which is DATA/NAME/home. Empty if it
 * does not, as where the user has made mount namespaces without our mounts.
 */
void mounted_name(const struct namespace_home *home, pid_t process,
		  char name[static NAME_LENGTH_MAX + 1]);

/*
 * Looks for a process that has the directory at FD mounted, or one in it: the image's version, say,
 * that a jail is on. 0: nobody; its number; -1 and errno.
 */
pid_t mounted_find(const struct namespace_home *home, int fd) MUST_CHECK;
