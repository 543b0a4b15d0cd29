/* SPDX-License-Identifier: MIT */
/* What an administrator would look for after "it does not work", each finding with its cure. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "crew.h"
#include "foreign.h"
#include "hub.h"
#include "image.h"
#include "jail.h"
#include "live.h"
#include "path.h"
#include "report.h"
#include "resources.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"

#define LAUNCHER PATHS_PREFIX "/bin/trampoline"

struct owner {
	uid_t uid;
	char name[NAME_LENGTH_MAX + 1];
};

static unsigned int find(const char *finding, const char *cure)
{
	printf("%s; %s\n", finding, cure);
	return 1;
}

static unsigned int check_launcher(void)
{
	struct stat status;
	struct statvfs file_system;

	if (stat(LAUNCHER, &status) != 0)
		return find("the launcher is not at " LAUNCHER, "run make install");
	if (statvfs(LAUNCHER, &file_system) == 0 && (file_system.f_flag & ST_NOSUID))
		return find("the file system of " LAUNCHER " is mounted nosuid",
			    "install it elsewhere");
	if (status.st_uid != 0 || !(status.st_mode & S_ISUID))
		return find(LAUNCHER " is not setuid root",
			    "run make install, or chown and chmod 4754 it");
	if (status.st_mode & (S_IWGRP | S_IWOTH))
		return find(LAUNCHER " can be written by others", "chmod go-w it");
	if (status.st_mode & S_IXOTH)
		return find("anybody may execute " LAUNCHER,
			    "chmod 4754 it; its group may call it");
	return 0;
}

/* The other two programs, which root executes: in a directory of root's, and root's alone. */
static unsigned int check_programs(void)
{
	static const char *const paths[] = {PATHS_KEEPER, PATHS_SUPERVISOR};
	struct text error;
	struct stat status;
	AUTO_CLOSE fd = path_open_trusted(PATHS_PREFIX "/libexec/trampoline", &error);
	char finding[PATH_MAX];

	if (fd < 0)
		return find(error.bytes, "whoever can write there is root at the next entry");
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		if (lstat(paths[i], &status) == 0 && S_ISREG(status.st_mode) &&
		    status.st_uid == 0 && !(status.st_mode & (S_IWGRP | S_IWOTH)))
			continue;
		snprintf(finding, sizeof(finding),
			 "%s is missing, not root's, or can be written by others", paths[i]);
		return find(finding, "run make install");
	}
	return 0;
}

/* What every jail needs: said once, and then no jail is looked at. */
static unsigned int check_image(const char *image)
{
	char version[NAME_LENGTH_MAX + 1];
	struct text error;
	AUTO_CLOSE fd = image_open(image, version, &error);

	return fd < 0 ? find(error.bytes, "until then nobody can enter a jail on this image") : 0;
}

static unsigned int check_kernel(void)
{
	/* A call that cannot succeed tells ENOSYS from the errors of a kernel that has it. */
	if (syscall(SYS_mount_setattr, -1, "", 0, NULL, 0) != 0 && errno == ENOSYS)
		return find("this kernel has no mount_setattr", "Linux 5.12 or newer is needed");
	AUTO_FILE file = fopen("/proc/sys/fs/suid_dumpable", "re");
	/* Then whoever changes its ids can be traced by its new ones at once: proc_sys_fs(5). */
	if (file && fgetc(file) == '1')
		return find("fs.suid_dumpable is 1, so a user can look into a run that begins",
			    "sysctl -w fs.suid_dumpable=0");
	return 0;
}

/* A sysctl that bounds the number of jails: found if it leaves less than twice what is live. */
static unsigned int check_headroom(const char *path, const char *sysctl, size_t needed)
{
	AUTO_FILE file = fopen(path, "re");
	char line[32], finding[256], cure[128];
	uint64_t limit;

	if (!file || !fgets(line, sizeof(line), file))
		return 0;
	line[strcspn(line, "\n")] = '\0';
	if (quantity_parse(QUANTITY_NUMBER, line, &limit) != 0 || limit >= needed)
		return 0;
	snprintf(finding, sizeof(finding), "%s is %ju, and twice the live jails want %zu", sysctl,
		 (uintmax_t)limit, needed);
	snprintf(cure, sizeof(cure), "sysctl -w %s=%zu", sysctl, needed * 2);
	return find(finding, cure);
}

static void tell(const struct text *sentence)
{
	printf("%s\n", sentence->bytes);
}

static unsigned int check_state(void)
{
	struct live live;
	struct text error;
	struct statvfs file_system;
	unsigned int found = 0;

	if (live_open(&live, &error) != 0)
		return find(error.bytes, "mend it, or unmount and remove " PATHS_RUN);
	size_t wanted = live.count * 2 + 16;
	found += check_headroom("/proc/sys/fs/mount-max", "fs.mount-max", wanted * 3);
	found += check_headroom("/proc/sys/user/max_mnt_namespaces", "user.max_mnt_namespaces",
				wanted);
	found += check_headroom("/proc/sys/user/max_ipc_namespaces", "user.max_ipc_namespaces",
				wanted);
	found += check_headroom("/proc/sys/user/max_net_namespaces", "user.max_net_namespaces",
				wanted);
	if (live.run_fd >= 0 && fstatvfs(live.run_fd, &file_system) == 0 &&
	    (file_system.f_bavail == 0 || (file_system.f_files && file_system.f_favail == 0)))
		found += find("the file system of " PATHS_RUN " is full",
			      "make room there; trampoline --cleanup retires idle jails");
	found += (unsigned int)foreign_find(&live, tell);
	live_close(&live);
	return found;
}

