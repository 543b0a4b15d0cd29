#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# trampoline-user: adds, checks, renews and removes users, and loses nothing of theirs.
# shellcheck disable=SC2016 # what undoes a fault is evaluated later
. "$(dirname "$0")/lib.sh"

user=$T_PREFIX/sbin/trampoline-user
image=$T_PREFIX/sbin/trampoline-image

cleanup() {
	local name
	umount "$DATA/erin/tmp/mounted" 2>/dev/null || :
	for name in carol dave erin frank grace heidi root .new-carol .removed-erin; do
		rm -rf --one-file-system "${DATA:?}/$name"
	done
	for name in "$DATA"/many*; do rm -rf --one-file-system "$name"; done
	rm -f "$CONFIG"/jails.d/{carol,dave}.conf "$CONFIG"/jails.d/1*.conf
	for name in 33 033 "${odd-033}"; do
		"$T" --discard "$name" 2>/dev/null || :
		rm -rf --one-file-system "${DATA:?}/$name"
	done
	rm -rf --one-file-system "$IMAGES/other" "${DATA:?}/link"
}

state() { find "$DATA" -printf '%P %y %m %U:%G %s %i %l\n' | sort; }
nothing_changed() { is "$1" "$(state)" "$before"; }

# --- add -----------------------------------------------------------------------------------------

ok "a user is added" "$user" add carol --uid 20010
is "home and tmp are his, the rest is root's" \
	"$(cd "$DATA/carol" && find . -printf '%p %y %m %U:%G\n' | sort)" \
	"$(printf '%s\n' '. d 755 0:0' './home d 755 0:0' './home/.etc d 755 0:0' \
		'./home/.etc/group f 644 0:0' './home/.etc/passwd f 644 0:0' \
		'./home/carol d 700 20010:20010' './tmp d 700 20010:20010')"
is "passwd has root and the user" "$(cat "$DATA/carol/home/.etc/passwd")" \
	"root:x:0:0:root:/root:/usr/sbin/nologin
carol:x:20010:20010:carol:/home/carol:/bin/sh"
is "group has both" "$(cat "$DATA/carol/home/.etc/group")" "root:x:0:
carol:x:20010:"
before=$(state)
not_ok "a user is added once" "$user" add carol --uid 20011
not_ok "a uid is given once" "$user" add dave --uid 20010
like "the refusal names the holder" "$(cat "$ERR")" "it is carol's"
for bad in 0 33 999 65534 60000001 4294967295 4294967296 -1 +20011 020011 0x4e2b "20011 " 20011x '' \
	99999999999999999999; do
	not_ok "uid $(printf %q "$bad") is refused" "$user" add dave --uid "$bad"
done
not_ok "gid 0 is refused" "$user" add dave --uid 20011 --gid 0
not_ok "a gid outside the range is refused" "$user" add dave --uid 20011 --gid 60
like "it says the range" "$(cat "$ERR")" 'gid 60: want one from 1000 to 60000000'
printf '[trampoline]\nminimum_gid = 60\nmaximum_gid = 70\n' | override dave
ok "the gids may have a range of their own" "$user" add dave --uid 20011 --gid 60
is "which check knows" "$("$user" check dave; "$T" dave id -g)" 60
"$T" --discard dave
"$user" remove dave --yes 2>/dev/null
rm "$CONFIG/jails.d/dave.conf"
for bad in '' . .. .x @x +x x/y 'x y' -x "$(printf 'x%.0s' {1..65})" $'x\ny' 'x;y' 'é'; do
	not_ok "the name $(printf %q "$bad") is refused" "$user" add "$bad" --uid 20011
	like "it says the rule" "$(cat "$ERR")" 'want \[A-Za-z0-9_\]'
done
not_ok "a skeleton that is no directory" "$user" add dave --uid 20011 --skel /etc/passwd
not_ok "an option it does not know" "$user" add dave --uid 20011 --shell /bin/sh
not_ok "and nobody but root adds anyone" as_www "$user" add dave --uid 20011
account=$(getent passwd | awk -F : '$3 >= 1000 && $3 < 60000 { print $1; exit }')
if [ -n "$account" ]; then
	not_ok "the uid of another account of this machine is refused" \
		"$user" add dave --uid "$(id -u "$account")"
