#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What an entry costs as www-data: beside a bare spawn of the same program, which is the unit, the kernel's part
# alone, and what else Debian has to start a program somewhere else. ROUNDS=N changes its length.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

image=$T_STATEDIR/images/default/current/
www=(uid=33 gid=33 --)
hub=$T_RUNDIR/hub
# bwrap as www-data has the rights of www-data: its own copies of a home and a tmp.
install -d -o 33 -g 33 "$T_ROOT/bwrap" "$T_ROOT/bwrap/home" "$T_ROOT/bwrap/tmp"
binds=(--ro-bind "$image" / --bind "$T_ROOT/bwrap/home" /home --bind "$T_ROOT/bwrap/tmp" /tmp --proc /proc --dev /dev)
printf '[confinement]\nsystem_calls = all\nnetwork = host\nipc = host\n' >"$T_SYSCONFDIR/trampoline/jails.d/bob.conf"
"$T" --prepare bob
entry_figures entry

add_bare() { way coreutils "bare spawn" "${www[@]}" "$T_TOOLS/true"; }
add_floor() {
	if [ -x "$T_ROOT/floor" ]; then
		way - "kernel's part, $1" "${www[@]}" "$T_ROOT/floor" "$1" /home/alice "$hub" /jails/alice/{ipc,net,mnt} -- /usr/true
	else
		absent+=("kernel's part, $1: only known of x86-64")
	fi
}
add_bwrap() { way bubblewrap bwrap "${www[@]}" bwrap "${binds[@]}" /usr/true; }
add_bwrap_pid() { way bubblewrap "bwrap --unshare-pid" "${www[@]}" bwrap --unshare-pid "${binds[@]}" /usr/true; }

add_bare
add_floor direct
way - "trampoline" "${www[@]}" "$T" alice /usr/true
way - "trampoline, no filter, host's network, ipc" "${www[@]}" "$T" bob /usr/true
add_floor private
way - "trampoline --private" "${www[@]}" "$T" --private alice /usr/true
way - "trampoline --timeout" "${www[@]}" "$T" --timeout=1h alice /usr/true
add_bwrap
add_bwrap_pid
way util-linux "setpriv (root; ids alone)" -- setpriv "--reuid=$T_ALICE" "--regid=$T_ALICE" --clear-groups "$T_TOOLS/true"
way coreutils "chroot --userspec (root; no binds)" -- chroot "--userspec=$T_ALICE:$T_ALICE" "$image" /usr/true
way util-linux "unshare --mount --pid --root (root; no binds)" -- unshare --mount --pid --fork --root "$image" \
	--setuid "$T_ALICE" --setgid "$T_ALICE" /usr/true
table entry "warm" "$ROUNDS"

# Apart from the others, because the kernel takes the old jail's namespaces down in the background.
rm "$T_RUNDIR/jails/alice/record"
add_bare
way - "trampoline, jail to be built" uid=33 gid=33 "before=rm $T_RUNDIR/jails/alice/record" -- "$T" alice /usr/true
add_bwrap
table entry "a new jail each time" $((ROUNDS / 5 + 1))

# Those that take longest, fewer times. Their mounts and configuration are in a namespace of their own.
mkdir "$T_ROOT/chroot.d"
cp -a "$image" "$T_ROOT/nspawn" # it writes there, and wants a /run
printf '[bench]\ntype=plain\ndirectory=%s\nusers=www-data\n' "$(readlink -f "$image")" >"$T_ROOT/chroot.d/bench"
add_bare
add_bwrap
way firejail "firejail --noprofile (no image)" uid=33 gid=33 setup='mkdir -p /run/firejail && mount -t tmpfs -o mode=755 tmpfs /run/firejail' -- \
	firejail --quiet --noprofile /bin/true
way schroot "schroot, type plain (no binds)" uid=33 gid=33 "setup=mount --bind $T_ROOT/chroot.d /etc/schroot/chroot.d" -- \
	schroot -q -c bench -d / -- /usr/true
way systemd-container "systemd-nspawn (root)" 'setup=mount -t tmpfs tmpfs /run/systemd' -- \
	systemd-nspawn -q -D "$T_ROOT/nspawn" --register=no --keep-unit --as-pid2 --resolv-conf=off --timezone=off \
	--link-journal=no /usr/true
table entry "other programs" $((ROUNDS / 10 + 1))

entry_figures flight
for flight in 1 2 8 32; do
	way coreutils "bare spawn, $flight at once" uid=33 gid=33 flight=$flight -- "$T_TOOLS/true"
	way - "trampoline, $flight at once" uid=33 gid=33 flight=$flight -- "$T" alice /usr/true
	way - "trampoline --private, $flight at once" uid=33 gid=33 flight=$flight -- "$T" --private alice /usr/true
	way bubblewrap "bwrap, $flight at once" uid=33 gid=33 flight=$flight -- bwrap "${binds[@]}" /usr/true
done
table flight "in flight (for each entry)" $((ROUNDS / 20 + 1))

figures aims what wanted wall processor
printf '%-58s %10s %8s %12s\n' "what was aimed at" wanted 'x wall' 'x processor'
# aim WANTED WAY OTHER
aim() {
	local is
	is=$(ratio entry "$2" "$3")
	[ -n "$is" ] || return 0
	figure aims "$2 / $3" "$1" "${is% *}" "${is#* }"
	printf '%-58s %10s %8s %12s\n' "$2 / $3" "$1" "${is% *}" "${is#* }"
}
aim '<= 1.4' "trampoline" "kernel's part, direct"
aim '<= 1.5' "trampoline --private" "kernel's part, private"
aim '<= 1' "trampoline, jail to be built" bwrap
aim '>= 5' bwrap "trampoline"
aim '>= 4.5' "bwrap --unshare-pid" "trampoline --private"
echo
