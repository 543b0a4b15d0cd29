#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Real input: a Debian image with Python, and a user's own script as a web application runs it; then gcc, node and
# Java, which are this machine's. (What an entry adds to the start of Python is measured by tests/bench/python.sh.)
set -euo pipefail
. "$(dirname "$0")/lib.sh"

PIA=$DATA/pia/home/pia
P=$((A + 2))

cleanup() {
	default_config
	[ ! -e "$DATA/pia" ] || remove_user pia
	rm -rf --one-file-system "$IMAGES/debian"
}

# --- the image -----------------------------------------------------------------------------------

if debian_image_take debian; then
	ok "the Debian image of an earlier run is whole" "$T_PREFIX/sbin/trampoline-image" audit debian
else
	ok "a Debian image with Python is built" "$T_PREFIX/sbin/trampoline-image" build debian \
		--recipe debian --include "$DEBIAN_PACKAGES"
	[ -e "$IMAGES/debian/current" ] || exit 1
	debian_image_keep
fi
make_user pia "$P"
printf '[trampoline]\nimage = debian\n' | override pia

# --- a terminal ----------------------------------------------------------------------------------

for option in "" -p; do
	run=(in_jail ${option:+"$option"} pia)
	is "python spawns at a pseudo-terminal (${option:-direct})" \
		"$("${run[@]}" python3 -c 'import pty; pty.spawn(["tty"])' </dev/null | tr -d '\r')" /dev/pts/0
	is "script runs a shell at one (${option:-direct})" "$("${run[@]}" script -qc tty /dev/null </dev/null | tr -d '\r')" /dev/pts/0
done

# --- a request -----------------------------------------------------------------------------------

cat >"$PIA/request.py" <<'END'
import json, os, pwd, sys
body = sys.stdin.buffer.read()
sys.stdout.buffer.write(b"Content-Type: application/octet-stream\r\n\r\n")
print(json.dumps([sys.argv[1:], pwd.getpwuid(os.getuid()).pw_name, os.getcwd(),
    {k: v for k, v in sorted(os.environ.items()) if k[:4] in ("REQU", "QUER", "CONT", "HTTP", "PATH", "SECR")}]), flush=True)
sys.stdout.buffer.write(body[::-1])
sys.stderr.write("to the log\n")
open("counter", "a").write("x")
sys.exit(len(open("counter").read()))
END
chmod 644 "$PIA/request.py"
head -c 1000000 /dev/urandom >"$T_WORK/body"
request() {
	as_www env -i SECRET=1 REQUEST_METHOD=POST QUERY_STRING='a=1&b=%20' CONTENT_LENGTH=1000000 \
		CONTENT_TYPE=application/octet-stream HTTP_HOST=example.org HTTP_PROXY=evil \
		"$T" --cgi pia python3 request.py 'an argument' 'ä' '' <"$T_WORK/body"
}
got=0
request >"$T_WORK/answer" 2>"$T_WORK/words" || got=$?
{
	printf 'Content-Type: application/octet-stream\r\n\r\n'
	printf '%s\n' '[["an argument", "\u00e4", ""], "pia", "/home/pia", {"CONTENT_LENGTH": "1000000", "CONTENT_TYPE": "application/octet-stream", "HTTP_HOST": "example.org", "PATH": "/usr/local/bin:/usr/bin:/bin", "QUERY_STRING": "a=1&b=%20", "REQUEST_METHOD": "POST"}]'
	perl -0777 -pe '$_ = reverse' <"$T_WORK/body"
} >"$T_WORK/wanted"
is "the script's status" "$got" 1
ok "arguments, CGI variables and a million bytes of body come back byte for byte" \
	cmp "$T_WORK/answer" "$T_WORK/wanted"
is "the header and the report" "$(head -n 3 "$T_WORK/answer" | tail -n 2 | tr -d '\r' | xargs -0)" \
	"$(head -n 3 "$T_WORK/wanted" | tail -n 2 | tr -d '\r' | xargs -0)"
is "stderr is the script's" "$(cat "$T_WORK/words")" "to the log"
got=0
request >"$T_WORK/answer" 2>&1 || got=$?
is "its file is there for the next request" "$got" 2
is "python is the user and has nothing more" "$(in_jail pia python3 -c '
import os
status = dict(l.split(":\t", 1) for l in open("/proc/self/status").read().splitlines() if ":\t" in l)
print(os.getresuid(), os.getresgid(), os.getgroups(), status["NoNewPrivs"], status["CapEff"])')" \
	"($P, $P, $P) ($P, $P, $P) [$P] 1 0000000000000000"
# What programs of students do. Each line is a thing that must work.
while IFS='|' read -r description program; do
	ok "$description" in_jail pia python3 -c "$program"
done <<'END'
multiprocessing|from multiprocessing import Pool; assert Pool(2).map(abs, [-1, -2]) == [1, 2]
tempfile|import tempfile; assert tempfile.NamedTemporaryFile().name.startswith("/tmp/")
threads|import threading as t; x = []; y = t.Thread(target=lambda: x.append(1)); y.start(); y.join(); assert x
subprocess|import subprocess; assert subprocess.run(["sh", "-c", "echo x"], capture_output=True).stdout == b"x\n"
a socket in /tmp|import socket, os; s = socket.socket(socket.AF_UNIX); s.bind("/tmp/s"); s.listen(); os.unlink("/tmp/s")
randomness|import os, secrets; assert len(os.urandom(9)) == 9 and secrets.token_hex()
time zones|import zoneinfo; zoneinfo.ZoneInfo("Australia/Melbourne")
locale|import locale; locale.setlocale(locale.LC_ALL, "C.UTF-8")
END
not_ok "it cannot write into its library" in_jail pia python3 -c 'open("/usr/lib/python3/x", "w")'
printf '[trampoline]\nimage = debian\n[limits]\nmemory = 512M\n' | override pia
for option in "" -p; do
	run=(in_jail ${option:+"$option"} pia python3 -c)
	status 1 "python allocates and allocates (${option:-direct})" "${run[@]}" '
