/* SPDX-License-Identifier: MIT */
/*
 * Sends a signal to one process of a run at each of its system calls: `strike SIGNAL ROLE FIRST
 * COMMAND...` starts COMMAND as www-data again and again and traces it. In the first run the signal
 * comes when process ROLE (0: the one that was started, 1: the first that any of them forks, ...)
 * enters system call FIRST after the first exec, in the second run one call later, and so on until
 * three runs have come to rest, or to their end, without that call. SIGKILL is root's; any other
 * signal is www-data's, and comes at the first call from there on at which the kernel lets it.
 *
 * The tracer lets go of all processes at the strike. Then this program, which is a subreaper, waits
 * until the last process of the run has gone; LEFT counts the runs of which one stayed for
 * SECONDS_LEFT seconds (the environment variable, else 60). Prints one line:
 *   struck RUNS, ended STATUS..., left RUNS
 * with each exit status of the process that was started, as a shell has it. Status 0: all went.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define WWW_DATA 33
#define PROCESSES 64
#define CALLS_MAX 2000
#define TRACED                                                                                     \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |  \
	 PTRACE_O_TRACEEXEC)

/* What the tracer tells. */
static struct outcome {
	bool is_struck;
	int at; /* the number of the call, from 1 */
} * outcome;

static struct process {
	pid_t pid;
	int calls;
	bool is_inside, has_ended; /* inside a system call */
} processes[PROCESSES];
static int process_count;
static volatile sig_atomic_t is_late;

static void be_late(int number)
{
	(void)number;
	is_late = 1;
}

static void watch_deadline(void)
{
	struct sigaction action = {.sa_handler = be_late};
	const char *seconds = getenv("SECONDS_LEFT");

	is_late = 0;
	sigaction(SIGALRM, &action, NULL);
	alarm(seconds ? (unsigned int)strtol(seconds, NULL, 10) : 60);
}

static struct process *find(pid_t pid)
{
	for (int i = 0; i < process_count; i++)
		if (processes[i].pid ==
		    pid) /* one that has ended, too: its parent's word of it is late */
			return &processes[i];
	if (process_count == PROCESSES)
		errx(1, "too many processes");
	processes[process_count] = (struct process){.pid = pid};
	return &processes[process_count++];
}

/* The kernel's letter for the state of a process. */
static char state_of(pid_t pid)
{
	char path[32], state = 'X';

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 'X';
		fclose(file);
	}
	return state;
}

static bool are_all_inside(void)
{
	for (int i = 0; i < process_count; i++)
		if (!processes[i].has_ended && !processes[i].is_inside)
			return false;
	return true;
}

/*
 * Of processes that are all inside a system call: whether all sleep there. Then none of them wakes
 * another: it would have to leave its call first, and stops there until the tracer lets it go on.
 */
static bool do_all_sleep(void)
{
	for (int i = 0; i < process_count; i++)
		if (!processes[i].has_ended && state_of(processes[i].pid) != 'S')
			return false;
	return true;
}

/* True if the kernel has taken the signal. */
static bool strike(pid_t pid, int number)
{
	if (number == SIGKILL)
		return kill(pid, number) == 0;
	if (setresuid(WWW_DATA, WWW_DATA, 0) != 0)
		err(1, "setresuid");
	bool is_sent = kill(pid, number) == 0;
	if (setresuid(0, 0, 0) != 0)
		err(1, "setresuid");
	return is_sent;
}

/* A process has stopped: what it is to go on with, -1 if it has been struck. */
static int take_stop(struct process *process, int status, int number, int role, int first)
{
	unsigned char info[128]; /* struct ptrace_syscall_info, of which the first byte tells */
	unsigned long child;
	int event = status >> 16, stop = WSTOPSIG(status);

	if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
	    event == PTRACE_EVENT_CLONE) {
		ptrace(PTRACE_GETEVENTMSG, process->pid, 0, &child);
		find((pid_t)child);
		return 0;
	}
	if (event != 0)
		return 0;
	if (stop != (SIGTRAP | 0x80))
		return stop;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof(info), info) < 0)
		return 0;
	process->is_inside = info[0] == PTRACE_SYSCALL_INFO_ENTRY;
	if (!process->is_inside || (process->calls += 1) < first || process != &processes[role] ||
	    !strike(process->pid, number))
		return 0;
	*outcome = (struct outcome){true, process->calls};
	return -1;
}

