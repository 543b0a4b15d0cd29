# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
# How a version gets to another machine: an archive of NAME/VERSION.manifest and, behind it, the tree
# NAME/VERSION. Read by trampoline-image.

do_export() {
	[ $# -eq 2 ] || usage_error "export takes a NAME[@VERSION] and a FILE"
	need_image "$1"
	[ -n "$version" ] || die "cannot export image $name: it has no current version; name one of $program list $name"
	need_zstd "export $name@$version"
	begin_file "$2"
	trap 'rm -f -- "$partial"' EXIT
	trap 'exit 1' HUP INT TERM
	audit_version >&2 || exit 1
	tar --force-local --zstd -C "$images" --one-file-system --numeric-owner --sort=name -cf - \
		-- "$name/$version.manifest" "$name/$version" >&7 || die "cannot export $name@$version to $2"
	sync -- "$partial"
	end_file "$2"
	say "$name@$version is in $2"
}

need_zstd() {
	command -v zstd >/dev/null || die "cannot $1: zstd is missing; apt install zstd"
}

# The manifest as the archive has it.
print_manifest() {
	tar --force-local -xOf "$file" --occurrence=1 -- "$name/$version.manifest"
}

# The archive may be anybody's. Its first member says which version it is; only what is below that is
# unpacked, where nobody else gets in, and by tar, which follows no link and no name that leads out.
# What of it could harm this machine is taken away, and what is not then as the manifest says fails.
do_import() {
	file=${1:-} activate=no
	case $#,${2:-} in
	1,) ;;
	2,--activate) activate=yes ;;
	*) usage_error "import takes one FILE and --activate" ;;
	esac
	need_zstd "import $file"
	member=$(tar --force-local -tf "$file" | head -n 1)
	printf '%s\n' "$member" | grep -qxE '[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}/[0-9]{8}-[0-9]{6}(\.[0-9]{1,9})?\.manifest' ||
		die "cannot import $file: it is no archive that $program export has made"
	name=${member%%/*} version=${member##*/}
	version=${version%.manifest} home=$images/$name
	if [ -d "$home/$version" ]; then
		lock "$home" 9 "image $name"
		remove_debris
		print_manifest | cmp -s - "$home/$version.manifest" ||
			die "cannot import $name@$version: it is there already, with other content"
		say "$name@$version is there already"
		[ "$activate" = no ] || do_activate "$name@$version"
		return
	fi
	begin_version import "$version"
	say "unpacking $name@$version"
	run_contained tar --force-local -C "$work" --strip-components=1 --numeric-owner -xf "$file" \
		-- "$name/$version" || die "cannot import $name@$version: $file could not be unpacked"
	[ ! -L "$tree" ] || die "cannot import $name@$version: it is a link"
	print_manifest >"$work/wanted"
	disarm "$tree" >&2
	finish_version "$work/wanted"
}
