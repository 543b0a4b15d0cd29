/* SPDX-License-Identifier: MIT */
/*
 * A log that keeps what it is sent: `devlog SOCKET FILE` receives datagrams on SOCKET and appends
 * each to FILE as one line, bytes that are not printable ASCII as \xNN, until SIGTERM.
 */
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	unsigned char bytes[8192];
	ssize_t length;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (argc != 3)
		errx(2, "usage: devlog SOCKET FILE");
	FILE *file = fopen(argv[2], "a");
	strncpy(address.sun_path, argv[1], sizeof(address.sun_path) - 1);
	if (!file || fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(argv[1], 0666) != 0)
		err(2, "%s", argv[1]);
	while ((length = recv(fd, bytes, sizeof(bytes), 0)) >= 0) {
		for (ssize_t i = 0; i < length; i++)
			fprintf(file, isprint(bytes[i]) ? "%c" : "\\x%02x", bytes[i]);
		fputc('\n', file);
		fflush(file);
	}
	return 0;
}
