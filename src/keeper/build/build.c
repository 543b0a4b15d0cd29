/* SPDX-License-Identifier: MIT */
/*
 * From a description to a live jail. Nothing is visible until it is verified; the record is the
 * commit. Killed at any point before that, the kernel undoes what only this process held, and what
 * is left (a lock, a pin without a record) is what the next build replaces.
 */
#include "build.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "auto_free.h"
#include "cgroup.h"
#include "clock.h"
#include "hub.h"
#include "pin.h"
#include "policy/jail.h"
#include "privilege.h"
#include "report.h"
#include "state.h"
#include "trampoline/layout.h"
#include "tree.h"
#include "verify.h"

/* A jail's mounts, and of each the detached tree that will be it. */
struct trees {
	struct jail_mount mounts[JAIL_MOUNTS_MAX];
	int fds[JAIL_MOUNTS_MAX];
	size_t count;
};

/* Exits where the jail may not be built, or not for CALLER. */
static void describe(struct jail *jail, const char *name, uid_t caller)
{
	struct text error;
	bool is_described =
		jail_describe(jail, name, &error) == 0 && cgroup_check(&jail->config, &error) == 0;

	if (is_described && record_admits(&jail->record, caller))
		return;
	if (is_described)
		(void)report_fill(&error, "enter jail", name,
				  "this caller may not; `callers' is set in trampoline.conf");
	/* The policy, as far as it could be read, says whether the log hears of it. */
	if (jail->config.policy.flags & RECORD_LOG_REFUSALS)
		report_log("uid %u: %s", caller, error.bytes);
	report_die(&error);
}

/* Makes the trees whose sources are the host's, or, in the hub, all others, restricted at once. */
static void make_trees(struct trees *trees, bool is_in_hub, const char *name)
{
	char action[64];

	for (size_t i = 0; i < trees->count; i++) {
		const struct jail_mount *mount = &trees->mounts[i];

		if ((mount->source_fd < 0) != is_in_hub)
			continue;
		snprintf(action, sizeof(action), "mount %s of jail", mount->path);
		trees->fds[i] = !is_in_hub      ? tree_clone(mount->source_fd, "")
				: mount->shared ? tree_clone(AT_FDCWD, mount->shared)
						: tree_new_pts(mount->attributes);
		if (trees->fds[i] < 0 || tree_restrict(trees->fds[i], mount->attributes) != 0)
			report_refuse(action, name, report_if_full(REPORT_MOUNTS));
	}
}

/* In the new namespace: the image on the stage, the rest in it, and then it is the root. */
static void assemble(const struct trees *trees, const char *name)
{
	int root_fd = trees->fds[0];

	if (tree_make_private() != 0 || tree_attach(root_fd, AT_FDCWD, LAYOUT_STAGE) != 0)
		report_refuse("mount the image for jail", name, report_if_full(REPORT_MOUNTS));
	for (size_t i = 1; i < trees->count; i++)
		if (tree_attach(trees->fds[i], root_fd, trees->mounts[i].path + 1) != 0)
			report_refuse("mount in the image on", trees->mounts[i].path,
				      errno == ENOENT || errno == ENOTDIR || errno == ELOOP
					      ? "the image must have a real directory there; see "
						"trampoline-image audit"
					      : report_if_full(REPORT_MOUNTS));
	if (tree_pivot(root_fd) != 0)
		report_refuse("change the root of jail", name, NULL);
}

/* The number of a namespace. None is 0: in a record that would say the host's. */
static uint64_t inode_of(int fd, const char *name)
{
	struct stat status = {.st_ino = 0};

	if (fstat(fd, &status) != 0 || status.st_ino == 0)
		report_refuse("look at the namespaces of jail", name, NULL);
	return status.st_ino;
}

/* A pin of the namespace of KIND that was made, if RESULT is 0. Returns its number. */
static uint64_t pin_namespace(const struct namespace_host *host, const char *kind, int result,
			      int *pin_fd, const char *name, const char *limit)
{
	char action[64];
	AUTO_CLOSE fd = result == 0 ? namespace_open(host, kind) : -1;

	*pin_fd = fd < 0 ? -1 : tree_clone(fd, "");
	snprintf(action, sizeof(action), "make the %s namespace of jail", kind);
	if (*pin_fd < 0)
		report_refuse(action, name, report_if_full(limit));
	return inode_of(fd, name);
}

