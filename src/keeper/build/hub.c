/* SPDX-License-Identifier: MIT */
/*
 * Making the hub. In the host's table stay two mounts: RUNDIR on itself, private, because a
 * namespace file cannot be bound on a shared mount; and on RUNDIR/hub the hub's namespace.
 */
#include "hub.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "auto_free.h"
#include "policy/path.h"
#include "report.h"
#include "state.h"
#include "trampoline/layout.h"
#include "trampoline/paths.h"
#include "tree.h"

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif
#define FIRST_PID_NAMESPACE 4026531836u /* PROC_PID_INIT_INO, include/linux/proc_ns.h */
#define ROOT_ATTRIBUTES (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

int hub_make_run_directory(struct text *error)
{
	if (mkdir(PATHS_RUN, 0700) != 0 && errno != EEXIST)
		return report_fill(error, "make directory", PATHS_RUN, report_if_full(REPORT_RUN));
	return hub_open_run_directory(error);
}

int hub_open_run_directory(struct text *error)
{
	struct stat status;
	AUTO_CLOSE run_fd = path_open_trusted(PATHS_RUN, error);
	if (run_fd < 0)
		return -1;
	if (fstat(run_fd, &status) != 0 || (status.st_mode & 07777) != 0700)
		return report_fill(error, "trust directory", PATHS_RUN,
				   "its mode must be 0700; chmod it");
	return auto_close_take(&run_fd);
}

