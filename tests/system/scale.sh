#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Very many live jails: what --list and a cleanup do grows with their number and no faster. (How long that takes for ten
# thousand jails is measured by tests/bench/scale.sh, and what memory a jail takes by tests/bench/memory.sh.)
#   SCALE_JAILS=N   how many (800)
. "$(dirname "$0")/lib.sh"

JAILS=${SCALE_JAILS:-800}
FIRST=$((A + 20000000))
saved=

cleanup() {
	local name
	for name in $saved; do sysctl -qw "$name"; done
	default_config
	"$T" --cleanup >/dev/null 2>&1 || :
	forget_all
	while findmnt -n "$T_RUNDIR" >/dev/null; do umount "$T_RUNDIR"; done
	"$T_WORK/population" remove "$DATA" "$JAILS" "$FIRST"
	in_jail alice true
	in_jail bob true
}

${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -o "$T_WORK/population" \
	"$(dirname "$0")/population.c"

# raise SYSCTL VALUE: never lowers one.
raise() {
	local now
	now=$(sysctl -n "$1")
	[ "$now" -ge "$2" ] || {
		saved+=" $1=$now"
		sysctl -qw "$1=$2"
	}
}
raise fs.mount-max $((JAILS * 4 + 10000))
raise user.max_mnt_namespaces $((JAILS * 2 + 10000))
raise user.max_ipc_namespaces $((JAILS * 2 + 10000))

# RUNDIR is a tmpfs, as /run is.
forget_all
mount -t tmpfs -o mode=700 trampoline-test "$T_RUNDIR"
"$T_WORK/population" make "$DATA" "$JAILS" "$FIRST"

# prepare FIRST COUNT: every second of these jails
prepare() {
	local i
	for i in $(seq "$1" 2 $(($2 - 1))); do
		"$T" --prepare "$(printf 'u%05d' "$i")" || echo "$i" >>"$T_WORK/refused"
	done
}

QUARTER=$((JAILS / 4))
printf '[confinement]\nnetwork = host\n' | configure

# --- what looking and cleaning cost ----------------------------------------------------------------

# calls COMMAND...: sets made to its system calls, those of its workers too
calls() {
	strace -f -qq -c -o "$T_WORK/calls" "$@" >/dev/null
	made=$(awk '$NF == "total" { print $4 ~ /^[0-9]+$/ ? $4 : $3 }' "$T_WORK/calls")
}

# spent COMMAND...: sets best to the processor time that it takes, in milliseconds: the least of five
spent() {
	local TIMEFORMAT='%3U %3S' took
	best=999999
	for _ in 1 2 3 4 5; do
		{ time "$@" >/dev/null 2>&1; } 2>"$T_WORK/time"
		took=$(awk '{ print int(($1 + $2) * 1000) }' "$T_WORK/time")
		[ "$took" -ge "$best" ] || best=$took
	done
}
# All the same with one jail: that is for the programs of this machine, which all are looked at, and none of it for jails.
: >"$T_WORK/refused"
in_jail alice true
calls "$T" --list
base=$made
echo "# one jail: $base calls"
prepare 0 $QUARTER &
prepare 1 $QUARTER
wait $!
LOOKS=("--list" "--list --json" "--cleanup --dry-run")
declare -A quarter_calls quarter_time
for look in "${LOOKS[@]}"; do
	# shellcheck disable=SC2086 # words
	calls "$T" $look
	# shellcheck disable=SC2086
	spent "$T" $look
	quarter_calls[$look]=$made quarter_time[$look]=$best
done
prepare $QUARTER "$JAILS" &
prepare $((QUARTER + 1)) "$JAILS"
wait $!
is "not one of $JAILS jails is refused" "$(cat "$T_WORK/refused")" ""
is "each has its pin" "$(hub_mounts | grep -c '/jails/u[0-9]*/mnt')" "$JAILS"
is "the host's table has two mounts of ours" "$(findmnt -rn -o SOURCE,TARGET | grep -F "$T_RUNDIR" | grep -vc '^trampoline-test')" 1

# Linear, and not by luck: what is quadratic makes 16 times as many calls for four times as many jails, or takes 16
# times as long, by the processor's time, which other work on the machine changes by much less than a factor.
factor=$(((JAILS + QUARTER - 1) / QUARTER))
for look in "${LOOKS[@]}"; do
	# shellcheck disable=SC2086 # words
	calls "$T" $look
	# shellcheck disable=SC2086
	spent "$T" $look
	echo "# $look: $made calls, $best ms; for $QUARTER jails ${quarter_calls[$look]} calls, ${quarter_time[$look]} ms"
	ok "$look: $factor times as many jails, no more than as many times as many system calls" \
		test "$made" -gt "$JAILS" -a "$made" -le $((quarter_calls[$look] * factor + 5 * base))
	ok "$look: no more than $((factor * 5 / 2)) times as much of the processor's time" \
		test "$best" -le $(((quarter_time[$look] + 10) * factor * 5 / 2))
done
# cleanup_pass DESCRIPTION: looks at all programs some times more.
cleanup_pass() {
	calls "$T" --cleanup
	echo "# $1: $made calls"
	ok "$1 makes at most 80 system calls for each jail, and some for each process of this machine" test "$made" -gt "$JAILS" -a "$made" -le $((JAILS * 80 + 10 * base))
}

"$T" --list >"$T_WORK/list"
is "shows all of them" "$(grep -c '^u[0-9]* .* idle ' "$T_WORK/list")" "$JAILS"
"$T" --list --json >"$T_WORK/list"
is "is JSON, and shows all of them" "$(jq '[.[] | select(.jail // "" | test("^u[0-9]+$"))] | length' "$T_WORK/list")" "$JAILS"
ok "--status of one of them" "$T" --status u00000
become_www "$T" u00000 sleep 600d &
sleeper=$!
wait_for grep -q sleep "/proc/$sleeper/comm"
cleanup_pass "a pass that marks"
is "marks all of them but one" "$("$T" --list | grep -c '^u[0-9]* .* marked ')" $((JAILS - 1))
cleanup_pass "a pass that retires"
left=$(hub_mounts | grep -c '/jails/u[0-9]*/mnt' || :)
# A walk of the kernel's that another umount disturbs counts as a use: such a jail goes in the next pass.
ok "retires all but one, and but for some that are disturbed" test "$left" -ge 1 -a "$left" -le $((1 + JAILS / 4))
passes_leave() {
	for _ in 1 2 3 4 5 6; do
		"$T" --cleanup
		[ "$(hub_mounts | awk '$5 ~ "^/jails/" { print $5 }' | sort | xargs)" != "$1" ] || return 0
	done
	return 1
}
ok "which the next retire" passes_leave "/jails/u00000/ipc /jails/u00000/mnt"
kill "$sleeper" 2>/dev/null || :
wait "$sleeper" 2>/dev/null || :
ok "and that one when nobody is in it" passes_leave ""
is "nothing is left in RUNDIR" "$(ls -A "$T_RUNDIR/jails")" ""
