#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs that are watched: nothing outlives them, whoever ends them, and nobody gains by the watcher.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

TREE=500
started=()

cleanup() {
	local pid
	for pid in "${started[@]}"; do kill -KILL "$pid" 2>/dev/null || :; done
	default_config
	rm -f "$ALICE"/{deed,notexec} "$DATA/alice/tmp/mark"
	in_jail alice true
}

"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -static -o "$ALICE/deed" tests/system/deed.c
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -o "$T_WORK/starter" tests/system/starter.c
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -o "$T_WORK/strike" tests/system/strike.c
chmod 755 "$ALICE/deed"
printf '[limits]\nprocesses = 1200\n' | override alice
in_jail alice true

# In the background, as www-data; $run is the process that a web application would know. What the
# command says is in WORDS.
WORDS=$T_WORK/words
launch() {
	: >"$WORDS" # or what an earlier command said is taken for this one's
	(become_www "$T" "$@") >"$WORDS" 3>>"$T_WORK/status" &
	run=$!
	started+=("$run")
}

# Processes of her uid. One that has ended and waits for the host's process 1 to notice is none.
of_alice() {
	{ ps -o pid=,stat=,ppid= -U "$A" || :; } | awk '$2 !~ /^Z/ || $3 != 1 { print $1 }' | sort
}

# Watchers and process 1s of this installation, and launchers that have not got so far.
of_ours() {
	{ find /proc/[0-9]*/exe -maxdepth 0 -lname "$T" || :; } 2>/dev/null |
		cut -d / -f 3 | sort
}

nothing_left() { [ -z "$(of_alice)$(of_ours)" ]; }

# Whether process PID is the launcher's program and has the user UID: 33 of a watcher, alice's of process 1
is_ours() { [ "$(readlink "/proc/$1/exe")" = "$T" ] && [ "$(ps -o uid= "$1" | tr -d ' ')" = "$2" ]; }
child_of() { ps -o pid= --ppid "$1" | tr -d ' '; }

# The watcher $run and the process 1 $init of a private run that is under way.
settled() {
	init=$(pgrep -P "$run" -U "$A") && is_ours "$run" 33 && is_ours "$init" "$A" && command=$(child_of "$init") &&
		[ "$(readlink "/proc/$command/exe")" != "$T" ]
}

says() { grep -q "$1" "$WORDS"; }

# ends STATUS DESCRIPTION COMMAND...: with this status, and long before the command's hour is over.
ends() {
	local wanted=$1 description=$2 got=0 start=$SECONDS
	shift 2
	"$@" >"$OUT" 2>"$ERR" || got=$?
	start=$((SECONDS - start))
	if [ "$got" -eq "$wanted" ] && [ "$start" -le "$DEADLINE" ]; then
		pass "$description"
	else
		fail "$description" "status $got, not $wanted, after $start s, at most $DEADLINE: $*" "$(cat "$ERR")"
	fi
}

# --- the clock -----------------------------------------------------------------------------------

launch alice sleep 1h
shared=$run
launch -p alice sleep 1h
private=$run
ok "two other runs of alice's are under way" wait_for settled
before=$(of_alice)
# On a slow machine the tree has not grown in three seconds: then the run gets more.
for seconds in 3 15 60; do
	got=0
	in_jail -t ${seconds}s --kill-after=1s alice ./deed tree $TREE >"$OUT" 2>"$ERR" || got=$?
	[ "$(cat "$OUT")" != "grown $TREE" ] || break
done
is "$TREE children without a parent or session that ignore SIGTERM end after the grace" "$got" 137
is "all of them were there" "$(cat "$OUT")" "grown $TREE"
is "nothing of that uid remains but the other runs" "$(of_alice)" "$before"
ok "the shared one lives on" kill -0 "$shared"
ok "and the private one" kill -0 "$private"
kill "$shared" "$private" || :
wait "$shared" "$private" || :
ok "and when they end nothing of alice's is left" wait_for nothing_left

