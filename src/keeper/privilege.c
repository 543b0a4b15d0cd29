/* SPDX-License-Identifier: MIT */
/* The keeper needs few of root's capabilities; libcap takes the others away. */
#include "privilege.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/capability.h>
#include <unistd.h>

#define BIT(capability) (UINT64_C(1) << (capability))
#define LOOK (BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_CHROOT) | BIT(CAP_SYS_PTRACE))
#define NOBODYS_UID 4294967294u /* the highest: no jail may have it, nor does any account */

int privilege_lower(enum privilege_step step)
{
	/* setns to a mount namespace wants both SYS_ADMIN and SYS_CHROOT: setns(2). */
	static const uint64_t kept[] = {
		[PRIVILEGE_BUILD] = BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_CHROOT) | BIT(CAP_MKNOD) |
				    BIT(CAP_NET_ADMIN) | BIT(CAP_DAC_OVERRIDE),
		[PRIVILEGE_RETIRE] = LOOK | BIT(CAP_SETUID),
		[PRIVILEGE_LOOK] = LOOK,
	};
	cap_t now = cap_get_proc(), wanted = cap_init();
	int result = now && wanted ? 0 : -1;
	cap_flag_value_t has = CAP_CLEAR;

	for (cap_value_t value = 0; result == 0 && value < cap_max_bits(); value++) {
		if (!(kept[step] & BIT(value)))
			continue;
		if (cap_get_flag(now, value, CAP_PERMITTED, &has) == 0 && has == CAP_SET) {
			result = cap_set_flag(wanted, CAP_PERMITTED, 1, &value, CAP_SET);
		} else if (value == CAP_SYS_PTRACE) {
			/* The call that wants another one will say so; a look at the processes
			 * would not: the kernel hides them, and a jail in use looks empty. */
			errno = EPERM;
			result = -1;
		}
	}
	if (result == 0 &&
	    (cap_fill(wanted, CAP_EFFECTIVE, CAP_PERMITTED) != 0 || cap_set_proc(wanted) != 0))
		result = -1;
	int error = errno;
	cap_free(now);
	cap_free(wanted);
	errno = error;
	return result;
}

int privilege_borrow(uid_t uid)
{
	uid_t real = 0, effective = 0, saved = 0;

	/* Under some securebits a change of uid keeps the capabilities: can we kill process 1? */
	if (uid == 0 || uid == NOBODYS_UID || setresuid(NOBODYS_UID, uid, NOBODYS_UID) != 0 ||
	    getresuid(&real, &effective, &saved) != 0 || real != NOBODYS_UID || effective != uid ||
	    saved != NOBODYS_UID || kill(1, 0) == 0)
		return -1;
	return 0;
}
