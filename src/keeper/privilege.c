/* SPDX-License-Identifier: MIT */
/* The keeper needs few of root's capabilities; libcap takes the others away. */
#include "privilege.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/capability.h>
#include <unistd.h>

#include "trampoline/attributes.h"

#define NOBODYS_UID 4294967294u /* the highest: no jail may have it, nor does any account */

int privilege_lower(enum privilege_step step)
{
	/* setns to a mount namespace wants both SYS_ADMIN and SYS_CHROOT: setns(2). */
	static const cap_value_t build[] = {CAP_SYS_ADMIN, CAP_SYS_CHROOT, CAP_MKNOD, CAP_NET_ADMIN,
					    CAP_DAC_OVERRIDE};
	static const cap_value_t look[] = {CAP_SYS_ADMIN, CAP_SYS_CHROOT, CAP_SYS_PTRACE};
	static const cap_value_t retire[] = {CAP_SYS_ADMIN, CAP_SYS_CHROOT, CAP_SYS_PTRACE,
					     CAP_SETUID};
	static const struct {
		const cap_value_t *values;
		int count;
	} steps[] = {
		[PRIVILEGE_BUILD] = {build, ARRAY_LENGTH(build)},
		[PRIVILEGE_RETIRE] = {retire, ARRAY_LENGTH(retire)},
		[PRIVILEGE_LOOK] = {look, ARRAY_LENGTH(look)},
	};
	cap_t now = cap_get_proc(), wanted = cap_init();
	int result = -1;

	if (now && wanted) {
		result = 0;
		for (int i = 0; i < steps[step].count; i++) {
			cap_value_t value = steps[step].values[i];
			cap_flag_value_t has = CAP_CLEAR;

			if (cap_get_flag(now, value, CAP_PERMITTED, &has) != 0 ||
			    has == CAP_CLEAR) {
				/* The call that wants it will say so; a look at the processes would
				 * not: the kernel hides them, and a jail in use looks empty. */
				if (value == CAP_SYS_PTRACE)
					result = -1;
				errno = EPERM;
				continue;
			}
			if (cap_set_flag(wanted, CAP_PERMITTED, 1, &value, CAP_SET) != 0 ||
			    cap_set_flag(wanted, CAP_EFFECTIVE, 1, &value, CAP_SET) != 0)
				result = -1;
		}
		if (result == 0 && cap_set_proc(wanted) != 0)
			result = -1;
	}
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
