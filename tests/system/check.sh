#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --check on installations that are broken in every way an administrator can: each says what is wrong
# and what to do. --explain says where each part of a policy comes from.
. "$(dirname "$0")/lib.sh"

CURRENT=$(readlink "$IMAGES/default/current")
C=$((A + 2))

cleanup() {
	while findmnt -n "$T_PREFIX/bin" >/dev/null; do umount "$T_PREFIX/bin"; done
	[ ! -e "$DATA/carol" ] || remove_user carol
	default_config
	touch -d "$stamp" "$IMAGES/default"
	in_jail alice true
	in_jail bob true
}

# broken DESCRIPTION PATTERN BREAK MEND: BREAK and MEND are commands.
# A finding is one line that matches PATTERN and has a cure behind a semicolon; then it is as before.
broken() {
	local description=$1 pattern=$2 got=0
	eval "$3"
	timeout "$DEADLINE" "$T" --check >"$OUT" 2>"$ERR" || got=$?
	eval "$4"
	if [ $got -ne 1 ]; then
		fail "$description" "status $got, not 1" "$(cat "$OUT" "$ERR")"
	elif ! grep -qE -e "$pattern" "$OUT"; then
		fail "$description" "said:" "$(cat "$OUT" "$ERR")" "wanted a match of: $pattern"
	elif ! grep -E -e "$pattern" "$OUT" | grep -qE '; [a-z`]'; then
		fail "$description" "no cure:" "$(cat "$OUT")"
	elif [ "$(wc -l <"$OUT")" -gt 4 ]; then
		fail "$description" "one fault, and this is a lot to read:" "$(cat "$OUT")"
	elif [ -s "$ERR" ]; then
		fail "$description" "something on stderr:" "$(cat "$ERR")"
	elif ! "$T" --check >"$OUT" 2>&1; then
		fail "$description" "mended, and still:" "$(cat "$OUT")"
	else
		pass "$description"
	fi
}

timer=$T_SYSCONFDIR/systemd/system/timers.target.wants/trampoline-cleanup.timer
cron=$T_SYSCONFDIR/cron.d/trampoline
# What is moved about in the image's directory leaves no trace in its time.
stamp=$(stat -c %y "$IMAGES/default")
move() {
	mv "$IMAGES/default/$1" "$IMAGES/default/$2"
	touch -d "$stamp" "$IMAGES/default"
}

is "a whole installation has no findings" "$("$T" --check)" "No findings."
is "nor has one of its jails" "$("$T" --check alice)" "No findings."

