#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --list, --cleanup and --discard look at no storage of users or processes, so none can keep them waiting.
. "$(dirname "$0")/../attack/lib.sh"

dead_uid=$((A + 2)) apart_uid=$((A + 3))
children=()

cleanup() {
	local pid
	for pid in "${children[@]}" "${SERVERS[@]}"; do kill -KILL "$pid" 2>/dev/null || :; done
	wait || :
	! findmnt -n "$DATA/dead/tmp" >"$OUT" || umount -l "$DATA/dead/tmp"
	! findmnt -n "$T_WORK/root" >"$OUT" || umount -l "$T_WORK/root"
	default_config
	[ ! -d "$DATA/dead" ] || remove_user dead
	in_jail alice true
	in_jail bob true
}

look_for_dead
if [ -n "$no_dead" ]; then
	skip "storage that does not answer keeps --list waiting no more than any other" "$no_dead"
	exit 0
fi

# ends STATUS DESCRIPTION COMMAND...
ends() {
	local wanted=$1 description=$2 got=0
	shift 2
	bounded "$@" >"$OUT" 2>"$ERR" </dev/null || got=$?
	is "$description: it ends, with status $wanted" "$got" "$wanted"
}

# Other installations' processes have no row here.
printf '[trampoline]\nminimum_uid = %d\nmaximum_uid = %d\n' "$A" $((A + 9)) | configure
forget_all

# --- an unrelated process whose root does not answer -----------------------------------------------

mkdir -m 755 "$T_WORK/root"
serve_dead "$T_WORK/root" 0
for uid in 0 "$apart_uid"; do
	unshare -m python3 -c '
import os, signal, sys
os.chroot(sys.argv[1])
os.setresuid(*[int(sys.argv[2])] * 3)
open(3, "w").write("in")
signal.pause()' "$T_WORK/root" "$uid" 3>"$T_WORK/in.$uid" &
	children+=($!)
	wait_for test -s "$T_WORK/in.$uid"
done
in_jail alice true
in_jail bob true
storage_dies
status 137 "the root of a process does not answer" timeout -s KILL 2 stat -L "/proc/${children[0]}/root"
ends 0 "--list" "$T" --list
is "it shows every jail, and the process of a uid that may be a jail's" \
	"$(awk 'NR > 1 { print $1, $2, $3, $4 }' "$OUT" | paste -sd ,)" "alice $A idle 0,bob $B idle 0,- $apart_uid discarded 1"
ends 0 "--list --json" "$T" --list --json
is "it shows the same" "$(jq -c '.[] | [.jail, .uid, .state]' "$OUT" | paste -sd ' ')" \
	"[\"alice\",$A,\"idle\"] [\"bob\",$B,\"idle\"] [null,$apart_uid,\"discarded\"]"
ends 0 "--status" "$T" --status alice
ends 0 "--cleanup" "$T" --cleanup
ends 0 "--discard" "$T" --discard alice
ends 0 "--discard --kill" "$T" --discard --kill bob
for pid in "${children[@]}"; do stop -KILL "$pid"; done
stop -KILL "$server"
umount -l "$T_WORK/root"

# --- a user's storage that does not answer any more ------------------------------------------------

make_user dead "$dead_uid"
serve_dead "$DATA/dead/tmp" "$dead_uid"
become_www "$T" dead sleep 600d </dev/null >/dev/null 2>&1 &
children+=($!)
wait_for grep -q sleep "/proc/$!/comm"
storage_dies
# What is left over of a command, in a wait that nothing ends, would keep the pipe open.
# shellcheck disable=SC2016 # the inner shell's
captured() { bash -c 'x=$("$@") || got=$?; printf "%s\n" "$x"; exit "${got:-0}"' - "$@"; }
ends 0 "x=\$(--list --json)" captured "$T" --list --json
is "it shows the jail" "$(jq -c '.[] | [.jail, .state, .processes]' "$OUT")" '["dead","in use",1]'
ends 1 "x=\$(--check)" captured "$T" --check dead
like "it says what it has waited for" "$(cat "$OUT")" '^the storage of jail "dead" does not answer; see to '
ends 0 "x=\$(--cleanup -v)" captured "$T" --cleanup -v
is "it keeps the jail" "$(cat "$OUT")" "dead: in use"
ends 0 "x=\$(--discard --kill)" captured "$T" --discard --kill dead
is "nobody is left" "$("$T" --list)" "No jail is live."
