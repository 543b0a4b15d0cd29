#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Random names and options: a million and a hundred thousand against the argument code itself, and a
# sample through the installed program. ATTACK_SAMPLE is how many that are.
. "$(dirname "$0")/lib.sh"
sample=${ATTACK_SAMPLE:-300}

cleanup() {
	rm -f "$T_TOOLS/fuzz_arguments"
}
top=$here/../..
${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -fsanitize=address,undefined -fno-sanitize-recover -I"$top/include" -o "$T_TOOLS/fuzz_arguments" \
	"$here/fuzz_arguments.c" "$top"/src/common/{name,arguments,limit,quantity,text}.c
# A sanitizer's shadow may not fit where addresses are very random.
fixed=()
if setarch -R true 2>/dev/null; then fixed=(setarch -R); fi
"${fixed[@]}" "$T_TOOLS/fuzz_arguments" "${ATTACK_NAMES:-1000000}" "${ATTACK_VECTORS:-100000}" >"$T_WORK/fuzz" 2>"$T_WORK/fuzz.err" || :
notes=$(grep '^#' "$T_WORK/fuzz") || :
while read -r line; do
	case $line in
	ok*) pass "${line#*- }" ;;
	'not ok'*) fail "${line#*- }" "$notes" ;;
	esac
done <"$T_WORK/fuzz"
is "A3: it ran to its end, with address and undefined-behaviour sanitizers" "$(tail -n 1 "$T_WORK/fuzz") $(cat "$T_WORK/fuzz.err")" "1..3 "

"${fixed[@]}" "$T_TOOLS/fuzz_arguments" sample "$sample" >"$T_WORK/names"
before=$(traces)
cat >"$T_WORK/each" <<-'END'
	#!/bin/bash
	export LC_ALL=C # or read takes a NUL for the rest of a letter
	# One launcher for each name; its status and the lines it printed.
	while IFS= read -r -d '' name; do
		"$T" -- "$name" id 2>>"$T_WORK/said" >>"$T_WORK/out"
		echo $?
	done <"$T_WORK/names" >>"$T_WORK/statuses"
END
chmod 755 "$T_WORK/each"
touch "$T_WORK"/{said,out,statuses}
chown 33:33 "$T_WORK"/{said,out,statuses}
with_log "$SETPRIV" --reuid=33 --regid=33 --clear-groups "$T_WORK/each"
is "A3: $sample words that are no names, through the program: refused, each" "$(sort "$T_WORK/statuses" | uniq -c | xargs)" "$sample 125"
is "A2: each with one line on standard error and nothing on standard output" "$(wc -l <"$T_WORK/said") $(wc -c <"$T_WORK/out")" "$sample 0"
is "A2: each with one record in the log" "$(wc -l <"$T_WORK/log") $(grep -c '^<85>trampoline\[[0-9]*\]: uid 33: cannot ' "$T_WORK/log")" "$sample $sample"
# The log of the test writes what is not printable as \xNN; the program must have left nothing to do so.
is "A2: in plain ASCII" "$(tr -d '[:print:]\n' <"$T_WORK/said" | wc -c) $(grep -cE '\\x(0|1|7f|[89a-f])' "$T_WORK/log" || :)" "0 0"
is "A3: and nothing made" "$(traces)" "$before"
