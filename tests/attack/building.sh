#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Building the jail, rows C1 to C19: image, data, mounts, and what an administrator may get wrong.
. "$(dirname "$0")/lib.sh"

USERS=(mallory dora dead)
cleanup() {
	local pid user mount
	for pid in "${SERVERS[@]}"; do kill "$pid" 2>/dev/null || :; done
	for pid in $(jail_processes); do kill -KILL "$pid" 2>/dev/null || :; done
	wait || :
	default_config
	chmod 755 "$IMAGES" "$DATA"
	chmod 711 "$T_STATEDIR"
	chown 0:0 "$IMAGES" "$DATA" "$T_STATEDIR"
	# Deepest first; never through a mount that is still there.
	awk -v mark="/$T_MARK/" 'index($5, mark) && $5 !~ "^/run/" { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r mount; do umount -l "$mount"; done
	rm -f "${CLEANUPS[@]}" "$ALICE"/{suid,device,marked} "$DATA"/alice/tmp/{suid,device}
	for user in "${USERS[@]}" m{1..10}; do [ ! -d "$DATA/$user" ] || remove_user "$user"; done
	rm -rf --one-file-system "$IMAGES/odd" "$IMAGES/flags" "${ALICE:?}"/{mnt,.mnt,run}
	rm -f "$ALICE"/{lock,record,ready,.info} "$DATA"/alice/tmp/{lock,record,ready,hub,.info}
	in_jail alice true
	in_jail bob true
}
lend alice reach
M=$DATA/mallory

# An image of the test's own, at odd/v1, which it may break.
odd_image() {
	rm -rf --one-file-system "$IMAGES/odd"
	mkdir "$IMAGES/odd"
	cp -a "$IMAGES/default/current/." "$IMAGES/odd/v1"
	ln -s v1 "$IMAGES/odd/current"
}
use_odd() {
	printf '[trampoline]\nimage = %s\n' "${1:-odd}" | override alice
}

# --- C8, C13, first half: storage that does not answer -------------------------------------------
# Its time-out is long, so it runs while the rest is tested; ATTACK_DEAD=no leaves it out.

make_user dead $((A + 3))
look_for_dead
if [ -z "$no_dead" ]; then
	serve_dead -d "$DATA/dead/tmp" $((A + 3))
	(
		trap - EXIT INT TERM
		got=0
		timeout -k 1 "$DEADLINE" "$SETPRIV" --reuid=33 --regid=33 --clear-groups "$T" dead id >"$T_WORK/dead.out" 2>"$T_WORK/dead.err" </dev/null || got=$?
		echo "$got" >"$T_WORK/dead.status"
	) &
	cold=$!
	waits() { in_jail bob true && [ ! -e "$T_WORK/dead.status" ]; }
	ok "C8: while one user's tmp does not answer, another's jail is entered" waits
	retire bob
	ok "C8: and built" waits
fi

# --- C1: read-only -------------------------------------------------------------------------------

# Image, home and data may be one file system, so names and not devices keep find out of what is hers.
# shellcheck disable=SC2016
in_jail alice sh -c '
	theirs="( -path /proc -o -path /tmp -o -path /home/alice ) -prune -o"
	for d in $(find / $theirs -type d -print); do
		(: >"$d/x") 2>&1; mkdir "$d/y" 2>&1; ln -s x "$d/z" 2>&1; done
	for f in $(find / $theirs -type f -print | head -n 200); do
		rm -f "$f" 2>&1; chmod 777 "$f" 2>&1; touch "$f" 2>&1; mv "$f" "$f.x" 2>&1; (: >>"$f") 2>&1; done' >"$OUT" 2>"$ERR" || :
is "C1: the user creates, removes, renames, changes nothing outside home and tmp" \
	"$(grep -vcE 'Read-only file system|Permission denied|not permitted' "$OUT" || :) $(($(wc -l <"$OUT") > 50))" "0 1"
in_jail alice sleep 3600 &
wait_for pgrep -x -U "$A" sleep
sleeper=$(pgrep -x -U "$A" sleep | head -n 1)
wrong=
for directory in / /etc /bin /dev; do
	got=$(nsenter -t "$sleeper" -m touch "$directory/x" 2>&1) && wrong+=" $directory: it worked"
	[[ $got == *Read-only* ]] || wrong+=" $directory: $got"
