/* SPDX-License-Identifier: MIT */
#include "keeper/policy/jail.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trampoline/paths.h"
#include "unit.h"

#define CONF PATHS_CONFIG "/trampoline.conf"
#define ALICE PATHS_DATA "/alice"

static struct jail jail;
static struct text error;

/* A whole installation with one user. */
static void make_installation(const char *policy)
{
	unit_mount_over(PATHS_CONFIG);
	unit_mount_over(PATHS_DATA);
	unit_make_directory(PATHS_IMAGES, 0755, 0);
	unit_write_text(CONF, policy);
	unit_make_directory(PATHS_IMAGES "/default", 0755, 0);
	unit_make_directory(PATHS_IMAGES "/default/7", 0755, 0);
	ck_assert_int_eq(symlink("7", PATHS_IMAGES "/default/current"), 0);
	unit_make_directory(ALICE, 0755, 0);
	unit_make_directory(ALICE "/home", 0755, 0);
	unit_make_directory(ALICE "/home/alice", 0700, 1001);
	unit_make_directory(ALICE "/tmp", 0700, 1001);
}

static int next_fd(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	close(fd);
	return fd;
}

START_TEST(jail_describe__whole_installation__all_that_a_record_needs)
{
	struct stat status;
	struct record *record = &jail.record;
	static const char environment[] =
		"HOME=/home/alice\0USER=alice\0LOGNAME=alice\0SHELL=/bin/sh\0"
		"PATH=/usr/local/bin:/usr/bin:/bin\0LANG=C.UTF-8\0A=b c";

	make_installation("[set]\nA = b c\n[trampoline]\ncallers = 7 8\nlog = runs\n"
			  "[limits]\ntimeout = 2s\n[environment]\numask = 077\nkeep = A\n"
			  "[confinement]\nprocesses = private\nnoexec = yes\n");
	assert_done(jail_describe(&jail, "alice", &error), error);
	ck_assert_str_eq(record->name, "alice");
	ck_assert_str_eq(record->image, "default");
	ck_assert_str_eq(record->image_version, "7");
	ck_assert_uint_eq(record->uid, 1001);
	ck_assert_uint_eq(record->gid, 1001);
	ck_assert_uint_eq(record->group_count, 1);
	ck_assert_uint_eq(record->groups[0], 1001);
	ck_assert_uint_eq(record->cpus[0], UINT64_MAX);
	ck_assert_uint_eq(record->caller_count, 2);
	ck_assert_uint_eq(record->callers[1], 8);
	ck_assert_uint_eq(record->timeout_ms, 2000);
	ck_assert_uint_eq(record->umask, 077);
	ck_assert_uint_eq(record->keep_length, 2);
	ck_assert_str_eq(record->shell, "/bin/sh");
	ck_assert_mem_eq(record_set(record), environment, sizeof(environment));
	ck_assert_uint_eq(record->set_length, sizeof(environment));
	ck_assert_uint_eq(record->flags, RECORD_LOG_RUNS | RECORD_LOG_REFUSALS |
						 RECORD_PRIVATE_PROCESSES | RECORD_PROC);
	ck_assert_uint_gt(record->filter_length, 0);
	ck_assert_uint_eq(record->origins[RECORD_OVERRIDE].inode, 0);
	ck_assert_str_eq(record->origins[RECORD_OVERRIDE].path, PATHS_CONFIG "/jails.d/alice.conf");
	ck_assert_str_eq(record->origins[RECORD_IMAGE].path, PATHS_IMAGES "/default/current");
	ck_assert_str_eq(record->origins[RECORD_HOME].path, ALICE "/home/alice");
	ck_assert_int_eq(fstat(jail.base_fd, &status), 0);
	ck_assert_uint_eq(status.st_ino, record->origins[RECORD_BASE].inode);
	ck_assert_int_eq(fstat(jail.tmp_fd, &status), 0);
	ck_assert_uint_eq(status.st_ino, record->origins[RECORD_TMP].inode);
	ck_assert_int_eq(fstat(jail.image_fd, &status), 0);
	ck_assert_uint_eq(status.st_ino, record->origins[RECORD_IMAGE].inode);
	ck_assert(record_is_current(record));
	jail_close(&jail);
	ck_assert(jail.image_fd == -1 && jail.base_fd == -1 && jail.tmp_fd == -1);
}
END_TEST

