#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One test or more for each bug of our ancestor, IVLE's trampoline, timount and makeuser (2007-2010),
# that this design could in principle have. The numbers are those of our list of its bugs.
# Two have nothing here to test:
#   6   its length check was an assert, gone with NDEBUG: our sources use none; long paths are under 5
#   30  a macro defined in one configuration and used in another: what can be tested is that the second
#       configuration of ours builds and runs, which is done below
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cleanup() {
	local pid
	for pid in $(jail_processes); do kill -KILL "$pid" || :; done
	default_config
	for user in alic alice-evil ida _under; do
		[ ! -e "$DATA/$user" ] || remove_user "$user"
	done
	rm -f "$ALICE"/{up,daemon,where,early,suid,device,host-etc} "$DATA/alice/tmp/suid"
	rm -rf --one-file-system "$ALICE/deep" "$ALICE/closed"
	[ ! -e "$T_WORK/glibc" ] || rm -rf --one-file-system "$T_WORK/glibc"
	in_jail alice true
	in_jail bob true
}

run() { as_www "$T" "$@"; }

# Their uids, and a gid that is no user's: of this installation's own, as processes are counted for the whole machine.
alic_uid=$((A + 2)) evil_uid=$((A + 3)) ida_uid=$((A + 4)) other_gid=$((A + 5)) under_uid=$((A + 6))

# --- 1 to 4: paths from the caller ---------------------------------------------------------------

for option in --base=/ --image=/ --data=/ --root=/ --jail=/etc --config=/etc/passwd --statedir=/ --rundir=/ \
	--uid=0 --user=root -u -b; do
	refused 125 "${option%%=*}" "1: no option names a path or an identity: $option" run "$option" alice id
done
is "1: no variable does either" "$(as_www env TRAMPOLINE_IMAGE=/ TRAMPOLINE_CONFIG=/etc TRAMPOLINE_STATEDIR=/ \
	STATEDIR=/ RUNDIR=/tmp SYSCONFDIR=/tmp PREFIX=/tmp "$T" alice sh -c 'id -u; ls -d /bin')" "$A"$'\n/bin'
refused 125 20001 "1: its own command line" run 20001 /base /data /jail /home id
printf '[trampoline]\nimage =\n' | configure
refused 125 trampoline.conf:2 "2: an empty root in the configuration" run alice id
printf '[trampoline]\nimage = /\n' | configure
refused 125 trampoline.conf:2 "2: / as a root in the configuration" run alice id
default_config
make_user alic $alic_uid
make_user alice-evil $evil_uid
echo alic >"$DATA/alic/home/alic/marker"
echo evil >"$DATA/alice-evil/home/alice-evil/marker"
chmod 644 "$DATA"/alic*/home/*/marker
is "3: a name that is another's beginning is another jail" "$(run alic sh -c 'id -u; cat marker; ls /home')" $alic_uid$'\nalic\nalic'
is "3: and one that another begins" "$(run alice-evil sh -c 'id -u; cat marker; ls /home')" $evil_uid$'\nevil\nalice-evil'
for name in .. alice/.. alice/../bob ./alice alice/ alice/. jails/..; do
	refused 125 "$name" "4: dots in a name: $name" run "$name" id
done
is "4: dots at the end of a directory stay inside" "$(run -C /home/alice/.. alice pwd; run -C /.. alice pwd;
	run -C /home/alice/. alice pwd)" $'/home\n/\n/home/alice'

# --- 5 to 8: long, deep, few ---------------------------------------------------------------------

deep=$(printf '/a%.0s' {1..2000})
refused 125 /a/a/a "5: a directory of 2,000 components" run -C "$deep" alice id
refused 125 /a/a/a "5: one of 100,000 bytes" run -C "$(printf '/a%.0s' {1..50000})" alice id
refused 127 /a/a/a "5: a command of 2,000 components" run alice "$deep"
for length in 31 32 33 64 65 255 256 4095 4096 4097 100000; do
	name=$(head -c "$length" /dev/zero | tr '\0' b)
	refused 125 bbbb "5: a name of $length bytes" run "$name" id
done
rm -rf --one-file-system "$ALICE/deep"
for target in /etc ../../../etc; do
	ln -sfn $target "$ALICE/host-etc"
	is "7: a link to $target leads to the jail's, not to the host's" "$(run alice ls -A host-etc/ | sort)" \
		"$(find "$IMAGES/default/current/etc" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort)"
done
rm -f "$ALICE/host-etc"
make_user ida $ida_uid
for part in home/ida tmp; do
	mv "$DATA/ida/$part" "$DATA/ida/real"
	ln -s ../real "$DATA/ida/$part"
	refused 125 "${part##*/}" "7: a symlink where $part must be" run ida id
	rm "$DATA/ida/$part"
	mv "$DATA/ida/real" "$DATA/ida/$part"
