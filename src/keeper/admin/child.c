/* SPDX-License-Identifier: MIT */
/* Each child is left or waited for here; none outlives the keeper. */
#include "child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>

#include "auto_free.h"
#include "build/cgroup.h"
#include "clock.h"
#include "inside.h"
#include "policy/jail.h"
#include "policy/path.h"
#include "privilege.h"
#include "report.h"
#include "trampoline/paths.h"

#define STORAGE_NS INT64_C(10000000000)
#define KILL_NS INT64_C(5000000000)
#define PASSES 8 /* one may miss a process that leaves its life to a child */

/* The answer comes through a pipe, which has room for all of it. */
static _Noreturn void answer_in_child(int pipe_fd, void (*task)(const void *context, void *answer),
				      const void *context, void *answer, size_t size)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(pipe_fd, 0) == 0 && close_range(1, ~0u, 0) == 0) {
		task(context, answer);
		_exit(write(0, answer, size) == (ssize_t)size ? 0 : 1);
	}
	_exit(1);
}

int child_ask(int64_t time_limit_ns, void (*task)(const void *context, void *answer),
	      const void *context, void *answer, size_t size)
{
	int pipe_fds[2];

	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return -1;
	AUTO_CLOSE read_fd = pipe_fds[0];
	pid_t child = fork();
	if (child == 0)
		answer_in_child(pipe_fds[1], task, context, answer, size);
	close(pipe_fds[1]);
	if (child < 0)
		return -1;
	struct pollfd pollfd = {.fd = read_fd, .events = POLLIN};
	int ready = poll(&pollfd, 1, (int)(time_limit_ns / 1000000));
	if (ready == 1)
		waitpid(child, NULL, 0);
	else
		kill(child, SIGKILL);
	errno = ready == 0 ? ETIME : EPROTO;
	return ready == 1 && read(read_fd, answer, size) == (ssize_t)size ? 0 : -1;
}

/* Whether users can use what is at FD as the policy means it. 0, or -1 with *ERROR. */
static int check_place(int fd, const struct config *config, const char *path, struct text *error)
{
	struct statvfs place;

	if (fstatvfs(fd, &place) != 0)
		return report_fill(error, "look at", path, NULL);
	const char *fault =
		place.f_flag & ST_RDONLY ? "its file system is mounted read-only; remount it rw"
		: place.f_flag & ST_NOEXEC && !config->is_noexec
			? "its file system is mounted noexec, and `noexec' is no; change one"
		: place.f_blocks && place.f_bavail == 0 ? "its file system is full; make room there"
		: place.f_files && place.f_favail == 0
			? "its file system has no inode left; delete files there"
			: NULL;
	return fault ? report_fill(error, "use", path, fault) : 0;
}

/* Whether the policy's shell is in the image at FD. */
static int check_shell(int fd, const char *shell, struct text *error)
{
	if (path_is_program(fd, !strcmp(shell, "auto") ? "/bin/sh" : shell))
		return 0;
	return report_fill(error, "find the shell", shell,
			   "it is not in the image; set `shell', or build it into the image");
}

/* What all jails have in common. */
static void look_at_all(struct text *error)
{
	char version[NAME_LENGTH_MAX + 1];
	struct config config;

	if (config_load(&config, NULL, error) != 0)
		return;
	AUTO_CLOSE image_fd = path_open_image(config.policy.image, version, error);
	if (image_fd < 0 || check_shell(image_fd, config.policy.shell, error) != 0)
		return;
	AUTO_CLOSE data_fd = open(PATHS_DATA, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (data_fd < 0)
		return; /* no user has been added yet */
	AUTO_CLOSE trusted_fd = path_open_trusted(PATHS_DATA, error);
	if (trusted_fd >= 0)
		(void)!check_place(trusted_fd, &config, PATHS_DATA, error);
}

void child_look(const void *context, void *answer)
{
	struct child_finding *finding = answer;
	struct text *error = &finding->error;
	struct stat shared = {.st_dev = 0};
	struct jail jail;

	memset(finding, 0, sizeof(*finding));
	if (!context) {
		look_at_all(error);
		return;
	}
	if (jail_describe(&jail, context, error) != 0 || cgroup_check(&jail.config, error) != 0)
		return;
	finding->uid = jail.record.uid;
	const struct record_origin *base = &jail.record.origins[RECORD_BASE];
	const struct record_origin *tmp = &jail.record.origins[RECORD_TMP];
	(void)stat(PATHS_DATA, &shared); /* has been looked at */
	if (check_shell(jail.image_fd, jail.record.shell, error) == 0 &&
	    (base->device == shared.st_dev ||
	     check_place(jail.base_fd, &jail.config, base->path, error) == 0) &&
	    tmp->device != shared.st_dev)
		(void)!check_place(jail.tmp_fd, &jail.config, tmp->path, error);
}

static void look_at_home(const void *context, void *answer)
{
	struct stat status;

	*(uid_t *)answer = lstat(context, &status) == 0 ? status.st_uid : 0;
}

int child_find_owner(const char *name, uid_t *uid, struct text *error)
{
	char path[RECORD_PATH_MAX];
	struct config config;

	path_of_origin(RECORD_HOME, name, NULL, path);
	if (child_ask(STORAGE_NS, look_at_home, path, uid, sizeof(*uid)) != 0)
		return report_fill(error, "look at", path,
				   errno == ETIME ? "its storage does not answer" : NULL);
	/* A configuration that cannot be read leaves the range that is built in. */
	(void)!config_load(&config, name, error);
	*uid = config_has_id(&config, false, *uid) ? *uid : 0;
	return 0;
}

/* The kernel does it under a lock that no fork outruns. */
static int kill_once(uid_t uid)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(privilege_borrow(uid) == 0 && (kill(-1, SIGKILL) == 0 || errno == ESRCH) ? 0
											       : 1);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	errno = EPERM;
	return status == 0 ? 0 : -1;
}

