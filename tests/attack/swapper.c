/* SPDX-License-Identifier: MIT */
/*
 * `swapper ONE OTHER` exchanges two names as fast as the kernel lets it, until SIGTERM; then both
 * are where they were, and it says how often it did so.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t is_over;

static void end(int number)
{
	(void)number;
	is_over = 1;
}

int main(int argc, char *argv[])
{
	struct sigaction ends = {.sa_handler = end};
	unsigned long count = 0;

	if (argc != 3)
		errx(2, "usage: swapper ONE OTHER");
	sigaction(SIGTERM, &ends, NULL);
	while (!is_over || count % 2) {
		if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) != 0)
			err(1, "exchange");
		count++;
	}
	printf("%lu\n", count);
	return 0;
}
