#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The limits of [resources], where cgroup v2 has its controllers: hogs in alice's jail stay within them,
# and bob does not notice.
# shellcheck source=tests/system/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"

LEAF=$T_CGROUP/jail-alice
TOP=${T_CGROUP%/*}
started=()

cleanup() {
	local pid
	for pid in "${started[@]}"; do kill -KILL "$pid" 2>/dev/null || :; done
	wait
	"$T" --discard --kill alice >/dev/null 2>&1 || :
	default_config
	rm -f "$ALICE/deed"
	"$T" --cleanup
	"$T" --cleanup
	[ ! -d "$T_CGROUP" ] || rmdir "$T_CGROUP"
	echo '+memory +pids +cpu' >"$TOP/cgroup.subtree_control"
	in_jail alice true
	in_jail bob true
}

# resources KEY=VALUE...: alice's, with rlimits that do not come first
resources() {
	printf '[limits]\nprocesses = 2000\nmemory = unlimited\ncpu = unlimited\n[resources]\n'
	printf '%s\n' "$@"
}
launch() {
	: >"$T_WORK/told"
	(become_www "$T" "$@") >"$T_WORK/told" 2>&1 &
	run=$!
	started+=("$run")
}
of() { awk -v key="$2" '$1 == key { print $2 }' "$LEAF/$1"; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# beside SECONDS DESCRIPTION: while alice does what she does, each entry of bob's works.
beside() {
	local words
	words=$(as_www "$T_WORK/starter" pace $(($1 * 1000)) 5000 "$T" bob true 2>&1) || :
	like "$2" "$words" '^failed 0 of [1-9]'
	echo "# $2: $words"
}

cc=${CC:-cc}
"$cc" -std=c11 -D_GNU_SOURCE -O2 -static -o "$ALICE/deed" tests/system/deed.c
"$cc" -std=c11 -D_GNU_SOURCE -O2 -o "$T_WORK/starter" tests/system/starter.c
chmod 755 "$ALICE/deed"

# --- controllers ---------------------------------------------------------------------------------

"$T" --discard alice
echo '-memory -pids -cpu' >"$TOP/cgroup.subtree_control"
resources "memory = 64M" | override alice
in_jail alice true
is "the controller that is needed is turned on, and no other" \
	"$(cat "$TOP/cgroup.subtree_control" "$T_CGROUP/cgroup.subtree_control" "$LEAF/cgroup.subtree_control")" \
	"$(printf 'memory\nmemory\n')"
is "the limit is set" "$(cat "$LEAF/memory.max")" $((64 << 20))
# shellcheck disable=SC2016
not_ok "who turns it off above, as a service manager does for its own ends, cannot" \
	sh -c 'echo -memory >"$1"' sh "$TOP/cgroup.subtree_control"
resources "memory = 100000000" "processes = 30" "cpu = 150%" | override alice
in_jail alice true
is "a new limit is set in the same leaf, in pages" "$(cat "$LEAF/memory.max")" $((100000000 / 4096 * 4096))
is "and the others" "$(cat "$LEAF/pids.max" "$LEAF/cpu.max" | paste -sd ' ')" "30 150000 100000"
resources "memory = unlimited" | override alice
in_jail alice true
is "unlimited and none lift them again" \
	"$(cat "$LEAF/memory.max" "$LEAF/pids.max" "$LEAF/cpu.max" | paste -sd ' ')" "max max max 100000"
"$T" --discard alice
"$T" --cleanup
rmdir "$T_CGROUP"
mkdir "$T_CGROUP"
sleep 1h &
started+=($!)
echo $! >"$T_CGROUP/cgroup.procs"
resources "memory = 64M" | override alice
status 125 "a process in the parent is refused with the reason" in_jail alice true
like "which is told" "$(cat "$ERR")" "^trampoline: cannot turn on a controller for cgroup \"$T_MARK\": a process is in it"
kill $! || :
wait $! || :
in_jail alice true
mkdir "$LEAF/inner"
echo +memory >"$LEAF/cgroup.subtree_control"
status 125 "a leaf that somebody has divided is refused" in_jail alice true
like "with the reason" "$(cat "$ERR")" "^trampoline: cannot fork: .*[Rr]esource busy"
echo -memory >"$LEAF/cgroup.subtree_control"
rmdir "$LEAF/inner"

"$T" --discard alice
mount --bind "$T_CGROUP" "$TOP"
status 125 "where all cgroups are not to be seen, no jail is built" in_jail alice true
umount "$TOP"
like "and the sentence says so" "$(cat "$ERR")" "^trampoline: cannot make cgroup \"$T_MARK\": no cgroup2 .* whole; "
in_jail alice true

# --- memory --------------------------------------------------------------------------------------

status 137 "a hog that takes more than memory.max is killed" \
	in_jail alice dd if=/dev/zero of=/dev/null bs=200M count=1
ok "by the kernel, for that" test "$(of memory.events oom_kill)" -ge 1
# ended_by SCRIPT [OPTION]: what the exit line says of a run of it
ended_by() {
	# shellcheck disable=SC2086
	in_jail ${2:-} --status-fd=3 alice sh -c "$1" 3>"$T_WORK/lines" >/dev/null 2>&1 || :
	sed -n 's/.*"exit", //p' "$T_WORK/lines" | jq -Rc '"{\(.)" | fromjson | [.code, .reason, .limit]'
}
hog='exec dd if=/dev/zero of=/dev/null bs=200M count=1'
for option in "" -p; do
	is "the exit line says which limit it was (${option:-direct})" "$(ended_by "$hog" $option)" '[137,"limit","memory"]'
	# shellcheck disable=SC2016
	is "of a later run that is killed otherwise it does not (${option:-direct})" \
		"$(ended_by 'kill -KILL $$' $option)" '[137,"signal",null]'
	is "nor of one that only loses a child so (${option:-direct})" \
		"$(ended_by "(${hog}); exit 3" $option)" '[3,"exited",null]'
done
status 0 "one that takes less is not" in_jail alice dd if=/dev/zero of=/dev/null bs=40M count=1
usage=$("$T" --status --json alice | jq -c '.[0].usage')
ok "the peak in the status is the limit, or nearly" \
	jq -e '.memory_peak > 60000000 and .memory_peak <= 67108864 and .memory < .memory_peak' <<<"$usage"
launch alice sleep 1h
other=$run
before=$(of memory.events oom_kill)
# Each within any limit of one process; all together not.
# shellcheck disable=SC2016
launch alice sh -c '
	while :; do
		for i in 1 2 3 4 5; do (dd if=/dev/zero bs=30M count=1 2>/dev/null | sleep 1) & done
		wait
	done'
beside 8 "bob's entries go on beside a hog of many processes"
ok "of which the kernel has killed some" test "$(of memory.events oom_kill)" -gt "$before"
ok "and what is used stays within" test "$(cat "$LEAF/memory.peak")" -le $((64 << 20))
kill "$run" || :
wait "$run" || :
ok "another run of alice's was not taken with them" kill -0 "$other"
"$T" --discard --kill alice
wait "$other" || :

# --- processes -----------------------------------------------------------------------------------

resources "processes = 20" | override alice
in_jail alice true
launch alice ./deed bomb 3600
wait_for grep -qx 20 "$LEAF/pids.current" || :
(while sleep 0.05; do cat "$LEAF/pids.current"; done >"$T_WORK/counts") &
counter=$!
beside 8 "bob's entries go on beside a fork bomb"
kill $counter || :
wait $counter || :
most=$(sort -n "$T_WORK/counts" | tail -n 1)
ok "it is held at twenty processes, now and then one more that is refused ($most)" \
	test "$most" -ge 20 -a "$most" -le 22
ok "as the kernel says" test "$(of pids.events max)" -ge 1
"$T" --discard --kill alice
wait "$run" || :
in_jail alice true
# shellcheck disable=SC2016
launch alice sh -c 'i=0; while [ $i -lt 19 ]; do sleep 1h & i=$((i + 1)); done; echo full; wait'
ok "nineteen children and their shell" wait_for grep -q full "$T_WORK/told"
status 125 "who has as many as he may is refused another run" in_jail alice true
like "in a sentence" "$(cat "$ERR")" "^trampoline: cannot fork: the user already has as many processes as the limit allows"
status 0 "bob is not" in_jail bob true
is "the status counts them" "$("$T" --status --json alice | jq '.[0].processes')" 20
"$T" --discard --kill alice
wait "$run" || :

# --- processor time ------------------------------------------------------------------------------

# What the kernel says, and no lower bound: a machine that is busy gives less than is allowed.
# share: hundredths of a processor that alice uses in ten seconds, or less: the clock runs around the counters.
share() {
	local start used
	start=$(milliseconds) used=$(of cpu.stat usage_usec)
	sleep 10
	used=$(($(of cpu.stat usage_usec) - used))
	echo $((used / ($(milliseconds) - start) / 10))
}
throttled() { [ "$(of cpu.stat nr_throttled)" -gt "$1" ]; }
for hogs in 1 4; do
	resources "cpu = 50%" "# $hogs" | override alice
	in_jail alice true
	before=$(of cpu.stat nr_throttled)
	# shellcheck disable=SC2016
	launch alice sh -c 'i=1; while [ $i -lt $1 ]; do (while :; do :; done) & i=$((i + 1)); done; while :; do :; done' \
		sh $hogs
	ok "$hogs hogs are stopped when they have had half a processor" wait_for throttled "$((before + 5))"
	used=$(share)
	ok "and get no more: $used %" test "$used" -le 56
	beside 5 "bob's entries go on beside $hogs"
	"$T" --discard --kill alice
	wait "$run" || :
done
resources "cpu = unlimited" | override alice
in_jail alice true
before=$(of cpu.stat nr_throttled) used=$(of cpu.stat usage_usec)
launch alice sh -c 'while :; do :; done'
used_more() { [ $(($(of cpu.stat usage_usec) - used)) -gt 2000000 ]; }
ok "without a limit it runs" wait_for used_more
is "and is never stopped" "$(of cpu.stat nr_throttled)" "$before"
"$T" --discard --kill alice
wait "$run" || :

# --- nothing is left -----------------------------------------------------------------------------

resources "memory = 64M" "processes = 50" "cpu = 100%" | override alice
resources "memory = 64M" "processes = 50" "cpu = 100%" | override bob
wrong=0
for number in $(seq 60); do
	case $((number % 4)) in 0) option=-p ;; 1) option=-d ;; 2) option="-t 1m" ;; *) option= ;; esac
	# shellcheck disable=SC2086
	in_jail $option "$([ $((number % 3)) -eq 0 ] && echo bob || echo alice)" true || wrong=$((wrong + 1))
done
is "sixty runs with all three limits" "$wrong" 0
is "leave two leaves" "$(find "$T_CGROUP" -mindepth 1 -type d | wc -l)" 2
is "with nobody in them" "$(cat "$T_CGROUP"/*/cgroup.procs | wc -l)" 0
"$T" --cleanup
"$T" --cleanup
is "and after two cleanups none" "$(find "$T_CGROUP" -mindepth 1 -type d | wc -l)" 0
