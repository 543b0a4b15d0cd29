/* SPDX-License-Identifier: MIT */
/*
 * What a process without capabilities could still reach in the kernel and a user's program does not
 * need. A short list: the kernel runs the filter once per system call number when it is loaded, and
 * whatever a missing capability refuses anyway is not here.
 */
#include "filter.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auto_free.h"
#include "trampoline/proof.h"

#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif
#define PIDFD_GET_INFO 0xff0b /* linux/pidfd.h: its type and number */
#define OPTIMIZE_BINARY_TREE 2

static const int denied[] = {
	/* kernel keyrings reach across jails by key id */
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	/* large, young or often broken parts of the kernel */
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	/* the kernel's log tells of the host, and of every other jail's programs that crash */
	SCMP_SYS(syslog),
	/* a namespace of one's own is where root's code paths begin */
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
};

_Static_assert(CLONE_NEWUTS > CLONE_NEWCGROUP && CLONE_NEWIPC > CLONE_NEWCGROUP &&
		       CLONE_NEWUSER > CLONE_NEWCGROUP && CLONE_NEWPID > CLONE_NEWCGROUP &&
		       CLONE_NEWNET > CLONE_NEWCGROUP && CLONE_CHILD_SETTID < CLONE_NEWCGROUP,
	       "the flags that unshare are the highest");

/*
 * UNIX (1), INET (2), INET6 (10) and NETLINK (16) are left. All others reach past a network
 * namespace (AF_VSOCK: one space for all jails, and the hypervisor) or into modules that nothing
 * here needs. By bits, because a rule for each family would double the filter's length.
 */
static int add_families(scmp_filter_ctx context)
{
	static const scmp_datum_t bits[][2] = {
		{4, 4},  /* 4 to 7, 12 to 15 */
		{3, 3},  /* 3 and 11 too */
		{10, 8}, /* 8 and 9 too */
	};

	for (size_t i = 0; i < ARRAY_LENGTH(bits); i++)
		if (seccomp_rule_add(context, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				     SCMP_CMP(0, SCMP_CMP_MASKED_EQ, bits[i][0], bits[i][1])) != 0)
			return -1;
	if (seccomp_rule_add(context, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
			     SCMP_CMP(0, SCMP_CMP_EQ, AF_UNSPEC)) != 0)
		return -1;
	return seccomp_rule_add(context, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				SCMP_CMP(0, SCMP_CMP_GT, AF_NETLINK));
}

static int add_rules(scmp_filter_ctx context)
{
	/* The kernel looks at 32 bits of an ioctl's number, so a filter must not look at 64
	 * (CVE-2019-10063): input typed into, or selected from, the terminal of whoever called. */
	static const scmp_datum_t ioctls[] = {TIOCSTI, TIOCLINUX};

	for (size_t i = 0; i < ARRAY_LENGTH(denied); i++)
		if (seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), denied[i], 0) != 0)
			return -1;
	/* From the lowest of them on all flags are namespaces, but CLONE_IO, which nobody needs;
	 * and CLONE_NEWNS, apart. Seven rules would cost each entry some microseconds more. */
	if (seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			     SCMP_CMP(0, SCMP_CMP_GE, CLONE_NEWCGROUP)) != 0 ||
	    seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			     SCMP_CMP(0, SCMP_CMP_MASKED_EQ, CLONE_NEWNS, CLONE_NEWNS)) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LENGTH(ioctls); i++)
		if (seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
				     SCMP_CMP(1, SCMP_CMP_MASKED_EQ, 0xffffffffu, ioctls[i])) != 0)
			return -1;
	/* Whose any process is, which /proc hides, a process descriptor tells (Linux 6.13). The
	 * request's upper half is the size of the answer; ENOTTY is what older kernels say. */
	if (seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 1,
			     SCMP_CMP(1, SCMP_CMP_MASKED_EQ, 0xffffu, PIDFD_GET_INFO)) != 0)
		return -1;
	if (add_families(context) != 0 ||
	    seccomp_rule_add(context, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socketpair), 1,
			     SCMP_CMP(0, SCMP_CMP_NE, AF_UNIX)) != 0)
		return -1;
	/* Its flags are in memory, where no filter can look; without it libc uses clone. */
	return seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int export(scmp_filter_ctx context, struct record *record)
{
	const size_t most = RECORD_FILTER_MAX * sizeof(struct record_instruction);
	AUTO_CLOSE fd = memfd_create("filter", MFD_CLOEXEC);

	if (fd < 0 || seccomp_export_bpf(context, fd) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		return -1;
	ssize_t length = read(fd, record_filter(record), most);
	if (length <= 0 || (size_t)length == most) {
		errno = E2BIG;
		return -1;
	}
	record->filter_length = (uint32_t)((size_t)length / sizeof(struct record_instruction));
	return 0;
}

int filter_compile(struct record *record)
{
	/* The native ABI only: a 32-bit or x32 call kills, so no other numbering gets round it. */
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	int result = -1;

	errno = proof_of_filter() ? EPERM
				  : ENOMEM; /* it asks the kernel for its API by seccomp(2) */
	if (!context)
		return -1;
	if (seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
	    seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, OPTIMIZE_BINARY_TREE) == 0 &&
	    add_rules(context) == 0)
		result = export(context, record);
	seccomp_release(context);
	return result;
}