done
is "C1: nor does root, in the jail's own namespace" "$wrong" ""
kill "$sleeper" || :
wait "$!" 2>/dev/null || :

# --- C2: flags of the image's own file system ----------------------------------------------------

mkdir "$IMAGES/flags"
mount -t tmpfs -o nosuid,nodev,noatime,mode=755 none "$IMAGES/flags"
cp -a "$IMAGES/default/current/." "$IMAGES/flags/v1"
ln -s v1 "$IMAGES/flags/current"
use_odd flags
is "C2: an image on nosuid, nodev, noatime works" "$(in_jail alice id -u)" "$A"
is "C2: and keeps its flags" "$(jail_mounts alice | awk '$5 == "/" { print $6 }' | tr , '\n' | sort | xargs)" "noatime nodev nosuid ro"
retire alice
mount -o remount,noexec "$IMAGES/flags"
refuses "C2: on noexec it is refused" noexec as_www "$T" alice id
default_config
retire alice
umount "$IMAGES/flags"
in_jail alice true

# --- C3: mounts below what is bound --------------------------------------------------------------

odd_image
use_odd
mkdir -p "$IMAGES/odd/v1/var/cache"
for when in before after; do
	[ $when = after ] || retire alice
	[ $when = before ] || in_jail alice true
	mount -t tmpfs -o mode=1777 none "$IMAGES/odd/v1/var/cache"
	in_jail alice sh -c 'mkdir mnt 2>/dev/null' || :
	mount -t tmpfs -o mode=1777 none "$ALICE/mnt"
	touch "$ALICE/mnt/foreign" "$IMAGES/odd/v1/var/cache/foreign"
	not_ok "C3: a tmpfs in the image, mounted $when the first request, is no place to write" in_jail alice touch /var/cache/x
	is "C3: nor seen, nor one in the home" "$(in_jail alice ls /var/cache mnt | grep -c foreign || :)" 0
	is "C3: the jail has its six mounts" "$(jail_mounts alice | wc -l)" $MOUNTS
	umount "$IMAGES/odd/v1/var/cache" "$ALICE/mnt"
done
mount --bind "$ALICE" "$ALICE"
retire alice
is "C3: a home that is itself mounted on is entered as it is, or refused" \
	"$(in_jail alice id -u 2>&1 | sed 's/^trampoline: cannot .*/refused/')" "$(in_jail alice id -u >/dev/null 2>&1 && echo "$A" || echo refused)"
umount "$ALICE"

mount -t tmpfs -o "mode=700,uid=$A,gid=$A" none "$ALICE"
refuses "C3: one on a file system of its own, which would not be in the jail, is refused" "one level higher" as_www "$T" alice id
umount "$ALICE"

# --- C4, C5: setuid, capabilities, devices -------------------------------------------------------

for directory in "$ALICE" "$DATA/alice/tmp"; do
	install -o 0 -g 0 -m 6755 "$T_TOOLS/probe" "$directory/suid"
	mknod -m 666 "$directory/device" c 1 5
done
install -o 0 -g 0 -m 755 "$T_TOOLS/probe" "$ALICE/marked"
setcap cap_dac_override,cap_setuid+ep "$ALICE/marked" 2>/dev/null || :
for file in ./suid /tmp/suid ./marked; do
	is "C4: $file gives nothing" "$(in_jail alice "$file" uid gid capabilities | xargs)" \
		"uid: $A $A $A $A gid: $A $A $A $A capabilities: 0 0 0 0"
done
for file in device /tmp/device; do
	not_ok "C4: a device of the user's, $file" in_jail alice head -c 1 "$file"
	like "C4: is no device" "$(cat "$ERR")" 'Permission denied'
done
install -o 0 -g 0 -m 6755 "$T_TOOLS/probe" "$IMAGES/odd/v1/bin/suid"
install -o 0 -g 0 -m 755 "$T_TOOLS/probe" "$IMAGES/odd/v1/bin/marked"
setcap cap_setuid,cap_dac_override+ep "$IMAGES/odd/v1/bin/marked" 2>/dev/null || :
mknod -m 666 "$IMAGES/odd/v1/device" c 1 5
for file in /bin/suid /bin/marked; do
	is "C5: $file of the image gives nothing" "$(in_jail alice "$file" uid gid capabilities no_new_privs | xargs)" \
		"uid: $A $A $A $A gid: $A $A $A $A capabilities: 0 0 0 0 no_new_privs: 1"
