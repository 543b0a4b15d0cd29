#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Says nothing of the product: it puts a probe on each line of the programs that tests/run has installed, and of the
# unit tests. tests/coverage/measure has it run before the other files, and reads the counts after them.
#   COVERAGE_GROUP    what the probes are called
#   COVERAGE_LINES    where to write which probe is on which line: EVENT ADDRESS FILE:LINE
. "$(dirname "$0")/../system/lib.sh"
: "${BUILD:?}" "${COVERAGE_GROUP:?run it through tests/coverage/measure}" "${COVERAGE_LINES:?}"

# lines_of EVENT PROGRAM: one line for each place where the instructions of a statement of src begin
lines_of() {
	local at offset virtual address place
	# Where in memory the file's code is: the first address of its segment less that segment's place in the file.
	read -r offset virtual < <(readelf -lW "$2" | awk '$1 == "LOAD" && $8 == "E" || $1 == "LOAD" && $7 == "RE" { print $2, $3 }')
	objdump -WL "$2" | awk '$NF == "x" && $3 ~ /^0x/ { print $3, $1 ":" $2 }' | sort -u >"$T_WORK/rows"
	# Only addr2line says the directory; but what an inline function of a header has, it takes for its caller's file.
	cut -d ' ' -f 1 "$T_WORK/rows" | addr2line -e "$2" | sed 's| (discriminator.*||; s|^\./||' >"$T_WORK/places"
	paste -d ' ' "$T_WORK/rows" "$T_WORK/places" |
		awk '$3 ~ /^src\/[a-z\/]*\.[ch]:[0-9]+$/ && substr($3, length($3) - length($2)) == "/" $2 { print $1, $3 }' |
		while read -r at place; do
			printf -v address %x $((at - virtual + offset))
			echo "$1 $address $place"
		done
}

programs=("launcher $T" "keeper $KEEPER" "unit $(realpath "$BUILD")/host/unit-tests")
ok "the unit tests are built" make --no-print-directory -j"$(nproc)" CFLAGS="$CFLAGS -Werror" BUILD="$BUILD/host" "$BUILD/host/unit-tests"
: >"$COVERAGE_LINES"
for program in "${programs[@]}"; do
	read -r event file <<<"$program"
	lines_of "$event" "$file" >"$T_WORK/lines"
	cat "$T_WORK/lines" >>"$COVERAGE_LINES"
	awk -v file="$file" '{ print $1, file, "0x" $2 }' "$T_WORK/lines" >>"$T_WORK/probes"
	lines=$(cut -d ' ' -f 3 "$T_WORK/lines" | sort -u | wc -l)
	ok "$event has instructions of more than 500 lines ($lines)" test "$lines" -gt 500
done
ok "there is a probe on each of them" "$(dirname "$0")/probes" add "$COVERAGE_GROUP" <"$T_WORK/probes"
"$T" --version >"$OUT"
ok "and they count" grep -q '^launcher [0-9a-f]* [1-9]' <("$(dirname "$0")/probes" read "$COVERAGE_GROUP")
