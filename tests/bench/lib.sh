# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the measurements of entries share: an installation of their own, and the ways that are compared.
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
{
	installation_make &&
		musl-gcc -std=c11 -D_GNU_SOURCE -O2 -static -o "$T_ROOT/floor" tests/bench/floor.c &&
		chown "root:$(id -gn www-data)" "$T_ROOT/floor" && chmod 4750 "$T_ROOT/floor"
} >"$T_ROOT/log" 2>&1 || {
	tail -n 20 "$T_ROOT/log" >&2
	exit 1
}
image=$T_STATEDIR/images/default/current/
# bwrap as www-data has the rights of www-data: its own copies of a home and a tmp.
install -d -o 33 -g 33 "$T_ROOT/bwrap" "$T_ROOT/bwrap/home" "$T_ROOT/bwrap/tmp"

# shellcheck disable=SC2034 # for the measurements
{
	www=(uid=33 gid=33 --)
	bare=("bare spawn" "${www[@]}" "$T_TOOLS/true")
	binds=(--ro-bind "$image" / --bind "$T_ROOT/bwrap/home" /home --bind "$T_ROOT/bwrap/tmp" /tmp --proc /proc)
	floor=("$T_RUNDIR/hub" /jails/alice/mnt /home/alice /usr/true)
}

# table TITLE ROUNDS WAY , WAY...: the first and the last are what the others are compared with.
table() {
	printf '%-40s %10s %10s %8s %8s\n' "$1" 'median us' 'p90 us' 'x bare' 'x bwrap'
	shift
	"$T_TOOLS/entry" "$@" >"$T_ROOT/result"
	awk -F '\t' '
		{ name[NR] = $1; median[NR] = $2; high[NR] = $3; ratio[NR] = $4 }
		END {
			for (i = 1; i <= NR; i++)
				printf "%-40s %10.1f %10.1f %8.2f %8.3f\n", name[i], median[i], high[i], ratio[i],
					median[i] / median[NR]
		}' "$T_ROOT/result"
	echo
}

echo "$(uname -sr), $(nproc) processors, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
echo
