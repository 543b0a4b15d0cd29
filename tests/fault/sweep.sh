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
#   FAULT_SHARE=N         150; a number of strikes, not a time, so that a slow machine tests as much
. "$(dirname "$0")/../system/lib.sh"

SHARE=${FAULT_SHARE:-150}
FAULT=$T_TOOLS/fault
HIT=$T_WORK/hit
ERRORS=(ENOMEM EMFILE ENOSPC EIO EINTR EPERM EBUSY ENOSYS EAGAIN)
READ_ERRORS=(EIO ENOMEM) # of a call that changes nothing
PASSES_MAX=6             # another umount of this machine counts as a use: see umount2(2), MNT_EXPIRE
LIVE="warm timed private" # scenarios that find a live jail and leave one, which is kept for KEPT strikes
KEPT=16
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
}

# What can differ between two right runs is nothing; what differs between images is one line.
expect() { wanted=${golden/"image: one"/"image: $image"}; }

# judge_run WHAT: what has become of the run itself. 125 to 127 say that nothing has run.
judge_run() {
	local has_run=''
	[ ! -e "$ALICE/mark" ] || has_run=yes
	rm -f "$ALICE/mark"
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
	else
		outcome=odd
		problem "nothing has run, with status $ended: $said"
	fi
}

# One sentence, unless it is the call that says it that has failed.
is_sentence() {
	[[ $said =~ ^trampoline(-[a-z]+)?:\ cannot\ .+:\ .+$ && $said != *$'\n'* ]] || [[ $hit == *" write c "* && -z $said ]]
}

# An administrator's command: it has worked, or says what it could not do.
judge_order() {
	if [ "$ended" -eq 0 ]; then
		outcome=ran
	elif [ "$ended" -eq 137 ] && [[ $1 == a* || $1 == o* ]]; then
		outcome=killed
	elif [[ $said == *": cannot "* ]] || [[ $hit == *" write"* ]]; then
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
	[ "$ended" -eq 0 ] && [ "$said" = "$wanted" ] ||
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
	kill -KILL "$lodger" 2>/dev/null || :
	wait "$lodger" 2>/dev/null || :
	lodger=
}

# Images and data, by what no write leaves as it was: inode, mode, owner, size, time of change.
precious() {
	find "$IMAGES/tiny" "$DATA/bob" "$DATA/alice" -xdev ! -path "$ALICE" ! -name current ! -path "$IMAGES/tiny" \
		-printf '%p %i %m %U:%G %s %C@ %l\n'
}

nothing_is_left() {
	local left table place host=()
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
	while read -r _ _ _ _ place _; do
		[[ $place != "$T_RUNDIR"* ]] || host+=("$place")
	done </proc/self/mountinfo
	[ "${#host[@]}" -eq 2 ] || problem "the host has ${host[*]}"
	local now
	now=$(precious)
	[ "$now" = "$treasure" ] || problem "images or data have changed: $(diff <(echo "$treasure") <(echo "$now") || :)"
}

# Where the jail was live and no keeper has been at work, all that is ours is as it was.
nothing_has_changed() {
	local now
	now=$(state)
	[ "$now" = "$state" ] || problem "our state has changed: $(diff <(echo "$state") <(echo "$now") || :)"
}
# The inode of a record is another one when a keeper has been there.
state() {
	local place
	printf '%s\n' "$T_RUNDIR"/* "$T_RUNDIR"/jails/*/*
	while read -r _ _ _ _ place _; do
		[[ $place != "$T_RUNDIR"* ]] || echo "$place"
	done </proc/self/mountinfo
	hub_mounts
}

# --- scenarios: arrange_NAME makes the state before, run_NAME WHAT the command, judge_NAME looks at it -----

arrange_cold() { :; }
run_cold() { ask_probe "$1"; }
judge_cold() { judge_run "$1"; }

# The jail is kept live through KEPT strikes.
keep_live() {
	[ -e "$T_RUNDIR/jails/alice/record" ] && return
	"$T" --prepare alice
	state=$(state)
}
arrange_warm() { keep_live; }
run_warm() { ask_probe "$1"; }
judge_warm() { judge_run "$1"; }

arrange_timed() { keep_live; }
run_timed() { ask_probe "$1" --timeout=30; }
judge_timed() { judge_run "$1"; }

arrange_private() { keep_live; }
run_private() { ask_probe "$1" --private; }
judge_private() { judge_run "$1"; }

arrange_hub() { forget_all; }
run_hub() { ask_probe "$1"; }
judge_hub() { judge_run "$1"; }

ALL=(cold warm timed private hub)

# --- striking ----------------------------------------------------------------------------------------

# one SCENARIO WHAT: one run, and all that must be right after it.
one() {
	local scenario=$1 what=$2 hit=''
	problems=
	"arrange_$scenario" >/dev/null 2>&1
	"run_$scenario" "$what"
	hit=$(<"$HIT")
	[[ $hit != *late* ]] || problem "processes did not end"
	if [ -z "$hit" ]; then missed=$((missed + 1)); fi
	"judge_$scenario" "$what"
	[ -z "$lodger" ] || lodger_is_well
	next_entry_is_right
	move_out
	if [[ " $LIVE " == *" $scenario "* ]] && [ $((struck % KEPT)) -ne 0 ]; then
		nothing_has_changed
	else
		nothing_is_left
	fi
	case $outcome in
	ran) ran=$((ran + 1)) ;;
	refused) refused=$((refused + 1)) ;;
	killed) killed=$((killed + 1)) ;;
	esac
	struck=$((struck + 1))
	if [ -n "$problems" ]; then
		violations=$((violations + 1))
		found+="$what ($hit): $problems"
		[ -z "${FAULT_LOG:-}" ] || printf '%s %s (%s): %s\n' "$scenario" "$what" "$hit" "$problems" >>"$FAULT_LOG"
	fi
}

# strikes SCENARIO: all that can be done to it, one a line: WHAT@P.N
strikes() {
	local at kind error
	"arrange_$1" >/dev/null 2>&1
	"run_$1" list
	move_out
	while read -r at _ kind _; do
		echo "all@$at"
		[ "$processes" -eq 1 ] || echo "one@$at"
		case $kind in
		c) for error in "${ERRORS[@]}"; do echo "$error@$at"; done ;;
		r) for error in "${READ_ERRORS[@]}"; do echo "$error@$at"; done ;;
		esac
	done <"$HIT"
}

# sweep SCENARIO [SHARE]
sweep() {
	local scenario=$1 share=${2:-0} i processes calls
	local struck=0 missed=0 ran=0 refused=0 killed=0 violations=0 found='' start=$SECONDS
	local -a all
	"arrange_$scenario" >/dev/null 2>&1
	"run_$scenario" list
	move_out
	calls=$(wc -l <"$HIT")
	processes=$(cut -d . -f 1 "$HIT" | sort -u | wc -l)
	mapfile -t all < <(strikes "$scenario")
	for ((i = 0; i < ${#all[@]}; i++)); do
		# So many of them, evenly.
		((share == 0 || share >= ${#all[@]} || i * share / ${#all[@]} != (i - 1) * share / ${#all[@]})) || continue
		one "$scenario" "${all[i]}"
	done
	printf '# %-12s %6d calls, %6d strikes: %6d ran, %6d refused, %6d killed, %4d not reached; %4d violations (%d s)\n' \
		"$scenario" "$calls" $struck $ran $refused $killed $missed $violations $((SECONDS - start))
	is "$scenario: struck at any call, nothing is wrong" "$found" ""
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
ask_probe run
golden=$said
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
