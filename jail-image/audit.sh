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

# The manifest of a tree: PATH TYPE MODE OWNER SIZE HASH-OR-LINK-TARGET, TAB between, then
# "complete". The size of a directory is its file system's affair.
make_manifest() (
	cd "$1" || exit 2
	{
		find . -xdev -type f -exec sha256sum -z {} + | tr '\0' '\n'
		echo objects
		list_objects
	} | awk -F '\t' -v OFS='\t' '
		$0 == "objects" { objects = 1; next }
		!objects { hash["/" substr($0, 69)] = substr($0, 1, 64); next }
		$0 == "complete" { complete = 1; next }
		$2 == "f" && !($1 in hash) { unread = 1 }
		{ print $1, $2, $3, $4, $2 == "d" ? "-" : $5, $2 == "l" ? $6 : $2 == "f" ? hash[$1] : "-" }
		END { if (!complete || unread) exit 2; print "complete" }'
)

# Lists have one object a line, so a control character in a name or link could forge an entry of
# another. Prints each; status 3 if there are any, 2 if it could not look everywhere.
refuse_odd_names() {
	odd=$(find . -xdev \( -name '*[[:cntrl:]]*' -o -lname '*[[:cntrl:]]*' \) \
		-printf '%p: has a control character in its name or link\n' | tr -c '[:print:]\n' '?')
	[ -n "$odd" ] || return 0
	printf '%s\n' "$odd"
	return 3
}

# Prints findings; status 1 if one of them is a harm, 2 if it could not look everywhere, 3 if what
# it found makes a further look worthless.
audit_structure() (
	cd "$1" || exit 2
	mounts=$(mounts_inside .) || exit 2
	if [ -n "$mounts" ] && [ "$mounts" != "$(pwd -P)" ]; then
		printf '%s\n' "$mounts" | sed 's/$/: is a mount inside the image/'
		exit 1
	fi
	refuse_odd_names || exit
	{
		list_objects
		getfattr -R -P -h -m - --absolute-names . && echo complete
	} | awk -f "$share/audit.awk"
)

# Prints what differs from the manifest; status as audit_structure.
verify_manifest() {
	[ -r "$2" ] || {
		echo "$2: there is no manifest"
		return 1
	}
	[ "$(tail -n 1 "$2")" = complete ] || {
		echo "$2: is cut short: build a new version"
		return 1
	}
	make_manifest "$1" | awk -F '\t' '
		NR == FNR { was[$1] = $0; next }
		!($1 in was) { print $1 ": is not in the manifest"; n++; next }
		was[$1] != $0 { print $1 ": is " rest($0) ", and in the manifest " rest(was[$1]); n++ }
		{ delete was[$1] }
		END {
			if ("complete" in was)
				exit 2
			for (path in was) { print path ": is in the manifest, but no longer in the image"; n++ }
			exit n > 0
		}
		function rest(line) { sub(/^[^\t]*\t/, "", line); gsub(/\t/, " ", line); return line }' "$2" -
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
