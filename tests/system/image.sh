#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# trampoline-image: what it builds, what its audit finds, how it switches.
# shellcheck disable=SC2016 # what undoes a fault is evaluated later
. "$(dirname "$0")/lib.sh"

image=$T_PREFIX/sbin/trampoline-image
name=audited
home=$IMAGES/$name

cleanup() {
	local path
	umount "$IMAGES/full" 2>/dev/null || :
	for path in "$home" "$IMAGES/second" "$IMAGES/full"; do
		umount "$path"/*/usr/mounted "$path"/.new-*/mounted 2>/dev/null || :
		rm -rf --one-file-system "$path"
	done
}

current() { readlink "$home/current"; }

# --- what a build makes --------------------------------------------------------------------------

ok "an image is built from the busybox recipe" "$image" build "$name" --recipe busybox
first=$(current)
tree=$home/$first
is "it says which on standard output" "$(cat "$OUT")" "$name@$first"
is "nothing but the version, its manifest and the link is left" \
	"$(find "$home" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)" "$first $first.manifest current"
is "home, tmp, dev and proc are real, empty directories of root's" \
	"$(cd "$tree" && find home tmp dev proc -printf '%p %y %m %U:%G\n' | sort | xargs)" \
	"dev d 755 0:0 home d 755 0:0 proc d 755 0:0 tmp d 755 0:0"
is "passwd and group are links into home" "$(readlink "$tree/etc/passwd" "$tree/etc/group" | xargs)" \
	"../home/.etc/passwd ../home/.etc/group"
is "nothing is setuid, setgid or writable by others" \
	"$(find "$tree" ! -type l -perm /6022 -print)" ""
is "nothing belongs to anybody but root" "$(find "$tree" ! \( -uid 0 -gid 0 \) -print)" ""
# This machine may be called "localhost" or "jail", so all of the text is compared.
is "nothing tells this machine's name and resolvers" \
	"$(cat "$tree/etc/hostname" "$tree/etc/hosts" "$tree/etc/resolv.conf")" \
	"jail
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback"
ok "its programs run with nothing else around them" chroot "$tree" /bin/sh -c 'ls / | grep -q home'
ok "a clean image passes its audit" "$image" audit "$name"
ok "the version can be named" "$image" audit "$name@$first"

# --- what the audit finds ------------------------------------------------------------------------

# planted PATTERN DESCRIPTION UNDO COMMAND...: COMMAND plants a fault, the audit names it, UNDO
# removes it.
planted() {
	local pattern=$1 description=$2 undo=$3
	shift 3
	if ! (cd "$tree" && "$@"); then
		fail "$description" "it could not be planted: $*"
		return
	fi
	if "$image" audit "$name" >"$OUT" 2>"$ERR"; then fail "$description" "the audit passed"; fi
	like "$description" "$(cat "$OUT")" "$pattern"
	(cd "$tree" && eval "$undo")
	"$image" audit "$name" >"$OUT" 2>&1 || fail "$description: and nothing else" "$(cat "$OUT")"
}

# able DESCRIPTION COMMAND...: can such a fault be made here at all? Some containers and file
# systems refuse it.
able() {
	local description=$1
	shift
	rm -rf --one-file-system "$home/.able"
	mkdir "$home/.able"
	touch "$home/.able/file"
	if (cd "$home/.able" && "$@") >"$OUT" 2>&1; then
		rm -rf --one-file-system "$home/.able"
		return 0
	fi
	skip "$description" "$1 is refused here: $(head -n 1 "$OUT")"
	rm -rf --one-file-system "$home/.able"
	return 1
}

