#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# [binds]: directories, files and sockets of the host's that a policy puts into jails.
. "$(dirname "$0")/lib.sh"

SRV=$T_WORK/srv # every parent is root's

cleanup() {
	if findmnt -n "$SRV/course/mounted" >/dev/null; then umount "$SRV/course/mounted"; fi
	default_config
	for pid in $(jail_processes); do kill -KILL "$pid" 2>/dev/null || :; done
	retire alice
	retire bob
	rm -rf --one-file-system "$IMAGES/bound"
	in_jail alice true
	in_jail bob true
}

# An image with places for binds.
cp -a "$IMAGES/default" "$IMAGES/bound"
mkdir -p "$IMAGES/bound/current/srv/course" "$IMAGES/bound/current/srv/work" "$IMAGES/bound/current/srv/one" "$IMAGES/bound/current/run"
touch "$IMAGES/bound/current/etc/extra" "$IMAGES/bound/current/run/db"
ln -s srv/course "$IMAGES/bound/current/link"
mkdir -m 755 "$SRV" "$SRV/course" "$SRV/work"
chown "$A:$A" "$SRV/work"
echo lesson >"$SRV/course/text"
echo extra >"$SRV/extra"
chmod 666 "$SRV/extra"
chmod 644 "$SRV/course/text"
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -static -o "$SRV/course/deed" tests/system/deed.c
install -m 6755 "$T_TOOLS/probe" "$SRV/course/suid"
mknod -m 666 "$SRV/course/null" c 1 3
cp "$SRV/course/deed" "$SRV/work/deed"

# policy LINE...: of alice's jail: that image and these binds
policy() {
	{
		printf '[trampoline]\nimage = bound\n[binds]\n'
		printf '%s\n' "$@"
	} | override alice
}
flags() { jail_mounts alice | awk -v point="$1" '$5 == point { print $6 }' | tr , '\n' | grep -v atime | sort | xargs; }

# --- what is bound ---------------------------------------------------------------------------------

"$SRV/course/deed" serve "$SRV/db" "from the host" &
wait_for test -S "$SRV/db"
policy "/srv/course = $SRV/course" "/srv/work = $SRV/work rw" "/srv/one=$SRV/course  noexec" "/etc/extra = $SRV/extra" "/run/db = $SRV/db"
is "a jail with binds is entered" "$(in_jail alice id -u)" "$A"
is "each is one mount more" "$(jail_mounts alice | wc -l)" 11
is "a bind is read-only, nosuid, nodev" "$(flags /srv/course)" "nodev nosuid ro"
is "with rw it is writable" "$(flags /srv/work)" "nodev nosuid rw"
is "with noexec it is that, too" "$(flags /srv/one)" "nodev noexec nosuid ro"
is "a file is bound on a file" "$(flags /etc/extra) $(in_jail alice cat /etc/extra)" "nodev nosuid ro extra"
is "every mount is private" "$(jail_mounts alice | grep -cE 'shared:|master:|propagate_from:' || :)" 0
is "its files are read" "$(in_jail alice cat /srv/course/text /srv/one/text)" $'lesson\nlesson'
is "its programs are run" "$(in_jail alice /srv/course/deed data 1)" "got 1"
status 126 "but for noexec" in_jail alice /srv/one/deed data 1
is "a socket is connected to, in a network of the jail's own" "$(in_jail alice /srv/course/deed ask /run/db)" "from the host"
wait
ok "what is rw is written" in_jail alice sh -c 'echo done >/srv/work/result'
is "and is the host's" "$(cat "$SRV/work/result") $(stat -c %u "$SRV/work/result")" "done $A"
is "a private run has them as well" "$(in_jail -p alice cat /srv/course/text)" lesson
is "another jail has none" "$(in_jail bob sh -c 'ls -d /srv/course' 2>&1)" "ls: /srv/course: No such file or directory"
like "--explain shows the line" "$("$T" --explain alice)" "^binds +/srv/one +$SRV/course  noexec +$CONFIG/jails.d/alice.conf:6\$"
like "and the mount" "$("$T" --explain alice)" "^mount +/srv/one +ro,nosuid,nodev,noexec +$SRV/course\$"

# --- what a user cannot do with it -------------------------------------------------------------------

in_jail alice sh -c '(: >/srv/course/x); rm /srv/course/text; chmod 777 /srv/course; (: >>/etc/extra); mkdir /srv/one/x' >"$OUT" 2>"$ERR" || :
is "what is read-only is not changed" "$(grep -c Read-only "$ERR") $(wc -l <"$ERR")" "5 5"
chmod 777 "$SRV/course"
status 1 "whatever its mode is" in_jail alice sh -c ': >/srv/course/x'
chmod 755 "$SRV/course"
for command in "mount -o remount,rw /srv/course" "mount -o remount,bind,rw,suid,dev,exec /srv/one" "umount /srv/course" "mount --bind /srv/work /srv/course"; do
	# shellcheck disable=SC2086 # words
	not_ok "not permitted: $command" in_jail alice $command
