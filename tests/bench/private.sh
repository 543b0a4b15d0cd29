#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a supervised run costs, beside a bare spawn of the same program, a direct entry, and bubblewrap with
# a pid namespace and the same binds: interleaved, medians, as www-data. ROUNDS=N changes its length.
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
installation_make >"$T_ROOT/log" 2>&1 || {
	tail -n 20 "$T_ROOT/log" >&2
	exit 1
}
image=$T_STATEDIR/images/default/current/
# bwrap as www-data has the rights of www-data: its own copies of a home and a tmp.
install -d -o 33 -g 33 "$T_ROOT/bwrap" "$T_ROOT/bwrap/home" "$T_ROOT/bwrap/tmp"

bare=("bare spawn" uid=33 gid=33 -- "$T_TOOLS/true")
direct=("trampoline, direct" uid=33 gid=33 -- "$T" alice /usr/true)
clock=("trampoline --timeout, no /proc" uid=33 gid=33 -- "$T" -t 1h bob /usr/true)
private=("trampoline --private" uid=33 gid=33 -- "$T" -p alice /usr/true)
bwrap=("bwrap --unshare-pid --proc /proc" uid=33 gid=33 -- bwrap --unshare-pid --ro-bind "$image" /
	--bind "$T_ROOT/bwrap/home" /home --bind "$T_ROOT/bwrap/tmp" /tmp --proc /proc /usr/true)
printf '[confinement]\nproc = none\n' >"$T_SYSCONFDIR/trampoline/jails.d/bob.conf"
"$T" --prepare bob

echo "One run: posix_spawn to exit of a static program without libc, $ROUNDS rounds, interleaved."
echo "$(uname -sr), $(nproc) processors, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
echo
# table ROUNDS WAY , WAY...: the last is what the last column compares with
table() {
	printf '%-36s %10s %10s %8s %8s\n' "as configured by default" 'median us' 'p90 us' 'x bare' 'x bwrap'
	"$T_TOOLS/entry" "$@" >"$T_ROOT/result"
	awk -F '\t' '
		{ name[NR] = $1; median[NR] = $2; high[NR] = $3; ratio[NR] = $4 }
		END {
			for (i = 1; i <= NR; i++)
				printf "%-36s %10.1f %10.1f %8.2f %8.3f\n", name[i], median[i], high[i], ratio[i],
					median[i] / median[NR]
		}' "$T_ROOT/result"
}
table "$ROUNDS" "${bare[@]}" , "${direct[@]}" , "${clock[@]}" , "${private[@]}" , "${bwrap[@]}"
