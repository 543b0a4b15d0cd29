/* SPDX-License-Identifier: MIT */
/*
 * The relay is a process of its own, because any target may block: a reader who has stopped
 * reading stops the output, and neither the watcher's clock nor the end of the run. It has the
 * caller's ids and limits, ends with the last writer, and is not ended by signals that mean the
 * command: a child that outlives the command in a run that is not private keeps its output.
 */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privilege.h"
#include "trampoline/auto_close.h"
#include "trampoline/quantity.h"

#define CHUNK 65536 /* a pipe's room: pipe(7) */

int relay_open_input(unsigned int files)
{
	if (!(files & 1))
		return 0;
	/* Nobody may read, because we are root, what the caller has only for writing. */
	bool is_readable = (fcntl(0, F_GETFL) & O_ACCMODE) == O_RDWR;
	AUTO_CLOSE fd = openat(AT_FDCWD, is_readable ? "/proc/self/fd/0" : "/dev/null",
			       O_RDONLY | O_CLOEXEC);
	off_t offset = lseek(0, 0, SEEK_CUR);

	return fd >= 0 && lseek(fd, offset, SEEK_SET) >= 0 && dup2(fd, 0) == 0 ? 0 : -1;
}

/*
 * Moves at most MOST bytes: how many, 0 at the end, -1 and errno. Not by splice(2), which takes and
 * sets the file's offset unlocked: what others write to that file meanwhile would be overwritten.
 */
static ssize_t move(int from, int to, size_t most)
{
	static char buffer[CHUNK];
	struct pollfd target = {.fd = to, .events = POLLOUT};
	ssize_t length = read(from, buffer, most);

	for (ssize_t at = 0, written; at < length; at += written) {
		(void)poll(&target, 1, -1); /* the caller's file may be O_NONBLOCK, and full */
		written = write(to, buffer + at, (size_t)(length - at));
		if (written < 0)
			return -1;
	}
	return length;
}

/* Moves from FDS[0] to descriptor 1 and from FDS[1] to 2, LEFT bytes at most; FDS[2] is ours. */
static _Noreturn void move_all(const int fds[static 3], uint64_t left)
{
	struct pollfd events[] = {{.fd = fds[0], .events = POLLIN},
				  {.fd = fds[1], .events = POLLIN},
				  {.fd = fds[2], .events = POLLIN}};

	while (events[0].fd >= 0 || events[1].fd >= 0) {
		if (poll(events, ARRAY_LENGTH(events), -1) < 0)
			continue;
		/* Asked whether anything is left to be moved: nothing is. */
		if (!events[0].revents && !events[1].revents) {
			close(events[2].fd);
			events[2].fd = -1;
		}
		for (int i = 0; i < 2; i++) {
			if (!events[i].revents)
				continue;
			size_t most = left < CHUNK ? (size_t)left : CHUNK;
			char excess;
			ssize_t length = most > 0 ? move(events[i].fd, i + 1, most)
						  : read(events[i].fd, &excess, 1);
			if (most == 0 && length > 0) {
				(void)!send(events[2].fd, &excess, 1, MSG_NOSIGNAL);
				_exit(0);
			}
			if (length <= 0) { /* without a reader the command gets SIGPIPE */
				close(events[i].fd);
				close(i + 1);
				events[i].fd = -1;
				continue;
			}
			left -= left == QUANTITY_UNLIMITED ? 0 : (uint64_t)length;
		}
	}
	_exit(0);
}

/* A pipe that the user may open by /dev/stdout, for writing alone. */
static void make_pipe(const struct reporter *reporter, int *read_fd, int *write_fd)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0 || fchmod(fds[1], 0602) != 0)
		report_refuse(reporter, "make a pipe", NULL, NULL);
	*read_fd = fds[0];
	*write_fd = fds[1];
}

static bool is_same(int fd, int other)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

void relay_start(const struct reporter *reporter, struct supervise *supervise)
{
	uint64_t limit = supervise->run->limits[LIMIT_OUTPUT];
	int *output = supervise->output_fds, fds[3] = {-1, -1, -1}, control[2];

	for (int i = 0; i < 2; i++)
		if (limit != QUANTITY_UNLIMITED || supervise->files & 2u << i) {
			/* One pipe for both, so that what is written to both stays in order. */
			if (i == 1 && fds[0] >= 0 && is_same(1, 2))
				output[1] = output[0];
			else
				make_pipe(reporter, &fds[i], &output[i]);
		}
	if (fds[0] < 0 && fds[1] < 0)
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0)
		report_refuse(reporter, "make a socket", NULL, NULL);
	fds[2] = control[1];
	if (supervise_fork_with(reporter, 0, -1) == 0) {
		/* A target that is kept open without need would never end for who reads it. */
		const int kept[] = {fds[0], fds[1], fds[2], fds[0] < 0 ? -1 : 1,
				    fds[1] < 0 ? -1 : 2};

		if (privilege_give_up(reporter->uid, reporter->gid) != 0 ||
		    supervise_close_but(kept, ARRAY_LENGTH(kept)) != 0)
			_exit(EXIT_REFUSED);
		move_all(fds, limit);
	}
	supervise->relay_fd = control[0];
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
		close(fds[i]);
}
