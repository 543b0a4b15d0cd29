#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The wall clock set back and forward changes nothing: which only a machine of its own can show.
# shellcheck source=tests/system/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"

boot=$(($(date +%s) - $(cut -d . -f 1 /proc/uptime)))
right() { date -s "@$((boot + $(cut -d . -f 1 /proc/uptime)))" >/dev/null; }
turn() { date -s "$1" >/dev/null; }

cleanup() {
	right
	in_jail alice true
	in_jail bob true
}

# From the hub's table: opening the pin would be a use of it.
pin_of() { hub_mounts | awk -v pin="/jails/$1/mnt" '$5 == pin { gsub(/[^0-9]/, "", $4); print $4 }'; }

state_of() { "$T" --list | awk -v jail="$1" '$1 == jail { print $3 }'; }

# Ages in seconds or minutes: a wrong clock would show hours, days, or none.
ages() { "$T" --list | awk -v jail="$1" '$1 == jail' | grep -oE '[0-9]+[smhd] ago' | sed 's/^[0-9]*\([sm]\) ago/young/' | xargs; }

for where in '1 year ago' 'now + 9 years' '1971-01-01' 'now + 1 hour'; do
	right
	retire alice
	in_jail alice true
	inode=$(pin_of alice)
	turn "$where"
	in_jail alice true
	is "$where: the live jail is entered as it is" "$(pin_of alice)" "$inode"
	is "its ages are those that they are" "$(ages alice)" "young young"
	"$T" --cleanup
	is "the first pass marks it" "$(state_of alice) $(pin_of alice)" "marked $inode"
	in_jail alice true
	"$T" --cleanup
	is "one entered between the passes stays" "$(pin_of alice)" "$inode"
	right
	"$T" --cleanup
	is "with the clock right again, the next retires it" "$(pin_of alice)" ""
	in_jail alice true
	"$T" --cleanup
	turn "$where"
	"$T" --cleanup
	is "and the clock set between the passes keeps none and loses none" "$(pin_of alice)" ""
done

# A clock that is turned while a run has a time-out.
right
waits() { pgrep -U "$A" -x sleep; }
start=$(cut -d . -f 1 /proc/uptime)
as_www "$T" -t 4s alice sh -c 'while :; do sleep 1; done' </dev/null &
run=$!
# On a slow machine the time-out may come before the command sleeps.
waits_or_is_over() { waits || ! kill -0 "$run"; }
wait_for waits_or_is_over || :
turn '1 year ago'
got=0
wait "$run" || got=$?
took=$(($(cut -d . -f 1 /proc/uptime) - start))
is "set back, a time-out comes when it is due" "$got $((took >= 4 && took < DEADLINE))" "124 1"
rm -f "$DATA/alice/tmp/turned"
as_www "$T" -t 1h alice sh -c 'while [ ! -e /tmp/turned ]; do sleep 1; done; exit 7' </dev/null &
run=$!
wait_for waits_or_is_over || :
turn 'now + 2 years'
touch "$DATA/alice/tmp/turned"
got=0
wait "$run" || got=$?
is "set forward, a run is not ended for it" "$got" 7
rm -f "$DATA/alice/tmp/turned"
