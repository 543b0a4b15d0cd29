#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What an entry costs, beside a bare spawn of the same program and bubblewrap with the same binds:
# interleaved, medians, as www-data. A table on standard output; ROUNDS=N changes its length.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/installation.sh
. tests/installation.sh
export LC_ALL=C.UTF-8
BUILD=${BUILD:-build/test}
ROUNDS=${ROUNDS:-1000}

[ "$(id -u)" -eq 0 ] || {
	echo "bench: cannot measure entries: root is needed to install a set-uid program" >&2
	exit 1
}
trap 'installation_remove' EXIT
trap 'exit 130' INT TERM HUP
installation_name
log=$T_ROOT/log
installation_make >"$log" 2>&1 || {
	tail -n 20 "$log" >&2
	exit 1
}
image=$T_STATEDIR/images/default/current/
# bwrap as www-data has the rights of www-data: its own copies of a home and a tmp.
install -d -o 33 -g 33 "$T_ROOT/bwrap" "$T_ROOT/bwrap/home" "$T_ROOT/bwrap/tmp"

bare=("bare spawn" uid=33 gid=33 -- "$T_TOOLS/true")
live=("trampoline, live jail" uid=33 gid=33 -- "$T" alice /usr/true)
built=("trampoline, jail to be built" uid=33 gid=33 "before=rm $T_RUNDIR/jails/alice/record" --
	"$T" alice /usr/true)
bwrap=("bwrap, same binds" uid=33 gid=33 -- bwrap --ro-bind "$image" / --bind "$T_ROOT/bwrap/home" /home
	--bind "$T_ROOT/bwrap/tmp" /tmp --dev /dev --proc /proc /usr/true)

# table TITLE ROUNDS WAY , WAY...
table() {
	printf '%-30s %10s %10s %8s %8s\n' "$1" 'median us' 'p90 us' 'x bare' 'x bwrap'
	shift
	"$T_TOOLS/entry" "$@" >"$T_ROOT/result"
	awk -F '\t' '
		{ name[NR] = $1; median[NR] = $2; high[NR] = $3; ratio[NR] = $4 }
		END {
			for (i = 1; i <= NR; i++)
				printf "%-30s %10.1f %10.1f %8.2f %8.3f\n", name[i], median[i], high[i], ratio[i],
					median[i] / median[NR]
		}' "$T_ROOT/result"
	echo
}

echo "One entry: posix_spawn to exit of a static program without libc, $ROUNDS rounds, interleaved."
echo "$(uname -sr), $(nproc) processors, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
echo
table "as configured by default" "$ROUNDS" "${bare[@]}" , "${live[@]}" , "${bwrap[@]}"
# Apart from the others, because the kernel takes the old jail's namespaces down in the background.
table "a new jail each time" $((ROUNDS / 5 + 1)) "${bare[@]}" , "${built[@]}" , "${bwrap[@]}"
printf '[confinement]\nsystem_calls = all\nnetwork = host\nipc = host\n' \
	>"$T_SYSCONFDIR/trampoline/jails.d/alice.conf"
table "no filter, host's network, ipc" "$ROUNDS" "${bare[@]}" , "${live[@]}" , "${bwrap[@]}"
table "the same, a new jail each time" $((ROUNDS / 5 + 1)) "${bare[@]}" , "${built[@]}" , "${bwrap[@]}"
