/* SPDX-License-Identifier: MIT */
/*
 * Kills a command with SIGKILL just before it changes a directory for the Nth time.
 *   killat all N DIRECTORY COMMAND...     the command and all that it has started die at once
 *   killat first N DIRECTORY COMMAND...   the command dies; what it has started goes on to its end
 *   killat none 0 DIRECTORY COMMAND...    nothing dies; all steps are listed
 * A step is a system call, of the command or of a descendant, that makes, changes, renames or
 * removes something in DIRECTORY. It is counted at its entry, where the caller is stopped; one
 * that is killed there does not carry it out. Descriptor 3 gets a line
 * "N PID command|child PROGRAM CALL PATH" for each step that is listed or killed at. The exit
 * status is the command's, 128 + n for a signal, 125 if it could not be traced. killat itself
 * ends when the last descendant has ended.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACEES 4096
#define NOT_TRACED 125

/* Where a call names what it changes: argument numbers, or -1. */
struct call {
	long number;
	const char *name;
	int directory; /* a descriptor that `path` is relative to */
	int path;
	int second_directory;
	int second_path;
	int file;  /* a descriptor of the object itself */
	int flags; /* of an open: only one that can write is a step */
};

#define PATH(name, path)                                                                           \
	{                                                                                          \
		SYS_##name, #name, -1, path, -1, -1, -1, -1                                        \
	}
#define PATH_AT(name, directory, path)                                                             \
	{                                                                                          \
		SYS_##name, #name, directory, path, -1, -1, -1, -1                                 \
	}
#define FILE_AT(name, file)                                                                        \
	{                                                                                          \
		SYS_##name, #name, -1, -1, -1, -1, file, -1                                        \
	}

static const struct call calls[] = {
	{SYS_openat, "openat", 0, 1, -1, -1, -1, 2},
	{SYS_linkat, "linkat", 0, 1, 2, 3, -1, -1},
	{SYS_renameat2, "renameat2", 0, 1, 2, 3, -1, -1},
	PATH_AT(symlinkat, 1, 2),
	PATH_AT(unlinkat, 0, 1),
	PATH_AT(mkdirat, 0, 1),
	PATH_AT(mknodat, 0, 1),
	PATH_AT(fchmodat, 0, 1),
	PATH_AT(fchownat, 0, 1),
	PATH(truncate, 0),
	PATH(setxattr, 0),
	PATH(lsetxattr, 0),
	PATH(removexattr, 0),
	PATH(lremovexattr, 0),
	FILE_AT(write, 0),
	FILE_AT(writev, 0),
	FILE_AT(pwrite64, 0),
	FILE_AT(ftruncate, 0),
	FILE_AT(fallocate, 0),
	FILE_AT(sendfile, 0),
	FILE_AT(copy_file_range, 2),
	FILE_AT(fchmod, 0),
	FILE_AT(fchown, 0),
	FILE_AT(fsetxattr, 0),
	FILE_AT(fremovexattr, 0),
#ifdef SYS_renameat
	{SYS_renameat, "renameat", 0, 1, 2, 3, -1, -1},
#endif
#ifdef SYS_open /* architectures that have the calls without a directory have all of them */
	{SYS_open, "open", -1, 0, -1, -1, -1, 1},
	{SYS_link, "link", -1, 0, -1, 1, -1, -1},
	{SYS_rename, "rename", -1, 0, -1, 1, -1, -1},
	PATH(creat, 0),
	PATH(symlink, 1),
	PATH(unlink, 0),
	PATH(mkdir, 0),
	PATH(rmdir, 0),
	PATH(mknod, 0),
	PATH(chmod, 0),
	PATH(chown, 0),
	PATH(lchown, 0),
#endif
};
#define CALLS (sizeof calls / sizeof *calls)

static pid_t tracees[TRACEES];
static int tracee_count;
static const char *directory;

/* The kernel stops a process at these calls alone, so the command runs almost at its own speed. */
static void install_filter(void)
{
	struct sock_filter code[6 * CALLS + 2];
	size_t n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < CALLS; i++) {
		bool is_open = calls[i].flags >= 0;

		code[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, 0, is_open ? 4 : 1);
		if (is_open) {
			code[n++] = (struct sock_filter)BPF_STMT(
				BPF_LD | BPF_W | BPF_ABS,
				offsetof(struct seccomp_data, args) + 8 * (size_t)calls[i].flags);
			code[n++] = (struct sock_filter)BPF_JUMP(
				BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC,
				1, 0);
			code[n++] =
				(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
		}
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
		err(NOT_TRACED, "cannot install the filter");
}

static bool is_inside(const char *path)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 &&
	       (path[length] == '\0' || path[length] == '/');
}

/* What the link /proc/PID/NAME leads to; an empty string if there is none. */
static void read_proc_link(pid_t pid, const char *name, char *to, size_t size)
{
	char link[64];

	snprintf(link, sizeof link, "/proc/%d/%s", pid, name);
	ssize_t length = readlink(link, to, size - 1);
	to[length < 0 ? 0 : length] = '\0';
}

static void descriptor_path(pid_t pid, int number, char *to, size_t size)
{
	char name[32] = "cwd";

	if (number != AT_FDCWD)
		snprintf(name, sizeof name, "fd/%d", number);
	read_proc_link(pid, name, to, size);
}

