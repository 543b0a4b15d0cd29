#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A jail is derived from configuration, image and data. What changes is seen by the next entry, and
# what runs already keeps what it has.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cleanup() {
	local pid
	for pid in $(jail_processes); do kill -KILL "$pid" || :; done
	default_config
	[ ! -e "$DATA/carol" ] || remove_user carol
	rm -rf --one-file-system "$IMAGES/second" "${DATA:?}/carol.old"
	in_jail alice true
	in_jail bob true
}

carol_uid=$((A + 2)) next_uid=$((A + 3))
make_user carol $carol_uid
CAROL=$DATA/carol/home/carol

# rebuilt DESCRIPTION: the jail that carol enters now is not the one she had.
rebuilt() {
	local before after
	before=$(pin_inode carol)
	in_jail carol true
	after=$(pin_inode carol)
	if [ -n "$after" ] && [ "$before" != "$after" ]; then
		pass "$1"
	else
		fail "$1" "namespace before: $before, after: $after"
	fi
}

in_jail carol true
first=$(pin_inode carol)
in_jail carol true
is "nothing changed: the same jail" "$(pin_inode carol)" "$first"

# A command that is in the jail all the while, and talks when it is asked to.
mkfifo "$CAROL/ask" "$CAROL/answer"
chown $carol_uid "$CAROL/ask" "$CAROL/answer"
# shellcheck disable=SC2016
in_jail carol sh -c 'umask 022; while read -r word <ask; do eval "$word" >answer 2>&1; done' &
# shellcheck disable=SC2016
ask() {
	timeout "$DEADLINE" sh -c 'echo "$1" >"$0/ask" && cat "$0/answer"' "$CAROL" "$1" || echo "no answer"
}
is "a command runs" "$(ask 'echo here')" here

# --- configuration -------------------------------------------------------------------------------

{ cat "$CONFIG/trampoline.conf"; echo "# a comment"; } | configure
rebuilt "trampoline.conf replaced"
touch "$CONFIG/trampoline.conf"
rebuilt "trampoline.conf touched"
cat >>"$CONFIG/trampoline.conf" <<<"# written in place"
rebuilt "trampoline.conf written in place"
printf '[environment]\numask = 077\n' | override carol
rebuilt "an override made"
is "it counts" "$(in_jail carol probe umask)" "umask: 0077"
in_jail bob true
other=$(pin_inode bob)
printf '[environment]\numask = 027\n' | override carol
rebuilt "the override changed"
is "it counts again" "$(in_jail carol probe umask)" "umask: 0027"
in_jail bob true
is "bob's jail is not touched by it" "$(pin_inode bob)" "$other"
rm "$CONFIG/jails.d/carol.conf"
rebuilt "the override gone"
is "the default counts" "$(in_jail carol probe umask)" "umask: 0022"
is "the command from the start keeps its umask and runs" "$(ask umask)" 0022

# --- image ---------------------------------------------------------------------------------------

version=$(readlink "$IMAGES/default/current")
mkdir -m 755 "$IMAGES/second"
cp -a "$IMAGES/default/$version" "$IMAGES/second/v1"
cp -a "$IMAGES/default/$version" "$IMAGES/second/v2"
echo one >"$IMAGES/second/v1/which"
echo two >"$IMAGES/second/v2/which"
ln -s v1 "$IMAGES/second/current"
printf '[trampoline]\nimage = second\n' | override carol
is "another image" "$(in_jail carol cat /which)" one
switch_to() {
	ln -s "$1" "$IMAGES/second/.new"
	mv -T "$IMAGES/second/.new" "$IMAGES/second/current"
}
switch_to v2
rebuilt "the image switched"
is "the next entry sees the new version" "$(in_jail carol cat /which)" two
is "the command from the start still sees the old image" "$(ask 'ls /which' | grep -c 'No such file')" 1
rm -rf --one-file-system "$IMAGES/second/v1"
is "a removed version is not missed" "$(in_jail carol cat /which)" two
mv "$IMAGES/second/v2" "$IMAGES/second/v2.old"
cp -a "$IMAGES/second/v2.old" "$IMAGES/second/v2"
rebuilt "another directory under the same version's name"
rm "$CONFIG/jails.d/carol.conf"
rebuilt "back to the default image"

# --- data ----------------------------------------------------------------------------------------

