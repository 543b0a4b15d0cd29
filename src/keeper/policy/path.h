/* SPDX-License-Identifier: MIT */
/* Where things are, and names into descriptors: component by component, through no symlink. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "trampoline/attributes.h"
#include "trampoline/record.h"
#include "trampoline/text.h"

/*
 * An O_PATH descriptor of the directory PATH (absolute), each component of which is a directory of
 * root's that nobody else can write to. A sticky parent such as /tmp may be writable: there only
 * an owner can rename an entry, and the entry is checked. -1, and a sentence naming the component.
 */
int path_open_trusted(const char *path, struct text *error) MUST_CHECK;

/* The same for NAME in DIRECTORY_FD, a trusted directory called PATH in the sentence. */
int path_open_trusted_at(int directory_fd, const char *path, const char *name,
			 struct text *error) MUST_CHECK;

/*
 * An O_PATH descriptor of the directory NAME in DIRECTORY_FD, whoever owns it: O_PATH opens no
 * device and waits for no fifo. -1 and errno: ENOTDIR also for a symlink.
 */
int path_open_directory(int directory_fd, const char *name) MUST_CHECK;

/*
 * A readable descriptor of the regular file NAME in DIRECTORY_FD, if it is root's and only root can
 * write it. -1 and errno: EACCES if it is not so.
 */
int path_open_file(int directory_fd, const char *name) MUST_CHECK;

/*
 * An O_PATH descriptor of PATH, from DIRECTORY_FD if it is relative, through no symlink. Not by
 * openat2(2), which RestrictSUIDSGID= of the caller's systemd unit takes away. -1 and errno: ELOOP
 * or ENOTDIR for a symlink.
 */
int path_open_plain(int directory_fd, const char *path) MUST_CHECK;

/*
 * Reads the file PATH, whose directory is DIRECTORY_FD, into the SIZE bytes of TEXT, of which one
 * stays free, if path_open_file() opens it. Fills its ORIGIN but the path. Its length; or -1
 * with a sentence in *ERROR, or none and errno ENOENT if there is no such file.
 */
ssize_t path_read_file(int directory_fd, const char *path, char *text, size_t size,
		       struct record_origin *origin, struct text *error) MUST_CHECK;

/*
 * An O_PATH descriptor of the directory PATH (relative) below DIRECTORY_FD, on the same mount and
 * through no symlink, if it is root's alone. -1 and errno: EXDEV if something is mounted there,
 * EACCES if it is not root's or others may write to it.
 */
int path_open_own(int directory_fd, const char *path) MUST_CHECK;

/*
 * An O_PATH descriptor of the directory, file or socket that is to be bound, ORIGIN->path, and the
 * rest of *ORIGIN. Its parents are trusted, and it may be anybody's: only root can put another one
 * there. -1 and a sentence, also if the image at IMAGE_FD has not the like of it at PLACE.
 */
int path_open_bind(struct record_origin *origin, int image_fd, const char *place,
		   struct text *error) MUST_CHECK;

/* Whether something is mounted on the directory at FD. */
bool path_is_mount(int fd);

/* Writes the path of a source, for jail JAIL and image IMAGE (NULL where it matters not). */
void path_of_origin(enum record_source source, const char *jail, const char *image,
		    char path[static RECORD_PATH_MAX]);

/* Fills *ORIGIN but its path from the thing itself, open at FD. -1 and errno. */
int path_read_origin(int fd, struct record_origin *origin) MUST_CHECK;

/*
 * An O_PATH descriptor of the version that images/IMAGE/current names, and that name in VERSION.
 * Every directory down to it is trusted. -1, and a sentence in *ERROR.
 */
int path_open_image(const char *image, char version[static NAME_LENGTH_MAX + 1],
		    struct text *error) MUST_CHECK;

/*
 * Whether PATH (absolute) is an executable file for who has ROOT_FD as root. Where a filter refuses
 * openat2(2), an absolute symlink on the way leads through our own root: the answer may be wrong.
 */
bool path_is_program(int root_fd, const char *path);