/* In the hub. Returns with the process in the jail's new namespace. */
static void make_mounts(const struct namespace_host *host, int hub_fd, struct jail *jail,
			struct trees *trees, int *pin_fd)
{
	const char *name = jail->record.name;
	struct text error;
	AUTO_CLOSE seed_fd = open(LAYOUT_SEED, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	make_trees(trees, true, name);
	AUTO_CLOSE mount_fd = seed_fd < 0 ? -1 : namespace_new(host, seed_fd, hub_fd, pin_fd);
	if (mount_fd < 0)
		report_refuse("make a mount namespace for jail", name,
			      report_if_full(REPORT_MOUNT_NAMESPACES));
	assemble(trees, name);
	if (verify_jail(host, jail, &error) != 0)
		report_die(&error);
	jail->record.mount_namespace = inode_of(mount_fd, name);
}

/*
 * Whether errno says that an administrator has deleted the jail's directory, which is its lock, so
 * that another keeper may be building the same jail. The launcher then finds no record, and starts
 * a keeper again.
 */
static bool is_overtaken(void)
{
	return errno == EEXIST || errno == ENOENT;
}

static void build(const struct namespace_host *host, int hub_fd, int directory_fd,
		  struct jail *jail)
{
	const char *name = jail->record.name;
	int pin_fds[PIN_KINDS] = {-1, -1, -1};
	struct trees trees;
	struct text error;

	if (cgroup_make(&jail->config, name, &jail->record.origins[RECORD_CGROUP], &error) != 0)
		report_die(&error);
	trees.count = jail_mounts(jail, trees.mounts);
	make_trees(&trees, false, name);
	if (jail->config.is_ipc_private)
		jail->record.ipc_namespace =
			pin_namespace(host, "ipc", namespace_unshare(host, "ipc", CLONE_NEWIPC),
				      &pin_fds[PIN_IPC], name, REPORT_IPC_NAMESPACES);
	if (jail->config.is_network_private)
		jail->record.network_namespace =
			pin_namespace(host, "net", namespace_new_network(host),
				      &pin_fds[PIN_NETWORK], name, REPORT_NETWORK_NAMESPACES);
	if (namespace_enter_surely(host, hub_fd) != 0)
		report_refuse("enter the hub for jail", name, NULL);
	make_mounts(host, hub_fd, jail, &trees, &pin_fds[PIN_MOUNT]);
	/* The record first, then the pins, as retire() in retire.c does. */
	if (namespace_enter_surely(host, hub_fd) != 0)
		report_refuse("enter the hub for jail", name, NULL);
	if (state_withdraw(directory_fd, name, true, &error) != 0)
		report_die(&error);
	if (pin_remove(name) != 0)
		report_refuse("retire the old jail", name, NULL);
	if (pin_attach(name, jail->record.uid, pin_fds) != 0 && !is_overtaken())
		report_refuse("pin jail", name, report_if_full(REPORT_MOUNTS));
	jail->record.built_ns = clock_boottime_ns();
	if (state_publish(directory_fd, &jail->record) != 0 && !is_overtaken())
		report_refuse("write the record of jail", name, report_if_full(REPORT_RUN));
}

/* Whether the jail is live already: its record is believed, current, and of the pins there. */
static bool is_live(const struct namespace_host *host, int hub_fd, int directory_fd,
		    const char *name)
{
	struct record record;

	if (state_read(directory_fd, name, &record) != 0 || !record_is_current(&record))
		return false;
	if (namespace_enter(hub_fd) != 0)
		return false;
	bool is_pinned = pin_inode(name, PIN_MOUNT) == record.mount_namespace &&
			 pin_inode(name, PIN_IPC) == record.ipc_namespace &&
			 pin_inode(name, PIN_NETWORK) == record.network_namespace;
	if (namespace_enter(host->mount_fd) != 0)
		report_refuse("return to the host for jail", name, NULL);
	return is_pinned;
}

void build_jail(const char *name, uid_t caller)
{
	struct namespace_host host;
	struct jail jail;
	struct text error;

	if (privilege_lower(PRIVILEGE_BUILD) != 0)
		report_refuse("lower the keeper's privilege", NULL, NULL);
	describe(&jail, name, caller); /* refuses before anything is made */
	if (namespace_remember(&host) != 0)
		report_refuse("open", "/proc", NULL);
	int run_fd = hub_make_run_directory(&error);
	int hub_fd = run_fd < 0 ? -1 : hub_ensure(&host, run_fd, &error);
	int directory_fd = hub_fd < 0 ? -1 : state_lock(run_fd, name, true, &error);
	if (directory_fd < 0)
		report_die(&error);
	if (is_live(&host, hub_fd, directory_fd, name))
		return;
	if (!record_is_current(&jail.record)) { /* it has changed while we waited */
		jail_close(&jail);
		describe(&jail, name, caller);
	}
	build(&host, hub_fd, directory_fd, &jail);
}