fi
ln -s "$T_WORK" "$DATA/link"
not_ok "a link in the way is refused" "$user" add link --uid 20011
rm "$DATA/link"
nothing_changed "none of which changed anything"

for header in '[trampoline]' '[trampoline] ; of this one' '[trampoline] # of this one'; do
	printf '%s\nminimum_uid = 30000 ; for this one\n' "$header" | override dave
	not_ok "the range is the configuration's, below $header" "$user" add dave --uid 20011
done
rm "$CONFIG/jails.d/dave.conf"
ok "the highest uid that can be" "$user" add dave --uid 60000000
not_ok "has none above it" "$user" add erin
like "it says what to do" "$(cat "$ERR")" \
	'cannot add erin with uid 60000001: want one from 1000 to 60000000, not 65534: say --uid$'
ok "it goes" "$user" remove dave --yes
is "without a word of what was not live" "$(cat "$ERR")" "trampoline-user: dave is removed"
for place in "$T_STATEDIR" "$T_STATEDIR/.remove" "$IMAGES/default"; do
	not_ok "only root can take the lock of ${place##*/}" as_www flock -n "$place" true
done
highest=$("$user" list | awk '$2 > max { max = $2 } END { print max }')
ok "without --uid the next free one is taken" "$user" add dave
dave_uid=$(stat -c %u "$DATA/dave/home/dave")
is "which is one above the highest" "$dave_uid $(stat -c %g "$DATA/dave/home/dave")" \
	"$((highest + 1)) $((highest + 1))"
if [ -n "$account" ] && [ ! -e "$DATA/$account" ]; then
	ok "an account of this machine keeps its uid" "$user" add "$account"
	is "and its group" "$(stat -c %u:%g "$DATA/$account/home/$account")" "$(id -u "$account"):$(id -g "$account")"
	ok "and goes" "$user" remove "$account" --yes
fi

mkdir -p "$T_WORK/skel/.config"
printf 'hello\n' >"$T_WORK/skel/.profile"
ln -s /etc/shadow "$T_WORK/skel/link"
install -m 755 /dev/null "$T_WORK/skel/run"
shadow=$(stat -c '%u:%g %a %Y %Z' /etc/shadow)
ok "--skel" "$user" add erin --uid 20012 --skel "$T_WORK/skel"
is "gives the user a copy of his own" \
	"$(cd "$DATA/erin/home/erin" && find . -printf '%p %y %m %U:%G %l\n' | sort)" \
	"$(printf '%s\n' '. d 700 20012:20012 ' './.config d 755 20012:20012 ' './.profile f 644 20012:20012 ' \
		'./link l 777 20012:20012 /etc/shadow' './run f 755 20012:20012 ')"
is "and follows no link in it" "$(stat -c '%u:%g %a %Y %Z' /etc/shadow)" "$shadow"

mkdir "$DATA/.new-frank"
touch "$DATA/.new-frank/half"
ok "what a killed add left does not hinder" "$user" add frank --uid 20013
is "and is gone" "$(find "$DATA" -maxdepth 1 -name '.new-*'; find "$DATA/frank" -name half)" ""
for i in 1 2 3 4; do "$user" add "grace" --uid "2001$((i + 3))" >"$T_WORK/out.$i" 2>&1 & done
wait
is "of four that add the same user at once one succeeds" \
	"$(grep -l 'grace has uid' "$T_WORK"/out.? | wc -l)" 1