# harmless CLASS REASON DESCRIPTION UNDO COMMAND...: the same for what the manifest has too and no
# jail is harmed by: one line tells of all of it, and the audit passes.
harmless() {
	local class=$1 reason=$2 description=$3 undo=$4
	shift 4
	if ! (cd "$tree" && "$@"); then
		fail "$description" "it could not be planted: $*"
		return
	fi
	(
		# shellcheck source=jail-image/audit.sh
		. "$T_PREFIX/share/trampoline/audit.sh"
		make_manifest "$tree"
	) >"$T_WORK/made"
	cp -p "$home/$first.manifest" "$T_WORK/manifest"
	cp "$T_WORK/made" "$home/$first.manifest"
	ok "$description: the audit passes" "$image" audit "$name"
	is "$description: it tells of them in one line" "$(cat "$OUT")" "$class: harmless, because a jail $reason"
	cp -p "$T_WORK/manifest" "$home/$first.manifest"
	(cd "$tree" && eval "$undo")
	"$image" audit "$name" >"$OUT" 2>&1 || fail "$description: and nothing else" "$(cat "$OUT")"
}

harmless '2 objects with a setuid or setgid bit, such as /bin/busybox' 'is nosuid' "setuid and setgid" \
	'chmod 755 bin/busybox; chmod g-s usr' sh -c 'chmod u+s bin/busybox; chmod g+s usr'
harmless '3 objects writable by group or others, such as /bin/busybox' 'is read-only' "files others may write" \
	'chmod 755 bin/busybox usr; chmod 644 etc/hosts' sh -c 'chmod o+w bin/busybox; chmod 1777 usr; chmod g+w etc/hosts'
harmless '3 objects of another owner or group than root, such as /etc/hosts' 'is read-only' "owners" \
	'chown 0:0 etc/hosts usr; rm usr/link' \
	sh -c 'chown :20001 etc/hosts; ln -s hosts usr/link && chown -h 20001:20001 usr usr/link'
harmless '1 object below a mount point, such as /home/secret' 'does not see them' "a file below /home" \
	'rm home/secret' touch home/secret
capabilities=no attributes=no devices=no
if able "file capabilities" setcap cap_net_raw+ep file; then
	capabilities=yes
	harmless '1 object with the attribute security.capability, such as /bin/busybox' 'has no_new_privs and is read-only' \
		"file capabilities" 'setcap -r bin/busybox' setcap cap_net_raw+ep bin/busybox
fi
if able "an extended attribute" setfattr -n user.note -v x file; then
	attributes=yes
	harmless '2 objects with the attribute user.*, such as /etc/hostname' 'has no_new_privs and is read-only' \
		"attributes" 'for note in 1 2; do setfattr -x user.note$note etc/hosts; setfattr -x user.note$note etc/hostname; done' \
		sh -c 'for note in 1 2; do setfattr -n user.note$note -v x etc/hosts etc/hostname; done'
fi
if able "an access control list" setfacl -m u:20001:r file; then
	harmless '1 object with the attribute system.posix_acl_access, such as /etc/hosts' \
		'has no_new_privs and is read-only' "an access control list" 'setfacl -b etc/hosts' setfacl -m u:20001:r etc/hosts
fi
if able "a device" mknod null c 1 3 && able "a block device" mknod disk b 7 200; then
	devices=yes
	harmless '2 objects with a device number, such as /usr/disk' 'is nodev' "devices" 'rm usr/null usr/disk' \
		sh -c 'mknod usr/null c 1 3 && mknod usr/disk b 7 200'
fi
planted '^/usr/pipe: is a fifo or a socket' "a fifo, by which two jails could speak" 'rm usr/pipe' mkfifo usr/pipe
planted '^/usr/socket: is a fifo or a socket' "a socket" 'rm usr/socket' \
	perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "usr/socket", Listen => 1) or die'
planted '^/etc/hosts: is owned by 20001:0, not by root' "a file of a user's, who could lease it" \
	'chown 0:0 etc/hosts' chown 20001 etc/hosts
planted '^/proc: is missing' "a missing mount point" 'mkdir proc' rmdir proc
planted '^/tmp: is missing' "a mount point that is a link" 'rm tmp; mkdir tmp' \
	sh -c 'rmdir tmp && ln -s usr tmp'
planted '^/etc/hosts: has a hard link outside the image' "a hard link that crosses out" \
	'rm ../outside' ln etc/hosts ../outside
planted '^/etc/passwd: is not a link to' "a passwd of the image's own" \
	'rm etc/passwd; ln -s ../home/.etc/passwd etc/passwd' sh -c 'rm etc/passwd; touch etc/passwd'
