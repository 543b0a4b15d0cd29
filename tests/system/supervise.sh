#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs that are watched: nothing outlives them, whoever ends them, and nobody gains by the watcher.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SUPERVISOR=$T_PREFIX/libexec/trampoline/supervisor
TREE=500
ROUNDS=${ROUNDS:-40}
started=()

cleanup() {
	local pid
	for pid in "${started[@]}"; do kill -KILL "$pid" 2>/dev/null || :; done
	default_config
	rm -f "$ALICE"/{deed,mark,notexec} "$DATA/alice/tmp/mark"
	in_jail alice true
}

"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -static -o "$ALICE/deed" tests/system/deed.c
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -o "$T_WORK/starter" tests/system/starter.c
chmod 755 "$ALICE/deed"
printf '[limits]\nprocesses = 1200\n' | override alice
in_jail alice true

# In the background, as www-data; $run is the process that a web application would know.
launch() {
	(become_www "$T" "$@") 3>>"$T_WORK/status" &
	run=$!
	started+=("$run")
}

# Processes of her uid. One that has ended and waits for the host's process 1 to notice is none.
of_alice() {
	{ ps -o pid=,stat=,ppid= -U "$A" || :; } | awk '$2 !~ /^Z/ || $3 != 1 { print $1 }' | sort
}

# Watchers and process 1s of this installation, and launchers that have not got so far.
of_ours() {
	{ find /proc/[0-9]*/exe -maxdepth 0 \( -lname "$SUPERVISOR" -o -lname "$T" \) || :; } 2>/dev/null |
		cut -d / -f 3 | sort
}

nothing_left() { [ -z "$(of_alice)$(of_ours)" ]; }

is_role() { tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -q "^trampoline $2 "; }
child_of() { ps -o pid= --ppid "$1" | tr -d ' '; }

# The watcher $run and the process 1 $init of a private run that is under way.
settled() {
	init=$(child_of "$run") && is_role "$run" watch && is_role "$init" init && [ -n "$(child_of "$init")" ]
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# ends STATUS MS DESCRIPTION COMMAND...: with this status, within this time.
ends() {
	local wanted=$1 most=$2 description=$3 got=0 start
	shift 3
	start=$(milliseconds)
	"$@" >"$OUT" 2>"$ERR" || got=$?
	start=$(($(milliseconds) - start))
	if [ "$got" -eq "$wanted" ] && [ "$start" -le "$most" ]; then
		pass "$description"
	else
		fail "$description" "status $got, not $wanted, after $start ms, at most $most: $*" "$(cat "$ERR")"
	fi
}

# --- the clock -----------------------------------------------------------------------------------

launch alice sleep 300
shared=$run
launch -p alice sleep 300
private=$run
ok "two other runs of alice's are under way" wait_for settled
before=$(of_alice)
ends 137 5000 "$TREE children without a parent or session that ignore SIGTERM are gone a second after the grace" \
	in_jail -t 3s --kill-after=1s alice ./deed tree $TREE
is "all of them were there" "$(cat "$OUT")" "grown $TREE"
is "nothing of that uid remains but the other runs" "$(of_alice)" "$before"
ok "the shared one lives on" kill -0 "$shared"
ok "and the private one" kill -0 "$private"
kill "$shared" "$private"
wait "$shared" "$private" || :
ok "and when they end nothing of alice's is left" wait_for nothing_left

ends 124 1500 "SIGTERM at the time-out" in_jail -t 0.5s alice sleep 60
ends 124 1500 "for root too" "$T" -t 0.5s alice sleep 60
ends 137 2000 "SIGKILL after the grace" in_jail -t 0.5s --kill-after=0.5s alice ./deed tree 1
ends 137 2000 "for root too" "$T" -t 0.5s --kill-after=0.5s alice ./deed tree 1
ends 124 1500 "a command that ends well on SIGTERM has timed out all the same" \
	in_jail -t 0.5s alice sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done'
ends 7 1500 "a command that is faster ends as it ends" in_jail -t 1m alice sh -c 'exit 7'
ends 137 3000 "a command that has stopped itself is ended too" \
	in_jail -t 0.5s --kill-after=0.5s alice sh -c 'trap "" TERM; kill -STOP $$; sleep 60'
wrong=
for _ in $(seq $((ROUNDS / 2))); do
	start=$(milliseconds) got=0
	in_jail -t 0.001s --kill-after=0.001s alice sleep 3 || got=$?
	start=$(($(milliseconds) - start))
	case $got,$start in 1[23][47],????) wrong+=" $got after $start ms" ;; 1[23][47],*) ;; *) wrong+=" $got" ;; esac