# An add that is killed leaves a whole user or none: its whole process group is killed before the
# first of the programs that it has change something, before the second, and so on until there is no
# other.
steps=$T_WORK/steps
mkdir -p "$steps/libexec" "$steps/share" "$steps/tools"
ln -s "$T_PREFIX/libexec/trampoline" "$steps/libexec/trampoline"
cp -r "$T_PREFIX/share/trampoline" "$steps/share/trampoline"
sed "s|^prefix=.*|prefix=$steps|" "$user" >"$steps/user"
sed -i "s|^PATH=|PATH=$steps/tools:|" "$steps/share/trampoline/common.sh"
cat >"$steps/tools/step" <<END
#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
number=\$((\$(cat $steps/number) + 1))
echo \$number >$steps/number
[ \$number -ne \$(cat $steps/last) ] || kill -KILL 0
exec \${0##*/} "\$@"
END
chmod 755 "$steps/user" "$steps/tools/step"
for tool in chmod chown cp install ln mkdir mktemp mv rm rmdir sync touch; do ln -s step "$steps/tools/$tool"; done
broken=
for last in $(seq 50); do
	"$user" remove frank --yes >"$OUT" 2>&1 || :
	echo 0 >"$steps/number"
	echo "$last" >"$steps/last"
	{ setsid -w "$steps/user" add frank --uid 20013 >"$OUT" 2>&1 || :; } 2>/dev/null
	[ "$(<"$steps/number")" -ge "$last" ] || break
	[ ! -d "$DATA/frank" ] || "$user" check frank >"$OUT" 2>&1 || broken+="$last: $(cat "$OUT") "
	[ -d "$DATA/frank" ] || "$user" add frank --uid 20013 >"$OUT" 2>&1 || broken+="$last: $(cat "$OUT") "
done
ok "an add is killed before each of its steps, $((last - 1))" test "$last" -gt 5 -a "$last" -lt 50
is "an add that is killed leaves a whole user or none" "$broken" ""

# --- list, check ---------------------------------------------------------------------------------

is "list" "$("$user" list | awk '$1 == "carol"' | xargs)" "carol 20010 20010 default"
ok "check finds nothing wrong" "$user" check carol
# planted PATTERN DESCRIPTION UNDO COMMAND...
planted() {
	local pattern=$1 description=$2 undo=$3
	shift 3
	(cd "$DATA/carol" && "$@")
	"$user" check carol >"$OUT" 2>"$ERR" && fail "$description" "the check passed"
	like "$description" "$(cat "$OUT")" "$pattern"
	(cd "$DATA/carol" && eval "$undo")
	"$user" check carol >"$OUT" 2>&1 || fail "$description: and nothing else" "$(cat "$OUT")"
}
planted 'carol: is directory 775 0:0, should be directory 755 0:0$' "check finds a directory others may write" 'chmod 755 .' chmod 775 .
planted 'home: is directory 755 20010:0, should be' "a home that a user could rename things in" \
	'chown 0 home' chown 20010 home
planted '\.etc: is directory 755 20010:0' "a .etc of the user's" 'chown 0 home/.etc' chown 20010 home/.etc
planted 'passwd: is symbolic link' "a link for a passwd" 'rm home/.etc/passwd; mv home/x home/.etc/passwd' \
	sh -c 'mv home/.etc/passwd home/x; ln -s /etc/passwd home/.etc/passwd'
planted '\.etc: is not what the image default wants' "a stale passwd" \
	'sed -i "\$d" home/.etc/passwd' sh -c 'echo "x:x:1:1::/:" >>home/.etc/passwd'
planted 'group: is missing' "a missing group" 'mv home/x home/.etc/group' mv home/.etc/group home/x
planted 'uid 0, which is not from 1000 to' "a home of root's" 'chown 20010 home/carol' chown 0 home/carol
planted 'gid 100, which is not from' "a group out of range" 'chgrp 20010 home/carol' chgrp 100 home/carol
planted "uid $dave_uid: belongs to carol dave" "a uid of two users" 'chown 20010 home/carol tmp' \
	chown "$dave_uid" home/carol tmp
planted 'tmp: is directory 700 20011:20010, should be directory of uid 20010' "a tmp of somebody else's" 'chown 20010 tmp' chown 20011 tmp
planted 'carol/home/carol: is symbolic link 777 0:0, should be directory$' "a home that is a link" \
	'rm home/carol; mv x home/carol' sh -c 'mv home/carol x; ln -s /root home/carol'
planted 'home/other: does not belong here' "something else in home" 'rm home/other' touch home/other
planted 'home/\.etc/\.passwd\.new: does not belong here' "something else in .etc" 'rm home/.etc/.passwd.new' \
	touch home/.etc/.passwd.new
mkdir "$DATA/.removed-gone" "$DATA/+UPPER"
"$user" check >"$OUT" 2>&1 && fail "check of all" "it passed"
like "check of all finds what was left" "$(cat "$OUT")" '\.removed-gone: is being removed, or was left by a remove that was interrupted: remove again$'
like "and what is no user" "$(cat "$OUT")" "[+]UPPER: is no user's directory"
rmdir "$DATA/.removed-gone" "$DATA/+UPPER"

# --- what it costs -------------------------------------------------------------------------------

# started COMMAND...: how many processes it starts
started() {
	strace -f -qq -o "$T_WORK/trace" -e trace=fork,vfork,clone,clone3 "$@" >"$OUT" 2>"$ERR" || return
	grep -v CLONE_THREAD "$T_WORK/trace" | grep -cE ' = [0-9]+$'
}
# costs: a line for each command that looks at all users
costs() {
	local command
	"$user" passwd 2>"$ERR"
	for command in list check passwd; do echo "$command $(started "$user" $command)"; done
	echo "add $(started "$user" add many --uid 20500)"
	"$user" remove many --yes 2>"$ERR"
	find "$DATA" -path '*/.etc/group' -exec sh -c 'for path; do echo x >>"$path"; done' sh {} +
	echo "passwd of all $(started "$user" passwd)"
}
if command -v strace >/dev/null; then
	costs >"$T_WORK/few"
	for i in {1..40}; do make_user "many$i" $((21000 + i)); done
	costs >"$T_WORK/many"
	is "40 users more start no process more" "$(<"$T_WORK/many")" "$(<"$T_WORK/few")"
	like "a number is known for each command" "$(<"$T_WORK/few")" '^passwd of all [1-9][0-9]*$'
	is "all of them are listed" "$("$user" list | grep -c ^many)" 40
	ok "and as they should be" "$user" check
	for i in {1..40}; do remove_user "many$i"; done
else
	skip "40 users more start no process more" "there is no strace"
fi

# --- passwd --------------------------------------------------------------------------------------

ok "another image" "$image" build other --recipe busybox
printf '[trampoline]\nimage=other\n' | override carol
inode=$(stat -c %i "$DATA/carol/home/.etc/passwd")
ok "passwd" "$user" passwd
is "writes nothing that is as it should be" "$(stat -c %i "$DATA/carol/home/.etc/passwd")" "$inode"
mkdir -p "$T_WORK/tree"
cp -a "$IMAGES/other/current/." "$T_WORK/tree"
printf 'root:x:0:0:root:/root:/bin/false\ndaemon:x:1:1::/:/bin/false\n@USER@:x:@UID@:@GID@::/home/@USER@:/bin/ash\n' \
	>"$T_WORK/tree/etc/jail/passwd"
dave=$(stat -c %i "$DATA/dave/home/.etc/passwd")
ok "an image with another template is built" "$image" build other --from "$T_WORK/tree"
is "which renews passwd for the users of that image" "$(cat "$DATA/carol/home/.etc/passwd")" \
	"root:x:0:0:root:/root:/bin/false
daemon:x:1:1::/:/bin/false
carol:x:20010:20010::/home/carol:/bin/ash"
is "and for no others" "$(stat -c %i "$DATA/dave/home/.etc/passwd")" "$dave"
ok "rolling back" "$image" rollback other
like "renews them too" "$(cat "$DATA/carol/home/.etc/passwd")" '^carol:x:20010:20010:carol:/home/carol:/bin/sh$'
ok "check agrees" "$user" check carol
# A switch that was killed before it came to the users.
: >"$DATA/carol/home/.etc/passwd"
ok "activating what is current" "$image" activate "other@$(readlink "$IMAGES/other/current")"
ok "makes a killed switch good" "$user" check carol
: >"$DATA/dave/home/.etc/passwd"
ok "passwd" "$user" passwd
ok "repairs a user" "$user" check dave
mkdir -p "$DATA/.new-.etc/dave/home/.etc"
: >"$DATA/.new-.etc/dave/home/.etc/passwd"
: >"$DATA/dave/home/.etc/CuAbC123"
not_ok "check finds what a killed passwd has left" "$user" check
ok "the next passwd" "$user" passwd
ok "removes that" "$user" check
mv "$DATA/dave/home/.etc" "$DATA/dave/home/x"
ln -s "$T_WORK" "$DATA/dave/home/.etc"
"$user" passwd >"$OUT" 2>&1 || :
like "a .etc that is a link is skipped" "$(cat "$OUT")" 'skipping dave'
is "and not followed" "$(ls "$T_WORK/passwd" 2>/dev/null)" ""
rm "$DATA/dave/home/.etc"
mv "$DATA/dave/home/x" "$DATA/dave/home/.etc"

# --- remove --------------------------------------------------------------------------------------

# The same program beside a keeper and a launcher that answer as they are told.
other=$T_WORK/other
mkdir -p "$other/bin" "$other/libexec/trampoline" "$other/share"
cp -r "$T_PREFIX/share/trampoline" "$other/share/trampoline"
sed "s|^prefix=.*|prefix=$other|" "$user" >"$other/user"
chmod 755 "$other/user"
# answers STATUS [ANSWER]...: of the first question, the second and so on; those that follow are as
# the last
answers() {
	printf '%s\n' "${@:2}" >"$other/answers"
	cat >"$other/libexec/trampoline/${KEEPER##*/}" <<-END
		#!/bin/sh
		echo "\$*" >>$other/asked
		head -n 1 $other/answers | grep . || :
		[ "\$(wc -l <$other/answers)" -le 1 ] || sed -i 1d $other/answers
		exit $1
	END
	printf '#!/bin/sh\necho "trampoline: cannot discard jail \"erin\": it is not live" >&2\nexit 125\n' \
		>"$other/bin/trampoline"
	chmod 755 "$other/bin/trampoline" "$other/libexec/trampoline/${KEEPER##*/}"
}

printf 'precious\n' >"$DATA/erin/home/erin/file"
mkfifo "$DATA/erin/tmp/fifo"
setfattr -n user.note -v x "$DATA/erin/home/erin/file"
before=$(state)
not_ok "remove wants an answer" "$user" remove erin </dev/null
not_ok "a user that is not there" "$user" remove nobody_here --yes
not_ok "a name that leads elsewhere" "$user" remove ../data/erin --yes
not_ok "no keeper to ask" "$other/user" remove erin --yes
answers 125 ''
not_ok "one that does not answer" "$other/user" remove erin --yes
like "it says so" "$(cat "$ERR")" 'cannot remove erin: .*/keeper-[^ /]* does not say whether a process has uid 20012$'
answers 0 'process 4711'
not_ok "a process in the jail" "$other/user" remove erin --yes
like "it names the process" "$(cat "$ERR")" 'cannot remove erin: the jail is in use by process 4711 '
is "the keeper is asked for the owner of the home" "$(sort -u "$other/asked")" "ask uid 20012"
# It asks at first, when the jail is discarded, and when the archive is written.
answers 0 '' 'process 4711'
not_ok "a process that came in until the jail was discarded" "$other/user" remove erin --yes
answers 0 '' '' 'process 4711'
not_ok "a process that is seen right before the deletion" \
	"$other/user" remove erin --yes --archive "$T_WORK/seen.tar.gz"
is "leaves no archive" "$(compgen -G "$T_WORK/seen*" || :)" ""
answers 0 ''
printf '#!/bin/sh\necho "trampoline: cannot withdraw: process 4712, a launcher, is on its way" >&2\nexit 125\n' \
	>"$other/bin/trampoline"
not_ok "a launcher that is on its way into the jail" "$other/user" remove erin --yes
like "it says what the discard says" "$(cat "$ERR")" 'cannot remove erin: .*process 4712, a launcher, is on its way$'
answers 0 ''
touch "$T_WORK/there.tar.gz"
not_ok "an archive that is there" "$other/user" remove erin --yes --archive "$T_WORK/there.tar.gz"
not_ok "an archive in no directory" "$other/user" remove erin --yes --archive "$T_WORK/no/x.tar.gz"
not_ok "an archive among the users' data" "$other/user" remove erin --yes --archive "$DATA/erin/home/x.tar.gz"
mkdir "$DATA/erin/tmp/mounted"
mount --bind "$T_WORK/skel" "$DATA/erin/tmp/mounted"
not_ok "a mount inside" "$other/user" remove erin --yes
ok "which is untouched" test -e "$T_WORK/skel/.profile"
umount "$DATA/erin/tmp/mounted"
rmdir "$DATA/erin/tmp/mounted"
nothing_changed "all of it changes nothing"

printf 'no\n' | script -qec "'$other/user' remove erin" /dev/null >"$OUT" 2>&1 || :
nothing_changed "nor does another answer at a terminal"
mkdir -m 755 "$T_WORK/full"
if mount -t tmpfs -o size=4k none "$T_WORK/full"; then
	head -c 100000 /dev/urandom >"$DATA/erin/home/erin/large"
	before=$(state)
	not_ok "an archive that cannot be written" "$other/user" remove erin --yes --archive "$T_WORK/full/x.tar.gz"
	nothing_changed "leaves the user where he was"
	is "and no half archive" "$(ls -A "$T_WORK/full")" ""
	umount "$T_WORK/full"
fi
before=$(state)
not_ok "an archive where no file can be made" "$other/user" remove erin --yes --archive /proc/x.tar.gz
like "it says so in a sentence" "$(cat "$ERR")" '^trampoline-user: cannot write /proc/x.tar.gz.partial$'
ln -s "$T_WORK/elsewhere" "$T_WORK/dangling"
not_ok "an archive that is a link to nothing" "$other/user" remove erin --yes --archive "$T_WORK/dangling"
like "it says so" "$(cat "$ERR")" 'dangling: it is there already$'
ok "and does not follow it" test ! -e "$T_WORK/elsewhere"
# Its first call of tar is ended from outside.
mkdir "$other/slow"
printf '#!/bin/sh\nkill -TERM $PPID\nsleep 1\n' >"$other/slow/tar"
chmod 755 "$other/slow/tar"
sed "s|^PATH=|PATH=$other/slow:|" "$T_PREFIX/share/trampoline/common.sh" >"$other/share/trampoline/common.sh"
not_ok "an archive during which it is ended" "$other/user" remove erin --yes --archive "$T_WORK/ended.tar.gz"
is "leaves nothing of it" "$(compgen -G "$T_WORK/ended*" || :)" ""
# Who may write to its directory puts a link in its place.
echo precious >"$T_WORK/precious"
printf '#!/bin/sh\nln -sfn %s %s\nexec /usr/bin/tar "$@"\n' "$T_WORK/precious" "$T_WORK/turned.tar.gz.partial" >"$other/slow/tar"
not_ok "an archive that is exchanged" "$other/user" remove erin --yes --archive "$T_WORK/turned.tar.gz"
is "is not written to where a link leads" "$(cat "$T_WORK/precious") $(compgen -G "$T_WORK/turned*" || :)" "precious "
# The storage does not say whose the home is.
cat >"$other/slow/stat" <<'END'
#!/bin/sh
case $* in
*home/erin) echo "stat: cannot statx 'home': Input/output error" >&2 && exit 1 ;;
esac
exec /usr/bin/stat "$@"
END
chmod 755 "$other/slow/stat"
not_ok "a home that cannot be looked at" "$other/user" remove erin --yes
like "it says so" "$(cat "$ERR")" '^trampoline-user: cannot remove erin: .*Input/output error$'
cp "$T_PREFIX/share/trampoline/common.sh" "$other/share/trampoline/common.sh"
nothing_changed "all of which leaves the user where he was"