# shellcheck disable=SC2016 # evaluated in broken()
{
	# --- the programs ---
	broken "the launcher has lost its bit" "bin/trampoline is not .* mode 4754" \
		'chmod 0754 "$T"' 'chmod 4754 "$T"'
	broken "its group can write to it" "bin/trampoline is not .* mode 4754" 'chmod 4774 "$T"' 'chmod 4754 "$T"'
	broken "anybody may execute it" "bin/trampoline is not .* mode 4754" 'chmod 4755 "$T"' 'chmod 4754 "$T"'
	broken "its file system is mounted nosuid" "nosuid" \
		'mount --bind "$T_PREFIX/bin" "$T_PREFIX/bin"; mount -o remount,bind,nosuid "$T_PREFIX/bin"' \
		'umount "$T_PREFIX/bin"'
	broken "anybody can write to the keeper" "keeper" \
		'chmod 757 "$KEEPER"' 'chmod 755 "$KEEPER"'
	broken "or to its directory" "libexec/trampoline" \
		'chmod 777 "$T_PREFIX/libexec/trampoline"' 'chmod 755 "$T_PREFIX/libexec/trampoline"'

	broken "the launcher is another group's" "bin/trampoline is not of group www-data; " \
		'chgrp 1 "$T"; chmod 4754 "$T"' 'chgrp 33 "$T"; chmod 4754 "$T"'
	broken "its group may not execute it" "bin/trampoline is not .* mode 4754" 'chmod 4744 "$T"' 'chmod 4754 "$T"'
	broken "the keeper is set-uid" "keeper.* mode 0755" 'chmod 4755 "$KEEPER"' 'chmod 755 "$KEEPER"'
	broken "the keeper is somebody else's" "keeper.* mode 0755" 'chown $A "$KEEPER"' 'chown root "$KEEPER"'
	broken "a directory above the launcher is closed" "no caller may search $T_PREFIX;" \
		'chmod 700 "$T_PREFIX"' 'chmod 755 "$T_PREFIX"'
	broken "nothing calls for a cleanup" "nothing runs trampoline --cleanup; " \
		'mv "$timer" "$cron" "$T_WORK"' 'mv "$T_WORK/${timer##*/}" "$timer"; mv "$T_WORK/${cron##*/}" "$cron"'
	broken "nor does a comment" "nothing runs trampoline --cleanup; " \
		'mv "$timer" "$T_WORK"; sed -i "s/^[*]/#&/" "$cron"' 'mv "$T_WORK/${timer##*/}" "$timer"; sed -i "s/^#[*]/*/" "$cron"'

	# --- the configuration ---
	broken "a caller who is not in the group" "^daemon, .*; usermod -aG www-data daemon" \
		'printf "[trampoline]\ncallers = www-data daemon\n" | configure' default_config
	broken "a policy of no jail" "^.alcie.conf. in .*jails.d/ is no jail's; " 'override alcie </dev/null' default_config
	broken "one whose name ends otherwise" "^.alice.config. in " \
		': >"$CONFIG/jails.d/alice.config"' 'rm "$CONFIG/jails.d/alice.config"'
	broken "a shell that is not in the image" 'find the shell ./bin/nosuch.: .*; ' \
		'printf "[environment]\nshell = /bin/nosuch\n" | configure' default_config
	broken "for one jail" 'find the shell ./bin/nosuch.: .*; ' \
		'printf "[environment]\nshell = /bin/nosuch\n" | override alice' default_config
	broken "a line that is none" "trampoline.conf:2" \
		'printf "[limits]\nnonsense\n" | configure' default_config
	broken "an unknown key" "trampoline.conf:2.*Cpus.*is cpus of .confinement. meant" \
		'printf "[limits]\nCpus = 3\n" | configure' default_config
	broken "a value out of range" "trampoline.conf:2" \
		'printf "[limits]\nprocesses = -5\n" | configure' default_config
	broken "a caller that nobody knows" "trampoline.conf:2.*nobody-here.*there is no such user" \
		'printf "[trampoline]\ncallers = nobody-here\n" | configure' default_config
	broken "a bad line in an override" "alice.conf:2" \
		'printf "[limits]\nnonsense\n" | override alice' default_config
	broken "anybody can write to the configuration" "trampoline.conf" \
		'chmod 666 "$CONFIG/trampoline.conf"' 'chmod 644 "$CONFIG/trampoline.conf"'
	broken "it belongs to somebody else" "trampoline.conf" \
		'chown $A "$CONFIG/trampoline.conf"' 'chown root "$CONFIG/trampoline.conf"'
	broken "anybody can write to its directory" "$CONFIG" 'chmod 777 "$CONFIG"' 'chmod 755 "$CONFIG"'
	broken "or to a parent" "${T_SYSCONFDIR}" 'chmod 777 "$T_SYSCONFDIR"' 'chmod 755 "$T_SYSCONFDIR"'

	# --- the image ---
	broken "the image is missing" "images/default" \
		'mv "$IMAGES/default" "$IMAGES/away"' 'mv "$IMAGES/away" "$IMAGES/default"'
	broken "no version is current" "images/default/current\": no version is current; .*trampoline-image activate" \
		'move current current.away' 'move current.away current'
	broken "current is a directory" "images/default/current\": it is no symbolic link; .*trampoline-image activate" \
		'move current current.away; mkdir "$IMAGES/default/current"' \
		'rmdir "$IMAGES/default/current"; move current.away current'
	broken "current names nothing" "nowhere" \
		'move current current.away; ln -s nowhere "$IMAGES/default/current"' \
		'rm "$IMAGES/default/current"; move current.away current'
	broken "current leads elsewhere" "current" \
		'move current current.away; ln -s /etc "$IMAGES/default/current"' \
		'rm "$IMAGES/default/current"; move current.away current'
	broken "anybody can write to the image" "$CURRENT" \
		'chmod o+w "$IMAGES/default/$CURRENT"' 'chmod o-w "$IMAGES/default/$CURRENT"'
	broken "an override asks for an image that is not there" "images/other" \
		'printf "[trampoline]\nimage = other\n" | override alice' default_config

	# --- the data ---
	broken "a home that is root's" "home/carol" \
		'make_user carol $C; chown root: "$DATA/carol/home/carol"' 'remove_user carol'
	broken "a tmp that is another's" "carol/tmp" \
		'make_user carol $C; chown $A "$DATA/carol/tmp"' 'remove_user carol'
	broken "no tmp" "carol/tmp" \
		'make_user carol $C; rmdir "$DATA/carol/tmp"' 'remove_user carol'
	broken "a home that is a link" "home/carol" \
		'make_user carol $C; rmdir "$DATA/carol/home/carol"; ln -s /etc "$DATA/carol/home/carol"' 'remove_user carol'
	broken "a user's directory that is his own" "data/carol" \
		'make_user carol $C; chown $C "$DATA/carol"' 'remove_user carol'
	broken "two with one uid" "uid $A.*(alice and carol|carol and alice)|(alice and carol|carol and alice).*uid $A" \
		'make_user carol $A' 'remove_user carol'
	broken "a name that is none" "[+]UPPER" 'mkdir "$DATA/+UPPER"' 'rmdir "$DATA/+UPPER"'
	broken "a name with an escape sequence, which does not reach the terminal" '\\x1b|\\033|\\e|\\u001b' \
		'mkdir "$DATA/$(printf "a\033[31m")"' 'rmdir "$DATA/$(printf "a\033[31m")"'
	broken "anybody can write to a parent of the data" "$T_STATEDIR" \
		'chmod 777 "$T_STATEDIR"' 'chmod 711 "$T_STATEDIR"'

	broken "a home on a file system of its own" "alice/home/alice.*; mount that file system one level higher" \
		'mount -t tmpfs -o "mode=700,uid=$A,gid=$A" none "$ALICE"' 'umount "$ALICE"'

	broken "the data's file system is full" '^cannot use .*/data.: its file system is full; ' \
		'mount -t tmpfs -o size=4k,mode=755 none "$DATA"; head -c 4096 /dev/zero >"$DATA/.full"' 'umount "$DATA"'
	broken "it has no inode left" '/data.: its file system has no inode left; ' \
		'mount -t tmpfs -o nr_inodes=1,mode=755 none "$DATA"' 'umount "$DATA"'
	broken "it is mounted read-only" '/data.: its file system is mounted read-only; ' \
		'mount --bind "$DATA" "$DATA"; mount -o remount,bind,ro "$DATA"' 'umount "$DATA"'
	broken "it is mounted noexec" '/data.: its file system is mounted noexec' \
		'mount --bind "$DATA" "$DATA"; mount -o remount,bind,noexec "$DATA"' 'umount "$DATA"'
	broken "one user's file system is full" 'data/carol/home.: its file system is full; ' \
		'make_user carol $C; cp -a "$DATA/carol" "$T_WORK"; mount -t tmpfs -o size=256k,mode=755 none "$DATA/carol"
			cp -a "$T_WORK/carol/." "$DATA/carol"; head -c 1M /dev/zero >"$DATA/carol/full" 2>/dev/null || :' \
		'umount "$DATA/carol"; rm -r "$T_WORK/carol"; remove_user carol'

	# --- the state and the kernel ---
	if [ -d "${T_CGROUP%/*}" ] && [ ! -d "$T_CGROUP" ]; then
		broken "others may search the cgroup" "^others may search the cgroup $T_MARK; " \
			'mkdir -m 755 "$T_CGROUP"' 'rmdir "$T_CGROUP"'
	else
		skip "others may search the cgroup" "no cgroup2 is mounted"
	fi
	broken "RUNDIR with another mode" "$T_RUNDIR" 'chmod 755 "$T_RUNDIR"' 'chmod 700 "$T_RUNDIR"'
	broken "RUNDIR of somebody else" "$T_RUNDIR" 'chown $A "$T_RUNDIR"' 'chown root "$T_RUNDIR"'
}

