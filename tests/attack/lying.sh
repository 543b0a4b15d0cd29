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
lend alice reach
# Under a lie it may have any uid, so it is known by a name that no other process has.
mv "$ALICE/reach" "$ALICE/reach$$"
CLEANUPS+=("$ALICE/reach$$")
in_jail alice true

# What PID is, by the kernel's own files: nothing that the filter could lie about to the process itself.
# What only makes the run worse for whoever asked for it (nice, blocked signals, no standard input) is left out.
describe() { # PID
	grep -E '^(Umask|Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|Seccomp_filters|CoreDumping):' "/proc/$1/status" || :
	for kind in mnt ipc net pid user uts; do readlink "/proc/$1/ns/$kind" || :; done
	find "/proc/$1/fd" -mindepth 1 -name '[0-9]*' ! -name '[012]' | sort
	for link in root cwd exe; do readlink "/proc/$1/$link" || :; done
	sed 's/  */ /g' "/proc/$1/limits" | grep -vE 'Max (resident|file locks|realtime timeout)' || :
	cat "/proc/$1/oom_score_adj"
}

differs() {
	(diff <(echo "$honest") <(echo "$seen") || :) | sed -n 's/^> //p' | xargs
}

# lie CALL...: sets $got to the status and $seen to the description of the command, if there was one.
lie() {
	local pid run
	seen='' got=0
	(
		trap - EXIT INT TERM
		umask 027
		exec nice -n 5 "$T_TOOLS/caller" signals open=9:/ open=77:/etc/passwd -- "$T_TOOLS/hostile" soft-nofile=300 soft-cpu=4000 -- \
			"$T_TOOLS/liar" "$@" -- "$T" "${options[@]}" alice "./reach$$" rest 2000
	) >"$OUT" 2>"$ERR" </dev/null &
	run=$!
	for _ in $(seq 150); do
		pid=$(pgrep -x "reach$$" | head -n 1) || :
		if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" != "$T" ]; then
			seen=$(describe "$pid" 2>/dev/null) || :
			break
		fi
		kill -0 $run 2>/dev/null || break
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
	wrong='' ran=0 refused=0
	for call in "$@"; do
		[ "$state" = warm ] || retire alice
		lie "$call"
		if [ -z "$seen" ]; then
			refused=$((refused + 1))
			# What the caller is told is a refusal, or nothing where the lie keeps even that back.
			case $got in 0) wrong+=" $call: status 0, and nothing ran;" ;; esac
		elif [ "$seen" = "$honest" ]; then
			ran=$((ran + 1))
		else
			wrong+=" $call: $(differs);"
		fi
	done
	is "$title ($ran harmless, $refused refused)" "$wrong" ""
}

options=()
lie sysinfo # which nobody calls: what is seen when nothing that matters is a lie
honest=$seen
like "A13: the command is seen from outside" "$honest" "^Uid:.*$A.*$A.*$A.*$A"
# shellcheck disable=SC2046
must_notice "A13: every call of a warm entry" warm $(calls_of "$T" alice true)
# What differs by argument: prctl's options; the descriptor of a namespace; one range of close_range; one signal.
must_notice "A13: one of a call's many uses" warm prctl:0={4,8,23,24,28,38,47} setns:0={3..9} close_range:0=3 \
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
describe() { unsettled "$(describe_whole "$1")"; }
own=$(readlink /proc/self/ns/pid)
# shellcheck disable=SC2046
must_notice "A13: every call of a supervised entry" warm $(calls_of "$T" -t 20s alice true)
lie unshare
unlike "A13: a private run is in a pid namespace of its own, or none" "$(describe_whole $$ | grep '^pid:'; echo "$seen")" "^unshared $own"
eval "$describe_all"

options=()
lie sysinfo
honest=$(grep -v '^mnt:' <<<"$seen")
eval "${describe_all/describe/describe_whole}"
describe() { describe_whole "$1" | sed -E '/^(mnt|ipc|net):\[/d' | sed "s/^/ /; s/^ //"; }
lie sysinfo
honest=$seen
# Built under a lie and then entered: the jail must be whole, or not be. Its namespaces are new each time.
host=$(for kind in mnt ipc net; do readlink /proc/self/ns/$kind; done)
wrong=''
hub=$(stat -L -c %i "$T_RUNDIR/hub")
retire alice
# Of the calls with a descriptor, each of the keeper's too.
# shellcheck disable=SC2046
for call in $(calls_of "$T" alice true) newfstatat:0={3..24} setns:0={3..24}; do
	retire alice
	lie "$call"
	[ -z "$seen" ] || [ "$seen" = "$honest" ] || wrong+=" $call: $(differs);"
	got=0
	bounded in_jail alice id -u >"$OUT" 2>"$ERR" || got=$?
	[ "$got $(cat "$OUT")" = "0 $A" ] || wrong+=" after $call: $got $(cat "$ERR");"
	[ "$(jail_mounts alice | awk '{ print $5, $6 }' | sort | grep -c -e '^/ ro,' -e '^/home .*nosuid,nodev' -e '^/tmp .*nosuid,nodev' -e '^/dev ro,nosuid' -e '^/proc .*nosuid')" -eq 5 ] ||
		wrong+=" after $call: $(jail_mounts alice | awk '{ print $5, $6 }' | xargs);"
	for kind in mnt ipc net; do
		case $host in *"$(in_jail alice readlink /proc/self/ns/$kind)"*) wrong+=" after $call: the host's $kind namespace;" ;; esac
	done
	[ "$(stat -L -c %i "$T_RUNDIR/hub")" = "$hub" ] || wrong+=" after $call: another hub;"
	retire bob
	bounded in_jail bob true 2>"$ERR" || wrong+=" after $call: bob $(cat "$ERR");"
	[ -z "$wrong" ] || [[ $wrong != *"after $call: bob"* ]] || forget_all
done
is "A13: every call of a build, by launcher or keeper: no half jail, and no other user's harm" "$wrong" ""
is "A13: the host's own mounts are as before" "$(awk '{ print $5 }' /proc/self/mountinfo | grep -cE '^/(proc|dev|sys)$')" 3
