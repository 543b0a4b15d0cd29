#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How a supervised run begins and ends: nothing runs before its watcher stands; signals reach the command's
# process group; after a time-out all of the run has the grace; what is used is counted whole.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

LINES=$T_WORK/lines
MARK=$DATA/alice/tmp/mark

cleanup() {
	default_config
	rm -f "$MARK"* "$ALICE"/{deed,polite,notexec}
	in_jail alice true
}

command -v jq >/dev/null || {
	skip "the status lines" "there is no jq to read them with"
	exit 0
}
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -static -o "$ALICE/deed" tests/system/deed.c
chmod 755 "$ALICE/deed"
in_jail alice true

# closed_stderr ARGUMENT...: the status of a run whose standard error is a pipe that nobody reads
# shellcheck disable=SC2016 # the inner shell's
closed_stderr() {
	bash -c 'exec 2> >(exec true); wait $!; "$@" 3>/dev/null; echo $?' -- setpriv --reuid=33 --regid=33 --clear-groups -- \
		"$T" "$@"
}

# --- 125 means that nothing has run ------------------------------------------------------------------

# ran_or_refused TITLE OPTION... : status 0 and the command has run, or 125 and it has not
ran_or_refused() {
	local title=$1 got=0
	shift
	"$@" alice mkdir /tmp/mark 2>"$ERR" 3>/dev/null || got=$?
	is "$title: 0 means that it has run, 125 that it has not" "$got $([ -e "$MARK" ] && echo ran || echo not)" \
		"$([ "$got" = 0 ] && echo "0 ran" || echo "125 not")"
	! [ -e "$MARK" ] || rmdir "$MARK"
}
for fds in 0 1 3 4 5 8; do
	for option in -p --status-fd=3 "-p --status-fd=3" "-t 1h" "-p --keep-fd=3"; do
		# shellcheck disable=SC2086 # options are words
		ran_or_refused "open_files=$fds ($option)" in_jail $option -l open_files=$fds
	done
done
for capability in kill setpcap sys_chroot; do
	for option in "" -p --status-fd=3 "-t 1h" "-d -p"; do
		# shellcheck disable=SC2086
		ran_or_refused "a caller without cap_$capability in its bounding set (${option:-direct})" setpriv \
			--reuid=33 --regid=33 --clear-groups "--bounding-set=-$capability" -- "$T" $option
	done
done
refused 125 CAP_KILL "what is missing is named" setpriv --reuid=33 --regid=33 --clear-groups --bounding-set=-kill -- \
	"$T" -p alice true

# --- a sentence that cannot be written changes no status ---------------------------------------------

: >"$ALICE/notexec"
truncate -s 1M "$T_WORK/long"
for option in "" -p --status-fd=3 "-t 1h"; do
	for row in "127 nosuch" "126 ./notexec" "125 -C /nosuch"; do
		read -r wanted command <<<"$row"
		[ "$wanted" != 125 ] || command="true"
		# shellcheck disable=SC2046,SC2086
		set -- $option -l file_size=4K $([ "$wanted" != 125 ] || echo "-C /nosuch") alice $command
		got=0
		in_jail "$@" 2>>"$T_WORK/long" 3>/dev/null || got=$?
		is "$wanted stays so where stderr is a file above the limit (${option:-direct})" "$got" "$wanted"
		is "and where nobody reads it any more (${option:-direct})" "$(closed_stderr "$@")" "$wanted"
		got=0
		in_jail "$@" 2>/dev/full 3>/dev/null || got=$?
		is "and where there is no room for it (${option:-direct})" "$got" "$wanted"
	done
done

# --- signals and grace ---------------------------------------------------------------------------------

cat >"$ALICE/polite" <<'END'
#!/bin/sh
trap 'echo polite; exit 0' TERM INT USR1
echo ready
i=0
while [ $i -lt 36000 ]; do sleep 0.1; i=$((i + 1)); done
END
chmod 755 "$ALICE/polite"
for option in -p --status-fd=3; do
	for signal in INT TERM USR1; do
		: >"$OUT" # the "ready" of the run before
		(become_www "$T" $option alice sh -c 'trap : INT TERM USR1; ./polite; echo after') >"$OUT" 2>/dev/null 3>/dev/null &
		run=$!
		wait_for grep -q ready "$OUT" || :
		kill "-$signal" $run
		wait $run || :
		is "SIG$signal reaches the command's child, too ($option)" "$(paste -sd " " "$OUT")" "ready polite after"
	done
