#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What grows with the number of live jails: an entry, --list and a pass of cleanup, for 1, 100, 1,000 and 10,000 of them.
# Ends with status 1 where --list or a pass takes more than a second of a processor's time, which other work on the machine
# changes least, or an entry more than 1.3 times what it takes with one jail.   SCALE_JAILS="N..."   how many (10000: some minutes)
ROUNDS=${ROUNDS:-210}
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

read -ra sizes <<<"${SCALE_JAILS:-1 100 1000 10000}"
most=${sizes[-1]}
first=$((T_ALICE + 20000000))
saved=
at_end() {
	for name in $saved; do sysctl -qw "$name"; done
	installation_remove
}
trap at_end EXIT

for name in fs.mount-max user.max_mnt_namespaces user.max_ipc_namespaces; do
	now=$(sysctl -n $name)
	if [ "$now" -lt $((most * 4 + 10000)) ]; then
		saved+=" $name=$now"
		sysctl -qw "$name=$((most * 4 + 10000))"
	fi
done
printf '[confinement]\nnetwork = host\n' >"$T_SYSCONFDIR/trampoline/trampoline.conf"
for name in alice bob; do "$T" --discard $name >/dev/null; done
"$T_TOOLS/population" make "$T_STATEDIR/data" "$most" "$first"

# takes COMMAND...: sets wall and processor to the milliseconds that it takes
takes() {
	local TIMEFORMAT='%R %U %S'
	{ time "$@" >/dev/null; } 2>"$T_ROOT/time"
	read -r wall processor < <(awk 'END { printf "%d %d\n", $1 * 1000, ($2 + $3) * 1000 }' "$T_ROOT/time")
}

bad=0 live=0
figures scale jails entry_us entry_ratio entry_cpu_ratio list_ms list_cpu_ms cleanup_ms cleanup_cpu_ms host_mounts
printf '%8s %9s %7s %12s %8s %10s %11s %10s %12s\n' jails 'entry us' 'x bare' 'x processor' 'list ms' processor 'cleanup ms' processor 'host mounts'
for jails in "${sizes[@]}"; do
	while [ $live -lt "$jails" ]; do
		"$T" --prepare "$(printf 'u%05d' $live)"
		live=$((live + 1))
	done
	"$T_TOOLS/entry" "$ROUNDS" bare uid=33 gid=33 -- "$T_TOOLS/true" , entry uid=33 gid=33 -- "$T" u00000 /usr/true >"$T_ROOT/result"
	IFS=$'\t' read -r _ entry _ _ ratio _ _ _ cpu_ratio _ < <(tail -n 1 "$T_ROOT/result")
	takes "$T" --list
	list=$wall list_cpu=$processor
	# A dry run looks at all that a pass looks at, and marks nothing; the pass itself is the last.
	takes "$T" --cleanup --dry-run
	mounts=$(grep -cF "$T_RUNDIR" /proc/self/mountinfo)
	row=("$jails" "$entry" "$ratio" "$cpu_ratio" "$list" "$list_cpu" "$wall" "$processor" "$mounts")
	figure scale "${row[@]}"
	printf '%8d %9.0f %7.2f %12.2f %8d %10d %11d %10d %12d\n' "${row[@]}"
	base=${base:-$cpu_ratio}
	[ "$list_cpu" -le 1000 ] && [ "$processor" -le 1000 ] && awk -v a="$cpu_ratio" -v b="$base" 'BEGIN { exit !(a <= 1.3 * b) }' || bad=1
done
for pass in marks retires; do
	takes "$T" --cleanup
	echo "a pass that $pass $most jails: $wall ms, $processor ms of a processor (at most 1000)"
	[ "$processor" -le 1000 ] || bad=1
done
echo
[ $bad -eq 0 ]
