# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the measurements share: an installation of their own, the ways that are compared, tables, and the files
# of figures in build/bench, of which tests/bench/report.sh makes JSON and plots.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/installation.sh
. tests/installation.sh
export LC_ALL=C.UTF-8 PATH="$PATH:/usr/sbin:/sbin"
OUT=$PWD/build/bench
BUILD=${BUILD:-build/test}
ROUNDS=${ROUNDS:-350}

[ "$(id -u)" -eq 0 ] || {
	echo "bench: cannot measure entries: root is needed to install a set-uid program" >&2
	exit 1
}
trap 'installation_remove' EXIT
trap 'exit 130' INT TERM HUP
installation_name
{
	installation_make &&
		"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O1 -o "$T_TOOLS/population" tests/system/population.c
} >"$T_ROOT/log" 2>&1 || {
	tail -n 20 "$T_ROOT/log" >&2
	exit 1
}
# Not on every processor: the ways that it gives are then missing.
if "${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -static -nostdlib -fno-stack-protector -Wl,-z,noseparate-code,--build-id=none \
	-o "$T_ROOT/floor" tests/bench/floor.c 2>"$T_ROOT/log"; then
	chown "root:$(id -gn www-data)" "$T_ROOT/floor"
	chmod 4750 "$T_ROOT/floor"
fi
mkdir -p "$OUT"

# figures NAME COLUMN...: begins the file NAME; figure NAME VALUE...: adds a row
figure() { (IFS=$'\t'; shift; echo "$*") >>"$OUT/$1.tsv"; }
figures() {
	: >"$OUT/$1.tsv"
	figure "$@"
}

ways=() absent=()
# way PACKAGE NAME [WORD]... -- COMMAND...: adds a way, as tests/bench/entry.c has it, to the next table. It is run once
# for that, with strace; one that is missing or cannot run here is shown as that.
way() {
	local package=$1 name=$2 uid=0 gid=0 setup='' status=0 all=("${@:2}") path said
	shift 2
	while [ "$1" != -- ]; do
		case $1 in
		uid=*) uid=${1#*=} ;;
		gid=*) gid=${1#*=} ;;
		setup=*) setup=${1#*=} ;;
		esac
		shift
	done
	shift
	if ! path=$(type -P "$1"); then
		absent+=("$name: missing, of Debian's package $package")
		return
	fi
	set -- strace -f -qq -o "$T_ROOT/trace" setpriv "--reuid=$uid" "--regid=$gid" --clear-groups "$@"
	if [ -n "$setup" ]; then
		# shellcheck disable=SC2016 # for the inner shell
		set -- unshare --mount sh -c 'eval "$1" && shift && exec "$@"' sh "$setup" "$@"
	fi
	said=$("$@" </dev/null 2>&1) || status=$?
	if [ "$status" -ne 0 ]; then
		absent+=("$name: cannot run here: $(tail -n 1 <<<"$said")")
		return
	fi
	ways+=("${all[@]}" ",")
	awk -v name="$name" -v path="execve(\"$path\"" '
		{ sub(/^[0-9]+ +/, "") }
		NR > 1 && index($0, path) == 1 { on = 1 }
		!on || /^<\.\.\. / || /^---/ { next }
		{ calls++ }
		/^execve\(/ { execs++ }
		/^(clone3?|v?fork)\(/ { processes++ }
		/^(mount|move_mount)\(/ { mounts++ }
		END { printf "%s\t%d\t%d\t%d\t%d\n", name, execs, processes, calls, mounts }' "$T_ROOT/trace" >>"$T_ROOT/counts"
}

# entry_figures NAME: begins a file for tables
entry_figures() {
	figures "$1" table way wall_us wall_us_p10 wall_us_p90 wall_ratio wall_ratio_least wall_ratio_most cpu_us cpu_ratio \
		cpu_ratio_least cpu_ratio_most faults switches execs processes calls mounts
}

# table NAME TITLE ROUNDS: measures the ways, prints them beside the first of them, and adds them to the file NAME.
table() {
	local name=$1 title=$2
	"$T_TOOLS/entry" "$3" "${ways[@]:0:${#ways[@]}-1}" >"$T_ROOT/result"
	awk -F '\t' -v OFS='\t' -v title="$title" '
		NR == FNR { counts[$1] = $2 OFS $3 OFS $4 OFS $5; next }
		{ print title, $0, counts[$1] }' "$T_ROOT/counts" "$T_ROOT/result" >"$T_ROOT/rows"
	cat "$T_ROOT/rows" >>"$OUT/$name.tsv"
	printf '%-45s %8s %15s %13s %13s %6s %6s %5s %5s %5s %6s\n' "$title" 'wall us' '10 % to 90 %' 'x wall' 'x processor' \
		faults switch execs procs calls mounts
	awk -F '\t' '{ printf "%-45s %8.0f %7.0f-%-7.0f %5.2f %3.1f-%-4.1f %4.2f %3.1f-%-4.1f %6d %6d %5d %5d %5d %6d\n", $2, $3, $4, $5,
		$6, $7, $8, $10, $11, $12, $13, $14, $15, $16, $17, $18 }' "$T_ROOT/rows"
	[ ${#absent[@]} -eq 0 ] || printf '%s\n' "${absent[@]}"
	echo
	ways=() absent=()
	rm -f "$T_ROOT/counts"
}

# ratio NAME WAY OTHER: how many times OTHER's WAY takes, of wall clock and of processor time
ratio() {
	awk -F '\t' -v way="$2" -v other="$3" '
		$2 == way { wall = $3; cpu = $9 }
		$2 == other { other_wall = $3; other_cpu = $9 }
		END { if (wall && other_wall) printf "%.2f %.2f\n", wall / other_wall, cpu / other_cpu }' "$OUT/$1.tsv"
}

echo "$(uname -sr), $(nproc) processors, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
echo
