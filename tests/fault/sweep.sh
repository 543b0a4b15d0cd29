#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Killed before any system call, and with any system call failing, a command leaves nothing wrong: what
# runs in a jail is what always runs there, 125 means that nothing has run, the next request is served,
# what runs lives on with its data, and two cleanups leave nothing.
#
# Each scenario is run once to list its calls; then again for each call and each thing that is done to it
# (tests/fault/fault.c). The caller is hostile, so that what is not undone shows.
#   FAULT_SWEEP=all       every call and every error; else FAULT_SHARE strikes of the two first scenarios
#   FAULT_SWEEP=NAME...   every call and error of these scenarios
#   FAULT_CALLS=PATTERN   only calls with such a name
#   FAULT_LOG=FILE        one line for each strike; those that FILE has are not made again
#   FAULT_SHARE=N         150; a number of strikes, not a time, so that a slow machine tests as much
. "$(dirname "$0")/../system/lib.sh"

SHARE=${FAULT_SHARE:-150}
FAULT=$T_TOOLS/fault
HIT=$T_WORK/hit
ERRORS=(ENOMEM EMFILE ENOSPC EIO EINTR EPERM EBUSY ENOSYS EAGAIN)
READ_ERRORS=(EMFILE EIO ENOMEM) # of a call that changes nothing
PASSES_MAX=6             # another umount of this machine counts as a use: see umount2(2), MNT_EXPIRE
QUICK=(cold private)
lodger='' problems=''
shopt -s nullglob dotglob

if [ "$(uname -m)" != x86_64 ]; then
	skip "a call is made to fail" "tests/fault/fault.c knows the registers of x86-64 alone"
	exit 0
fi
${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -o "$FAULT" "$(dirname "$0")/fault.c" -lseccomp

# --- what there is to begin with -------------------------------------------------------------------

cleanup() {
	move_out
	default_config
	forget_all
	for name in carol one two; do rm -rf --one-file-system "${DATA:?}/$name"; done
	rm -rf --one-file-system "${IMAGES:?}/tiny" "$ALICE/mark" "$ALICE/kept"
	in_jail alice true
	in_jail bob true
}

make_image() {
	local tree=$T_WORK/tree
	mkdir -p "$tree/bin" "$tree/etc" "$tree/usr" "$tree/var"
	echo "$1" >"$tree/etc/image"
	cp /bin/busybox "$T_TOOLS/probe" "$tree/bin"
	for applet in sh sleep true; do ln -sf busybox "$tree/bin/$applet"; done
	"$T_PREFIX/sbin/trampoline-image" build tiny --from "$tree" >/dev/null
	readlink "$IMAGES/tiny/current"
}

# set_image: as the tool does, without the users' passwd
set_image() {
	ln -sfn "$1" "$IMAGES/tiny/.current.new"
	mv -fT "$IMAGES/tiny/.current.new" "$IMAGES/tiny/current"
}

# --- checks ------------------------------------------------------------------------------------------

problem() { problems+="$*"$'\n'; }

# ask_probe FAULT-ARGUMENT [OPTION...]: sets $said to what the jailed command says, and $ended.
ask_probe() {
	ended=0
	said=$("$FAULT" 33 "$1" "$T" "${@:2}" alice probe mark 2>&1 3>"$HIT" </dev/null) || ended=$?
	said=${said/"session: leader"/"session: member"} # a new one, where the old cannot be looked at, is as good
}

# order FAULT-ARGUMENT COMMAND...: the same of an administrator's command
order() {
	ended=0
	said=$("$FAULT" 0 "$1" "${@:2}" 2>&1 3>"$HIT" </dev/null) || ended=$?
}

# What can differ between two right runs is nothing; what differs between images is one line.
expect() { wanted=${golden/"image: one"/"image: $image"}; }

# judge_run WHAT: what has become of the run itself. 125 to 127 say that nothing has run.
judge_run() {
	local has_run=''
	if [ -e "$ALICE/mark" ]; then
		has_run=yes
		rm "$ALICE/mark"
	fi
	expect
	if [ -n "$has_run" ]; then
		outcome=ran
		[[ $ended != 12[567] ]] || problem "status $ended, and the command has run"
		# Output that is cut off is cut off behind a right beginning.
		if [ "$ended" -eq 0 ]; then
			[ "$said" = "$wanted" ] || problem "the command was: $(diff <(echo "$wanted") <(echo "$said") || :)"
		elif [[ $wanted != "$said"* ]] || [ "$ended" -ne 137 ]; then
			problem "status $ended, and the command said: $said"
		fi
	elif [[ $ended == 12[567] ]]; then
		outcome=refused
		is_sentence || problem "refused without a sentence: $said"
	elif [ "$ended" -eq 137 ] && [[ $1 == a* || $1 == o* ]] && [ -z "$said" ]; then
		outcome=killed
	elif [ "$ended" -eq 139 ] && [[ $hit == "0.1 arch_prctl "* || $hit == "0.3 poll "* ]]; then
		outcome=killed # by libc, which cannot start
	else
		outcome=odd
		problem "nothing has run, with status $ended: $said"
	fi
}

# One sentence, unless it is the call that says it that has failed.
is_sentence() {
	[[ $said =~ ^trampoline(-[a-z]+)?:\ cannot\ .+:\ .+$ && $said != *$'\n'* ]] || [[ $hit == *" write c "* && -z $said ]]
}

# A sentence, which may be the dynamic loader's, or in a script that of its shell and its tools.
says_why() {
	case $scenario,$said in
	*": cannot "* | *": error while loading shared libraries: "*) ;;
	add,?* | remove,?* | activate,?*) ;;
	*) [[ $hit == *" write c "* ]] ;;
	esac
}

