/* SPDX-License-Identifier: MIT */
/* images/NAME/current is the one symlink we follow: one name, of a directory beside it. */
#include "image.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "origin.h"
#include "path.h"
#include "report.h"
#include "trampoline/paths.h"

/* One path component, not hidden, of letters that need no quoting anywhere. */
static bool is_version(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";
	size_t length = strlen(name);

	return length > 0 && length <= NAME_LENGTH_MAX && name[0] != '.' &&
	       strspn(name, letters) == length;
}

int image_open(const char *image, char version[static NAME_LENGTH_MAX + 1], struct text *error)
{
	char path[PATH_MAX], current[RECORD_PATH_MAX], link[NAME_LENGTH_MAX + 2];

	snprintf(path, sizeof(path), PATHS_IMAGES "/%s", image);
	AUTO_CLOSE image_fd = path_open_trusted(path, error);
	if (image_fd < 0)
		return -1;
	origin_path(RECORD_IMAGE, NULL, image, current);
	ssize_t length = readlinkat(image_fd, "current", link, sizeof(link) - 1);
	if (length < 0)
		return report_fill(
			error, "read link", current,
			errno == ENOENT   ? "no version is current; use trampoline-image activate"
			: errno == EINVAL ? "it is no symbolic link; move it away and use "
					    "trampoline-image activate"
					  : NULL);
	link[length] = '\0';
	if (!is_version(link))
		return report_fill(error, "use image version", link,
				   "`current' must name a version that is beside it, of letters, "
				   "digits and _.-");
	memcpy(version, link, (size_t)length + 1); /* is_version() bounds it */
	return path_open_trusted_at(image_fd, path, version, error);
}
