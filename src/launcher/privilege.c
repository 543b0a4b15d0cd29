/* SPDX-License-Identifier: MIT */
/*
 * Privilege is spent here, in one order, and the spending is proved: a seccomp filter that the
 * caller's parent installed can make any of these calls "succeed" without effect.
 * Raw system calls, because libc's wrappers also synchronise threads that we do not have.
 */
#include "privilege.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trampoline/proof.h"

#define CAPABILITY_WORDS 2
#define BIT(capability) (1u << (capability))
#define INITIAL_USER_NAMESPACE 0xEFFFFFFDu /* PROC_USER_INIT_INO, the same since Linux 3.8 */
#define SECCOMP_FILTER 1                   /* SECCOMP_SET_MODE_FILTER */

static int get_capabilities(struct __user_cap_data_struct have[static CAPABILITY_WORDS])
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return (int)syscall(SYS_capget, &header, have);
}

/* Sets all three uids and gids; and looks at whether it is so. */
static int set_ids(uid_t uid, gid_t gid)
{
	uid_t uids[3];
	gid_t gids[3];

	if (syscall(SYS_setresgid, gid, gid, gid) != 0 ||
	    syscall(SYS_setresuid, uid, uid, uid) != 0 ||
	    getresuid(&uids[0], &uids[1], &uids[2]) != 0 ||
	    getresgid(&gids[0], &gids[1], &gids[2]) != 0)
		return -1;
	return proof_of(uids[0] == uid && uids[1] == uid && uids[2] == uid && gids[0] == gid &&
			gids[1] == gid && gids[2] == gid);
}

const char *privilege_take(void)
{
	static const unsigned int needed = BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) |
					   BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_CHROOT);
	struct __user_cap_data_struct have[CAPABILITY_WORDS];
	struct stat status = {.st_ino = 0};

	if (getauxval(AT_EUID) != 0)
		return "the program is not setuid root here: its bit is lost, its file system is "
		       "mounted nosuid, the caller has no_new_privs, or this is a user namespace";
	/* In a user namespace anybody is uid 0; no set-uid exec by another uid happens there. */
	if (getauxval(AT_UID) == 0 && stat("/proc/self/ns/user", &status) != 0)
		return "";
	if (getauxval(AT_UID) == 0 && status.st_ino != INITIAL_USER_NAMESPACE)
		return "this is a user namespace, and its root is not the host's";
	if (get_capabilities(have) != 0)
		return "";
	if ((have[0].effective & needed) != needed)
		return "a capability is missing: the caller's bounding set is reduced";
	return set_ids(0, 0) == 0 ? NULL : "";
}

int privilege_give_up(uid_t uid, gid_t gid)
{
	return geteuid() != 0 && getuid() != 0 ? 0 : set_ids(uid, gid);
}

/*
 * The capabilities in MASK, of the first 32, and no others; and no look at our memory. The ambient
 * set is what is both permitted and inheritable, so it goes with them: capabilities(7).
 */
static int keep_capabilities(unsigned int mask)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct have[CAPABILITY_WORDS] = {{mask, mask, 0}};

	if (syscall(SYS_capset, &header, have) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
	    get_capabilities(have) != 0)
		return -1;
	return proof_of(have[0].effective == mask && have[0].permitted == mask &&
			have[0].inheritable == 0 && have[1].effective == 0 &&
			have[1].permitted == 0 && have[1].inheritable == 0 &&
			prctl(PR_GET_DUMPABLE) == 0);
}

/*
 * The bounding set stays: with no_new_privs, and nothing permitted or inheritable, no exec adds a
 * capability, and a user namespace, where the policy lets a user make one, has a full set anyway.
 */
int privilege_drop(const struct record *record)
{
	gid_t groups[RECORD_GROUPS_MAX];

	/* A root caller may hand down securebits under which uid changes keep capabilities. */
	if (prctl(PR_GET_SECUREBITS) != 0 && prctl(PR_SET_SECUREBITS, 0) != 0)
		return -1;
	if (syscall(SYS_setgroups, record->group_count, record->groups) != 0 ||
	    set_ids(record->uid, record->gid) != 0 || keep_capabilities(0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	/* The kernel keeps them in ascending order, too. */
	return proof_of(getgroups(RECORD_GROUPS_MAX, groups) == (int)record->group_count &&
			!memcmp(groups, record->groups, record->group_count * sizeof(gid_t)) &&
			prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

int privilege_supervise(uid_t uid, gid_t gid)
{
	struct __user_cap_data_struct have[CAPABILITY_WORDS];

	if (get_capabilities(have) != 0)
		return -1;
	if (!(have[0].effective & BIT(CAP_KILL))) {
		errno = EACCES;
		return -1;
	}
	/*
	 * The child gets its parent-death signal only if the dying parent may signal it, so this
	 * process must have CAP_KILL in effect at every moment, also while its ids change.
	 */
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0)
		return -1;
	/* The watcher executes nothing, so the bounding set may stay. */
	bool is_watcher = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
			  syscall(SYS_setgroups, 0, NULL) == 0 && set_ids(uid, gid) == 0 &&
			  keep_capabilities(BIT(CAP_KILL)) == 0;
	return is_watcher ? 0 : -1;
}

int privilege_filter(const struct record *record)
{
	struct {
		unsigned short length;
		const struct record_instruction *filter;
	} program = {(unsigned short)record->filter_length, record_filter(record)};

	if (record->filter_length == 0)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_FILTER, 0, &program) != 0)
		return -1;
	/* With the filter, EPERM; without it, EBADF. */
	return proof_of(syscall(SYS_setns, -1, 0) != 0 && errno == EPERM);
}