planted '^/etc/jail: has no templates' "a missing template" 'mv usr/passwd etc/jail/passwd' \
	mv etc/jail/passwd usr/passwd
planted 'has a control character in its name' "a name that would forge a line of the list" \
	'rm usr/x*forged*' touch "$(printf 'usr/x\nforged\tf')"
planted "/usr/mounted: is a mount inside the image" "a mount inside the image" \
	'umount usr/mounted; rmdir usr/mounted' sh -c 'mkdir usr/mounted && mount --bind etc usr/mounted'

# --- the manifest --------------------------------------------------------------------------------

cp -p "$tree/etc/hosts" "$T_WORK/hosts"
planted '^/etc/hosts: is f 644 0:0 [0-9]+ [0-9a-f]{64}, and in the manifest f 644 0:0 [0-9]+ [0-9a-f]{64}$' \
	"one byte that is not the manifest's" 'cp -p "$T_WORK/hosts" etc/hosts' \
	sh -c 'printf X | dd of=etc/hosts bs=1 conv=notrunc status=none'
planted '^/etc/hosts: is f 640 0:0 .*, and in the manifest f 644 0:0 ' "one mode bit" \
	'chmod 644 etc/hosts' chmod o-r etc/hosts
planted '^/etc/hosts: is f 644 0:1 .*, and in the manifest f 644 0:0 ' "one group" \
	'chown 0:0 etc/hosts' chgrp 1 etc/hosts
planted '^/bin/sh: is l 777 0:0 3 ash, and in the manifest l 777 0:0 7 busybox$' "the target of one link" \
	'ln -sfn busybox bin/sh' ln -sfn ash bin/sh
planted '^/usr: is f 644 0:0 0 .*, and in the manifest d 755 0:0 - -$' "a file where a directory was" \
	'rm usr; mkdir usr; ln -s ../bin usr/bin' sh -c 'rm usr/bin; rmdir usr; touch usr'
planted '^/etc/new: is not in the manifest' "a file too many" 'rm etc/new' touch etc/new
planted '^/etc/hostname: is in the manifest, but no longer' "a file too few" \
	'mv ../hostname etc/hostname' mv etc/hostname ..
planted 'cannot audit|there is no manifest' "a missing manifest" "mv ../saved ../$first.manifest" \
	mv "../$first.manifest" ../saved
head -n 20 "$home/$first.manifest" >"$T_WORK/short"
cp -p "$home/$first.manifest" "$T_WORK/manifest"
cp "$T_WORK/short" "$home/$first.manifest"
not_ok "a manifest that was cut short is no manifest" "$image" audit "$name"
: >"$home/$first.manifest"
like "it says which and what to do" "$(cat "$OUT")" "/$first.manifest: is cut short: build a new version"
not_ok "nor is an empty one" "$image" audit "$name"
cp -p "$T_WORK/manifest" "$home/$first.manifest"
ok "all of it undone, the image passes" "$image" audit "$name"

# --- switching -----------------------------------------------------------------------------------

ok "a second build" "$image" build "$name" --recipe busybox
second=$(current)
isnt() { if [ "$2" != "$3" ]; then pass "$1"; else fail "$1" "both are $2"; fi; }
isnt "has another name" "$first" "$second"
ok "activate goes back to the first" "$image" activate "$name@$first"
is "which is current then" "$(current)" "$first"
ok "rollback undoes that" "$image" rollback "$name"
is "and the second is current" "$(current)" "$second"
ok "rollback again" "$image" rollback "$name"
is "takes turns" "$(current)" "$first"
ok "build without activating" "$image" build "$name" --recipe busybox --no-activate
third=$(cut -d @ -f 2 "$OUT")
is "leaves current alone" "$(current)" "$first"
is "list shows which is what" "$("$image" list "$name" | awk '{ print $1, $2 }' | sort | xargs)" \
	"$name@$first current $name@$second rollback $name@$third -"
