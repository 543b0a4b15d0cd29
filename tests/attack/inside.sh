#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who is in a jail or on the way into it, where somebody hinders the look: launchers that are held at one
# call (strace stops them there), a caller who reads nothing, a user who stops what has just become the user's.
. "$(dirname "$0")/lib.sh"

PIDS=()
cleanup() {
	local pid
	for pid in "${PIDS[@]}"; do end_tree "$pid"; done
	wait || :
	for pid in $(jail_processes); do kill -KILL "$pid" 2>/dev/null || :; done
	default_config
	[ ! -d "$DATA/foreign" ] || remove_user foreign
	forget_all
	in_jail alice true
	in_jail bob true
}

# launch OPTION-OF-STRACE... -- COMMAND...: in the background, traced
launch() {
	local options=() launched
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	exec {launched}> >(exec cat >"$T_WORK/launched") # a pipe: for a file the launcher would fork
	strace -f -qq -o "$T_WORK/trace" "${options[@]}" "$@" >&"$launched" 2>&1 {launched}>&- </dev/null &
	PIDS+=($!)
	exec {launched}>&-
}

# held CALL COMMAND...: a launcher that is stopped behind its first CALL; $launcher is its id
has_said() { launcher=$(pgrep -P "${PIDS[-1]}") && grep -q -e "$1" "$T_WORK/trace"; }
held() {
	local call=$1
	shift
	rm -f "$T_WORK/trace"
	launch -e "trace=$call" -e "inject=$call:signal=SIGSTOP:when=1" -- "$@"
	wait_for has_said 'stopped by SIGSTOP' || :
}
let_go() {
	end_tree "${PIDS[-1]}"
	wait "${PIDS[-1]}" || :
}
is_gone() { ! pgrep -U "$1"; }
real_uid() { awk '/^Uid:/ { print $2 }' "/proc/$1/status"; }

if ! strace -qq -o /dev/null true 2>/dev/null; then
	skip "launchers that are held" "strace does not work here"
	exit 0
fi

# --- a look that cannot be made ---------------------------------------------------------------------

# With room for few descriptors one look or another fails: that is never taken for "nobody is there".
in_jail alice sleep 3600 &
PIDS+=($!)
wait_for pgrep -x -U "$A" sleep
version=$(readlink "$IMAGES/default/current")
seen=0 refused=0 wrong=
for limit in {3..24}; do
	for question in "uid $A" "mounted $IMAGES/default/$version"; do
		got=0
		# shellcheck disable=SC2086 # two words
		prlimit --nofile="$limit" "$KEEPER" ask $question >"$OUT" 2>"$ERR" </dev/null || got=$?
		case "$got $(cat "$OUT")" in
		"0 process "[0-9]* | "0 jail "[a-z]*) seen=$((seen + 1)) ;;
		0*) wrong+=" $question, $limit descriptors: '$(cat "$OUT")';" ;;
		*) refused=$((refused + 1)) ;;
		esac
	done
done
is "who is there is seen, or the look is refused, however few descriptors there are" "$wrong" ""
ok "some were refused, and some saw: $refused and $seen" test "$refused" -gt 0 -a "$seen" -gt 0
wrong='' seen=0
for limit in {3..24} 64; do
	prlimit --nofile="$limit" "$T" --list >"$OUT" 2>"$ERR" </dev/null || continue
	seen=$((seen + 1))
	[ "$(awk -v uid="$A" '$1 == "alice" && $2 == uid { print $(NF > 8 ? 5 : 4) }' "$OUT")" = 1 ] || wrong+=" $limit: $(grep ^alice "$OUT")"
done
is "so does --list" "$wrong $((seen > 0))" " 1"
pkill -KILL -x -U "$A" sleep

# --- a launcher on its way in ----------------------------------------------------------------------

in_jail alice true
held setgroups "$T" alice true
is "a launcher that is held before its ids change is root" "$(real_uid "$launcher")" 0
status 125 "--discard waits for it, and not for ever" bounded "$T" --discard alice
is "and names it" "$(cat "$ERR")" "trampoline: cannot withdraw the record of jail \"alice\": process $launcher, a launcher, is on its way into it; see why it does not go on, or kill it"
status 125 "so does --discard --kill" bounded "$T" --discard --kill alice
like "and names it" "$(cat "$ERR")" "process $launcher, a launcher"
printf '[confinement]\nproc = none\n' | override alice
status 125 "so does the build of a jail without /proc" bounded as_www "$T" alice true
like "and names it" "$(cat "$ERR")" "process $launcher, a launcher"
default_config
ok "others do not notice" in_jail bob true
let_go
ok "when it is gone the jail can be discarded" bounded "$T" --discard alice
in_jail alice true

# --- a launcher that the user holds ------------------------------------------------------------------

