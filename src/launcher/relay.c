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
#include <limits.h>
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

/* One way out: from the command's pipe to the caller's descriptor; -1: at its end. */
struct stream {
	int from, to;
	size_t most;       /* what may be written at once: after POLLOUT it does not block */
	size_t at, length; /* of the buffer: what is read, and not yet written, is between */
	char *buffer;
};

static void end_stream(struct stream *stream)
{
	close(stream->from); /* without a reader the command gets SIGPIPE */
	close(stream->to);
	*stream = (struct stream){.from = -1, .to = -1};
}

/*
 * Writes what has been read, or else reads, of LEFT bytes; false: there are more than that. Not by
 * splice(2), which takes and sets the file's offset unlocked: what others write to that file
 * meanwhile would be overwritten.
 */
static bool move(struct stream *stream, uint64_t *left)
{
	size_t rest = stream->length - stream->at, most = *left < CHUNK ? (size_t)*left : CHUNK;
	ssize_t length;

	if (rest > 0) {
		length = write(stream->to, stream->buffer + stream->at,
			       rest < stream->most ? rest : stream->most);
		if (length > 0)
			stream->at += (size_t)length;
		else if (errno != EAGAIN) /* another writer may have been faster */
			end_stream(stream);
		return true;
	}
	length = read(stream->from, stream->buffer, most > 0 ? most : 1);
	if (length > 0 && most == 0)
		return false;
	if (length <= 0) {
		end_stream(stream);
		return true;
	}
	stream->at = 0;
	stream->length = (size_t)length;
	*left -= *left == QUANTITY_UNLIMITED ? 0 : (uint64_t)length;
	return true;
}

/* Moves LEFT bytes at most. A target that takes nothing keeps back what is for it, and no more. */
static _Noreturn void move_all(struct stream streams[static 2], int control_fd, uint64_t left)
{
	struct pollfd events[3];

	for (bool is_asked = false;;) {
		bool is_waiting = false;
		events[2] = (struct pollfd){.fd = is_asked ? -1 : control_fd, .events = POLLIN};
		for (int i = 0; i < 2; i++) {
			bool is_read = streams[i].at < streams[i].length;
			events[i].fd = is_read ? streams[i].to : streams[i].from;
			events[i].events = is_read ? POLLOUT : POLLIN;
			is_waiting = is_waiting || is_read;
		}
		if (!is_waiting && streams[0].from < 0 && streams[1].from < 0)
			_exit(0);
		int count = poll(events, ARRAY_LENGTH(events), is_asked && !is_waiting ? 0 : -1);
		if (count == 0) { /* asked whether anything is left to be moved: nothing is */
			close(control_fd);
			control_fd = -1;
			is_asked = false;
		}
		for (int i = 0; count > 0 && i < 2; i++) {
			if (!events[i].revents || move(&streams[i], &left))
				continue;
			(void)!send(control_fd, "", 1, MSG_NOSIGNAL);
			for (int j = 0; j < 2; j++) { /* what has been read is still written */
				close(streams[j].from);
				streams[j].from = -1;
			}
			break;
		}
		is_asked = is_asked || (count > 0 && events[2].revents);
	}
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
		static char buffer[2][CHUNK];
		struct stream streams[2];
		for (int i = 0; i < 2; i++)
			streams[i] = (struct stream){.from = fds[i],
						     .to = i + 1,
						     .most = supervise->files & 2u << i ? CHUNK
											: PIPE_BUF,
						     .buffer = buffer[i]};
		/* A target that is kept open without need would never end for who reads it. */
		const int kept[] = {fds[0], fds[1], fds[2], fds[0] < 0 ? -1 : 1,
				    fds[1] < 0 ? -1 : 2};

		if (privilege_give_up(reporter->uid, reporter->gid) != 0 ||
		    supervise_close_but(kept, ARRAY_LENGTH(kept)) != 0)
			_exit(EXIT_REFUSED);
		move_all(streams, fds[2], limit);
	}
	supervise->relay_fd = control[0];
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
		close(fds[i]);
}
