# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
# The one command that deletes what is a user's. Read by trampoline-user.

# Is there certainly no process in the jail NAME?
is_idle() {
	jails=$(live_jails) ||
		die "cannot remove $1: $prefix/bin/trampoline --list does not say whether the jail is in use"
	busy=$(printf '%s\n' "$jails" | awk -v name="\"$1\"" '
		match($0, /"jail"[ ]*:[ ]*"[^"]*"/) && index(substr($0, RSTART, RLENGTH), name) {
			if (!match($0, /"processes"[ ]*:[ ]*0[ ]*[,}]/))
				n++
		}
		END { print n + 0 }')
	[ "$busy" -eq 0 ]
}

confirm() {
	[ "$yes" = no ] || return 0
	[ -t 0 ] || die "cannot remove $name without an answer: say --yes"
	printf 'Delete all that %s has? Type the name again: ' "$name" >&2
	read -r answer
	[ "$answer" = "$name" ] || die "$name is not removed"
}

# Everything of the user's below one directory NAME, whatever it is called while it is written.
write_archive() {
	partial=$archive.partial
	rm -f "$partial"
	# Nobody else may read what was private.
	(umask 077 && : >"$partial") || die "cannot write $partial"
	dotted=$(printf '%s' ".removed-$name" | sed 's/\./\\./g')
	if ! tar -C "$data" --one-file-system --numeric-owner --transform "s,^$dotted,$name,S" \
		-czf "$partial" ".removed-$name" || ! tar -tzf "$partial" >/dev/null || ! sync "$partial"; then
		die "cannot archive $name in $archive: nothing is deleted, $gone has it all"
	fi
	mv -nT "$partial" "$archive"
	[ ! -e "$partial" ] || die "cannot archive $name: $archive has just appeared"
}

remove() {
	[ $# -ge 1 ] || usage_error "remove takes a NAME"
	name=$1 archive='' yes=no
	is_name "$name" || usage_error "cannot use \"$name\": want [a-z_][a-z0-9_.-]*, at most 32"
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--archive)
			{ [ $# -ge 2 ] && [ -n "$2" ]; } || usage_error "--archive takes a file"
			archive=$2
			shift
			;;
		--yes) yes=yes ;;
		*) usage_error "unknown option \"$1\"" ;;
		esac
		shift
	done
	gone=$data/.removed-$name
	[ -d "$gone" ] || need_user "$name"
	if [ -n "$archive" ]; then
		[ -d "$(dirname "$archive")" ] || die "cannot write $archive: no such directory"
		[ ! -e "$archive" ] || die "cannot write $archive: it is there already"
		case $(cd -P "$(dirname "$archive")" && pwd)/ in
		"$(cd -P "$data" && pwd)"/*) die "cannot write $archive: it would be among the users' data" ;;
		esac
	fi
	is_idle "$name" || die "cannot remove $name: the jail is in use (trampoline --discard --kill $name)"
	confirm
	lock "$statedir" 9 "users"

	# Out of sight first: from here on no request can enter; then nobody who came just before is inside.
	if [ ! -d "$gone" ]; then
		[ -z "$(mounts_inside "$data/$name")" ] || die "cannot remove $name: something is mounted in $data/$name"
		attempt "rename $data/$name" mv -T "$data/$name" "$gone"
		"$prefix/bin/trampoline" --discard "$name" >&2 || :
		if ! is_idle "$name"; then
			mv -nT "$gone" "$data/$name"
			die "cannot remove $name: the jail is in use (trampoline --discard --kill $name)"
		fi
	fi
	[ -z "$archive" ] || write_archive
	delete_tree "$gone"
	say "$name is removed${archive:+; $archive has it all}"
	[ ! -d "$data/$name" ] || say "that was left by an interrupted remove; $name was added again and is there"
}
