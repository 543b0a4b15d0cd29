#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What memory a live jail takes: the kernel's (slabs and percpu) and the pages of RUNDIR, with the namespaces that a policy
# can ask for. Ends with status 1 where a jail takes more than 16 KiB besides what its namespaces take bare, or where the
# kernel does not get a quarter of it back. The figures are the whole machine's: use one that has nothing else to do.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

jails=${MEMORY_JAILS:-400}
first=$((T_ALICE + 20000000))
at_end() {
	if findmnt -n "$T_ROOT/bare" >/dev/null; then umount -l "$T_ROOT/bare"; fi
	installation_remove
}
trap at_end EXIT

"$T_TOOLS/population" make "$T_STATEDIR/data" "$jails" "$first"

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

# bare KIND COUNT: sets bare_each to what a namespace of this kind alone takes, pinned by util-linux's unshare(1), or a
# devpts: no layout of ours could save that. (An ipc namespace has a message queue file system and three hash tables.)
bare_one() {
	case $1 in
	devpts) mount -t devpts trampoline-test "$T_ROOT/bare/$2.pts" ;;
	*) unshare "--$1=$T_ROOT/bare/$2" true ;;
	esac
}
bare() {
	local i before
	mkdir "$T_ROOT/bare"
	mount -t tmpfs -o mode=700 trampoline-test "$T_ROOT/bare"
	mount --make-private "$T_ROOT/bare"
	for i in $(seq $(($2 * 2))); do
		: >"$T_ROOT/bare/$i"
		mkdir "$T_ROOT/bare/$i.pts"
	done
	# The first ones take what is free in pages that the kernel has already.
	for i in $(seq "$2"); do bare_one "$1" "$i"; done
	before=$(kernel_kib)
	for i in $(seq $(($2 + 1)) $(($2 * 2))); do bare_one "$1" "$i"; done
	bare_each=$((($(kernel_kib) - before) * 1024 / $2))
	umount -l "$T_ROOT/bare" # and with it all of them
	rmdir "$T_ROOT/bare"
	printf '%-50s %8d bytes\n' "a bare $1" $bare_each
}

retire_all() {
	"$T" --cleanup
	"$T" --cleanup
}

bad=0
# costs TITLE MOST: what one of so many jails takes; the least of three tries
costs() {
	local best=999999 kernel run each i
	for _ in 1 2 3; do
		# As many processes as are to come, so that the kernel has its room for those already.
		for _ in $(seq "$jails"); do "$T" --prepare alice; done
		kernel=$(kernel_kib) run=$(run_kib)
		for i in $(seq -f u%05g 0 $((jails - 1))); do "$T" --prepare "$i"; done
		each=$((($(kernel_kib) - kernel + $(run_kib) - run) * 1024 / jails))
		[ "$each" -ge "$best" ] || best=$each
		retire_all
	done
	left=$((($(kernel_kib) - kernel) * 1024 / jails))
	printf '%-50s %8d bytes (at most %d); %d are left when it is retired\n' "$1" "$best" "$2" "$left"
	[ "$best" -le "$2" ] && [ "$left" -lt $((best / 4)) ] || bad=1
}

bare devpts 600
own=$((16384 + bare_each))
bare net 200
net_each=$bare_each
bare ipc 600
ipc_each=$bare_each
policy() { printf '[confinement]\n%s\n' "$@" >"$T_SYSCONFDIR/trampoline/trampoline.conf"; }
policy 'network = host' 'ipc = host'
retire_all
costs "a live jail with the host's network and ipc" $own
policy 'network = host'
costs "with an ipc namespace of its own" $((own + ipc_each))
policy ''
costs "and a network of its own, with its loopback" $((own + 16384 + ipc_each + net_each))
[ $bad -eq 0 ]
