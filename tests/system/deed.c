/* SPDX-License-Identifier: MIT */
/*
 * What a command in a jail may do to be watched for: `deed NAME [ARGUMENT...]`, see the table at
 * the end. Static, so that it runs in any image.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MEBIBYTE 1048576L
#define HOUR_MS 3600000L

static volatile sig_atomic_t seen;

static void see(int number)
{
	(void)number;
	seen++;
}

static void say(const char *word, long number)
{
	printf("%s %ld\n", word, number);
	fflush(stdout);
}

/* A sleep that signals do not shorten. */
static void rest(long milliseconds)
{
	struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};

	while (nanosleep(&left, &left) != 0)
		;
}

/* tree N: N children that nobody waits for, each a session of its own; SIGTERM ends none. */
static int tree(char **words)
{
	long count = strtol(words[0], NULL, 10), grown = 0;

	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (long i = 0; i < count; i++) {
		pid_t child = fork();

		if (child == 0) {
			setsid();
			if (fork() != 0)
				_exit(0);
			rest(HOUR_MS);
			_exit(0);
		}
		grown += child > 0;
		if (child > 0)
			waitpid(child, NULL, 0);
	}
	say("grown", grown);
	rest(HOUR_MS);
	return 0;
}

/* bomb SECONDS: forks for so long, and so do all its children. */
static int bomb(char **words)
{
	time_t end = time(NULL) + strtol(words[0], NULL, 10);

	signal(SIGCHLD, SIG_IGN);
	while (time(NULL) < end)
		(void)!fork();
	return 0;
}

/* count SIGNAL MS: waits for it; then says how often it has come MS milliseconds later. */
static int count(char **words)
{
	struct sigaction action = {.sa_handler = see};

	sigaction((int)strtol(words[0], NULL, 10), &action, NULL);
	say("ready", 0);
	while (!seen)
		rest(10);
	rest(strtol(words[1], NULL, 10));
	say("counted", seen);
	return 0;
}

/* edit: a full-screen program: raw mode, ^Z suspends its process group, q ends it with status 5. */
static int edit(char **words)
{
	struct termios cooked, raw;
	char byte;

	(void)words;
	if (tcgetattr(0, &cooked) != 0)
		err(1, "standard input");
	raw = cooked;
	cfmakeraw(&raw);
	tcsetattr(0, TCSANOW, &raw);
	printf("editing\r\n");
	fflush(stdout);
	while (read(0, &byte, 1) == 1 && byte != 'q') {
		if (byte != 26)
			continue;
		tcsetattr(0, TCSANOW, &cooked);
		kill(0, SIGTSTP);
		tcsetattr(0, TCSANOW, &raw);
		printf("editing again\r\n");
		fflush(stdout);
	}
	tcsetattr(0, TCSANOW, &cooked);
	return 5;
}

/* push TEXT: types it into the terminal, as if somebody had (TIOCSTI). */
static int push(char **words)
{
	for (char *byte = words[0]; *byte; byte++) {
		if (ioctl(0, TIOCSTI, byte) == 0)
			continue;
		printf("refused: %s\n", strerror(errno));
		return 0;
	}
	printf("typed\n");
	return 1;
}

/* seize PID ROUNDS: attaches to it as a debugger does; status 0 if that is not permitted. */
static int seize(char **words)
{
	pid_t pid = (pid_t)strtol(words[0], NULL, 10);

	for (long i = strtol(words[1], NULL, 10); i > 0; i--) {
		if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0)
			continue;
		printf("seized\n");
		return 1;
	}
	printf("refused: %s\n", strerror(errno));
	return errno != EPERM;
}

/* stop SECONDS: stops every process that it may, again and again. */
static int stop(char **words)
{
	time_t end = time(NULL) + strtol(words[0], NULL, 10);

	say("ready", 0);
	while (time(NULL) < end)
		kill(-1, SIGSTOP);
	return 0;
}

