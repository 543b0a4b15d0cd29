/* SPDX-License-Identifier: MIT */
/*
 * What is in RUNDIR, and in the cgroup that jails have theirs in: one entry a line, its kind, its
 * name, and behind a space what is in it. Made in a scratch directory, looked at by the keeper as
 * `--list' and cleanup do, then withdrawn and removed as discard does.
 *
 *   r NAME BYTES   a jail with a good record; BYTES, three each, change it as fuzz_record.c has it
 *   w NAME         the same, withdrawn              g NAME BYTES   the record is these bytes
 *   l NAME TARGET  the record is a symbolic link    p NAME         a FIFO     d NAME   a directory
 *   n NAME FILE    no record, but what a killed keeper leaves, and FILE
 *   s NAME TARGET  a symbolic link in the place of the jail's directory       f NAME   a file
 *   c NAME         a cgroup
 *
 * The kernel's part that root alone can set up is stood in for: whose file it is, the namespaces.
 */
#include "admin/live.h"

#include <errno.h>

#include "../unit/sample.h"
#include "auto_free.h"
#include "build/cgroup.h"
#include "build/hub.h"
#include "build/pin.h"
#include "build/state.h"
#include "policy/path.h"
#include "scratch.h"
#include "trampoline/layout.h"
#include "trampoline/paths.h"

#define LINES_MAX 64

static int jails_fd, leaves_fd;
static struct text error;

/* What has to be listed. */
static char wanted[LINES_MAX][NAME_LENGTH_MAX + 1];
static size_t wanted_count;

/* --- in the place of the keeper's and libc's own ---------------------------------------------- */

int namespace_remember(struct namespace_host *host)
{
	host->mount_fd = host->proc_fd = -1;
	return 0;
}

int namespace_is_first(void)
{
	return 1;
}

int namespace_enter(int fd)
{
	(void)fd;
	return 0;
}

int inside_read(const struct namespace_host *host, struct inside *inside)
{
	(void)host;
	memset(inside, 0, sizeof(*inside));
	return 0;
}

int hub_open_run_directory(struct text *text)
{
	(void)text;
	return dup(scratch_fd);
}

int hub_open(const struct namespace_host *host, int run_fd)
{
	(void)host;
	return dup(run_fd);
}

int cgroup_open(void)
{
	return dup(leaves_fd);
}

uid_t pin_uid(const char *name)
{
	return name[0] % 2 ? 1000 + (uid_t)strlen(name) : 0;
}

