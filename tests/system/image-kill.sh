#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kill -9 of trampoline-image at any moment: current always names a complete, audited version.
. "$(dirname "$0")/lib.sh"

image=$T_PREFIX/sbin/trampoline-image
name=killed
home=$IMAGES/$name
points=${KILL_POINTS:-50}
other=$T_WORK/other

cleanup() {
	rm -rf --one-file-system "$home"
}

# The same program beside a launcher that knows no jails: prune is what is killed here.
mkdir -p "$other/bin" "$other/share"
cp -r "$T_PREFIX/share/trampoline" "$other/share/trampoline"
sed "s|^prefix=.*|prefix=$other|" "$image" >"$other/image"
printf '#!/bin/sh\necho "[]"\n' >"$other/bin/trampoline"
chmod 755 "$other/image" "$other/bin/trampoline"

"$image" build "$name" --recipe busybox >"$OUT" 2>&1
"$image" build "$name" --recipe busybox >"$OUT" 2>&1

versions() { find "$home" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*' -printf '%f\n' | sort; }
other_version() { versions | grep -vFx "$(readlink "$home/current")" | shuf -n 1; }

# One command of the four, and how long it takes when nobody kills it (us).
command_line() {
	case $1 in
	build) echo build "$name" --recipe busybox ;;
	activate) echo activate "$name@$(other_version)" ;;
	rollback) echo rollback "$name" ;;
	prune) echo prune "$name" ;;
	esac
}

declare -A takes
for what in build activate rollback prune; do
	start=${EPOCHREALTIME/[.,]/}
	# shellcheck disable=SC2046
	"$other/image" $(command_line "$what") >"$OUT" 2>&1 || fail "$what works" "$(cat "$OUT")"
	takes[$what]=$((${EPOCHREALTIME/[.,]/} - start))
done

# judge AT COMMAND: after a kill. What is at work still is what the killed one had begun; it ends soon.
wrong=()
judge() {
	local at=$1 what=$2 now version
	flock -w 10 "$home" true || wrong+=("$at: somebody still holds the lock")
	now=$(readlink "$home/current") || wrong+=("$at: there is no current")
	"$image" audit "$name" >"$OUT" 2>&1 || wrong+=("$at: current fails its audit: $(head -n 3 "$OUT")")
	for version in $(versions); do
		[ -s "$home/$version.manifest" ] || wrong+=("$at: $version is there without a manifest")
	done
	[ -d "$home/$now" ] || wrong+=("$at: current names $now, which is not there")
	# shellcheck disable=SC2046
	[ -z "$(other_version)" ] || "$other/image" $(command_line "$what") >"$OUT" 2>&1 ||
		wrong+=("$at: it does not work again: $(tail -n 3 "$OUT")")
}

# Something for prune and activate to do, and not too much.
stock() {
	while [ "$(versions | wc -l)" -lt 3 ]; do "$image" build "$name" --recipe busybox >"$OUT" 2>&1; done
	[ "$(versions | wc -l)" -lt 8 ] || "$other/image" prune "$name" >"$OUT" 2>&1
}

# --- at every step -------------------------------------------------------------------------------

# The program is a shell, so between two of its forks it does one thing: it is killed at its Nth fork, for
# all N, and the child that it has just made goes on alone. (dash has vfork for programs, clone for the rest.)
sweep() {
	local what=$1 fork=$2 n status
	for ((n = 1; n < 200; n++)); do
		stock
		status=0
		# shellcheck disable=SC2046
		(
			strace -qq -o /dev/null -e "trace=$fork" -e "inject=$fork:signal=KILL:when=$n" \
				"$other/image" $(command_line "$what") >"$OUT" 2>&1
			exit $?
		) 2>/dev/null || status=$?
		if [ "$status" -ne 137 ]; then break; fi
		steps=$((steps + 1))
		judge "$fork $n" "$what"
	done
	[ "$status" -eq 0 ] || wrong+=("$what that is not killed fails: $(tail -n 3 "$OUT")")
}
for what in activate rollback prune build; do
	wrong=() steps=0
	sweep "$what" clone
	sweep "$what" vfork
	is "$what killed at each of its $steps steps leaves current complete and audited, and works again" \
		"$(printf '%s\n' "${wrong[@]}")" ""
	ok "it has steps" test "$steps" -gt 10
done

# --- at random moments ---------------------------------------------------------------------------

wrong=() interrupted=0
declare -A hit
for ((i = 0; i < points; i++)); do
	stock
	what=$(shuf -n 1 -e build activate rollback prune)
	delay=$((RANDOM * 32768 + RANDOM))
	delay=$((delay % (takes[$what] * 11 / 10)))
	# Half of the time whatever it has started dies with it, half of the time it dies alone.
	# shellcheck disable=SC2046
	setsid "$other/image" $(command_line "$what") >"$OUT" 2>&1 &
	pid=$!
	sleep "$(printf '%d.%06d' $((delay / 1000000)) $((delay % 1000000)))"
	if kill -KILL -- "$([ $((i % 2)) -eq 0 ] && echo "$pid" || echo "-$pid")" 2>/dev/null; then
		interrupted=$((interrupted + 1))
		hit[$what]=$((${hit[$what]:-0} + 1))
	fi
	wait "$pid" 2>/dev/null || :
	judge "point $i: $what killed after $delay us" "$what"
done

is "killed at $points random points, current is complete and audited, and a rerun succeeds" \
	"$(printf '%s\n' "${wrong[@]}")" ""
echo "# $interrupted of $points were still at work: build ${hit[build]:-0}, activate ${hit[activate]:-0}," \
	"rollback ${hit[rollback]:-0}, prune ${hit[prune]:-0}; they take ${takes[build]}, ${takes[activate]}," \
	"${takes[rollback]}, ${takes[prune]} us"
ok "most of them were killed at work" test "$interrupted" -ge $((points / 2))
while read -r version; do
	ok "what is left after all of it is complete" "$image" audit "$name@$version"
done < <(versions)
ok "a build" "$image" build "$name" --recipe busybox
ok "and a prune" "$other/image" prune "$name"
is "leave nothing of it all" \
	"$(find "$home" -mindepth 1 -maxdepth 1 -printf '%f\n' | sed -E 's/^[0-9.-]+(\.manifest)?$/version\1/' |
		sort | uniq -c | awk '{ print $1, $2 }' | xargs)" \
	"1 current 1 history 1 renewed 2 version 2 version.manifest"
