/* SPDX-License-Identifier: MIT */
/* One pass over all jails, by a crew, and what it says. */
#include "pass.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cleanup.h"
#include "crew.h"
#include "foreign.h"
#include "live.h"
#include "privilege.h"
#include "report.h"
#include "retire.h"
#include "state.h"

/* A jail is idle if none of so many looks has seen anybody in it. */
#define LOOKS 4
#define STUCK "its storage does not answer; it is left alone"

struct pass {
	struct live live;
	const signed char *outcomes; /* of the jails, in the order of their names */
};

static const struct {
	const char *done, *foreseen;
} words[RETIRE_OUTCOMES] = {
	[RETIRE_KEPT] = {"in use", "would stay: in use"},
	[RETIRE_MARKED] = {"marked", "would be marked"},
	[RETIRE_DONE] = {"retired", "would be retired"},
	[RETIRE_WITHDRAWN] = {"retired", "would be retired"},
	[RETIRE_DISCARDED] = {"discarded, still in use", "would stay: discarded, still in use"},
	[RETIRE_DEBRIS] = {"debris removed", "would be removed: debris"},
	[RETIRE_FOREIGN] = {"not ours, left alone", "would be left alone: not ours"},
	[RETIRE_BUSY] = {"busy, left alone", "would be left alone: busy"},
	[RETIRE_FAILED] = {"not retired", "would be left alone: no answer"},
};

/* Treats one jail; or, if it has an OUTCOME already, forgets it. */
static enum retire_outcome clean(const struct live *live, const char *name,
				 enum retire_outcome outcome)
{
	bool is_first = outcome == RETIRE_OUTCOMES;
	AUTO_CLOSE directory_fd = -1;
	struct text error;
	AUTO_CLOSE lock_fd = state_lock(live->run_fd, name, false, &directory_fd, &error);

	if (lock_fd < 0 && errno == EWOULDBLOCK)
		return is_first ? RETIRE_BUSY : outcome;
	if (lock_fd >= 0 && (is_first ? retire_treat(live, directory_fd, name, &outcome)
				      : retire_forget(live, directory_fd, name, &outcome)) == 0)
		return outcome;
	if (lock_fd >= 0)
		(void)report_fill(&error, "retire jail", name, NULL);
	AUTO_CLOSE present_fd = live_open_jail(live, name);
	if (present_fd < 0 && errno != ENOENT)
		return RETIRE_FOREIGN;
	fprintf(stderr, "trampoline: %s\n", error.bytes);
	return RETIRE_FAILED;
}

static int clean_one(void *context, size_t index)
{
	const struct pass *pass = context;

	return (int)clean(&pass->live, pass->live.names[index], RETIRE_OUTCOMES);
}

static int foresee_one(void *context, size_t index)
{
	const struct pass *pass = context;

	return (int)retire_foresee(&pass->live, pass->live.names[index]);
}

static bool is_to_be_forgotten(signed char outcome)
{
	return outcome == RETIRE_WITHDRAWN || outcome == RETIRE_DISCARDED ||
	       outcome == RETIRE_DEBRIS;
}

static int forget_one(void *context, size_t index)
{
	const struct pass *pass = context;
	signed char outcome = pass->outcomes[index];

	return is_to_be_forgotten(outcome) ? (int)clean(&pass->live, pass->live.names[index],
							(enum retire_outcome)outcome)
					   : outcome;
}

/* What became of each, or would; in the order of their names. */
static void tell(const struct pass *pass, bool dry_run, bool verbose,
		 size_t counts[static RETIRE_OUTCOMES])
{
	const struct live *live = &pass->live;
	const signed char *outcomes = pass->outcomes;

	for (size_t i = 0; i < live->count; i++) {
		if (outcomes[i] == CREW_STUCK)
			fprintf(stderr, "trampoline: cannot look at jail \"%s\": " STUCK "\n",
				live->names[i]);
		enum retire_outcome outcome = outcomes[i] == CREW_STUCK
						      ? RETIRE_FAILED
						      : (enum retire_outcome)outcomes[i];
		counts[outcome]++;
		if (dry_run || verbose)
			printf("%s: %s\n", live->names[i],
			       dry_run ? words[outcome].foreseen : words[outcome].done);
	}
}

static void tell_foreign(const struct text *sentence)
{
	fprintf(stderr, "trampoline: %s\n", sentence->bytes);
}

static void summarise(char summary[static 256], size_t jails,
		      const size_t counts[static RETIRE_OUTCOMES])
{
	snprintf(summary, 256,
		 "%zu jails: %zu in use, %zu marked, %zu retired, %zu discarded, %zu debris, "
		 "%zu busy, %zu not ours, %zu failed",
		 jails, counts[RETIRE_KEPT], counts[RETIRE_MARKED],
		 counts[RETIRE_DONE] + counts[RETIRE_WITHDRAWN], counts[RETIRE_DISCARDED],
		 counts[RETIRE_DEBRIS], counts[RETIRE_BUSY], counts[RETIRE_FOREIGN],
		 counts[RETIRE_FAILED]);
}

/* Has a crew do TASK for every jail. */
static void work(struct pass *pass, int (*task)(void *context, size_t index))
{
	signed char *outcomes = crew_share(pass->live.count + 1);

	if (!outcomes ||
	    crew_work(pass->live.count, pass->live.count < 64 ? 1 : 32, task, pass, outcomes) != 0)
		report_refuse("look at the jails", NULL, NULL);
	pass->outcomes = outcomes;
}

/* Whoever has come in since we looked at the processes is seen by another look, and only then. */
static void forget(struct pass *pass)
{
	size_t i = 0;

	while (i < pass->live.count && !is_to_be_forgotten(pass->outcomes[i]))
		i++;
	if (i == pass->live.count)
		return;
	if (live_look_again(&pass->live) != 0)
		report_refuse("look at the processes", NULL, NULL);
	work(pass, forget_one);
}

bool pass_run(bool dry_run, bool verbose)
{
	size_t counts[RETIRE_OUTCOMES] = {0};
	char summary[256];
	struct pass pass = {.outcomes = NULL};
	struct text error;

	if (privilege_lower(PRIVILEGE_RETIRE) != 0)
		report_refuse("lower the keeper's privilege", NULL, NULL);
	if (live_open(&pass.live, &error) != 0)
		report_die(&error);
	for (unsigned int look = 1; look < LOOKS; look++)
		if (scan_again(&pass.live.home, &pass.live.scan) != 0)
			report_refuse("look at the processes", NULL, NULL);
	work(&pass, dry_run ? foresee_one : clean_one);
	if (!dry_run)
		forget(&pass);
	tell(&pass, dry_run, verbose, counts);
	size_t foreign = foreign_find(&pass.live, tell_foreign);
	if (!dry_run) {
		summarise(summary, pass.live.count, counts);
		report_log("cleanup: %s", summary);
		if (isatty(STDOUT_FILENO))
			printf("%s\n", summary);
	}
	live_close(&pass.live);
	return counts[RETIRE_FAILED] == 0 && foreign == 0;
}