x = []
try:
    while True: x.append(bytearray(1 << 20))
except MemoryError:
    print("got", len(x)); del x; raise'
	like "and learns why it gets no more" "$(cat "$ERR")" '^MemoryError'
	got=$(sed -n 's/^got //p' "$OUT")
	ok "at its limit ($got MiB)" test "$got" -ge 400 -a "$got" -le 512
	ok "and is not troubled below it" "${run[@]}" 'x = bytearray(300 << 20)'
done

# --- other runtimes ------------------------------------------------------------------------------

# This machine's own /usr in place of the image's, so that nothing has to be fetched.
over=(/usr /etc/alternatives)
for directory in /etc/java-*-openjdk; do
	[ ! -d "$directory" ] || over+=("$directory")
done
# limits LINE...: pia's, with this machine's /usr
limits() {
	{
		printf '[trampoline]\nimage = debian\n[limits]\n'
		printf '%s\n' "$@" '[binds]'
		for directory in "${over[@]}"; do echo "$directory = $directory"; done
	} | override pia
}
# has PROGRAM...: are they here, and of the image's release; else says that the rows about them are skipped
has() {
	local program
	if ! cmp -s /usr/lib/os-release "$IMAGES/debian/current/usr/lib/os-release"; then
		skip "$* of this machine" "it is not of the image's release"
		return 1
	fi
	for program; do
		[ -x "/usr/bin/$program" ] || {
			skip "$program" "/usr/bin/$program is not installed"
			return 1
		}
	done
}
(cd "$IMAGES/debian/current" && mkdir -p "${over[@]/#/.}")
limits

if has node; then
	for option in "" -p; do
		node=(in_jail ${option:+"$option"} pia node -e)
		is "node opens a thousand files (${option:-direct})" "$("${node[@]}" '
			const fs = require("fs"), opened = [];
			while (opened.length < 1000) opened.push(fs.openSync("/tmp/node" + opened.length, "w"));
			opened.forEach(fs.closeSync);
			console.log(opened.length)' 2>&1)" 1000
		read_all='process.stdout.write(require("fs").readFileSync("/dev/stdin"))'
		ok "it reads a million bytes from /dev/stdin, a pipe (${option:-direct})" \
			cmp "$T_WORK/body" <(head -c 1000000 "$T_WORK/body" | "${node[@]}" "$read_all")
		ok "or a file (${option:-direct})" cmp "$T_WORK/body" <("${node[@]}" "$read_all" <"$T_WORK/body")
	done
fi
if has java; then
	# The heap that it takes by itself is a quarter of the machine's memory.
	java=(in_jail pia java -XX:MaxRAM=128g -XX:+PrintFlagsFinal -version)
	like "a JVM starts as on a machine of 128 GiB" "$("${java[@]}" 2>&1)" ' MaxHeapSize += 34359738368 '
	for i in 1 2 3 4; do
		"${java[@]}" >"$T_WORK/java.$i" 2>&1 &
	done
	wait
	is "and so do four at once" "$(grep -l ' MaxHeapSize *= 34359738368 ' "$T_WORK"/java.? | wc -l)" 4
fi
if has gcc; then
	# A fault for each sanitizer.
	cat >"$PIA/fault.c" <<'END'
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static int shared;
static void *add(void *unused) { shared++; return unused; }
int main(int argc, char *argv[])
{
	char *volatile heap = malloc(3);
	volatile int sum = argc + INT_MAX;
	pthread_t thread;
	pthread_create(&thread, NULL, add, NULL);
	shared++;
	pthread_join(thread, NULL);
	heap[argc + 2] = 1;
	heap = NULL;
	puts("ran");
	return 0;
}
END
	is "gcc compiles, and the program runs" "$(in_jail pia sh -c 'gcc -O0 -w -o fault fault.c && ./fault' 2>&1)" ran
	limits "memory = unlimited"
	while IFS='|' read -r sanitizer found; do
		in_jail pia gcc -g -O0 -w "-fsanitize=$sanitizer" -o "$sanitizer" fault.c
		outside=$(setpriv "--reuid=$P" "--regid=$P" --clear-groups "$PIA/$sanitizer" 2>&1 || :)
		if ! grep -q "$found" <<<"$outside"; then
			skip "-fsanitize=$sanitizer" "it does not work outside: $(head -n 1 <<<"$outside")"
			continue
		fi
		like "-fsanitize=$sanitizer, under memory = unlimited" "$(in_jail pia "./$sanitizer" 2>&1 || :)" "$found"
	done <<-'END'
		address|heap-buffer-overflow
		thread|data race
		undefined|signed integer overflow
		leak|detected memory leaks
	END
	limits
	for sanitizer in address thread; do
		like "-fsanitize=$sanitizer, under any other, says that it cannot" "$(in_jail pia "./$sanitizer" 2>&1 || :)" 'failed to allocate'
	done
fi
