/* SPDX-License-Identifier: MIT */
/*
 * A caller that owns the terminal: `terminal [-k KEY | -c] DELAY_US PROGRAM [ARGUMENT...]` runs
 * PROGRAM in the foreground of a pseudo-terminal and presses ^Z (or KEY, a byte's number) after the
 * delay; with -c, that long after PROGRAM has had a child.
 * The kernel sends what a key means to the whole foreground group and asks nobody's permission.
 * Then it waits up to a second and says what PROGRAM is: its exit status, or "stopped" or
 * "running", and leaves it so.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void sleep_us(long us)
{
	struct timespec time = {us / 1000000, us % 1000000 * 1000};

	nanosleep(&time, NULL);
}

/* Until PID has a child, or has ended. */
static void wait_for_child(pid_t pid)
{
	char path[64], byte;
	siginfo_t info = {.si_pid = 0};

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	for (;;) {
		int fd = open(path, O_RDONLY);

		if (fd < 0)
			return; /* a kernel that does not tell */
		ssize_t length = read(fd, &byte, 1);
		close(fd);
		if (length > 0 ||
		    (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		     info.si_pid))
			return;
	}
}

/* The session's leader: a shell that stays, so that the group in front is not an orphan. */
static void lead(int terminal, int master, unsigned char key, bool is_child, long delay,
		 char *argv[])
{
	int status = 0, ready[2];

	if (setsid() < 0 || ioctl(terminal, TIOCSCTTY, 0) != 0 || pipe(ready) != 0)
		err(1, "session");
	signal(SIGTTOU, SIG_IGN);
	pid_t child = fork();
	if (child == 0) {
		char byte;

		close(ready[1]);
		(void)!read(ready[0], &byte, 1);
		close(ready[0]);
		close(master);
		dup2(terminal, 0);
		close(terminal);
		signal(SIGTTOU, SIG_DFL);
		execv(argv[0], argv);
		err(1, "%s", argv[0]);
	}
	setpgid(child, child);
	if (tcsetpgrp(terminal, child) != 0)
		err(1, "foreground");
	close(ready[0]);
	close(ready[1]);
	if (is_child)
		wait_for_child(child);
	sleep_us(delay);
	(void)!write(master, &key, 1);
	for (int i = 0; i < 100; i++) {
		if (waitpid(child, &status, WNOHANG | WUNTRACED) == child) {
			if (WIFSTOPPED(status))
				printf("stopped\n");
			else if (WIFSIGNALED(status))
				printf("signal %d\n", WTERMSIG(status));
			else
				printf("exit %d\n", WEXITSTATUS(status));
			return;
		}
		sleep_us(10000);
	}
	printf("running\n");
}

int main(int argc, char *argv[])
{
	unsigned char key = 26;
	bool is_child = argc > 1 && strcmp(argv[1], "-c") == 0;
	int at = is_child ? 2 : 1;

	if (argc > 2 && strcmp(argv[1], "-k") == 0) {
		key = (unsigned char)atoi(argv[2]);
		at = 3;
	}
	if (at + 1 >= argc)
		errx(2, "usage: terminal [-k KEY | -c] DELAY_US PROGRAM [ARGUMENT...]");
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
		err(1, "pseudo-terminal");
	int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (terminal < 0)
		err(1, "%s", ptsname(master));
	pid_t leader = fork();
	if (leader == 0) {
		lead(terminal, master, key, is_child, atol(argv[at]), argv + at + 1);
		fflush(stdout);
		/* The terminal's hangup would end what is stopped; whoever asked looks first. */
		pause();
		_exit(0);
	}
	close(terminal);
	char go;
	(void)!read(0, &go, 1); /* until standard input ends */
	kill(leader, SIGKILL);
	return 0;
}