# An archive takes long: this one is written when the test says so.
sed "s|^PATH=|PATH=$other/slow:|" "$T_PREFIX/share/trampoline/common.sh" >"$other/share/trampoline/common.sh"
printf '#!/bin/sh\ntouch %s/started\nuntil [ -e %s/go ]; do sleep 0.1; done\nexec /usr/bin/tar "$@"\n' \
	"$other" "$other" >"$other/slow/tar"
rm "$other/slow/stat"
uid=$(stat -c %u "$DATA/grace/home/grace")
"$other/user" remove grace --yes --archive "$T_WORK/grace.tar.gz" 2>"$T_WORK/said" &
pid=$!
wait_for test -e "$other/started"
ok "while an archive is written users are added" "$user" add heidi --uid 20019
not_ok "but not with the uid of who is in it" "$user" add ivan --uid "$uid"
like "it says whose it is" "$(cat "$ERR")" "it is \.removed-grace's"
ok "and passwd is written" "$user" passwd
"$user" remove heidi --yes 2>"$ERR" &
waiting=$!
remove_waits() { grep -qE -- "-> FLOCK .*:$(stat -c %i "$T_STATEDIR/.remove") " /proc/locks; }
ok "another remove waits" wait_for remove_waits
touch "$other/go"
ok "until the archive is written and the user gone" wait "$pid"
ok "then it is its turn" wait "$waiting"
is "both are gone" "$(find "$DATA" -maxdepth 1 \( -name '*heidi*' -o -name '*grace*' \))" ""
ok "and the archive is whole" tar -tzf "$T_WORK/grace.tar.gz" grace/home/grace
cp "$T_PREFIX/share/trampoline/common.sh" "$other/share/trampoline/common.sh"