/* Looks at the user's storage, which may take for ever. */
static int check_jail(void *context, size_t index)
{
	struct owner *owner = (struct owner *)context + index;
	struct jail jail;
	struct text error;

	if (jail_describe(&jail, owner->name, &error) == 0) {
		owner->uid = jail.record.uid;
		jail_close(&jail);
		return 0;
	}
	int found = (int)find(error.bytes, "until then this jail cannot be entered");
	fflush(stdout); /* before the next one, where we may be given up */
	return found;
}

static int compare_owners(const void *first, const void *second)
{
	uid_t one = ((const struct owner *)first)->uid, other = ((const struct owner *)second)->uid;

	if (one != other)
		return one < other ? -1 : 1;
	return strcmp(((const struct owner *)first)->name, ((const struct owner *)second)->name);
}

/* One finding for each uid that several have. */
static unsigned int check_duplicates(struct owner *owners, size_t count)
{
	unsigned int found = 0;
	char finding[160];

	if (count > 1)
		qsort(owners, count, sizeof(*owners), compare_owners);
	for (size_t first = 0, next; first < count; first = next) {
		for (next = first + 1; next < count && owners[next].uid == owners[first].uid;
		     next++)
			;
		if (owners[first].uid == 0 || next == first + 1)
			continue;
		snprintf(finding, sizeof(finding),
			 "%zu jails have the uid %u, %s and %s among them", next - first,
			 owners[first].uid, owners[first].name, owners[first + 1].name);
		found += find(finding, "give each its own: they can signal each other's processes");
	}
	return found;
}

/* OWNERS is shared memory. */
static unsigned int check_owners(struct owner *owners, size_t count)
{
	signed char *results = crew_share(count + 1);
	unsigned int found = 0;

	if (!results || crew_work(count, count < 64 ? 1 : 4, check_jail, owners, results) != 0)
		report_refuse("look at the jails", NULL, NULL);
	for (size_t i = 0; i < count; i++) {
		if (results[i] != CREW_STUCK) {
			found += (unsigned int)results[i];
			continue;
		}
		struct text finding = {.length = 0};
		text_add(&finding, "the storage of jail ");
		text_add_quoted(&finding, owners[i].name, TEXT_OBJECT_MAX);
		text_add(&finding, " does not answer");
		found += find(finding.bytes,
			      "see to what is mounted on or below its directory in " PATHS_DATA);
	}
	return found + check_duplicates(owners, count);
}

static unsigned int check_one(const char *name)
{
	struct owner *owner = crew_share(sizeof(*owner));

	if (!owner)
		report_refuse("look at jail", name, NULL);
	snprintf(owner->name, sizeof(owner->name), "%s", name);
	return check_owners(owner, 1);
}

static unsigned int check_jails(void)
{
	DIR *entries = opendir(PATHS_DATA);
	AUTO_FREE struct owner *owners = NULL;
	size_t count = 0, size = 0;
	unsigned int found = 0;

	if (!entries)
		return find("there is no directory " PATHS_DATA,
			    "trampoline-user add NAME makes it");
	for (const struct dirent *entry; (entry = readdir(entries));) {
		if (entry->d_name[0] == '.')
			continue;
		if (!name_is_jail(entry->d_name)) {
			struct text finding = {.length = 0};

			text_add(&finding, PATHS_DATA " holds what is no jail's name: ");
			text_add_quoted(&finding, entry->d_name, TEXT_OBJECT_MAX);
			found += find(finding.bytes, "rename it or take it away");
			continue;
		}
		if (count == size) {
			size = size ? size * 2 : 256;
			struct owner *grown = reallocarray(owners, size, sizeof(*owners));
			if (!grown)
				report_refuse("check", NULL, NULL);
			owners = grown;
		}
		owners[count].uid = 0;
		snprintf(owners[count++].name, sizeof(owners->name), "%.*s", NAME_LENGTH_MAX,
			 entry->d_name);
	}
	closedir(entries);
	struct owner *shared = crew_share((count + 1) * sizeof(*shared));
	if (!shared)
		report_refuse("look at the jails", NULL, NULL);
	if (count > 0)
		memcpy(shared, owners, count * sizeof(*shared));
	return found + check_owners(shared, count);
}

unsigned int check_all(const char *jail)
{
	struct config config;
	struct text error;
	unsigned int found = check_launcher() + check_programs() + check_kernel();

	if (namespace_is_first() == 0)
		found += find("this is not process 1's mount namespace",
			      "run the check on the host itself");
	if (config_load(&config, NULL, &error) != 0)
		return found + find(error.bytes, "until then every run is refused");
	if (config.caller_count == 0)
		found += find("nobody but root may call", "set `callers' in trampoline.conf");
	found += check_state();
	if (check_image(config.image) != 0)
		return found + 1;
	if (resources_check(&config, &error) != 0)
		return found + find(error.bytes, "until then nobody can enter a jail");
	found += jail ? check_one(jail) : check_jails();
	if (found == 0)
		printf("No findings.\n");
	return found;
}
