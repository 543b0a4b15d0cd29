#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The main job: www-data runs a command in a user's jail, as that user, and it has nothing else.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cleanup() {
	rm -f "$ALICE"/{binary,foreign,kept,prog.sh,not-elf,no-x} "$BOB/secret" "$DATA/alice/tmp/kept"
	rm -rf --one-file-system "$ALICE/directory"
}

# --- who it is -----------------------------------------------------------------------------------

is "id is alice's and nothing else is printed" "$(in_jail alice id -u; in_jail alice id -g)" \
	"$A"$'\n'"$A"
in_jail alice id >"$OUT" 2>"$ERR"
is "stderr stays empty" "$(cat "$ERR")" ""
like "id names the user through the jail's own passwd" "$(cat "$OUT")" \
	"^uid=$A\(alice\) gid=$A\(alice\)( groups=$A\(alice\))?\$"
in_jail bob id -un >"$OUT"
is "another name is another user" "$(cat "$OUT")" bob
is "real, effective, saved and file-system uid" "$(probe alice uid)" "$A $A $A $A"
is "real, effective, saved and file-system gid" "$(probe alice gid)" "$A $A $A $A"
is "no supplementary group but that gid" "$(probe alice groups)" "$A"
printf '[trampoline]\ngroups = games 3000\nminimum_gid = 60\n' | override alice
is "the policy's groups, by name or number" "$(probe alice groups)" "60 $(printf '%s\n' "$A" 3000 | sort -n | xargs)"
is "and they are those of a supervised run" "$(as_www "$T" -p alice probe groups)" \
	"groups: 60 $(printf '%s\n' "$A" 3000 | sort -n | xargs)"
printf '[trampoline]\ngroups = games\n' | override alice
refused 125 "gid \"60\", which is not between minimum_gid and maximum_gid" "a group outside the range" in_jail alice true
printf '[trampoline]\ngroups = no-such-group\nminimum_gid = 1\n' | override alice
refused 125 "there is no such group" "a group that nobody knows" in_jail alice true
printf '[trampoline]\ngroups = 0\nminimum_gid = 1\n' | override alice
refused 125 "gid \"0\"" "root's group, whatever the range" in_jail alice true
default_config
is "root's groups do not follow root in" \
	"$(setpriv --groups=0,4,42 -- "$T" alice probe groups)" "groups: $A"

# --- what it may ---------------------------------------------------------------------------------

# The fifth, the bounding set, is the caller's: trampoline(8), SECURITY.
is "four capability sets are empty (libcap)" "$(probe alice capabilities)" "0 0 0 0"
in_jail alice cat /proc/self/status >"$OUT"
is "four capability sets are empty (/proc)" \
	"$(awk '/^Cap(Inh|Prm|Eff|Amb):/ { print $2 }' "$OUT" | sort -u)" 0000000000000000
is "there are four of them" "$(grep -cE '^Cap(Inh|Prm|Eff|Amb):' "$OUT")" 4
is "NoNewPrivs is 1 (/proc)" "$(awk '/^NoNewPrivs:/ { print $2 }' "$OUT")" 1
is "NoNewPrivs is 1 (prctl)" "$(probe alice no_new_privs)" 1
is "securebits are the default" "$(probe alice securebits)" 0
is "as root too: no capability" "$("$T" alice probe capabilities no_new_privs)" \
	$'capabilities: 0 0 0 0\nno_new_privs: 1'
status 1 "it cannot become root again" in_jail alice start-stop-daemon -S -c 0:0 -x /usr/true
like "the kernel says no" "$(cat "$ERR")" 'Operation not permitted'
not_ok "it cannot mount" in_jail alice mount -t tmpfs none /tmp
not_ok "it cannot chroot" in_jail alice chroot / true
not_ok "it cannot change the host's name" in_jail alice hostname mine
is "the host has kept its name" "$(uname -n | grep -c '^mine$' || :)" 0

