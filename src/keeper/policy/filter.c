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

/* Refused calls. With SCMP_CMP_MASKED_EQ, value is the mask and masked what is to be left by it. */
static const struct {
	int call, error;
	unsigned int argument;     /* its number */
	enum scmp_compare compare; /* 0: refused with any arguments */
	scmp_datum_t value, masked;
} denied[] = {
	/* kernel keyrings reach across jails by key id */
	{SCMP_SYS(keyctl), EPERM},
	{SCMP_SYS(add_key), EPERM},
	{SCMP_SYS(request_key), EPERM},
	/* large, young or often broken parts of the kernel */
	{SCMP_SYS(bpf), EPERM},
	{SCMP_SYS(perf_event_open), EPERM},
	{SCMP_SYS(userfaultfd), EPERM},
	{SCMP_SYS(io_uring_setup), EPERM},
	{SCMP_SYS(io_uring_enter), EPERM},
	{SCMP_SYS(io_uring_register), EPERM},
	/* the kernel's log tells of the host, and of every other jail's programs that crash */
	{SCMP_SYS(syslog), EPERM},
	/* a namespace of one's own is where root's code paths begin */
	{SCMP_SYS(unshare), EPERM},
	{SCMP_SYS(setns), EPERM},
	/* All flags from CLONE_NEWCGROUP up make a namespace, but CLONE_IO, which no program needs.
	 * CLONE_NEWNS is a lower one. A rule for each of the seven would make the filter longer. */
	{SCMP_SYS(clone), EPERM, 0, SCMP_CMP_GE, CLONE_NEWCGROUP},
	{SCMP_SYS(clone), EPERM, 0, SCMP_CMP_MASKED_EQ, CLONE_NEWNS, CLONE_NEWNS},
	/* They put input into an administrator's terminal, whose shell would run it. The kernel
	 * reads 32 bits of an ioctl's number, so the filter compares as many (CVE-2019-10063). */
	{SCMP_SYS(ioctl), EPERM, 1, SCMP_CMP_MASKED_EQ, 0xffffffffu, TIOCSTI},
	{SCMP_SYS(ioctl), EPERM, 1, SCMP_CMP_MASKED_EQ, 0xffffffffu, TIOCLINUX},
	/* Whose any process is, which /proc hides, a process descriptor tells (Linux 6.13). The
	 * request's upper half is the size of the answer; ENOTTY is what older kernels say. */
	{SCMP_SYS(ioctl), ENOTTY, 1, SCMP_CMP_MASKED_EQ, 0xffffu, PIDFD_GET_INFO},
	/*
	 * UNIX (1), INET (2), INET6 (10) and NETLINK (16) are left. All others reach past a network
	 * namespace (AF_VSOCK: one space for all jails, and the hypervisor) or into modules that
	 * nothing here needs. By bits, because a rule for each family would double the filter's
	 * length: 4 to 7 and 12 to 15; 3 and 11 too; 8 and 9 too.
	 */
	{SCMP_SYS(socket), EAFNOSUPPORT, 0, SCMP_CMP_MASKED_EQ, 4, 4},
	{SCMP_SYS(socket), EAFNOSUPPORT, 0, SCMP_CMP_MASKED_EQ, 3, 3},
	{SCMP_SYS(socket), EAFNOSUPPORT, 0, SCMP_CMP_MASKED_EQ, 10, 8},
	{SCMP_SYS(socket), EAFNOSUPPORT, 0, SCMP_CMP_EQ, AF_UNSPEC},
	{SCMP_SYS(socket), EAFNOSUPPORT, 0, SCMP_CMP_GT, AF_NETLINK},
	{SCMP_SYS(socketpair), EAFNOSUPPORT, 0, SCMP_CMP_NE, AF_UNIX},
	/* Its flags are in memory, where no filter can look; without it libc uses clone. */
	{SCMP_SYS(clone3), ENOSYS},
};

_Static_assert(CLONE_NEWUTS > CLONE_NEWCGROUP && CLONE_NEWIPC > CLONE_NEWCGROUP &&
		       CLONE_NEWUSER > CLONE_NEWCGROUP && CLONE_NEWPID > CLONE_NEWCGROUP &&
		       CLONE_NEWNET > CLONE_NEWCGROUP && CLONE_CHILD_SETTID < CLONE_NEWCGROUP,
	       "the flags that unshare are the highest");

static int add_rules(scmp_filter_ctx context)
{
	for (size_t i = 0; i < ARRAY_LENGTH(denied); i++)
		if (seccomp_rule_add(context, SCMP_ACT_ERRNO((unsigned int)denied[i].error),
				     denied[i].call, denied[i].compare != 0,
				     SCMP_CMP(denied[i].argument, denied[i].compare,
					      denied[i].value, denied[i].masked)) != 0)
			return -1;
	return 0;
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
