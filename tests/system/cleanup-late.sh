#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Launchers and keepers that are stopped on their way: a discard waits for a launcher that is on its
# way into the jail, no pass hurts a command that has come in since the pass looked, and nobody is
# in a jail unseen.
. "$(dirname "$0")/lib.sh"

tracer='' held='' discard=''

cleanup() {
	local pid
	for pid in $held $(jobs -p); do kill -KILL "$pid" 2>/dev/null || :; done
	pkill -KILL -u "$A,$B" || :
	wait
	default_config
	forget_all
	in_jail alice true
	in_jail bob true
}

sleeping() { pgrep -u "$1" -x sleep | wc -l; }
sleeps() { [ "$(sleeping "$1")" = "$2" ]; }
shown() {
	"$T" --list | sed 's/in use/in-use/' | awk -v jail="$1" -v uid="$2" '$1 == jail && $2 == uid { print $3, $4, $5 }'
}
record_of() { echo "$T_RUNDIR/jails/$1/record"; }
end() { # of all that sleeps
	pkill -KILL -u "$A,$B" -x sleep || :
	wait
}

start() { # JAIL OPTION...: a command that stays
	local jail=$1
	shift
	become_www "$T" "$@" "$jail" sleep 600d </dev/null >/dev/null 2>&1 &
}

# hold CALL NUMBER COMMAND...: starts COMMAND and stops it behind its call CALL of that NUMBER; none
# that it starts.
hold() {
	rm -f "$T_WORK/held"
	strace -qq -o "$T_WORK/held" -e trace="$1" -e "inject=$1:signal=STOP:when=$2" "${@:3}" \
		</dev/null >"$T_WORK/said" 2>&1 &
	tracer=$!
	wait_for grep -q 'stopped by SIGSTOP' "$T_WORK/held"
	held=$(pgrep -P $tracer)
}

release() {
	kill -CONT "$held" 2>/dev/null || :
	held=
}

# A keeper waits for the lock of the file: proc_locks(5).
is_awaited() {
	grep -qE -e "-> FLOCK +ADVISORY +WRITE [0-9]+ [0-9a-f]+:[0-9a-f]+:$(stat -c %i "$1") " /proc/locks
}

# --- a launcher on its way in ----------------------------------------------------------------------

# This discard has no deadline of its own: its alarms are not set.
discard_patiently() {
	strace -qq -o /dev/null -e 'trace=?alarm,setitimer' -e 'inject=?alarm,setitimer:retval=0' "$T" --discard "$1" &
	discard=$!
	wait_for is_awaited "$(record_of "$1")"
}

# In the order of an entry: it has the lock; it is in the hub; it has the pins, and the record was
# in force; it is in the jail, as root; it is the jail's user.
for point in 'flock 1' 'setns 1' 'dup3 1' 'setns 4' 'setresuid 2'; do
	in_jail alice true
	pin=$(pin_inode alice)
	# shellcheck disable=SC2086 # two words
	hold $point "$T" alice sleep 600d
	discard_patiently alice
	is "a launcher is stopped behind $point: a discard waits, and nothing is removed" \
		"$(pin_inode alice) $(stat -c %a "$(record_of alice)")" "$pin 400"
	release
	status 0 "it ends well when the launcher goes on" wait $discard
	ok "whose command runs" wait_for sleeps "$A" 1
	like "and is shown" "$(shown alice "$A")" '^(in-use 1 0|discarded 1 0)$'
	end
done

in_jail alice true
start alice
wait_for sleeps "$A" 1
pin=$(pin_inode alice)
hold flock 1 "$T" alice sleep 600d
told="^trampoline: cannot withdraw the record of jail \"alice\": process $held, a launcher, is on its way into it; see why"
# With --kill it ends who is inside all the same: a user can stop a launcher that has just become the user's.
for kill in '' --kill; do
	# shellcheck disable=SC2086 # no word, or one
	status 125 "a launcher is stopped for good: --discard $kill gives up" "$T" --discard $kill alice
	like "and names it" "$(cat "$ERR")" "$told"
	is "with all that there was still there, but who was to be killed" \
		"$(pin_inode alice) $(sleeping "$A")" "$pin $([ -n "$kill" ] && echo 0 || echo 1)"
done
status 125 "nor does anybody say that its image is in no use" \
	"$KEEPER" ask mounted "$(realpath "$IMAGES/default/current")"
like "because of the same launcher" "$(cat "$ERR")" "$told"
is "the jail is shown" "$(shown alice "$A")" "stale 0 0"
status 125 "an entry, which would have to build it anew, is refused" in_jail alice true
like "and names it too" "$(cat "$ERR")" "$told"
status 0 "a pass has nothing to say on it" "$T" --cleanup -v
like "but that it will be retired" "$(cat "$OUT")" '^alice: (marked|busy, left alone)$'
release
ok "the launcher goes on, and its command runs" wait_for sleeps "$A" 1
ok "now --discard --kill works" "$T" --discard --kill alice
is "on all that is in it" "$(sleeping "$A")" 0
end