/* The mount namespace that is pinned as the hub, whoever made it. */
static int open_pinned(int run_fd)
{
	AUTO_CLOSE fd =
		openat(run_fd, LAYOUT_RUN_HUB, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct statfs file_system;
	int kind = fd < 0 ? 0 : -1;

	if (fd >= 0 && fstatfs(fd, &file_system) == 0)
		kind = file_system.f_type == NSFS_MAGIC ? ioctl(fd, NS_GET_NSTYPE) : 0;
	if (kind == CLONE_NEWNS)
		return auto_close_take(&fd);
	errno = kind < 0 ? errno : ENXIO; /* a refused call does not say that there is no hub */
	return -1;
}

int hub_open(const struct namespace_host *host, int run_fd)
{
	AUTO_CLOSE fd = open_pinned(run_fd);
	struct stat status;

	if (fd < 0 || namespace_enter(fd) != 0)
		return -1;
	int error = lstat(LAYOUT_VERSION, &status) == 0 ? 0 : errno;
	if (namespace_enter(host->mount_fd) != 0)
		return -1; /* EPERM or the like, never one of the two that mean something */
	if (error == 0)
		return auto_close_take(&fd);
	errno = error == ENOENT ? ESTALE : error;
	return -1;
}

/* RUNDIR on itself, and private, in the host's namespace. */
static int make_private_mount(int run_fd)
{
	struct mount_attr private = {.propagation = MS_PRIVATE};

	if (!path_is_mount(run_fd)) {
		AUTO_CLOSE tree_fd = tree_clone(run_fd, "");

		if (tree_fd < 0 || tree_attach(tree_fd, AT_FDCWD, PATHS_RUN) != 0)
			return -1;
	}
	return mount_setattr(AT_FDCWD, PATHS_RUN, AT_SYMLINK_NOFOLLOW, &private, sizeof(private));
}

/* The hub's root and what is in it, mounted on RUNDIR of a namespace nobody else sees. */
static int build_root(void)
{
	AUTO_CLOSE root_fd = tree_new_tmpfs("0700", ROOT_ATTRIBUTES);
	AUTO_CLOSE dev_fd = tree_new_tmpfs("0755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);

	AUTO_CLOSE proc_fd = tree_new_proc(ROOT_ATTRIBUTES);

	if (root_fd < 0 || dev_fd < 0 || proc_fd < 0 ||
	    mkdirat(root_fd, &LAYOUT_JAILS[1], 0700) != 0 ||
	    mkdirat(root_fd, &LAYOUT_DEV[1], 0755) != 0 ||
	    mkdirat(root_fd, &LAYOUT_PROC[1], 0755) != 0 ||
	    mkdirat(root_fd, &LAYOUT_STAGE[1], 0700) != 0 ||
	    mkdirat(root_fd, &LAYOUT_VERSION[1], 0700) != 0 ||
	    mknodat(root_fd, &LAYOUT_SEED[1], S_IFREG | 0600, 0) != 0 ||
	    hub_populate_dev(dev_fd) != 0)
		return -1;
	if (tree_attach(root_fd, AT_FDCWD, PATHS_RUN) != 0 || tree_pivot(root_fd) != 0 ||
	    tree_attach(dev_fd, AT_FDCWD, LAYOUT_DEV) != 0)
		return -1;
	return tree_attach(proc_fd, AT_FDCWD, LAYOUT_PROC);
}

/* A namespace with the hub's root alone: copying it costs the same however many pins there are. */
static int make_seed(const struct namespace_host *host, int hub_fd)
{
	AUTO_CLOSE pin_fd = -1;
	AUTO_CLOSE seed_fd = namespace_new(host, hub_fd, hub_fd, &pin_fd);

	if (seed_fd < 0 || umount2(LAYOUT_DEV, MNT_DETACH | UMOUNT_NOFOLLOW) != 0 ||
	    umount2(LAYOUT_PROC, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
		return -1;
	return namespace_enter(hub_fd) != 0 ? -1 : tree_attach(pin_fd, AT_FDCWD, LAYOUT_SEED);
}

/* A pid namespace may be a container's, or only the caller's, with a process 1 of its own. */
static bool is_first_pid_namespace(const struct namespace_host *host)
{
	struct stat status;

	return fstatat(host->proc_fd, "self/ns/pid", &status, 0) == 0 &&
	       status.st_ino == FIRST_PID_NAMESPACE;
}

/* The number of our mount namespace, which is written into the file that the hub is mounted on. */
static void write_maker(const struct namespace_host *host, char maker[static 24])
{
	struct stat status;

	snprintf(maker, 24, "%ju\n",
		 fstat(host->mount_fd, &status) == 0 ? (uintmax_t)status.st_ino : 0);
}

/*
 * Whether a hub may be made here. In a copy of a mount namespace the hub's mount cannot be seen,
 * and unlinking the file that it is on would take it away.
 */
static bool may_make(const struct namespace_host *host, int run_fd)
{
	AUTO_CLOSE fd =
		openat(run_fd, LAYOUT_RUN_HUB, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool is_absent = fd < 0 && errno == ENOENT;
	char maker[24], found[24] = "";
	unsigned long propagation = 0;

	if (is_first_pid_namespace(host))
		return true;
	write_maker(host, maker);
	if (fd >= 0)
		return read(fd, found, sizeof(found) - 1) > 0 && strcmp(found, maker) == 0;
	AUTO_TABLE table = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_fs *fs =
		table ? mnt_table_find_mountpoint(table, PATHS_RUN, MNT_ITER_BACKWARD) : NULL;
	return is_absent && fs && mnt_fs_get_propagation(fs, &propagation) == 0 &&
	       !(propagation & MS_SLAVE);
}

/* A file for the hub's namespace to be mounted on, in the place of what may be in the way. */
static int make_file(const struct namespace_host *host)
{
	char maker[24];

	if (unlink(PATHS_RUN "/" LAYOUT_RUN_HUB) != 0 && errno != ENOENT)
		return -1;
	AUTO_CLOSE fd = open(PATHS_RUN "/" LAYOUT_RUN_HUB,
			     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	write_maker(host, maker);
	return fd >= 0 && write(fd, maker, strlen(maker)) == (ssize_t)strlen(maker) ? 0 : -1;
}

static int make(const struct namespace_host *host, int run_fd)
{
	AUTO_CLOSE pin_fd = -1;

	if (make_private_mount(run_fd) != 0)
		return -1;
	AUTO_CLOSE hub_fd = namespace_new(host, host->mount_fd, host->mount_fd, &pin_fd);
	if (hub_fd < 0 || tree_make_private() != 0 || build_root() != 0 ||
	    make_seed(host, hub_fd) != 0 || namespace_enter(host->mount_fd) != 0)
		return -1;
	/* The commit: until the pin is there, all of it goes with this process. In the way may be a
	 * hub of another layout, or what a hub whose namespace is gone, or a hand, left there. */
	AUTO_CLOSE old_fd = open_pinned(run_fd);
	if (old_fd >= 0 && umount2(PATHS_RUN "/" LAYOUT_RUN_HUB, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
		return -1;
	if (make_file(host) != 0 ||
	    tree_attach(pin_fd, AT_FDCWD, PATHS_RUN "/" LAYOUT_RUN_HUB) != 0)
		return -1;
	return auto_close_take(&hub_fd);
}

int hub_ensure(const struct namespace_host *host, int run_fd, struct text *error)
{
	AUTO_CLOSE lock_fd = open(PATHS_RUN, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	AUTO_CLOSE hub_fd = hub_open(host, run_fd);
	if (hub_fd >= 0)
		return auto_close_take(&hub_fd);
	if (lock_fd < 0 || state_take_lock(lock_fd, true) != 0)
		return report_fill(error, "lock", PATHS_RUN,
				   errno == EINTR ? "busy: another keeper makes the hub; try again"
						  : NULL);
	/* Opened again: somebody may have mounted RUNDIR and made the hub while we waited. */
	AUTO_CLOSE now_fd = hub_open_run_directory(error);
	if (now_fd < 0)
		return -1;
	hub_fd = hub_open(host, now_fd);
	if (hub_fd >= 0)
		return auto_close_take(&hub_fd);
	if (errno != ENXIO && errno != ESTALE)
		return report_fill(error, "look into the hub", PATHS_RUN "/" LAYOUT_RUN_HUB, NULL);
	switch (namespace_is_first()) {
	case 1:
		if (may_make(host, now_fd))
			break;
		return report_fill(error, "make the hub", PATHS_RUN "/" LAYOUT_RUN_HUB,
				   "this pid and mount namespace may be a copy of another, whose "
				   "hub it is; run `trampoline --prepare JAIL' once on the host "
				   "itself, or remove that file if this is a container");
	case 0:
		return report_fill(
			error, "make the hub", PATHS_RUN "/" LAYOUT_RUN_HUB,
			"this is not the mount namespace of process 1, nor may it be entered; "
			"run `trampoline --prepare JAIL' once on the host itself");
	default:
		return report_fill(error, "read", "/proc/1/mountinfo", NULL);
	}
	hub_fd = make(host, now_fd);
	if (hub_fd < 0)
		return report_fill(
			error, "make the hub", PATHS_RUN "/" LAYOUT_RUN_HUB,
			errno == EBUSY
				? "something else is mounted there; unmount it"
				: report_if_full("fs.mount-max or user.max_mnt_namespaces is "
						 "reached" REPORT_CURE));
	return auto_close_take(&hub_fd);
}

int hub_populate_dev(int dev_fd)
{
	/* Numbers: Documentation/admin-guide/devices.txt */
	static const struct {
		const char *name;
		unsigned int major, minor;
	} nodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
		     {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
	static const struct {
		const char *name, *target;
	} links[] = {{"fd", "/proc/self/fd"},
		     {"stdin", "/proc/self/fd/0"},
		     {"stdout", "/proc/self/fd/1"},
		     {"stderr", "/proc/self/fd/2"},
		     {"ptmx", "pts/ptmx"},
		     {"shm",
		      "../tmp"}}; /* POSIX shared memory is the user's own, never another jail's */

	for (size_t i = 0; i < ARRAY_LENGTH(nodes); i++)
		if (mknodat(dev_fd, nodes[i].name, S_IFCHR | 0666,
			    makedev(nodes[i].major, nodes[i].minor)) != 0 ||
		    fchmodat(dev_fd, nodes[i].name, 0666, 0) != 0) /* whatever the umask */
			return -1;
	for (size_t i = 0; i < ARRAY_LENGTH(links); i++)
		if (symlinkat(links[i].target, dev_fd, links[i].name) != 0)
			return -1;
	return mkdirat(dev_fd, "pts", 0755); /* each jail mounts its own devpts there */
}
