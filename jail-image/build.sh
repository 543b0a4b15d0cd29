# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
# How a version comes to be. Read by trampoline-image; common.sh and audit.sh are there already.

# What a killed command left. Whoever still works on such a directory holds a lock on it.
remove_debris() {
	for path in "$home"/.new-*; do
		{ [ -d "$path" ] && [ ! -L "$path" ] && flock -n "$path" true; } || continue
		say "removing ${path##*/}, left by a build that was interrupted"
		delete_tree "$path"
	done
	for path in "$home"/[0-9]*.manifest; do
		old=$(basename "$path" .manifest)
		[ -e "$home/$old" ] || [ -e "$home/.old-$old" ] || rm -f "$path"
	done
}

is_taken() {
	[ -e "$home/$version" ] || [ -e "$home/.new-$version" ] || [ -e "$home/.old-$version" ]
}

# What a jail would make harmless, but the machine that has the image would not, goes from a tree.
disarm() (
	cd "$1" || exit
	refuse_odd_names || die "cannot use this tree: see the list above"
	# What follows would change that file.
	find . -xdev -type f -links +1 -printf '%i %n\n' |
		awk '{ seen[$1]++; links[$1] = $2 } END { for (i in seen) bad += seen[i] < links[i]; exit bad > 0 }' ||
		die "cannot use this tree: a file in it has a hard link outside"
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

# Everything an image is promised to be, whatever its recipe did; what that removes is told. A tree
# from elsewhere may be anybody's: nothing of it is followed, and what is removed by name has an
# honest one. Never in a condition: the shell would go on after an error.
tidy() (
	cd "$1" || exit
	find . -maxdepth 1 -type l -regex '\./\(home\|tmp\|dev\|proc\)' -delete
	for directory in home tmp dev proc etc etc/jail var; do
		if [ -L "$directory" ] || { [ -e "$directory" ] && [ ! -d "$directory" ]; }; then
			die "cannot use this tree: its $directory is not a directory"
		fi
	done
	mkdir -p home tmp dev proc etc/jail
	find home tmp dev proc -xdev -mindepth 1 -delete

	# The templates may be the tree's own.
	find etc/jail -mindepth 1 -maxdepth 1 ! -type f ! -type d \( -name passwd -o -name group \) -delete
	for file in jail/passwd jail/group passwd passwd- group group- shadow- gshadow- hosts hostname \
		resolv.conf machine-id; do
		if [ -d "etc/$file" ] && [ ! -L "etc/$file" ]; then
			die "cannot use this tree: its etc/$file is a directory"
		fi
		[ "${file%/*}" = jail ] || rm -f "etc/$file"
	done
	# The user's shell is the best that the image has.
	shell=/bin/sh
	[ -z "$(find . -maxdepth 3 -type f \( -path ./bin/bash -o -path ./usr/bin/bash \))" ] || shell=/bin/bash
	[ -e etc/jail/passwd ] ||
		printf '%s\n' "$passwd_template" | sed "s|/bin/sh\$|$shell|" >etc/jail/passwd
	[ -e etc/jail/group ] || printf '%s\n' "$group_template" >etc/jail/group
	ln -s ../home/.etc/passwd ../home/.etc/group etc

	# Nothing of the machine that built it.
	printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >etc/hosts
	echo jail >etc/hostname
	: >etc/machine-id
	cat "${resolv_conf:-/dev/null}" >etc/resolv.conf
	if [ -d var ]; then
		rm -rf --one-file-system var/tmp
		ln -s ../tmp var/tmp
	fi
	chmod a+rx . # a directory of mktemp(1) is the root of a tree, too
	disarm .
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

# However it ends before the version has its name.
abandon() {
	[ -z "$child" ] || kill -KILL "$child" 2>/dev/null || :
	wait
	delete_tree "$work"
	flock -n "$home" rmdir "$home" 2>/dev/null || : # it is empty if this was to be the first version
	say "the $verb of $name@$version was given up"
}

# begin_version VERB [VERSION]: makes the directory of a version that comes to be, and the tree in it;
# of one named after the time where none is given. It is closed to all others, because a program that
# is set-uid in a tree from elsewhere is so until the tree is tidied.
begin_version() {
	verb=$1 child=''
	install -d -m 711 "$home"
	lock "$home" 9 "image $name"
	remove_debris
	if [ $# -eq 1 ]; then
		while version=$(date -u +%Y%m%d-%H%M%S) && is_taken; do sleep 0.1; done
	elif version=$2 && is_taken; then
		die "cannot $verb $name@$version: another command is at work on it, or was (see $program prune)"
	fi
	work=$home/.new-$version
	tree=$work/$version
	trap abandon EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir -m 700 "$work"
	mkdir "$tree"
	lock "$work" 8 "$work"
	exec 9<&-
}

# finish_version MANIFEST: audits the tree, which is to have that manifest, or its own where it is to
# be $work/manifest, and gives the version its name.
finish_version() {
	say "auditing"
	make_manifest "$tree" >"$work/manifest" || die "cannot write the manifest of $name@$version"
	# shellcheck disable=SC2094 # it is read twice, and written by nobody
	audit_tree "$tree" "$1" <"$work/manifest" >&2 ||
		die "cannot $verb $name: $name@$version fails its audit"
	# Its data before its name: a power cut must not leave a version with holes.
	sync -f "$work"

	# Others have it for as long as an audit takes; the work of minutes waits for that.
	lock "$home" 9 "image $name" 3600
	mv -T "$work/manifest" "$home/$version.manifest"
	mv -T "$tree" "$home/$version"
	delete_tree "$work"
	trap - EXIT
	say "$name@$version is complete"
	[ "$activate" = no ] || switch_to "$version"
	printf '%s@%s\n' "$name" "$version"
}

do_build() {
	[ $# -ge 1 ] || usage_error "build takes a NAME"
	name=$1 home=$images/$1
	need_name "$name"
	case $name in
	*@*) usage_error "\"$name\" is no image's name: @ stands before a version" ;;
	esac
	shift
	option='' recipe='' from='' resolv_conf='' activate=yes
	# Options that are not ours go to the recipe, in their order.
	for word; do
		shift
		case $option,$word in
		?*,) usage_error "$option takes a value" ;;
		--recipe,*) recipe=$word option='' ;;
		--from,*) from=$word option='' ;;
		--resolv-conf,*) resolv_conf=$word option='' ;;
		,--recipe | ,--from | ,--resolv-conf) option=$word ;;
		,--no-activate) activate=no ;;
		*) set -- "$@" "$word" ;;
		esac
	done
	[ -z "$option" ] || usage_error "$option takes a value"
	case $recipe,$from in
	,) usage_error "build wants --recipe RECIPE or --from DIR" ;;
	,?*)
		[ $# -eq 0 ] || usage_error "\"$1\" is no option beside --from"
		{ [ -d "$from" ] && from=$(realpath -e -- "$from"); } || die "cannot build $name from $from: not a directory"
		case $(realpath -m -- "$images")/ in
		"${from%/}"/*) die "cannot copy $from: the images are inside it" ;;
		esac
		;;
	?*,?*) usage_error "--recipe and --from exclude each other" ;;
	*/* | .*) usage_error "recipes are files in $share/recipes, and \"$recipe\" is no name of one" ;;
	*) [ -x "$share/recipes/$recipe" ] || die "cannot find recipe $recipe in $share/recipes: see $program --help" ;;
	esac
	[ -z "$resolv_conf" ] || { [ -f "$resolv_conf" ] && resolv_conf=$(realpath -e -- "$resolv_conf"); } ||
		die "cannot read $resolv_conf: not a file"

	begin_version build
	say "building $name@$version from ${from:-recipe $recipe}"
	if [ -n "$recipe" ]; then
		run_contained "$share/recipes/$recipe" "$tree" "$@" ||
			die "cannot build $name: recipe $recipe failed"
	else
		run_contained cp -a --one-file-system -- "$from/." "$tree" ||
			die "cannot build $name: $from could not be copied"
	fi
	say "tidying"
	tidy "$tree" >&2
	finish_version "$work/manifest"
}
