#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Three binds, and a host that does not notice.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

JAILS=200
FIRST=$((A + 20000000))

cleanup() {
	local i
	if findmnt -n "$T_WORK/other" >/dev/null; then umount "$T_WORK/other"; fi
	if findmnt -n "$ALICE/submount" >/dev/null; then umount "$ALICE/submount"; fi
	if findmnt -n "$IMAGES/default/current/var" >/dev/null; then umount "$IMAGES/default/current/var"; fi
	rm -rf --one-file-system "$ALICE/submount"
	default_config
	forget_all
	for i in $(seq $JAILS); do rm -rf --one-file-system "${DATA:?}/m$i"; done
	in_jail alice true
	in_jail bob true
}

# --- one jail ------------------------------------------------------------------------------------

printf '[confinement]\ndev = none\nproc = none\n' | override alice
in_jail alice true
is "with dev = none and proc = none a jail is exactly three mounts" \
	"$(jail_mounts alice | awk '{ print $5 }' | sort | xargs)" "/ /home /tmp"
is "and runs" "$(in_jail alice id -u)" "$A"
is "also for the leader of a session" "$(setsid -w "$T" alice id -u)" "$A"
is "with an empty /dev" "$(in_jail alice ls -A /dev)" ""
is "and an empty /proc" "$(in_jail alice ls -A /proc)" ""
printf '[confinement]\ndev = none\n' | override alice
in_jail alice true
is "dev = none alone" "$(jail_mounts alice | awk '{ print $5 }' | sort | xargs)" "/ /home /proc /tmp"
printf '[confinement]\nproc = none\n' | override alice
in_jail alice true
is "proc = none alone" "$(jail_mounts alice | awk '{ print $5 }' | sort | xargs)" "/ /dev /dev/pts /home /tmp"
printf '[confinement]\nnoexec = yes\n' | override alice
in_jail alice true
is "noexec = yes counts for home and tmp" "$(jail_mounts alice |
	awk '$6 ~ /noexec/ && ($5 == "/home" || $5 == "/tmp") { print $5 }' | sort | xargs)" "/home /tmp"
like "and not for the image" "$(jail_mounts alice | awk '$5 == "/" { print $6 }')" '^ro,nosuid,nodev(,[a-z]*atime)?$'
default_config
in_jail alice true
is "by default there are six" "$(jail_mounts alice | wc -l)" 6
mount_source() { jail_mounts alice | awk -v point="$1" '$5 == point { print $4 }'; }
like "/ is the image's current version" "$(mount_source /)" \
	"/$T_MARK/state/images/default/$(readlink "$IMAGES/default/current")\$"
like "/home is the user's alone" "$(mount_source /home)" "/$T_MARK/state/data/alice/home\$"
like "/tmp is the user's alone" "$(mount_source /tmp)" "/$T_MARK/state/data/alice/tmp\$"

# --- submounts and the host's own mounts ---------------------------------------------------------

retire alice
mkdir -m 777 "$ALICE/submount" "$T_WORK/other"
mount -t tmpfs -o mode=777 none "$ALICE/submount"
mount -t tmpfs -o mode=777 none "$IMAGES/default/current/var"
mount -t tmpfs none "$T_WORK/other"
touch "$ALICE/submount/host" "$IMAGES/default/current/var/host"
in_jail alice true
is "mounts of the host's below home and image stay outside" "$(jail_mounts alice | wc -l)" 6
not_ok "their files are not seen" in_jail alice ls /home/alice/submount/host
not_ok "nor those in the image" in_jail alice ls /var/host
not_ok "and the place in the image cannot be written" in_jail alice touch /var/x
ok "the host can unmount what it mounted before, in the home" umount "$ALICE/submount"
ok "in the image" umount "$IMAGES/default/current/var"
ok "and anywhere else" umount "$T_WORK/other"
rmdir "$ALICE/submount"
mkdir -m 777 "$ALICE/submount"
mount -t tmpfs -o mode=777 none "$ALICE/submount"
is "a mount made later does not appear in a live jail" "$(jail_mounts alice | wc -l)" 6
umount "$ALICE/submount"
is "hub and jail hold nothing of the host's" \
	"$(hub_mounts | awk '$5 != "/" && $5 !~ "^/(dev|proc|seed|stage|jails/[a-z_][^/]*/(mnt|ipc|net))$"')" ""

# --- many jails ----------------------------------------------------------------------------------

forget_all
without=$(host_mounts)
for i in $(seq $JAILS); do make_user "m$i" $((FIRST + i)); done
failed=0
for i in $(seq $JAILS); do "$T" "m$i" true || failed=$((failed + 1)); done
is "$JAILS jails are built" "$failed" 0
is "$JAILS are pinned, each once" "$(hub_mounts | awk '$5 ~ "^/jails/m[0-9]*/mnt$" { print $5 }' |
	sort | uniq -c | awk '$1 == 1' | wc -l)" "$JAILS"
is "the host's table has grown by two lines" "$(diff <(echo "$without") <(host_mounts) | grep -c '^>')" 2
is "and has lost none" "$(diff <(echo "$without") <(host_mounts) | grep -c '^<' || :)" 0
is "they are RUNDIR and the hub" "$(diff <(echo "$without") <(host_mounts) |
	awk '/^>/ { print $4 }' | sort | xargs)" "$T_RUNDIR $T_RUNDIR/hub"
is "they are private" "$(grep " $T_RUNDIR" /proc/self/mountinfo | grep -cE 'shared:|master:' || :)" 0
is "PID 1 sees the same two" "$(grep -c " $T_RUNDIR" /proc/1/mountinfo)" 2
is "each jail is its own user's" "$(for i in 1 77 200; do "$T" "m$i" id -u; done | xargs)" "$((FIRST + 1)) $((FIRST + 77)) $((FIRST + 200))"
is "jails differ" "$(for i in 1 77 200; do pin_inode "m$i"; done | sort -u | wc -l)" 3
is "no inode of DATA was used for it" "$(find "$DATA/m1" -xdev | wc -l)" 7
