#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where the kernel or RUNDIR has no room left: a new jail is refused by a sentence that names the limit,
# a live one can be entered, and cleanup makes room.
. "$(dirname "$0")/lib.sh"

KEEPER=$T_PREFIX/libexec/trampoline/keeper
SMALL=$T_WORK/small
mkdir "$SMALL"
mounts=

cleanup() {
	[ -z "$mounts" ] || sysctl -qw "fs.mount-max=$mounts"
	default_config
	forget_all
	while findmnt -n "$SMALL" >/dev/null; do umount "$SMALL"; done
	in_jail alice true
	in_jail bob true
}

pins() { hub_mounts | awk '$5 ~ "^/(jails|retired)/" { print $5 }' | sort | xargs; }

# --- mounts ----------------------------------------------------------------------------------------

# limited COMMAND...: with no more mounts than the hub has now. Other namespaces have more already, so
# this is for the shortest of times.
limited() {
	local got=0
	mounts=$(sysctl -n fs.mount-max)
	sysctl -qw "fs.mount-max=$(hub_mounts | wc -l)"
	"$@" >"$OUT" 2>"$ERR" </dev/null || got=$?
	sysctl -qw "fs.mount-max=$mounts"
	mounts=
	return $got
}

"$T" --cleanup
"$T" --cleanup
in_jail alice true
if sysctl -qw "fs.mount-max=$(sysctl -n fs.mount-max)" 2>/dev/null; then
	got=0
	limited as_www "$T" bob true || got=$?
	is "fs.mount-max reached: a new jail is refused" $got 125
	like "the sentence names the sysctl" "$(cat "$ERR")" '^trampoline: cannot [^:]+: .*fs\.mount-max'
	is "and is one" "$(wc -l <"$ERR")" 1
	is "nothing is left of it for long" "$("$T" --cleanup; pins)" "/jails/alice/ipc /jails/alice/mnt /jails/alice/net"
	ok "a live jail is entered" limited as_www "$T" alice true
	ok "cleanup works" limited "$T" --cleanup
	ok "and works" limited "$T" --cleanup
	is "it retires" "$(pins)" ""
	is "there is room again" "$(in_jail bob echo in 2>&1)" in
else
	skip "fs.mount-max reached" "it cannot be set here"
fi

# --- namespaces ------------------------------------------------------------------------------------

# Which unshare makes what: as strace sees it.
in_jail alice true
"$T" --cleanup
"$T" --cleanup
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
	is "nothing is left of it for long" "$("$T" --cleanup; pins)" "/jails/alice/ipc /jails/alice/mnt /jails/alice/net"
	is "then it can be entered" "$(in_jail bob echo in 2>&1)" in
done

# --- RUNDIR ----------------------------------------------------------------------------------------

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
	become_www "$T" bob sleep 600 </dev/null >/dev/null 2>&1 &
	sleeper=$!
	wait_for grep -q sleep "/proc/$sleeper/comm"
	ok "an idle one is marked" "$T" --cleanup
	ok "and retired" "$T" --cleanup
	is "the one in use is not" "$(pins)" "/jails/bob/ipc /jails/bob/mnt /jails/bob/net"
	in_jail alice true 2>/dev/null || :
	# More of the fill, where alice has made room.
	eval "$2" || :
	touch "$CONFIG/trampoline.conf"
	ok "a stale one is retired, also without room" "$T" --cleanup
	ok "one in use can be discarded" "$T" --discard bob
	is "its process lives" "$(cat "/proc/$sleeper/comm")" sleep
	ok "and be killed" "$T" --discard --kill bob
	not_ok "then it does not" kill -0 "$sleeper"
	wait "$sleeper" 2>/dev/null || :
	rm -f "$SMALL"/fill*
	ok "cleanup leaves nothing" "$T" --cleanup
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