chmod o+w "$home/$third/etc/hosts"
not_ok "activate refuses a version that fails its audit" "$image" activate "$name@$third"
is "and current stays" "$(current)" "$first"
like "it says what is wrong" "$(cat "$OUT")" '^/etc/hosts: is f 646 0:0 '
chmod o-w "$home/$third/etc/hosts"
echo >>"$home/$second/etc/hosts"
not_ok "so does rollback" "$image" rollback "$name"
is "and current stays again" "$(current)" "$first"
for bad in "$name" "$name@nothing" "$name@20000101-000000" "$name@../$name" "$name@current" "../x@$first" \
	"nothing@$first" "$name@$first/" "$name@$first.manifest"; do
	not_ok "activate refuses $bad" "$image" activate "$bad"
done
is "none of which changed anything" "$(current)" "$first"

# --- what does not build -------------------------------------------------------------------------

before=$(find "$home" -mindepth 1 -maxdepth 1 | sort)
untouched() { is "$1" "$(find "$home" -mindepth 1 -maxdepth 1 | sort; current)" "$before
$first"; }
not_ok "a recipe that fails fails the build" "$image" build "$name" --recipe busybox --busybox /bin/false
untouched "and leaves no half version"
not_ok "so does an option that it does not know" "$image" build "$name" --recipe busybox --colour red
not_ok "a recipe that is not there" "$image" build "$name" --recipe nothing
not_ok "a recipe by path" "$image" build "$name" --recipe /bin/true
not_ok "a recipe by a path up" "$image" build "$name" --recipe ../recipes/busybox
not_ok "neither recipe nor directory" "$image" build "$name"
not_ok "both" "$image" build "$name" --recipe busybox --from "$tree"
not_ok "a directory that is none" "$image" build "$name" --from /etc/passwd
not_ok "a directory with the images in it" "$image" build "$name" --from "$T_STATEDIR"
for bad in '' . .. .x +x "x/y" "x y" "$(printf 'x%.0s' {1..65})" -x "$name@$first"; do
	not_ok "no image can be called \"$bad\"" "$image" build "$bad" --recipe busybox
done
not_ok "nor without a value" "$image" build "$name" --recipe busybox --busybox
like "which the recipe says" "$(cat "$ERR")" '^busybox: --busybox takes a file$'
not_ok "nor with a resolv.conf that is none" "$image" build "$name" --recipe busybox --resolv-conf "$T_WORK/none"
like "which is named" "$(cat "$ERR")" "^trampoline-image: cannot read $T_WORK/none: not a file\$"
untouched "none of them leaves anything"
not_ok "the first build of an image that fails" "$image" build mistyped --recipe busybox --busybox /bin/false
ok "leaves no image" test ! -e "$IMAGES/mistyped"
is "nor in the directory of the images" "$(find "$IMAGES" -mindepth 1 -maxdepth 1 -name '[^a-z]*')" ""
not_ok "without root nothing is built" as_www "$image" build "$name" --recipe busybox

# --- from a directory ----------------------------------------------------------------------------

from=$T_WORK/from
mkdir -p "$from"/{bin,etc,home/node,dev,var/tmp,"usr/a directory"}
cp /bin/busybox "$from/bin/sh"
chmod 4755 "$from/bin/sh"
ln "$from/bin/sh" "$from/bin/busybox"
# What cannot be made here has been skipped above.
[ $capabilities = no ] || { setcap cap_net_raw+ep "$from/bin/sh" && chmod 4755 "$from/bin/sh"; }
[ $devices = no ] || mknod "$from/dev/null" c 1 3
mkfifo "$from/usr/pipe"
ln -s /nowhere "$from/usr/nowhere"
touch "$from/home/node/x" "$from/usr/a directory/x\\y" "$from/etc/resolv.conf"
[ $attributes = no ] || setfattr -n user.note -v x "$from/usr/a directory/x\\y"
echo 'root:x:0:0::/:/bin/sh' >"$from/etc/passwd"
chmod 1777 "$from/var/tmp" "$from/usr"
chown -R 20001:20001 "$from/etc" "$from/usr"
echo nameserver 192.0.2.1 >"$T_WORK/resolv.conf"
state=$(find "$from" -printf '%p %y %m %U:%G %T@ %C@ %l\n' | sort)
from_here() { (cd "$T_WORK" && "$image" build second --from from --resolv-conf resolv.conf); }
ok "an image is built from a directory with one of each fault" from_here
made=$IMAGES/second/current
like "it tells what it removed" "$(cat "$ERR")" '^removed \./usr/pipe \(a device, fifo or socket\)$'
[ $attributes = no ] ||
	like "attributes too" "$(cat "$ERR")" '^removed attribute user\.note of \./usr/a directory/x\\y$'
[ $capabilities = no ] ||
	like "and capabilities" "$(cat "$ERR")" '^removed attribute security\.capability of \./bin/'
ok "which passes its audit" "$image" audit second
is "the directory is as it was" "$(find "$from" -printf '%p %y %m %U:%G %T@ %C@ %l\n' | sort)" "$state"
is "its hard links are still links" "$(stat -c %h "$made/bin/sh")" 2
is "a file with an odd name came along" "$(stat -c %U "$made/usr/a directory/x\\y")" root
is "the resolv.conf is the one asked for" "$(cat "$made/etc/resolv.conf")" "nameserver 192.0.2.1"
for link in etc var; do
	rm -rf --one-file-system "${T_WORK:?}/evil" "$T_WORK/victim"
	mkdir "$T_WORK/evil" "$T_WORK/victim" "$T_WORK/victim/tmp" "$T_WORK/victim/jail"
	touch "$T_WORK/victim/hosts" "$T_WORK/victim/tmp/x"
	ln -s "$T_WORK/victim" "$T_WORK/evil/$link"
	not_ok "a tree whose $link is a link to this machine's is refused" \
		"$image" build second --from "$T_WORK/evil"
	is "and what it leads to is untouched" "$(find "$T_WORK/victim" -type f -printf '%P ' | xargs -n1 | sort | xargs)" \
		"hosts tmp/x"
done
mkdir -p "$T_WORK/evil2/etc"
ln -s "$T_WORK/victim" "$T_WORK/evil2/home"
ln -s "$T_WORK/victim" "$T_WORK/evil2/tmp"
ok "mount points that are links become directories" "$image" build second --from "$T_WORK/evil2"
ok "and what they led to is untouched" test -e "$T_WORK/victim/hosts"

# evil DESCRIPTION COMMAND...: a tree in which COMMAND plants what would have root touch this
# machine
evil() {
	rm -rf --one-file-system "${T_WORK:?}/evil" "$T_WORK/victim"
	mkdir -p "$T_WORK/evil/etc/jail" "$T_WORK/victim"
	touch "$T_WORK/victim/hosts"
	(cd "$T_WORK/evil" && "${@:2}")
	"$image" build second --from "$T_WORK/evil" >"$OUT" 2>"$ERR" || :
	is "$1: this machine is untouched" "$(ls -A "$T_WORK/victim")" hosts
}
up=../../../../../../../../../../../..
evil "a template that is a link to nothing yet" ln -s "$T_WORK/victim/made" etc/jail/passwd
ok "it becomes one of the image's own" test -f "$made/etc/jail/passwd" -a ! -L "$made/etc/jail/passwd"
evil "a template that is a link" ln -s /etc/shadow etc/jail/group
unlike "nothing of this machine is in it" "$(cat "$made/etc/jail/group")" '^[a-z]*:[*!$]'
evil "a link whose text forges an entry" \
	ln -s "$(printf 'x\n/%s\tl\t777\t0:0\t5\t/nonexistent\t1\t0:0' "$up$T_WORK/victim/hosts")" innocent
like "it is refused" "$(cat "$ERR")" 'innocent: has a control character in its name or link'
for file in etc/hosts etc/passwd etc/jail/group; do
	evil "a directory for $file" mkdir "$file"
	like "a sentence" "$(cat "$ERR")" "cannot use this tree: its $file is a directory"
done
evil "a file for a directory" touch home
like "a sentence" "$(cat "$ERR")" "cannot use this tree: its home is not a directory"
mkdir -p "$T_WORK/victim/tmp"

# --- names, modes and links ----------------------------------------------------------------------

tree=$(mktemp -d "$T_WORK/tree.XXXXXX") # whose mode is 0700
cp -a "$IMAGES/default/current/." "$tree"
chmod 700 "$tree"
for odd in 3.1 3.10; do ok "an image may be called $odd" "$image" build "$odd" --from "$tree"; done
is "which is another name, not another spelling of a number" "$("$image" list | awk '$1 ~ /^3/ { print $1, $2 }' |
	sed 's/@[^ ]*//' | xargs)" "3.1 current 3.10 current"