# The kernel's limits, as another machine would show them: reading the file gives "7\n".
for name in fs.mount-max user.max_mnt_namespaces user.max_ipc_namespaces user.max_net_namespaces; do
	status 1 "$name is low" strace -f -qq -o "$T_WORK/trace" -P "/proc/sys/$(echo "$name" | tr . /)" -e trace=read \
		-e inject=read:retval=2:poke_exit=@arg2=370a "$KEEPER" --check
	like "it is named, with a cure" "$(cat "$OUT")" "^$name is 7, .*; sysctl -w $name=[0-9]+"
done
status 1 "fs.suid_dumpable is 1" strace -f -qq -o "$T_WORK/trace" -P /proc/sys/fs/suid_dumpable -e trace=read \
	-e inject=read:retval=2:poke_exit=@arg2=310a "$KEEPER" --check
like "it is a finding" "$(cat "$OUT")" "^fs.suid_dumpable is 1, .*; sysctl -w fs.suid_dumpable=0"
status 1 "in a private mount namespace" unshare -m --propagation private "$KEEPER" --check
like "that is a finding" "$(cat "$OUT")" "mount namespace; "
# Then it cannot run the keeper for anybody, but the keeper can be asked.
chown "$A" "$T"
chmod 4754 "$T"
status 125 "the launcher belongs to somebody else: it says so" "$T" --check
like "with the cause" "$(cat "$ERR")" 'not setuid root'
status 1 "and the keeper finds it" "$KEEPER" --check
chown root "$T"
chmod 4754 "$T"
like "with its cure" "$(cat "$OUT")" "bin/trampoline is not a file of root's with mode 4754; "
status 1 "a jail that does not exist is a finding" "$T" --check nobody-here
like "with its cure" "$(cat "$OUT")" 'nobody-here.*; '
make_user carol $C
chown root: "$DATA/carol/home/carol"
is "--check of one jail looks at that one" "$("$T" --check alice)" "No findings."
status 1 "and finds what is its own" "$T" --check carol
remove_user carol
before=$(find "$T_RUNDIR" "$CONFIG" "$DATA" -xdev -printf '%p %i %m %U %T@\n' | sort)
"$T" --check >/dev/null
is "it changes nothing" "$(find "$T_RUNDIR" "$CONFIG" "$DATA" -xdev -printf '%p %i %m %U %T@\n' | sort)" "$before"
# Without users there is still an image to be checked.
mv "$DATA" "$DATA.away"
mkdir -m 755 "$DATA"
mv "$IMAGES/default" "$IMAGES/away"
got=0
"$T" --check >"$OUT" 2>&1 || got=$?
mv "$IMAGES/away" "$IMAGES/default"
rmdir "$DATA"
mv "$DATA.away" "$DATA"
is "a missing image is found before there is any user" "$got $(grep -c images/default "$OUT")" "1 1"
# And one fault is one line, however many users it hits.
for i in 1 2 3 4 5 6 7 8; do make_user "u$i" $((A + 20000000 + i)); done
mv "$IMAGES/default" "$IMAGES/away"
"$T" --check >"$OUT" 2>&1 || :
mv "$IMAGES/away" "$IMAGES/default"
is "and once, however many users it hits" "$(grep -c images/default "$OUT")" 1

