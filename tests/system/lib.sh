# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What every system test starts from: TAP, the installation under test and the caller www-data.
# tests/run exports T (the installed launcher), T_PREFIX, T_SYSCONFDIR, T_STATEDIR, T_RUNDIR,
# T_TOOLS (caller, nsmounts, probe), T_WORK (a scratch directory), T_MARK (a path component that
# only this installation has), T_ALICE and T_BOB (their uids), T_SLOW (how many times slower than a
# quick machine this one starts a process, at least 1). The tests ask the kernel, not trampoline.

set -Eeuo pipefail
: "${T:?run it through tests/run}" "${T_PREFIX:?}" "${T_SYSCONFDIR:?}" "${T_STATEDIR:?}"
: "${T_RUNDIR:?}" "${T_TOOLS:?}" "${T_WORK:?}" "${T_MARK:?}"
: "${T_ALICE:?}" "${T_BOB:?}" "${T_SLOW:=1}"
export LC_ALL=C.UTF-8
# shellcheck source=tests/wait.sh
. "$(dirname "${BASH_SOURCE[0]}")/../wait.sh"

# shellcheck disable=SC2034 # for the tests
{
	CONFIG=$T_SYSCONFDIR/trampoline
	IMAGES=$T_STATEDIR/images
	DATA=$T_STATEDIR/data
	ALICE=$DATA/alice/home/alice
	BOB=$DATA/bob/home/bob
	A=$T_ALICE B=$T_BOB
	OUT=$T_WORK/out
	ERR=$T_WORK/err
	KEEPER=$(echo "$T_PREFIX"/libexec/trampoline/keeper-*)
}

# --- TAP -----------------------------------------------------------------------------------------

count=0

pass() {
	count=$((count + 1))
	printf 'ok %d - %s\n' "$count" "$1"
}

# fail DESCRIPTION [DETAIL...]
fail() {
	count=$((count + 1))
	printf 'not ok %d - %s\n' "$count" "$1"
	shift
	[ $# -eq 0 ] || printf '%s\n' "$@" | head -n 40 | cut -c 1-400 | sed 's/^/#   /'
}

# skip DESCRIPTION REASON: no pass; with TRAMPOLINE_MUST_WORK=1 the runner makes it a failure.
skip() {
	count=$((count + 1))
	printf 'ok %d - %s # SKIP %s\n' "$count" "$1" "$2"
}

# A file that stops early must not look like one that had nothing more to say: the last line of TAP
# names the command that failed. (A subshell has a trap of its own, but its parent's command fails
# behind it.)
stopped_at=
trap 'stopped_at="${BASH_SOURCE[0]}:$LINENO: $BASH_COMMAND"' ERR
finish() {
	status=$?
	trap - EXIT ERR
	[ $status -eq 0 ] || fail "the file runs to its end" "it stopped with status $status at ${stopped_at:-an exit of its own}"
	if declare -F cleanup >/dev/null; then cleanup || fail "its cleanup works"; fi
	printf '1..%d\n' "$count"
	exit "$status"
}
trap finish EXIT
trap 'stopped_at="SIGINT"; exit 130' INT
trap 'stopped_at="SIGTERM, which came after $SECONDS s"; exit 143' TERM

# ok DESCRIPTION COMMAND...: it succeeds.
ok() {
	local description=$1 status=0
	shift
	"$@" >"$OUT" 2>"$ERR" || status=$?
	if [ $status -eq 0 ]; then
		pass "$description"
	else
		fail "$description" "status $status: $*" "$(cat "$ERR")" "$(cat "$OUT")"
	fi
}

# not_ok DESCRIPTION COMMAND...: it runs and says no.
not_ok() {
	local description=$1 status=0
	shift
	"$@" >"$OUT" 2>"$ERR" || status=$?
	if [ $status -ne 0 ]; then
		pass "$description"
	else
		fail "$description" "it succeeded: $*" "$(cat "$OUT")"
	fi
}

# is DESCRIPTION GOT WANTED
is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got:" "$2" "wanted:" "$3"
	fi
}

# like DESCRIPTION GOT PATTERN (extended regular expression, on any line)
like() {
	if grep -qE -e "$3" <<<"$2"; then
		pass "$1"
	else
		fail "$1" "got:" "$2" "wanted a match of: $3"
	fi
}

