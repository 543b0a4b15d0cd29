#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Bad input: each its exit status and one sentence that names the object; nothing mounted, nothing
# made, nothing on stdout.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cleanup() {
	[ ! -e "$T_WORK/keeper" ] || mv "$T_WORK/keeper" "$KEEPER"
	default_config
	chmod 755 "$CONFIG" "$T_SYSCONFDIR" "$IMAGES" "$DATA"
	for user in mallory dora; do
		[ ! -e "$DATA/$user" ] || remove_user "$user"
	done
	rm -f "$ALICE/away" "$ALICE/closed/x"
	rm -rf --one-file-system "$ALICE/closed" "$IMAGES/odd"
	in_jail alice true
	in_jail bob true
}

# --- names and arguments -------------------------------------------------------------------------

refused 125 "read the command line" "no jail named" as_www "$T"
refused 125 '"nosuch"' "an unknown jail" in_jail nosuch id
i=0
for name in '' . .. .hidden ../bob a/b /etc -1 -h- +5 @alice ' 20001' 'ali ce' alice: alice,bob 'alice%' \
	'alice ' $'alice\n' $'alice\nroot' $'\033[2J' 'alice;id' 'alice*' 'älice' \
	"$(head -c 65 /dev/zero | tr '\0' a)" "$(head -c 300 /dev/zero | tr '\0' a)"; do
	i=$((i + 1))
	# Names that begin with a minus are options, so they come behind --.
	refused 125 '[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}' "malformed name $i: $(printf %q "${name:0:40}")" as_www "$T" -- "$name" id
done
longest=$(head -c 64 /dev/zero | tr '\0' a)
for name in "$longest" 0 00 20001 4294967295 0x4e21 Alice 1905.a@x.org+1; do
	refused 125 'there is no such user' "a well-formed name is unknown, not malformed: ${name:0:40}" in_jail "$name" id
done
in_jail $'a\033]0;x\007\nb' id 2>"$ERR" >"$OUT" || :
is "no control character of a name reaches the terminal" "$(tr -d '[:print:]\n' <"$ERR" | wc -c)" 0
is "nor does its newline" "$(wc -l <"$ERR")" 1
refused 125 --nosuch "an unknown option" as_www "$T" --nosuch alice id
refused 125 -x "an unknown letter" as_www "$T" -x alice id
refused 125 --chdi "an abbreviated option" as_www "$T" --chdi=/ alice id
refused 125 --cgi=yes "a value where none is taken" as_www "$T" --cgi=yes alice id
refused 125 -C "a value missing" as_www "$T" -C
refused 125 chdir "an option twice" as_www "$T" --chdir=/ --chdir=/tmp alice id
refused 125 '"--json"' "an option without its mode" as_www "$T" --json alice
refused 125 --prepare "options that exclude each other" as_www "$T" --list --prepare alice
refused 125 1BAD=x "a malformed variable" as_www "$T" --env=1BAD=x alice id
refused 125 --env= "an empty variable name" as_www "$T" --env= alice id
refused 125 nosuch=1 "an unknown limit" as_www "$T" --limit=nosuch=1 alice id
for value in cpu cpu= cpu=-1 cpu=1x memory=1Q memory=99999999999999999999 processes=1.5; do
	refused 125 "$value" "a malformed limit: $value" as_www "$T" "--limit=$value" alice id
done
for value in cpu=0.5s cpu=1500ms; do
	refused 125 'such as cpu=10s (whole seconds)' "processor time that is no whole seconds: $value" \
		as_www "$T" "--limit=$value" alice id
done
refused 125 'limit "processes=100000"' "a limit raised by a caller" as_www "$T" --limit=processes=100000 alice id
for fd in '' 0 1 2 -1 3x 99999999999 x; do
	refused 125 "--keep-fd=$fd" "a malformed descriptor: '$fd'" as_www "$T" "--keep-fd=$fd" alice id
