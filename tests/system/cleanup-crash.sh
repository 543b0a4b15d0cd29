#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# State that was lost or damaged, and keepers that were killed: a command that runs stays alive and
# known, with its home, and the next entry and the next cleanup put all the rest right.
#
# A kill leaves what the calls before it have changed outside of the process: names in RUNDIR and in
# the hub, mounts there, marks. Between two such calls every kill leaves the same, so the keeper is
# killed before them.
#   CLEANUP_KILLS=N   kills for each kind of work (16; 0: before every call that changes anything at
#                     all, its own descriptors and namespaces included: some 600 kills)
. "$(dirname "$0")/lib.sh"

KILLS=${CLEANUP_KILLS:-16}
# What outlives the process; how often the keeper makes these calls depends on nothing but its work.
LASTING=mkdir,mkdirat,mknodat,move_mount,umount2,unlink,unlinkat,rename,renameat,renameat2,rmdir,write,pwrite64
LASTING+=,symlink,symlinkat,fchmod,flock
# What changes processes; how often depends on how fast they die.
KILLING=clone,clone3,fork,vfork,setresuid,kill,tgkill,pidfd_send_signal
# What ends with it. How often it asks for a namespace is the kernel's doing: until the number is a
# new one.
OWN=open_tree,mount_setattr,fsopen,fsconfig,fsmount,setns,unshare,pivot_root
# A pass that another umount of this machine disturbs counts as a use of the jail: see umount2(2),
# MNT_EXPIRE.
PASSES_MAX=6
lodger=
may_die=
problems=
shopt -s nullglob dotglob

cleanup() {
	[ -z "$lodger" ] || kill -KILL "$lodger" 2>/dev/null || :
	default_config
	forget_all
	rm -f "$ALICE/kept"
	in_jail alice true
	in_jail bob true
}

