/* SPDX-License-Identifier: MIT */
/*
 * Idle jails expire as mounts do: MNT_EXPIRE marks a pin in one pass and removes it in a later one,
 * unless somebody opened it in between, and nobody can between the kernel's look and its doing.
 * Pins and records of our own names go, one by one; no code here can reach a file of a user's.
 */
#include "retire.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "cleanup.h"
#include "clock.h"
#include "crew.h"
#include "foreign.h"
#include "hub.h"
#include "live.h"
#include "pin.h"
#include "privilege.h"
#include "prune.h"
#include "report.h"
#include "state.h"

/* A jail is idle if none of so many looks has seen anybody in it. */
#define LOOKS 4

enum outcome {
	OUTCOME_KEPT,
	OUTCOME_MARKED,
	OUTCOME_RETIRED,
	OUTCOME_DISCARDED, /* retired before, and somebody is still inside */
	OUTCOME_DEBRIS,
	OUTCOME_FOREIGN, /* and foreign_find() says why */
	OUTCOME_BUSY,    /* another keeper is at work; there is a next pass */
	OUTCOME_FAILED,  /* and a sentence says why */
	OUTCOMES
};

static const struct {
	const char *done, *foreseen;
} outcome_words[OUTCOMES] = {
	[OUTCOME_KEPT] = {"in use", "would stay: in use"},
	[OUTCOME_MARKED] = {"marked", "would be marked"},
	[OUTCOME_RETIRED] = {"retired", "would be retired"},
	[OUTCOME_DISCARDED] = {"discarded, still in use", "would stay: discarded, still in use"},
	[OUTCOME_DEBRIS] = {"debris removed", "would be removed: debris"},
	[OUTCOME_FOREIGN] = {"not ours, left alone", "would be left alone: not ours"},
	[OUTCOME_BUSY] = {"busy, left alone", "would be left alone: busy"},
	[OUTCOME_FAILED] = {"not retired", "would be left alone: no answer"},
};

static bool has_user(const struct record *record)
{
	struct stat status;

	/* Another error is not an absence: storage that is away keeps its jails. */
	return lstat(record->origins[RECORD_BASE].path, &status) == 0 || errno != ENOENT;
}

/*
 * The record first, then the pins: in this order a launcher never finds one without the other. The
 * cgroup goes last; with a process in it it stays, and a later pass knows the jail by it.
 */
int retire_jail(const struct live *live, int directory_fd, const char *name, int *left)
{
	if (state_withdraw(directory_fd, name) != 0 ||
	    prune_in_hub(live, pin_set_aside, name) != 0 ||
	    prune_retired(live, directory_fd, name) != 0 ||
	    cgroup_remove(live->cgroup_fd, name) != 0)
		return -1;
	*left = state_remove(live->run_fd, directory_fd, name) == 0 ? 0 : errno;
	return *left == 0 || *left == EBUSY || *left == ENOTEMPTY ? 0 : -1;
}

static int expire_pin(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), HUB_JAILS "/%s/mnt", name);
	return umount2(path, MNT_EXPIRE | UMOUNT_NOFOLLOW);
}

/* What using the pin does to its mark: umount2(2), MNT_EXPIRE. */
static int touch_pin(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), HUB_JAILS "/%s/mnt", name);
	AUTO_CLOSE fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 && errno != ENOENT ? -1 : 0;
}

/*
 * Nobody was inside when we looked. The kernel decides whether that is still so: the record is away
 * while it does, so that a request that comes just now waits for our lock and not for nothing.
 */
static int expire(const struct live *live, int directory_fd, struct record *record,
		  enum outcome *outcome)
{
	const char *name = record->name;
	bool was_marked = record->marked_ns > record->entered_ns;

	if (was_marked && state_unlink(directory_fd, RECORD_FILE) != 0)
		return -1;
	int result = prune_in_hub(live, expire_pin, name);
	if (result == 0 || errno == EINVAL || errno == ENOENT) {
		int left;

		*outcome = OUTCOME_RETIRED;
		return retire_jail(live, directory_fd, name, &left);
	}
	if (errno != EAGAIN && errno != EBUSY)
		return -1;
	/* EBUSY: somebody holds the pin open, a launcher on its way in. */
	*outcome = errno == EAGAIN ? OUTCOME_MARKED : OUTCOME_KEPT;
	record->marked_ns = errno == EAGAIN ? clock_boottime_ns() : 0;
	return was_marked ? state_publish(directory_fd, record)
			  : state_mark(directory_fd, record->marked_ns);
}

static int treat(const struct live *live, int directory_fd, const char *name, enum outcome *outcome)
{
	struct record record;
	size_t processes;
	int left;

	if (state_read(directory_fd, name, &record) != 0) {
		if (retire_jail(live, directory_fd, name, &left) != 0)
			return -1;
		*outcome = left == EBUSY       ? OUTCOME_DISCARDED
			   : left == ENOTEMPTY ? OUTCOME_FOREIGN
					       : OUTCOME_DEBRIS;
		return 0;
	}
	/* Its policy had one before, and has none now. */
	if (!record.origins[RECORD_CGROUP].inode && cgroup_remove(live->cgroup_fd, name) != 0)
		return -1;
	enum live_state state = live_judge(live, &record, &processes);
	if (!has_user(&record) || (state == LIVE_STALE && processes == 0)) {
		*outcome = OUTCOME_RETIRED;
		return retire_jail(live, directory_fd, name, &left);
	}
	if (processes == 0)
		return expire(live, directory_fd, &record, outcome);
	*outcome = OUTCOME_KEPT;
	return prune_in_hub(live, touch_pin, name) != 0 ? -1
							: prune_retired(live, directory_fd, name);
}

