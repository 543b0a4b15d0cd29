#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs for arm64: built by Debian's cross compiler with the musl, libraries and headers of Debian's arm64,
# looked at as the others are, and the unit tests run by qemu-user. It translates the instructions of a program and
# hands its system calls to this machine's kernel. The packages of arm64 are unpacked below BUILD/arm64, not installed.
set -eu
cd "$(dirname "$0")/../.."
export LC_ALL=C.UTF-8
mkdir -p "${BUILD:=build/test}/arm64"
top=$(pwd)
build=$(cd "$BUILD/arm64" && pwd)
root=$build/root
programs=$build/programs
triplet=aarch64-linux-gnu
packages='libc6-dev libmount-dev libcap-dev libseccomp-dev musl-dev check'
count=0

skip_all() {
	printf '1..0 # SKIP %s\n' "$*"
	exit 0
}

# verdict DESCRIPTION COMMAND...
verdict() {
	count=$((count + 1)) description=$1
	shift
	if "$@" >"$build/log" 2>&1; then
		echo "ok $count - $description"
		return
	fi
	echo "not ok $count - $description"
	tail -n 30 "$build/log" | cut -c 1-400 | sed 's/^/#   /'
	return 1
}

# numbered PREFIX: another program's TAP, in BUILD/arm64/tap, becomes part of ours; that it kept its plan is one
# result more.
numbered() {
	awk -v count="$count" -v prefix="$1" '
		/^1\.\./ { planned = substr($1, 4); next }
		/^(not )?ok / { seen++; match($0, /^(not )?ok /); start = substr($0, 1, RLENGTH)
			sub(/^(not )?ok [0-9]* *-? */, ""); print start (count + seen) " - " prefix $0; next }
		{ print }
		END {
			seen++
			print (planned == seen - 1 && planned > 0 ? "" : "not ") "ok " (count + seen) " - " prefix "all have been run"
		}' "$build/tap" >"$build/numbered"
	cat "$build/numbered"
	count=$((count + $(grep -cE '^(not )?ok ' "$build/numbered")))
}

[ "$(uname -m)" != aarch64 ] || skip_all "this machine is arm64: make unit is what shows it"
for tool in $triplet-gcc $triplet-readelf qemu-aarch64 pkg-config apt-get dpkg-deb; do
	command -v "$tool" >/dev/null || skip_all "there is no $tool; make check-arm64 as root installs it"
done

# --- what Debian's arm64 has ---------------------------------------------------------------------

debian() { "$top/tests/debian" "$build/apt" "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" arm64 "$@"; }

fetch() {
	debian get update || return 1
	# shellcheck disable=SC2086 # a list of words
	all=$(debian get -s --no-install-recommends install $packages) || return 1
	rm -rf --one-file-system "$root" "$root.new" "$build/packages" || return 1
	mkdir -p "$root.new" "$build/packages" || return 1
	# shellcheck disable=SC2046 # a list of words
	(cd "$build/packages" && debian get download $(echo "$all" | sed -n 's/^Inst \([^ ]*\).*/\1/p')) || return 1
	for package in "$build"/packages/*.deb; do
		dpkg-deb -x "$package" "$root.new" || return 1
		rm "$package"
	done
	# As on a Debian that runs, /lib is /usr/lib; and no link leads out of the tree.
	mkdir -p "$root.new/lib" && cp -a "$root.new/lib/." "$root.new/usr/lib/" && rm -r --one-file-system "$root.new/lib" &&
		ln -s usr/lib "$root.new/lib" || return 1
	find "$root.new" -type l -lname '/*' -printf '%p %l\n' | while read -r link target; do
		ln -sfn "$root$target" "$link" || exit 1
	done || return 1
	mv "$root.new" "$root"
}

[ -d "$root" ] || fetch >"$build/fetch.log" 2>&1 ||
	skip_all "the packages of Debian's arm64 cannot be had: $(tail -n 1 "$build/fetch.log")"

# --- the programs --------------------------------------------------------------------------------

export PKG_CONFIG_LIBDIR="$root/usr/lib/$triplet/pkgconfig:$root/usr/share/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
# build TARGET...
build() {
	make --no-print-directory -s -j"$(nproc)" BUILD="$programs" CC="$triplet-gcc --sysroot=$root" SYSROOT="$root" \
		PREFIX="$build/prefix" CFLAGS='-O2 -g -Werror' "$@"
}
verdict "all programs build for arm64 without a warning" build all || {
	echo "1..$count"
	exit 1
}

mkdir -p "$build/tools"
for tool in readelf objdump nm; do ln -sf "$(command -v $triplet-$tool)" "$build/tools/$tool"; done
is_arm64() { [ "$("$build/tools/readelf" -h "$@" | grep -c 'Machine: *AArch64$')" -eq $# ]; }
verdict "they are programs for arm64" is_arm64 "$programs/trampoline" "$programs/keeper" || :
PATH=$build/tools:$PATH tests/lint/binary.sh "$programs/trampoline" "$programs/keeper" "$programs/launcher-obj" \
	>"$build/tap" || :
numbered "of arm64, "
# --version is the keeper's answer, and under that prefix no keeper is installed.
misses_keeper() {
	status=0
	qemu-aarch64 "$programs/trampoline" --version 2>"$build/said" || status=$?
	[ $status -eq 125 ]
}
verdict "the launcher runs, and says what it misses" misses_keeper || :
verdict "in a sentence" grep -x "trampoline: cannot execute \"$build/prefix/.*\": No such file or directory" "$build/said" || :

# --- the unit tests ------------------------------------------------------------------------------

# They find their loader and libraries below the root, and everything else where this machine has it.
verdict "the unit tests build for arm64" build "$programs/unit-tests" \
	LDFLAGS="-Wl,--dynamic-linker=$root/lib/ld-linux-aarch64.so.1,--disable-new-dtags,-rpath=$root/usr/lib/$triplet" || {
	echo "1..$count"
	exit 1
}
# What is emulated takes its time.
CK_TAP_LOG_FILE_NAME=- CK_VERBOSITY=silent CK_DEFAULT_TIMEOUT=600 qemu-aarch64 "$programs/unit-tests" >"$build/tap" || :
numbered "on arm64, "
verdict "the filter's architecture was one of them" grep -q '^ok .*filter_compile__other_numbering__killed' "$build/tap" || :
echo "1..$count"