done
refused 125 '"77"' "a descriptor that is not open" as_www "$T" --keep-fd=77 alice id
refused 125 'descriptor "7"' "a directory as a kept descriptor" as_www "$T" --keep-fd=7 alice id 7</
refused 125 /dev/null "--daemon without a /dev/null that opens" strace -f -qq -o /dev/null -e trace=openat -P /dev/null \
	-e inject=openat:error=EMFILE "$T" --daemon alice true
for fd in 0 1 2; do
	# Descriptor 2 cannot be refused in a sentence when it is the directory itself.
	got=0
	caller "path=$fd:/" -- "$(command -v setpriv)" --reuid=33 --regid=33 --clear-groups \
		"$T" alice id >"$OUT" 2>"$ERR" || got=$?
	is "an O_PATH directory as descriptor $fd" "$got" 125
	got=0
	caller "open=$fd:/etc" -- "$(command -v setpriv)" --reuid=33 --regid=33 --clear-groups \
		"$T" alice ls /dev/fd/$fd/ >"$OUT" 2>"$ERR" || got=$?
	is "a directory of the host's as descriptor $fd" "$got" 125
done
for option in --list --cleanup '--status alice' '--discard alice' --check '--explain alice id'; do
	# shellcheck disable=SC2086
	refused 125 root "$option is for root" as_www "$T" $option
done

# --- callers -------------------------------------------------------------------------------------

# The group of the file admits www-data and root; the record admits real uids.
refused 125 alice "a caller that is not configured" \
	setpriv --reuid=65533 --regid=33 --clear-groups "$T" alice id
# By way of a shell, since setpriv itself still has root's capabilities when it executes.
# shellcheck disable=SC2016
status 126 "nobody outside the group can execute it at all" \
	setpriv --reuid=65533 --regid=65533 --clear-groups sh -c 'exec "$T" alice id'
refused 125 alice "alice herself is no caller" setpriv "--reuid=$A" --regid=33 --clear-groups "$T" alice id
configure <<-'END'
	[trampoline]
	callers = backup
END
refused 125 alice "www-data when it is no longer configured" in_jail alice id
ok "root always may" "$T" alice true
default_config
ok "www-data again" in_jail alice true
refused 125 root "no privilege because of no_new_privs" \
	setpriv --no-new-privs --reuid=33 --regid=33 --clear-groups "$T" alice id
install -o root -g www-data -m 750 "$T" "$T_WORK/without-bit"
refused 125 root "no privilege because the bit is lost" as_www "$T_WORK/without-bit" alice id
mkdir "$T_WORK/nosuid"
mount -t tmpfs -o nosuid,mode=755 none "$T_WORK/nosuid"
install -o root -g www-data -m 4754 "$T" "$T_WORK/nosuid/trampoline"
chmod 4754 "$T_WORK/nosuid/trampoline"
refused 125 root "no privilege because of a nosuid mount" as_www "$T_WORK/nosuid/trampoline" alice id
umount "$T_WORK/nosuid"
refused 125 root "root of a user namespace is nobody" unshare -Ur "$T" alice id
for capability in setuid setgid setpcap sys_admin; do
	refused 125 capability "a bounding set without $capability" setpriv \
		"--bounding-set=-$capability" --reuid=33 --regid=33 --clear-groups "$T" alice id
done

# --- configuration -------------------------------------------------------------------------------

