#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How a run ends is told three ways: exit status, sentence, status line. Every way, from a table.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

BYTES=${BYTES:-67108864}
EVERY=${EVERY:-1} # one in so many codes and signals
MODES=(direct status private timeout)
declare -A options=([direct]="" [status]="--status-fd=3" [private]="-p --status-fd=3" [timeout]="-t 1h --status-fd=3")

cleanup() {
	default_config
	rm -f "$ALICE"/{deed,script,notexec}
	rm -rf --one-file-system "$ALICE/closed"
	in_jail alice true
}

command -v jq >/dev/null || {
	skip "the status lines" "there is no jq to read them with"
	exit 0
}
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -o "$T_WORK/starter" tests/system/starter.c
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -static -o "$ALICE/deed" tests/system/deed.c
chmod 755 "$ALICE/deed"
in_jail alice true
lines=$T_WORK/lines

# run MODE ARGUMENT...: its status in $got, its status lines in a file of their own
run() {
	local mode=$1
	shift
	got=0
	# shellcheck disable=SC2086 # options are words
	in_jail ${options[$mode]} "$@" >"$OUT" 2>"$ERR" 3>"$lines" </dev/null || got=$?
}

# What the lines say, one word each; nothing for a direct run, which has none.
told() {
	jq -r 'if .event == "start" then "start"
		elif .event == "exit" then "exit \(.code) \(.signal) \(.reason)"
		else "\(.event) \(.code)" end' "$lines" 2>&1 | paste -sd ';'
}

# ended MODE STATUS LINE: whether the last run ended so
ended() {
	local wanted=$3
	[ "$1" != direct ] || wanted=
	[ "$got" = "$2" ] && [ "$(told)" = "$wanted" ] || wrong+="$got, not $2: $(told), not $wanted; "
}

# --- codes and signals ----------------------------------------------------------------------------

# The watcher has the code from wait(2), or from process 1. A direct run has no watcher, and a time-out
# only makes a run private: for these some codes are enough.
for mode in "${MODES[@]}"; do
	step=$EVERY
	case $mode in direct | timeout) [ "$step" -ge 15 ] || step=15 ;; esac
	wrong='' codes='' wanted=''
	rm -f "$T_WORK/all"
	for code in $(seq 0 "$step" 255); do
		run "$mode" alice sh -c "exit $code"
		codes+=" $got"
		wanted+=" $code"
		cat "$lines" >>"$T_WORK/all"
	done
	is "codes 0 to 255 ($mode)" "$codes" "$wanted"
	[ "$mode" != direct ] || wanted=
	is "and the lines tell them ($mode)" "$(jq -s -r '.[] | select(.event == "exit" and .signal == null and
		.reason == "exited") | .code' "$T_WORK/all" | paste -sd ' ')" "${wanted# }"
	for signal in $(seq 1 "$EVERY" 31); do
		run "$mode" alice ./deed die "$signal"
		case $(kill -l "$signal") in
		CHLD | CONT | URG | WINCH | STOP | TSTP | TTIN | TTOU) ended "$mode" 3 "start;exit 3 null exited" ;;
		# A signal has no sender by then, so this looks like the kernel's.
		XFSZ) ended "$mode" $((128 + signal)) "start;exit $((128 + signal)) $signal limit" ;;
		*) ended "$mode" $((128 + signal)) "start;exit $((128 + signal)) $signal signal" ;;
		esac
	done
	is "signals 1 to 31 ($mode)" "$wrong" ""
done
like "a direct run is the command, so its parent sees the signal itself" \
	"$(as_www "$T_WORK/starter" ending 0 0 "$T" alice ./deed die 15)" "^status 0xf\$"
like "a supervised one ends with a code" \
	"$(as_www "$T_WORK/starter" ending 0 0 "$T" -p alice ./deed die 15)" "^status 0x8f00\$"

# --- what is not executed ---------------------------------------------------------------------------

