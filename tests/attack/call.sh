#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The call itself, rows A1 to A14: argument vector, names, options, identity, missing privilege.
. "$(dirname "$0")/lib.sh"

log=
cleanup() {
	local pid user
	if [ -n "$log" ]; then
		kill "$log" 2>/dev/null || :
		rm -f /dev/log
	fi
	for pid in $(jail_processes); do kill -KILL "$pid" 2>/dev/null || :; done
	default_config
	chmod 755 "$CONFIG" "$T_SYSCONFDIR"
	chown "$A:$A" "$ALICE"
	rm -f "${CLEANUPS[@]}" "$T_PREFIX/bin/second"
	if findmnt -n "$T_WORK/nosuid" >/dev/null; then umount "$T_WORK/nosuid"; fi
	for user in alic alice-evil; do [ ! -d "$DATA/$user" ] || remove_user "$user"; done
	rm -rf --one-file-system "$IMAGES/evil"
	in_jail alice true
	in_jail bob true
}

# --- A1: no argument vector ----------------------------------------------------------------------

before=$(traces)
for habit in none empty; do
	got=0
	bounded as_www_caller argv=$habit -- "$T" alice id >"$OUT" 2>"$ERR" </dev/null || got=$?
	is "A1: argv $habit ends at once, with nothing said" "$got $(cat "$OUT" "$ERR")" "125 "
done
is "A1: and nothing made" "$(traces)" "$before"

# --- A2: what reaches terminals and logs ---------------------------------------------------------

evil=$(printf 'alice\nNov 22 sshd: Accepted root\033[2J')
with_log "$SETPRIV" --reuid=33 --regid=33 --clear-groups "$T" "$evil" true
is "A2: one record for one refusal" "$(wc -l <"$T_WORK/log")" 1
like "A2: of authpriv, by a fixed name, with the caller's uid, escaped" "$(cat "$T_WORK/log")" \
	'^<85>trampoline\[[0-9]+\]: uid 33: cannot .*alice\\(x|u00)0aNov 22 sshd: Accepted root\\(x|u00)1b\[2J'
with_log "$SETPRIV" --reuid=33 --regid=33 --clear-groups "$T" "$(head -c 100000 /dev/zero | tr '\0' a)"
is "A2: a very long name is one short record" "$(wc -l <"$T_WORK/log") $(($(wc -c <"$T_WORK/log") < 600))" "1 1"
with_log bash -c 'exec -a "$1" "$SETPRIV" --reuid=33 --regid=33 --clear-groups bash -c "exec -a \"\$0\" \"\$T\" ../x" "$1"' \
	bash "$(printf 'evil\033[2J\n<85>sshd')"
is "A2: an odd argv[0] has one record" "$(wc -l <"$T_WORK/log")" 1
unlike "A2: argv[0] is never repeated" "$(cat "$T_WORK/log")" 'evil|sshd'
got=$(as_www bash -c 'exec -a "$1" "$T" "$2" true' bash $'evil\033]0;x\a' "$evil" 2>&1 </dev/null) || :
is "A2: nor on the terminal, which sees one line of plain text" \
	"$([ -n "$got" ] && echo said) $(printf '%s\n' "$got" | wc -l) $(printf %s "$got" | tr -d '[:print:]' | wc -c) $(grep -c evil <<<"$got" || :)" "said 1 0 0"

# What the policy says of the log is known only where the hub is, so here it is the machine's own; one suite at a
# time has it.
exec 8</dev
flock -w "$DEADLINE" 8
if [ -e /dev/log ]; then
	skip "A2: runs in the log" "this machine has a log of its own"