/* die SIGNAL: sends it to itself; if that only stops it, it goes on, and ends with 3. */
static int die(char **words)
{
	int number = (int)strtol(words[0], NULL, 10);
	pid_t self = getpid();

	signal(number, SIG_DFL);
	if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU) {
		pid_t child = fork();

		if (child == 0) {
			rest(50);
			kill(self, SIGCONT);
			_exit(0);
		}
		kill(self, number);
		waitpid(child, NULL, 0);
	} else {
		kill(self, number);
	}
	return 3;
}

/* data MIB: allocates and touches so much, one by one; says how much it got. */
static int data(char **words)
{
	long wanted = strtol(words[0], NULL, 10), got = 0;

	for (; got < wanted; got++) {
		char *block = malloc(MEBIBYTE);

		if (!block)
			break;
		memset(block, 1, MEBIBYTE);
	}
	say("got", got);
	return got == wanted ? 0 : 1;
}

/* hoard MS: opens descriptors until there is none, and keeps them. */
static int hoard(char **words)
{
	long held = 0;

	while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
		held++;
	printf("held %ld: %s\n", held, strerror(errno));
	fflush(stdout);
	rest(strtol(words[0], NULL, 10));
	return 0;
}

/* spin: processor time, whatever SIGXCPU says; with a word, it dies of it. */
static int spin(char **words)
{
	struct sigaction action = {.sa_handler = see};

	if (!words[0])
		sigaction(SIGXCPU, &action, NULL);
	while (seen < INT32_MAX)
		;
	return 0;
}

/* quiet MS: closes 0 and 1 and lives on for so long. */
static int quiet(char **words)
{
	close(0);
	close(1);
	rest(strtol(words[0], NULL, 10));
	return 0;
}

/* terminal COMMAND...: runs it at a pseudo-terminal, whose output is copied; its status. */
static int terminal(char **words)
{
	char bytes[4096];
	ssize_t length;
	int master, status;
	pid_t child = forkpty(&master, NULL, NULL, NULL);

	if (child < 0)
		err(1, "forkpty");
	if (child == 0) {
		execvp(words[0], words);
		err(127, "%s", words[0]);
	}
	while ((length = read(master, bytes, sizeof(bytes))) > 0)
		if (write(1, bytes, (size_t)length) != length)
			err(1, "output");
	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

/* terminals MS: opens pseudo-terminals until there is none, and keeps them. */
static int terminals(char **words)
{
	long held = 0;

	while (posix_openpt(O_RDWR | O_NOCTTY) >= 0)
		held++;
	printf("held %ld: %s\n", held, strerror(errno));
	fflush(stdout);
	rest(strtol(words[0], NULL, 10));
	return 0;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

/* serve PATH TEXT: a socket there, where the first who connects is told TEXT. */
static int serve(char **words)
{
	struct sockaddr_un address = address_of(words[0]);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), one;

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1) != 0 ||
	    chmod(words[0], 0666) != 0)
		err(1, "%s", words[0]);
	one = accept(fd, NULL, NULL);
	return write(one, words[1], strlen(words[1])) < 0;
}

/* ask PATH: what one is told at the socket there. */
static int ask(char **words)
{
	struct sockaddr_un address = address_of(words[0]);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char text[64] = "";

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    read(fd, text, sizeof(text) - 1) < 0)
		err(1, "%s", words[0]);
	printf("%s\n", text);
	return 0;
}

static const struct {
	const char *name;
	int words;
	int (*perform)(char **words);
} deeds[] = {
	{"tree", 1, tree},         {"bomb", 1, bomb},           {"count", 2, count},
	{"edit", 0, edit},         {"push", 1, push},           {"seize", 2, seize},
	{"stop", 1, stop},         {"data", 1, data},           {"die", 1, die},
	{"hoard", 1, hoard},       {"spin", 0, spin},           {"quiet", 1, quiet},
	{"terminal", 1, terminal}, {"terminals", 1, terminals}, {"serve", 2, serve},
	{"ask", 1, ask},
};

int main(int argc, char *argv[])
{
	for (size_t i = 0; argc > 1 && i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (strcmp(deeds[i].name, argv[1]) == 0 && argc - 2 >= deeds[i].words)
			return deeds[i].perform(argv + 2);
	errx(2, "unknown deed");
}