done
for words in '' alice '-d' '-d -u' '-C' '-E' '-l' '--keep-fd' '-d alice' '--' '-- alice' '-v'; do
	got=0
	# shellcheck disable=SC2086
	timeout "$DEADLINE" setpriv --reuid=33 --regid=33 --clear-groups "$T" $words >"$OUT" 2>"$ERR" </dev/null || got=$?
	ok "8: few arguments ('$words'): an answer, not a crash" test $got -lt 128 -a $got -ne 124
done

# --- 9 to 11: identity ---------------------------------------------------------------------------

for name in 4001abc ' 4001' 4294971297 010 20001; do
	refused 125 "$name" "9: a number for a name: '$name'" run "$name" id
done
for limit in cpu=10abc 'cpu= 10' cpu=18446744073709551617 processes=010x memory=0x10; do
	refused 125 -l "9: a number that ends in something else: $limit" run -l "$limit" alice id
done
printf '[trampoline]\nminimum_uid = 1000abc\n' | configure
refused 125 trampoline.conf:2 "9: the same in the configuration" run alice id
default_config
for uid in 0 10 33 99 999 65534; do
	chown "$uid" "$DATA/ida/home/ida"
	refused 125 uid "10: a system uid, $uid, owns the home" run ida id
done
chown $ida_uid:$ida_uid "$DATA/ida/home/ida"
is "10: uid and jail belong together" "$(run ida id -u; run alice id -u)" "$ida_uid"$'\n'"$A"
chown $ida_uid:$other_gid "$DATA/ida/home/ida"
is "11: the gid is the home's, not the uid again" "$(run ida probe uid gid groups)" \
	"uid: $ida_uid $ida_uid $ida_uid $ida_uid
gid: $other_gid $other_gid $other_gid $other_gid
groups: $other_gid"
for gid in 0 10 42 999 65534; do
	chgrp "$gid" "$DATA/ida/home/ida"
	refused 125 gid "11: a system gid, $gid, owns the home" run ida id
done
chown $ida_uid:$ida_uid "$DATA/ida/home/ida"

# --- 12 to 17: mounts ----------------------------------------------------------------------------

not_ok "12: a student makes no file in the shared base" run alice touch /file
like "12: the kernel says read-only" "$(run alice sh -c 'exec 2>&1; : >/etc/file')" 'Read-only file system|Permission denied'
like "12: and so to root" "$(jail_mounts alice | awk '$5 == "/" { print $6 }')" '^ro,'
not_ok "12: nothing appeared in the image" test -e "$IMAGES/default/current/file"
install -m 4755 "$T_TOOLS/probe" "$ALICE/suid"
is "13: a setuid program in the home changes nothing" "$(run alice ./suid uid)" "uid: $A $A $A $A"
install -m 4755 "$T_TOOLS/probe" "$DATA/alice/tmp/suid"
is "13: nor one in tmp" "$(run alice /tmp/suid uid)" "uid: $A $A $A $A"
mknod -m 666 "$ALICE/device" c 1 3
not_ok "13: a device in the home cannot be opened" run alice sh -c ': >device'
is "13: no mount is shared with any other namespace" "$(jail_mounts alice | grep -cE 'shared:|master:' || :)" 0
echo home >"$ALICE/where"
# The keeper killed at each step of its assembly, and each step failing: never half a jail.
struck=0
for what in signal=KILL error=EPERM; do
	for when in 1 2 3 4 5 6; do
		retire alice
		before=$(host_mounts)
		strace -f -qq -o "$T_WORK/strike" -e trace=move_mount -e "inject=move_mount:$what:when=$when" \
			"$T" alice true >"$OUT" 2>"$ERR" || :
		if grep -qE 'INJECTED|killed by SIGKILL' "$T_WORK/strike"; then struck=$((struck + 1)); fi
		case $what in signal*) row=14 ;; *) row=16 ;; esac
		is "$row: $what at mount $when leaves nothing on the host" "$(host_mounts)" "$before"
		is "$row: and the next request has a whole jail" \
			"$(run alice sh -c 'id -u; cat where'; jail_mounts alice | wc -l)" "$A"$'\nhome\n'$MOUNTS
	done
