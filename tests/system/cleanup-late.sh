#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who comes at the worst moment: while a jail is retired, discarded or forgotten he is either turned away or
# seen from then on, whatever his jail's record says by now, and nobody else is taken for him.
. "$(dirname "$0")/lib.sh"

C=20013

cleanup() {
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
# slow CALL WHEN MICROSECONDS COMMAND...
slow() { strace -f -qq -o "$T_WORK/trace" -e "trace=$1" -e "inject=$1:delay_enter=$3:when=$2" "${@:4}"; }
in_hub() { grep -q 'setns(' "$T_WORK/trace" && sleep 0.3; }
end() { # of all that sleeps
	pkill -KILL -u "$A,$B,$C" -x sleep || :
	wait
}

# --- on the way through the hub --------------------------------------------------------------------

# The pins are in his hands, and the record was in force when he looked.
for delay in 400000 4000000; do
	in_jail alice true
	rm -f "$T_WORK/trace"
	slow setns 2 $delay "$T" alice sleep 600 </dev/null >/dev/null 2>&1 &
	wait_for in_hub
	ok "one who is held in the hub for $delay us is no hindrance to --discard --kill" timeout 5 "$T" --discard --kill alice
	sleep 0.3
	is "and not there afterwards" "$(there "$A") $(shown alice)" "0 "
	wait
done
in_jail alice true
rm -f "$T_WORK/trace"
slow setns 2 700000 "$T" alice sleep 600 </dev/null >/dev/null 2>&1 &
wait_for in_hub
touch "$CONFIG/trampoline.conf"
"$T" --cleanup
ok "one who comes through the hub while his jail is retired arrives" wait_for sleeps "$A" 1
is "and is shown" "$(shown alice)" "discarded 1"
"$T" --cleanup
is "also after the next pass" "$(shown alice)" "discarded 1"
ok "--discard --kill finds him" "$T" --discard --kill alice
ok "and ends him" wait_for gone_from "$A"
end

# --- after the look at the processes ---------------------------------------------------------------

# The pass has seen an idle jail; then somebody enters it, and then it becomes stale.
in_jail alice true
slow flock 1 1500000 "$T" --cleanup &
pass=$!
sleep 0.7
become_www "$T" alice sleep 600 </dev/null >/dev/null 2>&1 &
wait_for sleeps "$A" 1
touch "$CONFIG/trampoline.conf"
wait $pass || fail "the pass has no trouble" "$?"
is "who entered after the look is shown" "$(shown alice)" "discarded 1"
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
	"$T" --cleanup
	"$T" --cleanup
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