good=$T_PREFIX/share/trampoline/trampoline.conf
rm "$CONFIG/trampoline.conf"
refused 125 trampoline.conf "configuration missing" in_jail alice id
default_config
chmod 666 "$CONFIG/trampoline.conf"
refused 125 trampoline.conf "configuration writable by others" in_jail alice id
chmod 664 "$CONFIG/trampoline.conf"
refused 125 trampoline.conf "configuration writable by its group" in_jail alice id
chmod 644 "$CONFIG/trampoline.conf"
chown 33 "$CONFIG/trampoline.conf"
refused 125 trampoline.conf "configuration of another owner" in_jail alice id
default_config
chmod 777 "$CONFIG"
refused 125 "$CONFIG" "its directory writable by others" in_jail alice id
chmod 755 "$CONFIG"
chmod 775 "$T_SYSCONFDIR"
refused 125 "$T_SYSCONFDIR" "its directory's parent writable by the group" in_jail alice id
chmod 755 "$T_SYSCONFDIR"
mv "$CONFIG/trampoline.conf" "$T_WORK/real.conf"
ln -s "$T_WORK/real.conf" "$CONFIG/trampoline.conf"
refused 125 trampoline.conf "configuration by a symlink" in_jail alice id
rm "$CONFIG/trampoline.conf"
mkdir "$CONFIG/trampoline.conf"
refused 125 trampoline.conf "a directory in its place" in_jail alice id
rmdir "$CONFIG/trampoline.conf"
mkfifo "$CONFIG/trampoline.conf"
refused 125 trampoline.conf "a fifo in its place, without waiting for a writer" timeout "$DEADLINE" \
	setpriv --reuid=33 --regid=33 --clear-groups "$T" alice id
rm "$CONFIG/trampoline.conf"
default_config

# bad_config LINE DESCRIPTION SECTION TEXT: the default with one line too many, refused with file:line
bad_config() {
	{
		printf '[%s]\n%s\n' "$3" "$4"
	} | configure
	refused 125 "trampoline.conf:$1" "$2" in_jail alice id
}
bad_config 2 "an unknown key" trampoline 'nosuch = 1'
bad_config 1 "a key in an unknown section" nosuch 'image = default'
like "the section is named" "$(cat "$ERR")" ': there is no section "nosuch"$'
bad_config 1 "an unknown section without keys" nosuch ''
like "it is named too" "$(cat "$ERR")" ': there is no section "nosuch"$'
bad_config 3 "a key twice" limits $'cpu = 3s\ncpu = 4s'
bad_config 2 "a size that is none" limits 'memory = lots'
bad_config 2 "a negative number" limits 'processes = -1'
bad_config 2 "a number too large" limits 'memory = 99999999999999999999G'
bad_config 2 "an empty value" limits 'cpu ='
bad_config 2 "a word that is no choice" confinement 'dev = full'
bad_config 2 "an image name with a slash" trampoline 'image = ../../etc'
bad_config 2 "an unknown caller" trampoline 'callers = nosuch-user'
bad_config 2 "a shell that is no path" environment 'shell = sh'
bad_config 2 "an umask that is none" environment 'umask = 999'
bad_config 2 "a minimum uid of 0" trampoline 'minimum_uid = 0'
bad_config 3 "a range of uids in which there is none" trampoline $'minimum_uid = 3000\nmaximum_uid = 2000'
bad_config 2 "no key and no section" trampoline 'nonsense'
printf 'image = default\n' | configure
refused 125 trampoline.conf:1 "a key before any section" in_jail alice id
default_config
printf '[limits]\nnosuch = 1\n' | override alice
refused 125 alice.conf:2 "an unknown key in an override" in_jail alice id
ok "which does not trouble bob" in_jail bob true
printf '[trampoline]\nmaximum_uid = %d\n' $((A - 1)) | override alice
refused 125 "its uid, $A, is not between minimum_uid and maximum_uid, 1000 and $((A - 1))" \
	"a range that alice is not in, with numbers" in_jail alice id
printf '[trampoline]\nmaximum_uid = 999\n' | override alice
refused 125 'alice.conf:2": minimum_uid is above' "a range that the override spoils" in_jail alice id
printf '[limits]\ncpu = 3s\n' | override alice
chmod 646 "$CONFIG/jails.d/alice.conf"
refused 125 alice.conf "an override writable by others" in_jail alice id
chmod 777 "$CONFIG/jails.d"
chmod 644 "$CONFIG/jails.d/alice.conf"
refused 125 jails.d "its directory writable by others" in_jail alice id
chmod 755 "$CONFIG/jails.d"
default_config
ok "all is well again" cmp "$good" "$CONFIG/trampoline.conf"
ok "and alice enters" in_jail alice true

