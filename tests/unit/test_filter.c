/* SPDX-License-Identifier: MIT */
/* The compiled filter, run by a small interpreter for every call, and by the kernel for some. */
#include "keeper/policy/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit.h"

#ifdef __x86_64__
#define NATIVE AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif
#define DENY(error) (SECCOMP_RET_ERRNO | (error))
#define LENGTH_MAX 128 /* its length is paid for at every entry */

static struct record record;

/* What linux/filter.h can say and libseccomp does; anything else fails the test. */
static uint32_t run(const struct seccomp_data *data)
{
	const struct record_instruction *end = record_filter(&record) + record.filter_length;
	uint32_t a = 0, word;

	for (const struct record_instruction *at = record_filter(&record); at < end; at++) {
		bool jumps = false;

		switch (at->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			ck_assert(at->k % 4 == 0 && at->k < sizeof(*data));
			memcpy(&word, (const char *)data + at->k, sizeof(word));
			a = word;
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= at->k;
			continue;
		case BPF_RET | BPF_K:
			return at->k;
		case BPF_JMP | BPF_JA:
			ck_assert(at->k < (uint32_t)(end - at));
			at += at->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			jumps = a == at->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			jumps = a > at->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			jumps = a >= at->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			jumps = (a & at->k) != 0;
			break;
		default:
			ck_abort_msg("instruction 0x%x", at->code);
		}
		at += jumps ? at->jump_true : at->jump_false;
	}
	ck_abort_msg("it runs off its end");
	return 0;
}

static uint32_t verdict(long number, uint64_t first, uint64_t second)
{
	const struct seccomp_data data = {
		.nr = (int)number, .arch = NATIVE, .args = {first, second, 0, 0, 0, 0}};

	return run(&data);
}

static void compile(void)
{
	memset(&record, 0, sizeof(record));
	ck_assert_int_eq(filter_compile(&record), 0);
}