done
not_ok "C5: a device of the image's" in_jail alice head -c 1 /device
printf '[trampoline]\nimage = odd\n[confinement]\nsystem_calls = all\n' | override alice
is "C5: without the filter, which asks for it, there are no new privileges either" "$(in_jail alice /bin/suid uid no_new_privs | xargs)" \
	"uid: $A $A $A $A no_new_privs: 1"
use_odd

# --- C6, C8: what is there instead of home and tmp -----------------------------------------------

make_user mallory 20666
instead() { # DESCRIPTION OBJECT COMMAND...: refused with COMMAND's thing in place of OBJECT
	local description=$1 object=$2
	shift 2
	mv "$object" "$object.kept"
	"$@"
	retire mallory
	refuses "$description" "mallory" as_www "$T" mallory id
	if [ -d "$object" ] && [ ! -L "$object" ]; then rmdir "$object"; else rm "$object"; fi
	mv "$object.kept" "$object"
}
for object in "$M/home/mallory" "$M/tmp" "$M/home"; do
	# The last is her own, so that only its being a link is wrong with it.
	for target in / /etc "$BOB" ../bob/home /proc/self/root /proc/self/cwd . "$object" "$object.kept"; do
		instead "C6: ${object#"$DATA/"} a link to ${target/$DATA/DATA}" "$object" ln -s "$target" "$object"
	done
	instead "C8: ${object#"$DATA/"} a fifo" "$object" mkfifo "$object"
	instead "C8: a device" "$object" mknod "$object" c 1 3
	instead "C8: a file" "$object" touch "$object"
	instead "C8: a socket" "$object" bash -c '"$1" "$2" /dev/null & s=$!; while [ ! -S "$2" ]; do sleep 0.01; done; kill $s; wait $s || :' bash "$T_TOOLS/devlog" "$object"
done
chown 20666:20666 "$M"
refuses "C6: data that is the user's own" mallory as_www "$T" mallory id
chown 0:0 "$M"
chmod 0 "$M/home/mallory"
retire mallory
status 125 "C8: a home of mode 0000: the user cannot enter it either" as_www "$T" mallory id
ok "C8: but runs elsewhere" as_www "$T" -C / mallory true
chmod 700 "$M/home/mallory"
ok "C8: put right, it works" in_jail mallory true
# autofs is not tried: it needs a daemon; to us it is a mount that may not answer, as FUSE above.

# --- C9: what is there in the image --------------------------------------------------------------

retire alice
before=$(sha256sum /etc/passwd /etc/hostname; find /etc -maxdepth 1 -printf '%p %m %U\n' | sort | sha256sum)
for name in home tmp dev proc; do
	mv "$IMAGES/odd/v1/$name" "$IMAGES/odd/v1/$name.kept"
	for target in etc /etc ../../etc ../../../../../../etc; do
		ln -s "$target" "$IMAGES/odd/v1/$name"
		refuses "C9: the image's $name a link to $target" "$name" as_www "$T" alice id
		rm "$IMAGES/odd/v1/$name"
	done
	refuses "C9: missing" "$name" as_www "$T" alice id
	: >"$IMAGES/odd/v1/$name"
	refuses "C9: a file" "$name" as_www "$T" alice id
	rm "$IMAGES/odd/v1/$name"
	mv "$IMAGES/odd/v1/$name.kept" "$IMAGES/odd/v1/$name"
done
is "C9: the host is untouched" "$(sha256sum /etc/passwd /etc/hostname; find /etc -maxdepth 1 -printf '%p %m %U\n' | sort | sha256sum)" "$before"
ok "C9: put right, it works" in_jail alice true

# --- C10: propagation ----------------------------------------------------------------------------