# An administrator's command: it has worked, or says what it could not do.
judge_order() {
	if [ "$ended" -eq 0 ]; then
		outcome=ran
	elif [ "$ended" -eq 137 ] && [[ $1 == a* || $1 == o* ]]; then
		outcome=killed
	elif says_why; then
		outcome=refused
	else
		outcome=odd
		problem "status $ended: $said"
	fi
}

next_entry_is_right() {
	ask_probe run
	rm -f "$ALICE/mark"
	expect
	[ "$ended $said" = "0 $wanted" ] ||
		problem "the next entry: status $ended: $(diff <(echo "$wanted") <(echo "$said") || :)"
}

# A killed process is a zombie until its parent waits for it, and kill -0 succeeds on a zombie.
lives() {
	local line
	read -r line 2>/dev/null <"/proc/$1/stat" && [[ $line != *') Z '* ]]
}

lodger_is_well() {
	local list
	lives "$lodger" || problem "the process in the jail has died"
	list=$("$T" --list 2>&1) || problem "--list: $list"
	[[ $'\n'$list =~ $'\n'(alice|-)\ +"$A"\ +(in use|stale|discarded)\ +[1-9] ]] || problem "it is not shown: $list"
	[ "$(<"$ALICE/kept")" = precious ] || problem "the home is not as it was"
}

move_in() {
	"$T" alice sleep 1000 </dev/null >/dev/null 2>&1 &
	lodger=$!
	wait_for grep -q sleep "/proc/$lodger/comm"
}

move_out() {
	[ -n "$lodger" ] || return 0
	disown "$lodger" 2>/dev/null || : # or bash says that it was killed
	kill -KILL "$lodger" 2>/dev/null || :
	while lives "$lodger"; do sleep 0.01; done
	wait "$lodger" 2>/dev/null || :
	lodger=
}

# Images and data, by what no write leaves as it was: inode, mode, owner, size, time of change.
precious() {
	find "$IMAGES/tiny" "$DATA/bob" "$DATA/alice" -xdev ! -path "$ALICE" ! -name current ! -name history ! -path "$IMAGES/tiny" \
		-printf '%p %i %m %U:%G %s %C@ %l\n'
}

# Our mounts on the host. The table is read at once: others change it, and read goes back in it.
host_has() {
	local table place
	table=$(</proc/self/mountinfo)
	while read -r _ _ _ _ place _; do
		[[ $place != "$T_RUNDIR"* ]] || echo "$place"
	done <<<"$table"
}