is "a tree that root alone could enter becomes an image for all" "$(stat -c %a "$IMAGES/3.1/current/")" 755
chmod 700 "$IMAGES/3.1/current/"
status 1 "one that has been closed is found" "$image" audit 3.1
like "with a cure" "$(cat "$OUT" "$ERR")" '/: can be entered by root alone: chmod 755'
rm -rf --one-file-system "$IMAGES/3.1" "$IMAGES/3.10"
install -m 6755 -o 1234 /bin/true "$T_WORK/program"
cat >"$T_PREFIX/share/trampoline/recipes/linked" <<END
#!/bin/sh
cp -a "$IMAGES/default/current/." "\$1" && ln "$T_WORK/program" "\$1/linked"
END
chmod 755 "$T_PREFIX/share/trampoline/recipes/linked"
not_ok "a recipe that links a file of the machine's" "$image" build odd --recipe linked
like "is refused" "$(cat "$ERR")" 'a file in it has a hard link outside'
is "and that file is as it was" "$(stat -c '%a %u' "$T_WORK/program")" "6755 1234"
rm -rf --one-file-system "$tree" "$T_WORK/program" "$T_PREFIX/share/trampoline/recipes/linked" "$IMAGES/odd"

# --- interruptions and company -------------------------------------------------------------------

