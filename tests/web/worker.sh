#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The worker that stays of trampoline-web(7), both halves as they are printed: one start for many answers, and what a
# program that is an attack can do to who asks it.
. "$(dirname "$0")/manual/lib.sh"

PIA=$DATA/pia/home/pia
P=$((A + 2))

cleanup() {
	default_config
	[ ! -e "$DATA/pia" ] || remove_user pia
	rm -rf --one-file-system "$IMAGES/debian"
}

[ -x /usr/bin/python3 ] || {
	skip "a worker that stays" "/usr/bin/python3 is not installed"
	exit 0
}
debian_image_take debian || {
	skip "a worker that stays" "no Debian image is kept; tests/system/image-debian.sh builds one"
	exit 0
}
make_user pia "$P"
# A second of processor time is soon used.
printf '[trampoline]\nimage = debian\n[limits]\ncpu = 2s\n' | override pia
example "A worker that stays" | sed "s/\"alice\"/\"pia\"/; s/settimeout(10)/settimeout($SECONDS_OF_A_RUN)/" >"$HERE/worker_of_the_server.py"
example "A worker that stays" 2 >"$PIA/worker.py"
cat >"$PIA/attack.py" <<'END'
import array, os, signal, socket, sys, time
s = socket.socket(fileno=int(sys.argv[1]))
while request := s.recv(1 << 16):
    if request == b"pid":
        s.send(b"%d" % os.getpid())
    elif request == b"large":           # more than is read
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        s.send(b"x" * 100000)
    elif request == b"empty":
        s.send(b"")
    elif request == b"descriptor":
        s.sendmsg([b"with a descriptor"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 100))])
    elif request == b"silent":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.fork()
        time.sleep(3600)
    elif request == b"busy":
        while True: pass
    elif request == b"exit":
        sys.exit(1)
    else:
        s.send(b"echo " + request)
END
chmod 644 "$PIA"/*.py
# asks PROGRAM: runs the Python on standard input where WORKER is a worker of that program
asks() {
	(cd "$HERE" && as_www env T_INSIDE="$T_MARK" /usr/bin/python3 -c '
import os, sys, time
import worker_of_the_server as server
worker = server.Worker("pia", "python3", sys.argv[1])
ask = worker.ask
exec(sys.stdin.read())
worker.stop()' "$1" 2>"$ERR")
}
# shellcheck disable=SC2317 # called by wait_for
nothing_runs() { ! pgrep -u "$P" >/dev/null; }

is "a worker answers, as printed" "$(asks worker.py <<<'print(ask(b"1 2 6"), ask(b"7 8"), worker.run.poll())')" "b'3.000000' b'7.500000' None"
ok "and ends with who asks" wait_for nothing_runs
is "one that has ended is followed by another" "$(asks worker.py <<<'print(ask(b"no number"), ask(b"1 3"))')" "None b'2.000000'"
is "one process gives a hundred answers" "$(asks attack.py <<<'print(len({ask(b"pid") for i in range(100)}))')" 1
is "too long an answer is none" "$(asks attack.py <<<'print(ask(b"large"), ask(b"x"))')" "None b'echo x'"
is "an empty answer is an end" "$(asks attack.py <<<'print(ask(b"empty"), ask(b"x"))')" "None b'echo x'"
is "descriptors that are sent along are not taken" "$(asks attack.py <<<'
ask(b"x")
started = len(os.listdir("/proc/self/fd"))
print(ask(b"descriptor"), len(os.listdir("/proc/self/fd")) - started)')" "b'with a descriptor' 0"
is "one that does not answer is ended, and the next request answered" "$(asks attack.py <<<'
first = ask(b"pid")
print(ask(b"silent"), ask(b"pid") is not None)')" "None True"
ok "with all that it has started" wait_for nothing_runs
is "one that has used its processor time is ended" "$(asks attack.py <<<'
ask(b"x")
worker.socket.settimeout(None) # so that nothing else ends it
print(ask(b"busy"), ask(b"x"))')" "None b'echo x'"
is "nor is one that is empty" "$(asks attack.py <<<'
first = ask(b"pid")
print(ask(b""), ask(b"pid") == first)')" "None True"
is "a request that is too long is not sent" "$(asks attack.py <<<'
first = ask(b"pid")
print(ask(b"x" * 65537), ask(b"pid") == first, len(ask(b"x" * 65531)))')" "None True 65536"
is "a worker that is asked to end does" "$(asks attack.py <<<'print(ask(b"exit"), ask(b"x"))')" "None b'echo x'"
is "one can be stopped at any moment of its start" "$(asks attack.py <<<'
for i in range(20):
    worker.start()
    time.sleep(i / 4000)
    worker.stop()
print("stopped")')" stopped
ok "nothing is left of any" wait_for nothing_runs
is "a jail that is not there is no answer" "$(asks worker.py <<<'print(server.Worker("nosuchjail", "true").ask(b"x"))')" None