int child_kill(const struct namespace_host *host, uid_t uid, struct text *error)
{
	static const struct timespec pause = {.tv_nsec = 2000000};
	int64_t deadline_ns = clock_boottime_ns() + KILL_NS;
	char action[64], reason[160];

	snprintf(action, sizeof(action), "kill the processes of uid %u", uid);
	pid_t left = inside_find_on_host(host, uid);
	if (left > 0) {
		snprintf(reason, sizeof(reason),
			 "process %d has that uid and is in no jail; no account of the host may "
			 "have a jail's uid",
			 left);
		return report_fill(error, action, NULL, reason);
	}
	if (left < 0)
		return report_fill(error, action, NULL, NULL);
	do {
		if (kill_once(uid) != 0)
			return report_fill(error, action, NULL, NULL);
		left = inside_find(host, uid);
		if (left == 0)
			return 0;
		nanosleep(&pause, NULL);
	} while (left > 0 && clock_boottime_ns() < deadline_ns);
	return report_fill(error, action, NULL,
			   left > 0 ? "they do not end; their storage may not answer" : NULL);
}

/* The name of a user whose home has the uid in CONTEXT; empty: there is none; "/": no answer. */
static void look_for_uid(const void *context, void *answer)
{
	DIR *users = opendir(PATHS_DATA);
	char path[RECORD_PATH_MAX], *name = answer;
	struct stat status = {.st_uid = 0};

	snprintf(name, 2, "%s", users || errno == ENOENT ? "" : "/");
	for (const struct dirent *entry; users && !*name && (entry = readdir(users));) {
		if (!name_is_jail(entry->d_name))
			continue;
		path_of_origin(RECORD_HOME, entry->d_name, NULL, path);
		if (lstat(path, &status) == 0 && status.st_uid == *(const uid_t *)context)
			memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
	}
	if (users)
		closedir(users);
}

/* One pass of child_kill_others(). */
static int kill_seen(const struct namespace_host *host, const struct inside *inside,
		     struct text *error)
{
	char name[NAME_LENGTH_MAX + 1];
	int result = 0;

	for (size_t i = 0, count; i < inside->count; i += count) {
		uid_t uid = inside->processes[i].uid, owner = 0;

		(void)inside_of(inside, uid, &count);
		if (uid == 0)
			continue;
		if (child_ask(STORAGE_NS, look_for_uid, &uid, name, sizeof(name)) != 0 ||
		    *name == '/')
			result = report_fill(error, "look at", PATHS_DATA,
					     errno == ETIME ? "its storage does not answer" : NULL);
		else if (*name && (child_find_owner(name, &owner, error) != 0 ||
				   (owner == uid && child_kill(host, uid, error) != 0)))
			result = -1;
	}
	return result;
}

int child_kill_others(const struct namespace_host *host, struct text *error)
{
	int result = 0;

	for (int pass = 0; pass < PASSES && result == 0; pass++) {
		struct inside inside;

		if (inside_read(host, &inside) == 0)
			result = kill_seen(host, &inside, error);
		else
			result = report_fill(error, "look at the processes", NULL, NULL);
		inside_free(&inside);
	}
	return result;
}
