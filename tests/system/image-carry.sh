#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# trampoline-image export and import: a version gets to another machine whole, and an archive that is not
# one of ours reaches nothing of this machine.
. "$(dirname "$0")/lib.sh"

image=$T_PREFIX/sbin/trampoline-image
name=Carried-2026.1_whole-image-with-a-name-of-more-than-32-letters
home=$IMAGES/$name
archive=$T_WORK/carried.tar.zst

# The same program with a directory of images of its own: another machine.
elsewhere=$T_WORK/elsewhere
mkdir "$elsewhere"
sed "s|^statedir=.*|statedir=$elsewhere|" "$image" >"$T_WORK/there"
chmod 755 "$T_WORK/there"
there() { "$T_WORK/there" "$@"; }
there_home=$elsewhere/images/$name

cleanup() {
	rm -rf --one-file-system "$home"
}

if ! command -v zstd >/dev/null; then
	skip "a version gets to another machine" "there is no zstd"
	exit 0
fi

# --- there and back --------------------------------------------------------------------------------

from=$T_WORK/from
mkdir -p "$from/bin" "$from/usr/a directory" "$from/usr/closed" "$from/home"
cp /bin/busybox "$from/bin/busybox"
ln -s busybox "$from/bin/sh"
ln "$from/bin/busybox" "$from/bin/link"
echo x >"$from/usr/a directory/x\\y [z]*"
truncate -s 1M "$from/usr/sparse"
chmod 711 "$from/usr/closed" "$from"
ln -s ../../../../etc/shadow "$from/usr/up"
ln -s /etc/shadow "$from/usr/absolute"
echo nameserver 192.0.2.1 >"$T_WORK/resolv.conf"
"$image" build "$name" --from "$from" --resolv-conf "$T_WORK/resolv.conf" 2>"$ERR" >"$OUT"
version=$(readlink "$home/current")
ok "the current version is exported" "$image" export "$name" "$archive"
is "its archive has the manifest first, and all owners as numbers" \
	"$(tar --zstd -tvf "$archive" | awk 'NR == 1 { print $NF } $2 != "0/0"')" "$name/$version.manifest"
not_ok "an archive that is there is not replaced" "$image" export "$name@$version" "$archive"
like "it says so" "$(cat "$ERR")" "cannot write $archive: it is there already\$"
ok "it is imported where there are no images yet" there import "$archive"
is "which says what it is" "$(cat "$OUT")" "$name@$version"
is "nothing but the version and its manifest is there" \
	"$(find "$there_home" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)" "$version $version.manifest"
look() { (cd "$1" && find . -printf '%p %y %m %U:%G %n %l\n' | sort && find . -type f -exec sha256sum {} + | sort -k 2); }
is "with the same objects" "$(look "$there_home/$version")" "$(look "$home/$version")"
is "and manifest" "$(cat "$there_home/$version.manifest")" "$(cat "$home/$version.manifest")"
ok "it passes its audit" there audit "$name@$version"
ok "imported again" there import "$archive" --activate
is "it is there already, and current if that is asked for" "$(readlink "$there_home/current")" "$version"
there export "$name" "$T_WORK/again.tar.zst" 2>"$ERR"
is "what is exported there is the same archive" "$(zstd -dc "$T_WORK/again.tar.zst" | tar -tv | sort)" \
	"$(zstd -dc "$archive" | tar -tv | sort)"
rm -rf --one-file-system "$home"
ok "removed here and imported with --activate" "$image" import "$T_WORK/again.tar.zst" --activate
is "it is current" "$(readlink "$home/current")" "$version"

ok "a second version" "$image" build "$name" --from "$from"
chmod o+w "$home/$version/etc/hosts"
not_ok "a version that fails its audit is not exported" "$image" export "$name@$version" "$T_WORK/bad.tar.zst"
is "nor is a part of it" "$(find "$T_WORK" -name 'bad*')" ""
chmod o-w "$home/$version/etc/hosts"
for bad in "" nothing "$name@20000101-000000" "../$name" "$name@../$name"; do
	not_ok "there is no \"$bad\" to export" "$image" export "$bad" "$T_WORK/bad.tar.zst"