# unlike DESCRIPTION GOT PATTERN
unlike() {
	if grep -qE -e "$3" <<<"$2"; then
		fail "$1" "got:" "$2" "wanted no match of: $3"
	else
		pass "$1"
	fi
}

# status STATUS DESCRIPTION COMMAND...: its exit status, whatever it prints.
status() {
	local wanted=$1 description=$2 got=0
	shift 2
	"$@" >"$OUT" 2>"$ERR" || got=$?
	if [ "$got" -eq "$wanted" ]; then
		pass "$description"
	else
		fail "$description" "status $got, not $wanted: $*" "$(cat "$ERR")"
	fi
}

# --- refusals ------------------------------------------------------------------------------------

# What a refusal may not change: our state and the host's mount table.
traces() {
	find "$T_RUNDIR" -xdev -printf '%p %y %m %U\n' | sort
	host_mounts
}

# refused STATUS TEXT DESCRIPTION COMMAND...
# The command ends with STATUS, says nothing on stdout and one sentence on stderr that contains TEXT
# (fixed string, naming the object), and neither makes nor mounts anything.
refused() {
	local wanted=$1 text=$2 description=$3 got=0 before after problem=
	shift 3
	before=$(traces)
	"$@" >"$OUT" 2>"$ERR" </dev/null || got=$?
	after=$(traces)
	[ "$got" -eq "$wanted" ] || problem+="status $got, not $wanted; "
	[ ! -s "$OUT" ] || problem+="something on stdout; "
	[ "$(wc -l <"$ERR")" -eq 1 ] || problem+="not one line on stderr; "
	grep -qE '^trampoline: cannot .+: .+$' "$ERR" || problem+="no sentence 'cannot X: Y'; "
	grep -qF -e "$text" "$ERR" || problem+="the sentence lacks '$text'; "
	[ "$before" = "$after" ] || problem+="it left something: $(diff <(echo "$before") <(echo "$after") || :); "
	if [ -z "$problem" ]; then
		pass "$description"
	else
		fail "$description" "$problem" "stderr: $(cat "$ERR")" "stdout: $(head -c 400 "$OUT")" "$*"
	fi
}

# --- callers -------------------------------------------------------------------------------------

as_www() {
	setpriv --reuid=33 --regid=33 --clear-groups -- "$@"
}

as_alice() {
	setpriv "--reuid=$A" "--regid=$A" --clear-groups -- "$@"
}

# A command of www-data's in a jail: `in_jail alice COMMAND...`
in_jail() {
	as_www "$T" "$@"
}

caller() {
	"$T_TOOLS/caller" "$@"
}

# probe JAIL KEY: what the kernel says of a command in it
probe() {
	in_jail "$1" probe "$2" | sed "s/^$2: //"
}

# Exec without a shell in between, so that a test may send it a signal.
become_www() {
	exec setpriv --reuid=33 --regid=33 --clear-groups -- "$@"
}

# children_have_ended PID: none of its children runs; it may have to reap them still.
children_have_ended() { ps -o stat= --ppid "$1" | awk '!/^Z/ { exit 1 }'; }

# --- the kernel's answers ------------------------------------------------------------------------

# The host's mount table without ids, and without what others of this machine mount meanwhile.
host_mounts() {
	awk -v mine="$T_MARK" '
		$5 ~ "/trampoline|^/(tmp|mnt|media|run/user)/" && index($5, mine) == 0 { next }
		{ $1 = $2 = ""; print }' /proc/self/mountinfo | sort
}

# shellcheck disable=SC2034 # for the tests
MOUNTS=6 # of a jail of the default policy

# jail_mounts JAIL: its mount points and options, as the kernel tells a process outside.
jail_mounts() {
	"$T_TOOLS/nsmounts" "$T_RUNDIR/hub" "jails/$1/mnt"
}

hub_mounts() {
	"$T_TOOLS/nsmounts" "$T_RUNDIR/hub"
}

# pin_inode JAIL: the inode of its mount namespace, empty if there is none.
pin_inode() {
	"$T_TOOLS/nsmounts" -i "$T_RUNDIR/hub" "jails/$1/mnt" 2>/dev/null || :
}

