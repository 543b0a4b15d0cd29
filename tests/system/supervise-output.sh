#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A regular file of the caller's is not in the command's hands: pipes are, and what is written there is moved. So a
# limit on output can be counted, and a reader who stops reading stops nothing else.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

BYTES=${BYTES:-268435456} # 1073741824 for the whole gigabyte
LOG=$T_WORK/log

cleanup() {
	default_config
	rm -f "$T_WORK/fifo"
	in_jail alice true
}

in_jail alice true

# --- the caller's file -------------------------------------------------------------------------------

for option in "" -p --status-fd=3 "-t 1h"; do
	title=${option:-direct}
	echo before >"$LOG"
	# shellcheck disable=SC2086
	in_jail $option alice sh -c 'echo out; echo err >&2; echo x >/dev/stderr; : >/dev/stdout' >>"$LOG" 2>&1 3>/dev/null
	is "$title: what was in a log stays, and what is written follows it, in order" "$(paste -sd ' ' "$LOG")" \
		"before out err x"
	# shellcheck disable=SC2016,SC2086
	like "$title: the command has a pipe in its place" "$(in_jail $option alice sh -c \
		'ls -l /proc/self/fd/2 2>&1' 2>>"$LOG" 3>/dev/null)" 'pipe:'
	# shellcheck disable=SC2016,SC2086
	not_ok "$title: which it cannot read" in_jail $option alice sh -c 'cat </dev/stderr' 2>>"$LOG" 3>/dev/null
	echo 123456 >"$LOG"
	# shellcheck disable=SC2016,SC2086
	is "$title: input that could be written is read on from where it was" "$(
		exec 4<>"$LOG"
		read -r -n 2 _ <&4
		in_jail $option alice cat <&4 3>/dev/null
	)" 3456
	# shellcheck disable=SC2086
	not_ok "$title: and cannot be written" in_jail $option alice sh -c 'echo x >&0' <>"$LOG" 3>/dev/null
	# shellcheck disable=SC2086
	not_ok "$title: nor by its name" in_jail $option alice sh -c 'echo x >/dev/stdin' <>"$LOG" 3>/dev/null
	is "$title: it is as it was" "$(cat "$LOG")" 123456
	# shellcheck disable=SC2086
	is "$title: input that is for writing alone is nothing to be read" \
		"$(in_jail $option alice cat 0>>"$LOG" 3>/dev/null)" ""
	truncate -s 1M "$LOG"
	got=0
	# shellcheck disable=SC2086
	in_jail $option -l file_size=4K alice sh -c 'head -c 100000 /dev/zero; exit 3' >>"$LOG" 3>/dev/null || got=$?
	is "$title: a log above file_size ends no run, and grows by all that is written" "$got $(stat -c %s "$LOG")" "3 $((1048576 + 100000))"
done
: >"$LOG"
in_jail alice sh -c '(while [ ! -e /tmp/mark ]; do sleep 0.1; done; echo late; rm /tmp/mark) & echo early' >>"$LOG"
is "a child that outlives a run that is not private: the run ends" "$(cat "$LOG")" early
touch "$DATA/alice/tmp/mark"
ok "and the child's output comes" wait_for grep -q late "$LOG"

# Both write by one open file, so by one offset, until the run has ended.
own=0
{
	# shellcheck disable=SC2016
	in_jail alice sh -c 'i=0; while [ $i -lt 20000 ]; do echo run; i=$((i + 1)); done' &
	while kill -0 $! 2>/dev/null; do
		echo own
		own=$((own + 1))
	done
} >"$LOG"
is "what others write to the file meanwhile is not overwritten" "$(sort "$LOG" | uniq -c | paste -sd ' ' | tr -s ' ')" \
	" $own own 20000 run"

# --- every byte -----------------------------------------------------------------------------------------

head -c "$BYTES" /dev/urandom >"$T_WORK/bytes"
in_jail alice cat <"$T_WORK/bytes" >"$T_WORK/copy"
ok "$BYTES bytes come to a file as they were written" cmp "$T_WORK/bytes" "$T_WORK/copy"
: >"$T_WORK/copy"
in_jail alice cat <"$T_WORK/bytes" >>"$T_WORK/copy"
ok "and to one that is appended to" cmp "$T_WORK/bytes" "$T_WORK/copy"
rm "$T_WORK/bytes" "$T_WORK/copy"

# --- a limit --------------------------------------------------------------------------------------------

