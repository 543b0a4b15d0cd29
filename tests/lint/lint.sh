#!/bin/sh
# SPDX-License-Identifier: MIT
#
# All house rules, as `make lint` runs them; TAP. Builds into a scratch directory, needs no root, and
# changes nothing in the tree. A tool that is missing is a skip, or, with TRAMPOLINE_MUST_WORK=1, a failure.
# From the Makefile: MAKE, OUR_PKGS (the keeper's libraries).
# shellcheck disable=SC2317 # the checks are called through lint()
set -eu
export LC_ALL=C

cd "$(dirname "$0")/../.."
make=${MAKE:-make}
unset MAKEFLAGS MAKELEVEL MFLAGS
scratch=$(mktemp -d)
trap 'rm -r --one-file-system "$scratch"' EXIT
trap 'exit 130' INT TERM
count=0 status=0
jobs=$(nproc)

verdict() {
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		status=1
		echo "not ok $count - $2"
		head -n 60 "$scratch/log" | cut -c 1-200 | sed 's/^/#   /'
	fi
}

skip() {
	if [ "${TRAMPOLINE_MUST_WORK-}" = 1 ]; then
		echo "skipping is not allowed here: $2" >"$scratch/log"
		verdict 1 "$1"
	else
		count=$((count + 1))
		echo "ok $count - $1 # SKIP $2"
	fi
}

# lint DESCRIPTION TOOL COMMAND...: COMMAND succeeds; no TOOL, no verdict.
lint() {
	description=$1 tool=$2
	shift 2
	if ! command -v "$tool" >/dev/null; then
		skip "$description" "there is no $tool; make deps installs it"
		return
	fi
	# Not behind ||, where the shell would run on past an error inside.
	set +e
	(set -e; "$@") >"$scratch/log" 2>&1 </dev/null
	result=$?
	set -e
	verdict "$result" "$description"
}

# part COMMAND...: a script that speaks TAP itself; each of its lines becomes ours when it is there.
part() {
	result=0 plan=
	rm -f "$scratch/tap"
	mkfifo "$scratch/tap"
	"$@" >"$scratch/tap" 2>"$scratch/log" </dev/null &
	while IFS= read -r line; do
		case $line in
		'ok '* | 'not ok '*)
			count=$((count + 1))
			printf '%s\n' "${line%%ok *}ok $count - ${line#*ok * - }"
			;;
		1..[1-9]*) plan=yes ;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$scratch/tap"
	wait $! || result=$?
	[ "$result" -eq 0 ] || status=1
	# Words on standard error, no plan, or no verdict at all: it did not get to its end.
	if [ -z "$plan" ] || [ -s "$scratch/log" ]; then
		verdict 1 "$(basename "$1") runs to its end"
	fi
}

# --- builds ------------------------------------------------------------------------------------------

# run_make COMPILER LIBC CFLAGS TARGET...
run_make() {
	compiler=$1 libc=$2 cflags=$3
	shift 3
	"$make" -s -j"$jobs" CC="$compiler" LAUNCHER_LIBC="$libc" CFLAGS="-O2 -g -Werror $cflags" "$@"
}

# The keeper is the same whichever libc the launcher has.
build_all() {
	run_make "$1" musl '' BUILD="$scratch/$1-musl" "$scratch/$1-musl/trampoline" \
		"$scratch/$1-musl/keeper"
}

# Not linked, and by clang not even compiled: its warnings do not come from its optimizer. PKGS: the
# keeper's libraries are not needed.
compile_glibc() {
	case $1 in clang) only=-fsyntax-only ;; *) only= ;; esac
	run_make "$1" glibc "$only" BUILD="$scratch/$1-glibc" PKGS= launcher-objects
}

# The sources and what is built from them lie elsewhere, and deeper.
build_elsewhere() {
	mkdir -p "$scratch/else/where"
	cp -R Makefile include src jail-image man "$scratch/else/where"
	(cd "$scratch/else/where" && run_make gcc musl '' BUILD=build build/trampoline build/keeper)
	for program in trampoline keeper; do
		cmp "$scratch/gcc-musl/$program" "$scratch/else/where/build/$program"
	done
}

has_libraries() {
	# shellcheck disable=SC2086 # a list of packages
	command -v pkg-config >/dev/null && pkg-config --exists ${OUR_PKGS:-mount libcap libseccomp}
}

has_musl() { find /usr/lib/musl /usr/lib/*-linux-musl -name rcrt1.o 2>/dev/null | grep -q .; }

builds() {
	for compiler in gcc clang; do
		what="all programs build without a warning: $compiler, musl"
		if ! has_libraries; then
			skip "$what" 'a library of the keeper is missing; make deps installs it'
		elif ! has_musl; then
			skip "$what" 'there is no musl; make deps installs it'
		else
			lint "$what" "$compiler" build_all "$compiler"
		fi
		lint "the launcher compiles without a warning: $compiler, glibc" "$compiler" \
			compile_glibc "$compiler"
	done
	what='the same sources in another directory give the same bytes'
	if [ -x "$scratch/gcc-musl/keeper" ]; then
		lint "$what" gcc build_elsewhere
	else
		skip "$what" 'they were not built'
	fi
}

binaries() {
	built=$scratch/gcc-musl
	if [ -x "$built/trampoline" ] && [ -x "$built/keeper" ]; then
		part tests/lint/binary.sh "$built/trampoline" "$built/keeper" "$built/launcher-obj"
	else
		skip 'the programs are linked as they should be' 'they were not built'
	fi
	part tests/lint/binary.sh --self-test
}

# --- what reads the sources ------------------------------------------------------------------------

tracked() { tests/lint/rules.sh --files; }

# The directory of a paths.h: that of any build will do, since what is in it is only strings.
made_headers() {
	find "$scratch" -path '*/include/trampoline/paths.h' | head -n 1 | sed 's|/trampoline/paths.h$||'
}