echo old >"$CAROL/marker"
chown $carol_uid:$carol_uid "$CAROL/marker"
is "the home is there" "$(in_jail carol cat marker)" old
mkdir -m 755 "$DATA/carol.old"
mv "$CAROL" "$DATA/carol.old/carol"
mkdir -m 700 "$CAROL"
chown $carol_uid:$carol_uid "$CAROL"
rebuilt "the home replaced"
is "the next entry sees the new home" "$(in_jail carol ls)" ""
mv "$DATA/carol/tmp" "$DATA/carol.old/tmp"
mkdir -m 700 "$DATA/carol/tmp"
chown $carol_uid:$carol_uid "$DATA/carol/tmp"
rebuilt "tmp replaced"
mv "$DATA/carol/home" "$DATA/carol.old/home"
cp -a "$DATA/carol.old/home" "$DATA/carol/home"
rebuilt "home's parent replaced"
chown $next_uid:$next_uid "$DATA/carol/home/carol" "$DATA/carol/tmp"
rebuilt "another uid"
is "the identity is the new owner's" "$(in_jail carol id -u)" $next_uid
chown $carol_uid:$carol_uid "$DATA/carol/home/carol" "$DATA/carol/tmp"
rebuilt "and back"
CAROL=$DATA/carol.old/carol
is "the command from the start still has its home" "$(ask 'cat marker')" old
is "and can still write it" "$(ask 'echo more >>marker; wc -l <marker')" 2
ask exit >"$OUT"
nobody_is_there() { [ -z "$(jail_processes)" ]; }
ok "it ends when it is told to" wait_for nobody_is_there

# --- state ---------------------------------------------------------------------------------------

record=$T_RUNDIR/jails/carol/record
in_jail carol true
before=$(pin_inode carol)
rm "$record"
ok "record gone: the next entry works" in_jail carol true
is "with one pin" "$(hub_mounts | grep -c ' /jails/carol/mnt ')" 1
printf garbage >"$record"
ok "record garbage" in_jail carol true
: >"$record"
ok "record empty" in_jail carol true
in_jail carol true
head -c 100 "$record" >"$T_WORK/half"
cat "$T_WORK/half" >"$record"
ok "record half" in_jail carol true
# One byte of it, anywhere: what is executed must be alice's or nothing, and here it is rebuilt.
size=$(stat -c %s "$record")
wrong=
for at in 0 9 17 40 100 200 400 800 $((size / 2)) $((size - 1)); do
	in_jail carol true
	cp "$record" "$T_WORK/record"
	byte=$(od -An -tu1 -j "$at" -N 1 "$record")
	# shellcheck disable=SC2059
	printf "\\x$(printf %x $(((byte + 1) % 256)))" | dd of="$record" bs=1 seek="$at" conv=notrunc status=none
	got=$(in_jail -v carol id -u 2>&1) || :
	[ "$got" = "trampoline: entered a jail built now"$'\n'"$carol_uid" ] || wrong+=" byte $at: $got"
done
is "a record with one byte changed is not obeyed" "$wrong" ""
chmod 644 "$record"
ok "record readable by others" in_jail carol true
is "and is 0600 again" "$(stat -c %a "$record")" 600
chown 33 "$record"
ok "record of www-data's" in_jail carol true
is "and is root's again" "$(stat -c %u "$record")" 0
in_jail alice true
cp "$T_RUNDIR/jails/alice/record" "$record"
is "alice's record under carol's name" "$(in_jail carol id -u)" $carol_uid
rm "$record"
ln -s "$T_RUNDIR/jails/alice/record" "$record"
is "a symlink to alice's record" "$(in_jail carol id -u)" $carol_uid
"$T_TOOLS/nsmounts" -d jails/carol/mnt "$T_RUNDIR/hub" >"$OUT"
ok "pin gone" in_jail carol true
forget_all
ok "all of our state gone, as after a reboot" in_jail carol true
is "the identity is still right" "$(in_jail carol id -u)" $carol_uid
umount "$T_RUNDIR/hub"
ok "hub gone" in_jail carol true
is "two lines in the host's table, not more" "$(host_mounts | grep -c " $T_RUNDIR")" 2
chmod 755 "$T_RUNDIR"
refused 125 "$T_RUNDIR" "RUNDIR open to others is not trusted" in_jail carol true
chmod 700 "$T_RUNDIR"
ok "and works" in_jail carol true
