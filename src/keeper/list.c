/* SPDX-License-Identifier: MIT */
/* Tables and JSON. Names and versions come from allow-lists, so they need no quoting in either. */
#include "list.h"

#include <stdio.h>
#include <string.h>

#include "cgroup.h"
#include "cleanup.h"
#include "clock.h"
#include "key.h"
#include "live.h"
#include "privilege.h"
#include "report.h"
#include "state.h"
#include "trampoline/quantity.h"

struct table {
	bool json, has_usage; /* has_usage: also what its cgroup has used */
	int cgroup_fd;
	size_t rows;
	int width; /* of the longest name */
	int64_t now_ns;
};

static void format_age(char age[static 32], int64_t now_ns, int64_t then_ns)
{
	int64_t seconds = (now_ns - then_ns) / 1000000000;

	if (then_ns == 0)
		snprintf(age, 32, "never");
	else if (seconds < 60)
		snprintf(age, 32, "%jds ago", (intmax_t)seconds);
	else if (seconds < 3600)
		snprintf(age, 32, "%jdm ago", (intmax_t)(seconds / 60));
	else if (seconds < 86400)
		snprintf(age, 32, "%jdh ago", (intmax_t)(seconds / 3600));
	else
		snprintf(age, 32, "%jdd ago", (intmax_t)(seconds / 86400));
}

/* Seconds since THEN, or null, as a JSON value. */
static void format_seconds(char seconds[static 24], int64_t now_ns, int64_t then_ns)
{
	if (then_ns == 0)
		snprintf(seconds, 24, "null");
	else
		snprintf(seconds, 24, "%.3f", (double)(now_ns - then_ns) / 1e9);
}

/* Seconds with three decimals. */
static void format_cpu(char cpu[static 24], uint64_t us)
{
	snprintf(cpu, 24, "%ju.%03ju", (uintmax_t)(us / 1000000), (uintmax_t)(us / 1000 % 1000));
}

/* A number, or WORD where nobody counts. */
static void format_count(char count[static 24], uint64_t number, const char *word)
{
	if (number == QUANTITY_UNLIMITED)
		snprintf(count, 24, "%s", word);
	else
		snprintf(count, 24, "%ju", (uintmax_t)number);
}

static void print_json_usage(int cgroup_fd, const struct record *record)
{
	struct cgroup_usage usage;
	char memory[24], peak[24], cpu[24];

	if (!record->origins[RECORD_CGROUP].inode ||
	    cgroup_read_usage(cgroup_fd, record->name, &usage) != 0)
		return;
	format_count(memory, usage.memory, "null");
	format_count(peak, usage.memory_peak, "null");
	format_cpu(cpu, usage.cpu_us);
	printf(", \"usage\": {\"memory\": %s, \"memory_peak\": %s, \"processes\": %ju, "
	       "\"cpu_s\": %s}",
	       memory, peak, (uintmax_t)usage.processes, cpu);
}

static void print_json(const struct table *table, const struct record *record,
		       enum live_state state, size_t processes)
{
	char built[24], entered[24];

	format_seconds(built, table->now_ns, record->built_ns);
	format_seconds(entered, table->now_ns, record->entered_ns);
	printf("%s\n  {\"jail\": \"%s\", \"uid\": %u, \"state\": \"%s\", \"processes\": %zu, "
	       "\"built\": %s, \"last_entered\": %s, \"image\": \"%s@%s\"",
	       table->rows ? "," : "[", record->name, record->uid, live_state_name(state),
	       processes, built, entered, record->image, record->image_version);
}

static void print_row(struct table *table, const struct record *record, enum live_state state,
		      size_t processes)
{
	char built[32], entered[32];

	if (table->json) {
		print_json(table, record, state, processes);
		if (table->has_usage)
			print_json_usage(table->cgroup_fd, record);
		printf("}");
		table->rows++;
		return;
	}
	if (table->rows++ == 0)
		printf("%-*s %10s %-9s %9s %-10s %-12s %s\n", table->width, "JAIL", "UID", "STATE",
		       "PROCESSES", "BUILT", "LAST ENTERED", "IMAGE");
	format_age(built, table->now_ns, record->built_ns);
	format_age(entered, table->now_ns, record->entered_ns);
	printf("%-*s %10u %-9s %9zu %-10s %-12s %s@%s\n", table->width, record->name, record->uid,
	       live_state_name(state), processes, built, entered, record->image,
	       record->image_version);
}

static void open_live(struct live *live)
{
	struct text error;

	if (privilege_lower(PRIVILEGE_LOOK) != 0)
		report_refuse("lower the keeper's privilege", NULL, NULL);
	if (live_open(live, &error) != 0)
		report_die(&error);
}

static void print_jail(const struct live *live, struct table *table, const char *name,
		       enum live_state state)
{
	AUTO_CLOSE directory_fd = live_open_jail(live, name);
	struct record record;
	char file[64];
	void *cursor = NULL;