done
is "set-user-ID means nothing in it" "$(in_jail alice /srv/course/suid uid)" "uid: $A $A $A $A"
status 1 "device nodes do not work in it" in_jail alice sh -c ': >/srv/course/null'
# With namespaces of the user's own the kernel keeps the flags, and what is below.
{
	printf '[trampoline]\nimage = bound\n[confinement]\nsystem_calls = all\n[binds]\n/srv/course = %s\n/srv/work = %s rw noexec\n' "$SRV/course" "$SRV/work"
} | override alice
if in_jail alice unshare -Urm true 2>/dev/null; then
	for command in "mount -o remount,bind,rw /srv/course" "mount -o remount,bind,suid,ro /srv/course" "mount -o remount,bind,exec /srv/work" "umount /srv/course"; do
		# shellcheck disable=SC2086 # words
		not_ok "nor as root of a user namespace: $command" in_jail alice unshare -Urm $command
	done
else
	skip "a remount in a user namespace" "a user may make none here"
fi

# --- noexec of [confinement] ---------------------------------------------------------------------------

{
	printf '[trampoline]\nimage = bound\n[confinement]\nnoexec = yes\n[binds]\n/srv/course = %s\n/srv/work = %s rw\n' "$SRV/course" "$SRV/work"
} | override alice
in_jail alice true
is "noexec = yes counts for what the user can write to" "$(flags /srv/work)" "nodev noexec nosuid rw"
is "and not for what is read-only" "$(flags /srv/course)" "nodev nosuid ro"

# --- mounts of the host's ------------------------------------------------------------------------------

policy "/srv/course = $SRV/course"
retire alice
mkdir "$SRV/course/mounted"
mount -t tmpfs none "$SRV/course/mounted"
touch "$SRV/course/mounted/file"
in_jail alice true
is "a mount below it stays outside" "$(in_jail alice ls /srv/course/mounted) $(jail_mounts alice | wc -l)" " 7"
ok "and can be unmounted" umount "$SRV/course/mounted"
rmdir "$SRV/course/mounted"

# --- when it changes -------------------------------------------------------------------------------------

before=$(pin_inode alice)
touch "$SRV/course/new"
chmod 711 "$SRV/course"
is "another content, mode or time leaves the jail as it is" "$(in_jail alice ls /srv/course/new) $(pin_inode alice)" "/srv/course/new $before"
chmod 755 "$SRV/course"
in_jail alice sh -c 'while [ ! -e go ]; do sleep 0.1; done; cat /srv/course/text' >"$OUT" 2>&1 &
wait_for pgrep -x -U "$A" sh
cp -a "$SRV/course" "$SRV/next"
echo next >"$SRV/next/text"
mv "$SRV/course" "$SRV/old"
mv "$SRV/next" "$SRV/course"
is "another directory in its place is what the next entry sees" "$(in_jail alice cat /srv/course/text)" next
unlike "in a new jail" "$(pin_inode alice)" "^$before\$"
in_jail alice touch go
wait
in_jail alice rm go
is "what runs in the old one keeps the old directory" "$(cat "$OUT")" lesson
policy "/etc/extra = $SRV/extra"
in_jail alice true
before=$(pin_inode alice)
echo more >>"$SRV/extra"
is "a file that is written in place is the same" "$(in_jail alice cat /etc/extra | tail -n 1) $(pin_inode alice)" "more $before"
sed -i s/more/other/ "$SRV/extra"
is "another one in its place is not" "$(in_jail alice cat /etc/extra | tail -n 1)" other
rm "$SRV/extra"
status 125 "when it is gone the next entry is refused" in_jail alice true
is "with the line and the cure" "$(cat "$ERR")" \
	"trampoline: cannot use \"$CONFIG/jails.d/alice.conf:4\": cannot bind \"$SRV/extra\": there is none; make it, or take the line away"
status 1 "--check finds it" "$T" --check alice
like "and names it" "$(cat "$OUT")" "cannot bind \"$SRV/extra\": there is none; make it, or take the line away\$"
echo extra >"$SRV/extra"
is "when it is there again the jail is entered" "$(in_jail alice cat /etc/extra)" extra

# --- two files -------------------------------------------------------------------------------------------

printf '[trampoline]\nimage = bound\n[binds]\n/srv/course = %s\n/etc/extra = %s\n' "$SRV/course" "$SRV/extra" | configure
printf '[binds]\n/srv/work = %s rw\n/srv/course = %s\n' "$SRV/work" "$SRV/old" | override alice
is "a jail's own file adds binds and replaces those of the same place" \
	"$(in_jail alice cat /srv/course/text /etc/extra; in_jail alice ls /srv/work/result)" $'lesson\nextra\n/srv/work/result'
is "of another jail it changes nothing" "$(in_jail bob cat /srv/course/text; in_jail bob ls /srv/work)" next
default_config

# --- refusals --------------------------------------------------------------------------------------------

