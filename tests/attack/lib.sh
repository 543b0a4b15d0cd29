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
export SETPRIV # for shells within
CLEANUPS=() SERVERS=()

compile() {
	local tool flags
	for tool in terminal deadfs liar hostile swapper storm stalker reach devlog descriptors; do
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

# The system tests' own, without the jails' directories: a jail that is retired, and refused when it
# is built again, leaves one.
traces() {
	find "$T_RUNDIR" -xdev ! -path "$T_RUNDIR/jails/*" -printf '%P %y %m %U\n' -o -name record -printf '%P\n' | sort
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

# bounded COMMAND...: its status, or 124 and a line on standard error if it has not ended after DEADLINE
# seconds. Against what would wait for ever: no test depends on how fast COMMAND is.
exec {never}<> <(:) # from which nothing can be read
bounded() {
	local status=0 late=0 pid watch
	{
		trap - EXIT INT TERM ERR
		"$@"
	} &
	pid=$!
	{
		trap - EXIT INT TERM ERR
		read -rt "$DEADLINE" _ <&"$never" || :
		end_tree "$pid"
		exit 124
	} >/dev/null 2>&1 &
	watch=$!
	wait "$pid" 2>/dev/null || status=$?
	kill -KILL "$watch" 2>/dev/null || :
	wait "$watch" 2>/dev/null || late=$?
	if [ "$late" -eq 124 ]; then
		echo "it has not ended after $DEADLINE s" >&2
		status=124
	fi
	return "$status"
}

# refuses DESCRIPTION PATTERN COMMAND...: status 125, one sentence that matches, nothing on
# standard output, and nothing made or mounted.
refuses() {
	local description=$1 pattern=$2 got=0 before after problem=
	shift 2
	before=$(traces)
	bounded "$@" >"$OUT" 2>"$ERR" || got=$?
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
		# It writes what it has been sent before it ends.
		kill $log && wait $log || :' bash "$@"
}

# Kills a child of this test's, by its id, and waits for it.
stop() {
	kill "$@" 2>/dev/null || :
	wait "${@: -1}" 2>/dev/null || :
}

# Sets $no_dead to why no storage can be made that does not answer, or to nothing.
# shellcheck disable=SC2034 # for the tests
look_for_dead() {
	no_dead=
	if [ -n "${ATTACK_DEAD:-}" ]; then
		no_dead="ATTACK_DEAD says not to"
	elif [ ! -e /dev/fuse ]; then
		no_dead="there is no /dev/fuse"
	elif ! (: <>/dev/fuse) 2>/dev/null; then
		no_dead="/dev/fuse cannot be opened"
	elif ! grep -qw fuse /proc/filesystems; then
		no_dead="this kernel has no FUSE"
	fi
}

# The storage of the last serve_dead answers no more, as a dead NFS server does.
storage_dies() {
	kill -USR1 "$server"
	read -rt "$DEADLINE" _ <&"${SERVER[0]}"
}

serve_dead() { # [-d] DIRECTORY UID: storage that will die by storage_dies, or is dead
	coproc SERVER { exec "$T_TOOLS/deadfs" "$@"; }
	SERVERS+=("$SERVER_PID")
	# shellcheck disable=SC2034 # for the tests
	server=$SERVER_PID
	read -r _ <&"${SERVER[0]}"
}
