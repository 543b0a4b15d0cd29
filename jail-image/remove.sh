# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
# The one command that deletes what is a user's. Read by trampoline-user.

# need_idle DIRECTORY: die unless no process has the uid of the user whose data are there. Where
# there is neither home nor tmp, nothing is left that a process could use; root's are no user's.
need_idle() {
	for path in "$1/home/$name" "$1/tmp"; do
		uid=$(stat -c %u -- "$path" 2>&1) || case $uid in
		*': No such file or directory') continue ;;
		*) die "cannot remove $name: $uid" ;;
		esac
		[ "$uid" -ne 0 ] || continue
		answer=$(ask uid "$uid") ||
			die "cannot remove $name: $keeper does not say whether a process has uid $uid"
		[ -z "$answer" ] ||
			die "cannot remove $name: the jail is in use by $answer (trampoline --discard --kill $name)"
	done
}

# confirm DIRECTORY: unless --yes has been said, the name must be typed again.
confirm() {
	[ "$yes" = no ] || return 0
	[ -t 0 ] || die "cannot remove $name without an answer: say --yes"
	printf 'Delete all that is in %s? Type the name of the user again: ' "$1" >&2
	read -r answer
	[ "$answer" = "$name" ] || die "$name is not removed"
}

# Everything of the user's below one directory NAME, whatever it is called while it is written. A
# colon in the file's name is no other machine. It takes long, so processes are looked for again.
write_archive() {
	# A subvolume is no mount, and neither tar nor rm says that it leaves it out.
	[ "$(find "$gone" -xdev -printf '%D\n' | sort -u | wc -l)" -eq 1 ] ||
		die "cannot archive $name: another file system or a subvolume is below $data/$name; nothing is deleted"
	if ! tar -C "$gone" --force-local --one-file-system --numeric-owner --acls --xattrs --sparse \
		--transform "s,^\.,$name,S" -czf - . >&7 ||
		! tar --force-local -tzf "$partial" >/dev/null || ! sync -- "$partial"; then
		die "cannot archive $name in $archive: nothing is deleted"
	fi
	sockets=$(find "$gone" -xdev -type s -printf x | wc -c) # which tar leaves out, and has named
	[ "$sockets" -eq 0 ] || left_out=" but sockets ($sockets), which hold no data"
	need_idle "$gone"
	end_file "$archive"
}

# However it ends before anything is deleted: the user is there again, and no half archive.
undo() {
	[ -z "$partial" ] || rm -f -- "$partial"
	[ "$is_hidden" = no ] || [ ! -d "$gone" ] || mv -nT "$gone" "$data/$name"
}

do_remove() {
	[ $# -ge 1 ] || usage_error "remove takes a NAME"
	name=$1 archive='' partial='' left_out='' yes=no is_hidden=no gone=$data/.removed-$1
	need_name "$name"
	shift
	while [ $# -gt 0 ]; do
		case $1,${2:-} in
		--yes,*) yes=yes ;;
		--archive,?*) archive=$2 && shift ;;
		--archive,) usage_error "--archive takes a file" ;;
		*) usage_error "\"$1\" is no option" ;;
		esac
		shift
	done
	# One remove at a time, which may take hours: the lock on the users is for what they wait for.
	install -d -m 700 "$statedir/.remove"
	lock "$statedir/.remove" 8 "a user's removal" 3600
	if [ -d "$gone" ]; then
		confirm "$gone, which an earlier remove has left"
	else
		need_user "$name"
		need_idle "$data/$name"
		confirm "$data/$name"
	fi
	lock "$statedir" 9 "users"
	trap undo EXIT
	trap 'exit 1' HUP INT TERM
	case ${archive:+$(realpath -m -- "$archive")} in
	"$(realpath -e -- "$data")"/*) die "cannot write $archive: it would be among the users' data" ;;
	esac
	[ -z "$archive" ] || begin_file "$archive"

	# Out of sight first: from here on no request can enter.
	if [ ! -d "$gone" ]; then
		mounts=$(mounts_inside "$data/$name") || die "cannot remove $name: its mounts cannot be listed"
		[ -z "$mounts" ] || die "cannot remove $name: something is mounted in $data/$name; unmount it first"
		is_hidden=yes
		attempt "rename $data/$name" mv -T "$data/$name" "$gone"
	fi
	# Then no launcher is on its way in: a discard waits for those that are.
	said=$("$prefix/bin/trampoline" --discard "$name" 2>&1) || case $said in
	*': it is not live') ;;
	*) die "cannot remove $name: $said" ;;
	esac
	need_idle "$gone"
	exec 9<&-
	[ -z "$archive" ] || write_archive
	is_hidden=no
	delete_tree "$gone"
	say "$name is removed${archive:+; $archive has it all$left_out}"
	policy=$sysconfdir/trampoline/jails.d/$name.conf
	[ ! -e "$policy" ] || say "the policy for a user of this name, $policy, stays: delete it if it was for this one alone"
	[ ! -d "$data/$name" ] || say "that was left by an interrupted remove; $name was added again and is there"
}
