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

wrong=() interrupted=0
declare -A hit
for ((i = 0; i < points; i++)); do
	# Something for prune and activate to do.
	while [ "$(versions | wc -l)" -lt 4 ]; do "$image" build "$name" --recipe busybox >"$OUT" 2>&1; done
	what=$(shuf -n 1 -e build activate rollback prune)
	delay=$((RANDOM * 32768 + RANDOM))
	delay=$((delay % (takes[$what] * 11 / 10)))
	# A process group of its own: the program and whatever it has started die at one moment half the time,
	# the program alone the other half.
	# shellcheck disable=SC2046
	setsid "$other/image" $(command_line "$what") >"$OUT" 2>&1 &
	pid=$!
	sleep "$(printf '%d.%06d' $((delay / 1000000)) $((delay % 1000000)))"
	if kill -KILL -- "$([ $((i % 2)) -eq 0 ] && echo "$pid" || echo "-$pid")" 2>/dev/null; then
		interrupted=$((interrupted + 1))
		hit[$what]=$((${hit[$what]:-0} + 1))
	fi
	wait "$pid" 2>/dev/null || :
	at="point $i: $what killed after $delay us"
	now=$(readlink "$home/current") || wrong+=("$at: there is no current")
	[ -d "$home/$now" ] || wrong+=("$at: current names $now, which is not there")
	"$image" audit "$name" >"$OUT" 2>&1 || wrong+=("$at: current fails its audit: $(head -n 3 "$OUT")")
	while read -r version; do
		[ -s "$home/$version.manifest" ] || wrong+=("$at: $version is there without a manifest")
	done < <(versions)
	# shellcheck disable=SC2046
	[ -z "$(other_version)" ] || "$other/image" $(command_line "$what") >"$OUT" 2>&1 ||
		wrong+=("$at: it does not work again: $(tail -n 3 "$OUT")")
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
	"1 current 1 history 2 version 2 version.manifest"