mkdir -m 755 "$SRV/hers" "$SRV/hers/inner"
chown "$A:$A" "$SRV/hers"
mkdir -m 775 "$SRV/loose"
mkdir -m 1777 "$SRV/sticky"
mkdir -m 755 "$SRV/loose/inner" "$SRV/sticky/inner"
ln -s course "$SRV/link"
mkfifo "$SRV/fifo"
retire alice
# each LINE, TEXT: the bind alone is refused with this
each() {
	policy "$1"
	refused 125 "$2" "refused: ${1//"$SRV"/SRV}" as_www "$T" alice true
	grep -qF "$CONFIG/jails.d/alice.conf:4" "$ERR" || fail "with its line" "$(cat "$ERR")"
}
each "srv/course = $SRV/course" "the place of a bind is an absolute path"
each "/ = $SRV/course" "the place of a bind is an absolute path"
each "/srv/../srv = $SRV/course" "the place of a bind is an absolute path"
each "/srv/course/ = $SRV/course" "the place of a bind is an absolute path"
for place in /home /home/alice/x /tmp /tmp/x /dev /dev/log /proc /proc/1; do
	each "$place = $SRV/course" "cannot have \"$place\": /home, /tmp, /dev and /proc are the jail's"
done
for value in "" course / "$SRV/course ro" "$SRV/course rw,noexec" "$SRV/./course" "$SRV/course/../course" "$SRV//course" "$SRV/course/"; do
	each "/srv/course = $value" "a bind is /HOST/PATH [rw] [noexec]"
done
each "/srv/course = $SRV/none" "cannot bind \"$SRV/none\": there is none"
each "/srv/course = $SRV/none/inner" "cannot open directory \"$SRV/none\": No such file or directory"
each "/srv/course = $SRV/link" "cannot bind \"$SRV/link\": it is a symbolic link; name what it leads to"
each "/srv/course = $SRV/link/x" "cannot open directory \"$SRV/link\": it is a symbolic link or no directory"
each "/srv/course = $SRV/fifo" "it is no directory, file or socket"
each "/srv/course = /dev/null" "it is no directory, file or socket"
each "/srv/course = $SRV/hers/inner" "cannot trust directory \"$SRV/hers\": it is not root's"
each "/srv/course = $SRV/loose/inner" "cannot trust directory \"$SRV/loose\": others than root can write to it"
each "/srv/course = $SRV/sticky/inner" "cannot trust directory \"$SRV/sticky\": others than root can write to it"
each "/srv/none = $SRV/course" "cannot bind on \"/srv/none\": the image must have a real directory there"
each "/link = $SRV/course" "cannot bind on \"/link\": the image must have a real directory there"
each "/link/x = $SRV/course" "cannot bind on \"/link/x\": the image must have a real directory there"
each "/etc/extra = $SRV/course" "cannot bind on \"/etc/extra\": the image must have a real directory there"
each "/srv/course = $SRV/extra" "cannot bind on \"/srv/course\": the image must have a file there, and no directory"
policy "/srv/course = $SRV/course" "/srv/course = $SRV/work"
refused 125 'alice.conf:5": this section cannot have "/srv/course": it is there twice' "one place twice" as_www "$T" alice true
policy "/srv/course = $SRV/course" "/srv = $SRV/work"
refused 125 'alice.conf:5": this section cannot have "/srv": a bind cannot be inside another one' "one around another" as_www "$T" alice true
policy "/srv = $SRV/course" "/srv/course = $SRV/work"
refused 125 'alice.conf:5": this section cannot have "/srv/course": a bind cannot be inside another one' "one inside another" as_www "$T" alice true
lines=()
for i in {1..16}; do
	mkdir "$IMAGES/bound/current/srv/p$i"
	lines+=("/srv/p$i = $SRV/course")
done
policy "${lines[@]}" "/srv/course = $SRV/course"
refused 125 'alice.conf:20": this section cannot have "/srv/course": there are 16 already' "one too many" as_www "$T" alice true
policy "${lines[@]}"
is "but not 16" "$(in_jail alice cat /srv/p{1..16}/text | sort | uniq -c | xargs) $(jail_mounts alice | wc -l)" "16 next 22"
policy "/srv/course = $SRV/sticky"
ok "what is bound may be anybody's to write" in_jail alice true
policy "/srv/course = $SRV/hers rw"
ok "or somebody's own" in_jail alice touch /srv/course/x

# --- what it costs -----------------------------------------------------------------------------------------

# calls: how many system calls a warm entry makes
calls() {
	in_jail alice true
	true | strace -f -qq -o "$T_WORK/trace" setpriv --reuid=33 --regid=33 --clear-groups "$T" alice /bin/true 2>&1 | cat
	sed 's/^[0-9]* *//' "$T_WORK/trace" | awk -v launcher="execve(\"$T\"" '
		index($0, launcher) == 1 { inside = 1 }
		inside { count++ }
		inside && /^execve\("\/bin\/true"/ { print count; exit }'
}
policy
without=$(calls)
policy "${lines[@]:0:3}"
is "an entry looks at each bind, once" "$(($(calls) - without))" 3
