/* SPDX-License-Identifier: MIT */
/*
 * Idle jails expire as mounts do, umount2(2): with MNT_EXPIRE one pass marks a pin and a later one
 * removes it, unless an entry has used it since. The kernel checks and unmounts in one step. If a
 * pass retires a jail that has just been entered, its processes go on, and the next request builds
 * the jail again.
 */
#include "retire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "auto_free.h"
#include "build/cgroup.h"
#include "build/pin.h"
#include "build/state.h"
#include "child.h"
#include "clock.h"
#include "list.h"
#include "policy/path.h"
#include "report.h"

#define WORKERS 16

enum outcome { IN_USE, MARKED, RETIRED, DEBRIS, BUSY, FAILED, OUTCOMES };

static const struct {
	const char *done, *foreseen;
} words[OUTCOMES] = {
	[IN_USE] = {"in use", "would stay: in use"},
	[MARKED] = {"marked", "would be marked"},
	[RETIRED] = {"retired", "would be retired"},
	[DEBRIS] = {"debris removed", "would be removed: debris"},
	[BUSY] = {"busy, left alone", "would be left alone: busy"},
	[FAILED] = {"not retired", "would not be retired"},
};

static enum outcome print_failure(const struct text *error)
{
	fprintf(stderr, "trampoline: %s\n", error->bytes);
	return FAILED;
}

/*
 * Retires jail NAME, whose lock is held by DIRECTORY_FD: the record first, then the pins, so that a
 * launcher that finds a record in force finds its own pins. *IS_HELD: a process is in the jail's
 * cgroup. 0; -1 with *ERROR, as state_withdraw(), or where something in the directory is not ours:
 * then all that is ours is gone.
 */
static int retire(const struct live *live, int directory_fd, const char *name, bool wait,
		  bool *is_held, struct text *error)
{
	if (state_withdraw(directory_fd, name, wait, error) != 0)
		return -1;
	/* A cgroup with a process in it stays, and the next cleanup finds the jail by it. */
	if (live_in_hub(live, pin_remove, name) != 0)
		return report_fill(error, "retire jail", name, NULL);
	*is_held = cgroup_remove(live->cgroup_fd, name) != 0;
	if (*is_held && errno != EBUSY)
		return report_fill(error, "retire jail", name, NULL);
	if (state_remove(live->run_fd, directory_fd, name) == 0)
		return 0;
	return report_fill(error, "remove the directory of jail", name,
			   errno == ENOTEMPTY ? "something in it, below " PATHS_RUN
						"/jails, is not trampoline's; see what it is"
					      : NULL);
}

/* Marks or retires an idle jail, whose lock DIRECTORY_FD holds. 0, or -1 with *ERROR. */
static int expire(const struct live *live, int directory_fd, const char *name,
		  enum outcome *outcome, struct text *error)
{
	bool is_held;
	/* No look at the pin before: the kernel would take that for a use, and clear the mark. */
	int result = live_in_hub(live, pin_expire, name);

	*outcome = live->hub_fd < 0 ? DEBRIS : RETIRED;
	if (result != 0 && errno == EAGAIN) {
		*outcome = MARKED;
		(void)!state_mark(directory_fd, clock_boottime_ns()); /* only --list reads it */
		return 0;
	}
	if (result != 0 && errno == EBUSY) {
		*outcome = IN_USE; /* a launcher on its way in has it open */
		return 0;
	}
	if (result != 0 && errno != EINVAL && errno != ENOENT)
		return report_fill(error, "retire jail", name, NULL);
	if (result != 0)
		*outcome = DEBRIS; /* no pin: a build or a discard was killed */
	if (retire(live, directory_fd, name, false, &is_held, error) != 0)
		return -1;
	if (is_held)
		*outcome = IN_USE; /* by a process whose uid no record names */
	return 0;
}

static bool is_in_use(const struct live *live, const struct record *record)
{
	size_t processes;

	(void)inside_of(&live->inside, record->uid, &processes);
	return record->uid != 0 && processes > 0;
}

static enum outcome clean(const struct live *live, const struct live_jail *jail, bool kill)
{
	enum outcome outcome = IN_USE;
	struct record record;
	struct text error;
	AUTO_CLOSE directory_fd = state_lock(live->run_fd, jail->name, false, &error);
	int result = directory_fd < 0 ? -1 : 0;

	(void)kill; /* --discard is what kills */
	if (result == 0) {
		/* The policy that the jail was built by has no cgroup; an earlier one had. */
		if (live_read(live, jail, &record) == 0 && !record.origins[RECORD_CGROUP].inode)
			(void)!cgroup_remove(live->cgroup_fd, jail->name);
		if (!is_in_use(live, &record))
			result = expire(live, directory_fd, jail->name, &outcome, &error);
	}
	if (result == 0)
		return outcome;
	if (errno == EWOULDBLOCK)
		return BUSY;
	return print_failure(&error);
}

static enum outcome foresee(const struct live *live, const struct live_jail *jail)
{
	struct record record;

	(void)!live_read(live, jail, &record);
	if (is_in_use(live, &record))
		return IN_USE;
	if (jail->uid == 0)
		return DEBRIS; /* nothing in the hub */
	return record.marked_ns > record.entered_ns ? RETIRED : MARKED;
}

/*
 * Treats all jails, and returns what became of each. Several processes share the work, because each
 * umount waits for the kernel (an RCU grace period), and they wait together.
 */
