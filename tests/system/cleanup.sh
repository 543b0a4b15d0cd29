#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Cleanup never hurts anyone: an idle jail goes in two passes, one with a process in it never goes,
# and a process that is still in a discarded jail keeps /home and /tmp until its end.
#   CLEANUP_PASSES=N   passes over a jail in use (50)
#   CLEANUP_KILLERS=N  tries to kill what kills (20)
. "$(dirname "$0")/lib.sh"

PASSES=${CLEANUP_PASSES:-50}
KILLERS=${CLEANUP_KILLERS:-20}
outside=
C=$((A + 2))

cleanup() {
	local pid
	as_alice "$BASH" -c 'kill -KILL -1' || : # all at once, as they may be fork bombs
	for pid in $(lodgers) $outside; do kill -KILL "$pid" 2>/dev/null || :; done
	wait
	wait_for reaped
	default_config
	rm -f "$ALICE"/lodger "$ALICE"/*log* "$DATA"/alice/tmp/{go,*log*} "$BOB/lodger"
	[ ! -e "$DATA/carol" ] || remove_user carol
	in_jail alice true
	in_jail bob true
	"$T" --cleanup
}

${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -static -pthread -o "$T_WORK/lodger" \
	"$(dirname "$0")/lodger.c"
install -m 755 "$T_WORK/lodger" "$ALICE/lodger"
install -m 755 "$T_WORK/lodger" "$BOB/lodger"

# lodgers [UID]: who lives there now, by the kernel's word, also those whose first thread has gone.
lodgers() {
	{ cat /proc/[0-9]*/status 2>/dev/null || :; } | awk -v uid="${1:-}" -v all=" $A $B $C " '
		$1 == "Name:" { is_lodger = $2 == "lodger" }
		$1 == "State:" { state = $2 }
		$1 == "Pid:" { pid = $2 }
		$1 == "Uid:" && (uid != "" ? $2 != uid : index(all, " " $2 " ") == 0) { is_lodger = 0 }
		# A zombie with threads still lives.
		$1 == "Threads:" && is_lodger && (state != "Z" || $2 > 1) { print pid }
	'
}

nobody() { [ -z "$(lodgers "$@")" ]; }

reaped() { [ -z "$(pgrep -r Z -u "$A")" ]; }

# move_in JAIL MANNER...: from here on somebody lives there, and holds a pipe to us.
move_in() {
	local jail=$1 pipe=$T_WORK/$1.pipe
	shift
	rm -f "$pipe"
	mkfifo "$pipe"
	become_www "$T" "$jail" "/home/$jail/lodger" "$@" </dev/null >"$pipe" 2>"$T_WORK/lodger.err" &
	case $jail in
	alice) exec 9<"$pipe" && read -r -t "$DEADLINE" -u 9 ;;
	bob) exec 8<"$pipe" && read -r -t "$DEADLINE" -u 8 ;;
	esac
}

# Whether the last who moved in, or his children, are there: a pipe nobody holds can be read to its
# end.
# shellcheck disable=SC2034
lives() {
	case $1 in
	alice) ! read -r -t 0 -u 9 ;;
	bob) ! read -r -t 0 -u 8 ;;
	esac
}

move_out() {
	local pid
	for pid in $(lodgers "$@"); do kill -KILL "$pid" 2>/dev/null || :; done
	wait_for nobody "$@"
	# Until process 1 has taken them in they count for the limit of processes.
	wait_for reaped
}

# A writer ends its file, and then itself.
ask_out() {
	local pid
	for pid in $(lodgers "$A"); do kill -TERM "$pid" 2>/dev/null || :; done
	wait_for nobody "$A" || :
}

passes() {
	local left=$1
	while [ "$left" -gt 0 ]; do
		"$T" --cleanup || return 1
		left=$((left - 1))
	done
}

# Rows of --list: state, processes, those of them in an earlier jail. Other installations may have
# users of the same names.
rows_of() {
	"$T" --list | sed 's/in use/in-use/' |
		awk -v jail="$1" -v uids=" $A $B $C " '$1 == jail && index(uids, " " $2 " ") { print $3, $4, $5 }'
}

state_of() { rows_of "$1" | cut -d ' ' -f 1; }

# The inode of a jail's mount namespace, read from the hub's table: opening the pin would be a use
# of it.
pin_of() {
	hub_mounts | awk -v pin="/jails/$1/mnt" '$5 == pin { gsub(/[^0-9]/, "", $4); print $4 }'
}