# --- image ---------------------------------------------------------------------------------------

printf '[trampoline]\nimage = nosuch\n' | override alice
refused 125 nosuch "a missing image" in_jail alice id
mkdir "$IMAGES/odd"
printf '[trampoline]\nimage = odd\n' | override alice
refused 125 odd "an image without a current version" in_jail alice id
ln -s nowhere "$IMAGES/odd/current"
refused 125 odd "a current version that is not there" in_jail alice id
ln -sfn /etc "$IMAGES/odd/current"
refused 125 /etc "a current version outside the images" in_jail alice id
ln -sfn ../../../../../../../etc "$IMAGES/odd/current"
refused 125 ../etc "the same with dots" in_jail alice id
rm "$IMAGES/odd/current"
mkdir "$IMAGES/odd/v1" "$IMAGES/odd/v1/home" "$IMAGES/odd/v1/tmp" "$IMAGES/odd/v1/dev"
ln -s v1 "$IMAGES/odd/current"
refused 125 proc "an image without a mount point" in_jail alice id
ln -s / "$IMAGES/odd/v1/proc"
refused 125 proc "a mount point that is a symlink" in_jail alice id
rm "$IMAGES/odd/v1/proc"
: >"$IMAGES/odd/v1/proc"
refused 125 proc "a mount point that is a file" in_jail alice id
rm "$IMAGES/odd/v1/proc"
mkdir "$IMAGES/odd/v1/proc"
refused 127 /bin/true "an image without the command" in_jail alice /bin/true
retire alice
chmod 775 "$IMAGES/odd/v1"
refused 125 odd "an image writable by its group" in_jail alice id
chmod 755 "$IMAGES/odd/v1"
chown 20001 "$IMAGES/odd/v1"
refused 125 odd "an image of a user's" in_jail alice id
chown 0 "$IMAGES/odd/v1"
chmod 757 "$IMAGES/odd"
refused 125 odd "an image whose parent others can write" in_jail alice id
chmod 755 "$IMAGES/odd"
chmod 775 "$IMAGES"
refused 125 images "the images' directory writable by its group" in_jail alice id
chmod 755 "$IMAGES"
default_config

# --- data ----------------------------------------------------------------------------------------

# broken DESCRIPTION TEXT COMMAND...: mallory's data after COMMAND, refused; then whole again.
broken() {
	local description=$1 text=$2
	shift 2
	make_user mallory 20666
	"$@"
	refused 125 "$text" "$description" in_jail mallory id
	find "$DATA/mallory" -xdev -depth ! -type d -delete
	retire mallory
	rm -rf --one-file-system "$DATA/mallory"
}
M=$DATA/mallory
gone() { rm -rf --one-file-system "$1"; }
link() { gone "$1"; ln -s "$2" "$1"; }
file() { gone "$1"; : >"$1"; }
fifo() { gone "$1"; mkfifo "$1"; }
broken "home missing" home gone "$M/home/mallory"
broken "home's parent missing" home gone "$M/home"
broken "tmp missing" tmp gone "$M/tmp"
broken "home a symlink to /etc" home link "$M/home/mallory" /etc
broken "home a symlink to bob's" home link "$M/home/mallory" "$BOB"
broken "home's parent a symlink" home link "$M/home" "$DATA/bob/home"
broken "tmp a symlink to /" tmp link "$M/tmp" /
broken "all of it a symlink" mallory link "$M" "$DATA/bob"
broken "home a file" home file "$M/home/mallory"
broken "tmp a file" tmp file "$M/tmp"
broken "home a fifo" home fifo "$M/home/mallory"
broken "tmp a fifo" tmp fifo "$M/tmp"
for id in 0 1 33 999 65534 60000001; do
	broken "a home of uid $id" "uid" chown "$id" "$M/home/mallory"
