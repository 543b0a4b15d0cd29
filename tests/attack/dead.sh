#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# C13 as an administrator meets it: a user's storage does not answer any more, then that of several.
# Every command ends, says one sentence of that user, and shows the others.
# ATTACK_DEAD=no leaves it out, as in building.sh.
. "$(dirname "$0")/lib.sh"

MANY=8
lodger=
cleanup() {
	local pid user mount
	[ -z "$lodger" ] || kill -KILL "$lodger" 2>/dev/null || :
	for pid in "${SERVERS[@]}"; do kill -KILL "$pid" 2>/dev/null || :; done
	wait || :
	awk -v mark="/$T_MARK/" 'index($5, mark) && $5 !~ "^/run/" { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r mount; do umount -l "$mount"; done
	for user in dead $(seq -f m%g $MANY); do [ ! -d "$DATA/$user" ] || remove_user "$user"; done
	in_jail alice true
	in_jail bob true
}

look_for_dead
if [ -n "$no_dead" ]; then
	skip "C13: storage that does not answer" "$no_dead"
	exit 0
fi

# ends STATUS DESCRIPTION COMMAND...: with this status, though the storage never answers
ends() {
	local wanted=$1 description=$2 got=0
	shift 2
	bounded "$@" >"$OUT" 2>"$ERR" </dev/null || got=$?
	is "C13: $description ends, with status $wanted" "$got" "$wanted"
}

# begin NAME OPTION...: in the background; `ended NAME STATUS' waits for it.
begin() {
	local name=$1 got=0
	shift
	{
		trap - EXIT INT TERM ERR
		"$T" "$@" >"$T_WORK/$name.out" 2>"$T_WORK/$name.err" </dev/null || got=$?
		echo "$got" >"$T_WORK/$name.status"
	} &
}
ended() {
	wait_for test -s "$T_WORK/$1.status" || echo late >"$T_WORK/$1.status"
	is "C13: $1 ends, with status $2" "$(cat "$T_WORK/$1.status")" "$2"
	mv "$T_WORK/$1.out" "$OUT"
	mv "$T_WORK/$1.err" "$ERR"
	rm "$T_WORK/$1.status"
}

# --- one user ------------------------------------------------------------------------------------

forget_all # whatever another file has left
make_user dead $((A + 3))
serve_dead "$DATA/dead/tmp" $((A + 3))
ok "C13: a tmp on storage that answers" in_jail dead true
in_jail alice true
in_jail bob true
storage_dies

# What only looks is tried at once, since each of them waits for the same thing.
begin list --list
begin json --list --json
begin status --status dead
begin check --check
begin check-dead --check dead
begin explain --explain dead
begin dry-run --cleanup --dry-run
ends 0 "--status of another's" "$T" --status bob
ends 0 "--check of another's" "$T" --check bob
ends 0 "--explain of another's" "$T" --explain bob
ended list 0
is "C13: it shows every jail, and of this one that there is no answer" \
	"$(awk 'NR > 1 { print $1, $3, $4 }' "$OUT" | xargs)" "alice idle 0 bob idle 0 dead no answer"
is "C13: and has nothing to complain of" "$(cat "$ERR")" ""
ended json 0
is "C13: the same" "$(jq -r '.[] | .jail + " " + .state' "$OUT" | xargs)" "alice idle bob idle dead no answer"
ended status 0
like "C13: it says so" "$(cat "$OUT")" '^dead .* no answer '
for mode in check check-dead; do
	ended $mode 1
	is "C13: it has one finding, with the cure" \
		"$(grep -c 'jail "dead" does not answer; see to ' "$OUT") $(wc -l <"$OUT") $(cat "$ERR")" "1 1 "
done
ended explain 125
is "C13: a sentence" "$(cat "$ERR")" 'trampoline: cannot look at jail "dead": its storage does not answer'
ended dry-run 125
is "C13: it tells of every jail" "$(cat "$OUT")" \
	$'alice: would be marked\nbob: would be marked\ndead: would be left alone: no answer'
ends 125 "--cleanup" "$T" --cleanup -v
is "C13: it marks the others" "$(cat "$OUT")" $'alice: marked\nbob: marked\ndead: not retired'
is "C13: and says one sentence of it" "$(sed 's/: its storage .*/./' "$ERR")" 'trampoline: cannot look at jail "dead".'
ends 125 "the next cleanup" "$T" --cleanup -v
is "C13: it retires the others" "$(cat "$OUT")" $'alice: retired\nbob: retired\ndead: not retired'
ends 0 "--discard of it" "$T" --discard dead
ends 0 "--list then" "$T" --list
is "C13: it is gone" "$(cat "$OUT")" "No jail is live."
stop -KILL "$server"
umount -l "$DATA/dead/tmp"
ok "C13: when the storage is back, it can be entered" in_jail dead true
remove_user dead

# --- a home that has never answered ----------------------------------------------------------------

make_user dead $((A + 3))
serve_dead -d "$DATA/dead/home/dead" $((A + 3))
begin check --check
begin explain --explain dead
begin list --list
ended list 0 # on which it never was
ended explain 125
ended check 1
is "C13: one finding again" "$(grep -c 'jail "dead" does not answer; see to ' "$OUT") $(wc -l <"$OUT") $(cat "$ERR")" "1 1 "
stop -KILL "$server"
umount -l "$DATA/dead/home/dead"
remove_user dead

# --- and many: they wait together, or not so long --------------------------------------------------

in_jail alice true
mkdir -m 755 "$T_WORK/disk"
serve_dead "$T_WORK/disk" 20101
for i in $(seq $MANY); do
	make_user "m$i" 20101
	mount --bind "$T_WORK/disk" "$DATA/m$i/tmp"
	in_jail "m$i" true
done
storage_dies
# In use, so that the pass beside the list does not mark her.
become_www "$T" alice sleep 3600 </dev/null >/dev/null 2>&1 &
lodger=$!
wait_for pgrep -x -U "$A" sleep
begin check --check
begin cleanup --cleanup
begin list --list
ended list 0
is "C13: each of $MANY is shown" "$(grep -c ' no answer ' "$OUT") $(grep -c '^alice .* in use  *1 ' "$OUT")" "$MANY 1"
ended check 1
is "C13: each is found" "$(grep -c 'does not answer; ' "$OUT")" "$MANY"
ended cleanup 125
is "C13: each has its sentence" "$(grep -c 'its storage does not answer; it is left alone' "$ERR")" "$MANY"
stop -KILL "$lodger"