mount --bind "$DATA" "$DATA"
mount --make-shared "$DATA"
mkdir -p "$T_WORK/disk"
mount -t tmpfs none "$T_WORK/disk"
forget_all
before=$(awk '{ print $5 }' /proc/self/mountinfo | grep -vE '^/(run|var/lib)/trampoline' | sort)
for i in 1 2 3 4 5 6 7 8 9 10; do make_user "m$i" $((20100 + i)); done
wrong=
for round in 1 2 3 4 5; do
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(in_jail "m$i" id -u)" = $((20100 + i)) ] || wrong+=" m$i in round $round"
	done
done
is "C10: 50 requests of 10 users, their data on a shared mount" "$wrong" ""
is "C10: the host has two mounts more, whatever the number of jails" \
	"$(awk '{ print $5 }' /proc/self/mountinfo | grep -cE "^/run/$T_MARK" || :)" 2
is "C10: and no other" "$(awk '{ print $5 }' /proc/self/mountinfo | grep -vE '^/(run|var/lib)/trampoline' | sort)" "$before"
retire m1
is "C10: in no other service's namespace either" "$(unshare -m --propagation slave bash -c 'in=$(wc -l </proc/self/mountinfo)
	"$T" m1 true || echo refused; echo $(($(wc -l </proc/self/mountinfo) - in))')" 0
ok "C10: a host file system that was there before is not kept busy" umount "$T_WORK/disk"
ok "C10: nor is the one that the data is on" umount "$DATA"
for i in 1 2 3 4 5 6 7 8 9 10; do remove_user "m$i"; done

# --- C11: ways out -------------------------------------------------------------------------------

default_config
retire alice
is "C11: two hundred steps up are at the root" \
	"$(in_jail alice sh -c 'cd $(printf "../%.0s" $(seq 200)) && ls -id . / | sed "s/ .*//" | uniq | wc -l; pwd')" $'1\n/'
# shellcheck disable=SC2016
is "C11: no process's root or directory leads out" "$(in_jail alice sh -c '
	me=$(ls -id / | sed "s/ .*//")
	for l in /proc/[0-9]*/root /proc/[0-9]*/task/*/root; do i=$(ls -idL $l/ 2>/dev/null | sed "s/ .*//"); [ -z "$i" ] || [ "$i" = "$me" ] || echo $l; done
	for l in /proc/[0-9]*/cwd /proc/[0-9]*/fd/*; do case $(readlink $l 2>/dev/null) in /home/*|/proc/*|/|""|pipe:*|socket:*|/dev/null) ;; *) ls -d "$l"/etc 2>/dev/null; esac; done')" ""
is "C11: the kernel shows it six mount points" "$(in_jail alice cat /proc/self/mountinfo | awk '{ print $5 }' | sort | xargs)" "/ /dev /dev/pts /home /proc /tmp"
is "C11: a file handle opens nothing" "$(in_jail alice ./reach handles | sed -n 's/^open_by_handle_at: //p')" EPERM

# C12, homes that root may not see: tests/kernels/nfs.sh, which has a kernel with an NFS server.

# --- C14: trust ----------------------------------------------------------------------------------

use_odd
for what in "$IMAGES/odd/v1" "$IMAGES/odd" "$IMAGES" "$T_STATEDIR" "$DATA" "$DATA/alice" "$DATA/alice/home"; do
	for change in g+w o+w 1777; do
		# What is below a sticky directory cannot be exchanged, as in /tmp: for a parent that is enough.
		case $change$what in "1777$IMAGES" | "1777$T_STATEDIR") continue ;; esac
		retire alice
		mode=$(stat -c %a "$what")
		chmod "$change" "$what"
		refuses "C14: chmod $change ${what#"$T_STATEDIR"} is refused by name" "${what##*/}" as_www "$T" alice id
		chmod "$mode" "$what"
	done
	retire alice
	chown "$A" "$what"
	refuses "C14: and chown ${what#"$T_STATEDIR"}" "${what##*/}" as_www "$T" alice id
	chown 0 "$what"
done
ok "C14: put right, it works" in_jail alice true

# --- C15: places that two users can write --------------------------------------------------------