# A launcher has locked the record, and --discard fails to open it: then --discard must not remove it.
in_jail alice true
strace -qq -o "$T_WORK/calls" -e trace=openat "$KEEPER" --discard alice
number=$(grep -n '"record"' "$T_WORK/calls" | tail -n 1 | cut -d : -f 1)
in_jail alice true
hold flock 1 "$T" alice sleep 600d
status 125 "no memory to look for a launcher: --discard refuses" strace -qq -o "$T_WORK/calls" -e trace=openat \
	-e "inject=openat:error=ENOMEM:when=$number" "$KEEPER" --discard alice
like "with a sentence" "$(cat "$ERR")" '^trampoline: cannot withdraw the record of jail "alice": Cannot allocate memory$'
ok "and the record is there" test -e "$(record_of alice)"
release
wait_for sleeps "$A" 1
end

in_jail alice true
hold setns 1 "$T" alice sleep 600d
status 0 "a launcher is in the hub: a pass does not wait for it" "$T" --cleanup -v
like "but marks the jail" "$(cat "$OUT")" '^alice: marked$'
for _ in 1 2 3 4 5 6; do
	status=0
	"$T" --cleanup -v >"$OUT" 2>&1 || status=$?
	! grep -q '^alice: marked$' "$OUT" || continue # an umount of another program's: umount2(2), MNT_EXPIRE
	break
done
is "and then leaves it alone" "$status $(grep ^alice "$OUT")" "0 alice: busy, left alone"
release
ok "the launcher goes on, and its command runs" wait_for sleeps "$A" 1
is "in a jail" "$(shown alice "$A")" "in-use 1 0"
end

in_jail alice true
hold flock 1 "$T" alice sleep 600d
kill -KILL "$held"
ok "a launcher that is killed on its way is not waited for" "$T" --discard alice
held=
wait

# What a run has beside its command, a watcher and process 1, is not on its way.
for option in --private --daemon --timeout=1h; do
	start alice "$option"
	wait_for sleeps "$A" 1
	ok "$option: no process of a run that has begun is waited for" wait_for flock -n "$(record_of alice)" true
	"$T" --discard --kill alice
	end
done

in_jail alice true
in_jail bob true
hold setns 1 "$T" bob id -u
ok "a launcher on its way into bob's jail: alice's is discarded" "$T" --discard --kill alice
release
status 0 "which does not hurt bob's entry" wait $tracer
is "nor his command" "$(cat "$T_WORK/said")" "$B"

# --- a pass that has looked ------------------------------------------------------------------------

# The second pass is stopped when it has seen nobody in the jail: with the jail's lock; and with its
# pin removed.
for point in 'flock 1' 'umount2 1'; do
	"$T" --discard bob >/dev/null 2>&1 || :
	in_jail alice true
	"$T" --cleanup
	# shellcheck disable=SC2086 # two words
	hold $point "$T" --cleanup
	start alice
	comes() { sleeps "$A" 1 || is_awaited "$T_RUNDIR/jails/alice"; }
	wait_for comes
	release
	status 0 "an entry while a pass is stopped behind $point: the pass ends well" wait $tracer
	ok "the command runs" wait_for sleeps "$A" 1
	is "and is shown" "$(shown alice "$A")" "in-use 1 0"
	not_ok "trampoline-user does not remove the user" "$T_PREFIX/sbin/trampoline-user" remove alice --yes
	ok "whose home is there" test -d "$ALICE"
	ok "--discard --kill finds the command" "$T" --discard --kill alice
	is "and ends it" "$(sleeping "$A")" 0
	end
done

# --- namespaces of the user's own ------------------------------------------------------------------

printf '[confinement]\nsystem_calls = all\n' | override alice
if in_jail alice unshare -U -m -i true 2>/dev/null; then
	become_www "$T" alice unshare -U -m -i sleep 600d </dev/null >/dev/null 2>&1 &
	wait_for sleeps "$A" 1
	is "with system_calls = all, a user who makes namespaces of his own is shown" "$(shown alice "$A" | cut -d ' ' -f 1,2)" \
		"in-use 1"
	"$T" --cleanup
	"$T" --cleanup
	is "and keeps his jail" "$(shown alice "$A" | cut -d ' ' -f 1,2)" "in-use 1"
	ok "--discard --kill finds him" "$T" --discard --kill alice
	is "and ends him" "$(sleeping "$A")" 0
else
	skip "namespaces of the user's own" "this machine lets no user make one"
fi
end