done
ok "14, 16: mounts were struck ($struck)" test "$struck" -ge 6
retire alice
pids=
for i in $(seq 40); do
	run -l processes=50 alice cat where >"$T_WORK/where.$i" 2>&1 &
	pids+=" $!"
done
# shellcheck disable=SC2086
wait $pids || :
is "15: 40 requests race for the first mount, each sees the user's home" \
	"$(cat "$T_WORK"/where.* | sort | uniq -c | awk '{ print $1, $2 }')" "40 home"
is "15: and there is one jail" "$(hub_mounts | grep -c ' /jails/alice/mnt ')" 1
# What others remove meanwhile is not found.
named() { { find "$T_STATEDIR" "$T_RUNDIR" /run /tmp -maxdepth 2 -xdev -name 'nobody-such*' 2>/dev/null || :; } | wc -l; }
before=$(named)
refused 125 nobody-such "17: no directory is made for a name" run nobody-such id
is "17: anywhere" "$(named)" "$before"

# --- 18 to 22: what leads out --------------------------------------------------------------------

is "18: the caller's directory is left" "$(cd "$T_WORK" && : >only-here && run alice sh -c 'pwd; ls only-here ../../only-here 2>/dev/null')" /home/alice
for directory in . .. '' ../.. etc home/alice; do
	refused 125 -C "18: a relative directory: '$directory'" run -C "$directory" alice id
done
is "19: an inherited directory is closed" "$(caller open=5:/ open=6:/etc -- "$(command -v setpriv)" --reuid=33 \
	--regid=33 --clear-groups "$T" alice sh -c 'probe fds; ls -d /proc/self/fd/5/etc 2>/dev/null')" "fds: 0 1 2"
refused 125 descriptor "19: and not kept on demand" run --keep-fd=5 alice id 5</
is "20: sockets and other requests' files are closed" "$(caller socket=7 open=8:/etc/passwd -- \
	"$(command -v setpriv)" --reuid=33 --regid=33 --clear-groups "$T" alice probe fds)" "fds: 0 1 2"
is "21: the caller's environment stays outside" "$(as_www env SECRET=1 DATABASE_URL=x "$T" alice probe env |
	grep -cE 'SECRET|DATABASE' || :)" 0
mkdir -m 700 "$ALICE/closed"
refused 125 closed "22: a directory that the user may not enter" run -C /home/alice/closed alice id
refused 125 /root "22: nor root's in the image" run -C /root alice id

# --- 23 to 26: limits and other state ------------------------------------------------------------

retire alice
is "23: a server with lower hard limits, jail to be built" "$(as_www prlimit --nofile=100:100 --nproc=40:40 \
	--data=200000000:200000000 --cpu=20:20 --fsize=1000000:1000000 "$T" alice id -u)" "$A"
is "23: and live" "$(as_www prlimit --nofile=100:100 --nproc=40:40 --cpu=20:20 "$T" alice id -u)" "$A"
is "24: the drop is complete" "$(run alice probe uid gid groups capabilities no_new_privs securebits)" \
	$'uid: '"$A $A $A $A"$'\ngid: '"$A $A $A $A"$'\ngroups: '"$A"$'\ncapabilities: 0 0 0 0\nno_new_privs: 1\nsecurebits: 0'
is "25: -d puts nothing in front of the output" "$(run -d alice true 2>&1)" ""
is "25: nor does -v on stdout" "$(run -v alice echo output 2>/dev/null)" output
is "26: ignored signals, timers and umask are not inherited" "$(umask 0; caller signals timer=60000 -- \
	"$(command -v setpriv)" --reuid=33 --regid=33 --clear-groups "$T" alice probe ignored blocked timers umask)" \
	$'blocked: \nignored: \ntimers: 0 0 0\numask: 0022'

# --- 27 and 28: daemons --------------------------------------------------------------------------

