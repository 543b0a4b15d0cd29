/* SPDX-License-Identifier: MIT */
/* dev = minimal: the devices that every program expects, none that reaches hardware. */
#include "device.h"

#include <stddef.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int device_populate(int dev_fd)
{
	/* Numbers: Documentation/admin-guide/devices.txt */
	static const struct {
		const char *name;
		unsigned int major, minor;
	} nodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
		     {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
	static const struct {
		const char *name, *target;
	} links[] = {{"fd", "/proc/self/fd"},
		     {"stdin", "/proc/self/fd/0"},
		     {"stdout", "/proc/self/fd/1"},
		     {"stderr", "/proc/self/fd/2"},
		     {"shm",
		      "../tmp"}}; /* POSIX shared memory is the user's own, never another jail's */

	for (size_t i = 0; i < ARRAY_LENGTH(nodes); i++)
		if (mknodat(dev_fd, nodes[i].name, S_IFCHR | 0666,
			    makedev(nodes[i].major, nodes[i].minor)) != 0 ||
		    fchmodat(dev_fd, nodes[i].name, 0666, 0) != 0) /* whatever the umask */
			return -1;
	for (size_t i = 0; i < ARRAY_LENGTH(links); i++)
		if (symlinkat(links[i].target, dev_fd, links[i].name) != 0)
			return -1;
	return 0;
}
