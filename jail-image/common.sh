# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034
# What trampoline-image and trampoline-user share. The script that reads this file has set
# program, release, prefix and statedir.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
unset TMPDIR CDPATH TAR_OPTIONS POSIXLY_CORRECT
umask 022
keeper=$prefix/libexec/trampoline/keeper-$release

# What a jail's passwd and group are made of, unless its image says so itself: root and the user.
passwd_template='root:x:0:0:root:/root:/usr/sbin/nologin
@USER@:x:@UID@:@GID@:@USER@:/home/@USER@:/bin/sh'
group_template='root:x:0:
@USER@:x:@GID@:'
export passwd_template group_template

# ask QUESTION [ARGUMENT]: what the keeper answers, as of the configuration or of who is in a jail;
# that is who is in another mount namespace than the host's, so the question is asked from there. If
# that is refused, and this is another one, the keeper says so.
ask() {
	if nsenter --target 1 --mount true 2>/dev/null; then
		nsenter --target 1 --mount -- "$keeper" ask "$@"
	else
		"$keeper" ask "$@"
	fi
}

say() {
	printf '%s: %s\n' "$program" "$*" >&2
}

die() {
	say "$*"
	exit 1
}

usage_error() {
	say "cannot read the command line: $*"
	say "try: $program --help"
	exit 2
}

# run COMMANDS COMMAND [ARGUMENT]...: calls the function do_COMMAND, if it is one of the COMMANDS.
run() {
	commands=$1
	shift
	for word; do
		case $word in
		-h | --help) usage && exit ;;
		esac
	done
	case ${1:-} in
	'') usage_error "no command is given" ;;
	--version) echo "$program $release" && exit ;;
	esac
	case " $commands " in
	*" $1 "*) ;;
	*) usage_error "there is no command \"$1\"" ;;
	esac
	[ "$(id -u)" -eq 0 ] || die "cannot go on: this needs root (run it with sudo)"
	word=do_$1
	shift
	"$word" "$@"
}

# The rule for names of jails and, without the @, of images; the launcher has the same one.
need_name() {
	case $1 in
	'' | [!A-Za-z0-9_]* | *[!A-Za-z0-9_.@+-]*) ;;
	*) [ "${#1}" -gt 64 ] || return 0 ;;
	esac
	usage_error "\"$1\" is no name: want [A-Za-z0-9_][A-Za-z0-9_.@+-]*, at most 64 letters"
}

# lock DIRECTORY NUMBER WHAT [SECONDS]: hold an exclusive lock on DIRECTORY until this process ends.
# Who can open a directory can lock it, so only root may: what an earlier version made is closed here.
lock() {
	{ [ -d "$1" ] && [ -r "$1" ]; } || die "cannot lock $1: not a directory one can open"
	find "$1" -maxdepth 0 -perm /044 -exec chmod go-r {} + || die "cannot lock $1: its mode cannot be changed"
	eval "exec $2<\"\$1\""
	flock -w "${4:-10}" "$2" ||
		die "cannot lock $1: another command is at work on $3 (or the file system knows no locks)"
}

# begin_file FILE: sets partial to where it is written until it is whole, and opens that as descriptor
# 7, so that what hinders it is known before anything is done. Nobody else may read what was private,
# and whoever may write to the directory cannot turn what is written to another file.
begin_file() {
	{ [ ! -e "$1" ] && [ ! -L "$1" ]; } || die "cannot write $1: it is there already"
	partial=$1.partial
	rm -f -- "$partial"
	umask 077
	set -C
	{ command exec 7>"$partial"; } 2>/dev/null || die "cannot write $partial"
	set +C
	umask 022
	# What is no regular file, a fifo for one, is opened all the same.
	[ -f /proc/self/fd/7 ] || die "cannot write $partial: somebody has put another file in its place"
}

# end_file FILE: what is written gets its name.
end_file() {
	[ "$(stat -c %d:%i -- "$partial")" = "$(stat -Lc %d:%i /proc/self/fd/7)" ] ||
		die "cannot write $1: somebody has put another file in place of $partial"
	mv -nT -- "$partial" "$1"
	[ ! -e "$partial" ] || die "cannot write $1: it has just appeared"
	sync -- "$(dirname -- "$1")" || die "cannot write $1: its directory cannot be synced"
}

# Mount points at or below a directory, as this mount namespace sees them. Fails if that cannot be
# found out.
mounts_inside() {
	physical=$(realpath -e -- "$1") || return 1
	awk -v dir="$physical" '$5 == dir || index($5, dir "/") == 1 { print $5 }' /proc/self/mountinfo
}

# Delete one directory whose name says that it is waste, and nothing on any other file system; what
# is no directory is left alone.
delete_tree() {
	case ${1##*/} in
	.new-* | .old-* | .removed-*) ;;
	*) die "cannot delete $1: not a name that marks waste" ;;
	esac
	{ [ -d "$1" ] && [ ! -L "$1" ]; } || return 0
	mounts=$(mounts_inside "$1") || die "cannot delete $1: its mounts cannot be listed"
	[ -z "$mounts" ] || die "cannot delete $1: something is mounted at $(printf '%s' "$mounts" |
		head -n 1); unmount it first"
	rm -rf --one-file-system -- "$1" || die "cannot delete $1 wholly"
}