recipes=$T_PREFIX/share/trampoline/recipes
cat >"$recipes/slow" <<'END'
#!/bin/sh
touch "$1/started"
mount -t tmpfs none "$1"
touch "$1/mounted"
sleep 3600 &
sleep 3600
END
chmod 755 "$recipes/slow"
slow_runs() { compgen -G "$home/.new-*/*/started"; }
recipe_runs() { pgrep -f "^/bin/sh $recipes/slow"; }
slow_gone() { ! recipe_runs && ! slow_runs; }
for signal in TERM INT HUP; do
	# A shell's background job ignores INT; perl gives it back.
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$image" build "$name" --recipe slow 2>"$ERR" &
	pid=$!
	wait_for slow_runs || fail "the slow build starts" "$(cat "$ERR")"
	kill -"$signal" "$pid" || :
	got=0
	wait "$pid" || got=$?
	is "SIG$signal ends a build with status 128 + n" "$got" "$((128 + $(kill -l "$signal")))"
	ok "its recipe is gone with it" wait_for slow_gone
	untouched "and so is its directory"
done
"$image" build "$name" --recipe slow 2>"$ERR" &
pid=$!
wait_for slow_runs || fail "the slow build starts" "$(cat "$ERR")"
ok "while a build runs, another one builds" "$image" build "$name" --recipe busybox --no-activate
fourth=$(cut -d @ -f 2 "$OUT")
is "nobody but root gets at what is not tidied yet" "$(stat -c '%a %u' "$home"/.new-*)" "700 0"
ok "and another one activates" "$image" activate "$name@$fourth"
ok "the build is still at work" slow_runs
kill -KILL "$pid" || :
wait "$pid" 2>/dev/null || :
recipe_gone() { ! recipe_runs; }
ok "a killed build takes its recipe with it" wait_for recipe_gone
is "and its mounts" "$(findmnt -rno TARGET | grep -F "$home" || :)" ""
is "its directory is left" "$(find "$home" -maxdepth 1 -name '.new-*' | wc -l)" 1
left=$(echo "$home"/.new-*)
mkdir "$left/mounted"
mount -t tmpfs none "$left/mounted"
touch "$left/mounted/precious"
not_ok "which is not removed while something is mounted in it" "$image" build "$name" --recipe busybox
like "it says where" "$(cat "$ERR")" 'something is mounted at .*/mounted; unmount it first$'
ok "what is mounted is untouched" test -e "$left/mounted/precious"
not_ok "nor where nothing tells what is mounted" \
	unshare -m sh -c 'mount -t tmpfs none /proc && exec "$0" build "$1" --recipe busybox' "$image" "$name"