# Killed, it can tidy up nothing; then nobody takes the name before it has gone on.
mv "$DATA/erin" "$DATA/.removed-erin"
not_ok "who is half removed is not added" "$user" add erin --uid 20099
like "it says what to do" "$(cat "$ERR")" 'remove erin again, or rename that to erin$'
setfattr -n user.note -v kept "$DATA/.removed-erin/home/erin/file"
printf '[limits]\n' | override erin
answers 0 ''
perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) && bind(S, sockaddr_un($ARGV[0])) or die' "$DATA/.removed-erin/tmp/socket"
ok "remove --archive goes on where it stopped" \
	"$other/user" remove erin --yes --archive "$T_WORK/on:erin.tar.gz"
like "it names what is left out, which can only be a socket" "$(cat "$ERR")" 'tmp/socket: socket ignored$'
like "and says so in the end" "$(cat "$ERR")" 'erin.tar.gz has it all but sockets \(1\), which hold no data$'
like "it names the policy that stays" "$(cat "$ERR")" 'jails.d/erin.conf, stays'
rm "$CONFIG/jails.d/erin.conf"
mv "$T_WORK/on:erin.tar.gz" "$T_WORK/erin.tar.gz"
mkdir "$T_WORK/unpacked"
tar -C "$T_WORK/unpacked" --xattrs -xzf "$T_WORK/erin.tar.gz"
is "attributes are in it" "$(getfattr --only-values -n user.note "$T_WORK/unpacked/erin/home/erin/file")" kept
is "the user is gone" "$(find "$DATA" -maxdepth 1 -name '*erin*')" ""
is "the archive is root's alone" "$(stat -c '%a %u' "$T_WORK/erin.tar.gz")" "600 0"
is "and has all of it" "$(tar -tzf "$T_WORK/erin.tar.gz" | sort | xargs)" \
	"erin/ erin/home/ erin/home/.etc/ erin/home/.etc/group erin/home/.etc/passwd erin/home/erin/ erin/home/erin/.config/ erin/home/erin/.profile erin/home/erin/file erin/home/erin/large erin/home/erin/link erin/home/erin/run erin/tmp/ erin/tmp/fifo"
