/* SPDX-License-Identifier: MIT */
/*
 * What the kernel's part of an entry costs: `floor direct|private HOME HUB PIN... -- COMMAND...'
 * enters the hub and the namespaces with these pins and becomes the owner of HOME, and that is all.
 * Nothing is checked, proved or protected, and there is no libc, so no launcher of a jail can be
 * faster on this machine. With `private' also a process 1 that waits, in a pid namespace, with a
 * mount namespace and a /proc of their own: without those there is no private run. No address space
 * is copied. Set-uid root, for the time of a measurement.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#if !defined(__x86_64__)
#error "the system calls of this processor"
#endif

#define REFUSED 125
#define ROOM 1024 /* of stack, for process 1 and for the command */

__attribute__((noreturn)) void floor_main(long *stack);

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall floor_main\n");

static long call(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

__attribute__((noreturn)) static void end(int status)
{
	call(SYS_exit_group, status, 0, 0, 0, 0);
	__builtin_unreachable();
}

static long must(long result)
{
	if (result < 0)
		end(REFUSED);
	return result;
}

/* A process in the same memory that calls FUNCTION on a stack below TOP. */
static long start(long flags, void (*function)(char **), char **argument, char *top)
{
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	long result;

	((void **)top)[-1] = argument;
	((void **)top)[-2] = (void *)function;
	__asm__ volatile("syscall\n\ttest %%eax, %%eax\n\tjnz 1f\n\tpop %%rax\n\tpop %%rdi\n\t"
			 "and $-16, %%rsp\n\tcall *%%rax\n1:"
			 : "=a"(result)
			 : "a"(SYS_clone), "D"(flags | CLONE_VM | SIGCHLD), "S"(top - 16), "d"(0),
			   "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return must(result);
}

/* Ends as the process PID does. */
static void follow(long pid)
{
	int status;

	must(call(SYS_wait4, pid, (long)&status, 0, 0, 0));
	end(status & 0x7f ? REFUSED : status >> 8 & 0xff);
}

static void become_owner(const char *home)
{
	struct stat status;

	must(call(SYS_stat, (long)home, (long)&status, 0, 0, 0));
	if (status.st_uid == 0)
		end(REFUSED);
	must(call(SYS_setgroups, 1, (long)&status.st_gid, 0, 0, 0));
	must(call(SYS_setresgid, status.st_gid, status.st_gid, status.st_gid, 0, 0));
	must(call(SYS_setresuid, status.st_uid, status.st_uid, status.st_uid, 0, 0));
}

static void execute(char **argv)
{
	while (argv[0][0] != '-' || argv[0][1] != '-')
		argv++;
	call(SYS_execve, (long)argv[1], (long)(argv + 1), 0, 0, 0);
	end(REFUSED);
}

static void be_process_1(char **argv)
{
	char stack[ROOM];

	must(call(SYS_unshare, CLONE_NEWNS, 0, 0, 0, 0));
	must(call(SYS_mount, (long)"floor", (long)"/proc", (long)"proc",
		  MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
	become_owner(argv[2]);
	follow(start(CLONE_VFORK, execute, argv, stack + ROOM));
}

__attribute__((noreturn)) void floor_main(long *stack)
{
	char **argv = (char **)(stack + 1), room[4 * ROOM];

	if (*stack < 6)
		end(REFUSED);
	for (char **pin = argv + 3; *pin && (*pin)[0] == '/'; pin++) {
		long fd = must(call(SYS_open, (long)*pin, O_RDONLY | O_CLOEXEC, 0, 0, 0));

		must(call(SYS_setns, fd, 0, 0, 0, 0));
	}
	if (argv[1][0] == 'p')
		follow(start(CLONE_NEWPID, be_process_1, argv, room + sizeof(room)));
	become_owner(argv[2]);
	execute(argv);
	end(REFUSED);
}