# Processes that live in a jail of this installation: its image is the root of what they see.
jail_processes() {
	local file
	for file in /proc/[0-9]*/mountinfo; do
		if grep -qF "$T_MARK/state/images/" "$file" 2>/dev/null; then
			file=${file%/mountinfo}
			echo "${file#/proc/}"
		fi
	done
}

# --- configuration and users ---------------------------------------------------------------------

# Standard input becomes trampoline.conf, at once and whole.
configure() {
	cat >"$CONFIG/.new"
	chmod 644 "$CONFIG/.new"
	mv "$CONFIG/.new" "$CONFIG/trampoline.conf"
}

# override JAIL: standard input becomes its jails.d file.
override() {
	cat >"$CONFIG/jails.d/.new"
	chmod 644 "$CONFIG/jails.d/.new"
	mv "$CONFIG/jails.d/.new" "$CONFIG/jails.d/$1.conf"
}

default_config() {
	rm -f "$CONFIG"/jails.d/*.conf
	configure <"$T_PREFIX/share/trampoline/trampoline.conf"
}

# make_user NAME UID: the layout of a user's data, by hand: fast enough for hundreds.
make_user() {
	mkdir -m 755 "$DATA/$1" "$DATA/$1/home" "$DATA/$1/home/.etc"
	mkdir -m 700 "$DATA/$1/home/$1" "$DATA/$1/tmp"
	printf '%s:x:%d:%d:%s:/home/%s:/bin/sh\n' "$1" "$2" "$2" "$1" "$1" >"$DATA/$1/home/.etc/passwd"
	printf '%s:x:%d:\n' "$1" "$2" >"$DATA/$1/home/.etc/group"
	chown "$2:$2" "$DATA/$1/home/$1" "$DATA/$1/tmp"
}

# remove_user NAME: of a user that a test made; one file system only.
remove_user() {
	retire "$1"
	rm -rf --one-file-system "${DATA:?}/${1:?}"
}

# retire JAIL: its pins and record go, whatever state it is in.
retire() {
	rm -f "$T_RUNDIR/jails/$1/record"
	"$T" --discard "$1" >/dev/null 2>&1 || :
	[ ! -d "$T_RUNDIR/jails/$1" ] || rmdir "$T_RUNDIR/jails/$1"
}

# The state of a reboot: no hub, no jail, an empty RUNDIR. A keeper that is still at work, for a
# launcher that has been killed, may make some of it again meanwhile.
forget_once() {
	local point
	for point in "$T_RUNDIR/hub" "$T_RUNDIR"; do
		while findmnt -n "$point"; do
			# Lazily where a program has it open.
			umount "$point" || umount -l "$point" || return
		done
	done
	[ ! -d "$T_RUNDIR" ] || find "$T_RUNDIR" -xdev -mindepth 1 -depth \( -type f -delete -o -type d -empty -delete \)
}
forget_all() { wait_for forget_once; }

# --- a Debian image --------------------------------------------------------------------------------

# An image of the debian recipe takes a minute to build, so it is kept in build/cache, from one file and one run
# to the next, for as long as what builds it stays the same.
DEBIAN_CACHE=${TRAMPOLINE_CACHE:-build/cache}
DEBIAN_PACKAGES=python3,php-cgi
debian_image_kept() {
	printf '%s/debian-%s\n' "$DEBIAN_CACHE" "$({
		echo "$DEBIAN_PACKAGES"
		cat jail-image/recipes/debian jail-image/trampoline-image.in jail-image/*.sh
	} | sha256sum | cut -c 1-16)"
}

# debian_image_take NAME: puts the kept image into IMAGES/NAME; 1 if none is kept.
debian_image_take() {
	local kept
	kept=$(debian_image_kept)
	[ -d "$kept/current" ] && [ "$(stat -c %u "$kept")" = 0 ] && cp -a "$kept" "$IMAGES/$1"
}

# debian_image_keep: keeps a copy of IMAGES/debian in place of an older one.
debian_image_keep() {
	local kept
	kept=$(debian_image_kept)
	rm -rf --one-file-system "$DEBIAN_CACHE"
	mkdir -p "$DEBIAN_CACHE"
	cp -a "$IMAGES/debian" "$kept.new"
	mv "$kept.new" "$kept"
}