# In these a grace of an hour would be too long for \`ends', and one of a minute is no matter of speed.
ends 124 "SIGTERM at the time-out" in_jail -t 0.5s --kill-after=1m alice sleep 1h
ends 124 "for root too" "$T" -t 0.5s --kill-after=1m alice sleep 1h
ends 137 "SIGKILL after the grace" in_jail -t 0.5s --kill-after=0.5s alice sh -c 'trap "" TERM; sleep 1h'
ends 137 "for root too" "$T" -t 0.5s --kill-after=0.5s alice sh -c 'trap "" TERM; sleep 1h'
ends 124 "a command that ends well on SIGTERM has timed out all the same" \
	in_jail -t 0.5s --kill-after=1m alice sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done'
ends 7 "a command that is faster ends as it ends" in_jail -t 1h alice sh -c 'exit 7'
ends 137 "a command that has stopped itself is ended too" \
	in_jail -t 0.5s --kill-after=0.5s alice sh -c 'trap "" TERM; kill -STOP $$; sleep 1h'
wrong=
for _ in $(seq 10); do
	got=0
	in_jail -t 0.001s --kill-after=0.001s alice sleep 1h || got=$?
	case $got in 124 | 137) ;; *) wrong+=" $got" ;; esac
done
is "a clock that is faster than the launcher ends every run too" "$wrong" ""
printf '[limits]\nprocesses = 1200\ntimeout = 1s\n' | override alice
ends 124 "timeout = in the policy" in_jail alice sleep 1h
ends 124 "a caller cannot have more" in_jail -t 1h alice sleep 1h
printf '[limits]\nprocesses = 1200\ntimeout = 1h\n' | override alice
ends 124 "but less" in_jail -t 0.3s alice sleep 1h
printf '[limits]\nprocesses = 1200\n[confinement]\nprocesses = private\n' | override alice
# shellcheck disable=SC2016
is "processes = private in the policy" "$(in_jail alice sh -c 'echo $$')" 2
in_jail alice sh -c 'sleep 1h & true'
ok "leaves nothing behind" wait_for nothing_left
printf '[limits]\nprocesses = 1200\n' | override alice
in_jail alice true

# --- stopped by the caller -----------------------------------------------------------------------

# stopped SIGNAL STATUS OPTIONS COMMAND...
stopped() {
	local signal=$1 wanted=$2 got=0 title=$3
	shift 3
	launch "$@"
	wait_for says 'ready\|grown' || :
	# The command may speak before its watcher has the ids of the caller.
	wait_for as_www kill "-$signal" "$run" || :
	wait "$run" || got=$?
	is "SIG$signal to the launcher ends a run: $title" "$got" "$wanted"
	ok "and leaves nothing" wait_for nothing_left
}
tree=(alice ./deed tree 3)
plain=(alice sh -c 'sleep 1h & echo ready; sleep 1h')
alone=(alice sh -c 'echo ready; exec sleep 1h')
stopped TERM 143 "--private" -p "${plain[@]}"
stopped TERM 143 "--timeout" -t 1m "${plain[@]}"
stopped TERM 143 "--status-fd" --status-fd=3 "${alone[@]}"
stopped TERM 143 "--private --status-fd" -p --status-fd=3 "${plain[@]}"
stopped KILL 137 "--private" -p "${tree[@]}"
stopped KILL 137 "--timeout" -t 1m "${tree[@]}"
stopped KILL 137 "--status-fd" --status-fd=3 "${alone[@]}"
stopped KILL 137 "--private --status-fd" -p --status-fd=3 "${tree[@]}"
for signal in TERM KILL; do
	in_jail -d -p "${plain[@]}"
	daemon=$(for pid in $(of_ours); do if is_ours "$pid" 33; then echo "$pid"; fi; done)
	like "a private daemon has one watcher" "$daemon" '^[0-9]+$'
	wait_for as_www kill "-$signal" "$daemon" || :
	ok "which www-data may end with SIG$signal: nothing is left" wait_for nothing_left
done
"$T" --status-fd=3 alice sleep 1h 3>"$T_WORK/status" &
run=$!
wait_for grep -q start "$T_WORK/status" || :
kill -KILL $run || :
wait $run || :
ok "a root caller's run ends with its watcher too" wait_for nothing_left