/* What /bin/bash is in the image, by a command-like step, and the shell that follows. */
static const struct {
	const char *directory, *link; /* /bin -> usr/bin, as Debian has it, if DIRECTORY is that */
	unsigned int mode;            /* of the file; 0: a directory */
	const char *shell;
} shells[] = {
	{"bin", NULL, 0755, "/bin/bash"},
	{"bin", NULL, 0644, "/bin/sh"},
	{"bin", NULL, 0, "/bin/sh"},
	{"bin", "../../opt", 0755, "/bin/sh"},
	{"bin", "nothing", 0755, "/bin/sh"},
	{"usr/bin", NULL, 0755, "/bin/bash"},
	{"bin", "/bin/other", 0755, "/bin/bash"},
	{"bin", "/opt", 0755, "/bin/sh"},
};
#define LINKS_TO_ROOT 3 /* the last rows; path_is_program() says why they need openat2(2) */

#define VERSION PATHS_IMAGES "/default/7"

START_TEST(jail_describe__shell_auto__bash_if_the_image_has_it)
{
	char path[512];

	make_installation("");
	if (!strcmp(shells[_i].directory, "usr/bin")) {
		unit_make_directory(VERSION "/usr", 0755, 0);
		ck_assert_int_eq(symlink("/usr/bin", VERSION "/bin"), 0);
	}
	snprintf(path, sizeof(path), VERSION "/%s", shells[_i].directory);
	unit_make_directory(path, 0755, 0);
	snprintf(path, sizeof(path), VERSION "/%s/%s", shells[_i].directory,
		 shells[_i].link ? "other" : "bash");
	if (shells[_i].mode == 0)
		unit_make_directory(path, 0755, 0);
	else
		unit_write(path, "", 0, shells[_i].mode);
	if (shells[_i].link)
		ck_assert_int_eq(symlink(shells[_i].link, VERSION "/bin/bash"), 0);
	assert_done(jail_describe(&jail, "alice", &error), error);
	ck_assert_str_eq(jail.record.shell, shells[_i].shell);
	jail_close(&jail);
	unit_write_text(CONF, "[environment]\nshell = /bin/zsh\n");
	assert_done(jail_describe(&jail, "alice", &error), error);
	ck_assert_str_eq(jail.record.shell, "/bin/zsh");
}
END_TEST

START_TEST(jail_describe__groups__ascending_with_the_users_own)
{
	make_installation("[trampoline]\ngroups = 3000 60 1001 3000\nminimum_gid = 5\n"
			  "[confinement]\ncpus = 0\n");
	assert_done(jail_describe(&jail, "alice", &error), error);
	ck_assert_uint_eq(jail.record.group_count, 3);
	ck_assert_uint_eq(jail.record.groups[0], 60);
	ck_assert_uint_eq(jail.record.groups[1], 1001);
	ck_assert_uint_eq(jail.record.groups[2], 3000);
	ck_assert_uint_eq(jail.record.cpus[0], 1);
}
END_TEST

/* The mount of PATH in a jail. */
static const struct jail_mount *find_mount(const char *path)
{
	static struct jail_mount mounts[JAIL_MOUNTS_MAX];

	for (size_t i = jail_mounts(&jail, mounts); i > 0; i--)
		if (!strcmp(mounts[i - 1].path, path))
			return &mounts[i - 1];
	return NULL;
}