done
is "a clock that is faster than the launcher ends every run too" "$wrong" ""
printf '[limits]\nprocesses = 1200\ntimeout = 1s\n' | override alice
ends 124 3000 "timeout = in the policy" in_jail alice sleep 60
ends 124 3000 "a caller cannot have more" in_jail -t 1m alice sleep 60
ends 124 1000 "but less" in_jail -t 0.3s alice sleep 60
printf '[limits]\nprocesses = 1200\n[confinement]\nprocesses = private\n' | override alice
# shellcheck disable=SC2016
is "processes = private in the policy" "$(in_jail alice sh -c 'echo $$')" 2
in_jail alice sh -c 'sleep 300 & true'
ok "leaves nothing behind" wait_for nothing_left
printf '[limits]\nprocesses = 1200\n' | override alice
in_jail alice true

# --- stopped by the caller -----------------------------------------------------------------------

# stopped SIGNAL STATUS OPTIONS COMMAND...
stopped() {
	local signal=$1 wanted=$2 got=0 title=$3
	shift 3
	launch "$@"
	wait_for test -n "$(of_alice)" || :
	sleep 0.2
	as_www kill "-$signal" "$run"
	wait "$run" || got=$?
	is "SIG$signal to the launcher ends a run: $title" "$got" "$wanted"
	ok "and leaves nothing" wait_for nothing_left
}
tree=(alice ./deed tree 3)
plain=(alice sh -c 'sleep 300 & sleep 300')
stopped TERM 143 "--private" -p "${plain[@]}"
stopped TERM 143 "--timeout" -t 1m "${plain[@]}"
stopped TERM 143 "--status-fd" --status-fd=3 alice sleep 300
stopped TERM 143 "--private --status-fd" -p --status-fd=3 "${plain[@]}"
stopped KILL 137 "--private" -p "${tree[@]}"
stopped KILL 137 "--timeout" -t 1m "${tree[@]}"
stopped KILL 137 "--status-fd" --status-fd=3 alice sleep 300
stopped KILL 137 "--private --status-fd" -p --status-fd=3 "${tree[@]}"
for signal in TERM KILL; do
	in_jail -d -p "${plain[@]}"
	daemon=$(for pid in $(of_ours); do if is_role "$pid" watch; then echo "$pid"; fi; done)
	like "a private daemon has one watcher" "$daemon" '^[0-9]+$'
	as_www kill "-$signal" "$daemon"
	ok "which www-data may end with SIG$signal: nothing is left" wait_for nothing_left
done
"$T" --status-fd=3 alice sleep 300 3>/dev/null &
run=$!
wait_for is_role $run watch
kill -KILL $run
wait $run || :
ok "a root caller's run ends with its watcher too" wait_for nothing_left

for option in -p --status-fd=3; do
	for signal in HUP INT QUIT TERM USR1 USR2; do
		launch $option alice ./deed count "$(kill -l $signal)" 600 >"$T_WORK/words"
		wait_for grep -q ready "$T_WORK/words" || :
		as_www kill "-$signal" "$run"
		wait "$run" || :
		is "SIG$signal is passed on once with $option" "$(tail -n 1 "$T_WORK/words")" "counted 1"
	done
done
for option in -p --status-fd=3 "-t 1m"; do
	# shellcheck disable=SC2086 # options are words
	as_www "$T_WORK/starter" early 15 "$ROUNDS" "$T" $option alice sleep 2 >"$OUT" 2>"$ERR" 3>/dev/null
	like "the first SIGTERM that the kernel lets through is not lost with $option" "$(cat "$OUT" "$ERR")" \
		'^lost 0 of [1-9]'
done

# --- killed at any moment ------------------------------------------------------------------------

