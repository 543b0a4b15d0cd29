#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Very many live jails: what a pass of cleanup and --list do grows with their number and no faster, and a jail costs
# little memory. (How long it takes for ten thousand is measured by tests/bench/scale.sh.)
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
	if findmnt -n "$T_WORK/ipc" >/dev/null; then umount -R "$T_WORK/ipc"; fi
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
raise user.max_net_namespaces $((JAILS * 2 + 10000))

# RUNDIR is a tmpfs, as /run is.
forget_all
mount -t tmpfs -o mode=700 trampoline-test "$T_RUNDIR"
"$T_WORK/population" make "$DATA" "$JAILS" "$FIRST"

# What the kernel keeps for us, in KiB: its objects, and the pages of RUNDIR.
# The least of a few looks: what has just ended is freed a little later.
kernel_kib() {
	local least='' now
	for _ in 1 2 3 4 5; do
		echo 2 >/proc/sys/vm/drop_caches
		now=$(awk '$1 == "Slab:" || $1 == "Percpu:" { all += $2 } END { print all }' /proc/meminfo)
		if [ -z "$least" ] || [ "$now" -lt "$least" ]; then least=$now; fi
		sleep 0.3
	done
	echo "$least"
}
run_kib() { df --output=used -k "$T_RUNDIR" | tail -n 1; }

# prepare FIRST COUNT: every second of these jails
prepare() {
	local i
	for i in $(seq "$1" 2 $(($2 - 1))); do
		"$T" --prepare "$(printf 'u%05d' "$i")" || echo "$i" >>"$T_WORK/refused"
	done
}

# build COUNT: so many jails. Sets what each of them costs, in bytes, and what else has changed meanwhile.
build() {
	local kernel run before
	in_jail alice true
	in_jail bob true
	: >"$T_WORK/refused"
	before=$(kernel_kib)
	# As many processes as are to come, so that the kernel has its room for those already.
	for _ in $(seq "$1"); do "$T" --prepare alice; done
	kernel=$(kernel_kib) run=$(run_kib)
	noise=$(((kernel > before ? kernel - before : before - kernel) * 1024 / $1))
	prepare 0 "$1" &
	prepare 1 "$1"
	wait $!
	kernel_each=$((($(kernel_kib) - kernel) * 1024 / $1))
	run_each=$((($(run_kib) - run) * 1024 / $1))
	each=$((kernel_each + run_each))
	echo "# $1 live jails: each $kernel_each bytes of the kernel's, $run_each in RUNDIR; before them $noise"
}

# costs DESCRIPTION COUNT LEAST MOST: so many jails cost between so many bytes each, in one of four tries. The
# kernel's memory is that of the whole machine: where that moved by more than a tenth of MOST for each jail even while
# none was built, in each of the tries, nothing has been measured.
costs() {
	local description=$1 number=$2 tries=4 quiet=0 try
	for ((try = 1; try <= tries; try++)); do
		build "$number"
		if [ -s "$T_WORK/refused" ]; then break; fi
		if [ "$each" -gt "$3" ] && [ "$each" -le "$4" ]; then break; fi
		# The room for so many processes is made in the first.
		[ $try -eq 1 ] || [ "$noise" -gt $(($4 / 10)) ] || quiet=$((quiet + 1))
		[ $try -eq $tries ] || retire_all
	done
	is "not one of $number jails is refused" "$(wc -l <"$T_WORK/refused")" 0
	if [ $try -gt $tries ] && [ $quiet -eq 0 ]; then
		skip "$description" "other programs move the memory of this machine's kernel by more than that"
	else
		ok "$description (try $try: $each bytes)" test $try -le $tries
	fi
}

# At once, as what is built by another configuration.
retire_all() {
	touch "$CONFIG/trampoline.conf"
	"$T" --cleanup
}

# bare KIND COUNT: sets $bare_each to what a namespace of this kind alone takes of the kernel's, pinned by
# util-linux's own unshare: nothing that another layout of ours could save. (For an ipc namespace the kernel
# mounts a message queue file system and keeps three hash tables; for a network, devices and sysctls.)
bare() {
	local i kind=$1 count=$2 before
	mkdir "$T_WORK/bare"
	mount -t tmpfs -o mode=700 trampoline-test "$T_WORK/bare"
	mount --make-private "$T_WORK/bare"
	for i in $(seq $((count * 2))); do : >"$T_WORK/bare/$i"; done
	# The first ones take what is free in pages that the kernel has already.
	for i in $(seq "$count"); do unshare "--$kind=$T_WORK/bare/$i" true; done
	before=$(kernel_kib)
	for i in $(seq $((count + 1)) $((count * 2))); do unshare "--$kind=$T_WORK/bare/$i" true; done
	bare_each=$((($(kernel_kib) - before) * 1024 / count))
	umount -l "$T_WORK/bare" # with all of them
	rmdir "$T_WORK/bare"
	echo "# a bare $kind namespace: $bare_each bytes of the kernel's"
}
bare net 200
net_each=$bare_each
bare ipc 600
ipc_each=$bare_each
is "a bare ipc namespace costs what the kernel needs for it, no more" $((ipc_each > 4096 && ipc_each < 16384)) 1

QUARTER=$((JAILS / 4))
printf '[confinement]\nnetwork = host\nipc = host\n' | configure
costs "a live jail with the host's network and ipc costs at most 16 KiB" $((JAILS / 2)) 1024 16384
host_each=$each
configure </dev/null
"$T" --cleanup
# trampoline.conf(5) says what a network of one's own costs.
costs "with an ipc namespace and a network of its own what these cost bare, and at most 16 KiB for its loopback" \
	$QUARTER $((host_each + 8192)) $((host_each + ipc_each + net_each + 16384))

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
"$T" --discard alice >/dev/null 2>&1 || :
touch "$CONFIG/trampoline.conf"
"$T" --cleanup
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
printf '[confinement]\nnetwork = host\n' | configure
"$T" --cleanup
costs "with an ipc namespace what the kernel takes for that more, $ipc_each bytes" "$JAILS" 1024 \
	$((16384 + ipc_each < 28672 ? 16384 + ipc_each : 28672))
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
is "is JSON, and shows all of them" "$(jq '[.[] | select(.jail | test("^u[0-9]+$"))] | length' "$T_WORK/list")" "$JAILS"
ok "--status of one of them" "$T" --status u00000
become_www "$T" u00000 sleep 600 &
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
		[ "$(hub_mounts | awk '$5 ~ "^/(jails|retired)/" { print $5 }' | sort | xargs)" != "$1" ] || return 0
	done
	return 1
}
ok "which the next retire" passes_leave "/jails/u00000/ipc /jails/u00000/mnt"
kill "$sleeper" 2>/dev/null || :
wait "$sleeper" 2>/dev/null || :
ok "and that one when nobody is in it" passes_leave ""
is "nothing is left in RUNDIR" "$(ls -A "$T_RUNDIR/jails")" ""

# What is not given back is missing each time; what other programs take meanwhile is not.
for _ in 1 2 3 4 5 6; do
	kernel_before=$(kernel_kib)
	prepare 0 $QUARTER &
	prepare 1 $QUARTER
	wait $!
	retire_all
	kernel_left=$((($(kernel_kib) - kernel_before) * 1024 / QUARTER))
	echo "# retired: $kernel_left bytes of the kernel's for each of $QUARTER"
	[ $kernel_left -ge $((each / 4)) ] || break
done
ok "the kernel has its memory back, but for what it caches" test "$kernel_left" -lt $((each / 4))