for i in 1 2 3 4 5 6 7 8; do printf '[trampoline]\nimage = other\n' | override "u$i"; done
status 1 "a fault that is of several policies" "$T" --check
is "is said once, too" "$(grep -c images/other "$OUT") $(wc -l <"$OUT")" "1 1"
default_config
for i in 1 2 3 4 5 6 7 8; do remove_user "u$i"; done
printf '[confinement]\nnoexec = yes\n' | configure
mount --bind "$DATA" "$DATA"
mount -o remount,bind,noexec "$DATA"
is "a noexec mount that the policy wants is no fault" "$("$T" --check)" "No findings."
umount "$DATA"
default_config
mv "$timer" "$T_WORK"
cp "$cron" "$T_WORK/cron"
echo "*/5 * * * * root $T --cleanup" >"$cron"
is "one line of cron's is enough" "$("$T" --check)" "No findings."
mv "$T_WORK/cron" "$cron"
mv "$T_WORK/${timer##*/}" "$timer"

# --- --explain -------------------------------------------------------------------------------------

printf '# one\n[limits]\ncpu = 5s\n\n[environment]\numask = 077\n' | configure
printf '[limits]\nmemory = 64M\ncpu = 7s\n[confinement]\nnetwork = host\n' | override alice
"$T" --explain alice >"$OUT"
like "a key of trampoline.conf, with its line" "$(cat "$OUT")" "umask +077 +$CONFIG/trampoline.conf:6\$"
like "a key of an override, with its line" "$(cat "$OUT")" "memory +64M +$CONFIG/jails.d/alice.conf:2\$"
like "a key of both: the override's" "$(cat "$OUT")" "cpu +7s +$CONFIG/jails.d/alice.conf:3\$"
like "another section" "$(cat "$OUT")" "network +host +$CONFIG/jails.d/alice.conf:5\$"
like "what nobody set" "$(cat "$OUT")" 'processes +256 +built in$'
like "whose it is" "$(cat "$OUT")" "uid $A, gid $A"
like "what is mounted" "$(cat "$OUT")" "/ +ro,nosuid,nodev +$IMAGES/default/$CURRENT"
"$T" --explain bob >"$OUT"
is "for bob the override does not count" "$(grep -c alice.conf "$OUT" || :)" 0
"$T" --explain --limit cpu=1s -C /tmp alice sh -c 'echo "x y"' >"$OUT"
like "what the command line asks for" "$(cat "$OUT")" '^limits +cpu +1s +--limit$'
like "the directory" "$(cat "$OUT")" '/tmp.* +--chdir'