done
# When the command has ended, but not all of the run, the rest has the grace. It is an hour, or too short to matter.
printf '[limits]\nkill_after = 1h\n' | override alice
# shellcheck disable=SC2016
status 124 "a child that takes its time after the time-out has it" in_jail -t 1s alice sh -c \
	'(trap "" TERM; echo up >/tmp/mark1; sleep 3; echo done >/tmp/mark2) & sleep 1h'
is "so it came to its end" "$(cat "$MARK"2)" "done"
status 124 "a command that is stopped takes SIGTERM, too" in_jail -t 0.5s alice sh -c 'kill -STOP $$; sleep 1h'
printf '[limits]\ntimeout = 0.5s\nkill_after = 0.5s\n' | override alice
# timeout(1) ends with 124 or 137 itself if it has to end the run.
status 137 "a caller cannot lengthen the grace" timeout -s QUIT "$DEADLINE" setpriv --reuid=33 --regid=33 --clear-groups \
	"$T" --kill-after=100d alice sh -c 'trap "" TERM; while :; do sleep 0.1; done'
default_config

# --- why it ended ----------------------------------------------------------------------------------------

# ending LINE TITLE OPTION... COMMAND...: code, signal, reason and limit of the exit line
ending() {
	local wanted=$1 title=$2
	shift 2
	in_jail --status-fd=3 "$@" >/dev/null 2>&1 3>"$LINES" || :
	is "$title" "$(jq -s -r '.[1] | "\(.code) \(.signal) \(.reason) \(.limit)"' "$LINES")" "$wanted"
}
for option in "" -p; do
	# shellcheck disable=SC2016,SC2086
	{
		ending "3 null exited null" "an exit (${option:-shared})" $option alice sh -c 'exit 3'
		ending "143 15 signal null" "a signal (${option:-shared})" $option alice sh -c 'kill $$'
		ending "137 9 signal null" "SIGKILL (${option:-shared})" $option alice sh -c 'kill -9 $$'
		ending "152 24 limit cpu" "SIGXCPU (${option:-shared})" $option -l cpu=1s alice sh -c 'while :; do :; done'
		ending "137 9 limit cpu" "SIGKILL after SIGXCPU (${option:-shared})" $option -l cpu=1s alice ./deed spin
		ending "153 25 limit file_size" "SIGXFSZ (${option:-shared})" $option -l file_size=4K alice \
			sh -c 'exec cat /dev/zero >/tmp/mark0'
	}
done
ending "124 15 timeout null" "a time-out" -t 0.5s alice sleep 1h

# --- usage -----------------------------------------------------------------------------------------------

# Each child burns, notes its ticks, and goes on; then the command ends, and they are killed.
cat >"$ALICE/burn" <<'END'
#!/bin/sh
x=0
while [ $x -lt 200000 ]; do x=$((x + 1)); done
read -r stat </proc/$$/stat
set -- ${stat#*) }
echo $((${12} + ${13})) >"/tmp/mark$1.new"
mv "/tmp/mark$1.new" "$MARK"
while :; do :; done
END
chmod 755 "$ALICE/burn"
rm -f "$MARK"*
# shellcheck disable=SC2016
in_jail -p --status-fd=3 alice sh -c '
	MARK=/tmp/mark1 ./burn & MARK=/tmp/mark2 ./burn &
	while ! [ -s /tmp/mark1 ] || ! [ -s /tmp/mark2 ]; do sleep 0.1; done' 3>"$LINES"
ticks=$(($(cat "$MARK"1) + $(cat "$MARK"2)))
# shellcheck disable=SC2016
ok "two children that the end of the command kills have used what they have used ($ticks ticks)" \
	jq -e -s --argjson least "$ticks" --argjson second "$(getconf CLK_TCK)" '.[1].cpu_s * $second >= $least * 0.9' "$LINES"
rm -f "$ALICE/burn"

# --- late ------------------------------------------------------------------------------------------------

# The command ends in time; the watcher, which is stopped, comes to see it after the deadline.
seconds=$((5 * T_SLOW))
(become_www "$T" -t ${seconds}s alice sh -c 'touch /tmp/up; until [ -e /tmp/mark ]; do sleep 0.1; done; exit 3') &
run=$!
wait_for test -e "$DATA/alice/tmp/up"
kill -STOP "$run"
touch "$DATA/alice/tmp/mark"
wait_for children_have_ended "$run"
sleep $((seconds + 1))
kill -CONT "$run"
got=0
wait "$run" || got=$?
is "a command that has ended in time has no time-out, however late that is seen" "$got" 3
rm "$DATA/alice/tmp/up" "$DATA/alice/tmp/mark"
