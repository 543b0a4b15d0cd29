#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs spin over jail.pml: all orders of the steps of two requests and an administrator's command, with
# and without a kill; then with one rule of the protocol taken away, where spin has to find a fault.
# make check-model; minutes. Says how many states there are.
set -eu

model=$(realpath "$(dirname "$0")")/jail.pml
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0

for tool in spin gcc; do
	command -v "$tool" >/dev/null || {
		echo "check-model: cannot run without $tool; on Debian: apt-get install spin gcc" >&2
		exit 1
	}
done

# explore TITLE DEFINITION...: sets states, and result: none, an assertion's text, or why it did not end
explore() {
	title=$1
	shift
	(cd "$work" && spin -a "$@" "$model" >spin.log 2>&1 &&
		gcc -O2 -w -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m100000 -w26) >"$work/log" 2>&1 || :
	states=$(awk '/states, stored/ { print $1 }' "$work/log")
	result=$(sed -n 's/^pan:[0-9]*: \(.*\) (at depth.*/\1/p' "$work/log")
	grep -q 'errors: [0-9]' "$work/log" || result="spin did not end: $(tail -n 1 "$work/log" "$work/spin.log" | tr '\n' ' ')"
	! grep -q 'search not completed\|max search depth too small' "$work/log" || [ -n "$result" ] ||
		result="the search was cut off"
	result=${result:-none}
}

holds() {
	explore "$@"
	if [ "$result" = none ] && [ "${states:-0}" != 0 ]; then
		passed=$((passed + 1))
		printf 'ok - %s: no fault in %s states\n' "$title" "$states"
	else
		failed=$((failed + 1))
		printf 'not ok - %s: %s\n' "$title" "$result"
	fi
}

fails() {
	explore "$@"
	case $result in
	'assertion violated'*)
		passed=$((passed + 1))
		printf 'ok - %s: found after %s states\n' "$title" "$states"
		;;
	*)
		failed=$((failed + 1))
		printf 'not ok - %s: spin found no fault (%s)\n' "$title" "$result"
		;;
	esac
}

holds "two requests, two kills" -DKILLS=2
for kills in 0 1; do
	holds "and a cleanup, $kills kills" -DCLEANERS=1 -DKILLS=$kills
	holds "and a discard, $kills kills" -DDISCARDERS=1 -DKILLS=$kills
	holds "and a discard --kill, $kills kills" -DDISCARDERS=1 -DKILL -DKILLS=$kills
	holds "and a remove, $kills kills" -DREMOVERS=1 -DKILLS=$kills
	holds "and a switch of the image and a prune, $kills kills" -DPRUNERS=1 -DKILLS=$kills
done
holds "and a cleanup beside a remove" -DCLEANERS=1 -DREMOVERS=1 -DKILLS=0
holds "and a cleanup beside a discard --kill" -DCLEANERS=1 -DDISCARDERS=1 -DKILL -DKILLS=0

for rule in NO_LOCK NO_FLOCK RECORD_FIRST PINS_FIRST; do
	fails "$rule" "-D$rule" -DREMOVERS=1 -DKILLS=0
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