# row SECTION KEY [OPTION...]: all that is said of it for a run with these options, single-spaced.
row() {
	local section=$1 key=$2
	shift 2
	"$T" --explain "$@" alice | tr -s ' ' | sed -n "s/^$section $key //p"
}
conf=$CONFIG/trampoline.conf
is "a limit lowered is one row, with its unit" "$(row limits cpu -l cpu=2s)" "2s --limit"
is "a size too" "$(row limits memory -l memory=32M)" "32M --limit"
is "by its other name as well" "$(row limits memory -l data=96K)" "96K --limit"
is "a count" "$(row limits processes -l processes=2048)" "2048 --limit, which only root may raise above 256, built in"
is "a limit raised: only root may" "$(row limits cpu -l cpu=1m)" \
	"1m --limit, which only root may raise above 7s, $CONFIG/jails.d/alice.conf:3"
is "lifted too" "$(row limits core -l core=unlimited)" "unlimited --limit, which only root may raise above 0, built in"
is "of several the last counts" "$(row limits cpu -l cpu=2s -l cpu=3s)" "3s --limit"
is "a plain run is not supervised" "$(row run supervised)" "no nothing asks for it"
is "nor private" "$(row run private)" "no nothing asks for it"
is "-p: supervised" "$(row run supervised -p)" "yes --private"
is "and private" "$(row run private -p)" "yes --private"
is "whatever the policy says" "$(row confinement processes -p)" "shared built in"
is "--status-fd: supervised" "$(row run supervised --status-fd=3 3>/dev/null)" "yes --status-fd"
is "but not private" "$(row run private --status-fd=3 3>/dev/null)" "no nothing asks for it"
is "-t: a time-out" "$(row limits timeout -t 1.5s)" "1.5s --timeout"
is "a long one" "$(row limits timeout -t 1000h)" "3600000s --timeout"
is "supervised" "$(row run supervised -t 10s)" "yes --timeout"
is "and private" "$(row run private -t 10s)" "yes --timeout"
is "with time between the signals" "$(row limits kill_after -t 10s)" "2s built in"
is "less of it as asked for" "$(row limits kill_after -t 10s --kill-after=1s)" "1s --kill-after"
is "more of it for root" "$(row limits kill_after -t 10s --kill-after=5s)" "5s --kill-after, which only root may have above the policy's"
is "where it starts" "$(row run directory)" "/home/alice built in"
printf '[limits]\ntimeout = 20s\n' | configure
is "the policy's time-out" "$(row limits timeout)" "20s $conf:2"
is "a shorter one" "$(row limits timeout -t 5s)" "5s --timeout"
is "a longer one changes nothing" "$(row limits timeout -t 1m)" "20s $conf:2; --timeout is not shorter and changes nothing"
is "it makes a run private" "$(row run private)" "yes timeout of [limits]"
printf '[confinement]\nprocesses = private\n' | override alice
is "the policy may do so itself" "$(row confinement processes)" "private $CONFIG/jails.d/alice.conf:2"
is "all that makes a run supervised is named" "$(row run supervised -p --status-fd=3 3>/dev/null)" \
	"yes --private, --status-fd, timeout of [limits], processes of [confinement]"
is "all that makes it private too" "$(row run private -p --status-fd=3 3>/dev/null)" \
	"yes --private, timeout of [limits], processes of [confinement]"
ok "all options together are explained" "$T" --explain -l cpu=1s -t 5s -p --cgi -d alice
is "no key has two rows" "$(awk '/^(limits|confinement|run)/ { print $1, $2 }' "$OUT" | sort | uniq -d)" ""
"$T" --explain -C "$(printf '/\033[31m')" alice >"$OUT" 2>"$ERR" || :
is "an escape sequence does not reach the terminal" \
	"$(cat "$OUT" "$ERR" | tr -d '[:print:]\n\t' | wc -c) $(($(cat "$OUT" "$ERR" | wc -l) > 0))" "0 1"
refused 125 nobody-here "a jail that does not exist" "$T" --explain nobody-here
printf '[limits]\nnonsense\n' | override alice
status 125 "a policy that is refused" "$T" --explain alice
like "is refused with its place" "$(cat "$ERR")" 'alice.conf:2'
default_config
retire alice
before=$(traces; hub_mounts)
"$T" --explain alice >/dev/null
is "it builds nothing" "$(traces; hub_mounts)" "$before"
