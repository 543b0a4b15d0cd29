#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An admin at a terminal: a shell, job control, a full-screen program, and no way back into the terminal.
# What is asserted is what the screen shows.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SOCKET=$T_WORK/tmux
screen() { env -u TMUX T_INSIDE= tmux -S "$SOCKET" "$@"; }

cleanup() {
	screen kill-server 2>/dev/null || :
	default_config
	rm -f "$ALICE"/{deed,typed,text,bash,dash,ld-linux*} "$ALICE"/*.so*
	in_jail alice true
}

command -v tmux >/dev/null || {
	skip "an admin's terminal" "there is no tmux to be it"
	exit 0
}
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -static -o "$ALICE/deed" tests/system/deed.c
chmod 755 "$ALICE/deed"
seq -f 'line %g' 200 >"$ALICE/text"
in_jail alice true

shown() { screen capture-pane -p -t pane; }
shows() { shown | grep -qE -e "$1"; }
# What was typed, and what cat says.
purrs() { [ "$(shown | grep -cx purr)" = 2 ]; }
# foreground NAME: whether a process of this name has the terminal and goes on
foreground() { ps -o comm=,pgid=,tpgid=,stat= -t "$tty" | awk -v name="$1" '
	$1 == name && $2 == $3 && $4 !~ /^[TZ]/ { found = 1 } END { exit !found }'; }
has_size() { [ "$(stty -F "$tty" size)" = "$1" ]; }
is_clear() { [ "$(shown | grep -v '^$')" = 'host>' ]; }
# In each: what is waited for is judged by the next sees.
await() { wait_for "$@" || :; }
resize() { # ROWS COLUMNS
	screen resize-window -t pane -x "$2" -y "$1"
	await has_size "$1 $2"
}
keys() { screen send-keys -t pane "$@"; }
# sees DESCRIPTION PATTERN: some line of the screen comes to match it
sees() {
	if wait_for shows "$2"; then
		pass "$1"
	else
		fail "$1" "wanted a line that matches: $2" "$(shown | grep -v '^$')"
	fi
}
sees_not() { unlike "$1" "$(shown)" "$2"; }
# A clean screen with the host's prompt on it, whatever the last test left there.
fresh() {
	keys C-c
	keys "clear; echo fre''sh" Enter
	wait_for shows '^fresh$' || {
		screen respawn-pane -k -t pane
		wait_for shows 'host>' || :
	}
	await foreground bash
	keys clear Enter
	await is_clear
}
enter() {
	fresh
	keys "$T $* 9>/dev/null" Enter
}

cat >"$T_WORK/rc" <<'END'
PS1='host> '
PS2=
set -m
END
# shellcheck disable=SC2016
screen -f /dev/null new-session -d -s pane -x 80 -y 24 \
	"env TERM=screen PS1='host> ' HISTFILE= bash --noprofile --rcfile $T_WORK/rc -i"
tty=$(screen display-message -p -t pane '#{pane_tty}')
await shows 'host>'

for option in "" -p --status-fd=9 "-t 1h"; do
	title=${option:-direct}

	# --- a shell ---------------------------------------------------------------------------------
	enter "$option" alice
	sees "$title: a shell and its prompt" '^~ \$ *$'
	sees_not "$title: it has job control" "job control"
	# shellcheck disable=SC2016
	keys 'echo $((6 * 7)) in' Enter
	sees "$title: what is typed is run" '^42 in$'
	keys 'sleep 1h' Enter
	await foreground sleep
	keys C-c
	await foreground sh
	# shellcheck disable=SC2016
	keys 'echo was $?' Enter
	sees "$title: ^C ends what the shell runs, and not the shell" '^was 130$'
	keys 'cat' Enter
	await foreground cat
	keys C-z
	sees "$title: ^Z suspends it" 'Stopped'
	keys 'jobs; fg' Enter
	sees "$title: fg goes on with it" '^\[1\]\+ +Stopped +cat'
	await foreground cat
	keys C-d
	await foreground sh
	# shellcheck disable=SC2016
	keys 'echo $((5 * 5)) back' Enter
	sees "$title: to its end" '^25 back$'
	keys 'stty size' Enter
	sees "$title: the window's size" '^24 80$'
	resize 30 100
	keys 'stty size' Enter
	sees "$title: and its new one" '^30 100$'
	resize 24 80
	# shellcheck disable=SC2016
	keys 'cat; echo cat $?' Enter
	await foreground cat
	keys purr Enter
	await purrs
	keys C-d
	sees "$title: ^D ends its input" '^cat 0$'
	keys 'exit 9' Enter
	sees "$title: the shell ends" 'host> *$'
	# shellcheck disable=SC2016
	keys 'echo status $?' Enter
	sees "$title: with the status of exit" '^status 9$'
	keys 'sleep 1h' Enter
	await foreground sleep
	keys C-z
	sees "$title: the admin's own job control works as before" '\[1\]\+ +Stopped +sleep 1h'
	keys "kill %1; wait; echo kil''led" Enter
	await shows '^killed$'

	# --- a command -----------------------------------------------------------------------------
	enter "$option" alice ./deed count 2 300
	await shows '^ready 0'
	keys C-c
	sees "$title: ^C reaches a command once" '^(\^C)?counted 1$'
	enter "$option" alice sleep 1h
	await foreground sleep
	keys C-c
	await foreground bash
	# shellcheck disable=SC2016
	keys 'echo status $?' Enter
	sees "$title: ^C ends a command" '^status 130$'
	enter "$option" alice cat
	await foreground cat
	keys C-z
	sees "$title: ^Z suspends a command" '^\[1\]\+ +Stopped'
	keys fg Enter
	await foreground cat
	keys C-d
	await foreground bash
	# shellcheck disable=SC2016
	keys 'echo status $?' Enter
	sees "$title: fg lets it go on to its end" '^status 0$'

	# --- full screen ---------------------------------------------------------------------------
	enter "$option" alice vi text
	sees "$title: vi shows a file" '^line 1$'
	keys C-z
	sees "$title: ^Z in vi gives the admin the terminal back" 'Stopped|host>'
	# shellcheck disable=SC2016
	keys 'echo $((3 * 7)) out' Enter
	sees "$title: who can use it" '^21 out$'
	keys fg Enter
	await foreground vi
	keys C-l
	sees "$title: fg shows vi again" '^line 1$'
	resize 15 60
	keys C-l
	keys G
	sees "$title: in a new size it shows the end of the file" '^line 200$'
	resize 24 80
	keys ':q!' Enter
	sees "$title: and ends" 'host> *$'
	enter "$option" alice less text
	sees "$title: less shows a file" '^line 1$'
	keys Space
	sees "$title: and its next page" '^line 4[0-9]$'
	keys q
	sees "$title: and ends" 'host> *$'
	enter "$option" alice ./deed edit
	sees "$title: a program in raw mode" '^editing *$'
	keys C-z
	sees "$title: may suspend itself, as vim does" '\[1\]\+ +Stopped'
	# shellcheck disable=SC2016
	keys 'echo $((2 * 8)) out' Enter
	sees "$title: and the admin has the terminal" '^16 out$'
	keys fg Enter
	sees "$title: until it goes on" '^editing again *$'
	keys q
	await foreground bash
	# shellcheck disable=SC2016
	keys 'echo status $?' Enter
	sees "$title: and ends" '^status 5$'

	# --- no way back -----------------------------------------------------------------------------
	enter "$option" alice ./deed push "'touch typed'"
	sees "$title: nothing can be typed into the admin's terminal" '^refused: Operation not permitted$'
done

printf '[confinement]\nsystem_calls = all\n' | override alice
in_jail alice true
for option in "" -p --status-fd=9; do
	title=${option:-direct}
	enter "$option" alice ./deed push "'touch typed'"
	sees "$title: nor without a filter" '^refused: '
	enter "$option" alice sh -c "'exec ./deed push x </proc/self/fd/0'"
	sees "$title: nor through another descriptor of it" 'refused: |Permission denied|No such device'
	enter "$option" alice
	sees "$title: a shell without a filter" '\$ *$'
	keys 'exit 4' Enter
	await foreground bash
	# shellcheck disable=SC2016
	keys 'echo status $?' Enter
	sees "$title: ends as well" '^status 4$'
done
is "and nothing was" "$(find "$ALICE" -name typed)" ""
default_config
in_jail alice true

# --- the clock ---------------------------------------------------------------------------------------
# A time-out must be long enough for a person to type, and short enough for a test to wait for.
of_alice() { { ps -o stat= -U "$A" || :; } | grep -v ^Z; }
are_gone() { ! of_alice; }
fresh
keys "$T -t 3s alice sleep 1h; echo status \$?" Enter
await foreground sleep
keys C-z
sees "^Z suspends a run with a time-out" '^\[1\]\+ +Stopped'
ok "which ends all the same" wait_for are_gone
keys "wait %1; echo ended \$?" Enter
sees "with its status" '^ended 124$'
fresh
keys "$T -t 3s alice sh -c '(sleep 1; kill -CONT \$\$) & kill -STOP \$\$; trap : TERM CONT; while :; do sleep 0.1; done'" Enter
sees "a command that stops itself gives the admin the terminal" 'Stopped'
ok "and has not stopped the clock" wait_for are_gone

# --- shells of Debian's --------------------------------------------------------------------------------
# With the libraries that they need, because the image has none.
loader=$(ldd /bin/bash | grep -o '/[^ ]*/ld-linux[^ ]*' || :)
if [ -e /bin/dash ] && [ -e /bin/bash ] && [ -n "$loader" ]; then
	cp /bin/dash /bin/bash "$loader" "$ALICE"
	ldd /bin/dash /bin/bash | sed -n 's/.* => \([^ ]*\) .*/\1/p' | sort -u | xargs cp -t "$ALICE"
	for option in -p --status-fd=9 "-t 1h"; do
		title=$option
		with="alice ./${loader##*/} --library-path ."
		enter "$option" "$with ./dash"
		sees "$title: dash and its prompt" '^\$ *$'
		keys 'exit 7' Enter
		await foreground bash
		keys "echo status \$?" Enter
		sees "$title: dash ends with the status of exit" '^status 7$'
		sees_not "$title: and does not complain" 'tty|job control'
		enter "$option" "$with ./bash --norc"
		sees "$title: bash and its prompt" '^bash-.*\$ *$'
		keys 'suspend' Enter
		sees "$title: which may suspend itself" '^\[1\]\+ +Stopped'
		# shellcheck disable=SC2016
		keys 'echo $((2 * 8)) out' Enter
		sees "$title: and the admin has the terminal" '^16 out$'
		keys fg Enter
		# shellcheck disable=SC2016
		keys 'echo $((5 * 5)) back' Enter
		sees "$title: until it goes on" '^25 back$'
		keys 'exit 3' Enter
		await foreground bash
		keys "echo status \$?" Enter
		sees "$title: and ends" '^status 3$'
	done
	# Where no shell waits, nobody could let it go on.
	# shellcheck disable=SC2016
	like "bash that suspends itself where no shell waits goes on" "$(printf 'suspend\necho $((6 * 7)) on\nexit\n' |
		SHELL=/bin/sh script -qec "exec $T -p $with ./bash --norc" /dev/null)" '^42 on'
else
	skip "the shells of Debian" "there is no bash or no dash here"
fi

# A shell that ends leaves a job behind that reads the terminal: no shell will ever continue it.
rm -f "$DATA/alice/tmp/up"
setsid script -qec "bash -ic '$T -p -l cpu=1h alice sh -c \"touch /tmp/up; while :; do read -r x; done\" >/dev/null & exit'; sleep 600d" /dev/null \
	</dev/null >"$OUT" 2>&1 &
session=$!
# shellcheck disable=SC2317 # called by wait_for
has_gone() { ! pgrep -u "$A" -f "touch /tmp/up"; }
await test -e "$DATA/alice/tmp/up"
ok "a job that reads when its shell has gone is ended, not continued for ever" wait_for has_gone
ok "though its terminal is there" kill -0 $session
pkill -KILL -P $session || :
wait $session || :
rm -f "$DATA/alice/tmp/up"
