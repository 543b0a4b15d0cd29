#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A version whose records and hub are of another format is installed over this one, and this one over it, beside requests:
# none fails, and what runs is seen by both.
. "$(dirname "$0")/lib.sh"

kept=$T_WORK/kept
other=$T_WORK/other
over=$T_WORK/over
wrong=$T_WORK/wrong

cleanup() {
	touch "$over"
	wait || :
	"$T" --discard --kill alice >/dev/null 2>&1 || :
	put "$kept"
	rm -f "$T_PREFIX/libexec/trampoline/keeper-other"
	in_jail alice true
	in_jail bob true
}

# put DIRECTORY: its programs, by one rename each and the launcher last, as `make install' does it
put() {
	local file
	for file in "$1"/libexec/trampoline/* "$1/bin/trampoline"; do
		cp -p "$file" "$T_PREFIX/.new"
		mv "$T_PREFIX/.new" "$T_PREFIX/${file#"$1"/}"
	done
}

mkdir -p "$kept/libexec" "$kept/bin" "$other"
cp -p "$T" "$kept/bin"
cp -pR "$T_PREFIX/libexec/trampoline" "$kept/libexec"
cp -R Makefile src include jail-image man "$other"
sed -i 's/^#define RECORD_VERSION .*/#define RECORD_VERSION 4711/' "$other/include/trampoline/record.h"
sed -i 's|^#define LAYOUT_VERSION .*|#define LAYOUT_VERSION "/layout.other"|' "$other/include/trampoline/layout.h"
make --no-print-directory -s -j2 -C "$other" BUILD="$other/build" CFLAGS=-O1 VERSION=other PREFIX="$T_PREFIX" SYSCONFDIR="$T_SYSCONFDIR" \
	STATEDIR="$T_STATEDIR" RUNDIR="$T_RUNDIR" CGROUP="$T_MARK" DESTDIR="$other/stage" install >"$OUT" 2>&1
other=$other/stage$T_PREFIX

in_jail alice sleep 3600 &
wait_for pgrep -xU "$A" sleep
pid=$(pgrep -xU "$A" sleep)
put "$other"
is "the other version is installed" "$("$T" --version)" "trampoline other"
is "who runs in a jail of this one is listed by it" "$("$T" --list --json | jq -c ".[] | select(.uid == $A) | .processes")" 1
"$T" --cleanup
"$T" --cleanup
"$T" --cleanup
ok "and lives on, whatever it cleans up" kill -0 "$pid"
is "the next entry builds the jail anew" "$(in_jail alice id -u)" "$A"
is "and who came before is in an earlier one" "$("$T" --list --json | jq -c ".[] | select(.uid == $A) | [.processes, .earlier]")" "[1,1]"
not_ok "his data cannot be removed" "$T_PREFIX/sbin/trampoline-user" remove alice --yes
ok "nor has it been" test -d "$ALICE"
ok "he can be ended" "$T" --discard --kill alice
not_ok "and is" kill -0 "$pid"

# Requests in jails that are to be built, while the programs change under them.
request() {
	local got
	while [ ! -e "$over" ]; do
		got=$(in_jail bob id -u 2>&1) || :
		[ "$got" = "$B" ] || echo "$got" >>"$wrong"
		echo >>"$T_WORK/done"
	done
}
: >"$wrong"
: >"$T_WORK/done"
request &
request &
for _ in {1..20}; do
	put "$kept"
	"$T" --discard bob >/dev/null 2>&1 || :
	put "$other"
	"$T" --discard bob >/dev/null 2>&1 || :
done
enough() { [ "$(wc -l <"$T_WORK/done")" -ge 20 ]; }
wait_for enough || :
touch "$over"
wait
is "requests beside forty installations" "$(sort "$wrong" | uniq -c | head -n 5)" ""
ok "there were some" enough
