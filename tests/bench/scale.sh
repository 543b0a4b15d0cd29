#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How long --list and a pass of cleanup take for very many live jails. Ends with status 1 where one takes more than a
# second for ten thousand. SCALE_JAILS=N   how many (10000: some minutes); fewer get their share of the second, and 300 ms.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

jails=${SCALE_JAILS:-10000}
first=$((T_ALICE + 20000000))
limit=$((jails >= 10000 ? 1000 : 300 + jails * 700 / 10000))
saved=
at_end() {
	for name in $saved; do sysctl -qw "$name"; done
	installation_remove
}
trap at_end EXIT

for name in fs.mount-max user.max_mnt_namespaces user.max_ipc_namespaces; do
	now=$(sysctl -n $name)
	if [ "$now" -lt $((jails * 4 + 10000)) ]; then
		saved+=" $name=$now"
		sysctl -qw "$name=$((jails * 4 + 10000))"
	fi
done
printf '[confinement]\nnetwork = host\n' >"$T_SYSCONFDIR/trampoline/trampoline.conf"
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O1 -o "$T_ROOT/population" tests/system/population.c
"$T_ROOT/population" make "$T_STATEDIR/data" "$jails" "$first"
for i in $(seq -f u%05g 0 $((jails - 1))); do "$T" --prepare "$i"; done

bad=0
# takes TRIES COMMAND...: the least of so many
takes() {
	local tries=$1 best=999999 start ms
	shift
	while [ "$tries" -gt 0 ]; do
		start=${EPOCHREALTIME/[.,]/}
		"$@" >/dev/null
		ms=$(((${EPOCHREALTIME/[.,]/} - start) / 1000)) tries=$((tries - 1))
		[ $ms -ge $best ] || best=$ms
	done
	printf '%-30s %6d ms (at most %d)\n' "${*:2}" $best $limit
	[ $best -le $limit ] || bad=1
}
echo "$jails live jails"
takes 3 "$T" --list
takes 3 "$T" --list --json
takes 3 "$T" --cleanup --dry-run
takes 1 "$T" --cleanup
takes 1 "$T" --cleanup
[ $bad -eq 0 ]
