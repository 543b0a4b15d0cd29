/* SPDX-License-Identifier: MIT */
/* Tables and JSON. Names and versions come from allow-lists, so they need no quoting in either. */
#include "list.h"

#include <stdio.h>
#include <string.h>

#include "auto_free.h"
#include "build/cgroup.h"
#include "clock.h"
#include "live.h"
#include "policy/config.h"
#include "report.h"
#include "trampoline/quantity.h"

/* One set of values fits both forms. A width for the jail's name comes first, 0 in JSON. */
#define TITLES "%-*s        UID STATE     PROCESSES EARLIER BUILT      LAST ENTERED IMAGE\n"
#define TEXT_ROW "%-*s %10u %-9s %9zu %7zu %-10s %-12s %s\n"
#define JSON_ROW                                                                                   \
	"{\"jail\": %-*s, \"uid\": %u, \"state\": \"%s\", \"processes\": %zu, \"earlier\": %zu, "  \
	"\"built\": %s, \"last_entered\": %s, \"image\": %s"
#define TEXT_USAGE "  memory         %s\n  memory peak    %s\n  cpu            %ju.%03ju\n"
#define JSON_USAGE ", \"usage\": {\"memory\": %s, \"memory_peak\": %s, \"cpu_s\": %ju.%03ju}"

struct table {
	const struct live *live;
	bool json, is_status; /* is_status: with all that is known of the jail */
	size_t rows;
	int width; /* of the longest name, and 9 at least */
	int64_t now_ns;
};

/* How long ago THEN was, if ever (0). */
static void format_age(char age[static 32], const struct table *table, int64_t then_ns)
{
	static const int64_t units_s[] = {1, 60, 3600, 86400};
	int64_t age_ns = table->now_ns - then_ns, age_s = age_ns / 1000000000;
	size_t unit = ARRAY_LENGTH(units_s) - 1;

	while (unit > 0 && age_s < units_s[unit])
		unit--;
	if (then_ns == 0)
		snprintf(age, 32, "%s", table->json ? "null" : "-");
	else if (table->json)
		snprintf(age, 32, "%.3f", (double)age_ns / 1e9);
	else
		snprintf(age, 32, "%jd%c ago", (intmax_t)(age_s / units_s[unit]), "smhd"[unit]);
}

/* NUMBER as text; for QUANTITY_UNLIMITED, which says that nothing counts it, the word for that. */
static void format_count(char count[static 32], const struct table *table, uint64_t number)
{
	snprintf(count, 32, "%ju", (uintmax_t)number);
	if (number == QUANTITY_UNLIMITED)
		snprintf(count, 32, "%s", table->json ? "null" : "not counted");
}

/* Prints what the cgroup of RECORD, if it has one, has used. */
static void print_usage(const struct table *table, const struct record *record)
{
	const struct record_origin *cgroup = &record->origins[RECORD_CGROUP];
	struct cgroup_usage usage;
	char memory[32], peak[32];

	if (!cgroup->inode || cgroup_read_usage(table->live->cgroup_fd, record->name, &usage) != 0)
		return;
	format_count(memory, table, usage.memory);
	format_count(peak, table, usage.memory_peak);
	if (!table->json)
		printf("cgroup %s (bytes, a count, seconds)\n", cgroup->path);
	printf(table->json ? JSON_USAGE : TEXT_USAGE, memory, peak,
	       (uintmax_t)(usage.cpu_us / 1000000), (uintmax_t)(usage.cpu_us / 1000 % 1000));
}

/* The processes of JAIL, and what its RECORD says for people alone. */
static void print_details(const struct table *table, const struct live_jail *jail,
			  const struct record *record)
{
	size_t count;
	const struct inside_process *processes = inside_of(&table->live->inside, jail->uid, &count);

	for (size_t i = 0; i < count; i++)
		printf("process %d uid %u%s\n", processes[i].pid, jail->uid,
		       record && inside_is_earlier(&processes[i], record) ? " (in an earlier jail)"
									  : "");
	if (record)
		printf("mount namespace %ju, ipc namespace %ju, network namespace %ju (0: the "
		       "host's)\n",
		       (uintmax_t)record->mount_namespace, (uintmax_t)record->ipc_namespace,
		       (uintmax_t)record->network_namespace);
}