like "it says so" "$(cat "$ERR")" 'cannot delete .*: its mounts cannot be listed$'
ok "and what is mounted is untouched again" test -e "$left/mounted/precious"
umount "$left/mounted"
ln -s "$T_WORK/victim" "$left/link"
ln -s "$T_WORK/victim" "$home/.new-link"
ok "the next build removes it" "$image" build "$name" --recipe busybox
is "wholly" "$(find "$home" -maxdepth 1 -type d -name '.new-*')" ""
ok "and follows no link in doing so" test -e "$T_WORK/victim/hosts"
rm "$home/.new-link" "$recipes/slow"
touch "$home/20000101-000000.manifest"
"$image" build "$name" --recipe busybox 2>/dev/null >&2
ok "a manifest without a version is removed too" test ! -e "$home/20000101-000000.manifest"
exec 9<"$home"
flock 9
before=$(current)
"$image" rollback "$name" >"$OUT" 2>&1 9<&- &
pid=$!
# The kernel lists those that wait for a lock: "-> FLOCK ADVISORY WRITE PID ...".
rollback_waits() { grep -qE -- "-> FLOCK .* $(pgrep -P "$pid" -x flock) " /proc/locks; }
ok "a command waits for another one that is at work" wait_for rollback_waits
is "and has changed nothing before" "$(current)" "$before"
exec 9<&-
got=0
wait "$pid" || got=$?
is "then it does its work" "$got $([ "$(current)" = "$before" ] || echo another)" "0 another"
for i in 1 2 3; do "$image" build "$name" --recipe busybox >"$T_WORK/out.$i" 2>&1 & done
wait
is "three builds at once make three versions" \
	"$(grep -h "^$name@" "$T_WORK"/out.? | sort -u | wc -l)" 3
while read -r version; do
	ok "$version is sound" "$image" audit "$version"
done < <(grep -h "^$name@" "$T_WORK"/out.?)

# --- a full disk ---------------------------------------------------------------------------------

mkdir -p "$IMAGES/full" "$T_WORK/little/bin"
if mount -t tmpfs -o size=512k,mode=755 none "$IMAGES/full"; then
	"$image" build full --from "$T_WORK/little" >"$OUT" 2>"$ERR"
	was=$(readlink "$IMAGES/full/current")
	"$image" build full --from "$T_WORK/little" --no-activate >"$OUT" 2>"$ERR"
	other=$(cat "$OUT")
	cat /dev/zero >"$IMAGES/full/filler" 2>"$ERR" || :
	not_ok "on a full disk nothing is built" "$image" build full --from "$T_WORK/little"
	is "nor left" "$(find "$IMAGES/full" -maxdepth 1 -name '.new-*')" ""
	not_ok "nor activated" "$image" activate "$other"
	like "a sentence says why" "$(cat "$ERR")" '^trampoline-image: cannot make full@.* current: .*\.history\.new cannot be written$'
	is "and current stays" "$(readlink "$IMAGES/full/current")" "$was"
	rm "$IMAGES/full/filler"
	ok "with room again it is activated" "$image" activate "$other"
	is "and rollback knows what was current" "$("$image" list full | awk '$2 == "rollback" { print $1 }')" "full@$was"
	umount "$IMAGES/full"
else
	skip "on a full disk nothing is built" "no tmpfs can be mounted here"
fi

# --- pruning -------------------------------------------------------------------------------------

