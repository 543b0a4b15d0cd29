#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What an administrator sees of what is there: --list, --status and --discard, for people and as JSON.
. "$(dirname "$0")/lib.sh"

LONG=abcdefghijklmnopqrstuvwxyz012345
long_uid=$((A + 2)) other_uid=$((A + 3)) outside_uid=$((A + 10))
lodger=

cleanup() {
	move_out
	"$T" --discard --kill alice >/dev/null 2>&1 || :
	"$T" --discard --kill bob >/dev/null 2>&1 || :
	default_config
	[ ! -e "$DATA/$LONG" ] || remove_user "$LONG"
	in_jail alice true
	in_jail bob true
	"$T" --cleanup
}

# move_in JAIL [COMMAND...]: a command that stays, a `sleep'
move_in() {
	local jail=$1
	shift
	become_www "$T" "$jail" "$@" sleep 600d </dev/null >/dev/null 2>&1 &
	lodger=$!
	wait_for grep -q sleep "/proc/$lodger/comm"
}

move_out() {
	[ -n "$lodger" ] || return 0
	kill -KILL "$lodger" 2>/dev/null || :
	wait "$lodger" 2>/dev/null || :
	lodger=
}

# rows JAIL: STATE PROCESSES EARLIER of each row, from the table and from JSON, which must agree.
# JAIL is - for a row without a name.
rows() {
	local people programs
	people=$("$T" --list | awk -v uids=" $A $B $long_uid " 'index(uids, " " $2 " ")' | sed -nE "s/^$1 +[0-9]+ +(in use|[a-z]+) +([0-9]+) +([0-9]+) .*/\1 \2 \3/p")
	programs=$("$T" --list --json |
		jq -r --arg jail "$1" --argjson uids "[$A,$B,$long_uid]" '.[] | select((.jail // "-") == $jail and ([.uid] | inside($uids))) | "\(.state) \(.processes) \(.earlier)"')
	[ "$people" = "$programs" ] || echo "the table says $people, JSON says $programs"
	printf '%s\n' "$people" | paste -sd , -
}
shows() { [ "$(rows "$1")" = "$2" ]; }

# cleanup_says JAIL: what a pass that is run now says of it
cleanup_says() { "$T" --cleanup -v | sed -n "s/^$1: //p"; }
cleanup_retires() { [ "$(cleanup_says "$1")" = retired ]; }
cleanup_leaves_none() { "$T" --cleanup && [ "$("$T" --list)" = "No jail is live." ]; }

is_json() { "$@" | python3 -m json.tool >/dev/null; }

# Another installation's jails, or the machine's services, may have processes of other uids.
own_uids() { printf '[trampoline]\nminimum_uid = %d\nmaximum_uid = %d\n' "$A" $((A + 9)) | configure; }

own_uids
# Now and then another umount of this machine counts as a use of a jail, see umount2(2), MNT_EXPIRE.
wait_for cleanup_leaves_none || :
is "with no jail --list says so" "$("$T" --list)" "No jail is live."
is "and JSON is an empty list" "$("$T" --list --json | jq -c .)" "[]"
refused 125 '"alice"' "--status of a jail that is not live is refused" "$T" --status alice
refused 125 '"nobody-here"' "of one that does not exist too" "$T" --status nobody-here
refused 125 '"alice"' "also as JSON" "$T" --status --json alice
refused 125 '"alice"' "it cannot be discarded" "$T" --discard alice
refused 125 '"alice"' "nor killed" "$T" --discard --kill alice