printf '#!/nosuch/interpreter\n' >"$ALICE/script"
: >"$ALICE/notexec"
mkdir -m 700 "$ALICE/closed"
chmod 755 "$ALICE/script"
chmod 644 "$ALICE/notexec"
long=$(printf '\001%.0s' $(seq 200))
table=(
	"127 nosuch|alice nosuch"
	"127 /home/alice/nosuch|alice /home/alice/nosuch"
	"127 notexec/x|alice ./notexec/x"
	"127 ...|alice $long"
	"126 /etc|alice /etc"
	"126 notexec|alice ./notexec"
	"126 script|alice ./script"
	"126 closed|alice ./closed"
	"125 /nosuch|-C /nosuch alice true"
	"125 closed|-C /home/alice/closed alice true"
	"125 ...|-C /$long alice true"
	"125 limit|-l cpu=1h alice true"
	"125 descriptor|--keep-fd=9 alice true"
	"125 nobody|nobody true"
	"125 nosuch|--nosuch alice true"
	"125 NAME=VALUE|-l nosuch=1 alice true"
	"125 timeout|--timeout=soon alice true"
)
chown 0:0 "$ALICE/closed"
for mode in "${MODES[@]}"; do
	for row in "${table[@]}"; do
		read -r code object <<<"${row%%|*}"
		# shellcheck disable=SC2086 # words
		run "$mode" ${row#*|}
		wrong=
		ended "$mode" "$code" "refused $code"
		[ ! -s "$OUT" ] || wrong+="something on stdout; "
		[ "$(wc -l <"$ERR")" -eq 1 ] || wrong+="not one line on stderr; "
		grep -qF -e "$object" "$ERR" || wrong+="no $object in it; "
		[ "$mode" = direct ] || [ "trampoline: $(jq -r .reason "$lines")" = "$(cat "$ERR")" ] ||
			wrong+="another reason on the status line; "
		is "$code: ${row%%|*}, $(cut -c 1-30 <<<"${row#*|}" | tr -d '\001') ($mode)" \
			"$wrong${wrong:+$(cat "$ERR" "$lines")}" ""
	done
done

# --- the clock --------------------------------------------------------------------------------------

# A command may not have set its trap when a short time-out comes: then it gets a longer one.
# shellcheck disable=SC2016
for row in "124|1m|start;exit 124 15 timeout|sleep 1h" \
	"124|1m|start;exit 124 null timeout|sh -c 'trap \"exit 0\" TERM; while :; do sleep 0.05; done'" \
	"137|0.4s|start;exit 137 9 timeout|sh -c 'trap \"\" TERM; while :; do sleep 1; done'"; do
	IFS='|' read -r code grace told_wanted command <<<"$row"
	eval "set -- $command"
	for seconds in 0.4 4 40; do
		wrong='' got=0
		in_jail -t ${seconds}s --kill-after="$grace" --status-fd=3 alice "$@" >"$OUT" 2>"$ERR" 3>"$lines" || got=$?
		ended timeout "$code" "$told_wanted"
		[ -n "$wrong" ] || break
	done
	is "a time-out: $command" "$wrong" ""
done
# shellcheck disable=SC2016
for row in "9|start;exit 9 null exited|exit 9" "143|start;exit 143 15 signal|kill -TERM \$\$"; do
	IFS='|' read -r code told_wanted command <<<"$row"
	wrong=
	run timeout alice sh -c "$command"
	ended timeout "$code" "$told_wanted"
	is "a command that ends before its time-out: $command" "$wrong" ""
done

# --- the numbers ------------------------------------------------------------------------------------

for mode in status private; do
	# shellcheck disable=SC2016
	run $mode alice sh -c 'x=0; while [ $x -lt 300000 ]; do x=$((x + 1)); done; sleep 1'
	# shellcheck disable=SC2016
	ok "wall clock, processor time and memory are plausible ($mode)" jq -e -s --argjson most "$DEADLINE" '.[1] |
		.wall_s >= 1 and .wall_s < $most and .cpu_s > 0 and .cpu_s < $most and .max_rss_kb > 100 and .max_rss_kb < 100000' \
		"$lines"
	rm "$lines" # or the old one is read
	# shellcheck disable=SC2086 # words
	in_jail ${options[$mode]} alice sleep 1h 3>"$lines" &
	run=$!
	wait_for test -s "$lines" || :
	pid=$(jq .pid "$lines")
	is "pid is the process that the host knows ($mode)" "$(ps -o uid= "$pid" | tr -d ' ')" "$A"
	kill "$(ps -o ppid= "$pid" | tr -d ' ')"
	wait $run || :
done
# shellcheck disable=SC2016
run private alice sh -c 'sh -c "x=0; while [ \$x -lt 300000 ]; do x=\$((x + 1)); done"'
ok "the processor time of the command's children is in it" jq -e -s '.[1].cpu_s > 0.01' "$lines"
# On a busy machine the command hardly runs before a short time-out; then it gets a longer one.
for seconds in 0.3 3 30; do
	# shellcheck disable=SC2016
	in_jail -t ${seconds}s --kill-after=0.2s --status-fd=3 alice sh -c 'trap "" TERM; while :; do :; done' 3>"$lines" || :
	! jq -e -s '.[1].code == 137 and .[1].cpu_s > 0.1' "$lines" >"$OUT" || break
done
ok "what a command that had to be killed has used is known" \
	jq -e -s '.[1].code == 137 and .[1].cpu_s > 0.1 and .[1].max_rss_kb > 100' "$lines"
# Process 1 is the user's, and another run of his may stop it: then only the kernel is left.
stopped=
for seconds in 1 10 60; do
	rm "$lines"
	in_jail -t ${seconds}s --kill-after=0.2s --status-fd=3 alice sleep 1h 3>"$lines" &
	run=$!
	wait_for test -s "$lines" || :
	! kill -STOP "$(jq -s '.[0].pid' "$lines")" 2>"$ERR" || stopped=yes
	got=0
	wait $run || got=$?
	[ -z "$stopped" ] || break
done
is "a run whose process 1 is stopped is killed all the same" "$stopped $got" "yes 137"
status 137 "a watcher that can learn nothing of its child does not wait for ever" \
	timeout "$DEADLINE" strace -f -qq -o /dev/null -e trace=wait4 -e inject=wait4:error=EIO:when=2 \
	"$T" --status-fd=3 alice true 3>/dev/null
refused 125 "cannot supervise the run" "one that learns so before the command runs: it does not run" \
	timeout "$DEADLINE" strace -f -qq -o /dev/null -e trace=wait4 -e inject=wait4:error=EIO:when=1 \
	"$T" --status-fd=3 alice true 3>/dev/null
status 5 "a reader that has gone is no trouble" bash -c 'exec 3> >(true); wait $!; exec "$@"' -- setpriv --reuid=33 --regid=33 \
	--clear-groups "$T" -p --status-fd=3 alice sh -c 'exit 5'
refused 125 processes "a private run that the number of processes does not allow" \
	in_jail -p -l processes=1 alice true
refused 125 '"9"' "a status descriptor that is not open" in_jail --status-fd=9 alice true

# --- the command's output ----------------------------------------------------------------------------

head -c 8388608 /dev/urandom >"$T_WORK/block"
stream() {
	local i
	for i in $(seq $((BYTES / 8388608))); do
		printf '%08d' "$i"
		tail -c +9 "$T_WORK/block"
	done
}
wanted=$(stream | tee >(wc -c >"$T_WORK/size") | sha256sum)
is "$BYTES bytes go in" "$(cat "$T_WORK/size")" "$BYTES"
is "and come out through a private run, byte for byte" "$(stream | in_jail -p -v alice cat 2>/dev/null | sha256sum)" \
	"$wanted"
for option in -p --status-fd=3 "-t 1m" "-p -v" "-d -p -v"; do
	# shellcheck disable=SC2086
	is "nothing else is on stdout ($option)" "$(in_jail $option alice true 2>/dev/null 3>/dev/null | wc -c)" 0
done