# look: sets pins to the mounts in the hub, each "PLACE NAMESPACE".
look() {
	local root place table
	pins=()
	table=$(hub_mounts 2>&1) || problem "no hub: $table"
	while read -r _ _ _ root place _; do
		case $place in /jails/*) pins+=("$place $root") ;; esac
	done <<<"$table"
}

move_in() {
	become_www "$T" alice sleep 600d </dev/null >/dev/null 2>&1 &
	lodger=$!
	wait_for grep -q sleep "/proc/$lodger/comm"
}

move_out() {
	[ -n "$lodger" ] || return 0
	kill -KILL "$lodger" 2>/dev/null || :
	wait "$lodger" 2>/dev/null || :
	lodger=
}

# A killed process is a zombie until its parent waits for it, and kill -0 succeeds on a zombie.
lives() {
	local line
	read -r line 2>/dev/null <"/proc/$1/stat" && [[ $line != *') Z '* ]]
}

problem() { problems+="$*"$'\n'; }

echo precious >"$ALICE/kept"

# is_known: the command in alice's jail lives and is shown by its uid, and her home is there.
is_known() {
	local said pattern="^(alice|-) +$A (in use|stale|discarded) +[1-9]"
	lives "$lodger" || problem "the process in the jail has died"
	said=$("$T" --list 2>&1) || problem "--list: $said"
	grep -qE "$pattern" <<<"$said" || problem "it is not shown: $said"
	[ "$(<"$ALICE/kept")" = precious ] || problem "the home is not as it was"
}

# is_over: no signal has stopped a process of hers.
is_over() {
	local said
	said=$(pgrep -u "$A" -r T,t -a) || :
	[ -z "$said" ] || problem "left stopped: $said"
}

# right: adds to problems what is not as it must be after anything. Starts few processes: it runs
# often.
right() {
	local said pin alice_pins=() left place host=()
	if [ -n "$may_die" ]; then
		is_over
	elif [ -n "$lodger" ]; then
		is_known
	fi
	said=$("$T" --list 2>&1) || problem "--list: $said"
	said=$(in_jail bob echo "in bob" 2>&1) || :
	[ "$said" = "in bob" ] || problem "an entry of bob's: $said"
	said=$(in_jail alice readlink /proc/self/ns/mnt 2>&1) || :
	look
	for pin in "${pins[@]}"; do
		[[ $pin != "/jails/alice/mnt "* ]] || alice_pins+=("${pin#* }")
	done
	[ "${alice_pins[*]}" = "$said" ] || problem "an entry of alice's is in $said, of these pins: ${pins[*]}"
	move_out
	for ((pass = 0; pass < PASSES_MAX; pass++)); do
		said=$("$T" --cleanup 2>&1) || problem "cleanup ends with status $?"
		[ -z "$said" ] || problem "cleanup says: $said"
		left=("$T_RUNDIR/jails"/*)
		[ ${#left[@]} -gt 0 ] || break
	done
	[ ${#left[@]} -eq 0 ] || problem "left: $(find "$T_RUNDIR/jails")"
	look
	[ ${#pins[@]} -eq 0 ] || problem "left in the hub: ${pins[*]}"
	left=("$T_RUNDIR"/*)
	[ "${left[*]}" = "$T_RUNDIR/hub $T_RUNDIR/jails" ] || problem "RUNDIR holds ${left[*]}"
	while read -r _ _ _ _ place _; do
		[[ $place != "$T_RUNDIR"* ]] || host+=("$place")
	done </proc/self/mountinfo
	[ "${#host[@]}" -eq 2 ] || problem "the host has ${host[*]}"
}

# is_right DESCRIPTION
is_right() {
	right
	is "$1" "$problems" ""
	problems=
}

# --- state that is lost ----------------------------------------------------------------------------

# lost DESCRIPTION COMMAND: with alice in use and bob idle, COMMAND takes something away, or damages
# it.
lost() {
	in_jail bob true
	move_in
	"${@:2}"
	is_known
	is "$1: the command is known" "$problems" ""
	problems=
	not_ok "$1: trampoline-user does not remove the user" "$T_PREFIX/sbin/trampoline-user" remove alice --yes
	"$T" --cleanup >/dev/null 2>"$ERR" || :
	problems=$(cat "$ERR")
	is_right "$1: put right by cleanup and entry"
	in_jail bob true
	move_in
	"${@:2}"
	is "$1: put right by an entry" "$(in_jail alice echo in 2>&1)" in
	is_right "$1: and by cleanup then"
}

remove_files() { find "$T_RUNDIR" -xdev -mindepth 1 -depth ! -name hub -delete; }
remove_records() { rm "$T_RUNDIR"/jails/*/record; }
# One byte behind the checksum; the version, behind magic.
change_records() {
	local record
	for record in "$T_RUNDIR"/jails/*/record; do
		printf '\377' | dd of="$record" bs=1 seek="$1" conv=notrunc status=none
	done
}
cut_records() { truncate -s 100 "$T_RUNDIR"/jails/*/record; }
withdraw_records() { chmod 400 "$T_RUNDIR"/jails/*/record; }
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
lost "records damaged" change_records 200
lost "records cut off" cut_records
lost "records of another version" change_records 8
lost "records withdrawn, by a keeper that was killed" withdraw_records
lost "hub unmounted" unmount_hub
lost "hub unmounted and its file removed" remove_hub
lost "hub and files gone" remove_all
lost "an empty /run, as after a reboot" reboot
lost "pins taken away" take_pins
lost "RUNDIR unmounted, hub and all" unmount_all
reboot
status 0 "without RUNDIR cleanup has nothing to do" "$T" --cleanup
ok "and does not make it" test ! -e "$T_RUNDIR"
unlike "--list shows none" "$("$T" --list)" " ($A|$B) "
is "an entry makes all that it needs" "$(in_jail alice echo in 2>&1)" in

# --- a record that cannot be read ------------------------------------------------------------------

for error in EIO EINTR EPERM; do
	for command in --list --cleanup '--discard alice'; do
		move_in
		# shellcheck disable=SC2086 # words
		strace -f -qq -o "$T_WORK/trace" -P "$T_RUNDIR/jails/alice/record" -e trace=read -e "inject=read:error=$error" \
			"$KEEPER" $command >/dev/null 2>&1 || :
		like "$command: the record was read, and that failed: $error" "$(cat "$T_WORK/trace")" INJECTED
		is_right "the command is known, and all is put right"
	done
done

# --- a hub that another version made ---------------------------------------------------------------

# Who is live stays live; the first jail that has to be built gets a hub as this version makes it.
forget_all
in_jail bob true
move_in
"$T_TOOLS/nsmounts" -r /layout.2 "$T_RUNDIR/hub" >/dev/null
old=$("$T_TOOLS/nsmounts" -i "$T_RUNDIR/hub")
is "a hub of another version: a live jail is entered" "$(in_jail alice echo in 2>&1)" in
is "it is the same hub" "$("$T_TOOLS/nsmounts" -i "$T_RUNDIR/hub")" "$old"
is "jails in it are shown" "$("$T" --list | awk -v uids=" $A $B " 'index(uids, " " $2 " ") { print $1, $3, $4 }' | xargs)" \
	"alice in use bob idle 0"
ok "and discarded" "$T" --discard bob
ok "cleanup has no trouble" "$T" --cleanup
is "a jail is built" "$(in_jail bob echo in 2>&1)" in
not_ok "in a new hub" test "$("$T_TOOLS/nsmounts" -i "$T_RUNDIR/hub")" = "$old"
is_right "and all is right, also for the process in the old one"

# --- keepers that are killed -----------------------------------------------------------------------

# points: of the trace of a whole run, each call with its number among those of its name in its
# process, as strace counts, in the order of the run. With CLEANUP_KILLS=0 every call; else those
# that changed something that lasts. (umount2 with MNT_EXPIRE says EAGAIN when it has set the mark.)
points() {
	awk -v all=$((KILLS == 0)) -v lasting=",$LASTING,$KILLING," '
		$2 !~ /^[a-z0-9_]+\(/ { next }
		{ call = $2; sub(/\(.*/, "", call); number = ++seen[$1, call] }
		taken[call, number] { next }
		!all && (index(lasting, "," call ",") == 0 || (/ = -1 / && !/ = -1 EAGAIN/)) { next }
		{ taken[call, number] = 1; print call, number }' "$T_WORK/trace"
}