done
mkdir "$T_WORK/full"
if mount -t tmpfs -o size=64k none "$T_WORK/full"; then
	not_ok "on a full disk nothing is exported" "$image" export "$name" "$T_WORK/full/x.tar.zst"
	is "nor left" "$(ls -A "$T_WORK/full")" ""
	umount "$T_WORK/full"
fi

# --- archives that are not ours --------------------------------------------------------------------

victim=$T_WORK/victim
mkdir "$victim"
echo precious >"$victim/hosts"
before=$(find "$victim" -printf '%p %y %m %U %n %s %T@ %C@\n' | sort)
rm -rf --one-file-system "$there_home"

# forged DESCRIPTION SCRIPT [MANIFEST]: an archive that SCRIPT, in Python, has made of ours is refused, and
# nothing is left of it. It has the members m in their order, each with its data, and the lines of the
# manifest; member() makes another, listed() has the manifest list what it is not.
forged() {
	python3 - "$archive" "$T_WORK/forged.tar" "$name" "$version" "$victim" "$2" <<-'END'
		import hashlib, io, subprocess, sys, tarfile
		ours, made, name, version, victim, script = sys.argv[1:]
		source = tarfile.open(fileobj=io.BytesIO(subprocess.run(["zstd", "-dc", ours], stdout=subprocess.PIPE).stdout))
		m = [(t, source.extractfile(t).read() if t.isreg() else b"") for t in source]
		lines = m[0][1].decode().splitlines()
		top, up = f"{name}/{version}", "../" * 12
		def member(path, type="REGTYPE", link="", mode=0o644, uid=0):
		    t = tarfile.TarInfo(path)
		    t.type, t.linkname, t.mode, t.uid = getattr(tarfile, type), link, mode, uid
		    t.devmajor, t.devminor = 1, 3
		    m.append((t, b"evil\n" if t.isreg() else b""))
		evil = hashlib.sha256(b"evil\n").hexdigest()
		def listed(path, kind="f", mode="644", owner="0:0", size="5", rest=evil):
		    lines.insert(-1, "\t".join((path, kind, mode, owner, size, rest)))
		exec(script)
		m[0] = (m[0][0], ("\n".join(lines) + "\n").encode())
		with tarfile.open(made, "w", format=tarfile.GNU_FORMAT) as out:
		    for t, data in m:
		        t.size = len(data)
		        out.addfile(t, io.BytesIO(data))
	END
	not_ok "refused: $1" there import "$T_WORK/forged.tar" --activate
	cp "$ERR" "$T_WORK/said"
	is "$1: nothing is left" "$(find "$elsewhere/images" -mindepth 1)" ""
	is "$1: this machine is untouched" "$(find "$victim" -printf '%p %y %m %U %n %s %T@ %C@\n' | sort)" "$before"
}
forged "a file too many" 'member(top + "/etc/new")'
like "it is named" "$(cat "$T_WORK/said")" '^/etc/new: is not in the manifest$'
forged "a file too few" 'm = [x for x in m if x[0].name != top + "/etc/hosts"]'
forged "another byte" 'm = [(t, b"127.0.0.2 localhost\n" if t.name == top + "/etc/hosts" else d) for t, d in m]'
like "it is named" "$(cat "$T_WORK/said")" '^/etc/hosts: is f 644 0:0 20 .*, and in the manifest f 644 0:0 '
forged "a setuid program that the manifest has too" 'member(top + "/bin/evil", mode=0o4755); listed("/bin/evil", mode="4755")'
like "it says why" "$(cat "$T_WORK/said")" '^/bin/evil: is f 755 0:0 .*, and in the manifest f 4755 0:0 '
forged "a file that all may write" 'member(top + "/bin/evil", mode=0o666); listed("/bin/evil", mode="666")'
forged "a file of a user's" 'member(top + "/bin/evil", uid=20001); listed("/bin/evil", owner="20001:0")'
forged "a device" 'member(top + "/null", "CHRTYPE"); listed("/null", "c", size="0", rest="-")'
forged "a fifo" 'member(top + "/pipe", "FIFOTYPE"); listed("/pipe", "p", size="0", rest="-")'
forged "a passwd of its own" '
m = [x for x in m if x[0].name != top + "/etc/passwd"]
lines = [x for x in lines if not x.startswith("/etc/passwd\t")] + ["complete"]
lines.pop(-2)
member(top + "/etc/passwd"); listed("/etc/passwd")'
like "the audit names it" "$(cat "$T_WORK/said")" '^/etc/passwd: is not a link to'
forged "a manifest that is cut short" 'lines.pop()'
forged "a manifest in two parts" 'lines += lines'
forged "a manifest that is a link" 'm[0][0].type, m[0][0].linkname = tarfile.SYMTYPE, victim + "/hosts"'
forged "a name that leads up" "member(top + '/' + up + victim + '/new')"
forged "an absolute name" 'member(victim + "/new"); m = [x for x in m if x[0].name != top + "/etc/hosts"]; member(victim + "/hosts")'
forged "a file behind an absolute link" 'member(top + "/way", "SYMTYPE", victim); member(top + "/way/hosts")'
forged "a file behind a link that leads up" 'member(top + "/way", "SYMTYPE", up + victim); member(top + "/way/new")'
forged "a hard link to this machine's" 'member(top + "/hard", "LNKTYPE", victim + "/hosts"); listed("/hard", size="9")'
forged "a hard link up" 'member(top + "/hard", "LNKTYPE", up + victim + "/hosts")'
forged "a tree that is a link" 'm[1:] = []; member(top, "SYMTYPE", victim); member(top + "/hosts")'
forged "no tree" 'm[1:] = []'
forged "a name with a line feed" 'member(top + "/x\ny")'
for bad in "$version" "../$version" "$name/../$version" "/$name/$version" "$name/x" "$name/.new-$version" ".a/$version" \
	"a@b/$version" "+A/$version" "$name/$version/x" "$name/$version.$(printf '%060d' 1)"; do
	forged "a version called $bad" "m[0][0].name = '$bad.manifest'"
	like "it says so" "$(cat "$T_WORK/said")" 'forged.tar: it is no archive that trampoline-image export has made$'