static const struct {
	long number;
	uint64_t first, second;
	uint32_t verdict;
} calls[] = {
	/* keyrings, and parts of the kernel that nobody here needs */
	{SYS_keyctl, 0, 0, DENY(EPERM)},
	{SYS_add_key, 0, 0, DENY(EPERM)},
	{SYS_request_key, 0, 0, DENY(EPERM)},
	{SYS_bpf, 0, 0, DENY(EPERM)},
	{SYS_perf_event_open, 0, 0, DENY(EPERM)},
	{SYS_userfaultfd, 0, 0, DENY(EPERM)},
	{SYS_io_uring_setup, 0, 0, DENY(EPERM)},
	{SYS_io_uring_enter, 0, 0, DENY(EPERM)},
	{SYS_io_uring_register, 0, 0, DENY(EPERM)},
	{SYS_syslog, 3, 0, DENY(EPERM)},
	/* namespaces, by each way in */
	{SYS_unshare, 0, 0, DENY(EPERM)},
	{SYS_setns, 3, 0, DENY(EPERM)},
	{SYS_clone3, 0, 0, DENY(ENOSYS)},
	{SYS_clone, CLONE_NEWUSER, 0, DENY(EPERM)},
	{SYS_clone, CLONE_NEWNS, 0, DENY(EPERM)},
	{SYS_clone, CLONE_NEWPID, 0, DENY(EPERM)},
	{SYS_clone, CLONE_NEWNET, 0, DENY(EPERM)},
	{SYS_clone, CLONE_NEWIPC, 0, DENY(EPERM)},
	{SYS_clone, CLONE_NEWUTS, 0, DENY(EPERM)},
	{SYS_clone, CLONE_NEWCGROUP, 0, DENY(EPERM)},
	{SYS_clone, CLONE_NEWUSER | 17, 0, DENY(EPERM)},
	{SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | CLONE_VM, 0, DENY(EPERM)},
	{SYS_clone, UINT64_C(0xffffffff00000000) | CLONE_NEWUSER, 0, DENY(EPERM)},
	{SYS_clone, 17, 0, SECCOMP_RET_ALLOW},
	{SYS_clone, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, 0,
	 SECCOMP_RET_ALLOW},
	/* the terminal of whoever called: CVE-2019-10063 for the garbage above 32 bits */
	{SYS_ioctl, 0, TIOCSTI, DENY(EPERM)},
	{SYS_ioctl, 0, TIOCSTI | UINT64_C(1) << 32, DENY(EPERM)},
	{SYS_ioctl, 0, TIOCSTI | UINT64_C(0xdeadbeef00000000), DENY(EPERM)},
	{SYS_ioctl, 7, 0x541c /* TIOCLINUX */, DENY(EPERM)},
	{SYS_ioctl, 7, 0x541c | UINT64_C(1) << 63, DENY(EPERM)},
	{SYS_ioctl, 0, TCGETS, SECCOMP_RET_ALLOW},
	{SYS_ioctl, 0, TIOCGWINSZ, SECCOMP_RET_ALLOW},
	{SYS_ioctl, TIOCSTI, 0, SECCOMP_RET_ALLOW},
	/* address families that reach out of a network namespace, or load modules */
	{SYS_socket, AF_UNIX, SOCK_STREAM, SECCOMP_RET_ALLOW},
	{SYS_socket, AF_INET, SOCK_STREAM, SECCOMP_RET_ALLOW},
	{SYS_socket, AF_INET6, SOCK_DGRAM, SECCOMP_RET_ALLOW},
	{SYS_socket, AF_NETLINK, SOCK_RAW, SECCOMP_RET_ALLOW},
	{SYS_socket, AF_PACKET, SOCK_RAW, DENY(EAFNOSUPPORT)},
	{SYS_socket, AF_ALG, SOCK_SEQPACKET, DENY(EAFNOSUPPORT)},
	{SYS_socket, AF_VSOCK, SOCK_STREAM, DENY(EAFNOSUPPORT)},
	{SYS_socket, UINT64_C(1) << 32 | AF_VSOCK, SOCK_STREAM, DENY(EAFNOSUPPORT)},
	{SYS_socket, UINT64_C(0xffffffff), SOCK_STREAM, DENY(EAFNOSUPPORT)},
	{SYS_socket, AF_UNSPEC, SOCK_STREAM, DENY(EAFNOSUPPORT)},
	{SYS_socketpair, AF_UNIX, SOCK_STREAM, SECCOMP_RET_ALLOW},
	{SYS_socketpair, AF_TIPC, SOCK_STREAM, DENY(EAFNOSUPPORT)},
	{SYS_socketpair, AF_VSOCK, SOCK_STREAM, DENY(EAFNOSUPPORT)},
	/* what programs live on */
	{SYS_read, 0, 0, SECCOMP_RET_ALLOW},
	{SYS_write, 1, 0, SECCOMP_RET_ALLOW},
	{SYS_openat, 0, 0, SECCOMP_RET_ALLOW},
	{SYS_mmap, 0, 0, SECCOMP_RET_ALLOW},
	{SYS_execve, 0, 0, SECCOMP_RET_ALLOW},
	{SYS_exit_group, 0, 0, SECCOMP_RET_ALLOW},
	{SYS_wait4, 0, 0, SECCOMP_RET_ALLOW},
	{SYS_kill, 0, 0, SECCOMP_RET_ALLOW},
	{SYS_ptrace, 0, 0, SECCOMP_RET_ALLOW},
	{SYS_prctl, 0, 0, SECCOMP_RET_ALLOW},
	{SYS_futex, 0, 0, SECCOMP_RET_ALLOW},
};

START_TEST(filter_compile__call__verdict)
{
	compile();
	ck_assert_msg(
		verdict(calls[_i].number, calls[_i].first, calls[_i].second) == calls[_i].verdict,
		"call %ld (0x%lx, 0x%lx)", calls[_i].number, calls[_i].first, calls[_i].second);
}
END_TEST

START_TEST(filter_compile__family__four_are_left)
{
	compile();
	for (uint64_t family = 0; family < 1024; family++) {
		bool is_left = family == AF_UNIX || family == AF_INET || family == AF_INET6 ||
			       family == AF_NETLINK;

		ck_assert_msg(verdict(SYS_socket, family, SOCK_RAW) ==
				      (is_left ? SECCOMP_RET_ALLOW : DENY(EAFNOSUPPORT)),
			      "family %d", (int)family);
		ck_assert_uint_eq(verdict(SYS_socket, family | UINT64_C(1) << 32, SOCK_RAW),
				  DENY(EAFNOSUPPORT));
	}
}
END_TEST

START_TEST(filter_compile__every_other_number__allowed)
{
	int denied = 0;

	compile();
	for (long number = 0; number < 1024; number++) {
		bool is_listed = false;

		for (size_t i = 0; i < ARRAY_LENGTH(calls); i++)
			is_listed |=
				calls[i].number == number && calls[i].verdict != SECCOMP_RET_ALLOW;
		if (verdict(number, 0, 0) != SECCOMP_RET_ALLOW) {
			denied++;
			ck_assert_msg(is_listed, "call %ld", number);
		}
	}
	ck_assert_int_eq(
		denied,
		15); /* whatever their arguments; 0 is no AF_UNIX for socket and socketpair */
}
END_TEST