is "its links lead where they led" "$(tar -tvzf "$T_WORK/erin.tar.gz" | grep -- '->' | sed 's/.*-> //')" /etc/shadow
ok "another answer at the terminal" script -qec "echo frank | cat; '$other/user' remove frank" /dev/null <<<frank
is "removes him" "$(find "$DATA" -maxdepth 1 -name '*frank*')" ""

# --- names as universities have them -------------------------------------------------------------

odd=1905.Alice+@UID@_$(printf 'x%.0s' {1..45})-z # 64 letters, and one word of the templates
is "the longest name" "${#odd}" 64
ok "it is a user's, with every sign that a name may have" "$user" add "$odd" --uid 20031
ok "so is a number, which is not taken for the account with that uid" "$user" add 33
is "it gets a uid of its own" "$("$user" list | awk '$1 == "33" && $1 "" == "33" { print ($2 > 20000) }')" 1
mkdir -p "$DATA/33/home/033" # one name is not another because both are the same number
chown 20040:20040 "$DATA/33/home/033"
like "another spelling of the number is another name" "$("$user" check || :)" "/33/home/033: does not belong here\$"
rmdir "$DATA/33/home/033"
ok "check finds nothing wrong with them" "$user" check
is "passwd in the jail has the name as it is" \
	"$("$T" "$odd" sh -c 'id -un; echo "$HOME $USER"; pwd; grep -c : /etc/passwd')" \
	"$odd