done
head -c 300000 "$archive" >"$T_WORK/short.tar.zst"
not_ok "an archive that is cut short" there import "$T_WORK/short.tar.zst"
is "leaves nothing" "$(find "$elsewhere/images" -mindepth 1)" ""
for bad in "" /nowhere "$T_WORK" /etc/passwd /dev/null; do
	not_ok "no archive: \"$bad\"" there import "$bad"
done
not_ok "another option" there import "$archive" --force
not_ok "without root" as_www "$image" import "$archive"

# --- what is there ---------------------------------------------------------------------------------

there import "$archive" 2>"$ERR" >"$OUT"
echo >>"$there_home/$version/etc/hosts"
sed -i 's|^\(/etc/hosts\t.*\)$|\1x|' "$there_home/$version.manifest"
not_ok "a version that is there with other content is refused" there import "$archive"
like "it says so" "$(cat "$ERR")" "cannot import $name@$version: it is there already, with other content\$"
mv "$there_home/$version" "$there_home/.old-$version"
not_ok "and one that a killed prune has left" there import "$archive"
like "it says what to do" "$(cat "$ERR")" "another command is at work on it, or was \(see trampoline-image prune\)\$"
mv "$there_home/.old-$version" "$there_home/.new-$version"
exec 9<"$there_home/.new-$version"
flock 9
not_ok "and one that is being imported" there import "$archive"
ok "which goes on" test -d "$there_home/.new-$version/etc"
exec 9<&-
ok "what a killed import left" there import "$archive"
is "is gone" "$(find "$there_home" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)" "$version $version.manifest"
