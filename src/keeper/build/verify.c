/* SPDX-License-Identifier: MIT */
/* The effect, not the return values: what the kernel says that this namespace holds. */
#include "verify.h"

#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "report.h"

struct expected {
	const char *path, *flags; /* flags: comma-separated, each must be set */
	bool is_wanted;
	const struct record_origin *origin; /* whose root it must be, or NULL */
};

static bool has_flags(struct libmnt_fs *fs, const char *flags)
{
	const char *options = mnt_fs_get_vfs_options(fs);
	char copy[64], *rest = copy, *flag, *value;
	size_t length;

	snprintf(copy, sizeof(copy), "%s", flags);
	while ((flag = strsep(&rest, ",")))
		if (!options || mnt_optstr_get_option(options, flag, &value, &length) != 0)
			return false;
	return true;
}

static bool is_origin(const char *path, const struct record_origin *origin)
{
	struct stat status;

	return stat(path, &status) == 0 && status.st_dev == origin->device &&
	       status.st_ino == origin->inode;
}

static int check(struct libmnt_table *table, const struct expected *expected, struct text *error)
{
	struct libmnt_fs *fs = mnt_table_find_target(table, expected->path, MNT_ITER_BACKWARD);
	unsigned long propagation = 0;

	if (!fs)
		return report_fill(error, "find the mount on", expected->path,
				   "it was made, and is not there");
	if (!has_flags(fs, expected->flags))
		return report_fill(error, "restrict the mount on", expected->path,
				   "the kernel did not set all of its flags");
	/* libmount's word for a private mount is MS_PRIVATE, or nothing where no tag is shown. */
	if (mnt_fs_get_propagation(fs, &propagation) != 0 ||
	    (propagation & ~(unsigned long)MS_PRIVATE))
		return report_fill(error, "make private the mount on", expected->path,
				   "it is shared");
	if (expected->origin && !is_origin(expected->path, expected->origin))
		return report_fill(error, "mount the right directory on", expected->path,
				   "another one is there");
	return 0;
}

int verify_jail(const struct namespace_home *home, const struct jail *jail, struct text *error)
{
	const struct record_origin *origins = jail->record.origins;
	const char *users = jail->config.is_noexec ? "nosuid,nodev,noexec" : "nosuid,nodev";
	const struct expected all[] = {
		{"/", "ro,nosuid,nodev", true, &origins[RECORD_IMAGE]},
		{"/home", users, true, &origins[RECORD_BASE]},
		{"/tmp", users, true, &origins[RECORD_TMP]},
		{"/dev", "ro,nosuid,noexec", jail->config.has_dev, NULL},
		{"/proc", "nosuid,nodev,noexec", jail->config.has_proc, NULL},
	};
	AUTO_TABLE table = namespace_mounts(home, 0);
	char path[sizeof("/home/") + sizeof(jail->record.name)];
	int count = 0;

	if (!table)
		return report_fill(error, "read the mounts of jail", jail->record.name, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		if (!all[i].is_wanted)
			continue;
		count++;
		if (check(table, &all[i], error) != 0)
			return -1;
	}
	if (mnt_table_get_nents(table) != count)
		return report_fill(error, "enter jail", jail->record.name,
				   "it has mounts that nobody asked for");
	if (has_flags(mnt_table_find_target(table, "/", MNT_ITER_BACKWARD), "noexec"))
		return report_fill(error, "use image", jail->config.image,
				   "its file system is mounted noexec: nothing could be run");
	snprintf(path, sizeof(path), "/home/%s", jail->record.name);
	if (!is_origin(path, &origins[RECORD_HOME]))
		return report_fill(error, "mount the home on", path, "another one is there");
	return 0;
}
