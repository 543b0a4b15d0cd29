#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Row A13: a seccomp filter of a root parent's that makes a system call "succeed" without effect. For
# every call that an entry makes, one by one: the command never runs, or what the kernel says of it
# from outside is what it says when nobody lies.
. "$(dirname "$0")/lib.sh"

cleanup() {
	local pid
	for pid in $(jail_processes); do kill -KILL "$pid" 2>/dev/null || :; done
	rm -f "${CLEANUPS[@]}"
	forget_all
	in_jail alice true
	in_jail bob true
}
# The machine's own, without their ids.
machine_mounts() { awk '$5 ~ "^/(proc|dev|sys)(/|$)" { $1 = $2 = ""; print }' /proc/self/mountinfo; }
machines=$(machine_mounts)
lend alice reach
# Under a lie it may have any uid, so it is known by a name that no other process has.
mv "$ALICE/reach" "$ALICE/reach$$"
CLEANUPS+=("$ALICE/reach$$")
in_jail alice true

# --- a descriptor that a call did not make --------------------------------------------------------

# A call that should make a mount answers with the number of a descriptor that the keeper had open before.
# In a mount namespace that is thrown away, with a pid namespace, so that a hub may be made there; all that
# the keeper opens is a mount of its own there, as /dev/null is in a container.
cat >"$T_WORK/numbers" <<-'END'
	#!/bin/bash
	set -eu
	options() { awk '$5 != ENVIRON["T_RUNDIR"] "/hub"' /proc/self/mountinfo; }
	files() { find "$DATA/alice" "$DATA/alice/home" "$DATA/alice/tmp" "$image" /dev/null -maxdepth 1 -printf '%p %m %U\n'; }
	mount --bind /dev/null /dev/null
	image=$(readlink -f "$IMAGES/default/current")
	for directory in "$image" "$DATA/alice/home" "$DATA/alice/tmp"; do mount --bind "$directory" "$directory"; done
	mount -t tmpfs -o mode=700 none "$T_RUNDIR"
	lies=0
	for lie in new:open_tree new:fsopen new:fsmount live:open_tree; do
		for number in {0..24}; do
			if [ "${lie%:*}" = new ]; then
				umount -lR "$T_RUNDIR"
				mount -t tmpfs -o mode=700 none "$T_RUNDIR"
			else
				"$T" bob true </dev/null
			fi
			before=$(options; files) got=0
			strace -f -qq -o "$T_WORK/trace" -e trace="${lie#*:}" -e inject="${lie#*:}:retval=$number" \
				"$T" alice true </dev/null >"$T_WORK/said" 2>&1 || got=$?
			[ $got -eq 125 ] || echo "$lie $number: status $got"
			diff <(echo "$before") <(options; files) | sed -n "s/^>/$lie $number:/p"
			if grep -q INJECTED "$T_WORK/trace"; then lies=$((lies + 1)); fi
		done
	done
	"$T" alice true </dev/null || echo "no jail afterwards"
	echo "$lies lies"
END
chmod 755 "$T_WORK/numbers"
if unshare -mpf --mount-proc --propagation private true 2>/dev/null; then
	export DATA IMAGES
	unshare -mpf --mount-proc --propagation private "$T_WORK/numbers" >"$OUT" 2>"$ERR" </dev/null || :
	is "A13: a number for a mount that was not made: no mount and no directory of the host's is changed" "$(cat "$OUT" "$ERR")" "100 lies"
else
	skip "A13: a number for a mount that was not made" "no pid namespace can be made here"
fi

# --- the command, as the kernel sees it ------------------------------------------------------------

# What PID is, by the kernel's own files: nothing that the filter could lie about to the process itself.
# What only makes the run worse for whoever asked for it (nice, blocked signals, no standard input) is left out.
describe() { # PID
	grep -E '^(Umask|Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|Seccomp_filters|CoreDumping):' "/proc/$1/status" || :
	readlink "/proc/$1/ns/"{mnt,ipc,net,pid,user,uts} || :
	find "/proc/$1/fd" -mindepth 1 -name '[0-9]*' ! -name '[012]' | sort
	readlink "/proc/$1/"{root,cwd,exe} || :
	sed 's/  */ /g' "/proc/$1/limits" | grep -vE 'Max (resident|file locks|realtime timeout)' || :
	cat "/proc/$1/oom_score_adj"
}