# From the change of its ids on the user may stop it, and its lock is not yet free.
held capset "$T" alice true
is "a launcher that is held after its ids have changed is the user's" "$(real_uid "$launcher")" "$A"
status 125 "--discard waits for it, and not for ever" bounded "$T" --discard alice
like "and names it" "$(cat "$ERR")" "process $launcher, a launcher"
status 0 "--discard --kill ends it" bounded "$T" --discard --kill alice
ok "it is gone" wait_for is_gone "$A"
not_ok "and so is the jail" "$T" --status alice
let_go

# --- who is in holds no lock -------------------------------------------------------------------------

for options in "" "-t 1h" "-p" "-d"; do
	# shellcheck disable=SC2086
	become_www "$T" $options alice sleep 3600 </dev/null >/dev/null 2>&1 &
	PIDS+=($!)
	wait_for pgrep -x -U "$A" sleep
	is "no process of a run ${options:-alone} has the record open" \
		"$(find /proc/[0-9]*/fd -lname "$T_RUNDIR/jails/*" 2>/dev/null)" ""
	status 0 "and --discard does not wait for it" bounded "$T" --discard alice
	ok "it runs on" pgrep -x -U "$A" sleep
	status 0 "--discard --kill of a jail that is not live ends it" bounded "$T" --discard --kill alice
	ok "nobody is left" wait_for is_gone "$A"
	wait "${PIDS[-1]}" || :
done

# --- a caller who reads nothing ----------------------------------------------------------------------

in_jail alice true
mkfifo "$T_WORK/full"
exec {full}<>"$T_WORK/full"
dd if=/dev/zero of="$T_WORK/full" oflag=nonblock bs=1024 2>/dev/null || :
rm -f "$T_WORK/trace"
strace -f -qq -o "$T_WORK/trace" -e trace=clone,write -e inject=clone:error=EAGAIN "$T" -t 9s alice true </dev/null >/dev/null 2>&"$full" &
PIDS+=($!)
ok "a refusal waits for a caller who reads nothing" wait_for has_said 'write(2'
status 0 "but --discard does not wait for the refusal" bounded "$T" --discard alice
let_go
exec {full}<&-

# --- requests meanwhile ------------------------------------------------------------------------------

in_jail alice true
as_www "$T_TOOLS/storm" 2 200 "$T" alice true >"$T_WORK/storm" 2>"$T_WORK/storm.err" &
storm=$!
PIDS+=("$storm")
got='' rounds=0
while kill -0 "$storm" 2>/dev/null; do
	bounded "$T" --discard --kill alice >"$OUT" 2>"$ERR" || grep -q 'it is not live' "$ERR" || got+="$(cat "$ERR") "
	rounds=$((rounds + 1))
done
wait "$storm" || :
is "--discard --kill finds an end while requests come in" "$got" ""
is "and of them none is refused ($rounds discards: $(sort "$T_WORK/storm" | tr '\n' ';'))" \
	"$(awk '$2 != 0 && $2 != 137' "$T_WORK/storm")$(cat "$T_WORK/storm.err")" ""

# --- a home that is no user's --------------------------------------------------------------------------

make_user foreign $((A + 5))
unshare -m "$SETPRIV" "--reuid=$((A + 5))" "--regid=$((A + 5))" --clear-groups sleep 3600 &
PIDS+=($!)
wait_for pgrep -x -U $((A + 5)) sleep
printf '[trampoline]\nmaximum_uid = %d\n' $((A + 4)) | configure
status 125 "--discard --kill kills nobody whose uid is no jail's" bounded "$T" --discard --kill foreign
ok "a service of that uid lives on" pgrep -x -U $((A + 5)) sleep
default_config
chown 65534 "$DATA/foreign/home/foreign"
unshare -m "$SETPRIV" --reuid=65534 --regid=65534 --clear-groups sleep 3600 &
nobody=$!
PIDS+=("$nobody")
is_nobodys() { [ "$(real_uid "$nobody")" = 65534 ]; }
wait_for is_nobodys
status 125 "nor nobody's, who everybody is on a squashed file system" bounded "$T" --discard --kill foreign
ok "whose process lives on" is_nobodys
kill "$nobody"
chown $((A + 5)) "$DATA/foreign/home/foreign"
status 0 "but one whose uid may be a jail's is killed" bounded "$T" --discard --kill foreign
ok "it is gone" wait_for is_gone $((A + 5))
remove_user foreign

# --- who may not look --------------------------------------------------------------------------------

become_www "$T" alice sleep 3600 </dev/null >/dev/null 2>&1 &
PIDS+=($!)
wait_for pgrep -x -U "$A" sleep
for option in --list --cleanup "--discard --kill"; do
	jail=alice
	[ "$option" = "--discard --kill" ] || jail=
	# shellcheck disable=SC2086
	status 125 "$option without CAP_SYS_PTRACE is refused" bounded "$SETPRIV" --bounding-set=-sys_ptrace -- "$T" $option $jail
	like "with a sentence" "$(cat "$ERR")" '^trampoline: cannot .*: Operation not permitted$'
done
ok "and nobody is killed" pgrep -x -U "$A" sleep