for option in -p --status-fd=3 "-d -p"; do
	wrong=
	for delay in $(seq 0 50 2500); do
		# Without private processes the command alone is sure to end.
		victim=("${tree[@]}")
		[ "$option" != --status-fd=3 ] || victim=(alice sleep 300)
		# shellcheck disable=SC2086
		"$T_WORK/starter" after 9 "$delay" "$T" $option "${victim[@]}" >"$OUT" 2>&1 3>/dev/null
		if [ "$option" = "-d -p" ]; then
			for pid in $(of_ours); do kill -KILL "$pid" 2>/dev/null || :; done
		fi
		wait_for nothing_left || wrong+=" $delay:$(of_alice | xargs):$(of_ours | xargs)"
	done
	is "a launcher killed at any of 51 early moments leaves nothing ($option)" "$wrong" ""
done
wrong='' ends=''
for delay in $(seq 0 100 3000); do
	launch -p "${tree[@]}"
	sleep "$(printf '0.%04d' "$delay")"
	init=$(child_of "$run")
	[ -z "$init" ] || kill -KILL "$init" 2>/dev/null || :
	got=0
	if [ -z "$init" ]; then kill -KILL "$run"; fi
	wait "$run" || got=$?
	[ $got = 137 ] || ends+=" $got"
	wait_for nothing_left || wrong+=" $delay"
done
is "a process 1 killed at any moment ends the run" "$ends" ""
is "and leaves nothing" "$wrong" ""

# --- what watcher and process 1 are ---------------------------------------------------------------

facts() { sed -n 's/^\(Uid\|Gid\|Groups\|CapInh\|CapPrm\|CapEff\|CapBnd\|CapAmb\|NoNewPrivs\|Seccomp\):[[:space:]]*/\1 /p' \
	"/proc/$1/status" | tr '\t' ' ' | sed 's/ *$//' | paste -sd ';'; }
kill_only="CapInh 0000000000000000;CapPrm 0000000000000020;CapEff 0000000000000020"
none="CapInh 0000000000000000;CapPrm 0000000000000000;CapEff 0000000000000000;CapBnd 0000000000000000"
mkfifo "$T_WORK/in"
echo kept >"$T_WORK/kept"
sleep 300 1<>"$T_WORK/in" &
writer=$!
started+=("$writer")
launch -p --keep-fd=7 alice sleep 300 <>"$T_WORK/in" >"$T_WORK/stdout" 2>"$T_WORK/stderr" 7<"$T_WORK/kept"
ok "a private run" wait_for settled
is "the watcher has the caller's ids and may do nothing but signal" "$(facts "$run" | sed 's/CapBnd [^;]*;//')" \
	"Uid 33 33 33 33;Gid 33 33 33 33;Groups;$kill_only;CapAmb 0000000000000000;NoNewPrivs 1;Seccomp 0"
is "process 1 has the user's ids and no capability, under the filter" "$(facts "$init")" \
	"Uid $A $A $A $A;Gid $A $A $A $A;Groups $A;$none;CapAmb 0000000000000000;NoNewPrivs 1;Seccomp 2"
is "nobody may look into the watcher" "$(stat -c %u "/proc/$run/fd")" 0
is "nor into process 1" "$(stat -c %u "/proc/$init/fd")" 0
for pid in "$run" "$init"; do
	unlike "neither holds what the command got ($(tr '\0' ' ' <"/proc/$pid/cmdline"))" \
		"$(find "/proc/$pid/fd" -type l -printf '%l\n')" "^/|^pipe"
done
ok "the caller may stop the watcher" as_www kill -STOP "$run"
ok "and let it go on" as_www kill -CONT "$run"
cp "$ALICE/deed" "$T_WORK/deed"
is "the caller may not trace it" "$(as_www "$T_WORK/deed" seize "$run" 100)" "refused: Operation not permitted"
for pid in "$run" "$init"; do
	is "the user may not trace it from another run" "$(in_jail alice ./deed seize "$pid" 100)" \
		"refused: Operation not permitted"
done
not_ok "the user may not signal the watcher" in_jail alice kill -0 "$run"
not_ok "nor stop it" in_jail alice kill -STOP "$run"
kill "$writer" "$run"
wait "$run" "$writer" || :
is "from inside, process 1 can be neither killed nor stopped" \
	"$(in_jail -p alice sh -c 'kill -9 1; kill -STOP 1; kill -KILL 1; echo alive')" alive
wrong=
for _ in $(seq $((ROUNDS * 5))); do
	got=$(in_jail -p alice ./deed seize 1 300)
	[ "$got" = "refused: Operation not permitted" ] || wrong+="$got; "
