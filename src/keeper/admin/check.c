/* SPDX-License-Identifier: MIT */
/* What an administrator would look for after "it does not work", each finding with its cure. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "auto_free.h"
#include "build/cgroup.h"
#include "child.h"
#include "live.h"
#include "policy/config.h"
#include "policy/path.h"
#include "report.h"
#include "trampoline/paths.h"

#define CRON PATHS_CONFIG "/../cron.d/"
#define TIMER PATHS_CONFIG "/../systemd/system/timers.target.wants/trampoline-cleanup.timer"
#define OVERRIDES PATHS_CONFIG "/jails.d/"
#define PATIENCE_NS INT64_C(5000000000)
#define PATIENCE_LEAST_NS INT64_C(100000000)

/* Prints a line, FINDING; CURE, and returns 1, to be added to the number of findings. */
static __attribute__((format(printf, 1, 2))) unsigned int find(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vprintf(format, values);
	va_end(values);
	printf("\n");
	return 1;
}

/* What root executes is root's alone, in a directory of root's. */
static unsigned int check_programs(void)
{
	static const struct {
		const char *path;
		mode_t mode, mask; /* mask: the bits that count */
	} programs[] = {
		{PATHS_LAUNCHER, S_IFREG | 04754,
		 S_IFMT | S_ISUID | S_ISGID | S_IWGRP | S_IXGRP | S_IWOTH | S_IXOTH},
		{PATHS_KEEPER, S_IFREG | 0755, S_IFMT | S_ISUID | S_ISGID | S_IWGRP | S_IWOTH},
	};
	struct text error;
	struct stat status;
	struct statvfs file_system;
	AUTO_CLOSE fd = path_open_trusted(PATHS_PREFIX "/libexec/trampoline", &error);

	if (fd < 0)
		return find("%s; whoever can write there is root at the next entry", error.bytes);
	for (size_t i = 0; i < ARRAY_LENGTH(programs); i++)
		if (lstat(programs[i].path, &status) != 0 || status.st_uid != 0 ||
		    ((status.st_mode ^ programs[i].mode) & programs[i].mask) != 0)
			return find("%s is not a file of root's with mode %04o; run make install",
				    programs[i].path, programs[i].mode & 07777);
	if (statvfs(PATHS_LAUNCHER, &file_system) == 0 && file_system.f_flag & ST_NOSUID)
		return find(PATHS_LAUNCHER " is on a nosuid mount; install it elsewhere");
	return 0;
}

/* Whether the callers can execute the program: by its group, and from directory to directory. */
static unsigned int check_callers(const struct config *config)
{
	struct stat program, status;
	char path[] = PATHS_LAUNCHER;
	const struct group *group = getgrnam(PATHS_CALLER_GROUP);
	gid_t wanted = group ? group->gr_gid : (gid_t)strtoul(PATHS_CALLER_GROUP, NULL, 10);
	unsigned int found = 0;

	if (config->policy.caller_count == 0)
		return find("nobody but root may call; set `callers' in trampoline.conf");
	if (stat(PATHS_LAUNCHER, &program) != 0 || program.st_gid != wanted)
		return find(PATHS_LAUNCHER " is not of group " PATHS_CALLER_GROUP "; make install");
	for (uint32_t i = 0; i < config->policy.caller_count; i++) {
		const struct passwd *caller = getpwuid(config->policy.callers[i]);
		gid_t groups[1024];
		int count = ARRAY_LENGTH(groups), at = 0;

		if (!caller || getgrouplist(caller->pw_name, caller->pw_gid, groups, &count) < 0)
			continue; /* no account: its service may have any group */
		while (at < count && groups[at] != wanted)
			at++;
		if (at == count && caller->pw_uid != 0)
			found += find("%s, one of `callers', is not in the program's group; "
				      "usermod -aG " PATHS_CALLER_GROUP " %s, and restart it",
				      caller->pw_name, caller->pw_name);
	}
	for (char *end; (end = strrchr(path, '/')) && end > path;) {
		*end = '\0';
		if (stat(path, &status) == 0 && !(status.st_mode & S_IXOTH) &&
		    (status.st_gid != wanted || !(status.st_mode & S_IXGRP)))
			found += find("no caller may search %s; chmod a+x it", path);
	}
	return found;
}

