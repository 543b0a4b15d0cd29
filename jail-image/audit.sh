# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
# Is this tree fit to be an image? Read by trampoline-image, which has set name, home and version.

# Prints the manifest of a tree: PATH TYPE MODE OWNER SIZE HASH-OR-LINK-TARGET, TAB between, then
# "complete", so that a list cut short is never taken for a short list. The size of a directory is
# its file system's affair.
make_manifest() (
	cd "$1" || exit 2
	{
		find . -xdev -type f -exec sha256sum -z {} + | tr '\0' '\n'
		echo objects
		{ find . -xdev -printf '/%P\t%y\t%m\t%U:%G\t%s\t%l\n' && echo complete; } | sort
	} | awk -F '\t' -v OFS='\t' '
		$0 == "objects" { objects = 1; next }
		!objects { hash["/" substr($0, 69)] = substr($0, 1, 64); next }
		$0 == "complete" { complete = 1; next }
		$2 == "f" && !($1 in hash) { unread = 1 }
		{ print $1, $2, $3, $4, $2 == "d" ? "-" : $5, $2 == "l" ? $6 : $2 == "f" ? hash[$1] : "-" }
		END { if (!complete || unread) exit 2; print "complete" }'
)

# Lists have one object a line, so a control character in a name or link could forge an entry of
# another. Prints each object that has one; status 1 if there are any.
refuse_odd_names() {
	odd=$(find . -xdev \( -name '*[[:cntrl:]]*' -o -lname '*[[:cntrl:]]*' \) \
		-printf '%p: has a control character in its name or link\n' | tr -c '[:print:]\n' '?')
	[ -z "$odd" ] || ! printf '%s\n' "$odd"
}

# audit_tree DIRECTORY MANIFEST <MANIFEST-OF-NOW: prints what is wrong and what differs; status 1
# if that is a harm, 2 if the tree could not be read to the end.
audit_tree() (
	if [ ! -r "$2" ]; then
		echo "$2: there is no manifest"
		exit 1
	elif [ "$(tail -n 1 "$2")" != complete ]; then
		echo "$2: is cut short: build a new version"
		exit 1
	fi
	cd "$1" || exit 2
	mounts=$(mounts_inside .) || exit 2
	if [ -n "$mounts" ] && [ "$mounts" != "$(pwd -P)" ]; then
		printf '%s\n' "$mounts" | sed 's/$/: is a mount inside the image/'
		exit 1
	fi
	refuse_odd_names || exit
	{
		cat "$2" -
		find . -xdev -printf '/%P\t%n\t%D:%i\n' && echo complete
		getfattr -R -P -h -m - --absolute-names . && echo complete
	} | awk -f "$share/audit.awk"
)

# Audits the version; says how it went, and fails if it does not pass.
audit_version() {
	status=0
	make_manifest "$home/$version" | audit_tree "$home/$version" "$home/$version.manifest" || status=$?
	case $status in
	0) ;;
	1) say "$name@$version fails its audit: see the list above, and build a new version" ;;
	*) say "cannot audit $name@$version: it could not be read to the end" ;;
	esac
	return "$status"
}