# --- what it has ---------------------------------------------------------------------------------

is "no descriptor but 0, 1 and 2" "$(probe alice fds)" "0 1 2"
in_jail alice probe env >"$OUT"
is "the environment is these variables and no other" "$(sed 's/^env: //; s/=.*//' "$OUT" | sort |
	grep -vE '^(TZ|TERM)$' | xargs)" "HOME LANG LOGNAME PATH SHELL USER"
like "HOME is the user's" "$(cat "$OUT")" '^env: HOME=/home/alice$'
like "USER is the user" "$(cat "$OUT")" '^env: USER=alice$'
like "PATH is the configured one" "$(cat "$OUT")" '^env: PATH=/usr/local/bin:/usr/bin:/bin$'
is "a secret of the caller's stays outside" \
	"$(as_www env SECRET=1 LD_PRELOAD=x IFS=x "$T" alice probe env | grep -cE 'SECRET|LD_|IFS' || :)" 0
# variables JAIL OPTION...: those of these names that a run finds whose caller has all of them.
variables() {
	local jail=$1
	shift
	as_www env -i LANG=C TZ=UTC LC_ALL=C TZDIR=/etc "$T" "$@" "$jail" probe env |
		sed -n 's/^env: \(LANG\|TZ\|TZDIR\|LC_ALL\|JAVA\|MORE\)=/\1=/p' | sort | xargs
}
is "TZ goes in, and LANG is C.UTF-8 whatever the caller has" "$(variables alice)" "LANG=C.UTF-8 TZ=UTC"
is "-E goes before LANG's default" "$(variables alice -E LANG -E TZ=x)" "LANG=C TZ=x"
configure <<-'END'
	[environment]
	keep = LC_* TZ
	[set]
	TZ = Europe/Berlin
	JAVA = -Xmx256m -Da=b:c ; a comment
END
override alice <<-'END'
	[set]
	TZ = Asia/Tokyo
	LANG = de_DE.UTF-8
	MORE =
END
is "[set] goes before keep" "$(variables bob)" "JAVA=-Xmx256m -Da=b:c LANG=C.UTF-8 LC_ALL=C TZ=Europe/Berlin"
is "a jail's [set] adds variables and replaces single ones" "$(variables alice)" \
	"JAVA=-Xmx256m -Da=b:c LANG=de_DE.UTF-8 LC_ALL=C MORE= TZ=Asia/Tokyo"
is "-E goes before [set]" "$(variables alice -E TZ -E JAVA=1)" "JAVA=1 LANG=de_DE.UTF-8 LC_ALL=C MORE= TZ=UTC"
like "--explain names the line of a variable" "$("$T" --explain alice)" \
	"^set +TZ +Asia/Tokyo +$CONFIG/jails.d/alice.conf:2\$"
like "and of one that all jails have" "$("$T" --explain alice)" "^set +JAVA +-Xmx256m -Da=b:c +$CONFIG/trampoline.conf:5\$"
default_config
retire bob
retire alice
is "it starts at home" "$(probe alice cwd)" /home/alice
is "its umask is the configured one" "$(probe alice umask)" 0022

# --- what it sees --------------------------------------------------------------------------------

in_jail alice cat /proc/self/mountinfo >"$T_WORK/inside"
is "the mounts are the image, home, tmp, dev, pts and proc" \
	"$(awk '{ print $5 }' "$T_WORK/inside" | sort | xargs)" "/ /dev /dev/pts /home /proc /tmp"