# kill_at CALL NUMBER COMMAND...: strace dies of the same signal, and bash has something to say on
# that.
kill_at() {
	strace -f -qq -o "$T_WORK/trace" -e trace="$1" -e "inject=$1:signal=SIGKILL:when=$2" "${@:3}" \
		>/dev/null 2>&1 </dev/null || :
}

# killed DESCRIPTION ARRANGE COMMAND...: COMMAND, a keeper's, is killed before each of the points.
# A point of what lasts is reached by every run, so not to be killed there is a failure.
killed() {
	local description=$1 arrange=$2 call number i try found='' missed='' tried=0 killed=0 trace
	local -a all
	shift 2
	$arrange
	strace -f -qq -e trace="$LASTING,$KILLING,$OWN" -o "$T_WORK/trace" "$@" >/dev/null 2>&1 </dev/null || :
	right
	problems=
	mapfile -t all < <(points)
	for ((i = 0; i < ${#all[@]}; i++)); do
		# So many of them, evenly.
		((KILLS == 0 || ${#all[@]} <= KILLS || i * KILLS / ${#all[@]} != (i - 1) * KILLS / ${#all[@]} || i == 0)) ||
			continue
		read -r call number <<<"${all[i]}"
		tried=$((tried + 1))
		for try in 1 2 3; do
			$arrange
			kill_at "$call" "$number" "$@" 2>/dev/null
			trace=$(<"$T_WORK/trace")
			right
			[ -z "$problems" ] || found+="killed at $call $number: $problems"
			problems=
			if [[ $trace = *'killed by SIGKILL'* ]]; then
				killed=$((killed + 1))
				break
			fi
			# This run had no such call.
			[[ ",$OWN,$KILLING," != *",$call,"* ]] || break
			[ $try -lt 3 ] || missed+="$call $number; "
		done
	done
	echo "# $description: $tried of ${#all[@]} points, $killed kills"
	is "$description: it was killed at each of the points, $tried" "$missed$((killed >= 3))" 1
	is "$description: killed anywhere, put right" "$found" ""
}

nothing() { :; }
stale_in_use() { move_in && touch "$CONFIG/trampoline.conf"; }
idle_and_in_use() { move_in && in_jail bob true; }
idle_and_damaged() { damaged_in_use && in_jail bob true; }
marked() { in_jail alice true && "$T" --cleanup; }
damaged_in_use() { move_in && change_records 200; }

killed "building the hub and a jail" forget_all "$KEEPER" build alice 33
killed "building a jail" nothing "$KEEPER" build alice 33
killed "building anew what is stale and in use" stale_in_use "$KEEPER" build alice 33
killed "marking and keeping" idle_and_in_use "$KEEPER" --cleanup
killed "marking, and keeping what is damaged and in use" idle_and_damaged "$KEEPER" --cleanup
killed "retiring" marked "$KEEPER" --cleanup
killed "discarding what is in use" move_in "$KEEPER" --discard alice
killed "discarding what is damaged and in use" damaged_in_use "$KEEPER" --discard alice
may_die=yes
killed "discarding and killing" move_in "$KEEPER" --discard --kill alice
may_die=

# --- the wall clock --------------------------------------------------------------------------------

is "no program asks the wall clock" "$(grep -nE 'CLOCK_REALTIME|CLOCK_TAI|gettimeofday|[^_a-z]time\(' \
	src/*/*.c src/*/*.h include/*/*.h || :)" ""
${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -shared -fPIC -o "$T_WORK/wallclock.so" \
	"$(dirname "$0")/wallclock.c"
state_of_alice() { "$T" --list | awk -v uid="$A" '$1 == "alice" && $2 == uid { print $3 }'; }
# at SECONDS COMMAND...: as if somebody had set the wall clock
at() { LD_PRELOAD=$T_WORK/wallclock.so WALLCLOCK_SHIFT=$1 "${@:2}"; }
ok "the set clock is one" test "$(at -315360000 date +%Y)" -lt "$(date +%Y)"
for shift in -315360000 315360000; do
	retire alice
	in_jail alice true
	like "set by $shift s: a new jail is new" "$(at $shift "$KEEPER" --list)" "^alice +$A idle .* [0-9]+[sm] ago +[0-9]+[sm] ago"
	at $shift "$KEEPER" --cleanup
	is "an idle one is marked in the first pass" "$(state_of_alice)" marked
	in_jail alice true
	at $shift "$KEEPER" --cleanup
	is "and stays if it was entered" "$(state_of_alice)" marked
	for ((pass = 1; pass < PASSES_MAX; pass++)); do at $shift "$KEEPER" --cleanup; done
	look
	is "and goes if not" "${pins[*]}" ""
done
