# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What every attack starts from: the system tests' helpers and our own tools, compiled when they are
# first needed. Each test is named after its row in the table of attack classes (A1, B2, ...).

here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"

# shellcheck disable=SC2034 # for the tests
SETPRIV=$(command -v setpriv)
CLEANUPS=() SERVERS=()

compile() {
	local tool flags
	for tool in terminal deadfs liar hostile swapper storm stalker reach devlog; do
		[ "$here/$tool.c" -nt "$T_TOOLS/$tool" ] || continue
		flags=
		case $tool in reach) flags=-static ;; liar) flags=-lseccomp ;; esac
		# shellcheck disable=SC2086
		${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -o "$T_TOOLS/$tool" "$here/$tool.c" $flags
	done
}
compile

hostile() {
	"$T_TOOLS/hostile" "$@"
}

# as_www_hostile HABIT... -- COMMAND...: habits of a process that is www-data's already
as_www_hostile() {
	"$SETPRIV" --reuid=33 --regid=33 --clear-groups "$T_TOOLS/hostile" "$@"
}

as_www_caller() {
	"$SETPRIV" --reuid=33 --regid=33 --clear-groups "$T_TOOLS/caller" "$@"
}

# A program of the test's in a user's home, which goes with the test.
lend() { # USER PROGRAM
	install -m 755 "$T_TOOLS/$2" "$DATA/$1/home/$1/$2"
	CLEANUPS+=("$DATA/$1/home/$1/$2")
}

# The system tests' own, without locks and directories: a jail that is retired, and refused when it
# is built again, leaves one.
traces() {
	find "$T_RUNDIR" -xdev ! -name 'retired.*' ! -name lock ! -path "$T_RUNDIR/jails/*" -printf '%P %y %m %U\n' -o \
		-xdev -name record -printf '%P\n' | sort
	host_mounts
}

# Retires a jail as an administrator does; one that is not live is one already.
retire() {
	"$T" --discard "$1" >/dev/null 2>&1 </dev/null || :
}

# A process and its children, by their ids.
end_tree() {
	local child
	for child in $(ps -o pid= --ppid "$1"); do end_tree "$child"; done
	kill -KILL "$1" 2>/dev/null || :
}

# bounded SECONDS COMMAND...: its status; 124 if it takes longer. The time it took is in $took (ms).
bounded() {
	local limit=$1 status=0 start=${EPOCHREALTIME/[.,]/} pid watch
	shift
	{
		trap - EXIT INT TERM
		"$@"
	} &
	pid=$!
	sleep "$limit" >/dev/null 2>&1 &
	watch=$!
	wait -n "$pid" "$watch" || status=$?
	if kill -0 "$watch" 2>/dev/null; then
		kill -KILL "$watch" # not TERM, for which a shell that has not become sleep yet has a trap
	else
		end_tree "$pid"
		status=124
	fi
	wait "$pid" "$watch" 2>/dev/null || :
	took=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
	return "$status"
}

# refuses DESCRIPTION PATTERN COMMAND...: status 125 within five seconds, one sentence that matches,
# nothing on standard output, and nothing made or mounted.
refuses() {
	local description=$1 pattern=$2 got=0 before after problem=
	shift 2
	before=$(traces)
	bounded 5 "$@" >"$OUT" 2>"$ERR" || got=$?
	after=$(traces)
	[ "$got" -eq 125 ] || problem+="status $got; "
	[ ! -s "$OUT" ] || problem+="something on stdout; "
	[ "$(wc -l <"$ERR")" -eq 1 ] || problem+="not one line on stderr; "
	grep -qE -e "^trampoline: cannot .*($pattern)" "$ERR" || problem+="the sentence lacks '$pattern'; "
	[ "$before" = "$after" ] || problem+="it left something: $(diff <(echo "$before") <(echo "$after") || :); "
	if [ -z "$problem" ]; then
		pass "$description"
	else
		fail "$description" "$problem" "stderr: $(head -c 600 "$ERR")" "stdout: $(head -c 400 "$OUT")" "$*"
	fi
}

# under MS DESCRIPTION: the last `bounded' took less
under() {
	if [ "$took" -lt "$1" ]; then
		pass "$2"
	else
		fail "$2" "it took $took ms, not less than $1"
	fi
}

# A /dev of the caller's own, in a mount namespace of its own, with a log that we can read.
with_log() { # COMMAND...: what the log heard is in $T_WORK/log
	rm -f "$T_WORK/log"
	# shellcheck disable=SC2016
	unshare -mn --propagation private bash -c '
		# A full log stops nobody, so it must not be full: its length is the network namespace'\''s.
		echo 10000 >/proc/sys/net/unix/max_dgram_qlen
		mkdir -p "$T_WORK/dev" && mount -t tmpfs none "$T_WORK/dev"
		mknod -m 666 "$T_WORK/dev/null" c 1 3
		mount --move "$T_WORK/dev" /dev
		: >"$T_WORK/log"
		"$T_TOOLS/devlog" /dev/log "$T_WORK/log" & log=$!
		while [ ! -S /dev/log ]; do sleep 0.01; done
		"$@" >/dev/null 2>&1 </dev/null || :
		sleep 0.1
		kill $log' bash "$@"
}

# Kills a child of this test's, by its id, and waits for it.
stop() {
	kill "$@" 2>/dev/null || :
	wait "${@: -1}" 2>/dev/null || :
}

serve_dead() { # [-d] DIRECTORY UID: storage that will die by SIGUSR1 to $server, or is dead
	coproc SERVER { exec "$T_TOOLS/deadfs" "$@"; }
	SERVERS+=("$SERVER_PID")
	# shellcheck disable=SC2034 # for the tests
	server=$SERVER_PID
	read -r _ <&"${SERVER[0]}"
}