# Prints the lines that were seen under the lie alone and, as (not LINE), those that were seen without it alone.
differs() {
	(diff <(echo "$honest") <(echo "$seen") || :) | sed -nE 's/^> //p; s/^< (.*)/(not \1)/p'
}

# The command ended while describe looked at it; the lines that were read are those of a run without a lie.
is_part_of_honest() { [ -z "$is_whole" ] && [ -z "$(differs | grep -v '^(not ' || :)" ]; }

# lie CALL...: sets $got to the status and $seen to the description of the command, if there was one;
# $is_whole says whether the command was still there when the description was finished.
lie() {
	local pid run end=$((SECONDS + 20 * T_SLOW))
	seen='' got=0 is_whole=
	(
		trap - EXIT INT TERM
		umask 027
		exec nice -n 5 "$T_TOOLS/caller" signals open=9:/ open=77:/etc/passwd -- "$T_TOOLS/hostile" soft-nofile=300 soft-cpu=4000 -- \
			"$T_TOOLS/liar" "$@" -- "$T" "${options[@]}" alice "./reach$$" rest 600000
	) >/dev/null 2>&1 </dev/null & # no files, for which it would fork
	run=$!
	# Where the lie makes it wait for ever, there is nothing to see.
	for _ in $(seq $((150 * T_SLOW))); do
		pid=$(pgrep -x "reach$$" | head -n 1) || :
		if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" != "$T" ]; then
			seen=$(describe "$pid" 2>/dev/null) || :
			if readlink "/proc/$pid/exe" >/dev/null 2>&1; then is_whole=yes; fi
			break
		fi
		if ! kill -0 $run 2>/dev/null || [ $SECONDS -ge $end ]; then break; fi
		sleep 0.02
	done
	end_tree "$run" 2>/dev/null
	for pid in $(pgrep -x "reach$$"); do kill -KILL "$pid" 2>/dev/null || :; done
	wait $run 2>/dev/null || got=$?
}

# The calls of an entry, from strace itself; without those that no filter can do without.
calls_of() { # COMMAND...
	strace -f -qq -o "$T_WORK/trace" "$@" >/dev/null 2>&1 </dev/null || :
	sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' "$T_WORK/trace" | sort -u | grep -vxE 'execve|exit|exit_group|rt_sigreturn|restart_syscall|clone|fork|vfork'
}

# must_notice TITLE FROM-STATE CALL...
must_notice() {
	local title=$1 state=$2 call
	shift 2
	wrong='' ran=0 refused=0 ended=0
	if [ $# -eq 0 ] || [[ $honest != *Uid:*"$A"* ]]; then wrong=" no call is known, or nothing was seen without a lie;"; fi
	for call in "$@"; do
		# A run that the lie ends early, such as poll for a watcher, may have been seen in part.
		for _ in 1 2 3; do
			[ "$state" = warm ] || retire alice
			lie "$call"
			if [ -z "$seen" ] || [ -n "$is_whole" ]; then break; fi
		done
		if [ -z "$seen" ]; then
			refused=$((refused + 1))
			# What the caller is told is a refusal, or nothing where the lie keeps even that back.
			case $got in 0) wrong+=" $call: status 0, and nothing ran;" ;; esac
		elif [ "$seen" = "$honest" ]; then
			ran=$((ran + 1))
		elif is_part_of_honest; then
			ended=$((ended + 1))
		else
			wrong+=" $call: $(differs);"
		fi
	done
	is "$title ($ran harmless, $refused refused, $ended ended early)" "$wrong" ""
}

options=()
lie sysinfo # which nobody calls: what is seen when nothing that matters is a lie
honest=$seen
like "A13: the command is seen from outside" "$honest" "^Uid:.*$A.*$A.*$A.*$A"
# shellcheck disable=SC2046
must_notice "A13: every call of a warm entry" warm $(calls_of "$T" alice true)
# What differs by argument: prctl's options; the descriptor of a namespace; one range of close_range; one signal.
must_notice "A13: one of a call's many uses" warm prctl:0={3,4,8,27,28,29,30,36,38,39,47,67} setns:0={3..9} close_range:0=3 \
	fcntl:1={1,3,1030} prlimit64:1={0,1,2,3,4,6,7} setitimer:0={0,1,2} umask:0={18,63} rt_sigprocmask:0=2 ioprio_set:0=1
