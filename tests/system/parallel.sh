#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Many at once: one namespace for each jail, one pin for each namespace, nobody refused.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

MANY=60
cpuset=/sys/fs/cgroup/cpuset/$T_MARK

cleanup() {
	local i
	default_config
	forget_all
	for i in $(seq 20); do rm -rf --one-file-system "${DATA:?}/p$i"; done
	for i in $(seq $MANY); do rm -rf --one-file-system "${DATA:?}/c$i"; done
	[ ! -d "$cpuset" ] || rmdir "$cpuset"
	in_jail alice true
	in_jail bob true
}

# A hundred processes of one user at one time are more than the default allows.
printf '[limits]\nprocesses = 1000\n' | configure

# at_once LIST...: an entry for each jail of the list, all started before any is waited for.
at_once() {
	local jail pids='' pid failed=0 i=0
	rm -f "$T_WORK"/inside.*
	for jail; do
		i=$((i + 1))
		in_jail "$jail" readlink /proc/self/ns/mnt >"$T_WORK/inside.$jail.$i" 2>"$T_WORK/inside.$jail.$i.err" &
		pids+=" $!"
	done
	for pid in $pids; do wait "$pid" || failed=$((failed + 1)); done
	cat "$T_WORK"/inside.*.err | sort | uniq -c | head -n 5 | sed 's/^/# /'
	echo "$failed" >"$T_WORK/failed"
}

namespaces_of() {
	cat "$T_WORK"/inside."$1".*[0-9] | sort -u | wc -l
}

stacked() {
	hub_mounts | awk '$5 ~ "^/jails/" { print $5 }' | sort | uniq -d
}

# shellcheck disable=SC2046
times() { printf "$1 %.0s" $(seq "$2"); }

retire alice
# shellcheck disable=SC2046
at_once $(times alice 200)
is "200 first entries of one jail: all succeed" "$(cat "$T_WORK/failed")" 0
is "all into one namespace" "$(namespaces_of alice)" 1
is "pins are not stacked" "$(stacked)" ""
is "the next goes there too" "mnt:[$(pin_inode alice)]" "$(in_jail alice readlink /proc/self/ns/mnt)"

for i in $(seq 20); do make_user "p$i" $((22000 + i)); done
list=
for _ in $(seq 10); do for i in $(seq 20); do list+=" p$i"; done; done
# shellcheck disable=SC2086
at_once $list
is "200 first entries of 20 jails: all succeed" "$(cat "$T_WORK/failed")" 0
wrong=
for i in $(seq 20); do [ "$(namespaces_of "p$i")" = 1 ] || wrong+=" p$i"; done
is "one namespace for each" "$wrong" ""
is "pins are not stacked there either" "$(stacked)" ""

forget_all
# shellcheck disable=SC2086
at_once $list
is "the same with the hub to be made: all succeed" "$(cat "$T_WORK/failed")" 0
wrong=
for i in $(seq 20); do [ "$(namespaces_of "p$i")" = 1 ] || wrong+=" p$i"; done
is "one namespace for each again" "$wrong" ""
is "one hub" "$(host_mounts | grep -c " $T_RUNDIR")" 2
is "no pin is stacked" "$(stacked)" ""

# A stale record and many requests: each gets a whole jail, old or new.
# shellcheck disable=SC2046
(at_once $(times p1 100); cp "$T_WORK/failed" "$T_WORK/failed.loop") &
loop=$!
for n in $(seq 20); do
	printf '[limits]\nprocesses = %d\n' $((1000 + n)) | configure
	sleep 0.01
done
wait $loop
is "100 entries while the configuration changes 20 times: all succeed" "$(cat "$T_WORK/failed.loop")" 0
in_jail p1 true
is "and no pin is stacked" "$(stacked)" ""

# --- processors ----------------------------------------------------------------------------------

# Linux 6.18 numbers mount namespaces by processor, so that a younger one may look older than the hub.
# on_cpu N COMMAND...: a cpuset holds what sets its own affinity, too.
on_cpu() {
	local cpu=$1
	shift
	if [ -d "$cpuset" ]; then
		echo "$cpu" >"$cpuset/cpuset.cpus" && bash -c 'echo $$ >"$0/tasks" && exec "$@"' "$cpuset" "$@"
	else
		taskset -c "$cpu" "$@"
	fi
}

if [ "$(nproc)" -lt 2 ]; then
	skip "hub made on one processor, $MANY jails from the other" "this machine has one processor"
else
	if mkdir "$cpuset" 2>/dev/null && ! { echo 0 >"$cpuset/cpuset.mems"; } 2>/dev/null; then
		rmdir "$cpuset"
	fi
	for i in $(seq $MANY); do make_user "c$i" $((23000 + i)); done
	for order in "1 0" "0 1"; do
		read -r first second <<<"$order"
		forget_all
		on_cpu "$first" "$T" --prepare alice
		# shellcheck disable=SC2016
		on_cpu "$second" bash -c '
			failed=0
			for i in $(seq "$1"); do "$0" "c$i" true || failed=$((failed + 1)); done
			echo $failed' "$T" $MANY >"$OUT" 2>"$ERR"
		is "hub made on processor $first, $MANY jails from processor $second: all succeed" \
			"$(cat "$OUT"; sort "$ERR" | uniq -c | head -n 5)" 0
		is "$MANY pins" "$(hub_mounts | grep -c ' /jails/c[0-9]*/mnt ')" $MANY
		is "none stacked" "$(stacked)" ""
	done
	# The second processor also enters what the first has built.
	is "each enters its own" "$(on_cpu 0 "$T" c7 id -u; on_cpu 1 "$T" c7 id -u)" $'23007\n23007'
fi
