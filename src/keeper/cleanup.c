/* SPDX-License-Identifier: MIT */
/*
 * Idle jails expire as mounts do, umount2(2): with MNT_EXPIRE one pass marks a pin and a later one
 * removes it, unless an entry has used it since. The kernel checks and unmounts in one step. If a
 * pass retires a jail that has just been entered, its processes go on, and the next request builds
 * the jail again.
 */
#include "cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto_free.h"
#include "cgroup.h"
#include "clock.h"
#include "live.h"
#include "pin.h"
#include "privilege.h"
#include "report.h"
#include "retire.h"
#include "state.h"

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

/* Marks or retires an idle jail, whose lock DIRECTORY_FD holds. 0, or -1 with *ERROR. */
static int expire(const struct live *live, int directory_fd, const struct record *record,
		  enum outcome *outcome, struct text *error)
{
	const char *name = record->name;

	/* No look at the pin before: the kernel would take that for a use, and clear the mark. */
	*outcome = live->hub_fd < 0 ? DEBRIS : RETIRED;
	if (live_in_hub(live, pin_expire, name) != 0) {
		if (errno == EAGAIN) {
			*outcome = MARKED;
			/* Only --list reads it. */
			(void)!state_mark(directory_fd, clock_boottime_ns());
			return 0;
		}
		if (errno == EBUSY) {
			*outcome = IN_USE; /* a launcher on its way in has it open */
			return 0;
		}
		if (errno != EINVAL && errno != ENOENT)
			return report_fill(error, "retire jail", name, NULL);
		*outcome = DEBRIS; /* without a pin, the rest is left from a build or an end */
	}
	if (retire_jail(live, directory_fd, name, false, error) != 0)
		return -1;
	if (cgroup_exists(live->cgroup_fd, name))
		*outcome = IN_USE; /* by processes whose uid no record tells */
	return 0;
}

static enum outcome clean(const struct live *live, const struct live_jail *jail)
{
	enum outcome outcome = IN_USE;
	struct record record;
	struct text error;
	size_t processes;
	AUTO_CLOSE directory_fd = state_lock(live->run_fd, jail->name, false, &error);
	int result = directory_fd < 0 ? -1 : 0;

	if (result == 0) {
		/* Its policy had a cgroup before, and has none now. */
		if (live_read(live, jail, &record) == 0 && !record.origins[RECORD_CGROUP].inode)
			(void)!cgroup_remove(live->cgroup_fd, jail->name);
		(void)inside_of(&live->inside, record.uid, &processes);
		if (record.uid == 0 || processes == 0)
			result = expire(live, directory_fd, &record, &outcome, &error);
	}
	if (result == 0)
		return outcome;
	if (errno == EWOULDBLOCK)
		return BUSY;
	fprintf(stderr, "trampoline: %s\n", error.bytes);
	return FAILED;
}

static enum outcome foresee(const struct live *live, const struct live_jail *jail)
{
	struct record record;
	size_t processes;

	(void)!live_read(live, jail, &record);
	(void)inside_of(&live->inside, record.uid, &processes);
	if (record.uid != 0 && processes > 0)
		return IN_USE;
	if (jail->uid == 0)
		return DEBRIS; /* nothing in the hub */
	return record.marked_ns > record.entered_ns ? RETIRED : MARKED;
}

/*
 * Treats all jails, and returns what became of each. Several processes share the work, because each
 * umount waits for the kernel (an RCU grace period), and they wait together.
 */
static unsigned char *clean_all(const struct live *live)
{
	size_t workers = live->count < 64 ? 1 : WORKERS;
	unsigned char *outcomes = mmap(NULL, live->count + 1, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (outcomes == MAP_FAILED)
		report_refuse("look at the jails", NULL, NULL);
	memset(outcomes, FAILED, live->count);
	for (size_t worker = 0; worker < workers; worker++) {
		pid_t child = worker + 1 < workers ? fork() : -1;

		if (child > 0)
			continue;
		for (size_t i = worker; i < live->count; i += workers)
			outcomes[i] = (unsigned char)clean(live, &live->jails[i]);
		if (child == 0)
			_exit(0);
	}
	while (wait(NULL) > 0)
		;
	return outcomes;
}

static void summarise(size_t jails, const size_t counts[static OUTCOMES])
{
	char summary[256];

	snprintf(summary, sizeof(summary),
		 "%zu jails: %zu in use, %zu marked, %zu retired, %zu debris, %zu busy, %zu failed",
		 jails, counts[IN_USE], counts[MARKED], counts[RETIRED], counts[DEBRIS],
		 counts[BUSY], counts[FAILED]);
	report_log("cleanup: %s", summary);
	if (isatty(STDOUT_FILENO))
		printf("%s\n", summary);
}

bool cleanup_run(bool dry_run, bool verbose)
{
	size_t counts[OUTCOMES] = {0};
	struct live live;
	struct text error;

	if (privilege_lower(PRIVILEGE_RETIRE) != 0)
		report_refuse("lower the keeper's privilege", NULL, NULL);
	if (live_open(&live, &error) != 0)
		report_die(&error);
	const unsigned char *outcomes = dry_run ? NULL : clean_all(&live);
	for (size_t i = 0; i < live.count; i++) {
		const struct live_jail *jail = &live.jails[i];
		enum outcome outcome = dry_run ? foresee(&live, jail) : outcomes[i];

		counts[outcome]++;
		if (dry_run || verbose)
			printf("%s: %s\n", jail->name,
			       dry_run ? words[outcome].foreseen : words[outcome].done);
	}
	if (!dry_run)
		summarise(live.count, counts);
	live_close(&live);
	return counts[FAILED] == 0;
}
