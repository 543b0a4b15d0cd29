#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Requests against cleanups, as many as the machine can take: no request is refused, no jail has two
# pins, and at the end nothing is left.
#   CLEANUP_SECONDS=N   how long (15)   CLEANUP_LOOPS=N   loops of requests, and of cleanups (50)
. "$(dirname "$0")/lib.sh"

DURATION=${CLEANUP_SECONDS:-15}
LOOPS=${CLEANUP_LOOPS:-50}
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

# Many requests of one user at one time.
printf '[limits]\nprocesses = 1000\n' | configure
"$T" --cleanup
"$T" --cleanup
base=$(hub_mounts | awk '{ print $5 }' | sort)
host=$(host_mounts)
for i in $(seq $JAILS); do make_user "r$i" $((A + 20000000 + i)); done
chmod 777 "$T_WORK"

# request NUMBER: enters one jail after the other until the time is over, and counts. It is nice, or the
# cleanups, which have more to do each time, would hardly get a turn.
request() {
	# shellcheck disable=SC2016 # it is the inner shell's
	become_www nice -n 10 sh -c 'jail=$2 done=0
		while [ ! -e "$1/stop" ]; do
			jail=$((jail % $3 + 1))
			if word=$("$0" "r$jail" echo "here $jail" 2>&1) && [ "$word" = "here $jail" ]; then
				done=$((done + 1))
			else
				echo "r$jail: $word" >>"$1/refused.$2"
			fi
		done
		echo "$done" >"$1/requests.$2"' "$T" "$T_WORK" "$1" "$JAILS"
}

clean() {
	local passes=0
	while [ ! -e "$T_WORK/stop" ]; do
		"$T" --cleanup >>"$T_WORK/complaints.$1" 2>&1 || echo "status $?" >>"$T_WORK/complaints.$1"
		passes=$((passes + 1))
	done
	echo "$passes" >"$T_WORK/passes.$1"
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

loops=
for i in $(seq "$LOOPS"); do
	request "$i" &
	loops+=" $!"
	clean "$i" &
	loops+=" $!"
done
watch &
loops+=" $!"
sleep "$DURATION"
touch "$T_WORK/stop"
for pid in $loops; do wait "$pid" || :; done

sum() { cat "$T_WORK"/"$1".* 2>/dev/null | awk '{ all += $1 } END { print all + 0 }'; }
requests=$(sum requests) passes=$(sum passes)
echo "# $requests requests, $passes passes, $(wc -l <"$T_WORK/looks") looks in $DURATION s"
is "every loop has ended by itself" "$(find "$T_WORK" -name 'requests.*' -o -name 'passes.*' | wc -l)" $((2 * LOOPS))
ok "there were many requests, and passes of every loop" test "$requests" -gt 200 -a "$passes" -ge "$LOOPS"
is "not one request was refused, or went wrong" "$(cat "$T_WORK"/refused.* 2>/dev/null | sort | uniq -c | head -n 20)" ""
is "not one pass complained" "$(cat "$T_WORK"/complaints.* 2>/dev/null | sort | uniq -c | head -n 20)" ""
is "no jail ever had two pins at one place" "$(sort -u "$T_WORK/stacked")" ""
"$T" --cleanup
"$T" --cleanup
is "two passes later the hub is as it was" "$(hub_mounts | awk '{ print $5 }' | sort)" "$base"
is "RUNDIR holds nothing of theirs" "$(ls -A "$T_RUNDIR/jails")" ""
is "and the host's table never changed" "$(host_mounts)" "$host"
