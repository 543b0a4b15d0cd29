# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
# Is this tree fit to be an image? Read by trampoline-image, which has set name, home and version.

# Each list ends in a word of its own, so that a list cut short is never taken for a short list.
list_objects() {
	{
		find . -xdev -printf '/%P\t%y\t%m\t%U:%G\t%s\t%l\t%n\t%D:%i\n' && echo complete
	} | sort
}

make_manifest() (
	cd "$1" || exit 2
	{
		find . -xdev -type f -printf './%P\0' | xargs -0r sha256sum -z | tr '\0' '\n'
		echo objects
		list_objects
	} | awk -f "$share/manifest.awk"
)

# Lists have one object a line, so a control character in a name or link could forge an entry of another.
# Prints each; status 3 if there are any, 2 if it could not look everywhere.
refuse_odd_names() {
	odd=$(find . -xdev \( -name '*[[:cntrl:]]*' -o -lname '*[[:cntrl:]]*' \) -printf 'x') || return 2
	[ -n "$odd" ] || return 0
	find . -xdev \( -name '*[[:cntrl:]]*' -o -lname '*[[:cntrl:]]*' \) \
		-printf '%p: has a control character in its name or link\n' | tr -c '[:print:]\n' '?'
	return 3
}

# Prints findings; status 1 if there are any, 2 if it could not look everywhere, 3 if what it found makes
# a further look worthless.
audit_structure() (
	cd "$1" || exit 2
	mounts=$(mounts_inside .) || exit 2
	if [ -n "$mounts" ] && [ "$mounts" != "$(pwd -P)" ]; then
		printf '%s\n' "$mounts" | sed 's/$/: is a mount inside the image/'
		exit 1
	fi
	refuse_odd_names || exit
	status=0
	list_objects | awk -f "$share/audit.awk" || status=$?
	{
		getfattr -R -P -h -m - --absolute-names . && echo '# complete'
	} | awk '
		/^# complete$/ { complete = 1; next }
		/^# file: / { path = substr($0, 10); next }
		# SELinux labels every file of its host.
		$0 == "" || $0 == "security.selinux" { next }
		$0 == "security.capability" { print path ": has file capabilities"; n++; next }
		{ print path ": has the extended attribute " $0; n++ }
		END { exit complete ? n > 0 : 2 }' || status=$(($? > status ? $? : status))
	exit "$status"
)

# Prints what differs; status as audit_structure.
verify_manifest() {
	[ -r "$2" ] || {
		echo "$2: there is no manifest"
		return 1
	}
	[ "$(tail -n 1 "$2")" = complete ] || {
		echo "$2: is cut short: build a new version"
		return 1
	}
	make_manifest "$1" | awk -f "$share/verify.awk" "$2" -
}

# audit_version: both, on a version; says how it went.
audit_version() {
	status=0
	audit_structure "$home/$version" || status=$?
	if [ "$status" -le 1 ]; then
		verify_manifest "$home/$version" "$home/$version.manifest" || status=$(($? > status ? $? : status))
	fi
	case $status in
	0) return 0 ;;
	1 | 3) say "$name@$version fails its audit: see the list above" ;;
	*) say "cannot audit $name@$version: it could not be read to the end" ;;
	esac
	return 1
}
