/* SPDX-License-Identifier: MIT */
/*
 * A log that keeps what it is sent: `devlog SOCKET FILE` receives datagrams on SOCKET and appends
 * each to FILE as one line, bytes that are not printable ASCII as \xNN. SIGTERM ends it once it has
 * written all that was sent before.
 */
#include <ctype.h>
#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static volatile sig_atomic_t is_over;

static void end(int number)
{
	(void)number;
	is_over = 1;
}

int main(int argc, char *argv[])
{
	struct timeval pause = {.tv_usec = 50000};
	struct sigaction ends = {.sa_handler = end};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	unsigned char bytes[8192];
	ssize_t length;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (argc != 3)
		errx(2, "usage: devlog SOCKET FILE");
	sigaction(SIGTERM, &ends, NULL);
	FILE *file = fopen(argv[2], "a");
	strncpy(address.sun_path, argv[1], sizeof(address.sun_path) - 1);
	if (!file || fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof(pause)) != 0 ||
	    chmod(argv[1], 0666) != 0)
		err(2, "%s", argv[1]);
	for (bool was_over = false;; was_over = is_over) {
		length = recv(fd, bytes, sizeof(bytes), 0);
		if (length < 0 && was_over)
			break;
		if (length < 0)
			continue;
		for (ssize_t i = 0; i < length; i++)
			fprintf(file, isprint(bytes[i]) ? "%c" : "\\x%02x", bytes[i]);
		fputc('\n', file);
		fflush(file);
	}
	return 0;
}