for option in -p --status-fd=3; do
	for signal in HUP INT QUIT TERM USR1 USR2; do
		launch $option alice ./deed count "$(kill -l $signal)" 200
		wait_for says ready || :
		wait_for as_www kill "-$signal" "$run" || :
		wait "$run" || :
		is "SIG$signal is passed on once with $option" "$(tail -n 1 "$WORDS")" "counted 1"
	done
done
# --- at each system call ---------------------------------------------------------------------------

# struck SIGNAL ROLE FIRST LEAST STATUS TITLE OPTION... COMMAND...: see strike.c; at LEAST many calls.
struck() {
	local signal=$1 role=$2 first=$3 least=$4 wanted=$5 title=$6 words
	shift 6
	words=$(SECONDS_LEFT=$DEADLINE "$T_WORK/strike" "$(kill -l "$signal")" "$role" "$first" "$T" "$@" 2>&1) || :
	struck=$(sed -n 's/^struck \([0-9]*\),.*/\1/p' <<<"$words")
	like "$title ($struck times): the run ends, and nothing is left" "$words" \
		"^struck [0-9]+, ended $wanted, left 0\$"
	ok "and that was at $least calls at least ($struck)" test "${struck:-0}" -ge "$least"
}
sleeper=(alice sleep 1h)
forest=(alice ./deed tree 1)
short=(alice sh -c './deed tree 1 &')
for option in -p --status-fd=3 "-t 1h"; do
	# shellcheck disable=SC2086 # options are words
	struck TERM 0 1 5 143 "SIGTERM at each call at which the kernel lets it through ($option)" \
		$option "${sleeper[@]}"
done
struck KILL 0 1 150 137 "the launcher, then watcher, killed at each of its calls (-p)" -p "${forest[@]}"
watching=$((struck - 20))
struck KILL 0 $watching 20 137 "and at those that the end of the command brings (-p)" -p "${short[@]}"
struck KILL 1 1 40 137 "process 1 killed at each of its calls (-p)" -p "${forest[@]}"
# Once process 1 has told it, the command's status is the run's.
struck KILL 1 $((struck - 10)) 10 '(0 )?137' "and at those that the end of the command brings (-p)" -p "${short[@]}"
struck KILL 2 1 5 137 "the command killed at each of its calls (-p)" -p "${sleeper[@]}"
# Without private processes the command alone is sure to end.
struck KILL 0 $((watching - 30)) 30 137 "the launcher, then watcher, killed at each of its last calls (--status-fd)" \
	--status-fd=3 "${sleeper[@]}"
struck KILL 1 1 60 137 "the command killed at each of its calls (--status-fd)" --status-fd=3 "${sleeper[@]}"
# The launcher of a daemon has ended long before.
struck KILL 1 1 20 '[0-9 ]+' "a daemon's watcher killed at each of its calls (-d -p)" -d -p "${forest[@]}"
struck KILL 2 1 40 '[0-9 ]+' "a daemon's process 1 killed at each of its calls (-d -p)" -d -p "${forest[@]}"

# --- what watcher and process 1 are ---------------------------------------------------------------

facts() { sed -n 's/^\(Uid\|Gid\|Groups\|CapInh\|CapPrm\|CapEff\|CapAmb\|NoNewPrivs\|Seccomp\):[[:space:]]*/\1 /p' \
	"/proc/$1/status" | tr '\t' ' ' | sed 's/ *$//' | paste -sd ';'; }
kill_only="CapInh 0000000000000000;CapPrm 0000000000000020;CapEff 0000000000000020"
none="CapInh 0000000000000000;CapPrm 0000000000000000;CapEff 0000000000000000"
mkfifo "$T_WORK/in"
echo kept >"$T_WORK/kept"
sleep 1h 1<>"$T_WORK/in" &
writer=$!
started+=("$writer")
(become_www "$T" -p --keep-fd=7 alice sleep 1h) <>"$T_WORK/in" >"$T_WORK/stdout" 2>"$T_WORK/stderr" 7<"$T_WORK/kept" &
run=$!
started+=("$run")
ok "a private run" wait_for settled
is "the watcher has the caller's ids and may do nothing but signal" "$(facts "$run")" \
	"Uid 33 33 33 33;Gid 33 33 33 33;Groups;$kill_only;CapAmb 0000000000000000;NoNewPrivs 1;Seccomp 0"