# mount_flags POINT: its own flags, without the access-time ones that come from the source
mount_flags() {
	awk -v point="$1" '$5 == point { print $6 }' "$T_WORK/inside" | tr , '\n' |
		grep -vE 'atime$' | sort | xargs
}
is "the image is read-only, nosuid, nodev" "$(mount_flags /)" "nodev nosuid ro"
is "home is writable, nosuid, nodev" "$(mount_flags /home)" "nodev nosuid rw"
is "tmp is writable, nosuid, nodev" "$(mount_flags /tmp)" "nodev nosuid rw"
is "dev is read-only and nosuid" "$(mount_flags /dev | tr ' ' '\n' | grep -xE 'ro|nosuid' | xargs)" "nosuid ro"
like "dev cannot execute" "$(mount_flags /dev)" noexec
is "/dev/pts is writable, noexec, nosuid, and has devices" "$(mount_flags /dev/pts)" "noexec nosuid rw"
is "proc is nosuid, nodev, noexec" "$(mount_flags /proc | sed 's/ r[wo]$//')" "nodev noexec nosuid"
like "proc hides other users' processes" "$(grep ' /proc ' "$T_WORK/inside")" 'hidepid=(invisible|2)'
is "every mount is private" "$(grep -cE 'shared:|master:|propagate_from:' "$T_WORK/inside" || :)" 0
is "the kernel says the same from outside" \
	"$(jail_mounts alice | awk '{ print $5, $6 }' | sort)" "$(awk '{ print $5, $6 }' "$T_WORK/inside" | sort)"
is "nothing lies above the root" "$(probe alice above)" root
is "the devices are the minimal ones" "$(in_jail alice ls /dev | xargs)" \
	"fd full null ptmx pts random shm stderr stdin stdout tty urandom zero"
is "/dev/null swallows" "$(in_jail alice sh -c 'echo x >/dev/null && echo y')" y
is "/dev/zero and /dev/urandom give" \
	"$(in_jail alice sh -c 'head -c 5 /dev/zero | wc -c; head -c 5 /dev/urandom | wc -c')" $'5\n5'
status 1 "/dev/full is full" in_jail alice sh -c 'echo x >/dev/full 2>/dev/null'
is "/dev/shm is the user's own tmp" \
	"$(in_jail alice sh -c 'echo x >/dev/shm/kept && cat /tmp/kept')" x
is "/dev/fd works" "$(in_jail alice sh -c 'echo through | cat /dev/fd/0')" through

# --- what it can write ---------------------------------------------------------------------------

# Every directory of the image, tried one by one by the user itself.
# shellcheck disable=SC2016
in_jail alice sh -c '
	for d in $(find / \( -path /home -o -path /tmp -o -path /proc \) -prune -o -type d -print); do
		if (: >"$d/x") 2>/dev/null || mkdir "$d/y" 2>/dev/null; then echo "$d"; fi
	done' >"$OUT" 2>"$ERR"
is "no directory of the image can be written" "$(cat "$OUT")" ""
in_jail alice sh -c 'echo x >/etc/x; touch /bin/sh; rm /bin/sh; mv /etc /etc2; chmod 777 /' \
	>"$OUT" 2>"$ERR" || :
is "the kernel's answer is read-only or no right" "$(grep -cvE 'Read-only|denied|not permitted' "$ERR" || :)" 0
is "it gave it each time" "$(wc -l <"$ERR")" 5
status 1 "root's part of /home cannot be written" in_jail alice sh -c ': >/home/x' 2>/dev/null
status 1 "its own passwd cannot be written" in_jail alice sh -c 'echo x >>/home/.etc/passwd' 2>/dev/null
ok "its home can" in_jail alice sh -c 'echo kept >/home/alice/kept'
is "and is still there in the next request" "$(in_jail alice cat kept)" kept
is "and belongs to it on the host" "$(stat -c '%u:%g %a' "$ALICE/kept")" "$A:$A 644"

# --- nothing of anybody else's -------------------------------------------------------------------