make_user "$LONG" "$long_uid"
"$T" --prepare "$LONG"
is "built and entered by nobody yet: idle" "$(rows "$LONG")" "idle 0 0"
in_jail alice true
is "idle" "$(rows alice)" "idle 0 0"
move_in bob
is "in use, with the number of processes" "$(rows bob)" "in use 1 0"
in_jail bob sh -c 'sleep 600d & sleep 600d & wait' </dev/null >/dev/null 2>&1 &
wait_for shows bob "in use 4 0" || :
is "of all its runs" "$(rows bob)" "in use 4 0"
"$T" --cleanup
is "marked" "$(rows alice)" "marked 0 0"
in_jail alice true
is "entered: idle again" "$(rows alice)" "idle 0 0"
printf '# changed\n' | override bob
is "a changed policy changes no state before the next entry" "$(rows bob)" "in use 4 0"
in_jail bob true
is "the next entry builds a new jail: all processes are in the earlier one" "$(rows bob)" "in use 4 4"
first=$lodger
move_in bob
is "a command that begins now is in the new one" "$(rows bob)" "in use 5 4"
is "--status names each process in the earlier jail" "$("$T" --status bob | grep -c "^process [0-9]* uid $B (in an earlier jail)\$")" 4
like "and the one in the new jail" "$("$T" --status bob)" "^process $lodger uid $B\$"
"$T" --discard bob
is "a discarded jail has a row while its processes run" "$(rows bob)" "discarded 5 0"
is "with null for what is not known of it any more" \
	"$("$T" --list --json | jq -c --argjson uid "$B" '.[] | select(.jail == "bob" and .uid == $uid) | [.uid, .built, .last_entered, .image]')" "[$B,null,null,null]"
refused 125 '"bob"' "--status of a discarded jail is refused" "$T" --status bob
refused 125 '"bob"' "it cannot be discarded again" "$T" --discard bob
ok "its processes can be killed by --discard --kill" "$T" --discard --kill bob
is "and then it has no row" "$(rows bob)" ""
lodger=
wait "$first" 2>/dev/null || :
in_jail alice true

# --- processes are shown, whatever became of the jail --------------------------------------------

record=$T_RUNDIR/jails/bob/record
unlinked() { rm "$record"; }
damaged() { printf '\377\377' | dd of="$record" bs=1 seek=300 conv=notrunc status=none; }
emptied() { : >"$record"; }
of_another_version() { printf '\377' | dd of="$record" bs=1 seek=8 conv=notrunc status=none; }
of_another_jail() { cp "$T_RUNDIR/jails/alice/record" "$record"; }
withdrawn() { chmod 400 "$record"; }
gone_with_all_others() { rm -r --one-file-system "$T_RUNDIR/jails"; }
for loss in unlinked damaged emptied of_another_version of_another_jail withdrawn gone_with_all_others; do
	in_jail alice true
	move_in bob
	$loss
	what="a record ${loss//_/ }"
	is "$what: the running command is shown" "$(rows bob)" "stale 1 0"
	like "$what: by --status too" "$("$T" --status bob)" "^process $lodger uid $B\$"
	is "$what: a cleanup finds the jail in use" "$(cleanup_says bob)" "in use"
	is "$what: and changes nothing" "$(rows bob)" "stale 1 0"
	in_jail bob true
	is "$what: the next entry builds a new jail, and it is shown there" "$(rows bob)" "in use 1 1"
	move_out
	is "$what: until it ends" "$(rows bob)" "idle 0 0"
done
is "a jail without its record and without processes is stale" "$(unlinked; rows bob)" "stale 0 0"
is "a cleanup marks it" "$(cleanup_says bob)" marked
ok "and a later one retires it" wait_for cleanup_retires bob
is "then it has no row" "$(rows bob)" ""
move_in bob
"$T" --discard bob
is "a jail discarded while in use is shown by its processes" "$(rows bob)" "discarded 1 0"
is "a cleanup has nothing to do with it" "$(cleanup_says bob)" ""
in_jail bob true
is "the next entry builds a new jail, which counts them" "$(rows bob)" "in use 1 1"
forget_all
is "with all of RUNDIR gone they are shown" "$(rows bob)" "discarded 1 0"
refused 125 '"bob"' "but cannot be discarded" "$T" --discard bob
in_jail bob true
is "the next entry builds hub and jail, and counts them" "$(rows bob)" "in use 1 1"
"$T" --discard --kill bob
is "--discard --kill kills them" "$(rows bob)" ""
lodger=

