# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
# What trampoline-image and trampoline-user share. The script that reads this file has set
# program, prefix, sysconfdir and statedir.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
unset TMPDIR CDPATH
umask 022

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

need_root() {
	[ "$(id -u)" -eq 0 ] || die "cannot go on: this needs root (run it with sudo)"
}

# The rule for names of jails and images; the launcher has the same one.
is_name() {
	case $1 in
	'' | [!a-z_]* | *[!a-z0-9_.-]*) return 1 ;;
	esac
	[ "${#1}" -le 32 ]
}

# Digits alone, no leading zero, short enough for the shell's arithmetic.
is_number() {
	case $1 in
	0) return 0 ;;
	'' | 0* | *[!0-9]*) return 1 ;;
	esac
	[ "${#1}" -le 10 ]
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

# Delete one directory whose name says that it is waste, and nothing else on any other file system.
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

# config_value SECTION KEY DEFAULT FILE...: the first file that sets the key wins.
config_value() {
	section=$1 key=$2 default=$3
	shift 3
	for file; do
		[ -e "$file" ] || continue
		value=$(awk -v section="[$section]" -v key="$key" '
			/^[ \t]*\[/ { gsub(/^[ \t]+/, ""); inside = substr($0, 1, index($0, "]")) == section; next }
			inside && match($0, /^[ \t]*[a-z_]+[ \t]*[=:]/) {
				name = substr($0, 1, RLENGTH - 1)
				gsub(/[ \t]/, "", name)
				if (name != key)
					next
				text = substr($0, RLENGTH + 1)
				sub(/[ \t];.*$/, "", text)
				gsub(/^[ \t]+|[ \t]+$/, "", text)
				print text
				exit
			}' "$file") || die "cannot read $file"
		if [ -n "$value" ]; then
			printf '%s\n' "$value"
			return
		fi
	done
	printf '%s\n' "$default"
}

# The keeper's list of live jails, one object a line, or failure: nobody guesses about live jails.
live_jails() {
	json=$("$prefix/bin/trampoline" --list --json) || return 1
	json=$(printf '%s' "$json" | tr -d '\n')
	case $json in
	'['*']') ;;
	*) return 1 ;;
	esac
	printf '%s\n' "$json" | sed 's/}[^{]*{/}\n{/g'
}
