#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who comes at the worst moment: while a jail is retired, discarded or forgotten he is either turned away or
# seen from then on, whatever his jail's record says by now, and nobody else is taken for him.
. "$(dirname "$0")/lib.sh"

C=$((A + 2))
held=

cleanup() {
	[ -z "$held" ] || kill -KILL "$held" 2>/dev/null || :
	jobs -p | xargs -r kill -KILL 2>/dev/null || :
	pkill -KILL -u "$A,$B,$C" 2>/dev/null || :
	forget_all
	default_config
	rm -f "$CONFIG"/jails.d/{alice,bob}.conf
	if [ -d "$DATA/carol" ]; then remove_user carol; fi
	in_jail alice true
	in_jail bob true
}

there() { pgrep -u "$1" -x "${2:-sleep}" | wc -l; }
gone_from() { [ "$(there "$1")" = 0 ]; }
sleeps() { [ "$(there "$1")" = "$2" ]; }
shown() { "$T" --list | awk -v jail="$1" '$1 == jail { print $3 == "in" ? "in use " $5 : $3 " " $4 }' | xargs; }
# hold COMMAND...: starts it, and stops it in the hub, when it has the pins and has seen that its record is in force:
# its next call is a dup3, and the signal arrives when that returns.
hold() {
	rm -f "$T_WORK/held"
	strace -f -qq -o "$T_WORK/held" -e trace=dup3 -e inject=dup3:signal=STOP:when=1 "$@" \
		</dev/null >/dev/null 2>&1 &
	tracer=$!
	wait_for grep -q 'stopped by SIGSTOP' "$T_WORK/held"
	held=$(sed -n 's/^\([0-9]*\) .*stopped by SIGSTOP.*/\1/p' "$T_WORK/held")
	is "a launcher is held in the hub" "$(readlink "/proc/$held/ns/mnt")" \
		"mnt:[$("$T_TOOLS/nsmounts" -i "$T_RUNDIR/hub")]"
}
release() {
	kill -CONT "$held" 2>/dev/null || :
	held=
}
ended() { ! kill -0 "$1" 2>/dev/null; }
withdrawn() { [ ! -e "$T_RUNDIR/jails/$1/record" ]; }
end() { # of all that sleeps
	pkill -KILL -u "$A,$B,$C" -x sleep || :
	wait
}

# --- on the way through the hub --------------------------------------------------------------------

# The pins are in his hands, and the record was in force when he looked.
in_jail alice true
hold "$T" alice sleep 600
ok "one who stays in the hub is no hindrance to --discard --kill" "$T" --discard --kill alice
ok "and never arrives" wait_for ended $tracer
is "so he is not there" "$(there "$A") $(shown alice)" "0 "
in_jail alice true
hold "$T" alice sleep 600
"$T" --discard --kill alice &
discard=$!
wait_for withdrawn alice
release
got=0
wait $discard || got=$?
is "nor is one who goes on while it waits for him" $got 0
ok "who has been seen, in the hub or behind it" wait_for ended $tracer
is "and is not there" "$(there "$A") $(shown alice)" "0 "
in_jail alice true
hold "$T" alice sleep 600
touch "$CONFIG/trampoline.conf"
"$T" --cleanup
ok "while one is in the hub his jail is retired" withdrawn alice
release
ok "and he arrives" wait_for sleeps "$A" 1
is "and is shown" "$(shown alice)" "discarded 1"
"$T" --cleanup
is "also after the next pass" "$(shown alice)" "discarded 1"
ok "--discard --kill finds him" "$T" --discard --kill alice
ok "and ends him" wait_for gone_from "$A"
end

# --- after the look at the processes ---------------------------------------------------------------

