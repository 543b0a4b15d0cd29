/* SPDX-License-Identifier: MIT */
/*
 * `keeper ask QUESTION [ARGUMENT]': what trampoline-user and trampoline-image want to know, so that
 * neither reads configuration or /proc in a way of its own. Answers are lines on standard output.
 */
#pragma once

#include <sys/types.h>

#include "build/namespace.h"
#include "trampoline/attributes.h"

/*
 * uid UID       "process N", one that is in the jail of that uid; nothing if there is none
 * mounted DIR   "process N", one that has the directory, or one in it, mounted; or "jail NAME", a
 *               live jail on that image, into which a launcher may be on its way; nothing if there
 *               is neither. A keeper that is building a jail is waited for
 * policy        for each jail's name on standard input: NAME IMAGE, least and greatest uid and gid;
 *               where its policy cannot be read, NAME ? ? ? ? ? and a sentence
 *
 * Exits with a sentence if it cannot answer, or knows no such QUESTION.
 */
void ask_answer(const char *question, const char *argument);

/*
 * Looks for a process that has the directory at FD mounted, or one in it: the image's version, say,
 * that a jail is on. Returns its number, 0 if there is none, or -1 and errno.
 */
pid_t ask_find_mounted(const struct namespace_host *host, int fd) MUST_CHECK;
