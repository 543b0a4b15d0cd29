#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What an administrator sees of what is there: --list, --status and --discard, for people and as JSON.
. "$(dirname "$0")/lib.sh"

LONG=abcdefghijklmnopqrstuvwxyz012345
lodger=
C=$((A + 2))

cleanup() {
	[ -z "$lodger" ] || kill -KILL "$lodger" 2>/dev/null || :
	default_config
	[ ! -e "$DATA/$LONG" ] || remove_user "$LONG"
	"$T" --discard alice >/dev/null 2>&1 || :
	in_jail alice true
	in_jail bob true
	"$T" --cleanup
}

move_in() {
	become_www "$T" "$1" sleep 600 </dev/null >/dev/null 2>&1 &
	lodger=$!
	wait_for grep -q sleep "/proc/$lodger/comm"
}

move_out() {
	kill -KILL "$lodger" 2>/dev/null || :
	wait "$lodger" 2>/dev/null || :
	lodger=
}

# rows JAIL: STATE PROCESSES of each row, from the table and from JSON, which must agree.
rows() {
	local people programs
	people=$("$T" --list | sed -nE "s/^$1 +[0-9]+ +(in use|[a-z]+) +([0-9]+) .*/\1 \2/p")
	programs=$("$T" --list --json | jq -r --arg jail "$1" '.[] | select(.jail == $jail) | "\(.state) \(.processes)"')
	[ "$people" = "$programs" ] || echo "the table says $people, JSON says $programs"
	printf '%s\n' "$people" | paste -sd , -
}

is_json() { "$@" | python3 -m json.tool >/dev/null; }

"$T" --cleanup
"$T" --cleanup
is "with no jail --list says so" "$("$T" --list)" "No jail is live."
is "and JSON is an empty list" "$("$T" --list --json | jq -c .)" "[]"
refused 125 '"alice"' "--status of a jail that is not live is refused" "$T" --status alice
refused 125 '"nobody-here"' "of one that does not exist too" "$T" --status nobody-here
refused 125 '"alice"' "also as JSON" "$T" --status --json alice
refused 125 '"alice"' "it cannot be discarded" "$T" --discard alice
refused 125 '"alice"' "nor killed" "$T" --discard --kill alice

make_user "$LONG" "$C"
"$T" --prepare "$LONG"
is "built and entered by nobody yet: idle" "$(rows "$LONG")" "idle 0"
in_jail alice true
is "idle" "$(rows alice)" "idle 0"
move_in bob
is "in use, with the number of processes" "$(rows bob)" "in use 1"
in_jail bob sh -c 'sleep 600 & sleep 600 & wait' </dev/null >/dev/null 2>&1 &
has_four() { [ "$(rows bob)" = "in use 4" ]; }
wait_for has_four || :
is "of all its runs" "$(rows bob)" "in use 4"
"$T" --cleanup
is "marked" "$(rows alice)" "marked 0"
in_jail alice true
is "entered: idle again" "$(rows alice)" "idle 0"
printf '# changed\n' | override alice
printf '# changed\n' | override bob
is "stale" "$(rows alice)" "stale 0"
is "stale and in use" "$(rows bob)" "stale 4"
in_jail bob true
is "built anew: the old one is shown too" "$(rows bob)" "idle 0,discarded 4"
"$T" --discard bob
is "and as long as somebody is in it" "$(rows bob)" "discarded 4"
like "--status shows it" "$("$T" --status bob)" '^bob .* discarded '
"$T" --discard --kill bob
is "and then no more" "$(rows bob)" ""
lodger=
wait
in_jail alice true

# --- for people ------------------------------------------------------------------------------------

move_in bob
"$T" --list >"$OUT"
is "the columns" "$(head -n 1 "$OUT" | tr -s ' ')" "JAIL UID STATE PROCESSES BUILT LAST ENTERED IMAGE"
is "sorted by name" "$(tail -n +2 "$OUT" | cut -d ' ' -f 1)" "$(tail -n +2 "$OUT" | cut -d ' ' -f 1 | LC_ALL=C sort)"
# Whatever the length of a name, each column begins under its title.
is "aligned, also with the longest name" "$(awk 'NR == 1 { at = index($0, "IMAGE") } NR > 1 && index($0, "default@") != at' "$OUT")" ""
like "with uid" "$(cat "$OUT")" "^bob +$B "
like "ages in words" "$(cat "$OUT")" '^alice .* [0-9]+[smhd] ago +[0-9]+[smhd] ago '
like "and the image with its version" "$(cat "$OUT")" "^alice .* default@$(readlink "$IMAGES/default/current")\$"
"$T" --status bob >"$OUT"
like "--status names each process" "$(cat "$OUT")" "process +$lodger"
like "and the namespaces" "$(cat "$OUT")" "mount namespace +$(pin_inode bob)"
like "and the limits" "$(cat "$OUT")" '^ *cpu +30'
unlike "nothing of it leads to another line by a name from inside" "$(cat "$OUT")" $'\r|\033'
# shellcheck disable=SC2016 # they are the inner shell's
{
	ok "--list stops quietly when nobody reads on" sh -c '"$1" --list | head -n 1' - "$T"
	not_ok "a full disk is an error" sh -c '"$1" --list >/dev/full' - "$T"
	not_ok "for JSON too" sh -c '"$1" --list --json >/dev/full' - "$T"
}

# --- runs that are watched -------------------------------------------------------------------------

move_out
become_www "$T" -p bob sleep 600 </dev/null >/dev/null 2>&1 &
lodger=$!
one_sleeps() { [ "$(pgrep -c -x -u "$B" sleep)" = 1 ]; }
wait_for one_sleeps
is "the two supervisors of a private run are not the jail's" "$(rows bob)" "in use 1"
"$T" --status bob >"$OUT"
is "--status names the command alone" "$(grep '^process' "$OUT")" "process $(pgrep -x -u "$B" sleep || :) uid $B"
supervisor=$T_PREFIX/libexec/trampoline/supervisor
cp -p "$supervisor" "$supervisor.new"
mv "$supervisor.new" "$supervisor"
is "nor when another supervisor has been installed since" "$(rows bob)" "in use 1"

# --- for programs ----------------------------------------------------------------------------------

ok "--list --json is JSON" is_json "$T" --list --json
ok "--status --json is JSON" is_json "$T" --status --json bob
is "each jail has the same members" "$("$T" --list --json | jq -c '[.[] | keys] | unique')" \
	'[["built","image","jail","last_entered","processes","state","uid"]]'
is "numbers are numbers" "$("$T" --list --json | jq -c '[.[] | [.uid, .processes, .built] | map(type)] | unique')" \
	'[["number","number","number"]]'
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
# unused: looks between two passes. Now and then another umount of this machine counts as a use of a jail, see
# umount2(2), MNT_EXPIRE; not three times.
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
refused 125 "only root" "nor may the keeper be run by it" as_www "$T_PREFIX/libexec/trampoline/keeper" --list
refused 125 "only root" "nor as the launcher does" as_www "$T_PREFIX/libexec/trampoline/keeper" build alice 33
for command in '--list alice' '--status' '--discard' '--list --kill' '--cleanup --json' '--list --cleanup' \
	'--discard ../alice' '--status .' '--dry-run' '--kill alice'; do
	# shellcheck disable=SC2086
	status 125 "it makes no sense: $command" "$T" $command
	like "and a sentence says so" "$(cat "$ERR")" '^trampoline: cannot [^:]+: .+'
done
