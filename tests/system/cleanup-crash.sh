#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# State that was lost, and keepers that were killed: the next entry and the next cleanup put it right.
# Between two calls that change something a kill is the same everywhere, so it is tried before each of them.
#   CLEANUP_KILLS=N   kills for each kind of work (25; 0: before every such call)
. "$(dirname "$0")/lib.sh"

KILLS=${CLEANUP_KILLS:-25}
KEEPER=$T_PREFIX/libexec/trampoline/keeper
CHANGES=mkdir,mkdirat,mknod,mknodat,open_tree,move_mount,mount_setattr,fsopen,fsconfig,fsmount,setns,unshare
CHANGES+=,pivot_root,umount2,unlink,unlinkat,rename,renameat,renameat2,rmdir,write,pwrite64,flock
lodger=

cleanup() {
	[ -z "$lodger" ] || kill -KILL "$lodger" 2>/dev/null || :
	default_config
	forget_all
	rm -f "$ALICE/log"
	in_jail alice true
	in_jail bob true
}

everything_in_hub() { hub_mounts | awk '$5 ~ "^/(jails|retired)/" { print $5 }' | sort; }

move_in() {
	become_www "$T" alice sleep 600 </dev/null >/dev/null 2>&1 &
	lodger=$!
	wait_for grep -q sleep "/proc/$lodger/comm"
}

move_out() {
	[ -z "$lodger" ] || kill -KILL "$lodger" 2>/dev/null || :
	wait "$lodger" 2>/dev/null || :
	lodger=
}

# right: what must be true after anything. Prints what is not.
right() {
	local said
	# The lodger, if there is one, is where he was.
	[ -z "$lodger" ] || kill -0 "$lodger" 2>/dev/null || echo "the process in the jail has died"
	said=$("$T" --list 2>&1) || echo "--list: $said"
	for jail in alice bob; do
		said=$(in_jail "$jail" echo "in $jail" 2>&1) || :
		[ "$said" = "in $jail" ] || echo "an entry of $jail's: $said"
	done
	[ "$(hub_mounts | awk '$5 == "/jails/alice/mnt"' | wc -l)" = 1 ] || echo "alice's pins: $(everything_in_hub)"
	said=$(in_jail alice readlink /proc/self/ns/mnt 2>&1)
	[ "$said" = "mnt:[$(pin_inode alice)]" ] || echo "alice is in $said, her pin is $(pin_inode alice)"
	move_out
	said=$("$T" --cleanup 2>&1 && "$T" --cleanup 2>&1 && "$T" --cleanup 2>&1) || echo "cleanup: $?"
	[ -z "$said" ] || echo "cleanup says: $said"
	[ -z "$(everything_in_hub)" ] || echo "left in the hub: $(everything_in_hub)"
	[ -z "$(ls -A "$T_RUNDIR/jails" 2>&1)" ] || echo "left: $(find "$T_RUNDIR/jails")"
	said=$(find "$T_RUNDIR" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)
	[ "$said" = "hub jails" ] || echo "RUNDIR holds $said"
	[ "$(findmnt -rn -o TARGET | grep -c "^$T_RUNDIR")" = 2 ] || echo "the host has $(findmnt -rn -o TARGET | grep "^$T_RUNDIR")"
}

# --- state that is lost ----------------------------------------------------------------------------

# lost DESCRIPTION COMMAND: with alice in use and bob idle, COMMAND takes something away.
lost() {
	local problems
	in_jail bob true
	move_in
	"${@:2}"
	"$T" --cleanup >/dev/null 2>"$ERR" || :
	problems=$(cat "$ERR"; right)
	is "$1: put right by cleanup and entry" "$problems" ""
	in_jail bob true
	move_in
	"${@:2}"
	problems=$(in_jail alice echo in 2>&1)
	is "$1: put right by an entry" "$problems" in
	is "$1: and by cleanup then" "$(right)" ""
}

remove_files() { find "$T_RUNDIR" -xdev -mindepth 1 -depth ! -name hub -delete; }
remove_records() { rm "$T_RUNDIR"/jails/*/record; }
remove_locks() { rm "$T_RUNDIR"/jails/*/lock; }
unmount_hub() { umount "$T_RUNDIR/hub"; }
remove_hub() { unmount_hub && rm "$T_RUNDIR/hub"; }
remove_all() { unmount_hub && find "$T_RUNDIR" -xdev -mindepth 1 -depth -delete; }
reboot() {
	forget_all
	[ ! -d "$T_RUNDIR/jails" ] || find "$T_RUNDIR/jails" -xdev -depth -delete
	rmdir "$T_RUNDIR"
}
take_pins() {
	"$T_TOOLS/nsmounts" -d jails/alice/mnt "$T_RUNDIR/hub" >/dev/null
	"$T_TOOLS/nsmounts" -d jails/bob/ipc "$T_RUNDIR/hub" >/dev/null
}
unmount_all() { umount -l "$T_RUNDIR"; }

lost "files of RUNDIR removed" remove_files
lost "records removed" remove_records
lost "locks removed" remove_locks
lost "hub unmounted" unmount_hub
lost "hub unmounted and its file removed" remove_hub
lost "hub and files gone" remove_all
lost "an empty /run, as after a reboot" reboot
lost "pins taken away" take_pins
lost "RUNDIR unmounted, hub and all" unmount_all
reboot
status 0 "without RUNDIR cleanup has nothing to do" "$T" --cleanup
ok "and does not make it" test ! -e "$T_RUNDIR"
is "--list shows none" "$("$T" --list --json | tr -d ' \n')" "[]"
is "an entry makes all that it needs" "$(in_jail alice echo in 2>&1)" in