# The cleanup has seen an idle jail; then a launcher enters the jail, and then the jail becomes stale.
# The pass is held before it starts the worker that acts on what it has seen; for longer, if this machine needs longer for the rest.
has_looked() { grep -q 'clone' "$T_WORK/trace" 2>/dev/null; }
for seconds in 2 10 60; do
	in_jail alice true
	rm -f "$T_WORK/trace"
	strace -f -qq -o "$T_WORK/trace" -e trace=clone,clone3,flock \
		-e inject=clone,clone3:delay_enter=${seconds}000000:when=1 "$T" --cleanup &
	pass=$!
	wait_for has_looked
	become_www "$T" alice sleep 600 </dev/null >/dev/null 2>&1 &
	wait_for sleeps "$A" 1
	touch "$CONFIG/trampoline.conf"
	in_time=yes
	! grep -q flock "$T_WORK/trace" || in_time=no
	got=0
	wait $pass || got=$?
	[ $in_time = no ] || break
	end
done
is "who enters after a pass has looked, and before it acts" "$in_time" yes
is "is no trouble for the pass" $got 0
is "and is shown" "$(shown alice)" "discarded 1"
like "trampoline-user does not take his home away" \
	"$("$T_PREFIX/sbin/trampoline-user" remove alice --yes 2>&1 || :)" 'the jail is in use'
ok "--discard --kill finds him" "$T" --discard --kill alice
ok "and ends him" wait_for gone_from "$A"
end

# --- a keeper that is killed in the middle of a withdrawal -----------------------------------------

for call in fchmod renameat; do
	become_www "$T" alice sleep 600 </dev/null >/dev/null 2>&1 &
	wait_for sleeps "$A" 1
	strace -f -qq -o "$T_WORK/trace" -e "trace=$call" -e "inject=$call:signal=KILL:when=1" "$T" --discard alice 2>/dev/null || :
	like "killed before its $call" "$(cat "$T_WORK/trace")" 'killed by SIGKILL'
	like "the process in the jail is still shown" "$(shown alice)" '^(in use|discarded) 1$'
	is "an entry makes a jail" "$(in_jail alice echo in)" in
	ok "--discard --kill finds the old one too" "$T" --discard --kill alice
	ok "and ends it" wait_for gone_from "$A"
	end
done

# --- numbers that the kernel uses again ------------------------------------------------------------

# A jail's pins are lost with its hub; its record stays, and the next jails get its numbers. What counts is
# one for the same kind of namespace.
make_user carol "$C"
numbers() { "$T" --status "$1" | grep -E '^(mount|ipc) namespace' | sort; }
for _ in $(seq 30); do
	forget_all
	in_jail alice true
	old=$(numbers alice)
	umount "$T_RUNDIR/hub"
	for jail in bob carol; do in_jail "$jail" true; done
	new=$(numbers bob; numbers carol)
	again=$(comm -12 <(echo "$old") <(echo "$new" | sort))
	[ -z "$again" ] || break
done
echo "# used again: ${again:-nothing}"
if [ -n "$again" ]; then
	for jail in bob carol; do
		become_www "$T" "$jail" sleep 600 </dev/null >/dev/null 2>&1 &
	done
	wait_for sleeps "$B" 1
	wait_for sleeps "$C" 1
	unlike "a record whose numbers are another jail's by now shows none of its processes" "$(shown alice)" '[1-9]$'
	"$T" --discard --kill alice 2>/dev/null || :
	is "and nobody else is killed for it" "$(there "$B") $(there "$C")" "1 1"
	for _ in 1 2 3 4 5 6; do "$T" --cleanup; done
	is "nor is it kept for them" "$(shown alice)" ""
	end
else
	skip "numbers of namespaces that are used again" "this kernel gave none of them again in thirty tries"
fi
remove_user carol

# --- namespaces of the user's own ------------------------------------------------------------------

printf '[confinement]\nsystem_calls = all\n' | override alice
if in_jail alice unshare -U -m -i true 2>/dev/null; then
	become_www "$T" alice unshare -U -m -i sleep 600 </dev/null >/dev/null 2>&1 &
	wait_for sleeps "$A" 1
	is "with system_calls = all, who makes namespaces of his own is shown" "$(shown alice)" "in use 1"
	"$T" --cleanup
	"$T" --cleanup
	is "and keeps his jail" "$(shown alice)" "in use 1"
	ok "--discard --kill finds him" "$T" --discard --kill alice
	ok "and ends him" wait_for gone_from "$A"
else
	skip "namespaces of the user's own" "this machine lets no user make one"
fi
end