	if (directory_fd < 0)
		return;
	if (state_read(directory_fd, name, &record) == 0)
		print_row(table, &record, state, scan_count_own(&live->scan, &record));
	while (state_next_retired(directory_fd, name, &cursor, &record, file) > 0) {
		if (record.name[0] && scan_count(&live->scan, &record) > 0)
			print_row(table, &record, LIVE_DISCARDED,
				  scan_count_own(&live->scan, &record));
	}
}

static int width_of(const struct live *live)
{
	size_t width = sizeof("JAIL") + 4;

	for (size_t i = 0; i < live->count; i++)
		if (strlen(live->names[i]) > width)
			width = strlen(live->names[i]);
	return (int)width;
}

static const signed char *look_at_all(struct live *live)
{
	const signed char *states = live_states(live);

	if (!states)
		report_refuse("look at the jails", NULL, NULL);
	return states;
}

/* Long work shows progress, where somebody looks. */
static void show_progress(const struct table *table, size_t done, size_t all)
{
	if (isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) &&
	    clock_boottime_ns() - table->now_ns > INT64_C(1000000000) && done % 256 == 0)
		fprintf(stderr, "\rlooking at jail %zu of %zu ", done, all);
}

void list_all(bool json)
{
	struct table table = {.json = json, .now_ns = clock_boottime_ns()};
	struct live live;

	open_live(&live);
	const signed char *states = look_at_all(&live);
	table.width = width_of(&live);
	for (size_t i = 0; i < live.count; i++) {
		show_progress(&table, i, live.count);
		print_jail(&live, &table, live.names[i], (enum live_state)states[i]);
	}
	if (json)
		printf("%s]\n", table.rows ? "\n" : "[");
	else if (table.rows == 0)
		printf("No jail is live.\n");
	live_close(&live);
}

static void print_limits(const struct record *record)
{
	for (unsigned int resource = 0; resource < LIMIT_RESOURCES; resource++) {
		const char *name = key_limit_name(resource);

		if (name && record->limits[resource] == QUANTITY_UNLIMITED)
			printf("  %-14s unlimited\n", name);
		else if (name)
			printf("  %-14s %ju\n", name, (uintmax_t)record->limits[resource]);
	}
}

static void print_usage(const struct live *live, const struct record *record)
{
	const struct record_origin *cgroup = &record->origins[RECORD_CGROUP];
	struct cgroup_usage usage;
	char memory[24], peak[24], cpu[24];

	if (!cgroup->inode || cgroup_read_usage(live->cgroup_fd, record->name, &usage) != 0)
		return;
	format_count(memory, usage.memory, "not counted");
	format_count(peak, usage.memory_peak, "not counted");
	format_cpu(cpu, usage.cpu_us);
	printf("cgroup %s (bytes, a count, seconds)\n  %-14s %s\n  %-14s %s\n  %-14s %ju\n"
	       "  %-14s %s\n",
	       cgroup->path, "memory", memory, "memory peak", peak, "processes",
	       (uintmax_t)usage.processes, "cpu", cpu);
}

static void print_details(const struct live *live, const struct record *record)
{
	for (size_t i = 0; i < live->scan.count; i++) {
		const struct scan_process *process = &live->scan.processes[i];

		if (!process->is_supervisor && scan_is_inside(process, record))
			printf("process %d uid %u\n", process->pid, process->uid);
	}
	printf("gid %u\nmount namespace %ju\nipc namespace %ju%s\nnetwork namespace %ju%s\n",
	       record->gid, (uintmax_t)record->mount_namespace, (uintmax_t)record->ipc_namespace,
	       record->ipc_namespace ? "" : " (the host's)", (uintmax_t)record->network_namespace,
	       record->network_namespace ? "" : " (the host's)");
	printf("system call filter %u instructions\nlimits (seconds, bytes or a count)\n",
	       record->filter_length);
	print_limits(record);
	print_usage(live, record);
}

void list_one(const char *name, bool json)
{
	struct table table = {.json = json, .has_usage = true, .now_ns = clock_boottime_ns()};
	struct live live;
	struct record record;

	open_live(&live);
	table.cgroup_fd = live.cgroup_fd;
	AUTO_CLOSE directory_fd = live_open_jail(&live, name);
	/* Of all that is live, this one. */
	for (size_t i = 0; i < live.count; i++)
		if (strcmp(live.names[i], name) == 0)
			memmove(live.names[0], live.names[i], sizeof(live.names[0]));
	live.count = live.count > 0 && strcmp(live.names[0], name) == 0;
	table.width = (int)strlen(name);
	if (live.count > 0)
		print_jail(&live, &table, name, (enum live_state)look_at_all(&live)[0]);
	if (json && table.rows > 0)
		printf("\n]\n");
	if (table.rows == 0)
		report_refuse("show jail", name, "it is not live");
	if (!json && state_read(directory_fd, name, &record) == 0)
		print_details(&live, &record);
	live_close(&live);
}
