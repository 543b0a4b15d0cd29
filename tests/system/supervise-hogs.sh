#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What alice takes too much of is refused to her, and bob's requests go on. How long these take is
# printed and not judged: other things are at work on this machine, too. HOG_SECONDS=10 for longer.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

LONG=${HOG_SECONDS:-2}

cleanup() {
	local pid
	for pid in $(pgrep -U "$A"); do kill -KILL "$pid" 2>/dev/null || :; done
	default_config
	rm -f "$ALICE"/{deed,filler*}
	wait_for alice_is_gone || :
	in_jail alice true
}

"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -static -o "$ALICE/deed" tests/system/deed.c
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -o "$T_WORK/starter" tests/system/starter.c
chmod 755 "$ALICE/deed"
in_jail alice true
in_jail bob true

alice_is_gone() { ! ps -o stat= -U "$A" | awk '!/^Z/ { found = 1 } END { exit !found }'; }

# bob_goes_on HOG: his requests for as long as the hogs were started for
bob_goes_on() {
	local words option
	for option in "" -p; do
		# shellcheck disable=SC2086
		words=$(as_www "$T_WORK/starter" pace $((LONG * 500)) 5000 "$T" $option bob true 2>&1) || :
		echo "# $1, bob's ${option:-direct} entries: $words"
		like "$1: bob's entries go on (${option:-direct})" "$words" '^failed 0 of [1-9]'
	done
}

hogs=()
# hog OPTION... COMMAND: in alice's jail, for $LONG seconds and a bit; what it says goes to words.N
hog() {
	(become_www "$T" "$@") >"$T_WORK/words.${#hogs[@]}" 2>&1 &
	hogs+=("$!")
}
# In $ended the hogs' statuses, sorted, once they have ended.
await_hogs() {
	local pid got list=
	for pid in "${hogs[@]}"; do
		got=0
		wait "$pid" || got=$?
		list+="$got "
	done
	hogs=()
	ended=$(xargs -n 1 <<<"$list" | sort -n | xargs)
}
recovers() {
	ok "$1: nothing of alice's is left" wait_for alice_is_gone
	ok "$1: and she may come again" in_jail -p alice true
}

bob_goes_on "nobody"

# --- a fork bomb, in a shared and in a private run ---------------------------------------------------
of_alice() { pgrep -c -U "$A" || :; }
are_many() { [ "$(of_alice)" -ge 49 ]; }
printf '[limits]\nprocesses = 50\n' | override alice
for option in "" -p; do
	title="a fork bomb (${option:-direct})"
	# shellcheck disable=SC2086
	hog $option alice ./deed bomb 3600
	ok "$title: it takes all that alice may have" wait_for are_many
	most=0 refused=0
	for _ in 1 2 3 4 5 6 7 8; do
		now=$(of_alice)
		[ "$now" -le "$most" ] || most=$now
		in_jail alice true 2>"$ERR" || refused=$((refused + 1))
	done
	bob_goes_on "$title"
	ok "$title: alice had $most processes, of 50 and one entry more" test "$most" -le 51
	echo "# $title: $refused of 8 entries of alice's were refused meanwhile"
	like "$title: in a sentence" "$(cat "$ERR"; in_jail alice true 2>&1 || :)" \
		'the user already has as many processes as the limit allows|^$'
	# With process numbers of their own the bombs go with the watcher; else one call must reach them all.
	if [ -n "$option" ]; then kill -KILL "${hogs[0]}"; else as_alice kill -KILL -1 || :; fi
	await_hogs
	recovers "$title"
done
hog -t 2s --kill-after=0.5s alice ./deed bomb 3600
await_hogs
like "a fork bomb with a time-out ends" "$ended" '^(124|137)$'
recovers "a fork bomb with a time-out"

# --- memory ----------------------------------------------------------------------------------------
printf '[limits]\nmemory = 64M\n' | override alice
end=$((SECONDS + LONG))
(while [ $SECONDS -lt $end ]; do in_jail alice ./deed data 200 || echo "status $?"; done) >"$T_WORK/memory" 2>&1 &
hogs+=("$!")
bob_goes_on "memory"
await_hogs
is "memory: alice gets what she may have, every time" \
	"$(sed 's/^got 6[0-4]$/got enough/; s/^got 5[0-9]$/got enough/' "$T_WORK/memory" | sort | uniq -c | awk '{ print $2, $3 }' | paste -sd ';')" \
	"got enough;status 1"
recovers memory

# --- a file ----------------------------------------------------------------------------------------
printf '[limits]\nfile_size = 8M\n' | override alice
for i in 1 2 3; do hog alice sh -c "exec cat /dev/zero >filler$i"; done
bob_goes_on "a disk filler"
await_hogs
is "a disk filler: SIGXFSZ" "$ended" "153 153 153"
is "a disk filler: each file has what it may have" "$(stat -c %s "$ALICE"/filler? | xargs)" "8388608 8388608 8388608"
recovers "a disk filler"

# --- descriptors -------------------------------------------------------------------------------------
default_config
in_jail alice true
for _ in $(seq 10); do hog alice ./deed hoard $((LONG * 1000)); done
bob_goes_on "descriptors"
await_hogs
is "descriptors: ten times what one may have" "$ended" "0 0 0 0 0 0 0 0 0 0"
is "descriptors: and no more" "$(cat "$T_WORK"/words.? | sort -u)" "held 1021: Too many open files"
recovers "descriptors"

# --- processor time ----------------------------------------------------------------------------------
printf '[limits]\ncpu = 1s\n' | override alice
for _ in 1 2 3 4; do hog -t 1h alice ./deed spin; done
bob_goes_on "processor time"
await_hogs
is "processor time: SIGKILL a second after SIGXCPU" "$ended" "137 137 137 137"
recovers "processor time"
