#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Pseudo-terminals: each jail has a devpts instance of its own.
. "$(dirname "$0")/lib.sh"

reserve=$(sysctl -n kernel.pty.reserve)

cleanup() {
	sysctl -qw "kernel.pty.reserve=$reserve"
	rm -f "$ALICE"/deed* "$BOB/deed"
	default_config
	in_jail alice true
}

"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -static -o "$ALICE/deed" tests/system/deed.c
musl-gcc -std=c11 -D_GNU_SOURCE -O2 -static -o "$ALICE/deed-musl" tests/system/deed.c
cp "$ALICE/deed" "$BOB"
in_jail alice true

# host_terminal COMMAND...: runs it at a pseudo-terminal of the host's
host_terminal() { "$ALICE/deed" terminal "$@" </dev/null; }
plain() { tr -d '\r'; }

# --- they work -------------------------------------------------------------------------------------

for program in ./deed ./deed-musl; do
	for option in "" -p; do
		run=(in_jail ${option:+"$option"} alice "$program")
		is "$program ${option:-direct}: tty names a terminal of the jail's" "$("${run[@]}" terminal tty | plain)" /dev/pts/0
		is "$program ${option:-direct}: it is the user's" "$("${run[@]}" terminal stat -c '%u:%g %a' /dev/pts/0 | plain)" "$A:$A 620"
		is "$program ${option:-direct}: and what /dev/tty leads to" \
			"$("${run[@]}" terminal sh -c 'echo written >/dev/tty' | plain)" written
	done
done
is "the user may close it to messages" "$(in_jail alice ./deed terminal sh -c 'chmod 600 /dev/pts/0; stat -c %a /dev/pts/0' | plain)" 600
is "when it is closed nothing is left" "$(in_jail alice ls /dev/pts)" ptmx
# A terminal that is handed down is of the host's instance.
is "tty says of a terminal of the host's that it is none" "$(host_terminal "$T" alice tty | plain)" "not a tty"
is "though it is one" "$(host_terminal "$T" alice sh -c 'test -t 0 && echo terminal' | plain)" terminal
is "a terminal made at it has a name" "$(host_terminal "$T" alice ./deed terminal tty | plain)" /dev/pts/0
in_jail alice sh -c 'chmod 777 /dev/pts/ptmx; rm -f /dev/pts/ptmx; mkdir /dev/pts/x; mknod /dev/pts/x c 1 1' >"$OUT" 2>"$ERR" || :
is "the user can change nothing else of it" "$(in_jail alice sh -c "stat -c '%n %a %u' /dev/pts/*") $(wc -l <"$ERR")" "/dev/pts/ptmx 666 0 4"

# --- they are the jail's alone -----------------------------------------------------------------------

in_jail alice ./deed terminals 3600000 >"$OUT" 2>"$ERR" </dev/null &
wait_for grep -q '^held' "$OUT"
is "a jail has 64" "$(cat "$OUT")" "held 64: No space left on device"
is "another run of the jail sees them" "$(in_jail alice ls /dev/pts | wc -l)" 65
is "and has no more" "$(in_jail alice ./deed terminals 0)" "held 0: No space left on device"
is "nor has one with private processes" "$(in_jail -p alice ./deed terminals 0)" "held 0: No space left on device"
is "another jail sees none of them" "$(in_jail bob ls /dev/pts)" ptmx
is "and has its own" "$(in_jail bob ./deed terminals 0)" "held 64: No space left on device"
is "nor does the host" "$(find /dev/pts -user "$A")" ""
is "which has its own" "$(host_terminal sh -c 'test -t 0 && echo terminal' | plain)" terminal
ok "the jail can be discarded" "$T" --discard alice
is "the new one has its own" "$(in_jail alice ./deed terminals 0)" "held 64: No space left on device"
"$T" --discard --kill alice
wait

# Jails whose pseudo-terminals are more than the kernel's limit leave those that kernel.pty.reserve keeps for the host.
in_jail alice true
sysctl -qw "kernel.pty.reserve=$(sysctl -n kernel.pty.max)"
got=$(host_terminal sh -c 'test -t 0 && echo terminal' 2>&1 | plain)
jailed=$(in_jail alice ./deed terminals 0)
sysctl -qw "kernel.pty.reserve=$reserve"
if [ "$got" = terminal ]; then
	is "jails do not use the host's reserve" "$jailed" "held 0: No space left on device"
else
	skip "jails do not use the host's reserve" "this machine's own /dev/pts has no reserve"
fi

# --- switched off ------------------------------------------------------------------------------------

printf '[confinement]\ndev = none\n' | override alice
status 1 "with dev = none there is none" in_jail alice ./deed terminal tty
