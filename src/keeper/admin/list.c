/* SPDX-License-Identifier: MIT */
/* Tables and JSON. Names and versions come from allow-lists, so they need no quoting in either. */
#include "list.h"

#include <stdio.h>
#include <string.h>

#include "auto_free.h"
#include "build/cgroup.h"
#include "clock.h"
#include "policy/config.h"
#include "policy/key.h"
#include "live.h"
#include "privilege.h"
#include "report.h"
#include "trampoline/quantity.h"

struct table {
	const struct live *live;
	bool json, has_usage; /* has_usage: also what its cgroup has used */
	size_t rows;
	int width; /* of the longest name */
	int64_t now_ns;
};

struct row {
	const char *jail; /* empty: nobody knows */
	const char *state;
	uid_t uid;
	size_t processes, earlier;
	const struct record *record; /* NULL: it has none that can be read */
};

static void format_age(char age[static 32], int64_t now_ns, int64_t then_ns)
{
	static const struct {
		int64_t below_s, unit_s;
		char letter;
	} units[] = {{60, 1, 's'}, {3600, 60, 'm'}, {86400, 3600, 'h'}, {INT64_MAX, 86400, 'd'}};
	int64_t seconds = (now_ns - then_ns) / 1000000000;
	size_t unit = 0;

	while (seconds >= units[unit].below_s)
		unit++;
	if (then_ns == 0)
		snprintf(age, 32, "never");
	else
		snprintf(age, 32, "%jd%c ago", (intmax_t)(seconds / units[unit].unit_s),
			 units[unit].letter);
}

/* Seconds since THEN as a JSON value; what SECONDS holds stays if THEN never was. */
static void format_seconds(char seconds[static 24], int64_t now_ns, int64_t then_ns)
{
	if (then_ns != 0)
		snprintf(seconds, 24, "%.3f", (double)(now_ns - then_ns) / 1e9);
}

/* A number, or WORD where nobody counts. */
static void format_count(char count[static 24], uint64_t number, const char *word)
{
	if (number == QUANTITY_UNLIMITED)
		snprintf(count, 24, "%s", word);
	else
		snprintf(count, 24, "%ju", (uintmax_t)number);
}

/* Prints what the cgroup of RECORD, if it has one, has used. */
static void print_usage(const struct table *table, const struct record *record)
{
	const struct record_origin *cgroup = &record->origins[RECORD_CGROUP];
	struct cgroup_usage usage;
	char memory[24], peak[24];

	if (!cgroup->inode || cgroup_read_usage(table->live->cgroup_fd, record->name, &usage) != 0)
		return;
	format_count(memory, usage.memory, table->json ? "null" : "not counted");
	format_count(peak, usage.memory_peak, table->json ? "null" : "not counted");
	if (table->json)
		printf(", \"usage\": {\"memory\": %s, \"memory_peak\": %s, \"processes\": %ju, "
		       "\"cpu_s\": ",
		       memory, peak, (uintmax_t)usage.processes);
	else
		printf("cgroup %s (bytes, a count, seconds)\n  %-14s %s\n  %-14s %s\n  %-14s %ju\n"
		       "  %-14s ",
		       cgroup->path, "memory", memory, "memory peak", peak, "processes",
		       (uintmax_t)usage.processes, "cpu");
	printf("%ju.%03ju%s", (uintmax_t)(usage.cpu_us / 1000000),
	       (uintmax_t)(usage.cpu_us / 1000 % 1000), table->json ? "}" : "\n");
}

static void print_json(const struct table *table, const struct row *row)
{
	char built[24] = "null", entered[24] = "null";
	const char *quote = row->jail[0] ? "\"" : "";

	if (row->record) {
		format_seconds(built, table->now_ns, row->record->built_ns);
		format_seconds(entered, table->now_ns, row->record->entered_ns);
	}
	printf("%s\n  {\"jail\": %s%s%s, \"uid\": %u, \"state\": \"%s\", \"processes\": %zu, "
	       "\"earlier\": %zu, \"built\": %s, \"last_entered\": %s, \"image\": ",
	       table->rows ? "," : "[", quote, row->jail[0] ? row->jail : "null", quote, row->uid,
	       row->state, row->processes, row->earlier, built, entered);
	if (row->record)
		printf("\"%s@%s\"", row->record->image, row->record->image_version);
	else
		printf("null");
	if (row->record && table->has_usage)
		print_usage(table, row->record);
	printf("}");
}

static void print_row(struct table *table, const struct row *row)
{
	char built[32] = "-", entered[32] = "-";

	if (table->json) {
		print_json(table, row);
		table->rows++;
		return;
	}
	if (table->rows++ == 0)
		printf("%-*s %10s %-9s %9s %7s %-10s %-12s %s\n", table->width, "JAIL", "UID",
		       "STATE", "PROCESSES", "EARLIER", "BUILT", "LAST ENTERED", "IMAGE");
	if (row->record) {
		format_age(built, table->now_ns, row->record->built_ns);
		format_age(entered, table->now_ns, row->record->entered_ns);
	}
	printf("%-*s %10u %-9s %9zu %7zu %-10s %-12s %s%s%s\n", table->width,
	       row->jail[0] ? row->jail : "-", row->uid, row->state, row->processes, row->earlier,
	       built, entered, row->record ? row->record->image : "-", row->record ? "@" : "",
	       row->record ? row->record->image_version : "");
}

/* The processes of a row's uid, as people count: without those that only watch a run. */
static void count_processes(const struct table *table, struct row *row)
{
	size_t count;
	const struct inside_process *processes = inside_of(&table->live->inside, row->uid, &count);

	for (size_t i = 0; i < count; i++) {
		if (processes[i].is_supervisor)
			continue;
		row->processes++;
		row->earlier += row->record && inside_is_earlier(&processes[i], row->record);
	}
}

