#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make` and `make install` where something is missing, and as an ordinary user who stages a package.
# shellcheck disable=SC2317 # the functions are called through ok() and not_ok()
. "$(dirname "$0")/lib.sh"

sources=$T_WORK/sources
stage=$T_WORK/stage
mkdir -m 755 "$sources" "$stage"
cp -R Makefile src include jail-image man "$sources"
chmod -R a+rX "$sources"
chown -R 65534:65534 "$sources" "$stage"

# as_nobody ARGUMENT...: make, as an ordinary user; what it says is in OUT
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups -- \
		make --no-print-directory -s -j2 -C "$sources" BUILD=build CFLAGS=-O1 PREFIX=/usr "$@" >"$OUT" 2>&1
}

# as_root ARGUMENT...: the same as root
as_root() { make --no-print-directory -s -j2 -C "$sources" BUILD=build CFLAGS=-O1 PREFIX=/usr "$@" >"$OUT" 2>&1; }

first_line() { head -n 1 "$OUT"; }

staged_files() { find "$stage" -mindepth 1 | wc -l; }

not_ok "a build without a compiler is refused" as_nobody CC=no-such-compiler
is "and its first line says what is missing and how to get it" "$(first_line)" \
	'make: cannot build: there is no C compiler (no-such-compiler); on Debian, "make deps-build" as root installs it'

not_ok "a build without a library is refused" as_nobody PKGS='mount no-such-library'
is "and its first line names the library" "$(first_line)" \
	'make: cannot build: there is no libno-such-library with its headers; on Debian, "make deps-build" as root installs it'

not_ok "a build without musl is refused" as_nobody MUSL_DIR="$T_WORK/no-musl"
is "and its first line says so" "$(first_line)" \
	'make: cannot build: there is no musl; on Debian, "make deps-build" as root installs it'

not_ok "an ordinary user cannot install into the system" as_nobody install
like "and is told before anything is built" "$(first_line)" \
	'^make: cannot install a set-uid program as an ordinary user: '

not_ok "root cannot install for a group that does not exist" as_root install DESTDIR="$stage" \
	CALLER_GROUP=no-such-group
like "and is told which" "$(first_line)" '^make: cannot install for the group "no-such-group": there is no such group; '
is "before anything is installed" "$(staged_files)" 0

ok "an ordinary user can stage the files with DESTDIR" as_nobody install DESTDIR="$stage"
like "and is told what a package has to do about the owners" "$(cat "$OUT")" \
	'^make: staged in .* root:www-data that of /usr/bin/trampoline, which then needs mode 4754 again$'
is "the program has its mode" "$(stat -c %a "$stage/usr/bin/trampoline")" 4754
is "the keeper has its mode" "$(stat -c %a "$stage/usr/libexec/trampoline/${KEEPER##*/}")" 755
is "the configuration is staged" "$(stat -c %a "$stage/etc/trampoline/trampoline.conf")" 644
for program in trampoline trampoline-image trampoline-user; do
	ok "the completion of $program is staged under its name" grep -q -- "^complete .* $program\$" \
		"$stage/usr/share/bash-completion/completions/$program"
done
for page in "$sources"/man/*.[1-9]; do
	ok "so is ${page##*/}" test -s "$stage/usr/share/man/man${page##*.}/${page##*/}"
done

ok "root can name the group by its number" as_root install DESTDIR="$stage" CALLER_GROUP=33
is "and the program is that group's" "$(stat -c '%a %u:%g' "$stage/usr/bin/trampoline")" '4754 0:33'
ok "what is staged can be uninstalled" as_root uninstall DESTDIR="$stage"
is "and no file is left but configuration" "$(cd "$stage" && find . ! -type d)" ./etc/trampoline/trampoline.conf

ok "an uninstall that finds a hub" as_root uninstall PREFIX="$T_WORK/none" SYSCONFDIR="$T_WORK/none/etc" RUNDIR="$T_RUNDIR"
like "says what lives on, and how to end it" "$(cat "$OUT")" '^live jails, .* live on .*: trampoline --discard --all --kill$'
ok "one that finds none" as_root uninstall PREFIX="$T_WORK/none" SYSCONFDIR="$T_WORK/none/etc" RUNDIR="$T_WORK/none/run"
unlike "does not" "$(cat "$OUT")" 'live on'
