# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
# How a version comes to be. Read by trampoline-image; common.sh and audit.sh are there already.

# What a killed command left. Whoever still works on such a directory holds a lock on it.
remove_debris() {
	for path in "$home"/.new-*; do
		{ [ -d "$path" ] && [ ! -L "$path" ]; } || continue
		flock -n "$path" true || continue
		say "removing ${path##*/}, left by a build that was interrupted"
		delete_tree "$path"
	done
	for path in "$home"/[0-9]*.manifest; do
		old=${path##*/}
		old=${old%.manifest}
		[ -e "$home/$old" ] || [ -e "$home/.old-$old" ] || rm -f "$path"
	done
}

# A name for the new version that nobody has; the time, and a number if the second is taken.
new_version() {
	stamp=$(date -u +%Y%m%d-%H%M%S)
	version=$stamp
	number=1
	while [ -e "$home/$version" ] || [ -e "$home/.new-$version" ] || [ -e "$home/.old-$version" ]; do
		version=$stamp.$number
		number=$((number + 1))
	done
}

# Everything an image is promised to be, whatever its recipe did; what that removes is told. A tree
# from elsewhere may be anybody's: nothing of it is followed, and what is removed by name has an
# honest one. Never in a condition: the shell would go on after an error.
tidy() (
	cd "$1" || exit
	refuse_odd_names || die "cannot use this tree: see the list above"
	for directory in home tmp dev proc etc etc/jail var; do
		case $directory in
		etc* | var) ;;
		*) [ ! -L "$directory" ] || rm -f "$directory" ;;
		esac
		if [ -L "$directory" ] || { [ -e "$directory" ] && [ ! -d "$directory" ]; }; then
			die "cannot use this tree: its $directory is not a directory"
		fi
	done
	mkdir -p home tmp dev proc etc/jail
	find home tmp dev proc -xdev -mindepth 1 -delete

	for file in jail/passwd jail/group passwd passwd- group group- shadow- gshadow- hosts hostname \
		resolv.conf machine-id; do
		if [ -d "etc/$file" ] && [ ! -L "etc/$file" ]; then
			die "cannot use this tree: its etc/$file is a directory"
		fi
		# The templates may be the tree's own.
		case $file in
		jail/*) find "etc/$file" -maxdepth 0 ! -type f -delete 2>/dev/null || : ;;
		*) rm -f "etc/$file" ;;
		esac
	done
	# One line for root, one for the jail's user, whose shell is the best the image has.
	shell=/bin/sh
	[ ! -x bin/bash ] || shell=/bin/bash
	[ -e etc/jail/passwd ] || printf '%s\n' root:x:0:0:root:/root:/usr/sbin/nologin \
		"@USER@:x:@UID@:@GID@:@USER@:/home/@USER@:$shell" >etc/jail/passwd
	[ -e etc/jail/group ] || printf 'root:x:0:\n@USER@:x:@GID@:\n' >etc/jail/group
	ln -s ../home/.etc/passwd etc/passwd
	ln -s ../home/.etc/group etc/group

	# Nothing of the machine that built it.
	printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >etc/hosts
	echo jail >etc/hostname
	: >etc/machine-id
	cat "${resolv_conf:-/dev/null}" >etc/resolv.conf
	if [ -d var ]; then
		rm -rf --one-file-system var/tmp
		ln -s ../tmp var/tmp
	fi

	# A jail would make this harmless; the machine that has the image does not.
	find . -xdev ! -type f ! -type d ! -type l -printf 'removed %p (a device, fifo or socket)\n' -delete
	getfattr -R -P -h -m - --absolute-names . | while IFS= read -r line; do
		case $line in
		# It writes a backslash so; what else it would write in numbers has been refused.
		'# file: '*) path=$(printf '%s\n' "${line#'# file: '}" | sed 's/\\134/\\/g') ;;
		'' | security.selinux) ;;
		*) setfattr -h -x "$line" "$path" && echo "removed attribute $line of $path" ;;
		esac
	done
	chown -hR 0:0 .
	find . -xdev ! -type l -perm /7022 -exec chmod a-st,go-w {} +
)

# Run a command where it can leave nothing: its mounts and processes go when it goes, and it goes
# when we do, however we do. In the background, because only "wait" lets a signal through.
run_contained() {
	setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child \
		--mount-proc "$@" >&2 &
	child=$!
	status=0
	wait "$child" || status=$?
	child=
	return "$status"
}

abandon() {
	status=$?
	if [ -n "${child:-}" ]; then
		kill -KILL "$child" 2>/dev/null || :
		wait "$child" 2>/dev/null || :
	fi
	[ ! -d "$work" ] || delete_tree "$work"
	flock -n "$home" rmdir "$home" 2>/dev/null || : # it is empty if this was to be the first version
	[ "$status" -eq 0 ] || say "the build of $name@$version was given up"
}

build() {
	[ $# -ge 1 ] || usage_error "build takes a NAME"
	name=$1 home=$images/$1
	need_name "$name"
	shift
	recipe='' from='' resolv_conf='' activate=yes
	# Options that are not ours go to the recipe, in their order.
	count=$#
	while [ "$count" -gt 0 ]; do
		count=$((count - 1))
		case $1 in
		--recipe | --from | --resolv-conf)
			{ [ "$count" -ge 1 ] && [ -n "$2" ]; } || usage_error "$1 takes a value"
			case $1 in
			--recipe) recipe=$2 ;;
			--from) from=$2 ;;
			--resolv-conf) resolv_conf=$2 ;;
			esac
			shift
			count=$((count - 1))
			;;
		--no-activate) activate=no ;;
		*) set -- "$@" "$1" ;;
		esac
		shift
	done
	case $recipe,$from in
	,) usage_error "build wants --recipe RECIPE or --from DIR" ;;
	,?*)
		[ $# -eq 0 ] || usage_error "cannot use \"$1\" with --from"
		from=$(cd -P -- "$from" 2>/dev/null && pwd) || die "cannot build $name from $from: not a directory one can enter"
		case $(cd -P "$images" && pwd)/ in
		"${from%/}"/*) die "cannot copy $from: the images are inside it" ;;
		esac
		;;
	?*,?*) usage_error "cannot use --recipe and --from together" ;;
	*/* | .*) usage_error "cannot use recipe \"$recipe\": recipes are files in $share/recipes" ;;
	*) [ -x "$share/recipes/$recipe" ] || die "cannot find recipe $recipe in $share/recipes" ;;
	esac
	[ -z "$resolv_conf" ] || { [ -f "$resolv_conf" ] && resolv_conf=$(realpath -e -- "$resolv_conf"); } ||
		die "cannot read $resolv_conf: not a file"

	mkdir -p "$home"
	lock "$home" 9 "image $name"
	remove_debris
	new_version
	work=$home/.new-$version
	trap abandon EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir "$work"
	lock "$work" 8 "$work"
	exec 9<&-

	tree=$work/tree
	mkdir "$tree"
	say "building $name@$version from ${from:-recipe $recipe}"
	if [ -n "$recipe" ]; then
		run_contained "$share/recipes/$recipe" "$tree" "$@" ||
			die "cannot build $name: recipe $recipe failed"
	else
		run_contained cp -a --one-file-system "$from/." "$tree" ||
			die "cannot build $name: $from could not be copied"
	fi
	say "tidying"
	tidy "$tree" >&2
	say "auditing"
	audit_structure "$tree" >&2 || die "cannot build $name: the new image fails its audit"
	make_manifest "$tree" >"$work/manifest" || die "cannot write the manifest of the new image"
	# Its data before its name: a power cut must not leave a version with holes.
	sync -f "$work"

	# Others have it for as long as an audit takes; the work of minutes waits for that.
	lock "$home" 9 "image $name" 3600
	mv -T "$work/manifest" "$home/$version.manifest"
	mv -T "$tree" "$home/$version"
	delete_tree "$work"
	say "$name@$version is complete"
	[ "$activate" = no ] || switch_to "$version"
	printf '%s@%s\n' "$name" "$version"
}