static const char *state_of(const struct row *row)
{
	if (!row->record)
		return "stale";
	if (row->processes > 0)
		return "in use";
	return row->record->marked_ns > row->record->entered_ns ? "marked" : "idle";
}

/* Returns the jail's uid; 0 if it is not live: then it has no row. */
static uid_t print_jail(struct table *table, const struct live_jail *jail)
{
	struct record record;
	bool is_read = live_read(table->live, jail, &record) == 0;
	struct row row = {
		.jail = jail->name, .uid = record.uid, .record = is_read ? &record : NULL};

	if (row.uid == 0)
		return 0;
	count_processes(table, &row);
	row.state = state_of(&row);
	print_row(table, &row);
	return row.uid;
}

void list_read_name(const struct namespace_home *home, pid_t process,
		  char name[static NAME_LENGTH_MAX + 1])
{
	AUTO_TABLE table = namespace_mounts(home, process);
	struct libmnt_fs *fs =
		table ? mnt_table_find_target(table, "/home", MNT_ITER_BACKWARD) : NULL;
	const char *root = fs ? mnt_fs_get_root(fs) : NULL, *end = NULL;

	/* proc_pid_mountinfo(5): "/NAME/home" in the file system that DATA is on, perhaps with more before it. */
	for (const char *at = root; at && (at = strstr(at, "/home")); at++)
		end = at[strlen("/home")] == '\0' ? at : end;
	const char *start = end;
	while (start && start > root && start[-1] != '/')
		start--;
	name[0] = '\0';
	if (start && end - start <= NAME_LENGTH_MAX)
		snprintf(name, NAME_LENGTH_MAX + 1, "%.*s", (int)(end - start), start);
	if (!name_is_jail(name))
		name[0] = '\0';
}

/* Whoever could have a jail and is in none that is live: a row for each uid but the KNOWN ones. */
static void print_others(struct table *table, const uid_t *known, size_t known_count)
{
	const struct inside *inside = &table->live->inside;
	struct config config;
	struct text error;

	/* A configuration that cannot be read leaves the range that is built in. */
	(void)!config_load(&config, NULL, &error);
	for (size_t i = 0, count; i < inside->count; i += count) {
		const struct inside_process *process =
			inside_of(inside, inside->processes[i].uid, &count);
		char name[NAME_LENGTH_MAX + 1];
		struct row row = {.jail = name, .uid = process->uid, .state = "discarded"};
		bool is_known = !config_has_uid(&config, row.uid);

		for (size_t at = 0; at < known_count && !is_known; at++)
			is_known = known[at] == row.uid;
		if (is_known)
			continue;
		count_processes(table, &row);
		if (row.processes == 0)
			continue; /* a caller's watchers */
		list_read_name(&table->live->home, process->pid, name);
		print_row(table, &row);
	}
}

static void open_table(struct table *table, struct live *live)
{
	struct text error;

	if (privilege_lower(PRIVILEGE_LOOK) != 0)
		report_refuse("lower the keeper's privilege", NULL, NULL);
	if (live_open(live, &error) != 0)
		report_die(&error);
	table->live = live;
	table->now_ns = clock_boottime_ns();
	table->width = sizeof("JAIL") + 4;
	for (size_t i = 0; i < live->count; i++)
		if (strlen(live->jails[i].name) > (size_t)table->width)
			table->width = (int)strlen(live->jails[i].name);
}

void list_all(bool json)
{
	struct table table = {.json = json};
	struct live live;

	open_table(&table, &live);
	uid_t *known = calloc(live.count + 1, sizeof(*known));
	if (!known)
		report_refuse("list jails", NULL, NULL);
	for (size_t i = 0; i < live.count; i++)
		known[i] = print_jail(&table, &live.jails[i]);
	print_others(&table, known, live.count);
	free(known);
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

/* RECORD has its uid alone unless it IS_READ. */
static void print_details(const struct table *table, const struct record *record, bool is_read)
{
	size_t count;
	const struct inside_process *processes =
		inside_of(&table->live->inside, record->uid, &count);

	for (size_t i = 0; i < count; i++)
		if (!processes[i].is_supervisor)
			printf("process %d uid %u%s\n", processes[i].pid, processes[i].uid,
			       inside_is_earlier(&processes[i], record) ? " (in an earlier jail)"
									: "");
	if (!is_read)
		return;
	printf("gid %u\nmount namespace %ju\nipc namespace %ju%s\nnetwork namespace %ju%s\n",
	       record->gid, (uintmax_t)record->mount_namespace, (uintmax_t)record->ipc_namespace,
	       record->ipc_namespace ? "" : " (the host's)", (uintmax_t)record->network_namespace,
	       record->network_namespace ? "" : " (the host's)");
	printf("system call filter %u instructions\nlimits (seconds, bytes or a count)\n",
	       record->filter_length);
	print_limits(record);
	print_usage(table, record);
}

void list_one(const char *name, bool json)
{
	struct table table = {.json = json, .has_usage = true};
	struct live live;
	struct record record;
	const struct live_jail *jail = NULL;

	open_table(&table, &live);
	table.width = (int)strlen(name);
	for (size_t i = 0; i < live.count && !jail; i++)
		if (strcmp(live.jails[i].name, name) == 0)
			jail = &live.jails[i];
	if (!jail || print_jail(&table, jail) == 0)
		report_refuse("show jail", name, "it is not live");
	bool is_read = live_read(&live, jail, &record) == 0;
	if (json)
		printf("\n]\n");
	else
		print_details(&table, &record, is_read);
	live_close(&live);
}
