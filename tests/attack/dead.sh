#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# C13 as an administrator meets it: a user's storage does not answer any more, then that of several.
# --check and --explain end, and say one sentence of that user; no other command asks the storage.
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
	default_config
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

# Other installations' processes have no row here.
printf '[trampoline]\nminimum_uid = %d\nmaximum_uid = %d\n' "$A" $((A + 9)) | configure
forget_all # whatever another file has left
make_user dead $((A + 3))
serve_dead "$DATA/dead/tmp" $((A + 3))
ok "C13: a tmp on storage that answers" in_jail dead true
in_jail alice true
in_jail bob true
storage_dies

# Only these two ask the storage, and all of them at once, since each waits for the same thing.
begin check --check
begin check-dead --check dead
begin explain --explain dead
ends 0 "--status of another's" "$T" --status bob
ends 0 "--check of another's" "$T" --check bob
ends 0 "--explain of another's" "$T" --explain bob
ends 0 "--list" "$T" --list
is "C13: it shows every jail" "$(awk 'NR > 1 { print $1, $3 }' "$OUT" | xargs)" "alice idle bob idle dead idle"
ends 0 "--list --json" "$T" --list --json
is "C13: the same" "$(jq -r '.[] | .jail + " " + .state' "$OUT" | xargs)" "alice idle bob idle dead idle"
ends 0 "--status" "$T" --status dead
for mode in check check-dead; do
	ended $mode 1
	is "C13: it has one finding, with the cure" \
		"$(grep -c 'jail "dead" does not answer; see to ' "$OUT") $(wc -l <"$OUT") $(cat "$ERR")" "1 1 "
done
ended explain 125
is "C13: a sentence" "$(cat "$ERR")" 'trampoline: cannot look at jail "dead": its storage does not answer'
# What still waits for the storage has no descriptor of its caller's.
# shellcheck disable=SC2016
ends 1 "--check by a shell that takes its output" bash -c 'output=$("$T" --check dead 2>&1); exit $?'
for what in "would be marked" marked retired; do
	options=(-v)
	[ "$what" != "would be marked" ] || options=(--dry-run)
	ends 0 "--cleanup ${options[*]}" "$T" --cleanup "${options[@]}"
	is "C13: it treats this jail as the others" "$(cat "$OUT" "$ERR")" "$(printf '%s: '"$what"'\n' alice bob dead)"
done
stop -KILL "$server"
umount -l "$DATA/dead/tmp"
ok "C13: when the storage is back, it can be entered" in_jail dead true
serve_dead "$DATA/dead/tmp" $((A + 3))
become_www "$T" dead sleep 3600 </dev/null >/dev/null 2>&1 &
lodger=$!
wait_for pgrep -x -U $((A + 3)) sleep
storage_dies
ends 0 "--discard --kill of a jail in use" "$T" --discard --kill dead
is_left() { ! pgrep -U $((A + 3)); }
ok "C13: nobody is left in it" wait_for is_left
ends 125 "--status then" "$T" --status dead
stop -KILL "$server"
umount -l "$DATA/dead/tmp"
remove_user dead

# --- a home that has never answered ----------------------------------------------------------------

make_user dead $((A + 3))
serve_dead -d "$DATA/dead/home/dead" $((A + 3))
begin check --check
begin explain --explain dead
ends 125 "--discard --kill of a jail whose uid only its home tells" "$T" --discard --kill dead
like "C13: a sentence" "$(cat "$ERR")" '^trampoline: cannot look at "/.*/home/dead": its storage does not answer$'
ended explain 125
ended check 1
is "C13: one finding again" "$(grep -c 'jail "dead" does not answer; see to ' "$OUT") $(wc -l <"$OUT") $(cat "$ERR")" "1 1 "
stop -KILL "$server"
umount -l "$DATA/dead/home/dead"
remove_user dead

# --- and many: they wait together, or not so long --------------------------------------------------

in_jail alice true
mkdir -m 755 "$T_WORK/disk"
serve_dead "$T_WORK/disk" $((A + 4))
for i in $(seq $MANY); do
	make_user "m$i" $((A + 4))
	mount --bind "$T_WORK/disk" "$DATA/m$i/tmp"
	in_jail "m$i" true
done
storage_dies
begin check --check
ends 0 "--cleanup" "$T" --cleanup
ends 0 "--list" "$T" --list
is "C13: each of $MANY is shown" "$(grep -c '^m[0-9].* marked ' "$OUT")" "$MANY"
ended check 1
is "C13: each is found" "$(grep -c 'does not answer; ' "$OUT")" "$MANY"