options=(--keep-fd=77)
lie sysinfo
honest=$seen
must_notice "A13: close_range for one of two ranges" warm close_range:0=3 close_range:0=78
options=(-t 20s)
lie sysinfo
honest=$(sed '/^pid:/d' <<<"$seen")
unsettled() { sed -E 's/^(mnt|pid):.*//' <<<"$1"; }
# Each private run has a pid and a mount namespace of its own.
honest=$(unsettled "$seen")
describe_all=$(declare -f describe)
eval "${describe_all/describe/describe_whole}"
# shellcheck disable=SC2317 # lie calls it
describe() { unsettled "$(describe_whole "$1")"; }
own=$(readlink /proc/self/ns/pid)
# shellcheck disable=SC2046
must_notice "A13: every call of a supervised entry" warm $(calls_of "$T" -t 20s alice true)
# shellcheck disable=SC2317
describe() { describe_whole "$1"; }
lie sysinfo
like "A13: a private run's pid namespace is seen" "$seen" '^pid:'
lie unshare
is "A13: a private run is in a pid namespace of its own, or none" "$(grep -cxF "$own" <<<"$seen" || :)" 0
eval "$describe_all"

options=()
lie sysinfo
honest=$(grep -v '^mnt:' <<<"$seen")
eval "${describe_all/describe/describe_whole}"
describe() { describe_whole "$1" | sed -E '/^(mnt|ipc|net):\[/d' | sed "s/^/ /; s/^ //"; }
lie sysinfo
honest=$seen
# Built under a lie and then entered: the jail must be whole, or not be. Its namespaces are new each time.
host=$(readlink /proc/self/ns/{mnt,ipc,net})
wrong=''
hub=$(stat -L -c %i "$T_RUNDIR/hub")
retire alice
calls=$(calls_of "$T" alice true)
# With each descriptor that launcher and keeper gave to these two, one by one.
calls+=" $(sed -nE 's/^[0-9]* *(setns|newfstatat)\(([0-9]+),.*/\1:0=\2/p' "$T_WORK/trace" | sort -u)"
[[ $honest = *Uid:*"$A"* && $(wc -w <<<"$calls") -gt 20 ]] || wrong+=" no call is known, or nothing was seen without a lie;"
for call in $calls; do
	retire alice
	lie "$call"
	[ -z "$seen" ] || [ "$seen" = "$honest" ] || is_part_of_honest || wrong+=" $call: $(differs);"
	got=0
	bounded in_jail alice id -u >"$OUT" 2>"$ERR" || got=$?
	[ "$got $(cat "$OUT")" = "0 $A" ] || wrong+=" after $call: $got $(cat "$ERR");"
	[ "$(jail_mounts alice | awk '{ print $5, $6 }' | sort | grep -c -e '^/ ro,' -e '^/home .*nosuid,nodev' -e '^/tmp .*nosuid,nodev' -e '^/dev ro,nosuid' -e '^/proc .*nosuid' -e '^/dev/pts .*nosuid')" -eq $MOUNTS ] ||
		wrong+=" after $call: $(jail_mounts alice | awk '{ print $5, $6 }' | xargs);"
	for namespace in $(in_jail alice readlink /proc/self/ns/mnt /proc/self/ns/ipc /proc/self/ns/net); do
		case $host in *"$namespace"*) wrong+=" after $call: the host's $namespace;" ;; esac
	done
	[ "$(stat -L -c %i "$T_RUNDIR/hub")" = "$hub" ] || wrong+=" after $call: another hub;"
	retire bob
	bounded in_jail bob true 2>"$ERR" || wrong+=" after $call: bob $(cat "$ERR");"
	[ -z "$wrong" ] || [[ $wrong != *"after $call: bob"* ]] || forget_all
done
is "A13: every call of a build, by launcher or keeper: no half jail, and no other user's harm" "$wrong" ""
is "A13: the host's own mounts are as before" "$(machine_mounts)" "$machines"