# An orphan, whose parent is PID 1 or a subreaper, is no daemon for that reason.
orphan() { # FILE COMMAND...
	# shellcheck disable=SC2016
	bash -c 'file=$1; shift
		(while kill -0 $$ 2>/dev/null; do sleep 0.02; done; "$@" >"$file" 2>&1; echo end >>"$file") &' - "$@"
}
orphan "$T_WORK/orphan" setpriv --reuid=33 --regid=33 --clear-groups "$T" alice echo output
ok "27: an orphan's run ends" wait_for grep -q end "$T_WORK/orphan"
is "27: and its output arrives" "$(head -n 1 "$T_WORK/orphan")" output
orphan "$T_WORK/orphan2" setpriv --reuid=33 --regid=33 --clear-groups "$T" -d alice sh -c \
	'probe standard session >early; mv early daemon'
ok "27: an orphan's daemon runs" wait_for test -s "$ALICE/daemon"
like "27: with output put away" "$(cat "$ALICE/daemon")" '^standard: null file null$'
rm "$ALICE/daemon"
run -d -C /tmp alice sh -c 'pwd >/home/alice/early; mv /home/alice/early /home/alice/daemon'
ok "28: a daemon runs" wait_for test -s "$ALICE/daemon"
is "28: in the directory it was given" "$(cat "$ALICE/daemon")" /tmp
rm "$ALICE/daemon"
printf '[confinement]\ndev = none\n' | override alice
run -d alice sh -c 'probe standard >early; mv early daemon'
ok "28: without any /dev in the jail too" wait_for test -s "$ALICE/daemon"
like "28: with the host's /dev/null" "$(cat "$ALICE/daemon")" '^standard: null file null$'
default_config
rm "$ALICE/daemon"
# Not more than there are; PID 1 may be slow to bury the daemons from above.
there=$(ps -U "$A" -o pid= | wc -l || :)
run -d -l processes=$((there + 1)) alice sh -c 'echo x >early; exec mv early daemon' || :
ok "28: with few processes allowed" wait_for test -s "$ALICE/daemon"

# --- 29: the log ---------------------------------------------------------------------------------

# A /dev/log of our own, in a mount namespace of our own.
# shellcheck disable=SC2016
DEADLINE=$DEADLINE unshare -m --propagation private bash -c '
	mkdir "$T_WORK/dev" && mount -t tmpfs -o mode=755 none "$T_WORK/dev"
	for device in null zero urandom; do : >"$T_WORK/dev/$device"; mount --bind "/dev/$device" "$T_WORK/dev/$device"; done
	mount --move "$T_WORK/dev" /dev 2>/dev/null || mount --rbind "$T_WORK/dev" /dev
	timeout "$DEADLINE" perl -MSocket -e "
		socket(S, AF_UNIX, SOCK_DGRAM, 0) && bind(S, sockaddr_un(q(/dev/log))) or die;
		chmod 0666, q(/dev/log);
		open R, q(>), q($T_WORK/ready); close R;
		while (defined recv(S, \$m, 65536, 0)) { last if \$m eq q(end); print length(\$m), qq(:\$m\n); }
	" >"$T_WORK/log" &
	logger=$!
	while [ ! -e "$T_WORK/ready" ] && kill -0 $logger; do sleep 0.05; done
	name=$(printf "alice\nsshd: Accepted root\033[2J")
	setpriv --reuid=33 --regid=33 --clear-groups "$T" "$name" id 2>/dev/null
	setpriv --reuid=33 --regid=33 --clear-groups "$T" --nosuch id 2>/dev/null
	perl -MSocket -e "socket(S, AF_UNIX, SOCK_DGRAM, 0); send(S, q(end), 0, sockaddr_un(q(/dev/log)))"
	wait $logger
' >"$OUT" 2>"$ERR" || :
is "29: one record for each refusal" "$(grep -c '^[0-9]*:' "$T_WORK/log")" 2
is "29: and no line more" "$(wc -l <"$T_WORK/log")" 2
is "29: no control character in it" "$(tr -d '[:print:]\n' <"$T_WORK/log" | wc -c)" 0
like "29: the caller's string is escaped" "$(cat "$T_WORK/log")" 'alice\\(n|x0a|x0A|u000a)sshd: Accepted root\\(x1b|x1B|033|u001b)'
like "29: facility and name are fixed" "$(cat "$T_WORK/log")" '^[0-9]+:<8[0-7]>trampoline'
rmdir "$T_WORK/dev" 2>/dev/null || :

# --- 30: the second configuration ----------------------------------------------------------------