/home/$odd $odd
/home/$odd
2"
printf '[set]\nOWN = yes\n[resources]\nmemory = unlimited\n' | override "$odd"
if [ -e "${T_CGROUP%/*}/cgroup.procs" ]; then
	is "it has an override and a cgroup" "$("$T" "$odd" sh -c 'echo $OWN; sed -n s/^0:://p /proc/self/cgroup')" "yes
/$T_MARK/jail-$odd"
else
	skip "it has an override and a cgroup" "no cgroup2 file system is mounted"
fi
"$T" --prepare "$odd"
"$T" --prepare 33
is "--list has both, as JSON too" "$("$T" --list | awk '{ print $1 }' | grep -cxF -e "$odd" -e 33) \
$("$T" --list --json | jq -r '.[].jail' | grep -cxF -e "$odd" -e 33)" "2 2"
is "--explain knows it" "$("$T" --explain "$odd" | grep -cF "$DATA/$odd/home/$odd")" 1
ok "so does --check" "$T" --check "$odd"
ok "its jail is discarded" "$T" --discard "$odd"
ok "and it is removed" "$user" remove "$odd" --yes
rm "$CONFIG/jails.d/$odd.conf"
[ ! -d "$T_CGROUP" ] || rmdir "$T_CGROUP"
"$T" --discard 33
ok "the number too" "$user" remove 33 --yes

# --- a file server that does not trust root ------------------------------------------------------

# To root without these capabilities the kernel answers as such a server does.
untrusted() {
	setpriv --bounding-set -chown,-dac_override,-dac_read_search,-fowner \
		--inh-caps -chown,-dac_override,-dac_read_search,-fowner -- "$@"
}
before=$(state)
not_ok "where root may not give files away nobody is added" untrusted "$user" add erin --uid 20012
like "and it says why and what to do" "$(cat "$ERR")" 'NFS with root_squash.*run trampoline-user on the file server'
nothing_changed "nothing is left"
chown 65534 "$DATA"
not_ok "where root may not write nobody is added" untrusted "$user" add erin --uid 20012
like "and it says why" "$(cat "$ERR")" 'NFS with root_squash'
not_ok "nor removed" untrusted "$user" remove carol --yes
like "for the same reason" "$(cat "$ERR")" 'NFS with root_squash'
chown 0 "$DATA"
nothing_changed "nothing has changed"