nothing_is_left() {
	local left table
	for ((pass = 0; pass < PASSES_MAX; pass++)); do
		left=$("$T" --cleanup 2>&1) || problem "cleanup ends with status $?: $left"
		left=("$T_RUNDIR/jails"/*)
		[ ${#left[@]} -gt 0 ] || break
	done
	[ ${#left[@]} -eq 0 ] || problem "left: ${left[*]}"
	table=$(hub_mounts 2>&1) || problem "no hub: $table"
	[[ $table != *" /jails/"* ]] || problem "left in the hub: $table"
	left=("$T_RUNDIR"/*)
	[ "${left[*]}" = "$T_RUNDIR/hub $T_RUNDIR/jails" ] || problem "RUNDIR holds ${left[*]}"
	[ "$(host_has)" = "$T_RUNDIR"$'\n'"$T_RUNDIR/hub" ] || problem "the host has $(host_has)"
	local now
	now=$(precious)
	[ "$now" = "$treasure" ] || problem "images or data have changed: $(diff <(echo "$treasure") <(echo "$now") || :)"
}

# What is ours by its names: of a jail that is live and idle it is always the same. ($state is that.)
state() {
	local root place
	printf '%s\n' "$T_RUNDIR"/* "$T_RUNDIR"/jails/*/*
	host_has
	hub_mounts | while read -r _ _ _ root place _; do echo "${root%%:*} $place"; done
}

# Of all that is as for a live and idle jail two cleanups have been seen to leave nothing, so they are
# called where it is not, and each 16th time anyway. A jail that the next strike needs live stays so.
end_jail() {
	if [ $((struck % 16)) -eq 0 ] || [ "$(state)" != "$state" ]; then
		nothing_is_left
	elif [[ $LIVE != *" $scenario "* ]]; then
		"$T" --discard alice || problem "cannot discard"
	fi
}

# --- scenarios: arrange_NAME makes the state before, run_NAME WHAT the command, judge_NAME looks at it -----

arrange_cold() { :; }
run_cold() { ask_probe "$1"; }
judge_cold() { judge_run "$1"; }

keep_live() { [ -e "$T_RUNDIR/jails/alice/record" ] || "$T" --prepare alice; }
arrange_warm() { keep_live; }
run_warm() { ask_probe "$1"; }
judge_warm() { judge_run "$1"; }

arrange_timed() { keep_live; }
run_timed() { ask_probe "$1" --timeout=30; }
judge_timed() { judge_run "$1"; }

arrange_private() { keep_live; }
run_private() { ask_probe "$1" --private; }
judge_private() { judge_run "$1"; }

# Its time is over while it runs, and it has a child; its end is what is struck.
arrange_expired() { keep_live; }
run_expired() {
	ended=0
	said=$("$FAULT" 33 "$1" "$T" --timeout=0.3s --private alice sh -c 'sleep 1000 & probe mark; sleep 1000' 2>&1 3>"$HIT" </dev/null) ||
		ended=$?
	said=${said/"session: leader"/"session: member"}
	said=${said%%$'\n'env:*} # which is the shell's
}
judge_expired() {
	local golden=${golden%%$'\n'env:*}
	case $ended in
	0) problem "its time was not over" ;;
	# Its output may be cut off, and on a slow machine it may not have begun.
	124) ended=137 ;;
	esac
	if [ $ended -eq 137 ] && [ ! -e "$ALICE/mark" ]; then
		outcome=killed
	else
		judge_run "$1"
	fi
}

arrange_hub() { forget_all; }
run_hub() { ask_probe "$1"; }
judge_hub() { judge_run "$1"; }

# While a process lives in a jail of the old image, it is replaced: an entry builds the jail anew.
arrange_switch() {
	set_image "$one_version"
	move_in
	set_image "$two_version"
	image=two
}
run_switch() { ask_probe "$1"; }
judge_switch() { judge_run "$1"; }

# An administrator's commands, with alice's jail in use and bob's idle.
arrange_marking() {
	move_in
	in_jail bob true
}
run_marking() { order "$1" "$T" --cleanup; }
judge_marking() { judge_order "$1"; }

arrange_retiring() {
	arrange_marking
	"$T" --cleanup
}
run_retiring() { order "$1" "$T" --cleanup; }
judge_retiring() { judge_order "$1"; }

arrange_discard() { move_in; }
run_discard() { order "$1" "$T" --discard alice; }
judge_discard() { judge_order "$1"; }

arrange_kill() { move_in; }
run_kill() { order "$1" "$T" --discard --kill alice; }
judge_kill() {
	judge_order "$1"
	if ! lives "$lodger"; then
		move_out
	elif [ "$ended" -eq 0 ]; then
		problem "the process in the jail lives"
	fi
	[ -z "$(pgrep -u "$A" -r T,t -a)" ] || problem "left stopped: $(pgrep -u "$A" -r T,t -a)"
}