ok "30: the launcher builds with glibc as well" make --no-print-directory BUILD="$T_WORK/glibc" \
	LAUNCHER_LIBC=glibc PREFIX="$T_PREFIX" SYSCONFDIR="$T_SYSCONFDIR" STATEDIR="$T_STATEDIR" \
	RUNDIR="$T_RUNDIR" "$T_WORK/glibc/trampoline"
is "30: and runs" "$("$T_WORK/glibc/trampoline" --version)" "$("$T" --version)"
is "30: and enters" "$("$T_WORK/glibc/trampoline" alice probe uid capabilities fds)" \
	$'uid: '"$A $A $A $A"$'\ncapabilities: 0 0 0 0\nfds: 0 1 2'

# --- 31 to 34: expiry and removal ----------------------------------------------------------------

expire() { "$T_TOOLS/nsmounts" -x "jails/$1/mnt" "$T_RUNDIR/hub" || :; }
run alice true
# In one of three tries: another umount of this machine counts as a use, if it comes between; see umount2(2), MNT_EXPIRE.
for _ in 1 2 3; do
	run alice true
	got=$(expire alice; expire alice)
	[ "$got" != $'EAGAIN\ngone' ] || break
done
is "31: the pin of an idle jail is marked, then gone: it has no children" "$got" $'EAGAIN\ngone'
ok "31: and the next request builds another" run alice true
is "31: a pin marked and used since stays" "$(expire alice; run alice true; expire alice)" $'EAGAIN\nEAGAIN'
make_user _under $under_uid
is "32: a name that begins with an underscore" "$(run _under id -u)" $under_uid
# shellcheck disable=SC2016
for name in 'alice;id' '$(id)' '`id`' 'alice id' "alice'" 'alice|id' 'alice&' $'alice\nid'; do
	refused 125 "a name matches [A-Za-z0-9_]" "33: a shell's characters in a name: $(printf %q "$name")" run "$name" id
	not_ok "33: nor does the user command take them" "$T_PREFIX/sbin/trampoline-user" add "$name" --uid 20099
done
hash_data() { find "$DATA" -xdev -printf '%p %y %m %U %G %s %i\n' -type f -exec sha256sum {} + | sort | sha256sum; }
before=$(hash_data)
retire alice
run alice true
printf x >"$T_RUNDIR/jails/alice/record"
run alice true
forget_all
run alice true
touch "$CONFIG/trampoline.conf"
run alice true
run bob true
is "34: no way of rebuilding touches a byte of the users' data" "$(hash_data)" "$before"
default_config

# --- 35 and 36: passwd and image -----------------------------------------------------------------

is "35: the passwd in the jail is root's on the host" "$(stat -c '%u:%g %a' "$DATA/alice/home/.etc" \
	"$DATA/alice/home/.etc/passwd" | xargs)" "0:0 755 0:0 644"
not_ok "35: the user cannot replace it" as_alice ln -sf /etc/shadow "$DATA/alice/home/.etc/passwd"
not_ok "35: nor its directory" as_alice mv "$DATA/alice/home/.etc" "$DATA/alice/home/.old"
not_ok "35: nor from inside" run alice sh -c 'mv /home/.etc /home/.old || rm -f /home/.etc/passwd || echo x >>/etc/passwd'
like "35: the image's passwd is a link to it" "$(readlink "$IMAGES/default/current/etc/passwd")" '^(\.\.)?/home/\.etc/passwd$'
image=$IMAGES/default/current/
is "36: no setuid or setgid bit in the image" "$(find "$image" -xdev -perm /6000)" ""
is "36: no file capability" "$(getcap -r "$image" 2>/dev/null)" ""
is "36: nothing that group or others can write" "$(find "$image" -xdev ! -type l -perm /022)" ""
is "36: no device, fifo or socket" "$(find "$image" -xdev ! -type f ! -type d ! -type l)" ""
is "36: nothing of another owner" "$(find "$image" -xdev \( ! -uid 0 -o ! -gid 0 \))" ""
like "36: a version is never changed in place, but switched" "$(readlink "$IMAGES/default/current")" '^[^/]+$'

# --- its limits, as trampoline-ivle(7) prints them ---------------------------------------------------

sed -n '/^\[limits\]$/,/^\.Ed/{/^\.Ed/d; p}' man/trampoline-ivle.7 | configure
for limit in cpu=25: data=469762048: as=469762048: fsize=67108864: nproc=50: core=0:; do
	like "the old limits can be had: $limit" "$(run alice probe limits)" " $limit"
done
default_config
