#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# demo.sh show: builds everything below build/demo and shows the main job: real commands, real output.
# demo.sh web: builds the same, and serves a site of two users from an Apache of its own until it is interrupted.
# demo.sh clean: removes all that a demo has made.
set -euo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C.UTF-8

RUNDIR=/run/trampoline-demo
LOCK=$RUNDIR.lock
HERE=$PWD/build/demo
ELSEWHERE=/var/lib/trampoline-demo

die() {
	printf 'demo: %s\n' "$*" >&2
	exit 1
}

[ "$(id -u)" -eq 0 ] || die "cannot install a set-uid program: run make demo as root"
# Two demos have the same place.
exec {lock_fd}>"$LOCK"
flock -n "$lock_fd" || die "another demo is running: end it first"

# --- the end -------------------------------------------------------------------------------------

# Live jails go with the hub. Nothing of the users' is touched.
put_to_rest() {
	while findmnt -n "$RUNDIR/hub" >/dev/null; do umount "$RUNDIR/hub"; done
	while findmnt -n "$RUNDIR" >/dev/null; do umount "$RUNDIR"; done
	[ ! -e "$RUNDIR" ] || rm -rf --one-file-system "$RUNDIR"
	# Cgroups, if somebody has tried [resources]: only rmdir removes them.
	cgroup=$(findmnt -rno TARGET -t cgroup2 | head -n 1 || :)/${RUNDIR##*/}
	[ ! -d "$cgroup" ] || find "$cgroup" -depth -type d -exec rmdir {} +
}

clean() {
	local directory
	put_to_rest
	for directory in "$HERE" "$ELSEWHERE"; do
		[ -e "$directory" ] || continue
		if awk '{ print $5 }' /proc/self/mountinfo | grep -qF "$directory"; then
			die "cannot remove $directory: something is mounted in it"
		fi
		rm -rf --one-file-system "$directory"
	done
	rm -f "$LOCK"
	echo "demo: removed"
}

# --- the beginning -------------------------------------------------------------------------------

# www-data must reach the program, and nobody but root may be able to change what it trusts.
is_trusted() {
	local directory=$1 mode
	while :; do
		mode=$((8#$(stat -c %a "$directory")))
		[ "$(stat -c %u "$directory")" = 0 ] && ((mode & 1)) || return 1
		if ((mode & 8#022)) && ! ((mode & 8#1000)); then return 1; fi
		[ "$directory" != / ] || return 0
		directory=$(dirname "$directory")
	done
}

build() {
	local log=$1/log
	mkdir -p "$1"
	echo "Building in $1 ..."
	if ! {
		make --no-print-directory -j"$(nproc)" BUILD="$1/build" PREFIX="$1/prefix" SYSCONFDIR="$1/etc" \
			STATEDIR="$1/state" RUNDIR="$RUNDIR" CGROUP="${RUNDIR##*/}" DESTDIR= install &&
			"$1/prefix/sbin/trampoline-image" build default --recipe busybox &&
			add_user "$1" alice 30001 && add_user "$1" bob 30002
	} >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		die "cannot build: see $log"
	fi
}

add_user() {
	[ -d "$1/state/data/$2" ] || "$1/prefix/sbin/trampoline-user" add "$2" --uid "$3"
}

# --- what is shown -------------------------------------------------------------------------------

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# shows WANTED COMMAND: the command as it would be typed, what it prints, and that it ends as it should.
shows() {
	local wanted=$1 status=0
	printf '$ %s\n' "$2"
	bash -c "$2" 2>&1 || status=$?
	if [ "$status" -ne "$wanted" ]; then die "that ended with status $status, not $wanted"; fi
}

# expect GOT WANTED WHAT: the demo's own check of what it has just shown
expect() {
	[ "$1" = "$2" ] || die "$3: got '$1', not '$2'"
}

mounts() { wc -l </proc/self/mountinfo; }

# cost WORD PREPARATION: the median of 21 entries, each after PREPARATION, in microseconds
cost() {
	local start times=
	for _ in {1..21}; do
		eval "$1"
		start=${EPOCHREALTIME/[.,]/}
		"$trampoline" alice true
		times+="$((${EPOCHREALTIME/[.,]/} - start))"$'\n'
	done
	printf '%s' "$times" | sort -n | sed -n 11p
}

# prepare [HIDDEN]: builds, where HIDDEN, a directory that a server may have its own of, does not hide it. Sets $root,
# where all of it lies, $trampoline, and $before, the number of mounts.
prepare() {
	root=$HERE
	mkdir -p "$HERE"
	if ! is_trusted "$HERE" || [[ -n ${1:-} && $HERE/ == "$1"/* ]]; then
		echo "www-data cannot reach $HERE, or others can change it: the demo lies in $ELSEWHERE instead."
		root=$ELSEWHERE
	fi
	put_to_rest
	before=$(mounts)
	build "$root"
	trampoline=$root/prefix/bin/trampoline
	export PATH=$root/prefix/bin:/usr/sbin:/usr/bin:/sbin:/bin
	if [ -z "${NO_COLOR:-}" ] && [ -t 1 ]; then :; else title() { printf '\n%s\n' "$*"; }; fi
}

show() {
	local root before live
	prepare
	# From here on as the web server would: www-data, by the installed program.
	www() { setpriv --reuid=33 --regid=33 --clear-groups -- "$@"; }
	export -f www

	title "The web server, www-data, runs a command as the user alice, in her jail"
	echo '$ www() { setpriv --reuid=33 --regid=33 --clear-groups -- "$@"; }'
	shows 0 'www id'
	shows 0 'www trampoline alice id'
	expect "$(www trampoline alice id -u)" 30001 "alice's uid"

	title "She sees a system of her own: the image, her home, her tmp"
	shows 0 'www trampoline alice ls / /home'
	shows 0 'www trampoline alice cut -d " " -f 5,6 /proc/self/mountinfo'
	shows 0 'www trampoline alice grep -E "^(Cap...|NoNewPrivs):" /proc/self/status'

	title "The image is read-only"
	shows 1 'www trampoline alice touch /bin/mine'
	shows 1 'www trampoline alice rm /bin/sh'

	title "What she writes at home is there at the next request"
	shows 0 'www trampoline alice sh -c "date -u >note; echo saved"'
	shows 0 'www trampoline alice cat note'
	[ -s "$root/state/data/alice/home/alice/note" ] || die "the note is not in alice's home"

	title "Bob does not see it, nor that she exists"
	shows 1 'www trampoline bob cat /home/alice/note'
	shows 0 'www trampoline bob ls /home'

	title "A request: input, arguments and CGI variables go in, the output and the status come out"
	# shellcheck disable=SC2016
	shows 0 'echo body | QUERY_STRING=a=1 SECRET=1 www trampoline --cgi alice sh -c '\''cat; echo "$0 $QUERY_STRING ${SECRET-no secret}"'\'' argument'
	shows 7 'www trampoline alice sh -c "exit 7"; echo "status $?"; exit 7'

	title "What is wrong is said in a sentence, and changes nothing"
	shows 125 'www trampoline nobody-such id'
	shows 125 'www trampoline -C ../../etc alice id'

	title "The host does not notice: two lines more in its mount table, however many jails"
	live=$(mounts)
	printf '%d mounts before, %d now, with two live jails\n' "$before" "$live"
	shows 0 "grep -c ' $RUNDIR' /proc/self/mountinfo"
	expect "$((live - before))" 2 "lines in the host's mount table"

	title "What an entry costs (median of 21, timed by this shell, its fork and exec included)"
	printf '%6d us  a live jail is entered\n' "$(cost :)"
	# A record that is gone is a jail to be built.
	printf '%6d us  the jail is built first\n' "$(cost "rm $RUNDIR/jails/alice/record")"
	trampoline=/bin/true
	printf '%6d us  /bin/true of the host alone, for comparison\n' "$(cost :)"

	put_to_rest
	expect "$(mounts)" "$before" "mounts after the demo"
	title "Done: the mount table is as before. By hand:"
	echo "  $root/prefix/bin/trampoline alice        a shell as alice; her files are in $root/state/data/alice"
	echo "  make demo-clean                          removes all of it"
}

web() {
	local root before
	prepare /tmp
	local HERE=$root/web # the server's directory, for tests/web/lib.sh
	# shellcheck source=tests/web/lib.sh
	. tests/web/lib.sh
	site_make "$trampoline" 30s 2s
	trap 'stop_server TERM; put_to_rest' EXIT
	start_server "${PRIVATE_TMP[@]}" || die "Apache does not start: see above"
	title "A site of two users: http://$AT/"
	echo "  Each half of a page is a program in its user's home: change it, and load the page again."
	echo "  $root/state/data/alice/home/alice/app"
	echo "  $root/state/data/bob/home/bob/app"
	echo "Ctrl-C ends it; make demo-clean removes all of it."
	trap 'exit 0' INT TERM
	wait "$server" || :
	die "Apache has ended: see $HERE/error.log"
}

case ${1:-} in
web) web ;;
show)
	trap 'status=$?; [ $status -eq 0 ] || { put_to_rest; echo "demo: it did not work" >&2; }' EXIT
	show
	;;
clean) clean ;;
*) die "usage: demo.sh show | web | clean" ;;
esac