/* The tracer's end lets all processes go. */
static _Noreturn void trace(pid_t first_pid, int go, int number, int role, int first)
{
	int status;

	if (ptrace(PTRACE_SEIZE, first_pid, 0, TRACED) != 0 ||
	    ptrace(PTRACE_INTERRUPT, first_pid, 0, 0) != 0)
		err(1, "ptrace");
	find(first_pid);
	processes[0].calls = -CALLS_MAX * 10; /* until the exec */
	if (write(go, "", 1) != 1)
		err(1, "go");
	watch_deadline();
	while (!is_late) {
		pid_t pid = waitpid(-1, &status, __WALL | (are_all_inside() ? WNOHANG : 0));

		if (pid < 0 && errno == ECHILD)
			_exit(0);
		if (pid == 0 && do_all_sleep())
			break;
		if (pid == 0)
			usleep(500);
		if (pid <= 0)
			continue;
		struct process *process = find(pid);
		if (!WIFSTOPPED(status)) {
			process->has_ended = true;
			continue;
		}
		if (process == &processes[0] && status >> 16 == PTRACE_EVENT_EXEC &&
		    process->calls < 0)
			process->calls = 0;
		int pass_on = take_stop(process, status, number, role, first);
		if (pass_on < 0)
			_exit(0);
		ptrace(PTRACE_SYSCALL, pid, 0, pass_on);
	}
	for (int i = 0; i < process_count; i++)
		if (!processes[i].has_ended)
			kill(processes[i].pid, SIGKILL);
	_exit(is_late ? 1 : 0);
}

static _Noreturn void become(int go, char *command[])
{
	char byte;

	if (read(go, &byte, 1) != 1)
		_exit(125);
	int fd = open("/dev/null", O_RDWR);
	for (int i = 0; i < 4; i++)
		if (dup2(fd, i) != i)
			_exit(125);
	if (setgroups(0, NULL) != 0 || setresgid(WWW_DATA, WWW_DATA, WWW_DATA) != 0 ||
	    setresuid(WWW_DATA, WWW_DATA, WWW_DATA) != 0)
		_exit(125);
	execv(command[0], command);
	_exit(125);
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Kills what is left of a run, and says what it was. */
static void remove_left(void)
{
	char line[256] = "";
	FILE *file = fopen("/proc/thread-self/children", "re");

	if (file && fgets(line, sizeof(line), file)) {
		fprintf(stderr, "left after call %d: %s\n", outcome->at, line);
		for (char *at = line, *end; *at; at = end) {
			pid_t pid = (pid_t)strtol(at, &end, 10);
			if (at == end || pid <= 0)
				break;
			kill(pid, SIGKILL);
		}
	}
	if (file)
		fclose(file);
	while (wait(NULL) > 0)
		;
}

/* One run; false if a process of it is left. ENDED is the status of the first. */
static bool run(int number, int role, int first, char *command[], int *ended)
{
	int go[2], status;

	*outcome = (struct outcome){false, 0};
	if (pipe2(go, O_CLOEXEC) != 0)
		err(1, "pipe");
	pid_t child = fork();
	if (child == 0)
		become(go[0], command);
	pid_t tracer = fork();
	if (tracer == 0)
		trace(child, go[1], number, role, first);
	close(go[0]);
	close(go[1]);
	if (child < 0 || waitpid(tracer, &status, 0) != tracer || status != 0)
		errx(1, "a run came neither to its end nor to rest before call %d", first);
	watch_deadline();
	for (pid_t pid; !is_late && ((pid = wait(&status)) > 0 || errno == EINTR);)
		if (pid == child)
			*ended = status_of(status);
	alarm(0);
	if (!is_late)
		return true;
	remove_left();
	return false;
}

int main(int argc, char *argv[])
{
	static bool seen[256];
	int struck = 0, left = 0, missed = 0;

	if (argc < 5)
		errx(2, "usage: strike SIGNAL ROLE FIRST COMMAND...");
	int number = (int)strtol(argv[1], NULL, 10), role = (int)strtol(argv[2], NULL, 10);
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (outcome == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		err(1, "prctl");
	for (int first = (int)strtol(argv[3], NULL, 10); first < CALLS_MAX;
	     first = outcome->at + 1) {
		int ended = 0;
		bool is_clean = run(number, role, first, argv + 4, &ended);

		left += !is_clean;
		/* A run that is refused, because the machine is full, has not so many calls. */
		if (!outcome->is_struck && ++missed < 3) {
			outcome->at = first - 1;
			continue;
		}
		if (!outcome->is_struck)
			break;
		missed = 0;
		struck++;
		seen[ended & 255] = true;
	}
	printf("struck %d, ended", struck);
	for (int i = 0; i < 256; i++)
		if (seen[i])
			printf(" %d", i);
	printf(", left %d\n", left);
	return left != 0;
}
