#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Races: names that are exchanged while a jail is built and entered (C7), a user who looks into every
# process on its way to becoming its own (B18, from outside; D16, from inside), the program itself (D17).
#
# The counts are small by default. ATTACK_SWAPS=200000 ATTACK_PTRACE=100000 is the long form:
#   ATTACK_SWAPS=200000 ATTACK_PTRACE=100000 tests/run tests/attack/race.sh
. "$(dirname "$0")/lib.sh"
swaps=${ATTACK_SWAPS:-3000}
looks=${ATTACK_PTRACE:-1600}

PIDS=()
TARGET=$DATA/target
U=$((A + 7)) # a uid of this installation's
cleanup() {
	local pid
	for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || :; done
	wait || :
	for pid in $(jail_processes); do kill -KILL "$pid" 2>/dev/null || :; done
	default_config
	rm -f "${CLEANUPS[@]}" "$ALICE/exe" "$ALICE/self"
	[ ! -d "$TARGET" ] || remove_user target
	in_jail alice true
	in_jail bob true
}

swap() { # ONE OTHER
	"$T_TOOLS/swapper" "$1" "$2" >"$T_WORK/swapper.$((${#PIDS[@]}))" &
	PIDS+=($!)
}
stop_all() {
	kill "${PIDS[@]}" 2>/dev/null || :
	wait "${PIDS[@]}" || :
	exchanges=$(cat "$T_WORK"/swapper.* 2>/dev/null | awk '{ n += $1 } END { print n + 0 }')
	rm -f "$T_WORK"/swapper.*
	if [ "$exchanges" -gt 0 ]; then idle=; else idle="nothing was exchanged"; fi
	PIDS=()
}

# --- C7: exchanged names -------------------------------------------------------------------------