echo secret >"$BOB/secret"
chmod 644 "$BOB/secret"
not_ok "bob's home is not there" in_jail alice ls /home/bob
is "/home holds alice alone" "$(in_jail alice ls /home)" alice
not_ok "bob's file is not found anywhere" in_jail alice sh -c 'find / -name secret 2>/dev/null | grep .'
not_ok "the host's shadow is not there" in_jail alice ls /home/../etc/shadow
not_ok "the host's passwd is another" cmp /etc/passwd <(in_jail alice cat /../../etc/passwd)
not_ok "the host's directories are not there" in_jail alice ls "$T_STATEDIR"
not_ok "nor is our state" in_jail alice ls "$T_RUNDIR"
is "processes of others are invisible" "$(in_jail alice sh -c 'stat -c %u /proc/[0-9]* 2>/dev/null' | sort -u)" "$A"
not_ok "PID 1 of the host cannot be looked at" in_jail alice cat /proc/1/cmdline
not_ok "there is no way out by /proc/1/root" in_jail alice ls /proc/1/root/
not_ok "other processes cannot be signalled" in_jail alice kill -0 $$

# --- bytes and statuses --------------------------------------------------------------------------

head -c 3000000 /dev/urandom >"$T_WORK/bytes"
ok "stdin and stdout pass byte for byte" cmp "$T_WORK/bytes" <(in_jail alice cat <"$T_WORK/bytes")
is "so do NUL and the last missing newline" \
	"$(printf 'a\0b' | in_jail alice cat | od -An -tx1)" ' 61 00 62'
is "stderr is the command's" "$(in_jail alice sh -c 'echo e >&2' 2>&1 >/dev/null)" e
is "arguments pass as they are" "$(in_jail alice printf '[%s]' '' 'a b' '*' $'\n' -x --)" $'[][a b][*][\n][-x][--]'
wrong=
for code in $(seq 0 255); do
	got=0
	in_jail alice sh -c "exit $code" || got=$?
	[ "$got" -eq "$code" ] || wrong+=" $code->$got"
done
is "every exit status from 0 to 255 is the command's own" "$wrong" ""
# shellcheck disable=SC2016
status 137 "a signal that ends the command is seen as one" in_jail alice sh -c 'kill -KILL $$'
refused 127 nosuch "a command that is not there: 127" in_jail alice nosuch
refused 127 /bin/nosuch "a path that is not there: 127" in_jail alice /bin/nosuch
refused 127 '""' "an empty command: 127" in_jail alice ''
touch "$ALICE/no-x"
printf 'not a program\n' >"$ALICE/not-elf"
printf '#!/bin/nosuch\n' >"$ALICE/binary"
chmod 755 "$ALICE/not-elf" "$ALICE/binary"
mkdir -m 755 "$ALICE/directory"
refused 126 ./no-x "a file without the x bit: 126" in_jail alice ./no-x
refused 126 ./not-elf "a file that is no program: 126" in_jail alice ./not-elf
like "and the sentence says what it lacks" "$(cat "$ERR")" 'no first line like #!/bin/sh, and is no program for this machine; add'
# The head of a program for another machine, by its number, of 2 bytes at 18.
{ head -c 18 "$T_TOOLS/true"; printf '\367\000'; tail -c +21 "$T_TOOLS/true"; } >"$ALICE/foreign"
chmod 755 "$ALICE/foreign"
refused 126 "no program for this machine; " "a program for another machine: 126" in_jail alice ./foreign
refused 126 ./directory "a directory: 126" in_jail alice ./directory
refused 126 ./binary "a script whose interpreter is missing: 126" in_jail alice ./binary
like "and the sentence says so" "$(cat "$ERR")" 'its interpreter, .* is not in the jail; name one that is'
printf '#!/bin/sh\r\n' >"$ALICE/binary"
refused 126 "with no CR" "a script with the line ends of other systems: 126" in_jail alice ./binary
# shellcheck disable=SC2016
printf '#!/bin/sh\necho "script $1"\n' >"$ALICE/prog.sh"
chmod 755 "$ALICE/prog.sh"
is "a script of the user's runs" "$(in_jail alice ./prog.sh one)" "script one"