# max-nodes bounds how far the analyzer follows the paths of one function: clang's own 225,000 took
# three times as long.
tidy() {
	result=0
	# shellcheck disable=SC2016,SC2046,SC2086 # the inner shell expands; flags are words
	tracked | grep -E '^src/.*\.c$' | xargs -P "$jobs" -n 1 sh -c '
		include=$1 flags=$2
		shift 2
		clang-tidy --quiet "$@" -- -Xclang -analyzer-config -Xclang max-nodes=75000 -std=c11 -D_GNU_SOURCE -DVERSION=\"0\" -Iinclude -Isrc -Isrc/keeper \
			-I"$include" $flags 2>/dev/null' tidy "$(made_headers)" \
		"$(pkg-config --cflags ${OUR_PKGS:-mount libcap libseccomp})" >"$scratch/tidy" ||
		result=$?
	# Its stories are long; the first line of each is what to look at.
	grep -E ': (error|warning): ' "$scratch/tidy" || [ "$result" -eq 0 ] || cat "$scratch/tidy"
	return "$result"
}

format() {
	# shellcheck disable=SC2046 # no name in this tree has a space
	clang-format --dry-run -Werror $(tracked | grep -E '^(src|include|tests)/.*\.[ch]$')
}

# nullPointerRedundantCheck does not see that what reports a refusal does not come back;
# identicalInnerCondition takes a value that is returned for one that is tested; resourceLeak knows
# nothing of what is closed at the end of its scope. normalCheckLevelMaxBranches only says how far it looked.
check_c() {
	cppcheck --quiet -j "$jobs" --std=c11 --enable=warning,performance,portability \
		--suppress=nullPointerRedundantCheck --suppress=identicalInnerCondition \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches --suppress=resourceLeak \
		--inline-suppr --error-exitcode=1 -D_GNU_SOURCE -DVERSION='"0"' -Iinclude -Isrc -Isrc/keeper -I"$(made_headers)" src
}

# Scripts, by their first line; those that are only ever sourced say which shell they mean.
check_shell() {
	tracked | while IFS= read -r file; do
		case $file in
		*.[ch] | *.awk | *.md | *.[1-9]) continue ;;
		esac
		if head -n 3 "$file" | tr -d '\000' |
			grep -qE '^#!(/bin/sh|/bin/bash|/usr/bin/env (ba)?sh)|^# shellcheck shell='; then
			printf '%s\n' "$file"
		fi
	done >"$scratch/scripts"
	[ -s "$scratch/scripts" ] && xargs -P "$jobs" -n 5 shellcheck <"$scratch/scripts"
}

check_pages() {
	tracked | grep -E '^man/[^/]*\.[1-9]$' >"$scratch/pages"
	xargs mandoc -Tlint -W warning <"$scratch/pages"
}

check_links() {
	"$make" -s html BUILD="$scratch/web"
	grep -oh 'href="[^":#]*\.html' "$scratch"/web/html/*.html | sort -u | sed 's/^href="//' >"$scratch/links"
	[ -s "$scratch/links" ] && (cd "$scratch/web/html" && xargs ls -d) <"$scratch/links"
}

# The units as they will be installed, with a program where they look for one.
check_units() {
	mkdir -p "$scratch/systemd" "$scratch/prefix/bin"
	printf '#!/bin/sh\n' >"$scratch/prefix/bin/trampoline"
	chmod 755 "$scratch/prefix/bin/trampoline"
	for unit in jail-image/systemd/*.in; do
		sed "s|@PREFIX@|$scratch/prefix|g; s|@[A-Z]*@|/nonexistent|g" "$unit" \
			>"$scratch/systemd/$(basename "$unit" .in)"
	done
	# Those that a manual page shows are installed by hand.
	for unit in trampoline-arrived.path trampoline-arrived.service; do
		awk -v item=".It Pa /etc/systemd/system/$unit" '
			$0 == item { is_here = 1 }
			is_here && /^\.Ed/ { exit }
			is_text
			is_here && /^\.Bd/ { is_text = 1 }' man/trampoline-cluster.7 |
			sed "s|^ExecStart=.*|ExecStart=$scratch/prefix/bin/trampoline|" >"$scratch/systemd/$unit"
		[ -s "$scratch/systemd/$unit" ] || return 1
	done
	# It says what it finds and may succeed all the same; what it says of other units is not ours.
	systemd-analyze verify --man=no "$scratch"/systemd/* >"$scratch/said" 2>&1 || cat "$scratch/said"
	if grep -e "$scratch" -e trampoline- "$scratch/said"; then return 1; fi
	# Any of these would give the service a mount namespace of its own.
	own='Private|Protect|ReadOnly|ReadWrite|Inaccessible|NoExec|Exec.*Paths|Bind|Root|Temporary|Mount'
	if grep -REn "^($own|DynamicUser|.*Directory=)" "$scratch/systemd"; then return 1; fi
}

builds
binaries
part tests/lint/rules.sh
part tests/lint/rules.sh --self-test
lint 'clang-tidy finds nothing' clang-tidy tidy
lint 'cppcheck finds nothing' cppcheck check_c
lint 'shellcheck finds nothing' shellcheck check_shell
lint 'every C file is formatted in house style' clang-format format
lint 'the manual pages are sound mdoc' mandoc check_pages
lint 'the manual pages as web pages link to each other' mandoc check_links
lint 'the systemd units are sound, and act in the host'"'"'s mount namespace' systemd-analyze check_units
echo "1..$count"
exit $status
