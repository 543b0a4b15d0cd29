/* SPDX-License-Identifier: MIT */
/*
 * Privilege is spent here, in one order, and the spending is proved: a seccomp filter that the
 * caller's parent installed can make any of these calls "succeed" without effect.
 * Raw system calls, because libc's wrappers also synchronise threads that we do not have.
 */
#include "privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPABILITY_WORDS 2
#define CAPABILITIES_MAX 64
#define BIT(capability) (1u << (capability))
#define INITIAL_USER_NAMESPACE 0xEFFFFFFDu /* PROC_USER_INIT_INO, the same since Linux 3.8 */
#define SECCOMP_FILTER 1                   /* SECCOMP_SET_MODE_FILTER */

struct capabilities {
	struct __user_cap_data_struct words[CAPABILITY_WORDS];
};

static int get_capabilities(struct capabilities *capabilities)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return (int)syscall(SYS_capget, &header, capabilities->words);
}

static bool ids_are(uid_t uid, gid_t gid)
{
	uid_t uids[3];
	gid_t gids[3];

	return getresuid(&uids[0], &uids[1], &uids[2]) == 0 &&
	       getresgid(&gids[0], &gids[1], &gids[2]) == 0 && uids[0] == uid && uids[1] == uid &&
	       uids[2] == uid && gids[0] == gid && gids[1] == gid && gids[2] == gid;
}

static int set_ids(uid_t uid, gid_t gid)
{
	if (syscall(SYS_setresgid, gid, gid, gid) != 0 || syscall(SYS_setresuid, uid, uid, uid) != 0)
		return -1;
	if (ids_are(uid, gid))
		return 0;
	errno = EPROTO;
	return -1;
}

int privilege_take(void)
{
	static const unsigned int needed = BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) |
					   BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_CHROOT);
	struct capabilities have;
	struct stat status;

	if (geteuid() != 0) {
		errno = EPERM;
		return -1;
	}
	/* In a user namespace anybody is uid 0; a set-uid exec by another uid cannot happen there. */
	if (getuid() == 0 && (stat("/proc/self/ns/user", &status) != 0 ||
			      status.st_ino != INITIAL_USER_NAMESPACE)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (get_capabilities(&have) != 0)
		return -1;
	if ((have.words[0].effective & needed) != needed) {
		errno = EACCES;
		return -1;
	}
	return set_ids(0, 0);
}

int privilege_give_up(uid_t uid, gid_t gid)
{
	if (geteuid() != 0 && getuid() != 0)
		return 0;
	return set_ids(uid, gid);
}

/* No capability may ever come back, whatever is executed. The first number refused is one past the last. */
static int empty_bounding_set(void)
{
	for (unsigned long i = 0; i < CAPABILITIES_MAX; i++)
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0)
			return errno == EINVAL && i > CAP_SYS_ADMIN ? 0 : -1;
	errno = EPROTO;
	return -1;
}

static bool has_no_capability(void)
{
	struct capabilities have;

	if (get_capabilities(&have) != 0)
		return false;
	for (unsigned int i = 0; i < CAPABILITY_WORDS; i++)
		if (have.words[i].effective | have.words[i].permitted | have.words[i].inheritable)
			return false;
	return true;
}

static bool has_dropped(uid_t uid, gid_t gid)
{
	gid_t groups[2];

	if (!ids_are(uid, gid) || getgroups(2, groups) != 1 || groups[0] != gid || !has_no_capability())
		return false;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == 0;
}

int privilege_drop(uid_t uid, gid_t gid)
{
	static const struct capabilities none;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	/* A root caller may hand down securebits under which uid changes keep capabilities. */
	if (prctl(PR_GET_SECUREBITS) != 0 && prctl(PR_SET_SECUREBITS, 0) != 0)
		return -1;
	if (empty_bounding_set() != 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return -1;
	if (syscall(SYS_setgroups, 1, &gid) != 0 || set_ids(uid, gid) != 0 ||
	    syscall(SYS_capset, &header, none.words) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	/* A change of ids resets it, and until exec our memory is not the user's to look at. */
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_GET_DUMPABLE) != 0)
		return -1;
	if (has_dropped(uid, gid))
		return 0;
	errno = EPROTO;
	return -1;
}

int privilege_supervise(uid_t uid, gid_t gid, uid_t target)
{
	static const struct capabilities none;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	uid_t uids[3];

	/* kill(2): the sender's real or effective uid against the target's real or saved one. */
	if (syscall(SYS_setgroups, 0, NULL) != 0 || syscall(SYS_setresgid, gid, gid, gid) != 0 ||
	    syscall(SYS_setresuid, uid, target, uid) != 0 ||
	    syscall(SYS_capset, &header, none.words) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		return -1;
	if (getresuid(&uids[0], &uids[1], &uids[2]) == 0 && uids[0] == uid && uids[1] == target &&
	    uids[2] == uid && has_no_capability())
		return 0;
	errno = EPROTO;
	return -1;
}

int privilege_filter(const struct record *record)
{
	struct {
		unsigned short length;
		const struct record_instruction *filter;
	} program = {(unsigned short)record->filter_length, record->filter};

	if (record->filter_length == 0)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_FILTER, 0, &program) != 0)
		return -1;
	/* With the filter, EPERM; without it, EBADF. */
	if (syscall(SYS_setns, -1, 0) != 0 && errno == EPERM)
		return 0;
	errno = EPROTO;
	return -1;
}