int path_open_own(int directory_fd, const char *path)
{
	return openat(directory_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int stat(const char *path, struct stat *status)
{
	return fstatat(AT_FDCWD, strcmp(path, PATHS_RUN) ? path : "/", status, 0);
}

int fstat(int fd, struct stat *status)
{
	int result = fstatat(fd, "", status, AT_EMPTY_PATH);

	status->st_uid = 0;
	return result;
}

/* --- making ----------------------------------------------------------------------------------- */

static void start(void)
{
	scratch_make();
	MUST_HOLD(mkdirat(scratch_fd, LAYOUT_RUN_JAILS, 0700) == 0 &&
		  mkdirat(scratch_fd, "leaves", 0700) == 0);
	jails_fd = scratch_open(scratch_fd, LAYOUT_RUN_JAILS);
	leaves_fd = scratch_open(scratch_fd, "leaves");
	MUST_HOLD(jails_fd >= 0 && leaves_fd >= 0);
}

static void want(const char *name)
{
	if (name_is_jail(name))
		memcpy(wanted[wanted_count++], name, strlen(name) + 1);
}

static void make_record(int fd, const char *name, char kind, const char *bytes, size_t size)
{
	static struct record record;
	mode_t mode = kind == 'w' ? RECORD_WITHDRAWN_MODE : RECORD_MODE;

	sample_record(&record);
	memset(record.name, 0, sizeof(record.name));
	memcpy(record.name, name, strnlen(name, NAME_LENGTH_MAX));
	record_seal(&record);
	size_t length = record.size;
	for (; size >= 3; bytes += 3, size -= 3)
		((char *)&record)[(size_t)((uint8_t)bytes[0] << 8 | (uint8_t)bytes[1]) % length] ^=
			bytes[2];
	scratch_write(fd, LAYOUT_RUN_RECORD, &record, length, mode);
}

static void make_inside(int fd, char kind, const char *name, const char *rest, size_t size)
{
	switch (kind) {
	case 'g':
		scratch_write(fd, LAYOUT_RUN_RECORD, rest, size, RECORD_MODE);
		break;
	case 'l':
		(void)!symlinkat(rest, fd, LAYOUT_RUN_RECORD);
		break;
	case 'p':
		(void)mkfifoat(fd, LAYOUT_RUN_RECORD, RECORD_MODE);
		break;
	case 'd':
		(void)mkdirat(fd, LAYOUT_RUN_RECORD, 0700);
		break;
	case 'n':
		scratch_write(fd, "record.new", "", 0, RECORD_MODE);
		scratch_write(fd, "retired.1", "", 0, RECORD_MODE);
		if (*rest && !strchr(rest, '/'))
			scratch_write(fd, rest, "", 0, RECORD_MODE);
		break;
	default:
		make_record(fd, name, kind, rest, size);
	}
}

static void make_entry(char kind, const char *name, const char *rest, size_t size)
{
	char leaf[512];

	if (!*name || strchr(name, '/') || strlen(name) > 255 || wanted_count == LINES_MAX)
		return;
	if (kind == 'c') {
		snprintf(leaf, sizeof(leaf), CGROUP_LEAF "%s", name);
		if (mkdirat(leaves_fd, leaf, 0700) == 0)
			want(name);
	} else if (kind == 's') {
		if (symlinkat(rest, jails_fd, name) == 0)
			want(name);
	} else if (kind == 'f') {
		int fd = openat(jails_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		if (fd >= 0)
			want(name);
		auto_close(&fd);
	} else if (mkdirat(jails_fd, name, 0700) == 0) {
		AUTO_CLOSE fd = scratch_open(jails_fd, name);

		want(name);
		if (fd >= 0)
			make_inside(fd, kind, name, rest, size);
	}
}

static void make_all(char *text)
{
	wanted_count = 0;
	for (char *line; (line = strsep(&text, "\n"));) {
		if (!line[0] || line[1] != ' ')
			continue;
		char *name = line + 2, *rest = name + strcspn(name, " ");
		if (*rest)
			*rest++ = '\0';
		make_entry(line[0], name, rest, strlen(rest));
	}
}

/* --- looking ---------------------------------------------------------------------------------- */

static bool is_wanted(const char *name)
{
	for (size_t i = 0; i < wanted_count; i++)
		if (!strcmp(wanted[i], name))
			return true;
	return false;
}

static bool is_listed(const struct live *live, const char *name)
{
	for (size_t i = 0; i < live->count; i++)
		if (!strcmp(live->jails[i].name, name))
			return true;
	return false;
}

static void must_be_all(const struct live *live)
{
	for (size_t i = 0; i < live->count; i++) {
		MUST_HOLD(is_wanted(live->jails[i].name));
		MUST_HOLD(i == 0 || strcmp(live->jails[i - 1].name, live->jails[i].name) < 0);
		MUST_HOLD(live->jails[i].uid == pin_uid(live->jails[i].name));
	}
	for (size_t i = 0; i < wanted_count; i++)
		MUST_HOLD(is_listed(live, wanted[i]));
}

static void must_be_read(const struct live *live, const struct live_jail *jail)
{
	static struct record record;

	if (live_read(live, jail, &record) == 0)
		MUST_HOLD(record_is_valid(&record, record.size, jail->name) && record.uid != 0);
	else
		MUST_HOLD(record.uid == jail->uid && record.flags == 0);
	MUST_HOLD(!strncmp(record.name, jail->name, sizeof(record.name)));
}

/* Withdrawn, it is in force no more; removed, only what is no keeper's keeps the directory. */
static void must_go(const struct live *live, const char *name)
{
	static struct record record;
	AUTO_CLOSE fd = state_lock(live->run_fd, name, false, &error);

	if (fd < 0) {
		must_be_sentence(&error);
		return;
	}
	if (state_withdraw(fd, name, false, &error) != 0)
		must_be_sentence(&error);
	MUST_HOLD(state_read(fd, name, &record) != 0);
	bool is_gone = state_remove(live->run_fd, fd, name) == 0;
	MUST_HOLD(is_gone || errno == ENOTEMPTY);
	MUST_HOLD((faccessat(jails_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0) == is_gone);
	MUST_HOLD(is_gone || faccessat(fd, "record.new", F_OK, AT_SYMLINK_NOFOLLOW) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct live live;
	char *text = malloc(size + 1);

	MUST_HOLD(text);
	if (scratch_fd < 0)
		start();
	memcpy(text, bytes, size);
	text[size] = '\0';
	make_all(text);
	free(text);
	MUST_HOLD(live_open(&live, "alice", &error) == 0);
	MUST_HOLD(live.count == 1 && !strcmp(live.jails[0].name, "alice"));
	live_close(&live);
	MUST_HOLD(live_open(&live, NULL, &error) == 0);
	must_be_all(&live);
	for (size_t i = 0; i < live.count; i++) {
		must_be_read(&live, &live.jails[i]);
		must_go(&live, live.jails[i].name);
	}
	live_close(&live);
	scratch_each(jails_fd, scratch_remove_deep);
	scratch_each(leaves_fd, scratch_remove);
	return 0;
}