is "process 1 has the user's ids and no capability, under the filter" "$(facts "$init")" \
	"Uid $A $A $A $A;Gid $A $A $A $A;Groups $A;$none;CapAmb 0000000000000000;NoNewPrivs 1;Seccomp 2"
is "nobody may look into the watcher" "$(stat -c %u "/proc/$run/fd")" 0
is "nor into process 1" "$(stat -c %u "/proc/$init/fd")" 0
for pid in "$run" "$init"; do
	unlike "neither holds what the command got (uid $(ps -o uid= "$pid" | tr -d ' '))" \
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
kill "$writer" "$run" || :
wait "$run" "$writer" || :
is "from inside, process 1 can be neither killed nor stopped" \
	"$(in_jail -p alice sh -c 'kill -9 1; kill -STOP 1; kill -KILL 1; echo alive')" alive
ok "nor traced, not at the first instant either, in 200 runs" as_www "$T_WORK/starter" crowd 200 2 \
	"$T" -p alice ./deed seize 1 300
# shellcheck disable=SC2016
is "and what it is told is for the command" "$(in_jail -p alice sh -c '
	trap "echo told; exit" USR1
	kill -USR1 1
	i=0
	while [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done
	echo not')" told
launch alice ./deed stop 3600
attacker=$run
wait_for says ready || :
pids='' wrong=''
for _ in $(seq 20); do
	in_jail -t 0.2s --kill-after=0.2s alice sleep 1h &
	pids+=" $!"
done
for pid in $pids; do
	got=0
	wait "$pid" || got=$?
	case $got in 124 | 137) ;; *) wrong+=" $got" ;; esac
done
is "a user who stops all that may be stopped stops no clock" "$wrong" ""
ok "not even for a while: the user has not let up" kill -0 "$attacker"
kill -KILL "$attacker" || :
wait "$attacker" || :
ok "and nothing is left" wait_for nothing_left

# --- private processes ---------------------------------------------------------------------------

# shellcheck disable=SC2016
is "process 1 takes in orphans" "$(in_jail -p alice sh -c '
	for i in 1 2 3 4 5 6 7 8; do (sleep 0.1 &); done
	i=0
	while set -- /proc/[0-9]*; [ $i -lt 600 ] && [ $# -gt 1 ]; do sleep 0.1; i=$((i + 1)); done
	echo $#')" 1
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
mkfifo "$T_WORK/input" "$T_WORK/output"
# Whether nobody reads the command's input any more.
is_closed() { ! printf x >&8; }
for option in -p --status-fd=3; do
	# shellcheck disable=SC2086 # options are words
	(become_www "$T" $option alice ./deed quiet 3600000) <"$T_WORK/input" >"$T_WORK/output" 3>/dev/null &
	run=$!
	started+=("$run")
	(
		trap '' PIPE
		wait_for is_closed 8>"$T_WORK/input"
	) &
	writer=$!
	ok "the end of the command's output is the end for the reader ($option)" timeout "$DEADLINE" cat "$T_WORK/output"
	ok "and what it closed for input is closed ($option)" wait "$writer"
	ok "while it goes on ($option)" kill -0 "$run"
	kill "$run" || :
	wait "$run" || :
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
		ends 0 "$option: returns when the command has been executed" \
			in_jail $option alice sh -c 'echo x >/tmp/mark; while [ -e /tmp/mark ]; do sleep 0.1; done' 3>/dev/null
		ok "$option: and it runs" wait_for test -s "$DATA/alice/tmp/mark"
		rm -f "$DATA/alice/tmp/mark"
	}
done
ok "all of them end" wait_for nothing_left
ends 0 "a daemon with a time-out" in_jail -d -t 0.5s alice ./deed tree 3
ok "is gone with its children" wait_for nothing_left