status 0 "output up to the limit" in_jail -l output=10 alice echo 123456789
is "all of it comes" "$(in_jail -l output=10 alice echo 123456789)" 123456789
# shellcheck disable=SC2016
is "a pipe that the caller has made non-blocking loses nothing while it is full" "$(as_www perl -MFcntl -e \
	'fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK) or die; exec @ARGV' "$T" -l output=1M alice head -c 1000000 /dev/zero |
	{ sleep 1; wc -c; })" 1000000
status 124 "one byte more ends the run as a time-out does" in_jail -l output=9 alice sh -c 'echo 123456789; sleep 1h'
is "what is within the limit comes" "$(in_jail -l output=9 alice sh -c 'echo 123456789; sleep 1h' || :)" 123456789
is "error counts, too" "$(in_jail -l output=6 alice sh -c 'echo 123; echo 456 >&2; sleep 1h' 2>&1 || :)" $'123\n45'
# The sentence of a run that is refused is longer than the limit; it is no output.
for row in "127 alice nosuch" "126 alice /etc" "125 -C /nosuch alice true"; do
	for option in "" -p --status-fd=3; do
		# shellcheck disable=SC2086
		status "${row%% *}" "a limit on output leaves ${row#* } its status (${option:-direct})" \
			in_jail $option -l output=5 ${row#* } 3>/dev/null
	done
done
# The watcher learns at once that the limit is exceeded and that the command, left without a reader, has ended.
# shellcheck disable=SC2016
(become_www "$T" -l output=9 alice sh -c 'touch /tmp/up; until [ -e /tmp/mark ]; do sleep 0.1; done; while echo 123456789; do :; done') \
	>"$T_WORK/copy" &
run=$!
wait_for test -e "$DATA/alice/tmp/up"
kill -STOP "$run"
touch "$DATA/alice/tmp/mark"
wait_for children_have_ended "$run"
kill -CONT "$run"
got=0
wait "$run" || got=$?
is "who ends for want of a reader at the limit was ended by the limit" "$got $(cat "$T_WORK/copy")" "124 123456789"
rm "$DATA/alice/tmp/up" "$DATA/alice/tmp/mark"
in_jail -l output=1K --status-fd=3 alice yes >/dev/null 3>"$T_WORK/lines" || :
like "the exit line says so" "$(cat "$T_WORK/lines")" '"reason": "limit", "limit": "output"'
printf '[limits]\noutput = 5\n' | override alice
status 124 "output = in the policy" in_jail alice sh -c 'echo 123456789; sleep 1h'
refused 125 output=1K "which a caller cannot raise" in_jail -l output=1K alice true
default_config
in_jail alice true
mkfifo "$T_WORK/fifo"
sleep 1h 4<>"$T_WORK/fifo" &
reader=$!
got=0
in_jail -t 1s -l output=10M alice yes >"$T_WORK/fifo" || got=$?
kill $reader
is "a reader who does not read stops no deadline" "$got" 124
got=0
# shellcheck disable=SC2094
timeout "$DEADLINE" setpriv --reuid=33 --regid=33 --clear-groups "$T" -l output=10M alice sh -c 'yes & sleep 0.5; exit 5' \
	4<>"$T_WORK/fifo" >"$T_WORK/fifo" || got=$?
is "nor the end of a run" "$got" 5

# What is too much may be still on its way when the command has ended: a reader who comes late does not hide it.
printf '[limits]\nkill_after = 1h\n' | override alice
in_jail alice true
is "more than the limit is told of, also after the command's end" "$({ got=0 && in_jail -l output=100000 alice head -c 120000 /dev/zero || got=$?
	echo "$got" >"$T_WORK/got"; } | { sleep 1 && wc -c; }) $(cat "$T_WORK/got")" "100000 124"
default_config
in_jail alice true
# shellcheck disable=SC2016
is "nor does a pipe that is non-blocking and has two writers lose anything" "$(perl -MFcntl -e \
	'fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK) or die; exec @ARGV' sh -c '
	for i in 1 2; do setpriv --reuid=33 --regid=33 --clear-groups "$0" -l output=2M alice head -c 1000000 /dev/zero & done; wait' "$T" |
	{ sleep 1 && wc -c; })" 2000000
# Standard output is full, and nobody reads it; errors come all the same.
sleep 1h 4<>"$T_WORK/fifo" &
reader=$!
wait_for test -e "/proc/$reader/fd/4"
(become_www "$T" -l output=10M alice sh -c 'head -c 1000000 /dev/zero & sleep 1; echo ready >&2; wait') \
	>"$T_WORK/fifo" 2>"$T_WORK/errors" &
run=$!
ok "a reader who does not read output keeps back no errors" wait_for grep -q ready "$T_WORK/errors"
kill $reader
wait "$run" || :