static bool has_discarded(const struct live *live, int directory_fd, const char *name)
{
	struct record record;
	char file[64];
	void *cursor = NULL;
	size_t processes = 0;

	while (state_next_retired(directory_fd, name, &cursor, &record, file) > 0)
		processes += record.name[0] ? scan_count(&live->scan, &record) : 0;
	return processes > 0;
}

/* What treat() would do, as far as that can be known without doing it. */
static enum outcome foresee(const struct live *live, const char *name)
{
	AUTO_CLOSE directory_fd = live_open_jail(live, name);
	struct record record;
	size_t processes;

	if (directory_fd < 0)
		return errno == ENOENT ? OUTCOME_DEBRIS : OUTCOME_FOREIGN;
	if (state_read(directory_fd, name, &record) != 0)
		return has_discarded(live, directory_fd, name) ? OUTCOME_DISCARDED
		       : foreign_is_in(directory_fd)           ? OUTCOME_FOREIGN
							       : OUTCOME_DEBRIS;
	enum live_state state = live_judge(live, &record, &processes);
	if (!has_user(&record) || (state == LIVE_STALE && processes == 0) || state == LIVE_MARKED)
		return OUTCOME_RETIRED;
	return processes > 0 ? OUTCOME_KEPT : OUTCOME_MARKED;
}

static enum outcome clean(const struct live *live, const char *name)
{
	AUTO_CLOSE directory_fd = -1;
	struct text error;
	AUTO_CLOSE lock_fd = state_lock(live->run_fd, name, false, &directory_fd, &error);
	enum outcome outcome;

	if (lock_fd < 0 && errno == EWOULDBLOCK)
		return OUTCOME_BUSY;
	if (lock_fd >= 0 && treat(live, directory_fd, name, &outcome) == 0)
		return outcome;
	if (lock_fd >= 0)
		(void)report_fill(&error, "retire jail", name, NULL);
	AUTO_CLOSE present_fd = live_open_jail(live, name);
	if (present_fd < 0 && errno != ENOENT)
		return OUTCOME_FOREIGN;
	fprintf(stderr, "trampoline: %s\n", error.bytes);
	return OUTCOME_FAILED;
}

static void open_live(struct live *live, enum privilege_step step)
{
	struct text error;

	if (privilege_lower(step) != 0)
		report_refuse("lower the keeper's privilege", NULL, NULL);
	if (live_open(live, &error) != 0)
		report_die(&error);
}

static int clean_one(void *context, size_t index)
{
	const struct live *live = context;

	return (int)clean(live, live->names[index]);
}

static int foresee_one(void *context, size_t index)
{
	const struct live *live = context;

	return (int)foresee(live, live->names[index]);
}

/* What became of each, or would; in the order of their names. */
static void tell(const struct live *live, const signed char *outcomes, bool dry_run, bool verbose,
		 size_t counts[static OUTCOMES])
{
	for (size_t i = 0; i < live->count; i++) {
		if (outcomes[i] == CREW_STUCK)
			fprintf(stderr,
				"trampoline: cannot look at jail \"%s\": its storage does not "
				"answer; it "
				"is left alone\n",
				live->names[i]);
		enum outcome outcome =
			outcomes[i] == CREW_STUCK ? OUTCOME_FAILED : (enum outcome)outcomes[i];
		counts[outcome]++;
		if (dry_run || verbose)
			printf("%s: %s\n", live->names[i],
			       dry_run ? outcome_words[outcome].foreseen
				       : outcome_words[outcome].done);
	}
}

static void tell_foreign(const struct text *sentence)
{
	fprintf(stderr, "trampoline: %s\n", sentence->bytes);
}

static void summarise(char summary[static 256], size_t jails, const size_t counts[static OUTCOMES])
{
	snprintf(summary, 256,
		 "%zu jails: %zu in use, %zu marked, %zu retired, %zu discarded, %zu debris, "
		 "%zu busy, %zu not ours, %zu failed",
		 jails, counts[OUTCOME_KEPT], counts[OUTCOME_MARKED], counts[OUTCOME_RETIRED],
		 counts[OUTCOME_DISCARDED], counts[OUTCOME_DEBRIS], counts[OUTCOME_BUSY],
		 counts[OUTCOME_FOREIGN], counts[OUTCOME_FAILED]);
}

bool retire_idle(bool dry_run, bool verbose)
{
	size_t counts[OUTCOMES] = {0};
	char summary[256];
	struct live live;

	open_live(&live, PRIVILEGE_RETIRE);
	for (unsigned int look = 1; look < LOOKS; look++)
		if (scan_again(&live.home, &live.scan) != 0)
			report_refuse("look at the processes", NULL, NULL);
	signed char *outcomes = crew_share(live.count + 1);
	if (!outcomes || crew_work(live.count, live.count < 64 ? 1 : 32,
				   dry_run ? foresee_one : clean_one, &live, outcomes) != 0)
		report_refuse("look at the jails", NULL, NULL);
	tell(&live, outcomes, dry_run, verbose, counts);
	size_t foreign = foreign_find(&live, tell_foreign);
	if (!dry_run) {
		summarise(summary, live.count, counts);
		report_log("cleanup: %s", summary);
		if (isatty(STDOUT_FILENO))
			printf("%s\n", summary);
	}
	live_close(&live);
	return counts[OUTCOME_FAILED] == 0 && foreign == 0;
}