else
	# logged POLICY WANTED ARGUMENT...: what the log hears of this launcher, one line for each record
	logged() {
		local wanted=$2 policy=$1 launcher
		shift 2
		printf '[trampoline]\nlog = %s\n' "$policy" | override alice
		in_jail alice true
		rm -f "$T_WORK/policy.log"
		"$T_TOOLS/devlog" /dev/log "$T_WORK/policy.log" >/dev/null 2>&1 &
		log=$!
		wait_for test -S /dev/log
		(become_www "$T" "$@") >/dev/null 2>&1 </dev/null & # no files, which are a supervised run
		launcher=$!
		wait "$launcher" || :
		stop "$log" # which writes what it has been sent before it ends
		log=
		rm -f /dev/log
		is "A2: log = $policy: $(printf '%q ' "$@")" \
			"$(grep -aF "trampoline[$launcher]: " "$T_WORK/policy.log" | sed -E 's/.*: uid/uid/; s/, [0-9]+\.[0-9]{3} s$/, N s/')" "$wanted"
	}
	raised='uid 33: cannot raise limit "cpu=99h": only root may; a caller can lower them'
	for policy in refusals runs; do
		logged $policy "$raised" -l cpu=99h alice true
	done
	logged none "" -l cpu=99h alice true
	logged runs 'uid 33: enters jail alice, runs "true"' alice true
	logged runs 'uid 33: enters jail alice, runs "x\u001b[2J"' alice $'x\e[2J'
	logged refusals "" alice true
	# A supervised run has its end as well.
	entered='uid 33: enters jail alice, runs' left='uid 33: leaves jail alice, status'
	logged runs "$entered \"sh\"
$left 3, exited, N s" -p alice sh -c 'exit 3'
	logged runs "$entered \"sh\"
$left 137, signal, N s" -p alice sh -c 'kill -KILL $$'
	logged runs "$entered \"sleep\"
$left 124, timeout, N s" -t 0.1s alice sleep 1000
	logged runs "$entered \"sh\"
$left 124, limit output, N s" -l output=10 alice sh -c 'echo more than ten bytes; exec sleep 1000'
	logged runs "$entered \"nosuch\"
