/* SPDX-License-Identifier: MIT */
/* The effect, not the return values: what the kernel says that this namespace holds. */
#include "verify.h"

#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "report.h"
#include "tree.h"

static bool is_origin(const char *path, const struct record_origin *origin)
{
	struct stat status;

	return stat(path, &status) == 0 && status.st_dev == origin->device &&
	       status.st_ino == origin->inode;
}

/* Its attributes have the numbers of mount(2)'s flags. */
static bool has_attributes(struct libmnt_fs *fs, uint64_t attributes)
{
	const char *options = mnt_fs_get_vfs_options(fs);
	unsigned long flags = 0;

	return options &&
	       mnt_optstr_get_flags(options, &flags, mnt_get_builtin_optmap(MNT_LINUX_MAP)) == 0 &&
	       (flags & attributes) == attributes;
}

static int check(struct libmnt_table *table, const struct jail_mount *mount, struct text *error)
{
	struct libmnt_fs *fs = mnt_table_find_target(table, mount->path, MNT_ITER_BACKWARD);
	unsigned long propagation = 0;

	if (!fs)
		return report_fill(error, "find the mount on", mount->path,
				   "it was made, and is not there");
	/* A devpts of its own is bounded by its options, as the kernel shows them. */
	if (!has_attributes(fs, mount->attributes) ||
	    (!mount->origin && !mount->shared && !mnt_fs_match_options(fs, TREE_PTS_OPTIONS)))
		return report_fill(error, "restrict the mount on", mount->path,
				   "the kernel did not set all of its flags");
	/* libmount's word for a private mount is MS_PRIVATE, or nothing where no tag is shown. */
	if (mnt_fs_get_propagation(fs, &propagation) != 0 ||
	    (propagation & ~(unsigned long)MS_PRIVATE))
		return report_fill(error, "make private the mount on", mount->path, "it is shared");
	if (mount->origin && !is_origin(mount->path, mount->origin))
		return report_fill(error, "mount the right directory on", mount->path,
				   "another one is there");
	return 0;
}

int verify_jail(const struct namespace_host *host, const struct jail *jail, struct text *error)
{
	struct jail_mount mounts[JAIL_MOUNTS_MAX];
	size_t count = jail_mounts(jail, mounts);
	AUTO_TABLE table = namespace_mounts(host, 0);
	char path[sizeof("/home/") + sizeof(jail->record.name)];

	if (!table)
		return report_fill(error, "read the mounts of jail", jail->record.name, NULL);
	for (size_t i = 0; i < count; i++)
		if (check(table, &mounts[i], error) != 0)
			return -1;
	if (mnt_table_get_nents(table) != (int)count)
		return report_fill(error, "enter jail", jail->record.name,
				   "it has mounts that nobody asked for");
	if (has_attributes(mnt_table_find_target(table, "/", MNT_ITER_BACKWARD), MS_NOEXEC))
		return report_fill(error, "use image", jail->record.image,
				   "its file system is mounted noexec: nothing could be run");
	snprintf(path, sizeof(path), "/home/%s", jail->record.name);
	if (!is_origin(path, &jail->record.origins[RECORD_HOME]))
		return report_fill(error, "mount the home on", path, "another one is there");
	return 0;
}