/* All that linux/audit.h has of those two processors and some others, and none. */
static const uint32_t architectures[] = {AUDIT_ARCH_X86_64,
					 AUDIT_ARCH_I386,
					 AUDIT_ARCH_AARCH64,
					 AUDIT_ARCH_ARM,
					 AUDIT_ARCH_ARMEB,
					 AUDIT_ARCH_RISCV64,
					 AUDIT_ARCH_RISCV32,
					 AUDIT_ARCH_PPC64LE,
					 AUDIT_ARCH_S390X,
					 AUDIT_ARCH_MIPS64,
					 EM_AARCH64,
					 EM_X86_64,
					 0,
					 UINT32_MAX};

/* Whatever the call is: those that are allowed, refused, and no calls at all. */
static void assert_killed(uint32_t arch)
{
	for (long number = -1; number < 1024; number++) {
		const struct seccomp_data data = {.nr = (int)number, .arch = arch};

		ck_assert_msg(run(&data) == SECCOMP_RET_KILL_PROCESS, "call %ld of 0x%x", number,
			      arch);
	}
}

START_TEST(filter_compile__other_numbering__killed)
{
	compile();
	for (size_t i = 0; i < ARRAY_LENGTH(architectures); i++)
		if (architectures[i] != NATIVE)
			assert_killed(architectures[i]);
	for (int bit = 0; bit < 32; bit++)
		assert_killed(NATIVE ^ UINT32_C(1) << bit);
	ck_assert_uint_eq(verdict(SYS_read, 0, 0), SECCOMP_RET_ALLOW);
#ifdef X32_BIT
	ck_assert_uint_eq(verdict(X32_BIT | SYS_read, 0, 0), SECCOMP_RET_KILL_PROCESS);
	ck_assert_uint_eq(verdict(X32_BIT | SYS_keyctl, 0, 0), SECCOMP_RET_KILL_PROCESS);
	ck_assert_uint_eq(verdict(X32_BIT | 514 /* its ioctl */, 0, TIOCSTI),
			  SECCOMP_RET_KILL_PROCESS);
#endif
}
END_TEST

START_TEST(filter_compile__length__bounded)
{
	compile();
	ck_assert_uint_gt(record.filter_length, 0);
	ck_assert_uint_le(record.filter_length, LENGTH_MAX);
	ck_assert_uint_lt(LENGTH_MAX, RECORD_FILTER_MAX);
}
END_TEST

START_TEST(filter_compile__again__the_same_program)
{
	static struct record first;

	compile();
	first = record;
	compile();
	ck_assert_mem_eq(&record, &first, sizeof(record));
}
END_TEST

START_TEST(filter_compile__loaded__the_kernel_says_the_same)
{
	compile();
	const struct sock_fprog program = {(unsigned short)record.filter_length,
					   (struct sock_filter *)(void *)record_filter(&record)};

	ck_assert_uint_eq(sizeof(struct sock_filter), sizeof(struct record_instruction));
	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(calls); i++) {
		uint32_t error = calls[i].verdict & SECCOMP_RET_DATA;

		if (calls[i].verdict == SECCOMP_RET_ALLOW)
			continue; /* they would do it */
		errno = 0;
		ck_assert_msg(syscall(calls[i].number, calls[i].first, calls[i].second, -1L, 0L, 0L,
				      0L) == -1 &&
				      (uint32_t)errno == error,
			      "call %ld: %s", calls[i].number, strerror(errno));
	}
	errno = 0;
	ck_assert_int_eq(ioctl(-1, TCGETS, 0), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_int_gt(getppid(), 0);
}
END_TEST

TCase *unit_filter(void)
{
	TCase *tcase = tcase_create("filter");

	add_table(tcase, filter_compile__call__verdict, calls);
	tcase_add_test(tcase, filter_compile__family__four_are_left);
	tcase_add_test(tcase, filter_compile__every_other_number__allowed);
	tcase_add_test(tcase, filter_compile__other_numbering__killed);
	tcase_add_test(tcase, filter_compile__length__bounded);
	tcase_add_test(tcase, filter_compile__again__the_same_program);
	if (unit_has_filters())
		tcase_add_test(tcase, filter_compile__loaded__the_kernel_says_the_same);
	return tcase;
}