/* Whether the timer is enabled, or a line of cron's, which counts if it does not shun systemd. */
static unsigned int check_timer(void)
{
	bool has_systemd = faccessat(AT_FDCWD, "/run/systemd/system", F_OK, 0) == 0;
	bool is_found = faccessat(AT_FDCWD, TIMER, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	char path[sizeof(CRON) + NAME_MAX], line[1024];
	struct dirent **files = NULL;
	int count = scandir(CRON, &files, NULL, NULL);

	for (int i = 0; i < count; free(files[i++])) {
		snprintf(path, sizeof(path), CRON "%s", files[i]->d_name);
		AUTO_FILE file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			is_found = is_found ||
				   (line[0] != '#' && strstr(line, "trampoline --cleanup") &&
				    !(has_systemd && strstr(line, "/run/systemd/system")));
	}
	free(files);
	return is_found ? 0
			: find("nothing runs trampoline --cleanup; systemctl enable --now "
			       "trampoline-cleanup.timer, or give cron a line for it");
}

/* The number that a sysctl has; 0: it cannot be read. */
static uintmax_t read_sysctl(const char *name)
{
	char path[64], line[32];

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	*strchr(path, '.') = '/';
	AUTO_FILE file = fopen(path, "re");
	return file && fgets(line, sizeof(line), file) ? strtoumax(line, NULL, 10) : 0;
}

static unsigned int check_kernel(void)
{
	/* A call that cannot succeed tells ENOSYS from the errors of a kernel that has it. */
	if (syscall(SYS_mount_setattr, -1, "", 0, NULL, 0) != 0 && errno == ENOSYS)
		return find("this kernel has no mount_setattr; Linux 5.12 or newer is needed");
	/* With 1, the user may trace a process as soon as it has become his: proc_sys_fs(5). */
	if (read_sysctl("fs.suid_dumpable") == 1)
		return find("fs.suid_dumpable is 1, so a user can look into a run that begins; "
			    "sysctl -w fs.suid_dumpable=0");
	return 0;
}

/* A sysctl that bounds the number of jails: found if it leaves less than twice what is live. */
static unsigned int check_headroom(const char *sysctl, size_t needed)
{
	uintmax_t limit = read_sysctl(sysctl);

	if (limit == 0 || limit >= needed)
		return 0;
	return find("%s is %ju, and twice the live jails want %zu; sysctl -w %s=%zu", sysctl, limit,
		    needed, sysctl, needed * 2);
}

static unsigned int check_state(void)
{
	struct live live;
	struct text error;
	struct stat status;
	struct statvfs file_system;

	if (live_open(&live, NULL, &error) != 0)
		return find("%s; mend it, or unmount and remove " PATHS_RUN, error.bytes);
	size_t wanted = live.count * 2 + 16;
	unsigned int found = check_headroom("fs.mount-max", wanted * 3);
	found += check_headroom("user.max_mnt_namespaces", wanted);
	found += check_headroom("user.max_ipc_namespaces", wanted);
	found += check_headroom("user.max_net_namespaces", wanted);
	if (live.run_fd >= 0 && fstatvfs(live.run_fd, &file_system) == 0 &&
	    (file_system.f_bavail == 0 || (file_system.f_files && file_system.f_favail == 0)))
		found += find("%s", REPORT_RUN);
	if (live.cgroup_fd >= 0 && fstat(live.cgroup_fd, &status) == 0 &&
	    status.st_mode & (S_IXGRP | S_IXOTH))
		found += find("others may search the cgroup " PATHS_CGROUP "; chmod 0700 it");
	live_close(&live);
	return found;
}

/* *PATIENCE_NS gets less for each that does not come back: a thousand wait no hours. */
static unsigned int check_storage(const char *name, int64_t *patience_ns, uid_t *uid)
{
	static struct text said; /* one fault of several jails is one finding */
	struct child_finding finding;

	fflush(stdout); /* what is found is seen, whatever comes next */
	if (child_ask(*patience_ns, child_look, name, &finding, sizeof(finding)) == 0) {
		*uid = finding.uid;
		if (finding.error.bytes[0] == '\0' || !strcmp(finding.error.bytes, said.bytes))
			return 0;
		said = finding.error;
		return find("%s%s", said.bytes,
			    strstr(said.bytes, "; ") ? ""
			    : name                   ? "; until then this jail cannot be used"
						     : "; until then no jail can be used");
	}
	if (errno != ETIME)
		report_refuse("look at jail", name, NULL);
	if (*patience_ns > PATIENCE_LEAST_NS)
		*patience_ns /= 2;
	if (!name)
		return find("the image or the data do not answer; see to what is mounted there");
	return find("the storage of jail \"%s\" does not answer; see to what is mounted there",
		    name);
}

/* Policies of no jail: a name mistyped. */
static unsigned int check_overrides(void)
{
	char path[PATH_MAX];
	struct stat status;
	unsigned int found = 0;
	struct dirent **files = NULL;
	int count = scandir(OVERRIDES, &files, NULL, alphasort);

	for (int i = 0; i < count; free(files[i++])) {
		const char *name = files[i]->d_name, *end = strrchr(name, '.');
		struct text quoted = {.length = 0};

		snprintf(path, sizeof(path), PATHS_DATA "/%.*s", end ? (int)(end - name) : 0, name);
		if (name[0] == '.' || (end && !strcmp(end, ".conf") && lstat(path, &status) == 0))
			continue;
		text_add_quoted(&quoted, name, TEXT_OBJECT_MAX);
		found += find("%s in " OVERRIDES " is no jail's; call it JAIL.conf, or remove it",
			      quoted.bytes);
	}
	free(files);
	return found;
}

static unsigned int check_jails(int64_t *patience_ns)
{
	struct dirent **entries;
	unsigned int found = 0;
	int count = scandir(PATHS_DATA, &entries, NULL, alphasort), same;

	if (count < 0)
		return find("there is no " PATHS_DATA "; trampoline-user add NAME makes it");
	uid_t *uids = calloc((size_t)count + 1, sizeof(*uids));
	if (!uids)
		report_refuse("check", NULL, NULL);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		struct text quoted = {.length = 0};

		text_add_quoted(&quoted, name, TEXT_OBJECT_MAX);
		if (name_is_jail(name))
			found += check_storage(name, patience_ns, &uids[i]);
		else if (name[0] != '.')
			found += find(PATHS_DATA " holds what is no jail's name: %s; " NAME_RULE
						 "; rename it or take it away",
				      quoted.bytes);
		for (same = 0; same < i && uids[same] != uids[i]; same++)
			;
		if (same < i && uids[i] != 0)
			found += find("jails %s and %s have the uid %u; give each its own",
				      entries[same]->d_name, name, uids[i]);
	}
	found += check_overrides();
	while (count > 0)
		free(entries[--count]);
	free(entries);
	free(uids);
	return found;
}

unsigned int check_all(const char *name)
{
	int64_t patience_ns = PATIENCE_NS;
	struct config config;
	struct text error;
	uid_t uid;
	unsigned int found = check_programs() + check_kernel();

	if (namespace_is_first() == 0)
		found += find("this is not the host's mount namespace; check on the host itself");
	if (config_load(&config, NULL, &error) != 0)
		return found + find("%s; until then every run is refused", error.bytes);
	found += check_callers(&config) + check_timer() + check_state();
	/* What every jail needs is said once, and then no jail is looked at. */
	if (check_storage(NULL, &patience_ns, &uid) != 0)
		return found + 1;
	if (cgroup_check(&config, &error) != 0)
		return found + find("%s; until then nobody can enter a jail", error.bytes);
	found += name ? check_storage(name, &patience_ns, &uid) : check_jails(&patience_ns);
	if (found == 0)
		printf("No findings.\n");
	return found;
}