default_config
# shellcheck disable=SC2016
writable=$(in_jail alice sh -c 'for d in $(find / -type d ! -path "/proc/*" 2>/dev/null); do (: >"$d/.mark") 2>/dev/null && echo "$d/.mark"; done') || :
is "C15: what she can write is below her home and tmp" "$(grep -vcE '^(/home/alice|/tmp)(/|$)' <<<"$writable" || :) $(($(wc -l <<<"$writable") > 1))" "0 1"
# shellcheck disable=SC2086 # one a word
is "C15: and he sees none of it" "$(in_jail bob ls -d $writable 2>/dev/null | wc -l)" 0
# shellcheck disable=SC2086
in_jail alice rm -f $writable
in_jail alice sh -c 'echo x >/dev/shm/.mark'
is "C15: /dev/shm too" "$(in_jail bob ls /dev/shm/.mark 2>&1 | grep -c '^/dev' || :)" 0
in_jail alice rm /dev/shm/.mark

# --- C16: other processes, IPC, sockets ----------------------------------------------------------

in_jail bob sh -c 'sleep 3600; : secret-argument-of-bob' &
wait_for pgrep -x -U "$B" sleep
his=$(pgrep -x -U "$B" sleep | head -n 1)
is "C16: his processes are not seen" "$(in_jail alice sh -c "ls -d /proc/$his; ps; cat /proc/*/cmdline" 2>/dev/null | grep -c "bob\|^$his" || :)" 0
not_ok "C16: nor signalled" in_jail alice kill -0 "$his"
not_ok "C16: nor looked into" in_jail alice ls "/proc/$his/root/"
said=$(as_alice "$ALICE/reach" pidfd "$his")
if grep -q allowed <<<"$said"; then
	is "C16: nor does a process descriptor tell whose they are" "$(in_jail alice ./reach pidfd "$his" | sort -u | xargs)" \
		"get-info-high: ENOTTY get-info-larger: ENOTTY get-info: ENOTTY"
else
	skip "C16: nor does a process descriptor tell whose they are" "this kernel's tells nobody"
fi
is "C16: with private processes, not even that the number is in use" "$(in_jail -p alice ./reach pidfd "$his" | head -n 1)" \
	"pidfd_open: ESRCH"
kill "$his" || :
wait "$!" 2>/dev/null || :
object=$(ipcmk -M 4096 | grep -oE '[0-9]+$')
is "C16: System V objects of the host's and of others are not there" \
	"$(in_jail alice cat /proc/sysvipc/shm | wc -l) $(awk -v id="$object" '$2 == id' /proc/sysvipc/shm | wc -l)" "1 1"
ipcrm -m "$object"
ipc=$(readlink /proc/self/ns/ipc) network=$(readlink /proc/self/ns/net)
is "C16: ipc and network namespaces are each jail's own" "$(for u in alice bob; do for n in ipc net; do in_jail $u readlink /proc/self/ns/$n; done; done |
	cat - <(printf '%s\n' "$ipc" "$network") | sort -u | wc -l)" 6
is "C16: of 45 socket families Unix, IPv4, IPv6 and netlink are left; of pairs Unix alone" "$("$ALICE/reach" families | wc -l) $(in_jail alice ./reach families | xargs)" \
	"90 socket 1 socketpair 1 socket 2 socket 10 socket 16"
not_ok "C16: the kernel's log is not there to be read" in_jail alice dmesg
is "C16: there is one interface, and it is the loopback" "$(in_jail alice cat /proc/net/dev | grep -c : || :) $(in_jail alice cat /proc/net/dev | grep -c lo:)" "1 1"
is "C16: calls that the filter refuses, with each namespace flag, also in the upper half" "$(in_jail alice ./reach calls | grep -vE ': (EPERM|ENOSYS|EINVAL)$' || :)" ""
# The filter sees an x32 call whether or not the kernel has them. An i386 call is an interrupt, which a
# kernel without that ABI answers with SIGSEGV before any filter: outside of the jail too.
for abi in i386 x32; do
	got=0
	outside=$(as_alice "$ALICE/reach" $abi 2>&1) || got=$?
	if [ "$outside" = alive ]; then
		status 159 "C16: the $abi ABI is SIGSYS" in_jail alice sh -c "exec ./reach $abi"
	else
		skip "C16: the $abi ABI is SIGSYS" "this kernel has none: status $got without a jail"
	fi
done

# --- C17: files that steer the next entry --------------------------------------------------------

in_jail alice sh -c 'for d in /home/alice /tmp; do for n in lock record ready hub .info; do echo evil >$d/$n; done; done
	mkdir -p /home/alice/.mnt /home/alice/run/trampoline/jails/alice; echo evil >/home/alice/run/trampoline/jails/alice/record'
retire alice
is "C17: files of our names in home and tmp change nothing, cold" "$(in_jail alice id -u)" "$A"
is "C17: nor warm" "$(in_jail alice id -u; jail_mounts alice | wc -l)" "$A"$'\n'$MOUNTS
find "$T_RUNDIR" -xdev -printf '%D:%i\n' | sort >"$T_WORK/ours"
in_jail alice find / -path /proc -prune -o -exec stat -c '%d:%i' {} + 2>/dev/null | sort >"$T_WORK/theirs" || :
is "C17: no object of our state is in the jail" "$(comm -12 "$T_WORK/ours" "$T_WORK/theirs") $(($(wc -l <"$T_WORK/theirs") > 50))" " 1"

# --- C18: what has changed since -----------------------------------------------------------------

odd_image
use_odd
in_jail alice sleep 3600 &
wait_for pgrep -x -U "$A" sleep
mkdir "$IMAGES/odd/v2"
cp -a "$IMAGES/odd/v1/." "$IMAGES/odd/v2"
touch "$IMAGES/odd/v2/new"
ln -s v2 "$IMAGES/odd/.current" && mv -T "$IMAGES/odd/.current" "$IMAGES/odd/current"
is "C18: the next request sees the new image" "$(in_jail alice ls -d /new)" /new
ok "C18: who is running lives" pgrep -x -U "$A" sleep
pkill -x -U "$A" sleep
wait "$!" 2>/dev/null || :
make_user dora 20667
in_jail dora sh -c 'echo old >note'
mv "$DATA/dora/home/dora" "$T_WORK/old"
mkdir -m 700 "$DATA/dora/home/dora"
chown 20667:20667 "$DATA/dora/home/dora"
is "C18: a new home is the one that is entered" "$(in_jail dora ls)" ""
rm -rf --one-file-system "$DATA/dora"
refuses "C18: a user who is gone" dora as_www "$T" dora id
make_user dora 20667
is "C18: one who is new has nothing of the old one's" "$(in_jail dora ls -A)" ""

# --- C19: how much a jail holds ------------------------------------------------------------------

default_config
is "C19: six mounts, none of the host's" "$(in_jail alice true; jail_mounts alice | awk '{ print $5 }' | sort | xargs)" "/ /dev /dev/pts /home /proc /tmp"
printf '[confinement]\ndev = none\nproc = none\n' | override alice
is "C19: three without dev and proc" "$(in_jail alice true; jail_mounts alice | awk '{ print $5 }' | sort | xargs)" "/ /home /tmp"
default_config
in_jail alice true

# --- C8, C13, second half ------------------------------------------------------------------------

if [ -z "$no_dead" ]; then
	wait "$cold" || :
	is "C8: a tmp that does not answer: refused, on one line, though it never will" \
		"$(cat "$T_WORK/dead.status") $(wc -l <"$T_WORK/dead.err")" "125 1"
	kill "$server"
	wait "$server" || :
	retire dead
	ok "C13: when it is back, without a reboot, it works" in_jail dead true
	retire dead
	serve_dead "$DATA/dead/tmp" $((A + 3))
	ok "C13: on storage that answers a jail is built" in_jail dead true
	storage_dies
	got=0
	bounded in_jail dead true 2>"$ERR" || got=$?
	like "C13: when it dies, a request for the live jail ends, by its deadline" "$got" '^(125|142)$'
	ok "C13: others do not notice" bounded in_jail bob true
	status 0 "C13: nor does cleanup" bounded "$T" --cleanup
	kill -KILL "$server" # its mount stays, and answers with an error at once
	wait "$server" 2>/dev/null || :
	refuses "C13: with the server gone it is a sentence" dead as_www "$T" dead id
	umount -l "$DATA/dead/tmp"
	ok "C13: and when it is back it works" in_jail dead true
else
	skip "C8, C13: storage that does not answer" "$no_dead"
fi
