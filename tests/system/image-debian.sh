#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A real Debian image with Python 3: what a web application's users expect to work does.
. "$(dirname "$0")/lib.sh"

image=$T_PREFIX/sbin/trampoline-image
user=$T_PREFIX/sbin/trampoline-user
home=$IMAGES/debian
carol=$((T_BOB + 1))

cleanup() {
	"$T" --discard --kill carol >/dev/null 2>&1 || :
	[ ! -d "$DATA/carol" ] || remove_user carol
	rm -f "$CONFIG/jails.d/carol.conf"
	rm -rf --one-file-system "$home"
}

if ! command -v mmdebstrap >/dev/null; then
	skip "a Debian image is built" "mmdebstrap is not installed"
	exit 0
fi
# mirror_answers SUITE: fetches the lists anew, with this machine's sources; is there one of the suite?
mirror_answers() {
	local apt=(-o "Dir::State::lists=$T_WORK/lists" -o "Dir::Cache=$T_WORK/cache" -o APT::Sandbox::User=root -o Acquire::Retries=0)
	mkdir -p "$T_WORK/lists/partial" "$T_WORK/cache/archives/partial"
	apt-get -q "${apt[@]}" update >"$T_WORK/update" 2>&1 || :
	[ -n "$(apt-get -q "${apt[@]}" indextargets "Codename: $1" 2>>"$T_WORK/update")" ]
}

if ! "$image" build debian --recipe debian --include "$DEBIAN_PACKAGES" >"$OUT" 2>"$ERR"; then
	if mirror_answers "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)"; then
		fail "a Debian image is built" "$(tail -n 20 "$ERR")"
	else
		why=$(sed -n '/Failed to fetch/{ s/^[WE]: //p; q }' "$T_WORK/update")
		skip "a Debian image is built" "no package mirror answers: ${why:-no source of this machine names its release}"
	fi
	exit 0
fi
pass "a Debian image is built"
like "it shows progress" "$(cat "$ERR")" 'installing|unpacking|extracting'
ok "it passes its audit" "$image" audit debian
debian_image_keep
tree=$home/current
is "it keeps nothing of how to reach a mirror" \
	"$(find "$tree/etc/apt" "$tree/var/lib/apt" "$tree/var/cache/apt" -type f \
		\( -name '*.list' -o -name '*.sources' -o -name '*auth*' -o -name '*mmdebstrap*' \) 2>/dev/null)" ""
is "nor this machine's name and resolvers" "$(cat "$tree/etc/hostname" "$tree/etc/resolv.conf")" jail
is "an unknown suite is refused with the cure" \
	"$("$image" build debian --recipe debian --suite nothing 2>&1 | grep -c 'cannot find nothing in this machine')" 1

printf '[trampoline]\nimage = debian\n' | override carol
"$user" add carol --uid "$carol" 2>"$ERR"
carol_home=$DATA/carol/home/carol
script() {
	cat >"$carol_home/$1"
	chown "$carol:$carol" "$carol_home/$1"
}
# runs DESCRIPTION WANTED COMMAND...
runs() {
	local description=$1 wanted=$2
	shift 2
	is "$description" "$(in_jail carol "$@" 2>&1)" "$wanted"
}

script hello.py <<<'print("hello")'
runs "a script in the user's home runs" hello python3 hello.py
script main.py <<'END'
import multiprocessing
def square(x):
    return x * x
if __name__ == "__main__":
    with multiprocessing.Pool(3) as pool:
        print(sum(pool.map(square, range(10))))
    queue = multiprocessing.Queue()
    worker = multiprocessing.Process(target=queue.put, args=("from a child",))
    worker.start()
    print(queue.get())
    worker.join()
