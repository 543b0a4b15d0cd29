#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A container as its managers make them: mount, pid, IPC, UTS and cgroup namespaces, a /run of its own, and a cgroup of
# its own with all controllers. tests/system/hub.sh has what needs no controller.
# shellcheck source=tests/system/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"

BOX=${T_CGROUP%/*}/$T_MARK.box

empty_box() { find "$BOX" -depth -type d -exec rmdir {} +; }
cleanup() {
	if [ -d "$BOX" ]; then
		echo 1 >"$BOX/cgroup.kill"
		wait_for empty_box || :
	fi
	default_config
	in_jail alice true
	in_jail bob true
}

# container COMMANDS: by its root. Its first process leaves the root of its cgroups, which could have no controller
# for others with a process in it; and one that has controllers takes no process, so each has a new one.
container() {
	[ ! -d "$BOX" ] || wait_for empty_box
	mkdir -p "$BOX/init"
	# shellcheck disable=SC2016
	bash -ec 'echo 0 >"$0/cgroup.procs"; exec unshare -C bash -c "$1" "$0" "$2"' "$BOX" '
		set -e; echo 0 >"$0/init/cgroup.procs"; exec unshare -m -p -f -i -u --propagation private bash -euc "$1"' "
		mount -t proc proc /proc
		mount -t tmpfs -o mode=755 run /run
		umount ${BOX%/*}
		mount -t cgroup2 cgroup2 ${BOX%/*}
		$1"
}
www='setpriv --reuid=33 --regid=33 --clear-groups --'

printf '[limits]\nmemory = unlimited\n[resources]\nmemory = 64M\n' | override bob
"$T" --discard bob
in_jail alice true
hub=$(stat -c %i "$T_RUNDIR/hub")
live=$(pin_inode alice)
is "in a container with a /run and a cgroup of its own a caller enters a jail" \
	"$(container "$www $T bob id -u; $www $T bob id -u" 2>&1)" "$B"$'\n'"$B"
is "its limit is set in the container's cgroup" "$(cat "$BOX/$T_MARK/jail-bob/memory.max")" $((64 << 20))
is "and in no other" "$(find "$T_CGROUP" -name jail-bob 2>/dev/null)" ""
ok "when the container has ended, nobody is in its cgroups" wait_for empty_box
is "and holds: who takes more is killed" \
	"$(container "$www $T bob dd if=/dev/zero of=/dev/null bs=200M count=1 || echo \$?" 2>&1 | tail -n 1)" 137
is "an administrator in it sees its jails alone" \
	"$(container "$www $T bob true; $T --list" | awk '$1 == "alice" || $1 == "bob" { print $1 }')" bob
is "two cleanups in it retire its own" \
	"$(container "$www $T bob true; $T --cleanup; $T --cleanup; $T --list" | awk '$1 == "alice" || $1 == "bob"')" ""
is "the host's hub is the same one" "$(stat -c %i "$T_RUNDIR/hub")" "$hub"
is "its jail is as live as it was" "$(pin_inode alice)" "$live"
is "and it has none of the container's" "$(pin_inode bob)" ""
ok "nobody of it is left" wait_for empty_box
not_ok "and nothing of it was in the host's cgroups" test -e "$T_CGROUP"
