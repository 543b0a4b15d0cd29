/* SPDX-License-Identifier: MIT */
/*
 * Runs a command and does something to one of its system calls: `fault UID WHAT COMMAND...`, where
 * WHAT is
 *   run             nothing
 *   list            nothing; each call is listed
 *   all@P.N         call N of process P is never made: all processes are killed at its entry
 *   one@P.N         as above, but only the process that makes the call is killed
 *   ERRNO@P.N       the call is not made, and returns that error
 * Process 0 is the command, 1 the first that any of them forks, and so on; a process' calls are
 * counted from 1. A process that executes a program called "probe" is let go: that is the jailed
 * command, and what it does is its own affair.
 *
 * With a UID that is not 0 the command has a hostile caller of that uid: be_hostile() below.
 *
 * Descriptor 3 gets "P.N CALL KIND PROGRAM" for each call that is listed or struck. KIND is "c" for
 * a call that changes something, "r" for one that does not, "-" for one that cannot fail. "late" is
 * said where processes had to be killed because they had not ended SECONDS after the strike.
 * The exit status is the command's, 128 + n for a signal.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 4096
#define NOT_TRACED 99
#define SECONDS 60
#define TRACED                                                                                     \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |  \
	 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

static struct process {
	pid_t pid;
	int calls;
	bool has_ended, is_failing;
} processes[PROCESSES];
static int process_count;

static struct {
	bool is_run, is_list, is_all, is_struck;
	int error, process, call;
} wanted;
static volatile sig_atomic_t is_late;

/* Calls that change something outside of the process, or what of it an exec keeps. */
static const char changing[] =
	" openat openat2 write pwrite64 writev rename renameat renameat2 unlink unlinkat "
	"link linkat symlink symlinkat mkdir mkdirat rmdir mknod mknodat chmod fchmod fchmodat "
	"chown fchown lchown fchownat truncate ftruncate fallocate utimensat setxattr fsetxattr "
	"lsetxattr fsync fdatasync syncfs copy_file_range sendfile ioctl "
	"mount umount2 move_mount open_tree mount_setattr fsopen fsconfig fsmount pivot_root "
	"chroot chdir fchdir setns unshare clone clone3 fork vfork execve wait4 waitid kill tgkill "
	"flock prctl setresuid setresgid setuid setgid setgroups capset seccomp keyctl setsid "
	"setpgid umask rt_sigprocmask rt_sigaction setrlimit prlimit64 setitimer alarm "
	"timer_create timer_settime personality setpriority sched_setattr sched_setaffinity "
	"ioprio_set set_mempolicy dup dup2 dup3 fcntl close_range pipe pipe2 socketpair socket "
	"sendto sendmsg recvfrom signalfd4 splice ";
/* close(2) closes whatever it returns. */
static const char infallible[] =
	" close exit exit_group rt_sigreturn restart_syscall getpid getppid "
	"getuid geteuid getgid getegid set_tid_address ";

static bool is_among(const char *names, const char *name)
{
	char word[40];

	snprintf(word, sizeof(word), " %s ", name);
	return strstr(names, word);
}

static void read_program(pid_t pid, char name[static 32])
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = read(fd, name, 31);
	name[length > 0 ? length - 1 : 0] = '\0';
	close(fd);
}

/* Sets NAME, which is to be freed, and returns KIND: above. */
static char judge(const struct __ptrace_syscall_info *info, char **name)
{
	*name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)info->entry.nr);
	if (is_among(infallible, *name))
		return '-';
	if (strcmp(*name, "openat") == 0 && !(info->entry.args[2] & (O_CREAT | O_TRUNC)))
		return 'r';
	return is_among(changing, *name) ? 'c' : 'r';
}

static struct process *find(pid_t pid)
{
	int i = process_count - 1;

	while (i >= 0 && (processes[i].pid != pid || processes[i].has_ended))
		i--;
	if (i >= 0)
		return &processes[i];
	if (process_count == PROCESSES)
		errx(NOT_TRACED, "too many processes");
	processes[process_count].pid = pid;
	return &processes[process_count++];
}

/* Parents before children: none sees its child dead and goes on. */
static void kill_all(void)
{
	for (int i = 0; i < process_count; i++)
		if (!processes[i].has_ended)
			kill(processes[i].pid, SIGKILL);
}

/* Makes of the call that PROCESS is at the entry of none, or of its result the wanted error. */
static void set_registers(const struct process *process, bool is_entry)
{
	struct user_regs_struct registers; /* of x86-64 */

	ptrace(PTRACE_GETREGS, process->pid, 0, &registers);
	if (is_entry)
		registers.orig_rax = (unsigned long long)-1;
	else
		registers.rax = (unsigned long long)-wanted.error;
	ptrace(PTRACE_SETREGS, process->pid, 0, &registers);
}

/* PROCESS is at the entry of a call. */
static void enter(struct process *process, const struct __ptrace_syscall_info *info)
{
	char *name, program[32];

	process->calls++;
	bool is_wanted = process - processes == wanted.process && process->calls == wanted.call;
	if (!wanted.is_list && !is_wanted)
		return;
	char kind = judge(info, &name);
	/* In this run that may be another call. */
	wanted.is_struck = is_wanted && !(wanted.error && kind == '-');
	read_program(process->pid, program);
	dprintf(3, "%td.%d %s %c %s\n", process - processes, process->calls, name, kind, program);
	free(name);
	if (!wanted.is_struck)
		return;
	process->is_failing = wanted.error != 0;
	alarm(SECONDS);
	if (wanted.is_all)
		kill_all();
	else if (wanted.error)
		set_registers(process, true);
	else
		kill(process->pid, SIGKILL);
}