# A user is there wholly or not at all, and the same command again makes it so.
USER_TOOL=$T_PREFIX/sbin/trampoline-user
IMAGE_TOOL=$T_PREFIX/sbin/trampoline-image
carol() { (cd "$DATA" && find carol -xdev -printf '%p %m %U:%G\n' 2>/dev/null | sort) || :; }
remove_carol() {
	local again
	again=$("$USER_TOOL" remove carol --yes 2>&1) || [[ $again == *"cannot find user carol"* ]] ||
		problem "remove: $again"
	again=("$DATA"/*carol* "$DATA"/.[!.]*)
	[ ${#again[@]} -eq 0 ] || problem "left of the user: ${again[*]}"
}
arrange_add() { :; }
run_add() { order "$1" "$USER_TOOL" add carol --uid $((A + 2)); }
judge_add() {
	local again
	judge_order "$1"
	[ "$ended" -ne 0 ] || [ -d "$DATA/carol" ] || problem "added, and not there"
	again=$("$USER_TOOL" add carol --uid $((A + 2)) 2>&1) || [[ $again == *"is there already" ]] || problem "add: $again"
	[ "$(carol)" = "$whole_carol" ] || problem "the user is not whole: $(carol)"
	remove_carol
}

arrange_remove() {
	"$USER_TOOL" add carol --uid $((A + 2))
	in_jail carol sh -c 'echo mine >mine'
}
run_remove() { order "$1" "$USER_TOOL" remove carol --yes; }
judge_remove() {
	judge_order "$1"
	[ "$ended" -ne 0 ] || [ ! -d "$DATA/carol" ] || problem "removed, and still there"
	if [ -d "$DATA/carol" ]; then
		# shellcheck disable=SC2016
		[ "$(in_jail carol sh -c 'read -r line <mine; echo "$line"' 2>&1)" = mine ] || problem "the user is there, and its file is not"
	fi
	remove_carol
}

# A version that is switched to is current or not; the one before stays.
arrange_activate() { set_image "$one_version"; }
run_activate() { order "$1" "$IMAGE_TOOL" activate "tiny@$two_version"; }
judge_activate() {
	local now again
	judge_order "$1"
	now=$(readlink "$IMAGES/tiny/current") || problem "there is no current version"
	[ "$ended" -ne 0 ] || [ "$now" = "$two_version" ] || problem "activated, and not current"
	[ "$now" = "$one_version" ] || [ "$now" = "$two_version" ] || problem "current is $now"
	again=$("$IMAGE_TOOL" activate "tiny@$two_version" 2>&1) || problem "activate: $again"
	image=two
}

ALL=(cold warm timed private expired hub switch marking retiring discard kill add remove activate)
LIVE=" warm timed private expired "
LOOKING=" marking retiring discard kill "
SCRIPTS=" add remove activate "
# A script makes thousands of calls, nearly all of them its shell's and tools' own. It is struck only where
# it changes what outlives it; between two such calls every kill leaves the same.
LASTING=" openat write rename renameat renameat2 unlink unlinkat link linkat symlink symlinkat mkdir mkdirat rmdir
 mknodat chmod fchmod fchmodat chown fchown lchown fchownat flock copy_file_range ftruncate utimensat
 umount2 move_mount mount_setattr unshare clone vfork execve kill "

# --- striking ----------------------------------------------------------------------------------------

# one SCENARIO WHAT: one run, and all that must be right after it.
one() {
	local scenario=$1 what=$2 hit='' status
	problems=
	[ "$image" = one ] || set_image "$one_version"
	image=one
	[ ! -e "$ALICE/mark" ] || rm "$ALICE/mark"
	"arrange_$scenario" >/dev/null 2>&1
	"run_$scenario" "$what"
	hit=$(<"$HIT")
	[[ $hit != *late* ]] || problem "processes did not end"
	if [ -z "$hit" ]; then missed=$((missed + 1)); fi
	"judge_$scenario" "$what"
	status=$ended
	[ -z "$lodger" ] || lodger_is_well
	next_entry_is_right
	move_out
	end_jail
	case $outcome in
	ran) ran=$((ran + 1)) ;;
	refused) refused=$((refused + 1)) ;;
	killed) killed=$((killed + 1)) ;;
	esac
	struck=$((struck + 1))
	[ -z "${FAULT_LOG:-}" ] || echo "$scenario $what $hit: status $status, $outcome${problems:+, $problems}" >>"$FAULT_LOG"
	if [ -n "$problems" ]; then
		violations=$((violations + 1))
		found+="$what ($hit): $problems"
	fi
}

# strikes SCENARIO: all that can be done to it, one a line: WHAT@P.N
strikes() {
	local at call kind error before='' repeats=0 reads=0 errors=("${ERRORS[@]}")
	[[ $SCRIPTS != *" $1 "* ]] || errors=(ENOSPC EIO EPERM)
	while read -r at call kind _; do
		[[ $call =~ ^(${FAULT_CALLS:-.*})$ ]] || continue
		[[ $SCRIPTS != *" $1 "* || $LASTING == *" $call "* && $kind == c ]] || continue
		# A look at all processes of the machine: thousands of reads.
		[[ $LOOKING != *" $1 "* || $kind == c ]] || ((++reads % 25 == 0)) || continue
		echo "all@$at"
		[ "$processes" -eq 1 ] || [[ $SCRIPTS == *" $1 "* ]] || echo "one@$at"
		# Of a long run of the same call, such as one for each signal, each gets one error in turn.
		[ "$call" = "$before" ] || repeats=0
		repeats=$((repeats + 1)) before=$call
		if [ "$repeats" -gt 16 ]; then
			echo "${errors[repeats % ${#errors[@]}]}@$at"
			continue
		fi
		case $kind in
		c) for error in "${errors[@]}"; do echo "$error@$at"; done ;;
		r) for error in "${READ_ERRORS[@]}"; do echo "$error@$at"; done ;;
		esac
	done <"$T_WORK/list"
}

# sweep SCENARIO [SHARE]
sweep() {
	local scenario=$1 share=${2:-0} i processes calls
	local struck=0 missed=0 ran=0 refused=0 killed=0 violations=0 found='' log start=$SECONDS
	local -a all
	log=$(cat "${FAULT_LOG:-/dev/null}" 2>/dev/null || :)
	log=$'\n'${log}
	"arrange_$scenario" >/dev/null 2>&1
	"run_$scenario" list
	cp "$HIT" "$T_WORK/list"
	"judge_$scenario" list
	move_out
	nothing_is_left # for a scenario that begins without a jail
	calls=$(wc -l <"$T_WORK/list")
	processes=$(cut -d . -f 1 "$T_WORK/list" | sort -u | wc -l)
	mapfile -t all < <(strikes "$scenario")
	for ((i = 0; i < ${#all[@]}; i++)); do
		# So many of them, evenly.
		((share == 0 || share >= ${#all[@]} || i * share / ${#all[@]} != (i - 1) * share / ${#all[@]})) || continue
		[[ $log != *$'\n'"$scenario ${all[i]} "* ]] || continue
		one "$scenario" "${all[i]}"
	done
	printf '# %-12s %6d calls, %6d strikes: %6d ran, %6d refused, %6d killed, %4d not reached; %4d violations (%d s)\n' \
		"$scenario" "$calls" $struck $ran $refused $killed $missed $violations $((SECONDS - start))
	[ ${#all[@]} -gt 0 ] || found="there is no such call"
	[ "$missed" -le $((struck / 2)) ] || found+="$missed of $struck strikes were not reached"
	is "$scenario: struck at any call, nothing is wrong" "${found:0:3000}" ""
}

one_version=$(make_image one)
two_version=$(make_image two)
configure <<-END
	[trampoline]
	image = tiny
END
set_image "$one_version"
image=one
echo precious >"$ALICE/kept"
rm -f "$ALICE/mark"
"$T" --prepare alice
treasure=$(precious)
"$USER_TOOL" add carol --uid $((A + 2))
whole_carol=$(carol)
"$USER_TOOL" remove carol --yes
ask_probe run
golden=$said
state=$(state)
rm -f "$ALICE/mark"
like "the probe says all" "$golden" '^image: one$'
is "and it ends well" "$ended" 0
while read -r fact; do
	like "a hostile caller leaves nothing: $fact" "$golden" "^$fact\$"
done <<END
uid: $A $A $A $A
groups: $A
capabilities: 0 0 0 0
no_new_privs: 1
seccomp: 2
fds: 0 1 2
blocked: *
ignored: *
pending: 0
timers: 0 0 0
umask: 0022
nice: 0
personality: 00000000
END
nothing_is_left
is "two cleanups leave nothing" "$problems" ""

case ${FAULT_SWEEP:-quick} in
quick) for scenario in "${QUICK[@]}"; do sweep "$scenario" $((SHARE / ${#QUICK[@]})); done ;;
all) for scenario in "${ALL[@]}"; do sweep "$scenario"; done ;;
*) for scenario in $FAULT_SWEEP; do sweep "$scenario" "${FAULT_SHARE:-0}"; done ;;
esac