/* The absolute path of an argument, in so far as a look at its text can say. */
static void argument_path(pid_t pid, const unsigned long long *args, int at, int path, char *to,
			  size_t size)
{
	char text[4096] = "";

	/* Word by word, because what follows the text need not be readable. */
	for (size_t i = 0; i + sizeof(long) < sizeof text; i += sizeof(long)) {
		errno = 0;
		long word = ptrace(PTRACE_PEEKDATA, pid, (void *)(args[path] + i), NULL);
		if (errno != 0)
			break;
		memcpy(text + i, &word, sizeof word);
		if (memchr(&word, 0, sizeof word))
			break;
	}
	to[0] = '\0';
	if (text[0] != '/')
		descriptor_path(pid, at < 0 ? AT_FDCWD : (int)args[at], to, size);
	size_t length = strlen(to);
	snprintf(to + length, size - length, "%s%s", length ? "/" : "", text);
}

/* The step that PID is stopped at, or NULL: it concerns something else. */
static const struct call *find_step(pid_t pid, char *path, size_t size)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) < 0 ||
	    info.op != PTRACE_SYSCALL_INFO_SECCOMP)
		return NULL;
	for (size_t i = 0; i < CALLS; i++) {
		const struct call *call = &calls[i];
		const unsigned long long *args = (const unsigned long long *)info.seccomp.args;

		if ((unsigned long long)call->number != info.seccomp.nr)
			continue;
		if (call->file >= 0)
			descriptor_path(pid, (int)args[call->file], path, size);
		else
			argument_path(pid, args, call->directory, call->path, path, size);
		if (!is_inside(path) && call->second_path >= 0)
			argument_path(pid, args, call->second_directory, call->second_path, path,
				      size);
		return is_inside(path) ? call : NULL;
	}
	return NULL;
}

static void add_tracee(pid_t pid)
{
	for (int i = 0; i < tracee_count; i++)
		if (tracees[i] == pid)
			return;
	if (tracee_count == TRACEES)
		errx(NOT_TRACED, "too many processes");
	tracees[tracee_count++] = pid;
}

static void remove_tracee(pid_t pid)
{
	for (int i = 0; i < tracee_count; i++)
		if (tracees[i] == pid) {
			memmove(&tracees[i], &tracees[i + 1],
				(size_t)(tracee_count - i - 1) * sizeof *tracees);
			tracee_count--;
			return;
		}
}

static pid_t start(char **argv)
{
	int line[2];
	char byte;

	if (pipe2(line, O_CLOEXEC) != 0)
		err(NOT_TRACED, "pipe");
	pid_t pid = fork();
	if (pid < 0)
		err(NOT_TRACED, "fork");
	if (pid == 0) {
		close(line[1]);
		close(3);
		/* The end of the file says that we are traced. */
		if (read(line[0], &byte, 1) != 0)
			_exit(NOT_TRACED);
		install_filter();
		execvp(argv[0], argv);
		err(NOT_TRACED, "%s", argv[0]);
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL,
		   PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			   PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL) != 0) {
		int saved = errno;
		kill(pid, SIGKILL);
		errno = saved;
		err(NOT_TRACED, "cannot trace %s", argv[0]);
	}
	close(line[0]);
	close(line[1]);
	return pid;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		errx(NOT_TRACED, "usage: killat all|first|none N DIRECTORY COMMAND...");
	bool is_all = strcmp(argv[1], "all") == 0, is_list = strcmp(argv[1], "none") == 0;
	int wanted = atoi(argv[2]), count = 0, result = NOT_TRACED, status;
	bool is_killed = false;

	directory = argv[3];
	pid_t command = start(argv + 4), pid;
	add_tracee(command);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		int event = status >> 16, signal = 0;

		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			remove_tracee(pid);
			if (pid == command)
				result = WIFEXITED(status) ? WEXITSTATUS(status)
							   : 128 + WTERMSIG(status);
			continue;
		}
		add_tracee(pid);
		if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
		    event == PTRACE_EVENT_CLONE) {
			unsigned long child;
			if (ptrace(PTRACE_GETEVENTMSG, pid, NULL, &child) == 0)
				add_tracee((pid_t)child);
		} else if (event == PTRACE_EVENT_SECCOMP && !is_killed) {
			char path[8192], program[64] = "?", name[64];
			const struct call *step = find_step(pid, path, sizeof path);
			if (step && (++count == wanted || is_list)) {
				snprintf(name, sizeof name, "/proc/%d/comm", pid);
				int file = open(name, O_RDONLY | O_CLOEXEC);
				ssize_t length = read(file, program, sizeof program - 1);
				program[length > 0 ? length - 1 : 0] = '\0';
				close(file);
				dprintf(3, "%d %d %s %s %s %s\n", count, pid,
					pid == command ? "command" : "child", program, step->name,
					path + strlen(directory));
			}
			is_killed = step && count == wanted;
			/* Parents before children: nobody sees another one dead and goes on. */
			for (int i = 0; is_killed && i < tracee_count; i++)
				if (is_all || tracees[i] == command)
					kill(tracees[i], SIGKILL);
		} else if (event == 0) {
			signal = WSTOPSIG(status);
		}
		/* Of a process that was just being made. */
		if (is_killed && is_all)
			kill(pid, SIGKILL);
		ptrace(PTRACE_CONT, pid, NULL, (void *)(long)signal);
	}
	return result;
}