/* PROCESS has stopped. Once the call has been struck, no process is traced any more. */
static void take_stop(struct process *process, int status)
{
	struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
	int event = status >> 16, signal = 0;
	unsigned long child;
	char program[32] = "";

	if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
	    event == PTRACE_EVENT_CLONE) {
		if (ptrace(PTRACE_GETEVENTMSG, process->pid, 0, &child) == 0)
			find((pid_t)child);
	} else if (event == PTRACE_EVENT_EXEC) {
		read_program(process->pid, program);
	} else if (event == 0 && WSTOPSIG(status) == (SIGTRAP | 0x80)) {
		ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, (void *)sizeof(info), &info);
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY && !wanted.is_struck) {
			enter(process, &info);
		} else if (info.op == PTRACE_SYSCALL_INFO_EXIT && process->is_failing) {
			process->is_failing = false;
			set_registers(process, false);
		}
	} else if (event == 0) {
		signal = WSTOPSIG(status);
	} else if (event == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP) {
		ptrace(PTRACE_LISTEN, process->pid, 0, 0);
		return;
	}
	if (is_late || (wanted.is_struck && wanted.is_all))
		kill(process->pid, SIGKILL);
	bool is_let_go = strcmp(program, "probe") == 0 ||
			 (wanted.is_struck && !wanted.is_all && !process->is_failing);
	ptrace(is_let_go ? PTRACE_DETACH : PTRACE_SYSCALL, process->pid, 0, (void *)(long)signal);
}

/* What the launcher has to undo; tests/system/probe.c shows it all. */
static void be_hostile(uid_t uid)
{
	static const struct itimerval far = {{0, 0}, {100000, 0}};
	static const struct rlimit low = {8192, RLIM_INFINITY},
				   high = {RLIM_INFINITY, RLIM_INFINITY};
	gid_t groups[] = {uid, 4};
	cpu_set_t first;
	sigset_t all;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	raise(SIGTERM);
	for (int number = 1; number < NSIG; number++)
		if (number != SIGTERM)
			signal(number, SIG_IGN);
	umask(0);
	setrlimit(RLIMIT_FSIZE, &low);
	setrlimit(RLIMIT_CORE, &high);
	setpriority(PRIO_PROCESS, 0, 5);
	syscall(SYS_ioprio_set, 1, 0, 3 << 13);
	sched_setaffinity(0, sizeof(first), &first);
	personality(UNAME26);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	setitimer(ITIMER_REAL, &far, NULL);
	setenv("LD_PRELOAD", "/tmp/evil.so", 1);
	if (open("/etc/passwd", O_RDONLY) < 0 || chdir("/var/lib") != 0 ||
	    setgroups(2, groups) != 0 || setresgid(uid, uid, uid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		err(NOT_TRACED, "cannot become the caller");
}

static pid_t start(uid_t uid, char *command[])
{
	int line[2];
	char byte;

	if (pipe2(line, O_CLOEXEC) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		err(NOT_TRACED, "pipe");
	pid_t pid = fork();
	if (pid == 0) {
		close(line[1]);
		close(3);
		if (read(line[0], &byte, 1) != 0) /* its end says that we are traced */
			_exit(NOT_TRACED);
		if (uid != 0)
			be_hostile(uid);
		execv(command[0], command);
		err(NOT_TRACED, "%s", command[0]);
	}
	if (pid < 0 || (!wanted.is_run && ptrace(PTRACE_SEIZE, pid, 0, TRACED) != 0)) {
		kill(pid, SIGKILL);
		errx(NOT_TRACED, "cannot trace");
	}
	close(line[1]);
	return pid;
}

static void be_late(int number)
{
	(void)number;
	is_late = 1;
}

static void parse(const char *what)
{
	const char *at = strchr(what, '@');
	size_t length = at ? (size_t)(at - what) : 0;

	wanted.is_run = strcmp(what, "run") == 0;
	wanted.is_list = strcmp(what, "list") == 0;
	wanted.is_all = length == 3 && strncmp(what, "all", 3) == 0;
	for (int error = 1; error < 100 && at; error++)
		if (strerrorname_np(error) && strlen(strerrorname_np(error)) == length &&
		    strncmp(strerrorname_np(error), what, length) == 0)
			wanted.error = error;
	if (at && sscanf(at, "@%d.%d", &wanted.process, &wanted.call) != 2)
		errx(NOT_TRACED, "not understood: %s", what);
}

int main(int argc, char *argv[])
{
	static const struct sigaction late = {.sa_handler = be_late};
	int status, result = NOT_TRACED;
	pid_t pid;

	if (argc < 4)
		errx(NOT_TRACED, "usage: fault UID run|list|all@P.N|one@P.N|ERRNO@P.N COMMAND...");
	parse(argv[2]);
	pid_t command = start((uid_t)strtoul(argv[1], NULL, 10), argv + 3);
	find(command);
	sigaction(SIGALRM, &late, NULL);
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (is_late) {
			dprintf(3, "late\n");
			kill_all();
			alarm(SECONDS);
		}
		if (pid <= 0)
			continue;
		struct process *process = find(pid);
		if (WIFSTOPPED(status)) {
			take_stop(process, status);
			continue;
		}
		process->has_ended = true;
		if (pid == command)
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return result;
}