static unsigned char *treat_all(const struct live *live,
				enum outcome (*treat)(const struct live *live,
						      const struct live_jail *jail, bool kill),
				bool kill)
{
	size_t workers = live->count < 64 ? 1 : WORKERS;
	pid_t children[WORKERS];
	unsigned char *outcomes = mmap(NULL, live->count + 1, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (outcomes == MAP_FAILED)
		report_refuse("look at the jails", NULL, NULL);
	memset(outcomes, FAILED, live->count);
	for (size_t worker = 0; worker < workers; worker++) {
		pid_t child = children[worker] = worker + 1 < workers ? fork() : -1;

		if (child > 0)
			continue;
		for (size_t i = worker; i < live->count; i += workers)
			outcomes[i] = (unsigned char)treat(live, &live->jails[i], kill);
		if (child == 0)
			_exit(0);
	}
	/* Of these alone: a child that looks at dead storage may not come back. */
	for (size_t worker = 0; worker < workers; worker++)
		if (children[worker] > 0)
			(void)waitpid(children[worker], NULL, 0);
	return outcomes;
}

bool retire_idle(bool dry_run, bool verbose)
{
	size_t counts[OUTCOMES] = {0};
	struct live live;
	char summary[256];

	list_open(&live, PRIVILEGE_RETIRE, NULL);
	const unsigned char *outcomes = dry_run ? NULL : treat_all(&live, clean, false);
	for (size_t i = 0; i < live.count; i++) {
		const struct live_jail *jail = &live.jails[i];
		enum outcome outcome = dry_run ? foresee(&live, jail) : outcomes[i];

		counts[outcome]++;
		if (dry_run || verbose)
			printf("%s: %s\n", jail->name,
			       dry_run ? words[outcome].foreseen : words[outcome].done);
	}
	snprintf(summary, sizeof(summary),
		 "%zu jails: %zu in use, %zu marked, %zu retired, %zu debris, %zu busy, %zu failed",
		 live.count, counts[IN_USE], counts[MARKED], counts[RETIRED], counts[DEBRIS],
		 counts[BUSY], counts[FAILED]);
	live_close(&live);
	if (dry_run)
		return true;
	report_log("cleanup: %s", summary);
	if (isatty(STDOUT_FILENO))
		printf("%s\n", summary);
	return counts[FAILED] == 0;
}

/*
 * Kills all processes of UID, while the lock of jail NAME keeps new ones from coming in. A launcher
 * that has just taken the user's ids may still hold the record's lock, and the user can stop it: so
 * kill the user's processes before the wait for that lock, and, after a wait, once more.
 */
static int kill_all(const struct live *live, int directory_fd, const char *name, uid_t uid,
		    struct text *error)
{
	if (uid == 0)
		return report_fill(error, "find the uid of jail", name,
				   "it has no record, no pins, and no home of a user's");
	bool is_withdrawn =
		directory_fd < 0 || state_withdraw(directory_fd, name, false, error) == 0;
	if (child_kill(&live->host, uid, error) != 0)
		return -1;
	if (is_withdrawn)
		return 0;
	return state_withdraw(directory_fd, name, true, error) == 0
		       ? child_kill(&live->host, uid, error)
		       : -1;
}

/* 0; -1 with *ERROR; 1 with *ERROR if JAIL is not live and, with KILL, no process has its uid. */
static int discard(const struct live *live, const struct live_jail *jail, bool kill,
		   struct text *error)
{
	const char *name = jail->name;
	struct record record;
	struct text unused; /* of retire(), where *ERROR is about the killing already */
	bool is_held;

	(void)!live_read(live, jail, &record);
	uid_t uid = record.uid;
	if (kill && uid == 0 && child_find_owner(name, &uid, error) != 0)
		return -1;
	AUTO_CLOSE present_fd = live->run_fd < 0 ? -1 : state_open(live->run_fd, name);
	bool is_live = present_fd >= 0 || jail->uid != 0;
	if (!is_live && (!kill || uid == 0 || inside_find(&live->host, uid) == 0))
		return -report_fill(error, "discard jail", name, "it is not live");
	AUTO_CLOSE directory_fd =
		live->run_fd < 0 ? -1 : state_lock(live->run_fd, name, true, error);
	if (live->run_fd >= 0 && directory_fd < 0)
		return -1;
	if (live_read(live, jail, &record) == 0)
		uid = record.uid; /* built meanwhile, for another owner of the home */
	int killed = kill ? kill_all(live, directory_fd, name, uid, error) : 0;
	if (directory_fd >= 0 &&
	    retire(live, directory_fd, name, true, &is_held, killed == 0 ? error : &unused) != 0)
		return -1;
	return killed;
}

static enum outcome discard_one(const struct live *live, const struct live_jail *jail, bool kill)
{
	struct text error;

	return discard(live, jail, kill, &error) >= 0 ? RETIRED : print_failure(&error);
}

bool retire_now(const char *name, bool kill)
{
	struct live live;
	struct text error;
	bool is_done = true;

	list_open(&live, PRIVILEGE_RETIRE, name);
	if (name && discard(&live, live.jails, kill, &error) != 0)
		report_die(&error);
	const unsigned char *outcomes = name ? NULL : treat_all(&live, discard_one, kill);
	for (size_t i = 0; outcomes && i < live.count; i++)
		is_done = is_done && outcomes[i] == RETIRED;
	if (!name && kill && child_kill_others(&live.host, &error) != 0)
		is_done = print_failure(&error) == RETIRED;
	report_log("discarded jail %s%s", name ? name : "--all", kill ? " and its processes" : "");
	live_close(&live);
	return is_done;
}