# --- a hub that another version made ---------------------------------------------------------------

# Who is live stays live; the first jail that has to be built gets a hub as this version makes it.
forget_all
in_jail bob true
move_in
"$T_TOOLS/nsmounts" -r /layout.1 "$T_RUNDIR/hub" >/dev/null
"$T_TOOLS/nsmounts" -r /retired "$T_RUNDIR/hub" >/dev/null
old=$("$T_TOOLS/nsmounts" -i "$T_RUNDIR/hub")
is "a hub of another version: a live jail is entered" "$(in_jail alice echo in 2>&1)" in
is "it is the same hub" "$("$T_TOOLS/nsmounts" -i "$T_RUNDIR/hub")" "$old"
is "jails in it are shown" "$("$T" --list | awk '{ print $1, $3, $4 }' | xargs)" "JAIL STATE PROCESSES alice in use bob idle 0"
ok "and discarded" "$T" --discard bob
ok "cleanup has no trouble" "$T" --cleanup
is "a jail is built" "$(in_jail bob echo in 2>&1)" in
not_ok "in a new hub" test "$("$T_TOOLS/nsmounts" -i "$T_RUNDIR/hub")" = "$old"
is "and all is right, also for who lives in the old one" "$(right)" ""

# --- keepers that are killed -----------------------------------------------------------------------

# killed DESCRIPTION ARRANGE COMMAND...: COMMAND, a keeper's, is killed before each call that changes something.
killed() {
	local description=$1 arrange=$2 step total problems='' number call at=0 tried=0 killed=0
	shift 2
	$arrange
	strace -f -qq -e trace="$CHANGES" -o "$T_WORK/trace" "$@" >/dev/null 2>&1 || :
	move_out
	right >/dev/null
	# Each call with its number among those of its name in its process, as strace counts.
	sed -nE 's/^([0-9]+) +([a-z0-9_]+)\(.*/\1 \2/p' "$T_WORK/trace" |
		awk '{ print $2, ++seen[$0] }' | sort -u >"$T_WORK/points"
	total=$(wc -l <"$T_WORK/points")
	step=1
	[ "$KILLS" -eq 0 ] || [ "$total" -le "$KILLS" ] || step=$(((total + KILLS - 1) / KILLS))
	while read -r call number <&3; do
		at=$((at + 1))
		[ $((at % step)) -eq 0 ] || continue
		tried=$((tried + 1))
		$arrange
		strace -f -qq -o "$T_WORK/trace" -e trace="$call" -e "inject=$call:signal=SIGKILL:when=$number" \
			"$@" >/dev/null 2>&1 </dev/null || :
		# How often it asks for a namespace is the kernel's doing, so some points are not reached each time.
		! grep -q 'killed by SIGKILL' "$T_WORK/trace" || killed=$((killed + 1))
		got=$(right)
		[ -z "$got" ] || problems+="killed at $call $number: $got"$'\n'
	done 3<"$T_WORK/points"
	echo "# $description: $tried of $total points, $killed kills"
	ok "$description: it was killed" test "$killed" -gt 5 -a $((killed * 10)) -ge $((tried * 9))
	is "$description: killed anywhere, put right" "$problems" ""
}

nothing() { :; }
stale_in_use() { move_in && touch "$CONFIG/trampoline.conf"; }
idle_and_in_use() { move_in && in_jail bob true; }
idle() { in_jail alice true && in_jail bob true; }
marked() { idle && "$T" --cleanup; }
stale() { idle && touch "$CONFIG/trampoline.conf"; }
discarded() { move_in && "$T" --discard alice && move_out; }

killed "building the hub and a jail" forget_all "$KEEPER" build alice 33
killed "building a jail" nothing "$KEEPER" build alice 33
killed "building anew what is stale and in use" stale_in_use "$KEEPER" build alice 33
killed "marking and keeping" idle_and_in_use "$KEEPER" --cleanup
killed "retiring" marked "$KEEPER" --cleanup
killed "retiring what is stale" stale "$KEEPER" --cleanup
killed "forgetting what was discarded" discarded "$KEEPER" --cleanup
killed "discarding what is in use" move_in "$KEEPER" --discard alice

# --- the wall clock --------------------------------------------------------------------------------

is "no program asks the wall clock" "$(grep -nE 'CLOCK_REALTIME|CLOCK_TAI|gettimeofday|[^_a-z]time\(' \
	src/*/*.c src/*/*.h include/*/*.h || :)" ""
${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -shared -fPIC -o "$T_WORK/wallclock.so" \
	"$(dirname "$0")/wallclock.c"
# at SECONDS COMMAND...: as if somebody had set the wall clock
at() { LD_PRELOAD=$T_WORK/wallclock.so WALLCLOCK_SHIFT=$1 "${@:2}"; }
ok "the set clock is one" test "$(at -315360000 date +%Y)" -lt "$(date +%Y)"
for shift in -315360000 315360000; do
	"$T" --cleanup
	"$T" --cleanup
	in_jail alice true
	like "set by $shift s: a new jail is new" "$(at $shift "$KEEPER" --list)" '^alice .* idle .* [0-9]s ago +[0-9]s ago'
	at $shift "$KEEPER" --cleanup
	is "an idle one is marked in the first pass" "$("$T" --list | awk '$1 == "alice" { print $3 }')" marked
	in_jail alice true
	at $shift "$KEEPER" --cleanup
	is "and stays if it was entered" "$("$T" --list | awk '$1 == "alice" { print $3 }')" marked
	at $shift "$KEEPER" --cleanup
	is "and goes if not" "$(everything_in_hub)" ""
done