END
runs "multiprocessing, with its semaphores in shared memory" "285
from a child" python3 main.py
runs "shared memory" "b'abc'" python3 -c '
from multiprocessing.shared_memory import SharedMemory
m = SharedMemory(create=True, size=3)
m.buf[:3] = b"abc"
print(bytes(m.buf[:3]))
m.close()
m.unlink()'
runs "tempfile" "/tmp True" python3 -c '
import os, tempfile
with tempfile.NamedTemporaryFile() as f:
    f.write(b"x"); f.flush()
    print(os.path.dirname(f.name), os.stat(f.name).st_size == 1)'
runs "getpwuid and getgrgid" "carol /home/carol /bin/bash carol" python3 -c '
import grp, os, pwd
p = pwd.getpwuid(os.getuid())
print(p.pw_name, p.pw_dir, p.pw_shell, grp.getgrgid(os.getgid()).gr_name)'
runs "expanduser" "/home/carol" python3 -c 'import os; print(os.path.expanduser("~"))'
runs "a socket in /tmp" "b'ping'" python3 -c '
import os, socket
s = socket.socket(socket.AF_UNIX); s.bind("/tmp/socket"); s.listen()
c = socket.socket(socket.AF_UNIX); c.connect("/tmp/socket"); c.send(b"ping")
print(s.accept()[0].recv(9)); os.unlink("/tmp/socket")'
runs "subprocess, with a shell and without" "a b
0" python3 -c '
import subprocess
print(subprocess.run("echo a | sed s/$/\ b/", shell=True, capture_output=True, text=True).stdout.strip())
print(subprocess.call(["true"]))'
runs "the locale" "UTF-8 é" env LC_ALL=C.UTF-8 python3 -c '
import locale
locale.setlocale(locale.LC_ALL, "")
print(locale.nl_langinfo(locale.CODESET), "é")'
runs "time zones, by name and by TZ" "2024-07-01 14:00:00+02:00 CEST" env TZ=Europe/Berlin python3 -c '
import datetime, time, zoneinfo
u = datetime.datetime(2024, 7, 1, 12, tzinfo=datetime.timezone.utc)
print(u.astimezone(zoneinfo.ZoneInfo("Europe/Berlin")), time.strftime("%Z", time.localtime(u.timestamp())))'
runs "the names of services" 443 python3 -c 'import socket; print(socket.getservbyname("https"))'
runs "threads" 10 python3 -c '
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(5) as pool: print(len(list(pool.map(str, range(10)))))'
runs "asyncio, with a child" "b'x\\n'" python3 -c '
import asyncio
async def main():
    p = await asyncio.create_subprocess_exec("echo", "x", stdout=asyncio.subprocess.PIPE)
    print((await p.communicate())[0])
asyncio.run(main())'
runs "a virtual environment" "True" bash -c \
	'python3 -m venv --without-pip /tmp/venv && /tmp/venv/bin/python -c "import sys; print(sys.prefix == \"/tmp/venv\")"'
ok "process substitution in bash" in_jail carol bash -c 'cat <(echo hi) >/dev/null'
runs "a here document in bash" hi bash -c 'cat <<<hi'
runs "a pipe of everything" 3 bash -c 'seq 3 | tee >(cat >/dev/null) | wc -l'
runs "/var/tmp is the user's /tmp" x sh -c 'echo x >/var/tmp/f; cat /tmp/f'
runs "perl" "8" perl -e 'print length sprintf "%08b", 5'

not_ok "the image cannot be written" in_jail carol sh -c 'echo x >/usr/bin/python3'
# shellcheck disable=SC2016
not_ok "no file in it can be made" in_jail carol sh -c 'for d in /etc /usr /var /run; do ! touch $d/x || exit 0; done; exit 1'
is "no directory outside home and tmp can be written" \
	"$(in_jail carol find / -xdev -type d \( -path / -printf 'tried\n' , -writable ! -path '/home/carol*' ! -path '/tmp*' -print \) 2>/dev/null || :)" tried
not_ok "its shadow cannot be read" in_jail carol cat /etc/shadow
runs "su makes nobody root" "$carol" sh -c 'su -c id 2>/dev/null; id -u'
