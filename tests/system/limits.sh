#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each limit holds for a program that tries, in direct and in supervised runs; a caller may only lower it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

sleepers=()

cleanup() {
	local pid
	for pid in "${sleepers[@]}"; do kill -KILL "$pid" 2>/dev/null || :; done
	default_config
	rm -f "$ALICE"/{deed,filler,core*}
	in_jail alice true
}

"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -static -o "$ALICE/deed" tests/system/deed.c
chmod 755 "$ALICE/deed"
in_jail alice true
got() { sed -n 's/^got //p' "$OUT"; }

for option in "" -p --status-fd=3 "-t 1h"; do
	title=${option:-direct}
	# run ARGUMENT...
	run() {
		# shellcheck disable=SC2086 # options are words
		in_jail $option "$@" 3>/dev/null
	}
	is "the same limits as in a direct run ($title)" "$(run alice probe limits)" "$(in_jail alice probe limits)"

	status 1 "memory: more than 512 MiB are refused ($title)" run -l memory=512M alice ./deed data 600
	ok "near the limit ($(got) MiB)" test "$(got)" -ge 480 -a "$(got)" -le 512
	status 1 "-l memory=64M ($title)" run -l memory=64M alice ./deed data 600
	ok "near that one ($(got) MiB)" test "$(got)" -ge 48 -a "$(got)" -le 64
	status 0 "what is below it is not refused" run -l memory=64M alice ./deed data 40
	status 1 "address_space ($title)" run -l address_space=100M alice ./deed data 200
	ok "near the limit ($(got) MiB)" test "$(got)" -ge 80 -a "$(got)" -le 100

	status 153 "file_size: SIGXFSZ ($title)" run -l file_size=1M alice sh -c 'exec head -c 3000000 /dev/zero >filler'
	is "at its byte" "$(stat -c %s "$ALICE/filler")" 1048576

	like "open_files ($title)" "$(run -l open_files=20 alice ./deed hoard 0)" \
		'^held 17: Too many open files$'
	got=0
	run -l open_files=8 alice echo x >"$OUT" 2>"$ERR" || got=$?
	like "a very small one lets the command run, or says why not ($title)" "$got $(cat "$OUT" "$ERR")" \
		'^0 x$|^125 trampoline: cannot '

	status 152 "cpu: SIGXCPU ($title)" run -l cpu=1s alice ./deed spin gently
	status 137 "and SIGKILL a second later for who does not mind ($title)" run -l cpu=1s alice ./deed spin

	# shellcheck disable=SC2016
	status 139 "stack ($title)" run -l stack=256K alice sh -c 'f() { f $1 $1; }; f x'
	status 131 "a core ($title)" run alice ./deed die 3
	is "is not written" "$(find "$ALICE" -name 'core*')" ""

	for limit in cpu=31s memory=5G data=4097M file_size=65M processes=257 open_files=1025 stack=9M core=1K \
		cpu=unlimited memory=none; do
		refused 125 "only root may" "a caller cannot raise $limit ($title)" run -l "$limit" alice true
	done
done

# --- root, and the policy --------------------------------------------------------------------------

like "the last of several counts" "$(in_jail -l cpu=5s -l cpu=7s alice probe limits)" ' cpu=7:'
while read -r limit shown; do
	like "root may raise $limit" "$("$T" -l "$limit" alice probe limits)" "( |^)$shown( |\$)"
	like "in a private run too" "$("$T" -p -l "$limit" alice probe limits)" "( |^)$shown( |\$)"
done <<'END'
cpu=40s cpu=40:41
memory=5G data=5368709120:5368709120
file_size=65M fsize=68157440:68157440
processes=300 nproc=300:300
open_files=1100 nofile=1100:1100
stack=9M stack=9437184:9437184
cpu=unlimited cpu=-1:-1
END
printf '[limits]\ncpu = 3s\nmemory = 100M\naddress_space = 1G\nfile_size = 2M\nprocesses = 9\nopen_files = 30\nstack = 1M\ncore = 4K\n' |
	override alice
like "the policy's limits" "$(in_jail alice probe limits)" \
	'^limits: cpu=3:4 data=104857600:104857600 as=1073741824:1073741824 fsize=2097152:2097152 nproc=9:9 nofile=30:30 stack=1048576:1048576 core=4096:4096$'
refused 125 "only root may" "they too cannot be raised" in_jail -l memory=101M alice true
like "and can be lowered" "$(in_jail -l memory=99M alice probe limits)" 'data=103809024:'

# --- processes -----------------------------------------------------------------------------------

for _ in $(seq 10); do
	in_jail alice sleep 1h &
	sleepers+=("$!")
done
ten_sleep() { [ "$(pgrep -c -U "$A" -x sleep)" = 10 ]; }
wait_for ten_sleep || fail "ten runs are under way"
for option in "" -p --status-fd=3 "-t 1h" -d; do
	# shellcheck disable=SC2086
	refused 125 "the user already has as many processes as the limit allows" \
		"one run more than the limit is refused, in so many words (${option:-direct})" \
		in_jail $option alice true 3>/dev/null
done
ok "bob has his own" in_jail -p bob true
for pid in $(pgrep -U "$A"); do kill -KILL "$pid" 2>/dev/null || :; done
wait "${sleepers[@]}" || :
sleepers=()
gone() { ! pgrep -U "$A"; }
ok "they end" wait_for gone
ok "then there is room again" in_jail -p alice true
default_config
