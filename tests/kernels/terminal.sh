#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Row B13 of the attack classes: TIOCSTI, which puts input into a terminal, on a kernel that allows it. Before Linux
# 6.2 every process may do that to its controlling terminal; since then dev.tty.legacy_tiocsti says whether it may.
# shellcheck source=tests/system/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"

switch=/proc/sys/dev/tty/legacy_tiocsti
was=$(cat $switch 2>/dev/null || :)
cleanup() {
	[ -z "$was" ] || echo "$was" >$switch
	default_config
	rm -f "$ALICE/deed"
	in_jail alice true
}

"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O1 -static -o "$T_WORK/deed" tests/system/deed.c
install -m 755 "$T_WORK/deed" "$ALICE/deed"
www='setpriv --reuid=33 --regid=33 --clear-groups --'

# on_terminal COMMAND: what it says on a terminal of its own, which is its controlling one
on_terminal() { setsid script -qec "$1" /dev/null </dev/null | tr -d '\r' | sed 's/^x*//'; }

[ -z "$was" ] || echo 1 >$switch
is "outside of a jail, who has no privilege may type into his terminal" "$(on_terminal "$www $T_WORK/deed push x")" typed
for caller in "" "$www"; do
	who=${caller:+www-data}
	who=${who:-root}
	is "called by $who, nobody in a jail may: the filter says so" \
		"$(on_terminal "$caller $T alice ./deed push x")" "refused: Operation not permitted"
	printf '[confinement]\nsystem_calls = all\n' | override alice
	for option in "" -p; do
		like "nor without the filter, because it is not his controlling terminal (${option:-direct})" \
			"$(on_terminal "$caller $T $option alice ./deed push x")" '^refused: '
	done
	default_config
done
if [ -n "$was" ]; then
	echo 0 >$switch
	like "where the kernel refuses it to all, also outside" "$(on_terminal "$www $T_WORK/deed push x")" '^refused: '
	is "the filter's answer in a jail is the same" \
		"$(on_terminal "$www $T alice ./deed push x")" "refused: Operation not permitted"
fi