printf '[confinement]\nsystem_calls = all\n' | override alice
if in_jail alice unshare -U -m true 2>/dev/null; then
	move_in alice unshare -U -m -i -n
	is "with system_calls = all, a user in namespaces of his own is shown, as in an earlier jail" "$(rows alice)" "in use 1 1"
	"$T" --discard alice
	is "and with the name when the jail is discarded" "$(rows alice)" "discarded 1 0"
	"$T" --discard --kill alice
	is "and can be killed" "$(rows alice)" ""
	# shellcheck disable=SC2016 # the inner shell's
	move_in alice unshare -U -r -m sh -c 'mount -t tmpfs none /home && exec "$@"' -
	is "a user who has mounted over /home is shown" "$(rows alice)" "in use 1 0"
	"$T" --discard alice
	is "when that jail is discarded the row has no name" "$(rows alice) $(rows -)" " discarded 1 0"
	is "but the uid" "$("$T" --list --json | jq -c --argjson uid "$A" '.[] | select(.jail == null and .uid == $uid) | .uid')" "$A"
	"$T" --discard --kill alice
	is "--discard --kill finds the uid by the name" "$(rows -)" ""
	lodger=
else
	skip "a user in namespaces of his own is shown" "this kernel lets no user make any"
fi
rm "$CONFIG/jails.d/alice.conf"

# apart UID: a process of UID in a mount namespace of its own, which is no jail's
apart() {
	unshare -m setpriv "--reuid=$1" "--regid=$1" --clear-groups sleep 600d &
	lodger=$!
	wait_for grep -q sleep "/proc/$lodger/comm"
}
apart "$other_uid"
is "a process of a uid that may be a jail's has a row" "$("$T" --list | awk -v uid="$other_uid" '$2 == uid { print $1, $3, $4 }')" "- discarded 1"
move_out
apart "$outside_uid"
is "one of a uid outside minimum_uid to maximum_uid has none" "$("$T" --list | awk -v uid="$outside_uid" '$2 == uid')" ""
move_out
in_jail alice true
in_jail bob true

# --- for people ------------------------------------------------------------------------------------

move_in bob
"$T" --list >"$OUT"
is "the columns" "$(head -n 1 "$OUT" | tr -s ' ')" "JAIL UID STATE PROCESSES EARLIER BUILT LAST ENTERED IMAGE"
is "sorted by name" "$(tail -n +2 "$OUT" | cut -d ' ' -f 1)" "$(tail -n +2 "$OUT" | cut -d ' ' -f 1 | LC_ALL=C sort)"
# Whatever the length of a name, each column begins under its title.
is "aligned, also with the longest name" "$(awk 'NR == 1 { at = index($0, "IMAGE") } NR > 1 && index($0, "default@") != at' "$OUT")" ""
like "with uid" "$(cat "$OUT")" "^bob +$B "
like "ages in words" "$(cat "$OUT")" '^alice .* [0-9]+[smhd] ago +[0-9]+[smhd] ago '
like "and the image with its version" "$(cat "$OUT")" "^alice .* default@$(readlink "$IMAGES/default/current")\$"
"$T" --status bob >"$OUT"
like "--status names each process" "$(cat "$OUT")" "process +$lodger"
like "and the namespaces" "$(cat "$OUT")" "mount namespace +$(pin_inode bob)"
unlike "nothing of it leads to another line by a name from inside" "$(cat "$OUT")" $'\r|\033'
# shellcheck disable=SC2016 # they are the inner shell's
{
	bash -c 'exec > >(exec true); wait $!; exec "$1" --list' - "$T" 2>"$ERR" || :
	is "--list stops quietly when nobody reads on" "$(cat "$ERR")" ""
	not_ok "a full disk is an error" sh -c '"$1" --list >/dev/full' - "$T"
	not_ok "for JSON too" sh -c '"$1" --list --json >/dev/full' - "$T"
}