make_user target "$U"
# A canary for each place that an exchange could lead to, and who looks for them from inside.
mkdir -m 755 "$T_WORK/canary" "$T_WORK/canary/target"
echo canary >"$T_WORK/canary/target/canary"
echo canary >"$T_WORK/canary/canary"
chmod -R a+rX "$T_WORK/canary"
printf 'canary\n' >"$TARGET/home/.canary-of-root"
cat >"$T_WORK/look.c" <<-'END'
	/* "mine", or the first thing that must not be there. Static, it looks at names that may be links. */
	#include <stdio.h>
	#include <string.h>
	#include <sys/stat.h>
	#include <unistd.h>
	int main(void)
	{
		static const char *const foreign[] = {"/home/canary", "/home/target/canary", "/home/passwd", "/home/shadow", "/home/bob",
						      "/home/alice", "/tmp/canary", "/tmp/passwd", "/home/etc", "/tmp/etc", "canary"};
		struct stat status;
		for (unsigned i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
			if (lstat(foreign[i], &status) == 0)
				return printf("foreign: %s\n", foreign[i]), 0;
		const char *const dirs[] = {"/home/target", "/tmp", "."};
		for (int i = 0; i < 3; i++)
			if (lstat(dirs[i], &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid != getuid())
				return printf("foreign: %s of %u\n", dirs[i], status.st_uid), 0;
		return printf("mine %u\n", getuid()), 0;
	}
END
${CC:-cc} -static -w -O1 -o "$T_TOOLS/look" "$T_WORK/look.c"
lend target look
chown "$U" "$TARGET/home/target/look"
look=/home/target/look

storm_while_swapping() { # TITLE COUNT
	local title=$1 share=$2
	as_www "$T_TOOLS/storm" 2 "$share" "$T" target "$look" >"$T_WORK/storm" 2>"$T_WORK/storm.err" || :
	stop_all
	awk '{ n = $1; s = $2; $1 = $2 = ""; t[s $0] += n } END { for (k in t) print t[k], k }' "$T_WORK/storm" | sort -rn >"$T_WORK/ends"
	is "C7: $title: $share entries, $exchanges exchanges: nothing foreign ($(awk '/ 0  mine/ { n += $1 } END { print n + 0 }' "$T_WORK/ends") entered)" \
		"$(grep -vE '^[0-9]+ (0  mine '"$U"'|125  trampoline: cannot |126  trampoline: cannot |127  trampoline: cannot )' "$T_WORK/ends" || :)$(cat "$T_WORK/storm.err")$idle" ""
}
share=$((swaps / 5))
ln -s /etc "$TARGET/link"
swap "$TARGET/home" "$TARGET/link"
storm_while_swapping "home and a link to /etc" $share
rm "$TARGET/link"
ln -s "$T_WORK/canary" "$TARGET/link"
swap "$TARGET/tmp" "$TARGET/link"
storm_while_swapping "tmp and a link to a canary" $share
rm "$TARGET/link"
swap "$TARGET/home" "$DATA/bob/home"
storm_while_swapping "home and bob's" $share
ln -s "$T_WORK/canary" "$TARGET/home/.link"
swap "$TARGET/home/target" "$TARGET/home/.link"
storm_while_swapping "the user's own and a link to a canary" $share
rm "$TARGET/home/.link"
mkdir -m 755 "$TARGET/other" "$TARGET/other/home" "$TARGET/other/home/target" "$TARGET/other/tmp"
echo canary >"$TARGET/other/home/target/canary"
chown "$B:$B" "$TARGET/other/home/target" "$TARGET/other/tmp"
swap "$TARGET/home" "$TARGET/other/home"
swap "$TARGET/tmp" "$TARGET/other/tmp"
# Both at once: what must never be is one user's home with another's tmp, or either with the wrong uid.
as_www "$T_TOOLS/storm" 2 $share "$T" target "$look" >"$T_WORK/storm" 2>&1 || :
stop_all
is "C7: home and tmp of two users at once: $share entries, $exchanges exchanges: nobody's mixed" \
	"$(sed -E 's/^[0-9]+ //' "$T_WORK/storm" | grep -vE '^(0 mine '"$U"'$|12[567] trampoline: cannot )' | sort -u || :)$idle" ""
is "C7: the canaries are as they were" "$(cat "$T_WORK/canary/canary" "$T_WORK/canary/target/canary" "$TARGET/other/home/target/canary" | sort -u)" canary
is "C7: and the user enters" "$(in_jail target "$look")" "mine $U"
rm -rf --one-file-system "$TARGET/other"

# In the user's own tree it exchanges what it likes: of that, root looks at nothing.
as_target() { setpriv "--reuid=$U" "--regid=$U" --clear-groups -- "$@"; }
as_target mkdir "$TARGET/home/target/a"
as_target ln -s / "$TARGET/home/target/b"
setpriv "--reuid=$U" "--regid=$U" --clear-groups "$T_TOOLS/swapper" "$TARGET/home/target/a" "$TARGET/home/target/b" >"$T_WORK/swapper.0" &
PIDS+=($!)
as_www "$T_TOOLS/storm" 2 $share "$T" -C /home/target/a target /bin/pwd >"$T_WORK/storm" 2>&1 || :
stop_all
is "C7: a directory to start in and a link to /: $share entries, $exchanges exchanges: never outside" \
	"$(sed -E 's/^[0-9]+ //' "$T_WORK/storm" | grep -vE '^0 (/|/home/target/[ab])$' | sort -u || :)$idle" ""

# What a policy binds, exchanged while the jail is built.
mkdir -m 755 "$T_WORK/bound" "$T_WORK/bound/one" "$T_WORK/bound/other" "$T_WORK/bound/hers" "$T_WORK/bound/hers/inner"
echo one >"$T_WORK/bound/one/mark"
echo other >"$T_WORK/bound/other/mark"
echo canary >"$T_WORK/canary/mark"
ln -s "$T_WORK/canary" "$T_WORK/bound/link"
ln -s "$T_WORK/canary" "$T_WORK/bound/hers/link"
chown -hR "$U:$U" "$T_WORK/bound/hers"
storm_on_bind() { # TITLE WANTED: of each entry its status and all that it says, up to the first cause
	as_www "$T_TOOLS/storm" 2 "$share" "$T" target cat /var/mark >"$T_WORK/storm" 2>&1 || :
	stop_all
	is "C7: $1: $share entries, $exchanges exchanges" "$(sed -E 's/^[0-9]+ //' "$T_WORK/storm" | grep -vE "^($2)" | sort -u || :)$idle" ""
	default_config
	retire target
}
printf '[binds]\n/var = %s\n' "$T_WORK/bound/one" | override target
swap "$T_WORK/bound/one" "$T_WORK/bound/other"
storm_on_bind "two directories to bind: one or the other is there" '0 one$|0 other$|125 trampoline: cannot '
printf '[binds]\n/var = %s\n' "$T_WORK/bound/one" | override target
swap "$T_WORK/bound/one" "$T_WORK/bound/link"
storm_on_bind "a directory to bind and a link: the link is not followed" '0 one$|125 trampoline: cannot '
printf '[binds]\n/var = %s\n' "$T_WORK/bound/hers/inner" | override target
setpriv "--reuid=$U" "--regid=$U" --clear-groups "$T_TOOLS/swapper" "$T_WORK/bound/hers/inner" "$T_WORK/bound/hers/link" >"$T_WORK/swapper.0" &
PIDS+=($!)
storm_on_bind "a bind in a directory of the user's: never bound" '125 trampoline: cannot use .*cannot trust directory'
printf '[binds]\n/var = %s rw\n' "$T_WORK/bound/hers" | override target
is "C7: a link in what is bound leads to nothing of the host's" \
	"$(in_jail target cat /var/link/mark 2>&1)" "cat: can't open '/var/link/mark': No such file or directory"
default_config
retire target
rm -rf --one-file-system "$T_WORK/bound"

looks_already() { pgrep -x -U "$U" stalker; }

# --- B18, D16: who looks into a process on its way -----------------------------------------------

lend target reach
printf '[limits]\ncpu = unlimited\n' | override target
${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -w -static -o "$TARGET/home/target/stalker" "$here/stalker.c"
scope=/proc/sys/kernel/yama/ptrace_scope
if [ ! -e $scope ] || [ "$(cat $scope)" = 0 ]; then
	for where in outside inside; do
		[ $where = outside ] && row=B18 || row=D16
		for options in "" "-t 60s"; do
			starts=$((looks / 4))
			[ "$starts" -gt 0 ] || starts=1
			if [ $where = outside ]; then
				setpriv "--reuid=$U" "--regid=$U" --clear-groups "$T_TOOLS/stalker" "$T_MARK/prefix/bin/trampoline" target/reach >"$T_WORK/stalker" 2>"$T_WORK/early" &
			else
				"$SETPRIV" --reuid=33 --regid=33 --clear-groups "$T" target ./stalker "$T_MARK/prefix/bin/trampoline" target/reach >"$T_WORK/stalker" 2>"$T_WORK/early" &
			fi
			stalker=$!
			wait_for looks_already || :
			# shellcheck disable=SC2086
			as_www "$T_TOOLS/storm" 2 $starts "$T" $options target ./reach rest "$T_SLOW" >"$T_WORK/storm" 2>&1 || :
			if [ $where = outside ]; then kill $stalker || :; else pkill -x -U "$U" stalker || :; fi
			pkill -CONT -x -U "$U" stalker || :
			wait $stalker || :
			tried='' held='' late='' early=unknown
			read -r tried held late early <"$T_WORK/stalker" || :
			is "$row: $starts starts ${options:-direct}, watched from $where: $tried pids, $held held before their exec, $late seen after, none before" \
				"$early $(head -n 3 "$T_WORK/early")" "0 "
			like "$row: it did look" "$late" '^[1-9]'
		done
	done
else
	skip "B18, D16: a user who traces its own processes" "kernel.yama.ptrace_scope is $(cat $scope) here"
fi

# --- D17: the program itself ---------------------------------------------------------------------

before=$(sha256sum "$T" "$KEEPER")
status 126 "D17: /proc/self/exe as the command: the user may not execute it" as_www "$T" alice /proc/self/exe id
printf '#!/proc/self/exe\n' >"$ALICE/self"
chmod 755 "$ALICE/self"
status 126 "D17: as an interpreter" as_www "$T" alice ./self id
ln -s /proc/self/exe "$ALICE/exe"
status 126 "D17: by a link" as_www "$T" alice ./exe id
# shellcheck disable=SC2016
as_alice bash -c '
	got=0 looks=0
	while [ ! -e "$1" ]; do
		for exe in /proc/[0-9]*/exe; do
			[ "$exe" -ef "$T" ] || [ "$exe" -ef "$2" ] || continue
			(: >>"$exe") 2>/dev/null && got=$((got + 1))
		done
		looks=$((looks + 1))
	done
	echo "$got $((looks > 1))"' bash "$T_WORK/over" "$KEEPER" >"$T_WORK/writer" 2>/dev/null &
writer=$!
as_www "$T_TOOLS/storm" 1 400 "$T" alice true >/dev/null
as_www "$T_TOOLS/storm" 1 20 "$T" -t 5s alice sleep 0.1 >/dev/null
touch "$T_WORK/over"
wait $writer || :
is "D17: the program of a running launcher cannot be opened for writing" "$(cat "$T_WORK/writer")" "0 1"
is "D17: the programs are as they were" "$(sha256sum "$T" "$KEEPER")" "$before"