done
is "nor traced, not at the first instant either" "$wrong" ""
# shellcheck disable=SC2016
is "and what it is told is for the command" \
	"$(in_jail -p alice sh -c 'trap "echo told; exit" USR1; kill -USR1 1; sleep 2; echo not')" told
in_jail alice ./deed stop 4 >"$T_WORK/stop" &
attacker=$!
wait_for grep -q ready "$T_WORK/stop"
pids='' wrong='' start=$(milliseconds)
for _ in $(seq 20); do
	in_jail -t 0.2s --kill-after=0.2s alice sleep 60 &
	pids+=" $!"
done
for pid in $pids; do
	got=0
	wait "$pid" || got=$?
	case $got in 124 | 137) ;; *) wrong+=" $got" ;; esac
done
is "a user who stops all that may be stopped stops no clock" "$wrong" ""
ok "not even for a while" test $(($(milliseconds) - start)) -le 3500
wait "$attacker" || :
ok "and nothing is left" wait_for nothing_left

# --- private processes ---------------------------------------------------------------------------

is "process 1 takes in orphans" "$(in_jail -p alice sh -c '
	for i in 1 2 3 4 5 6 7 8; do (sleep 0.1 &); done
	sleep 0.5
	grep -h "^State" /proc/[0-9]*/status | grep -c Z' || :)" 0
is "/proc shows the run and nothing else" "$(in_jail -p alice sh -c 'echo /proc/[0-9]*')" "/proc/2"
is "the command's children neither" "$(in_jail -p alice sh -c 'sleep 9 & echo /proc/[0-9]*')" "/proc/2 /proc/3"
printf '[limits]\nprocesses = 1200\n[confinement]\nproc = none\n' | override alice
# shellcheck disable=SC2016
is "without a /proc too" "$(in_jail -p alice sh -c 'echo $$; ls /proc')" 2
printf '[limits]\nprocesses = 1200\n' | override alice
for option in "" --status-fd=3 -p "-p --keep-fd=7"; do
	# shellcheck disable=SC2086
	is "the command has no descriptor of ours (${option:-direct})" \
		"$(in_jail $option alice probe fds 3>/dev/null 7<"$T_WORK/kept")" \
		"fds: 0 1 2${option:+$(case $option in *keep*) echo ' 7' ;; esac)}"
	# shellcheck disable=SC2086
	is "and no signal blocked, ignored or pending (${option:-direct})" \
		"$(in_jail $option alice probe blocked ignored pending 3>/dev/null 7<"$T_WORK/kept" | paste -sd ' ')" \
		"blocked:  ignored:  pending: 0"
done
for option in -p --status-fd=3; do
	start=$(milliseconds)
	read -r at < <(become_www "$T" $option alice ./deed quiet 2500 3>/dev/null | { cat; milliseconds; })
	ok "the end of the command's output is the end for the reader ($option)" test $((at - start)) -le 1500
	(
		trap '' PIPE
		sleep 0.7
		printf x 2>/dev/null || touch "$T_WORK/broken"
		sleep 0.1
	) | (become_www "$T" $option alice ./deed quiet 1500 3>/dev/null)
	ok "and what it closed for input is closed ($option)" test -e "$T_WORK/broken"
	rm -f "$T_WORK/broken"
done

# --- daemons ---------------------------------------------------------------------------------------

touch "$ALICE/notexec"
for option in -d "-d -p" "-d -t 1m" "-d --status-fd=3"; do
	# shellcheck disable=SC2086
	{
		refused 127 nosuch "$option: a command that is not there" in_jail $option alice nosuch 3>/dev/null
		refused 126 notexec "$option: one that cannot be executed" in_jail $option alice ./notexec 3>/dev/null
		refused 125 "/nosuch" "$option: a directory that is not there" in_jail $option -C /nosuch alice true \
			3>/dev/null
		rm -f "$DATA/alice/tmp/mark"
		ends 0 1500 "$option: returns when the command has been executed" \
			in_jail $option alice sh -c 'echo x >/tmp/mark; sleep 2' 3>/dev/null
		ok "$option: and it runs" wait_for test -s "$DATA/alice/tmp/mark"
	}
done
ok "all of them end" wait_for nothing_left
ends 0 1000 "a daemon with a time-out" in_jail -d -t 0.5s alice ./deed tree 3
ok "is gone with its children" wait_for nothing_left