# The same program beside a keeper that says "process 4711" of the versions that are named in the
# file used.
other=$T_WORK/other
mkdir -p "$other/libexec/trampoline" "$other/share"
cp -r "$T_PREFIX/share/trampoline" "$other/share/trampoline"
sed "s|^prefix=.*|prefix=$other|" "$image" >"$other/image"
chmod 755 "$other/image"
# keeper_ends STATUS
keeper_ends() {
	cat >"$other/libexec/trampoline/${KEEPER##*/}" <<-END
		#!/bin/sh
		version=\${3##*/}
		if grep -qxF "\${version#.old-}" $other/used || grep -qxF "\$version" $other/used; then echo "process 4711"; fi
		exit $1
	END
	chmod 755 "$other/libexec/trampoline/${KEEPER##*/}"
}
uses() { printf '%s\n' "$@" >"$other/used"; }
uses nothing
everything() { find "$home" -mindepth 1 -maxdepth 1 | sort; }
versions_left() { find "$home" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort | xargs; }
before=$(everything)
not_ok "prune refuses when there is no keeper to ask" "$other/image" prune "$name"
keeper_ends 125
not_ok "when the keeper fails" "$other/image" prune "$name"
like "it says so" "$(cat "$ERR")" "cannot prune image $name: .*/keeper-[^ /]* does not say what is in use\$"
is "and touches nothing" "$(everything)" "$before"
keeper_ends 0
ok "--dry-run" "$other/image" prune "$name" --dry-run
is "touches nothing either" "$(everything)" "$before"
now=$(current)
back=$("$image" list "$name" | awk '$2 == "rollback" { print $1 }' | cut -d @ -f 2)
uses "$third" "$second"
ok "prune" "$other/image" prune "$name"
like "names the process" "$(cat "$ERR")" "$name@$third stays: process 4711 uses it\$"
is "keeps what is current, what rollback wants, and what processes use" "$(versions_left)" \
	"$(printf '%s\n' "$now" "$back" "$second" "$third" | sort -u | xargs)"
is "and their manifests alone" "$(cd "$home" && printf '%s\n' *.manifest | sort | xargs)" \
	"$(printf '%s.manifest\n' "$now" "$back" "$second" "$third" | sort -u | xargs)"
uses "$second" ".old-$third"
ok "a version that somebody has entered just before it was out of sight" "$other/image" prune "$name"
ok "comes back" test -d "$home/$third"
mv "$home/$third" "$home/.old-$third"
ok "what a killed prune left" "$other/image" prune "$name"
ok "comes back if a process uses it" test -d "$home/$third"
mv "$home/$third" "$home/.old-$third"
ok "a build" "$image" build "$name" --recipe busybox
ok "does not remove it" test -d "$home/.old-$third"
mkdir "$home/$second/usr/mounted"
mount --bind "$T_WORK/victim" "$home/$second/usr/mounted"
uses nothing
ok "prune again" "$other/image" prune "$name"
ok "leaves a version with a mount in it" test -e "$home/$second/usr/mounted/hosts"
ok "and removes the other when nobody uses it" test ! -e "$home/.old-$third"
umount "$home/$second/usr/mounted"
"$other/image" prune "$name" 2>/dev/null
ok "later it goes" test ! -e "$home/$second"
ok "and what was mounted is untouched" test -e "$T_WORK/victim/hosts"

# --- what it costs -------------------------------------------------------------------------------

# started COMMAND...: how many processes it starts
started() {
	strace -f -qq -o "$T_WORK/trace" -e trace=fork,vfork,clone,clone3 "$@" >"$OUT" 2>"$ERR" || return
	grep -v CLONE_THREAD "$T_WORK/trace" | grep -cE ' = [0-9]+$'
}
if command -v strace >/dev/null; then
	few=$(started "$image" list)
	for number in {1..20}; do cp -a "$home/$now" "$home/20000101-000000.$number"; done
	is "20 versions more are listed by no process more" "$(started "$image" list)" "$few"
	is "all of them" "$("$image" list "$name" | grep -cF "$name@20000101-000000.")" 20
	for number in {1..20}; do rm -rf --one-file-system "$home/20000101-000000.$number"; done
else
	skip "20 versions more are listed by no process more" "there is no strace"
fi
