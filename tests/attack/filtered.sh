#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Row A15: a unit that filters system calls, as SystemCallFilter=, RestrictNamespaces= or RestrictSUIDSGID=
# do. For every call that an entry makes, one by one, refused with EPERM and with ENOSYS: the run is right, or
# nothing runs, the status is 125 and the sentence names the filter.
. "$(dirname "$0")/lib.sh"

cleanup() {
	rm -f "${CLEANUPS[@]}"
	forget_all
	in_jail alice true
	in_jail bob true
}
in_jail alice true

# Calls without which the launcher has no sentence: write itself, and giving up root's ids, which comes
# before any sentence; and calls without which the C library ends before main().
silent=' write setresuid setresgid getresuid getresgid '
before_main=' arch_prctl poll '

# The calls of an entry, from strace itself, without those that end a process or start the program.
calls_of() { # COMMAND...
	strace -f -qq -o "$T_WORK/trace" "$@" >/dev/null 2>&1 </dev/null || :
	sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' "$T_WORK/trace" | sort -u |
		grep -vxE 'execve|exit|exit_group|rt_sigreturn|restart_syscall'
}

nobody_is_left() { ! pgrep -f "^$T " >/dev/null && [ -z "$(jail_processes)" ]; }

# sweep TITLE STATE CALL...: a run of `$T "${run[@]}"`, which ends with $right, where STATE says what is there
sweep() {
	local title=$1 state=$2 error call got ran=0 refused=0 wrong=''
	shift 2
	[ "$state" = first ] || [ $# -gt 20 ] || wrong=" the calls are not known;"
	for error in 1 38; do # EPERM, ENOSYS
		for call in "$@"; do
			case $state in cold) retire alice ;; first) forget_all ;; esac
			got=0
			rm -f "$OUT" "$ERR" # not emptied: of a run that one process refuses, others may still write
			bounded "$T_TOOLS/liar" -$error "$call" -- "$T" "${run[@]}" >"$OUT" 2>"$ERR" </dev/null || got=$?
			[ $got -ne 125 ] || [ -s "$ERR" ] || wait_for nobody_is_left
			if [ $got -eq $right ] && [ ! -s "$ERR" ]; then
				ran=$((ran + 1))
			elif [ $got -eq 125 ] && [ ! -s "$OUT" ] && [ -s "$ERR" ] &&
				! grep -qvE "^trampoline: cannot .*the caller's unit filters" "$ERR"; then # of watcher and child, each may say so
				refused=$((refused + 1))
			elif [ $got -eq 125 ] && [ ! -s "$OUT$ERR" ] && [[ $silent = *" $call "* ]]; then
				refused=$((refused + 1))
			elif [ $got -gt 128 ] && [ ! -s "$OUT" ] && [[ $before_main = *" $call "* ]]; then
				refused=$((refused + 1))
			else
				wrong+=" $call $error: $got $(head -c 300 "$OUT" "$ERR");"
			fi
		done
	done
	is "A15: $title ($ran ran, $refused refused)" "$wrong" ""
}

run=(alice /usr/true) right=0
# shellcheck disable=SC2046
sweep "a live jail" warm $(calls_of "$T" "${run[@]}")
retire alice
cold=$(calls_of "$T" "${run[@]}")
# shellcheck disable=SC2086
sweep "a jail that has to be built" cold $cold
forget_all
# shellcheck disable=SC2046
sweep "what only the first jail since boot does" first $(calls_of "$T" "${run[@]}" | grep -vxF "$cold")
# Its end is the watcher's and process 1's work: a clock that is refused must not be a run without end.
in_jail alice true
run=(-t 0.2s alice sleep 600d) right=124
# shellcheck disable=SC2046
sweep "a supervised run that has to be ended" warm $(calls_of "$T" -t 20s alice /usr/true)
ok "A15: and nobody of it is left" wait_for nobody_is_left
retire alice
ok "A15: RestrictSUIDSGID= makes openat2 ENOSYS: a jail is built and entered" \
	"$T_TOOLS/liar" -38 openat2 -- "$T" alice /usr/true