files_of() {
	find "$T_RUNDIR/jails/$1" 2>/dev/null || :
}

# A jail that is nobody's any more: no pin, no file.
gone() {
	[ -z "$(pin_of "$1")" ] && [ -z "$(files_of "$1")" ] &&
		! hub_mounts | awk '{ print $5 }' | grep -q "^/jails/$1/"
}

# retires JAIL [COMMAND...]: passes, as COMMAND makes them, until it is gone. That is one more than
# it should take where another umount of this machine came between: that counts as a use; see
# umount2(2), MNT_EXPIRE.
retires() {
	local jail=$1
	shift
	[ $# -gt 0 ] || set -- "$T" --cleanup
	for _ in 1 2 3 4 5 6; do
		"$@" || return 1
		! gone "$jail" || return 0
	done
	return 1
}

# in_two: an idle jail goes in two passes, in one of three tries; see above.
in_two() {
	for _ in 1 2 3; do
		in_jail alice true
		passes 2
		! gone alice || return 0
	done
	return 1
}

# --- idle ------------------------------------------------------------------------------------------

retires alice
retires bob
ok "with nobody in any jail, passes retire all" test -z "$(hub_mounts | grep /jails/ || :)"
in_jail alice true
inode=$(pin_of alice)
passes 1
is "an idle jail survives the first pass" "$(pin_of alice)" "$inode"
is "and is shown as marked" "$(state_of alice)" "marked"
ok "an idle one is gone after the second: pins and files" in_two
is "and not shown any more" "$(state_of alice)" ""

in_jail alice true
inode=$(pin_of alice)
for _ in 1 2 3 4 5 6 7 8 9 10; do
	passes 1
	in_jail alice true
done
is "entered between the passes it stays" "$(pin_of alice)" "$inode"
passes 1
"$T" --prepare alice
passes 1
is "--prepare between the passes keeps it too" "$(pin_of alice)" "$inode"
is "which marks it again" "$(state_of alice)" "marked"

everything() {
	traces
	hub_mounts
	sha256sum "$T_RUNDIR"/jails/*/record
}
before=$(everything)
"$T" --cleanup --dry-run >"$OUT"
"$T" --cleanup --dry-run >>"$OUT"
like "a dry run says what would be done" "$(cat "$OUT")" '^alice: would be retired$'
is "and does nothing, however often" "$(everything)" "$before"
is "nor does it use the jail: the mark stays" "$("$T_TOOLS/nsmounts" -x jails/alice/mnt "$T_RUNDIR/hub")" gone
ok "a pin taken away by hand is no trouble" retires alice

# --- in use ----------------------------------------------------------------------------------------

# stays DESCRIPTION PASSES MANNER...
stays() {
	local description=$1 times=$2 inode
	shift 2
	move_in alice "$@"
	inode=$(pin_of alice)
	if ! passes "$times"; then
		fail "$description" "a pass failed"
	elif ! lives alice; then
		fail "$description" "the lodger has died"
	elif [ "$(pin_of alice)" != "$inode" ]; then
		fail "$description" "the jail has been retired: $inode, now $(pin_of alice)"
	else
		pass "$description"
	fi
	# All at once: one that is always leaving outruns a list of them.
	as_alice "$BASH" -c 'kill -KILL -1' || :
	move_out
	"$T" --discard alice >/dev/null 2>&1 || :
	passes 1
}

# intact FILE: the writer's file holds every line, in order, to the last one written.
intact() {
	local last
	last=$(cat "$1.last") && [ "$last" -gt 20 ] && seq "$last" | cmp -s - "$1"
}

stays "a process that touches nothing keeps its jail: $PASSES passes" "$PASSES" quiet
stays "so does one whose first thread has ended" 10 headless
stays "and one that is always leaving, its child staying" "$PASSES" hop 500
stays "and one with children all the time" 20 fork

move_in alice write /home/alice/log /tmp/log
inode=$(pin_of alice)
passes "$PASSES"
is "a writer keeps its jail" "$(pin_of alice)" "$inode"
ask_out
ok "and has lost no write to home" intact "$ALICE/log"
ok "nor to tmp" intact "$DATA/alice/tmp/log"

printf '[confinement]\nprocesses = private\n' | override alice
stays "a private run, which has mounts of its own, keeps its jail" 20 quiet
printf '[confinement]\nprocesses = private\nipc = host\nnetwork = host\n' | override alice
stays "also one with the host's network and ipc" 20 quiet
default_config

# --- discarded -------------------------------------------------------------------------------------

move_in alice write /home/alice/log /tmp/log
old=$(pin_of alice)
lodger=$(lodgers "$A")
wait_for test -s "$ALICE/log"
ok "a jail in use can be discarded" "$T" --discard alice
is "its pin is gone" "$(pin_of alice)" ""
is "it is shown as discarded, with its process" "$(rows_of alice)" "discarded 1 0"
is "which is still in it" "$(readlink "/proc/$lodger/ns/mnt")" "mnt:[$old]"
refused 125 alice "it has no status" "$T" --status alice
in_jail alice true
new=$(pin_of alice)
ok "the next entry has a new jail" test -n "$new" -a "$new" != "$old"
is "whose row counts the process in the earlier one" "$(rows_of alice)" "in-use 1 1"
like "as --status does" "$("$T" --status alice)" "^process $lodger uid $A \\(in an earlier jail\\)$"
passes 3
is "cleanup leaves both alone" "$(rows_of alice) $(pin_of alice)" "in-use 1 1 $new"
length=$(stat -c %s "$ALICE/log")
longer() { [ "$(stat -c %s "$ALICE/log")" -gt "$length" ]; }
ok "the process writes on" wait_for longer
is "what it writes is what the new jail sees" "$(in_jail alice head -n 3 log | xargs)" "1 2 3"
ask_out
ok "it lost no write to home" intact "$ALICE/log"
ok "nor to tmp" intact "$DATA/alice/tmp/log"
is "then it is not counted any more" "$(rows_of alice)" "idle 0 0"
ok "and after the next passes nothing remains of either" retires alice
# By what they see: the kernel may have given the namespace's number to another one.
is "no process is in a jail" "$(jail_processes)" ""
refused 125 alice "a jail that is not live cannot be discarded" "$T" --discard alice
refused 125 alice "nor with --kill, when nobody is inside" "$T" --discard --kill alice

# A pin of a jail in use that went by accident.
move_in alice quiet
"$T_TOOLS/nsmounts" -d jails/alice/mnt "$T_RUNDIR/hub" >/dev/null
ok "with the pin gone under a process, cleanup works" passes 3
ok "and so does an entry" in_jail alice true
ok "the process lives" lives alice
move_out
ok "nothing remains" retires alice

# --- discarded with all that is in it --------------------------------------------------------------

# killed DESCRIPTION MANNER...
killed() {
	local description=$1
	shift
	move_in alice "$@" || fail "$description moves in"
	ok "--discard --kill ends $description" "$T" --discard --kill alice
	not_ok "really" lives alice
	move_out "$A"
	passes 1
}

move_in bob quiet
killed "a quiet process" quiet
killed "one whose first thread has ended" headless
killed "one that is always leaving" hop 300
killed "one that forks all the time" fork
move_in alice quiet
for pid in $(lodgers "$A"); do kill -STOP "$pid" || :; done
killed "a stopped process" quiet
printf '[confinement]\nprocesses = private\n' | override alice
killed "a private run" quiet
printf '[confinement]\nipc = host\nnetwork = host\n' | override alice
killed "all in a jail with the host's ipc and network" quiet
default_config
ok "but nobody of another jail" lives bob
in_jail alice true
move_in alice quiet
"$T" --discard alice
move_in alice quiet
ok "it ends the lodgers of jails discarded before too" "$T" --discard --kill alice
ok "all of them" wait_for nobody "$A"
move_out "$A"

# Five fork bombs, which have all the processes that the limit allows.
printf '[limits]\nprocesses = 100\n' | override alice
for _ in 1 2 3 4 5; do move_in alice bomb /tmp/go; done
touch "$DATA/alice/tmp/go"
are_many() { [ "$(lodgers "$A" | wc -l)" -gt 80 ]; }
ok "five fork bombs are at the limit" wait_for are_many
ok "--discard --kill ends them" "$T" --discard --kill alice
is "all" "$(lodgers "$A")" ""
default_config
wait_for reaped

# The process that kills has the uid, so that others of the uid could kill it, if all its ids were
# this one.
outcome=
for _ in $(seq "$KILLERS"); do
	move_in alice kill
	"$T" --discard --kill alice || outcome+=" status $?"
	outcome+=$(lodgers "$A")
	move_out "$A"
done
is "nor does a loop of kill -KILL -1 in the jail kill the keeper, in $KILLERS tries" "$outcome" ""

# An account of the host that has a jail's uid.
setpriv "--reuid=$A" "--regid=$A" --clear-groups -- sleep 600d &
outside=$!
wait_for grep -qxF "Uid:	$A	$A	$A	$A" "/proc/$outside/status"
in_jail alice true
is "a process of the uid that is in no jail does not keep the jail" "$(rows_of alice)" "idle 0 0"
move_in alice quiet
status 125 "--discard --kill refuses where such a process is" "$T" --discard --kill alice
like "and names it" "$(cat "$ERR")" "^trampoline: cannot kill the processes of uid $A: process $outside has that uid and is in no jail; "
ok "it lives" kill -0 "$outside"
ok "and so does the process in the jail" lives alice
status 125 "also when the jail is not live any more" "$T" --discard --kill alice
ok "which is still so" lives alice
kill -KILL "$outside"
wait "$outside" || :
outside=
ok "without it all in the jail are killed" "$T" --discard --kill alice
is "and none is left" "$(lodgers "$A")" ""
ok "but bob's" lives bob
move_out

# --- all of them -----------------------------------------------------------------------------------

ok "with no jail live, --discard --all has nothing to do" "$T" --discard --all
in_jail bob true
move_in alice quiet
"$T" --discard alice
move_in alice quiet
ok "--discard --all discards all jails" "$T" --discard --all
is "what runs in them lives on" "$(rows_of alice) $(rows_of bob)" "discarded 2 0 "
is "and no pin is left" "$(pin_of alice)$(pin_of bob)" ""
move_in bob quiet
# Such as a container's, which has the uid and is in none of our jails.
unshare -m --propagation private setpriv "--reuid=$((A + 3))" "--regid=$((A + 3))" --clear-groups -- sleep 600d &
outside=$!
wait_for grep -qxF "Uid:	$((A + 3))	$((A + 3))	$((A + 3))	$((A + 3))" "/proc/$outside/status"
ok "--discard --all --kill also ends what is in them and in those discarded before" "$T" --discard --all --kill
is "all" "$(lodgers "$A")$(lodgers "$B")" ""
ok "but no process of a namespace that is no jail's" kill -0 "$outside"
kill -KILL "$outside"
wait "$outside" || :
outside=
# Where such a process is no table of mounts tells.
move_in alice headless
"$T" --discard alice
ok "also a process whose first thread has ended" "$T" --discard --all --kill
is "it has gone" "$(lodgers "$A")" ""
move_in alice hop 300
"$T" --discard alice
ok "and one that leaves its life to a child all the time" "$T" --discard --all --kill
is "it has gone as well" "$(lodgers "$A")" ""
setpriv "--reuid=$A" "--regid=$A" --clear-groups -- sleep 600d &
outside=$!
wait_for grep -qxF "Uid:	$A	$A	$A	$A" "/proc/$outside/status"
in_jail alice true
in_jail bob true
status 125 "where one cannot be ended, the status says so" "$T" --discard --all --kill
is "a sentence names it, and the others are done" "$(sed "s/ $A: .*//" "$ERR") $(pin_of bob)" \
	"trampoline: cannot kill the processes of uid "
kill -KILL "$outside"
wait "$outside" || :
outside=
move_out

# --- users that go ---------------------------------------------------------------------------------

# What became of the user, of the image or of the configuration is nothing to a pass: an idle jail
# goes in two.
make_user carol "$C"
in_jail carol sh -c 'echo precious >kept; echo precious >/tmp/kept'
mv "$DATA/carol" "$DATA/carol.moved"
is "a jail whose user has been taken away is shown" "$(rows_of carol)" "idle 0 0"
"$T" --cleanup
is "and marked" "$(rows_of carol)" "marked 0 0"
ok "and retired" retires carol
is "and nothing of the user's is touched" \
	"$(cat "$DATA/carol.moved/home/carol/kept" "$DATA/carol.moved/tmp/kept" | xargs)" "precious precious"
mv "$DATA/carol.moved" "$DATA/carol"
is "put back, it can be entered again" "$(in_jail carol cat kept)" precious
printf '# changed\n' | override carol
"$T" --cleanup
is "a jail that is not as it should be is marked too" "$(rows_of carol)" "marked 0 0"
ok "and retired" retires carol

# --- where it is run -------------------------------------------------------------------------------

in_jail alice true
ok "run in a private mount namespace, it cleans the host's" retires alice unshare -m --propagation private "$T" --cleanup
in_jail alice true
(cd "$T_WORK" && umask 777 && exec "$T" --cleanup) </dev/null >&- 2>&-
ok "a crontab's environment is enough, and so is none" retires alice env -i "$T" --cleanup
status 0 "without any jail it has nothing to do" "$T" --cleanup

# --- who runs it: cron, systemd, and the ageing of tmp ---------------------------------------------

"$T" --cleanup
in_jail alice true
line=$(sed -nE 's/^\*\/5 \* \* \* \* root //p' "$T_SYSCONFDIR/cron.d/trampoline")
ok "the crontab has a line for root" test -n "$line"
# As on a machine that systemd has not booted: the first part of the line is about that.
line=${line#*] || }
ok "which runs and retires" retires alice env -i sh -c "cd / && $line"
unit=$T_PREFIX/lib/systemd/system/trampoline-cleanup
ok "the service runs this cleanup" grep -qxF "ExecStart=$T --cleanup" "$unit.service"
is "and has no mount namespace of its own" "$(grep -E \
	'^ *(PrivateTmp|PrivateDevices|PrivateMounts|Protect[A-Z]|ReadOnlyPaths|ReadWritePaths|InaccessiblePaths|BindPaths|Root|TemporaryFileSystem|DynamicUser|MountAPIVFS)' \
	"$unit.service" || :)" ""
ok "the timer is for it" grep -q '^OnUnitActiveSec=' "$unit.timer"
if command -v systemd-analyze >/dev/null; then
	ok "systemd understands both" systemd-analyze verify --man=no "$unit.service" "$unit.timer"
else
	skip "systemd understands both" "there is no systemd-analyze"
fi
in_jail alice true
ok "it runs under the service's no_new_privs" setpriv --no-new-privs "$T" --cleanup
logged() { strace -f -s 400 -qq -e trace=connect,sendto -e inject=connect:retval=0 -o "$T_WORK/trace" "$T" --cleanup; }
retires alice logged
# libc says it again, as nobody is connected.
sentences=$(grep -oE 'sendto.*' "$T_WORK/trace" | sort -u || :)
is "it leaves one line in syslog" "$(wc -l <<<"$sentences")" 1
like "with what it did" "$sentences" \
	'cleanup: 1 jails: 0 in use, 0 marked, 1 retired, '
if command -v systemd-tmpfiles >/dev/null; then
	mkdir "$T_WORK/canary"
	echo precious >"$T_WORK/canary/file"
	# shellcheck disable=SC2016 # it is the inner shell's
	in_jail alice sh -c 'echo >/tmp/log.old; ln -s "$1" /tmp/log.link; echo >log.old' - "$T_WORK/canary"
	sed 's/30d$/1s/' "$T_PREFIX/lib/tmpfiles.d/trampoline.conf" >"$T_WORK/trampoline.conf"
	sleep 2
	# What has any time that is not old is not: this one's is to come, however long systemd
	# takes to start.
	in_jail alice sh -c 'echo >/tmp/log.new'
	touch -d '1 hour' "$DATA/alice/tmp/log.new"
	ok "systemd ages the users' tmp" systemd-tmpfiles --clean "$T_WORK/trampoline.conf"
	is "what is old has gone" "$(ls "$DATA/alice/tmp")" log.new
	is "nothing of home, and nothing that a link leads to" "$(cat "$T_WORK/canary/file"; ls "$ALICE"/log.old)" \
		"precious"$'\n'"$ALICE/log.old"
	is "tmp itself stays as it is" "$(stat -c '%a %u:%g' "$DATA/alice/tmp")" "700 $A:$A"
	rm -rf --one-file-system "$T_WORK/canary"
	forget_all
	rmdir "$T_RUNDIR"
	ok "it makes RUNDIR at boot" systemd-tmpfiles --create "$T_PREFIX/lib/tmpfiles.d/trampoline.conf"
	is "as it must be" "$(stat -c '%a %u:%g' "$T_RUNDIR")" "700 0:0"
	is "and jails are entered" "$(in_jail alice echo in 2>&1)" in
else
	skip "systemd ages the users' tmp" "there is no systemd-tmpfiles"
fi
