/* SPDX-License-Identifier: MIT */
/*
 * The kernel's list of mounts, proc_pid_mountinfo(5), as the keeper reads it through libmount: of a
 * jail that it has just built, and, behind a line "--", of a process in a jail, whose user may have
 * made mounts of his own. The calls that ask the kernel for more than this list are replaced.
 */
#include "build/verify.h"

#include <linux/mount.h>
#include <regex.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "../unit/sample.h"
#include "admin/ask.h"
#include "admin/inside.h"
#include "admin/list.h"
#include "scratch.h"

#define MOUNT_ID 42 /* of the directory that is asked for */
#define PROCESS 7

static int self_fd, process_fd;
static struct namespace_host host;
static bool is_looking;

/* --- in the place of the keeper's and libc's own ---------------------------------------------- */

pid_t inside_search(const struct namespace_host *searched,
		    int (*matches)(void *context, const struct inside_process *process),
		    void *context)
{
	const struct inside_process process = {.pid = PROCESS, .uid = 1001};

	(void)searched;
	int result = matches(context, &process);
	return result == 1 ? PROCESS : result;
}

/* Each path of the jail is what it should be, so that it is for the list to say what is wrong. */
int stat(const char *path, struct stat *status)
{
	if (!is_looking)
		return fstatat(AT_FDCWD, path, status, 0);
	status->st_dev = makedev(8, 1);
	status->st_ino = 4711;
	return 0;
}

int statx(int fd, const char *path, int flags, unsigned int mask, struct statx *status)
{
	if (!is_looking)
		return (int)syscall(SYS_statx, fd, path, flags, mask, status);
	status->stx_mask = STATX_MNT_ID;
	status->stx_mnt_id = MOUNT_ID;
	return 0;
}

/* ---------------------------------------------------------------------------------------------- */

static void start(void)
{
	scratch_make();
	MUST_HOLD(mkdirat(scratch_fd, "self", 0700) == 0 && mkdirat(scratch_fd, "7", 0700) == 0);
	self_fd = scratch_open(scratch_fd, "self");
	process_fd = scratch_open(scratch_fd, "7");
	host = (struct namespace_host){.mount_fd = -1, .proc_fd = scratch_fd};
	MUST_HOLD(self_fd >= 0 && process_fd >= 0);
}

/* A jail with all that it can have: a /dev, a /proc, and a bind. */
static void make_jail(struct jail *jail)
{
	struct record_origin *origins = jail->record.origins;
	struct config_pair *bind = &jail->config.pairs[CONFIG_BINDS][0];

	memset(jail, 0, sizeof(*jail));
	sample_record(&jail->record);
	config_defaults(&jail->config);
	jail->config.has_dev = jail->config.has_proc = true;
	jail->record.bind_count = jail->config.pair_counts[CONFIG_BINDS] = 1;
	memcpy(bind->key, "/srv", sizeof("/srv"));
	memcpy(bind->value, "/srv", sizeof("/srv"));
	for (size_t i = 0; i < RECORD_SOURCES; i++)
		origins[i] = (struct record_origin){.device = makedev(8, 1), .inode = 4711};
	*record_binds(&jail->record) = origins[0];
}

/* A line as the kernel writes it, with no part escaped: its mount point is the first group. */
#define LINE                                                                                       \
	"^[0-9]{1,9} [0-9]{1,9} [0-9]{1,4}:[0-9]{1,6} /[^ \\]* (/|(/[^ /\\]+)+) [a-z,]+"           \
	"( shared:[0-9]+| master:[0-9]+| unbindable)* - [a-z]+ [^ :]+ [^ ]+$"

/* A jail that is found good has each of its mounts once, private, and no others. */
static void must_be_good(const struct jail *jail, char *list)
{
	static regex_t pattern;
	struct jail_mount mounts[JAIL_MOUNTS_MAX];
	size_t count = jail_mounts(jail, mounts), lines = 0, known = 0;
	regmatch_t part[2];

	if (!pattern.re_nsub)
		MUST_HOLD(regcomp(&pattern, LINE, REG_EXTENDED) == 0);
	for (char *text; (text = strsep(&list, "\n")); lines += *text != '\0') {
		if (!*text)
			continue;
		if (regexec(&pattern, text, ARRAY_LENGTH(part), part, 0) != 0)
			return;
		MUST_HOLD(!strstr(text, " shared:"));
		for (size_t i = 0; i < count; i++)
			known +=
				strlen(mounts[i].path) == (size_t)(part[1].rm_eo - part[1].rm_so) &&
				!strncmp(mounts[i].path, text + part[1].rm_so,
					 strlen(mounts[i].path));
	}
	MUST_HOLD(lines == count && known == count);
}

/* Whether libmount takes it for a list of the kernel's, and for none of mount(8)'s. */
static bool is_mountinfo(const char *list)
{
	unsigned int id, parent;

	return !*list || (*list >= '0' && *list <= '9' && sscanf(list, "%u %u", &id, &parent) == 2);
}

static void look(const struct jail *jail, char *list, bool is_text)
{
	struct text error;
	char name[NAME_LENGTH_MAX + 1];

	if (verify_jail(&host, jail, &error) != 0)
		must_be_sentence(&error);
	else if (is_text)
		must_be_good(jail, list);
	list_read_name(&host, PROCESS, name);
	MUST_HOLD(!name[0] || name_is_jail(name));
	int fd = scratch_open(AT_FDCWD, "/usr");
	pid_t found = ask_find_mounted(&host, fd);
	MUST_HOLD(found == PROCESS || found == 0 || found == -1);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct jail jail;
	char *list = malloc(size + 1);

	MUST_HOLD(list);
	memcpy(list, bytes, size);
	list[size] = '\0';
	if (scratch_fd < 0) {
		start();
		make_jail(&jail);
	}
	char *second = strstr(list, "--\n");
	size_t first_size = second ? (size_t)(second - list) : size;
	second = second ? second + strlen("--\n") : list + size;
	list[first_size] = '\0';
	if (is_mountinfo(list) && is_mountinfo(second)) {
		scratch_write(self_fd, "mountinfo", list, first_size, 0600);
		scratch_write(process_fd, "mountinfo", second, size - (size_t)(second - list),
			      0600);
		is_looking = true;
		look(&jail, list, strlen(list) == first_size);
		is_looking = false;
	}
	free(list);
	return 0;
}
