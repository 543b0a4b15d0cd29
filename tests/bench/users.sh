#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What a jail costs besides its user's own data: time, inodes, bytes and mounts, for 1, 100 and 1,000
# users of one Debian image with Python 3, three ways: hard links (cp -al), overlayfs, trampoline.
# And what 2,000 users cost trampoline-user: status 1 where a list takes more than a second of a processor, or one more
# user more than half of one.
#
#   tests/bench/users.sh [USERS...]      root; about 20 GB of address space on disk, little of it used
#
# All of it happens on an ext4 file system in a file, so that what df says is exact and goes at once.
# Each way starts one program for each user, and the image is in the cache for all of them.

set -euo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C.UTF-8
[ "$(id -u)" -eq 0 ] || { echo "users.sh: this needs root" >&2; exit 1; }
counts=("$@")
[ $# -gt 0 ] || counts=(1 100 1000)

root=$(mktemp -d /var/lib/trampoline-test.XXXXXX)
run=/run/${root##*/}
disk=$root/disk
launcher=$root/prefix/bin/trampoline

out=$PWD/build/bench
mkdir -p "$out"

at_end() {
	local path
	for path in "$run/hub" "$run" "$disk"; do
		while findmnt -n "$path" >/dev/null; do umount "$path"; done
	done
	rm -rf --one-file-system "$root" "$run"
}
trap at_end EXIT
trap 'exit 130' INT TERM

chmod 755 "$root"
mkdir "$disk"
truncate -s 20G "$root/ext4"
mkfs.ext4 -q -N 4000000 -E lazy_itable_init=0,lazy_journal_init=0 "$root/ext4"
mount -o loop "$root/ext4" "$disk"
make -s BUILD="$root/build" PREFIX="$root/prefix" SYSCONFDIR="$root/etc" STATEDIR="$disk/state" \
	RUNDIR="$run" CGROUP="${run##*/}" DESTDIR= install >&2
"$root/prefix/sbin/trampoline-image" build default --recipe debian --include python3 >&2
image=$(readlink -f "$disk/state/images/default/current")

# user N: his data, which every way has; not counted.
user() {
	local data=$disk/state/data/u$1
	mkdir -m 755 "$data" "$data/home" "$data/home/.etc"
	mkdir -m 700 "$data/home/u$1" "$data/tmp"
	echo "u$1:x:$((20000 + $1)):$((20000 + $1))::/home/u$1:/bin/sh" >"$data/home/.etc/passwd"
	echo "u$1:x:$((20000 + $1)):" >"$data/home/.etc/group"
	chown "$((20000 + $1)):$((20000 + $1))" "$data/home/u$1" "$data/tmp"
}

with_links() { cp -al "$image" "$disk/links/$1"; }

with_overlay() {
	mkdir -p "$disk/overlay/$1/upper" "$disk/overlay/$1/work" "$disk/overlay/$1/root"
	mount -t overlay -o "lowerdir=$image,upperdir=$disk/overlay/$1/upper,workdir=$disk/overlay/$1/work" \
		overlay "$disk/overlay/$1/root"
}

with_trampoline() { "$launcher" --prepare "u$1"; }

undo_links() { :; }
undo_overlay() { for ((i = 1; i <= $1; i++)); do umount "$disk/overlay/$i/root"; done; }
undo_trampoline() { for ((i = 1; i <= $1; i++)); do "$launcher" --discard "u$i" >/dev/null; done; }

# inodes, bytes on disk; then those of our own state, which is no disk's on a machine where /run is tmpfs
used() {
	sync -f "$disk"
	df --output=iused "$disk" | tail -n 1
	df -B 1 --output=used "$disk" | tail -n 1
	find "$run" -xdev 2>/dev/null | wc -l
	du -xsB 1 "$run" 2>/dev/null | cut -f 1
	grep -cF "${root##*/}" /proc/self/mountinfo
}

# measure WAY USERS
measure() {
	local way=$1 n=$2 i start took before after
	mkdir -p "$disk/links" "$disk/overlay"
	find "$image" -type f -exec cat {} + >/dev/null
	mapfile -t before < <(used)
	start=${EPOCHREALTIME/[.,]/}
	for ((i = 1; i <= n; i++)); do "with_$way" "$i"; done
	took=$((${EPOCHREALTIME/[.,]/} - start))
	mapfile -t after < <(used)
	"undo_$way" "$n"
	# A fresh place each time; deleting a thousand trees of links would take longer than all the rest.
	mkdir -p "$disk/past"
	mv "$disk/$way" "$disk/past/$way.$n" 2>/dev/null || :
	awk -v out="$out/users.tsv" -v way="$way" -v n="$n" -v us="$took" -v b="${before[*]}" -v a="${after[*]}" 'BEGIN {
		split(b, before); split(a, after)
		for (i = 1; i <= 5; i++)
			d[i] = after[i] - before[i]
		printf "%-11s %6d %10.2f s %9.2f ms %11.1f %13.0f %10.1f %9.0f %8.2f\n", way, n, us / 1e6,
			us / 1e3 / n, d[1] / n, d[2] / n, d[3] / n, d[4] / n, d[5] / n
		print way "\t" n "\t" us / 1e3 / n "\t" d[1] / n "\t" d[2] / n "\t" d[5] / n >>out }'
}

# takes MOST COMMAND...: the processor's milliseconds, which other work on the machine changes least; the least of three
# times, with other arguments for {}
bad=0
takes() {
	local most=$1 best=999999 ms i TIMEFORMAT='%U %S'
	shift
	for i in 1 2 3; do
		{ time "${@//\{\}/$i}" >/dev/null; } 2>"$root/time"
		ms=$(awk 'END { printf "%d", ($1 + $2) * 1000 }' "$root/time")
		[ "$ms" -ge "$best" ] || best=$ms
	done
	echo "2,000 users: ${*##*/} takes $best ms of a processor (at most $most)"
	[ "$best" -le "$most" ] || bad=1
}

most=$((counts[-1] > 2000 ? counts[-1] : 2000))
for ((i = 1; i <= most; i++)); do user "$i"; done
takes 1000 "$root/prefix/sbin/trampoline-user" list
takes 500 "$root/prefix/sbin/trampoline-user" add more{} --uid 6000{}
printf 'way\tusers\tms\tinodes\tbytes\tmounts\n' >"$out/users.tsv"
"$launcher" --prepare u1
"$launcher" --discard u1 >/dev/null
printf 'image: %d objects, %d MB; Linux %s\n' "$(find "$image" | wc -l)" "$(du -sm "$image" | cut -f 1)" \
	"$(uname -r)"
printf '%-11s %6s %12s %12s %11s %13s %10s %9s %8s\n' way users total 'a user' inodes bytes 'in /run' \
	bytes mounts
for n in "${counts[@]}"; do
	for way in links overlay trampoline; do measure "$way" "$n"; done
done
[ $bad -eq 0 ]
