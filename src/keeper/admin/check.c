/* SPDX-License-Identifier: MIT */
/* What an administrator would look for after "it does not work", each finding with its cure. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "auto_free.h"
#include "child.h"
#include "build/hub.h"
#include "policy/jail.h"
#include "live.h"
#include "policy/path.h"
#include "report.h"
#include "build/cgroup.h"
#include "trampoline/paths.h"
#include "trampoline/quantity.h"

#define LAUNCHER PATHS_PREFIX "/bin/trampoline"

#define PATIENCE_NS INT64_C(5000000000)
#define PATIENCE_LEAST_NS INT64_C(100000000)

struct owner {
	uid_t uid; /* 0: not known */
	char name[NAME_LENGTH_MAX + 1];
};

/* What a look at a user's storage says. */
struct finding {
	uid_t uid;
	struct text error; /* empty: nothing is wrong */
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
	if (statvfs(LAUNCHER, &file_system) == 0 && file_system.f_flag & ST_NOSUID)
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
		snprintf(finding, sizeof(finding),
			 "%s is missing, not root's, or can be written by others", paths[i]);
		if (lstat(paths[i], &status) != 0 || !S_ISREG(status.st_mode) ||
		    status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)))
			return find(finding, "run make install");
	}
	return 0;
}

/* Looks at the image's storage, which may take for ever. */
static void look_at_image(const void *context, void *answer)
{
	char version[NAME_LENGTH_MAX + 1];

	*(struct text *)answer = (struct text){.length = 0};
	int fd = jail_open_image(context, version, answer);
	if (fd >= 0)
		close(fd);
}

/* What every jail needs: said once, and then no jail is looked at. */
static unsigned int check_image(const char *image)
{
	struct text error;

	if (child_ask(PATIENCE_NS, look_at_image, image, &error, sizeof(error)) != 0)
		return find("the storage of " PATHS_IMAGES " does not answer",
			    "see to what is mounted there");
	return error.bytes[0]
		       ? find(error.bytes, "until then nobody can enter a jail on this image")
		       : 0;
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
static unsigned int check_headroom(const char *sysctl, size_t needed)
{
	char path[64], line[32], finding[256], cure[128];

	snprintf(path, sizeof(path), "/proc/sys/%s", sysctl);
	*strchr(path, '.') = '/';
	AUTO_FILE file = fopen(path, "re");
	uintmax_t limit = file && fgets(line, sizeof(line), file) ? strtoumax(line, NULL, 10) : 0;
	if (limit == 0 || limit >= needed)
		return 0;
	snprintf(finding, sizeof(finding), "%s is %ju, and twice the live jails want %zu", sysctl,
		 limit, needed);
	snprintf(cure, sizeof(cure), "sysctl -w %s=%zu", sysctl, needed * 2);
	return find(finding, cure);
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
	found += check_headroom("fs.mount-max", wanted * 3);
	found += check_headroom("user.max_mnt_namespaces", wanted);
	found += check_headroom("user.max_ipc_namespaces", wanted);
	found += check_headroom("user.max_net_namespaces", wanted);
	if (live.run_fd >= 0 && fstatvfs(live.run_fd, &file_system) == 0 &&
	    (file_system.f_bavail == 0 || (file_system.f_files && file_system.f_favail == 0)))
		found += find("the file system of " PATHS_RUN " is full",
			      "make room there; trampoline --cleanup retires idle jails");
	live_close(&live);
	return found;
}

/* Looks at the user's storage, which may take for ever. */
static void look_at_jail(const void *context, void *answer)
{
	struct finding *finding = answer;
	struct jail jail;

	memset(finding, 0, sizeof(*finding));
	if (jail_describe(&jail, context, &finding->error) == 0 &&
	    cgroup_check(&jail.config, &finding->error) == 0)
		finding->uid = jail.record.uid;
}

/* *PATIENCE_NS gets less for each that does not come back: a thousand wait no hours. */
static unsigned int check_jail(struct owner *owner, int64_t *patience_ns)
{
	struct finding finding;

	fflush(stdout); /* what is found is seen, whatever comes next */
	if (child_ask(*patience_ns, look_at_jail, owner->name, &finding, sizeof(finding)) == 0) {
		owner->uid = finding.uid;
		return finding.error.bytes[0]
			       ? find(finding.error.bytes, "until then this jail cannot be entered")
			       : 0;
	}
	if (errno != ETIME)
		report_refuse("look at jail", owner->name, NULL);
	if (*patience_ns > PATIENCE_LEAST_NS)
		*patience_ns /= 2;
	snprintf(finding.error.bytes, TEXT_SIZE, "the storage of jail \"%s\" does not answer",
		 owner->name);
	return find(finding.error.bytes,
		    "see to what is mounted on or below its directory in " PATHS_DATA);
}

static int compare_owners(const void *first, const void *second)
{
	const struct owner *one = first, *other = second;

	return one->uid != other->uid ? (one->uid < other->uid ? -1 : 1)
				      : strcmp(one->name, other->name);
}

/* One finding for each uid that several have. */
static unsigned int check_duplicates(struct owner *owners, size_t count)
{
	unsigned int found = 0;
	char finding[160];

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

static unsigned int check_owners(struct owner *owners, size_t count)
{
	int64_t patience_ns = PATIENCE_NS;
	unsigned int found = 0;

	for (size_t i = 0; i < count; i++)
		found += check_jail(&owners[i], &patience_ns);
	return found + check_duplicates(owners, count);
}

static unsigned int check_jails(void)
{
	struct dirent **entries;
	int all = scandir(PATHS_DATA, &entries, NULL, alphasort);
	unsigned int found = 0;
	size_t count = 0;

	if (all < 0)
		return find("there is no directory " PATHS_DATA,
			    "trampoline-user add NAME makes it");
	struct owner *owners = calloc((size_t)all + 1, sizeof(*owners));
	if (!owners)
		report_refuse("check", NULL, NULL);
	for (int i = 0; i < all; i++) {
		const char *name = entries[i]->d_name;

		if (name_is_jail(name)) {
			snprintf(owners[count++].name, sizeof(owners->name), "%.*s",
				 NAME_LENGTH_MAX, name);
		} else if (name[0] != '.') {
			struct text finding = {.length = 0};

			text_add(&finding, PATHS_DATA " holds what is no jail's name: ");
			text_add_quoted(&finding, name, TEXT_OBJECT_MAX);
			found += find(finding.bytes, "rename it or take it away");
		}
		free(entries[i]);
	}
	found += check_owners(owners, count);
	free(entries);
	free(owners);
	return found;
}

unsigned int check_all(const char *jail)
{
	struct owner owner = {.uid = 0};
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
	if (cgroup_check(&config, &error) != 0)
		return found + find(error.bytes, "until then nobody can enter a jail");
	if (jail)
		snprintf(owner.name, sizeof(owner.name), "%s", jail);
	found += jail ? check_owners(&owner, 1) : check_jails();
	if (found == 0)
		printf("No findings.\n");
	return found;
}
