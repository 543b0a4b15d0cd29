#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A jail's cgroup: who is in it and who is not, what it tells, and when it goes. Needs no controller;
# limits are tested on another kernel, in tests/kernels/resources.sh.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

LEAF=$T_CGROUP/jail-alice
TOP=${T_CGROUP%/*}
C=$((A + 2))
started=()

cleanup() {
	local pid
	for pid in "${started[@]}"; do kill -KILL "$pid" 2>/dev/null || :; done
	wait
	[ ! -e "$DATA/memory.max" ] || remove_user memory.max
	default_config
	"$T" --cleanup
	"$T" --cleanup
	[ ! -d "$T_CGROUP" ] || rmdir "$T_CGROUP"
	in_jail alice true
	in_jail bob true
}

if [ ! -e "$TOP/cgroup.procs" ]; then
	skip "a jail's cgroup" "no cgroup2 file system is mounted"
	exit 0
fi

unlimited() { printf '[resources]\ncpu = unlimited\n'; }
launch() {
	: >"$T_WORK/told"
	(become_www "$T" "$@") >"$T_WORK/told" 2>&1 3>/dev/null &
	run=$!
	started+=("$run")
}
cgroup_of() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
members() { sort "$LEAF/cgroup.procs" 2>/dev/null || :; }
# One that has ended and waits for the host's process 1 to notice is none.
of_alice() {
	{ ps -o pid=,stat=,ppid= -U "$A" || :; } | awk '$2 !~ /^Z/ || $3 != 1 { print $1 }' | sort
}
runs() { [ -n "$(of_alice)" ]; }
has() { [ "$(members | grep -c .)" -eq "$1" ]; }
no_leaf() { [ ! -d "$LEAF" ]; }
inode() { stat -c %i "$LEAF"; }
leaves() { find "$T_CGROUP" -mindepth 1 -type d 2>/dev/null | wc -l; }

# --- without -------------------------------------------------------------------------------------

in_jail alice true
ok "by default there is no cgroup" test ! -e "$T_CGROUP"
is "nor in the status" "$("$T" --status --json alice | jq -c '.[0] | has("usage")')" false
unlike "nor in the text" "$("$T" --status alice)" cgroup
strace -f -o "$T_WORK/trace" -e trace=clone3,clone,newfstatat "$T" alice true
unlike "and nobody asks for one" "$(cat "$T_WORK/trace")" 'clone|cgroup|""'

# --- refused -------------------------------------------------------------------------------------

for value in 64MB 0 100 -1 50% max; do
	printf '[limits]\ncore = 0\n[resources]\nmemory = %s\n' "$value" | override alice
	refused 125 'alice.conf:4"' "memory = $value is refused, with its place" in_jail alice true
done
for value in 50 0% 0.5% %; do
	printf '[resources]\ncpu = %s\n' "$value" | override alice
	refused 125 'alice.conf:2"' "cpu = $value too" in_jail alice true
done
printf '[resources]\nprocesses = 0\n' | override alice
refused 125 'alice.conf:2"' "processes = 0 too" in_jail alice true
for key in memory=memory=64M processes=pids=20 cpu=cpu=50%; do
	IFS='=' read -r key controller value <<<"$key"
	if grep -qw "$controller" "$TOP/cgroup.controllers"; then
		skip "$key without its controller is refused" "there is a $controller controller here"
		continue
	fi
	printf '[resources]\n%s = %s\n' "$key" "$value" | override alice
	refused 125 "the $controller controller in cgroup v2; boot with cgroup_no_v1=$controller" \
		"$key = $value without the controller is refused with the reason" in_jail alice true
	like "--check tells it" "$("$T" --check alice || :)" "cannot limit $key in \[resources\]: .*; [a-z]"
	printf '[resources]\n%s = %s\n' "$key" "$value" | configure
	like "once, if it is for all" "$("$T" --check || :)" "cannot limit $key in \[resources\]: .*; [a-z]"
	is "and nothing else" "$("$T" --check | wc -l || :)" 1
	default_config
done
ok "nothing of it is left" test ! -e "$T_CGROUP"

# --- who is in it --------------------------------------------------------------------------------

unlimited | override alice
is "--check has nothing against a jail that only counts" "$("$T" --check alice)" "No findings."
like "--explain shows it" "$("$T" --explain alice)" '^resources +cpu +unlimited +.*alice\.conf:2$'
like "and that it makes every run a supervised one" "$("$T" --explain alice)" \
	'^run +supervised +yes +\[resources\]$'
ok "nothing is made by that" test ! -e "$T_CGROUP"
in_jail alice true
ok "a run has made the leaf" test -d "$LEAF"
is "for root alone" "$(stat -c '%U %a' "$T_CGROUP" "$LEAF" | sort -u)" "root 700"
is "bob, who wants none, has none" "$(leaves)" 1
is "the output is the command's" "$(in_jail alice echo out)" out
status 7 "and so is its status" in_jail alice sh -c 'exit 7'
for option in "" --status-fd=3 -p "-t 1m"; do
	# shellcheck disable=SC2086
	launch $option alice sh -c 'sleep 1h & (sleep 1h & sleep 1h) & wait'
	# Three, and their shell; with process numbers of its own, a process 1 too.
	case $option in "" | --*) count_of=4 ;; *) count_of=5 ;; esac
	ok "a run with its children (${option:-no option})" wait_for has $count_of
	is "each process of it is in the leaf (${option:-no option})" "$(members)" "$(of_alice)"
	is "the watcher is where its caller is (${option:-no option})" "$(cgroup_of "$run")" "$(cgroup_of $$)"
	# shellcheck disable=SC2086
	is "the descriptor of it is not the command's (${option:-no option})" \
		"$(in_jail $option alice probe fds 3>/dev/null)" "fds: 0 1 2"
	kill "$run" || :
	wait "$run" || :
	for pid in $(of_alice); do kill -KILL "$pid" 2>/dev/null || :; done
	ok "and it is empty again (${option:-no option})" wait_for has 0
done
# Who became the user with it open could be led through it to what the jail's limits are.
for option in "" -p "-t 1m" "-d -p"; do
	# shellcheck disable=SC2086
	true | strace -f -y -qq -o "$T_WORK/trace" -e trace=close,setresuid \
		setpriv --reuid=33 --regid=33 --clear-groups "$T" $option alice true | cat
	is "a run closes it before its ids are the user's (${option:-no option})" "$(awk -v leaf="$LEAF>" -v uid="setresuid($A," '
		/ close\(/ && index($0, leaf) { closed[$1] = 1 }
		index($0, uid) { print closed[$1] ? "closed" : "open" }' "$T_WORK/trace" | sort -u)" closed
done
launch -p alice sh -c 'echo runs; sleep 1h'
wait_for grep -q runs "$T_WORK/told" || :
# shellcheck disable=SC2016
is "nor has any process that another run of hers can look into" "$(in_jail alice sh -c '
	ls -l /proc/[0-9]*/fd/ 2>/dev/null | grep -c -e "-> pipe:" -e "-> /dev/null" >&2
	ls -l /proc/[0-9]*/fd/ 2>/dev/null | grep "[0-9] -> .*jail-alice"
	ls -d /proc/[0-9]*/fd/*/cgroup.procs 2>/dev/null' 2>"$ERR" || :)" ""
like "which sees some" "$(cat "$ERR")" '^[1-9]'
kill "$run" || :
wait "$run" || :
ok "and that run is over" wait_for has 0
for option in -d "-d -p"; do
	# shellcheck disable=SC2086
	in_jail $option alice sleep 1h
	ok "a daemon ($option)" wait_for runs
	is "is in it ($option)" "$(members)" "$(of_alice)"
	"$T" --discard --kill alice
	ok "and gone ($option)" wait_for no_leaf
	in_jail alice true
done
like "what the user sees of it is its name" "$(in_jail alice cat /proc/self/cgroup)" "^0::/$T_MARK/jail-alice\$"
is "there is nothing to write to" "$(in_jail alice sh -c 'ls /sys/fs/cgroup 2>&1 | wc -l; test -w /sys && echo yes || :')" 1

# --- what it tells -------------------------------------------------------------------------------

# shellcheck disable=SC2016
launch alice sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done; echo counted; sleep 1h & sleep 1h & wait'
ok "somebody counts" wait_for grep -q counted "$T_WORK/told"
wait_for has 3 || :
usage=$("$T" --status --json alice | jq -c '.[0].usage')
is "--status --json tells the processor time, as the kernel does" "$(jq .cpu_s <<<"$usage" | cut -d . -f 1)" \
	"$(awk '/^usage_usec/ { print int($2 / 1000000) }' "$LEAF/cpu.stat")"
ok "which is some" jq -e '.cpu_s > 0.02' <<<"$usage"
for file in current peak; do
	wanted=null
	[ ! -e "$LEAF/memory.$file" ] || wanted=number
	is "memory.$file, where it is counted" \
		"$(jq -r ".memory$([ $file = current ] || echo _peak) | type" <<<"$usage")" "$wanted"
done
like "the text names the place" "$("$T" --status alice)" "^cgroup $LEAF "
like "and tells the time" "$("$T" --status alice)" '^  cpu +[0-9]+\.[0-9]{3}$'
is "--list has no such member" "$("$T" --list --json | jq -c '[.[] | has("usage")] | unique')" "[false]"

# --- when it goes --------------------------------------------------------------------------------

# In the leaf and not in the jail.
sleep 1h &
stranger=$!
started+=("$stranger")
echo $stranger >"$LEAF/cgroup.procs"
"$T" --discard alice
ok "a jail that is discarded keeps its cgroup while somebody is in it" has 4
ok "the run goes on" kill -0 "$run"
in_jail alice true
ok "the new jail is in the same" has 4
"$T" --discard --kill alice
wait "$run" || :
is "--discard --kill kills all of her uid" "$(of_alice)" ""
ok "and no other process in the cgroup" wait_for has 1
is "the one that it was" "$(members)" "$stranger"
is "a cleanup says that the cgroup is in use" "$("$T" --cleanup -v | grep '^alice: ')" "alice: in use"
kill "$stranger"
wait "$stranger" || :
"$T" --cleanup
ok "an empty leaf that no jail has is gone after a cleanup" no_leaf
in_jail alice true
ok "the next run makes another" test -d "$LEAF"
"$T" --cleanup
ok "it stays with a jail that is only marked" test -d "$LEAF"
"$T" --cleanup
ok "and goes with one that is retired" no_leaf
mkdir "$LEAF"
"$T" --cleanup --dry-run >"$OUT"
like "a leaf without a jail is debris" "$(cat "$OUT")" '^alice: would be removed: debris$'
"$T" --cleanup
ok "which is removed" no_leaf
mkdir "$T_CGROUP/jail-@not.a.jail" "$T_CGROUP/other" "$LEAF" "$LEAF/inner"
"$T" --cleanup
is "what has another name is not ours, and nothing is removed recursively" "$(leaves)" 4
rmdir "$LEAF/inner" "$LEAF" "$T_CGROUP/other" "$T_CGROUP/jail-@not.a.jail"
in_jail alice true
before=$(inode)
is "a warm run takes the one that is there" "$(in_jail -v alice true 2>&1)" "trampoline: entered a live jail"
rmdir "$LEAF"
is "a leaf that is gone is made again, with the jail" "$(in_jail -v alice true 2>&1)" \
	"trampoline: entered a jail built now"
ok "it is another" test "$(inode)" != "$before"
rmdir "$LEAF"
mkdir "$LEAF"
is "another of its name is not taken for it" "$(in_jail -v alice true 2>&1)" "trampoline: entered a jail built now"
before=$(inode)
printf '# changed\n[resources]\nmemory = unlimited\n' | override alice
in_jail alice true
is "a jail that is built again takes the leaf that is there" "$(inode)" "$before"
launch alice sleep 1h
wait_for has 1 || :
default_config
in_jail alice true
"$T" --cleanup
ok "the resources are none now, and somebody is still in the leaf" has 1
is "a new run is in none" "$(in_jail alice cat /proc/self/cgroup | sed -n 's/^0:://p')" "$(cgroup_of $$)"
kill "$run" || :
wait "$run" || :
"$T" --cleanup
ok "then it is removed" no_leaf

# --- in the way ----------------------------------------------------------------------------------

make_user memory.max "$C"
unlimited | override memory.max
ok "a jail may have the name of a file of the kernel's" "$T" memory.max true
ok "and has a leaf" test -d "$T_CGROUP/jail-memory.max"
unlimited | override alice
retire alice
rmdir "$LEAF" 2>/dev/null || :
chmod 777 "$T_CGROUP"
refused 125 "$T_MARK" "a parent that others can write is refused" "$T" alice true
chmod 700 "$T_CGROUP"
in_jail alice true
# As a service with ProtectControlGroups=yes sees it.
# shellcheck disable=SC2016
ok "a caller's read-only view of the cgroups does not matter" unshare -m --propagation private sh -c '
	mount -o remount,bind,ro "$1" && ! mkdir "$1/x" 2>/dev/null && "$2" --discard alice && exec "$2" alice true' \
	sh "$TOP" "$T"
# The leaf never goes between two steps of a run's: a discard waits for those that are on their way.
for number in 1 2; do
	for _ in $(seq 60); do in_jail alice true || :; done 2>"$T_WORK/told$number" &
done
while [ -n "$(jobs -r)" ]; do "$T" --discard alice >/dev/null 2>&1 || :; done
is "no run fails that races with a discard of the jail" "$(cat "$T_WORK"/told[12])" ""
in_jail alice true
start=${EPOCHREALTIME/[.,]/}
for _ in $(seq 50); do in_jail alice true; done
is "fifty runs leave the one leaf" "$(members | wc -l) $(leaves)" "0 2"
echo "# a run in a cgroup: $(((${EPOCHREALTIME/[.,]/} - start) / 50)) us with its fork and exec"