# --- runs that are watched -------------------------------------------------------------------------

move_out
become_www "$T" -p bob sleep 600d </dev/null >/dev/null 2>&1 &
lodger=$!
one_sleeps() { [ "$(pgrep -c -x -u "$B" sleep)" = 1 ]; }
wait_for one_sleeps
is "watcher and process 1 of a private run are not counted" "$(rows bob)" "in use 1 0"
"$T" --status bob >"$OUT"
is "--status names the command alone" "$(grep '^process' "$OUT")" "process $(pgrep -x -u "$B" sleep || :) uid $B"
cp -p "$T" "$T.new"
mv "$T.new" "$T"
is "nor when another launcher has been installed since" "$(rows bob)" "in use 1 0"

# --- for programs ----------------------------------------------------------------------------------

ok "--list --json is JSON" is_json "$T" --list --json
ok "--status --json is JSON" is_json "$T" --status --json bob
is "each jail has the same members" "$("$T" --list --json | jq -c '[.[] | keys] | unique')" \
	'[["built","earlier","image","jail","last_entered","processes","state","uid"]]'
is "numbers are numbers" "$("$T" --list --json | jq -c '[.[] | [.uid, .processes, .earlier, .built] | map(type)] | unique')" \
	'[["number","number","number","number"]]'
is "--status and --list agree" "$("$T" --status --json bob | jq -c '.[0] | del(.built, .last_entered)')" \
	"$("$T" --list --json | jq -c '.[] | select(.jail == "bob") | del(.built, .last_entered)')"
move_out

# --- what they do not do ---------------------------------------------------------------------------

"$T" --cleanup
"$T" --cleanup
in_jail alice true
in_jail bob true
"$T" --cleanup
before=$(traces; hub_mounts; sha256sum "$T_RUNDIR"/jails/*/record)
look_at_all() {
	"$T" --list >/dev/null
	"$T" --list --json >/dev/null
	"$T" --status alice >/dev/null
	"$T" --explain alice >/dev/null
	"$T" --check >/dev/null
}
for _ in 1 2 3; do look_at_all; done
is "looking changes nothing" "$(traces; hub_mounts; sha256sum "$T_RUNDIR"/jails/*/record)" "$before"
# unused: looks between two passes. Another umount does not count as a use three times.
unused() {
	in_jail alice true
	in_jail bob true
	"$T" --cleanup
	look_at_all
	"$T" --cleanup
	[ "$("$T" --list)" = "No jail is live." ]
}
three_times() { "$@" || "$@" || "$@"; }
ok "and is no use of a jail: the marks stay" three_times unused

# --- whom they obey --------------------------------------------------------------------------------

in_jail alice true
for command in --list '--list --json' '--status alice' --cleanup '--cleanup --dry-run' '--discard alice' \
	'--discard --kill alice' --check '--check alice' '--explain alice'; do
	# shellcheck disable=SC2086
	refused 125 "only root" "www-data may not: $command" as_www "$T" $command
done
ok "alice's jail is still there" test -n "$(pin_inode alice)"
refused 125 "only root" "nor may the keeper be run by it" as_www "$KEEPER" --list
refused 125 "only root" "nor as the launcher does" as_www "$KEEPER" build alice 33
for command in '--list alice' '--status' '--discard' '--list --kill' '--cleanup --json' '--list --cleanup' \
	'--discard ../alice' '--status .' '--dry-run' '--kill alice'; do
	# shellcheck disable=SC2086
	status 125 "it makes no sense: $command" "$T" $command
	like "and a sentence says so" "$(cat "$ERR")" '^trampoline: cannot [^:]+: .+'
done
