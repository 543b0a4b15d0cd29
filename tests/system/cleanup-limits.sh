#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where the kernel or RUNDIR has no room left: a new jail is refused by a sentence that names the
# limit, a live one can be entered, and cleanup makes room.
. "$(dirname "$0")/lib.sh"

SMALL=$T_WORK/small
mkdir "$SMALL"

cleanup() {
	default_config
	forget_all
	while findmnt -n "$SMALL" >/dev/null; do umount "$SMALL"; done
	in_jail alice true
	in_jail bob true
}

pins() { hub_mounts | awk '$5 ~ "^/jails/" { print $5 }' | sort | xargs; }

# Alice's jail stays, as it is entered between the passes.
leaves_alice_alone() {
	for _ in 1 2 3 4 5 6; do
		"$T" --cleanup || return 1
		[ "$(pins)" != "/jails/alice/ipc /jails/alice/mnt /jails/alice/net" ] || return 0
		in_jail alice true
	done
	return 1
}

# How many passes it needs is cleanup.sh's affair.
retire_all() {
	for _ in 1 2 3 4 5 6; do
		"$T" --cleanup
		[ -n "$(pins)" ] || break
	done
}

# --- mounts ----------------------------------------------------------------------------------------

# strace injects the kernel's answer: a lower fs.mount-max would make every other program's mount
# fail too.
retire_all
in_jail alice true
retire bob
strace -f -qq -e trace=move_mount -o "$T_WORK/trace" "$KEEPER" build bob 33
mounts=$(grep -c 'move_mount(' "$T_WORK/trace")
ok "building mounts so many times: $mounts" test "$mounts" -ge 3
for when in $(seq "$mounts"); do
	in_jail alice true
	retire bob
	got=0
	strace -f -qq -e trace=move_mount -e "inject=move_mount:error=ENOSPC:when=$when" -o "$T_WORK/injected" \
		"$T" bob true >"$OUT" 2>"$ERR" </dev/null || got=$?
	is "fs.mount-max reached at mount $when: a new jail is refused" $got 125
	like "the sentence names the sysctl" "$(cat "$ERR")" '^trampoline: cannot [^:]+: .*fs\.mount-max'
	is "and is one" "$(wc -l <"$ERR")" 1
	ok "nothing is left of it for long" leaves_alice_alone
done
# What mounts nothing needs no room for it.
mounting() { # COMMAND...: its calls
	strace -f -qq -e signal=none -e trace=mount,move_mount,open_tree,fsmount -o "$T_WORK/trace" "$@" >"$OUT" 2>&1 || echo "status $?"
	cat "$T_WORK/trace"
}
is "an entry of a live jail mounts nothing" "$(mounting "$T" alice true)" ""
is "nor does a pass that marks" "$(mounting "$T" --cleanup)" ""
is "nor one that retires" "$(mounting "$T" --cleanup)" ""
retire_all
is "it retires" "$(pins)" ""
is "there is room again" "$(in_jail bob echo in 2>&1)" in

# --- namespaces ------------------------------------------------------------------------------------

# Which unshare makes what: as strace sees it.
retire_all
strace -f -qq -e trace=unshare -o "$T_WORK/trace" "$KEEPER" build bob 33
for kind in NEWIPC:max_ipc_namespaces NEWNET:max_net_namespaces NEWNS:max_mnt_namespaces; do
	number=$(grep -n "CLONE_${kind%:*}\\b" "$T_WORK/trace" | head -n 1 | cut -d : -f 1)
	ok "building makes a namespace: ${kind%:*}" test -n "$number"
	in_jail alice true
	retire bob
	got=0
	strace -f -qq -e trace=unshare -e "inject=unshare:error=ENOSPC:when=$number" -o "$T_WORK/injected" \
		"$KEEPER" build bob 33 >"$OUT" 2>"$ERR" || got=$?
	is "user.${kind#*:} reached: a new jail is refused" $got 125
	like "the sentence names the sysctl" "$(cat "$ERR")" "^trampoline: cannot [^:]+: .*user\\.${kind#*:}"
	ok "nothing is left of it for long" leaves_alice_alone
	is "then it can be entered" "$(in_jail bob echo in 2>&1)" in
done

# --- RUNDIR ----------------------------------------------------------------------------------------

# passes_leave PINS: in some passes, none of which complains
passes_leave() {
	for _ in 1 2 3 4 5 6; do
		"$T" --cleanup || return 1
		[ "$(pins)" != "$1" ] || return 0
	done
	return 1
}

# full OPTION FILL: RUNDIR on a small file system, which FILL fills beside it behind two live jails.
full() {
	default_config
	forget_all
	mount -t tmpfs -o "mode=700,$1" trampoline-test "$SMALL"
	mkdir -m 700 "$SMALL/run"
	mount --bind "$SMALL/run" "$T_RUNDIR"
	in_jail alice true
	in_jail bob true
	eval "$2"
	is "RUNDIR full ($1): a live jail is entered" "$(in_jail alice echo in 2>&1)" in
	make_user carol $((A + 2))
	status 125 "a new one is refused" in_jail carol true
	like "the sentence names what is full" "$(cat "$ERR")" "^trampoline: cannot [^:]+: .*$T_RUNDIR.* full"
	status 1 "--check finds it" "$T" --check
	like "with a cure" "$(cat "$OUT")" "$T_RUNDIR.* full; "
	become_www "$T" bob sleep 600d </dev/null >/dev/null 2>&1 &
	sleeper=$!
	wait_for grep -q sleep "/proc/$sleeper/comm"
	ok "an idle one is marked" "$T" --cleanup
	ok "and retired" passes_leave "/jails/bob/ipc /jails/bob/mnt /jails/bob/net"
	is "the one in use is not" "$(pins)" "/jails/bob/ipc /jails/bob/mnt /jails/bob/net"
	in_jail alice true 2>/dev/null || :
	# More of the fill, where alice has made room.
	eval "$2" || :
	touch "$CONFIG/trampoline.conf"
	ok "so is one that is not as it should be any more" passes_leave "/jails/bob/ipc /jails/bob/mnt /jails/bob/net"
	ok "one in use can be discarded" "$T" --discard bob
	is "its process lives" "$(cat "/proc/$sleeper/comm")" sleep
	ok "and be killed" "$T" --discard --kill bob
	not_ok "then it does not" kill -0 "$sleeper"
	wait "$sleeper" 2>/dev/null || :
	rm -f "$SMALL"/fill*
	ok "cleanup leaves nothing" passes_leave ""
	is "no pin" "$(pins)" ""
	is "there is room again" "$(in_jail carol echo in 2>&1)" in
	remove_user carol
	forget_all
	umount "$SMALL"
}
# shellcheck disable=SC2016 # evaluated in full()
{
	full size=64k 'dd if=/dev/zero of="$SMALL/fill" bs=1k count=200 2>/dev/null || :'
	full nr_inodes=24 'for i in $(seq 40); do : >"$SMALL/fill.$i" || break; done 2>/dev/null'
}