$left 127, exited, N s" -p alice nosuch
	logged refusals "" -p alice true
	# shellcheck disable=SC2016
	for options in "" -p -d "-t 20s"; do
		# shellcheck disable=SC2086 # no option, or one
		logged runs "$entered \"sh\"$([ -z "${options#-d}" ] || printf '\n%s' "$left 0, exited, N s")" $options alice \
			sh -c 'for fd in /proc/self/fd/*; do readlink $fd; done >seen; chmod 644 seen; exit 0'
		unlike "A2: log = runs: the command has no way to the log ($options)" "$(cat "$ALICE/seen")" socket
		rm "$ALICE/seen"
	done
	rm -f "$CONFIG/jails.d/alice.conf"
	in_jail alice true
fi
exec 8<&-

# --- A3: names -----------------------------------------------------------------------------------

before=$(traces) wrong=
names=('' . .. ../bob a/b -h- -1 0 00 +5 ' 20001' 20001x 0x4e21 4294967295 4294967296 4294987297 65535 65534
	20001 Alice 'alice ' $'alice\n' $'\talice' 'alice/' './alice' '../data/alice' 'alice/../bob' '~alice' 'alice*' 'álice'
	'-alice' '.alice' 'jails' 'hub' "$(head -c 300 /dev/zero | tr '\0' a)" "$(head -c 33 /dev/zero | tr '\0' a)" root www-data)
for name in "${names[@]}"; do
	got=0
	as_www "$T" -- "$name" id >"$OUT" 2>"$ERR" </dev/null || got=$?
	[ "$got $(wc -c <"$OUT") $(wc -l <"$ERR")" = "125 0 1" ] || wrong+=" $(printf %q "$name"): $got"
done
is "A3: ${#names[@]} names that are none: one status, one sentence each" "$wrong" ""
is "A3: and nothing made" "$(traces)" "$before"

# --- A4: paths of the caller's -------------------------------------------------------------------

before=$(traces) wrong=
for option in --image=/etc --base=/ --data=/etc --state=/tmp --rundir=/tmp --config=/tmp/x --root=/ --prefix=/ -r/ -b/ -c/tmp/x; do
	got=0
	as_www "$T" "$option" alice id >"$OUT" 2>"$ERR" </dev/null || got=$?
	[ "$got $(wc -c <"$OUT")" = "125 0" ] || wrong+=" $option: $got"
done
is "A4: no option names a path of the host's" "$wrong$(diff <(echo "$before") <(traces) || :)" ""
variables=()
for name in IMAGE IMAGES BASE DATA STATE STATEDIR RUNDIR RUN CONFIG SYSCONFDIR PREFIX ROOT KEEPER LIBEXEC; do
	variables+=("TRAMPOLINE_$name=/tmp/evil" "$name=/tmp/evil")
done
retire alice
is "A4: no variable does" "$(as_www env "${variables[@]}" "$T" alice sh -c 'id -u; ls /home')" "$A"$'\nalice'
for what in "$CONFIG/trampoline.conf" "$CONFIG" "$T_SYSCONFDIR"; do
	for change in g+w o+w; do
		retire alice
		mode=$(stat -c %a "$what")
		chmod "$change" "$what"
		refuses "A4: chmod $change ${what#"$T_SYSCONFDIR"}: refused" "${what##*/}" as_www "$T" alice id
		chmod "$mode" "$what"
	done
done
ok "A4: put right, it works" in_jail alice true

# --- A5: prefixes --------------------------------------------------------------------------------

make_user alic 20011
make_user alice-evil 20012
is "A5: alic is not alice" "$(in_jail alic sh -c 'id -u; ls /home; pwd')" $'20011\nalic\n/home/alic'
is "A5: nor is alice-evil" "$(in_jail alice-evil sh -c 'id -u; ls /home; pwd')" $'20012\nalice-evil\n/home/alice-evil'
is "A5: dots end at the jail's root" "$(as_www "$T" -C /home/alice/../../../../.. alice sh -c 'pwd; ls -d home')" $'/\nhome'
refuses "A5: another's home is not below one's own" /home/alic as_www "$T" -C /home/alice/../alic alice id

# --- A6: options behind the command --------------------------------------------------------------

for env in -u POSIXLY_CORRECT=1; do
	[ "$env" = -u ] && words=(-u POSIXLY_CORRECT) || words=("$env")
	is "A6: what follows the command is the command's (${words[*]})" \
		"$(as_www env "${words[@]}" "$T" alice /bin/echo -d -u --help --chdir=/nosuch -- --list x)" \
		"-d -u --help --chdir=/nosuch -- --list x"
done
is "A6: -- ends the options, and a second may stand before the command" \
	"$(as_www "$T" -- alice -- echo -- -C)" "-- -C"
status 127 "A6: a command that looks like an option is a command" as_www "$T" alice --list

# --- A7: whose data ------------------------------------------------------------------------------

for owner in "$B:$B" 33:33 0:0 99:99 "$A:0" "$A:42" 65534:65534; do
	chown "$owner" "$ALICE"
	refuses "A7: a home of $owner" "/data/alice/" as_www "$T" alice id
done
chown "$A:$A" "$ALICE"
ok "A7: put right, it works" in_jail alice true

# --- A8: libraries of the jail's -----------------------------------------------------------------

mkdir "$IMAGES/evil"
cp -a "$IMAGES/default/current/." "$IMAGES/evil/v1"
ln -s v1 "$IMAGES/evil/current"
cat >"$T_WORK/evil.c" <<-'END'
	#include <fcntl.h>
	__attribute__((constructor)) static void evil(void) { open("/tmp/pwned", O_CREAT | O_WRONLY, 0666); }
	int _nss_evil_getpwnam_r(void) { evil(); return -1; }
END
${CC:-cc} -shared -fPIC -w -o "$T_WORK/evil.so" "$T_WORK/evil.c"
for directory in "$IMAGES/evil/v1" "$ALICE"; do
	mkdir -p "$directory/etc" "$directory/lib/x86_64-linux-gnu" "$directory/usr/lib/locale" "$directory/usr/lib/x86_64-linux-gnu/gconv" "$directory/lib64"
	echo 'passwd: evil' >"$directory/etc/nsswitch.conf"
	for place in lib lib64 lib/x86_64-linux-gnu usr/lib usr/lib/x86_64-linux-gnu usr/lib/x86_64-linux-gnu/gconv; do
		for name in libnss_evil.so.2 libnss_files.so.2 libc.so.6 libmount.so.1 libcap.so.2 libseccomp.so.2; do
			cp "$T_WORK/evil.so" "$directory/$place/$name"
		done
	done
	echo /home/alice/lib >"$directory/etc/ld.so.conf"
	echo "/lib/libnss_evil.so.2" >"$directory/etc/ld.so.preload"
done
printf '[trampoline]\nimage = evil\n' | override alice
retire alice
rm -f /tmp/pwned
strace -f -qq -o "$T_WORK/trace" -e trace=open,openat,openat2,execve,setns,pivot_root,setresuid \
	"$T" alice true >"$OUT" 2>"$ERR" </dev/null || :
is "A8: no library of the image's was loaded by root, cold" "$(find /tmp/pwned "$DATA/alice/tmp/pwned" 2>/dev/null | wc -l)" 0
ok "A8: the build was traced" grep -q pivot_root "$T_WORK/trace"
# What the keeper opens once the jail is its root, and the launcher once it has entered.
is "A8: behind pivot_root the keeper opens no library, locale, conversion or name service" "$(awk '
	/pivot_root/ { keeper = $1 } keeper == $1 && /open/' "$T_WORK/trace" | grep -cE 'nss|\.so|locale|gconv|/etc/' || :)" 0
# The keeper has looked into the hub by then, and is back on the host.
is "A8: nor does the launcher behind setns" "$(awk -v a="$A" '
	NR == 1 { pid = $1 } pid != $1 { next }
	/setns\(/ { seen = 1 } index($0, "setresuid(" a) { seen = 0 } seen && /open/' "$T_WORK/trace" |
	grep -cE 'nss|\.so|locale|gconv|/etc/' || :)" 0
in_jail alice true || :
is "A8: and none on a warm entry" "$(find /tmp/pwned "$DATA/alice/tmp/pwned" 2>/dev/null | wc -l)" 0
rm -rf --one-file-system "${ALICE:?}"/{etc,lib,lib64,usr}
default_config
rm -f "$DATA/alice/tmp/pwned"
ok "A8: with the old image again" in_jail alice true

# --- A9: a second name ---------------------------------------------------------------------------

# By design it is harmless: paths and checks are compiled in, nothing is looked up relative to the name.
ln "$T" "$T_PREFIX/bin/second"
is "A9: by another name it is the same program" "$(as_www "$T_PREFIX/bin/second" alice id -u)" "$A"
refuses "A9: with the same callers" alice setpriv --reuid=65533 --regid=33 --clear-groups "$T_PREFIX/bin/second" alice id
rm "$T_PREFIX/bin/second"
if [ "$(cat /proc/sys/fs/protected_hardlinks)" = 1 ]; then
	not_ok "A9: a caller cannot keep an old version by a link of its own" as_www ln "$T" "/var/tmp/$T_MARK"
else
	skip "A9: a caller cannot keep an old version by a link of its own" "fs.protected_hardlinks is 0 here"
fi
rm -f "/var/tmp/$T_MARK"

# --- A10: no privilege at all --------------------------------------------------------------------

mkdir "$T_WORK/nosuid"
mount -t tmpfs -o nosuid,mode=755 none "$T_WORK/nosuid"
install -o root -g www-data -m 4754 "$T" "$T_WORK/nosuid/t"
install -o root -g www-data -m 0754 "$T" "$T_WORK/no-bit"
refuses "A10: no_new_privs" "no_new_privs" setpriv --no-new-privs --reuid=33 --regid=33 --clear-groups "$T" alice id
refuses "A10: a nosuid mount" nosuid as_www "$T_WORK/nosuid/t" alice id
refuses "A10: the bit is lost" setuid as_www "$T_WORK/no-bit" alice id
refuses "A10: traced from the start" setuid as_www_hostile traced -- "$T" alice id
refuses "A10: root and directory shared with another process" setuid as_www_hostile share-fs -- "$T" alice id
umount "$T_WORK/nosuid"

# --- A11: root of a user namespace ---------------------------------------------------------------

if as_www unshare -Ur true 2>/dev/null; then
	retire alice
	in_jail alice true
	live=$(pin_inode alice)
	for options in -Ur -Urm -Urmp -Urn; do
		[ $options = -Urmp ] && more=(--fork) || more=()
		refuses "A11: unshare $options, an entry" "user namespace|setuid" as_www unshare $options "${more[@]}" "$T" alice id
		refuses "A11: unshare $options, a cleanup" "user namespace|setuid" as_www unshare $options "${more[@]}" "$T" --cleanup
		refuses "A11: unshare $options, a discard" "user namespace|setuid" as_www unshare $options "${more[@]}" "$T" --discard alice
	done
	# shellcheck disable=SC2016
	refuses "A11: one that has its own /proc" "user namespace" as_www unshare -Urm bash -c '
		mount -t tmpfs none /proc && mkdir -p /proc/self/ns && : >/proc/self/ns/user || exit 99
		exec "$T" --discard alice'
	is "A11: the jail is the same" "$(pin_inode alice)" "$live"
else
	skip "A11: root of a user namespace" "this kernel gives www-data none"
fi
# "In a container without CAP_SYS_ADMIN" is A12 with cap_sys_admin.

# --- A12: a reduced bounding set -----------------------------------------------------------------

for cap in 7 6 8 21 18; do # setuid setgid setpcap sys_admin sys_chroot
	refuses "A12: without $(capsh --decode="$(printf %x $((1 << cap)))" | sed 's/.*=//')" \
		"capability is missing" hostile without=$cap www -- "$T" alice id -u
done
wrong='' number=0
for cap in $(seq 0 40); do
	number=$((number + 1))
	for state in warm cold; do
		[ $state = warm ] || retire alice
		got=0
		hostile without="$cap" www -- "$T" alice id -u >"$OUT" 2>"$ERR" </dev/null || got=$?
		case "$got $(cat "$OUT")" in "0 $A" | "125 ") ;; *) wrong+=" $cap, $state: $got $(cat "$OUT" "$ERR")" ;; esac
		if [ "$got" -eq 0 ] && [ "$(jail_mounts alice | wc -l)" -ne $MOUNTS ]; then wrong+=" $cap: half a jail"; fi
	done
done
is "A12: without any one of $number capabilities it is alice who runs, or nobody" "$wrong" ""
ok "A12: and the jail is whole" in_jail alice true

# --- A14: securebits and capabilities of a root caller -------------------------------------------

# securebits(7): NOROOT 1, NO_SETUID_FIXUP 4, KEEP_CAPS 16, NO_CAP_AMBIENT_RAISE 64; each with its lock.
for bits in 0 1 4 16 64 3 12 15 0x55 0xc0; do
	got=$(hostile ambient securebits=$bits -- "$T" alice \
		probe uid groups capabilities no_new_privs securebits 2>"$ERR" | xargs) || :
	like "A14: securebits $bits, all inheritable and ambient: nothing left, or refused" "$got$(cat "$ERR")" \
		"^(uid: $A $A $A $A groups: $A capabilities: 0 0 0 0 no_new_privs: 1 securebits: 0|trampoline: cannot .*)\$"
done
