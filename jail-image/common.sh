# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034
# What trampoline-image and trampoline-user share. The script that reads this file has set
# program, release, prefix and statedir.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
unset TMPDIR CDPATH
umask 022
keeper=$prefix/libexec/trampoline/keeper-$release

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
	case $* in
	cannot*) say "$*" ;;
	*) say "cannot read the command line: $*" ;;
	esac
	say "try: $program --help"
	exit 2
}

# run COMMANDS COMMAND [ARGUMENT]...: calls the function COMMAND, if it is one of the COMMANDS.
run() {
	commands=$1
	shift
	[ $# -ge 1 ] || usage_error "no command is given"
	for word; do
		case $word in
		-h | --help)
			usage
			exit
			;;
		esac
	done
	command=$1
	shift
	case " $commands --version " in
	*" $command "*) ;;
	*) usage_error "cannot use \"$command\": no such command" ;;
	esac
	if [ "$command" = --version ]; then
		echo "$program $release"
		exit
	fi
	[ "$(id -u)" -eq 0 ] || die "cannot go on: this needs root (run it with sudo)"
	"$command" "$@"
}

# The rule for names of jails and images; the launcher has the same one.
is_name() {
	case $1 in
	'' | [!a-z_]* | *[!a-z0-9_.-]*) return 1 ;;
	esac
	[ "${#1}" -le 32 ]
}

need_name() {
	is_name "$1" || usage_error "cannot use name \"$1\": want [a-z_][a-z0-9_.-]*, at most 32"
}

# lock DIRECTORY NUMBER WHAT [SECONDS]: hold an exclusive lock on DIRECTORY until this process ends.
lock() {
	{ [ -d "$1" ] && [ -r "$1" ]; } || die "cannot lock $1: not a directory one can open"
	eval "exec $2<\"\$1\""
	flock -w "${4:-10}" "$2" ||
		die "cannot lock $1: another command is at work on $3 (or the file system knows no locks)"
}

# Mount points at or below a directory, as this mount namespace sees them.
mounts_inside() {
	physical=$(cd -P -- "$1" && pwd -P) || return 1
	findmnt -rno TARGET | awk -v dir="$physical" '$0 == dir || index($0, dir "/") == 1'
}

# Delete one directory whose name says that it is waste, and nothing on any other file system.
delete_tree() {
	case ${1##*/} in
	.new-* | .old-* | .removed-*) ;;
	*) die "cannot delete $1: not a name that marks waste" ;;
	esac
	if [ -L "$1" ] || [ ! -d "$1" ]; then
		die "cannot delete $1: not a directory"
	fi
	mounts=$(mounts_inside "$1") || die "cannot delete $1: its mounts cannot be listed"
	[ -z "$mounts" ] || die "cannot delete $1: something is mounted at $(printf '%s' "$mounts" |
		head -n 1); unmount it first"
	rm -rf --one-file-system -- "$1" || die "cannot delete $1 wholly"
}
