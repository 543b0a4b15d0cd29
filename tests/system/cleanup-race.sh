#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Requests against cleanups, at the same time: no request is refused, no jail has two pins, and at
# the end nothing is left. They go on until there were enough of each, however long that takes.
#   CLEANUP_LOOPS=N      loops of requests, and as many of cleanups (20)
#   CLEANUP_REQUESTS=N   requests (1000), of which at least a twentieth has to find its jail retired
. "$(dirname "$0")/lib.sh"

LOOPS=${CLEANUP_LOOPS:-20}
REQUESTS=${CLEANUP_REQUESTS:-1000}
JAILS=20

cleanup() {
	local i pid
	touch "$T_WORK/stop"
	for pid in $(jobs -p); do kill -TERM "$pid" 2>/dev/null || :; done
	wait
	default_config
	for i in $(seq $JAILS); do [ ! -e "$DATA/r$i" ] || remove_user "r$i"; done
	"$T" --cleanup >/dev/null 2>&1 || :
	in_jail alice true
	in_jail bob true
}

# A pass that another umount of this machine disturbs counts as a use of the jail: umount2(2),
# MNT_EXPIRE.
retire_all() {
	for _ in 1 2 3 4 5 6; do
		"$T" --cleanup
		[ -n "$(ls -A "$T_RUNDIR/jails")" ] || break
	done
}

# Many requests of one user at one time.
printf '[limits]\nprocesses = 1000\n' | configure
in_jail alice true
retire_all
base=$(hub_mounts | awk '{ print $5 }' | sort)
host=$(host_mounts)
for i in $(seq $JAILS); do make_user "r$i" $((A + 20000000 + i)); done
chmod 777 "$T_WORK"

# request NUMBER: enters one jail after the other, and writes down for each whether it was "live" or
# "built". It is nice, or the cleanups, which have more to do each time, would hardly get a turn.
request() {
	# shellcheck disable=SC2016 # it is the inner shell's
	become_www nice -n 10 sh -c 'jail=$2
		while [ ! -e "$1/stop" ]; do
			jail=$((jail % $3 + 1))
			said=$("$0" -v "r$jail" echo "here $jail" 2>&1) || said="status $?: $said"
			case $said in
			"trampoline: entered a jail built now
here $jail") echo built ;;
			"trampoline: entered a live jail
here $jail") echo live ;;
			*) echo "r$jail: $said" >>"$1/refused.$2" ;;
			esac >>"$1/requests.$2"
		done
		: >"$1/ended.r$2"' "$T" "$T_WORK" "$1" "$JAILS"
}

clean() {
	while [ ! -e "$T_WORK/stop" ]; do
		"$T" --cleanup >>"$T_WORK/complaints.$1" 2>&1 || echo "status $?" >>"$T_WORK/complaints.$1"
		echo >>"$T_WORK/passes.$1"
	done
	: >"$T_WORK/ended.c$1"
}

# Looks into the hub all the while. The table is not read at one instant, so a pin that goes and one
# that comes may both be in it; two that are there in two looks, one after the other, are two pins.
watch() {
	while [ ! -e "$T_WORK/stop" ]; do
		{ hub_mounts && hub_mounts; } | awk '$5 ~ "^/jails/" { print $1, $5 }' | sort | uniq -d |
			cut -d ' ' -f 2 | sort | uniq -d >>"$T_WORK/stacked"
		echo >>"$T_WORK/looks"
		sleep 0.1
	done
}

# lines NAME PATTERN: so many lines of the files NAME.* match.
lines() { find "$T_WORK" -name "$1.*" -exec cat {} + | grep -c "$2" || :; }
passes_of_all() { [ "$(find "$T_WORK" -name 'passes.*' -size +0 | wc -l)" -eq "$LOOPS" ]; }
enough() {
	[ "$(lines requests .)" -ge "$REQUESTS" ] && [ "$(lines requests built)" -ge $((REQUESTS / 20)) ] &&
		[ "$(lines requests live)" -ge $((REQUESTS / 20)) ] && [ "$(wc -l <"$T_WORK/looks")" -ge 3 ] && passes_of_all
}
over() { compgen -G "$T_WORK/refused.*" || enough; }

: >"$T_WORK/looks"
: >"$T_WORK/stacked"
loops=
for i in $(seq "$LOOPS"); do
	request "$i" &
	loops+=" $!"
	clean "$i" &
	loops+=" $!"
done
watch &
loops+=" $!"
# A machine that is as slow as it may be has ten times what one that is just slow needs.
for _ in 1 2 3 4 5 6 7 8 9 10; do ! wait_for over || break; done
touch "$T_WORK/stop"
for pid in $loops; do wait "$pid" || :; done

built=$(lines requests built) live=$(lines requests live) passes=$(lines passes '^')
echo "# $((built + live)) requests, of which $built built their jail, $passes passes, $(wc -l <"$T_WORK/looks") looks in $SECONDS s"
is "every loop has ended by itself" "$(find "$T_WORK" -name 'ended.*' | wc -l)" $((2 * LOOPS))
ok "requests found their jail live, others had to build it, and every loop has passed" enough
is "not one request was refused, or went wrong" "$(cat "$T_WORK"/refused.* 2>/dev/null | sort | uniq -c | head -n 20)" ""
is "not one pass complained" "$(cat "$T_WORK"/complaints.* 2>/dev/null | sort | uniq -c | head -n 20)" ""
is "no jail ever had two pins at one place" "$(sort -u "$T_WORK/stacked")" ""
retire_all
is "some passes later the hub is as it was" "$(hub_mounts | awk '{ print $5 }' | sort)" "$base"
is "RUNDIR holds nothing of theirs" "$(ls -A "$T_RUNDIR/jails")" ""
is "and the host's table never changed" "$(host_mounts)" "$host"