/* The row of JAIL, whose state is STATE if it has no RECORD that can be read (NULL). */
static void print_row(struct table *table, const struct live_jail *jail,
		      const struct record *record, const char *state)
{
	const char *quote = table->json ? "\"" : "", *unknown = table->json ? "null" : "-";
	char name[NAME_LENGTH_MAX + 3], image[2 * (NAME_LENGTH_MAX + 8) + 4];
	char built[32], entered[32];
	size_t count, earlier = 0;
	const struct inside_process *processes = inside_of(&table->live->inside, jail->uid, &count);

	table->now_ns = clock_boottime_ns(); /* not before RECORD has been read */
	for (size_t i = 0; i < count; i++)
		earlier += record && inside_is_earlier(&processes[i], record);
	snprintf(name, sizeof(name), "%s%s%s", quote, jail->name, quote);
	if (record) {
		state = count > 0                                ? "in use"
			: record->marked_ns > record->entered_ns ? "marked"
								 : "idle";
		snprintf(image, sizeof(image), "%s%s@%s%s", quote, record->image,
			 record->image_version, quote);
	}
	format_age(built, table, record ? record->built_ns : 0);
	format_age(entered, table, record ? record->entered_ns : 0);
	if (table->json)
		printf("%s\n  ", table->rows ? "," : "[");
	else if (table->rows == 0)
		printf(TITLES, table->width, "JAIL");
	printf(table->json ? JSON_ROW : TEXT_ROW, table->json ? 0 : table->width,
	       jail->name[0] ? name : unknown, jail->uid, state, count, earlier, built, entered,
	       record ? image : unknown);
	if (table->is_status && !table->json)
		print_details(table, jail, record);
	if (table->is_status && record)
		print_usage(table, record);
	if (table->json)
		printf("}");
	table->rows++;
}

void list_read_name(const struct namespace_host *host, pid_t process,
		    char name[static NAME_LENGTH_MAX + 1])
{
	AUTO_TABLE table = namespace_mounts(host, process);
	struct libmnt_fs *fs =
		table ? mnt_table_find_target(table, "/home", MNT_ITER_BACKWARD) : NULL;
	const char *root = fs ? mnt_fs_get_root(fs) : NULL;

	/* proc_pid_mountinfo(5): "/NAME/home", below where DATA is in its file system. */
	name[0] = '\0';
	for (const char *slash = root; slash; slash = strchr(slash + 1, '/')) {
		size_t length = strcspn(slash + 1, "/");

		if (length <= NAME_LENGTH_MAX && strcmp(slash + 1 + length, "/home") == 0)
			snprintf(name, NAME_LENGTH_MAX + 1, "%.*s", (int)length, slash + 1);
	}
	if (!name_is_jail(name))
		name[0] = '\0';
}

/* Prints a row for each uid that may be a jail's, and has processes but no live jail. */
static void print_others(struct table *table)
{
	const struct live *live = table->live;
	struct config config;
	struct text error;

	/* A configuration that cannot be read leaves the range that is built in. */
	(void)!config_load(&config, NULL, &error);
	for (size_t i = 0, count, known; i < live->inside.count; i += count) {
		struct live_jail jail = {.uid = live->inside.processes[i].uid};
		pid_t process = inside_of(&live->inside, jail.uid, &count)->pid;

		for (known = 0; known < live->count && live->jails[known].uid != jail.uid; known++)
			;
		if (known < live->count || !config_has_id(&config, false, jail.uid))
			continue;
		list_read_name(&live->host, process, jail.name);
		print_row(table, &jail, NULL, "discarded");
	}
}

/* Process 1 of a run, and who is on his way in, are neither counted nor shown as a jail's. */
static void leave_out_launchers(struct inside *inside)
{
	size_t kept = 0;

	for (size_t i = 0; i < inside->count; i++)
		if (!inside->processes[i].is_launcher)
			inside->processes[kept++] = inside->processes[i];
	inside->count = kept;
}

void list_open(struct live *live, enum privilege_step step, const char *name)
{
	struct text error;

	if (privilege_lower(step) != 0)
		report_refuse("lower the keeper's privilege", NULL, NULL);
	if (live_open(live, name, &error) != 0)
		report_die(&error);
}

void list_live(const char *name, bool json)
{
	struct live live;
	struct table table = {.live = &live, .json = json, .is_status = name, .width = 9};
	struct record record;

	list_open(&live, PRIVILEGE_LOOK, NULL);
	leave_out_launchers(&live.inside);
	for (size_t i = 0; i < live.count; i++)
		if (strlen(live.jails[i].name) > (size_t)table.width)
			table.width = (int)strlen(live.jails[i].name);
	for (size_t i = 0; i < live.count; i++) {
		struct live_jail *jail = &live.jails[i];

		if (name && strcmp(jail->name, name) != 0)
			continue;
		bool is_read = live_read(&live, jail, &record) == 0;
		jail->uid = record.uid;
		if (jail->uid != 0)
			print_row(&table, jail, is_read ? &record : NULL, "stale");
	}
	if (!name)
		print_others(&table);
	else if (table.rows == 0)
		report_refuse("show jail", name, "it is not live");
	if (json)
		printf("%s]\n", table.rows ? "\n" : "[");
	else if (table.rows == 0)
		printf("No jail is live.\n");
	live_close(&live);
}