START_TEST(jail_describe__binds__in_the_record_and_among_the_mounts)
{
	struct stat status;
	const struct jail_mount *mount;

	make_installation("[binds]\n/bin = /proc\n/sbin = /usr rw\n"
			  "[confinement]\nnoexec = yes\ndev = none\n");
	unit_make_directory(PATHS_IMAGES "/default/7/bin", 0755, 0);
	unit_make_directory(PATHS_IMAGES "/default/7/sbin", 0755, 0);
	assert_done(jail_describe(&jail, "alice", &error), error);
	ck_assert_uint_eq(jail.record.bind_count, 2);
	ck_assert_str_eq(record_binds(&jail.record)[1].path, "/usr");
	ck_assert_str_eq(record_set(&jail.record), "HOME=/home/alice");
	ck_assert(record_is_current(&jail.record));
	ck_assert(!find_mount("/dev") && !find_mount("/dev/pts") && find_mount("/proc"));
	mount = find_mount("/bin");
	ck_assert_uint_eq(mount->attributes,
			  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	mount = find_mount("/sbin");
	ck_assert_uint_eq(mount->attributes,
			  MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	ck_assert_int_eq(fstat(mount->source_fd, &status), 0);
	ck_assert_uint_eq(status.st_ino, mount->origin->inode);
	record_binds(&jail.record)[0].inode++;
	ck_assert(!record_is_current(&jail.record));
	record_binds(&jail.record)[0].inode--;
	int before = next_fd();
	jail_close(&jail);
	ck_assert_int_lt(next_fd(), before);
	before = next_fd();
	unit_write_text(CONF, "[binds]\n/bin = /usr\n/none = /usr\n");
	assert_refused(jail_describe(&jail, "alice", &error), error, "trampoline.conf:3");
	ck_assert_int_eq(next_fd(), before);
}
END_TEST

START_TEST(jail_describe__system_calls_all__no_filter)
{
	make_installation("[confinement]\nsystem_calls = all\nproc = none\n");
	assert_done(jail_describe(&jail, "alice", &error), error);
	ck_assert_uint_eq(jail.record.filter_length, 0);
	ck_assert_uint_eq(jail.record.flags, RECORD_LOG_REFUSALS);
}
END_TEST

/* Whose home it is decides who the jail runs as. */
static const struct {
	uid_t uid, gid, tmp_uid;
	const char *says;
} owners[] = {
	{1000, 1000, 1000, NULL},
	{2000, 2000, 2000, NULL},
	{1500, 1000, 1500, NULL},
	{0, 0, 0, "run as the owner of"},
	{999, 999, 999, "its uid, 999, is not between minimum_uid and maximum_uid, 1000 and 2000"},
	{2001, 2001, 2001, "run as the owner of"},
	{65534, 1001, 65534, "its uid is 65534, which is nobody's"},
	{4294967294u, 1001, 4294967294u, "run as the owner of"},
	{1001, 0, 1001, "run as the group of"},
	{1001, 999, 1001,
	 "its gid, 999, is not between minimum_gid and maximum_gid, 1000 and 2000"},
	{1001, 65534, 1001, "run as the group of"},
	{1001, 1001, 1002, "belongs to another user"},
	{1001, 1001, 0, "belongs to another user"},
};

START_TEST(jail_describe__owner_of_the_home__allowed_or_refused)
{
	make_installation("[trampoline]\nmaximum_uid = 2000\n");
	if (owners[_i].uid == 65534) /* nobody, whatever the policy says */
		unit_write_text(CONF, "[trampoline]\nmaximum_uid = 70000\n");
	ck_assert_int_eq(chown(ALICE "/home/alice", owners[_i].uid, owners[_i].gid), 0);
	ck_assert_int_eq(chown(ALICE "/tmp", owners[_i].tmp_uid, owners[_i].gid), 0);
	int before = next_fd();
	int result = jail_describe(&jail, "alice", &error);
	if (!owners[_i].says) {
		assert_done(result, error);
		ck_assert_uint_eq(jail.record.uid, owners[_i].uid);
		ck_assert_uint_eq(jail.record.gid, owners[_i].gid);
		return;
	}
	assert_refused(result, error, owners[_i].says);
	ck_assert_int_eq(next_fd(), before);
}
END_TEST

/* FROM is renamed away; in its place comes a link to where it is, or, TO NULL, nothing. */
static const struct {
	const char *name;
	bool is_link;
	const char *says;
} missing[] = {
	{CONF, false, "make install"},
	{ALICE, false, "trampoline-user"},
	{ALICE, true, "symbolic link"},
	{ALICE "/home", false, "No such file"},
	{ALICE "/home", true, "symbolic link"},
	{ALICE "/home/alice", false, "No such file"},
	{ALICE "/home/alice", true, "symbolic link"},
	{ALICE "/tmp", false, "No such file"},
	{ALICE "/tmp", true, "symbolic link"},
	{PATHS_DATA, false, "No such file"},
	{PATHS_DATA, true, "symbolic link"},
	{PATHS_IMAGES "/default", false, "No such file"},
	{PATHS_IMAGES "/default/current", false, "trampoline-image"},
};

START_TEST(jail_describe__something_missing_or_a_link__refused_with_nothing_open)
{
	char moved[512];

	make_installation("");
	snprintf(moved, sizeof(moved), "%s.moved", missing[_i].name);
	ck_assert_int_eq(rename(missing[_i].name, moved), 0);
	if (missing[_i].is_link)
		ck_assert_int_eq(symlink(moved, missing[_i].name), 0);
	int before = next_fd();
	assert_refused(jail_describe(&jail, "alice", &error), error, missing[_i].says);
	ck_assert_int_eq(next_fd(), before);
	ck_assert(jail.image_fd == -1 && jail.base_fd == -1 && jail.tmp_fd == -1);
}
END_TEST

static const struct {
	const char *directory;
	unsigned int mode;
	uid_t owner;
} strangers[] = {{PATHS_DATA, 0777, 0}, {ALICE, 0755, 1001},         {ALICE, 0775, 0},
		 {ALICE, 01777, 0},     {ALICE "/home", 0755, 1001}, {ALICE "/home", 01777, 0}};

START_TEST(jail_describe__parent_that_others_can_change__refused)
{
	make_installation("");
	unit_make_directory(strangers[_i].directory, strangers[_i].mode, strangers[_i].owner);
	assert_refused(jail_describe(&jail, "alice", &error), error, "cannot trust directory");
}
END_TEST

START_TEST(jail_describe__bad_policy__refused_at_its_line)
{
	make_installation("[limits]\ncpu = lots\n");
	assert_refused(jail_describe(&jail, "alice", &error), error, "trampoline.conf:2");
}
END_TEST

TCase *unit_jail(void)
{
	TCase *tcase = tcase_create("jail");

	tcase_add_test(tcase, jail_describe__whole_installation__all_that_a_record_needs);
	tcase_add_loop_test(tcase, jail_describe__shell_auto__bash_if_the_image_has_it, 0,
			    (int)ARRAY_LENGTH(shells) - (unit_has_openat2() ? 0 : LINKS_TO_ROOT));
	tcase_add_test(tcase, jail_describe__groups__ascending_with_the_users_own);
	tcase_add_test(tcase, jail_describe__binds__in_the_record_and_among_the_mounts);
	tcase_add_test(tcase, jail_describe__system_calls_all__no_filter);
	add_table(tcase, jail_describe__owner_of_the_home__allowed_or_refused, owners);
	add_table(tcase, jail_describe__something_missing_or_a_link__refused_with_nothing_open,
		  missing);
	add_table(tcase, jail_describe__parent_that_others_can_change__refused, strangers);
	tcase_add_test(tcase, jail_describe__bad_policy__refused_at_its_line);
	return tcase;
}