done
for id in 0 42 999 65534; do
	broken "a home of gid $id" "gid" chgrp "$id" "$M/home/mallory"
done
broken "tmp of another user's" tmp chown "$B:$B" "$M/tmp"
broken "data of the user's own" mallory chown 20666 "$M"
broken "home's parent of the user's own" home chown 20666 "$M/home"
broken "data that others can write" mallory chmod 777 "$M"
broken "home's parent that its group can write" home chmod 775 "$M/home"
chmod 777 "$DATA"
refused 125 "$DATA" "the data directory writable by others" in_jail dora id
make_user dora 20667
refused 125 "$DATA" "the same for a user who is there" in_jail dora id
chmod 755 "$DATA"
ok "dora enters when it is put right" in_jail dora true

# --- directory and command -----------------------------------------------------------------------

in_jail alice true
refused 125 /nosuch "chdir to a missing directory" as_www "$T" -C /nosuch alice id
refused 125 -C "chdir to a relative one" as_www "$T" -C tmp alice id
refused 125 -C "chdir to nothing" as_www "$T" -C '' alice id
refused 125 /bin/sh "chdir to a file" as_www "$T" -C /bin/sh alice id
refused 125 "$T_STATEDIR" "chdir to a directory of the host's" as_www "$T" -C "$T_STATEDIR" alice id
mkdir -m 700 "$ALICE/closed"
refused 125 closed "chdir where the user may not" as_www "$T" -C /home/alice/closed alice id
ln -s /proc/self/fd/5 "$ALICE/away"
refused 125 away "chdir by a link to a descriptor" as_www "$T" -C /home/alice/away alice id 5</
refused 125 /proc/1/cwd "chdir by another process" as_www "$T" -C /proc/1/cwd alice id
is "dots end at the jail's root" "$(as_www "$T" -C /home/alice/../../../../.. alice pwd)" /

# --- a keeper that cannot be had -----------------------------------------------------------------

# with_keeper TEXT DESCRIPTION [COMMANDS]: what a caller is told where the keeper is missing, or does only that
with_keeper() {
	mv "$KEEPER" "$T_WORK/keeper"
	if [ $# -eq 3 ]; then
		printf '#!/bin/sh\n%s\n' "$3" >"$KEEPER"
		chmod 755 "$KEEPER"
	fi
	refused 125 "$1" "$2" in_jail alice true
	mv "$T_WORK/keeper" "$KEEPER"
}
retire alice
with_keeper "cannot execute \"$KEEPER\": No such file or directory" "no keeper"
# dpkg puts a launcher into place before its keeper. This one is stopped when it has not found the keeper.
mv "$KEEPER" "$T_WORK/keeper"
strace -qq -f -o "$T_WORK/held" -e 'trace=?poll,ppoll' -e 'inject=?poll,ppoll:signal=STOP:when=1' \
	"$T" alice true >"$OUT" 2>"$ERR" &
waits=$!
ok "a launcher that does not find its keeper looks again" wait_for grep -q 'stopped by SIGSTOP' "$T_WORK/held"
mv "$T_WORK/keeper" "$KEEPER"
has_ended() {
	awk '/stopped by SIGSTOP/ { print $1 }' "$T_WORK/held" | xargs -r kill -CONT 2>/dev/null || :
	! kill -0 "$waits" 2>/dev/null
}
wait_for has_ended
ok "and goes on when an upgrade has put it there" wait $waits
retire alice
with_keeper "the keeper was killed by signal 9" "a keeper that is killed" 'kill -KILL $$'
with_keeper "the keeper did not start" "one that its libraries, or the caller's limits, keep from starting" \
	'echo "error while loading shared libraries" >&2; exit 127'
ok "and when it is there again the jail works" in_jail alice true
