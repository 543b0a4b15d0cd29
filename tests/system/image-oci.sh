#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The oci recipe: images of containers, made by umoci and skopeo, become images of jails; hostile ones
# reach nothing of this machine.
. "$(dirname "$0")/lib.sh"

image=$T_PREFIX/sbin/trampoline-image
home=$IMAGES/container
made=$home/current
carol=$((T_BOB + 1))

cleanup() {
	[ ! -d "$DATA/carol" ] || remove_user carol
	rm -f "$CONFIG/jails.d/carol.conf"
	rm -rf --one-file-system "$home"
}

mkdir "$T_WORK/few"
ln -s "$(command -v dirname)" "$T_WORK/few"
not_ok "without skopeo and umoci nothing is built" \
	env PATH="$T_WORK/few" /bin/sh "$T_PREFIX/share/trampoline/recipes/oci" "$T_WORK/tree" --source oci:x
is "which is said" "$(cat "$ERR")" "oci: cannot read oci:x: skopeo is missing; apt install skopeo umoci"
if ! command -v skopeo >/dev/null || ! command -v umoci >/dev/null; then
	skip "an image of a container becomes one of a jail" "there is no skopeo and umoci"
	exit 0
fi

# --- an image with two layers ----------------------------------------------------------------------

layout=$T_WORK/layout
umoci init --layout "$layout"
# begin TAG: an image without layers
begin() {
	tag=$1
	umoci new --image "$layout:$tag"
}
# layer COMMAND...: a layer more, of what COMMAND makes in an empty directory
layer() {
	rm -rf --one-file-system "${T_WORK:?}/root"
	mkdir "$T_WORK/root"
	(cd "$T_WORK/root" && "$@")
	tar -C "$T_WORK/root" -cf "$T_WORK/layer.tar" .
	umoci raw add-layer --image "$layout:$tag" "$T_WORK/layer.tar"
}
# hostile_layer NAME TYPE LINK [NAME TYPE LINK]...: a layer more, of members that tar would not write; TYPE
# as in tarfile
hostile_layer() {
	python3 - "$T_WORK/layer.tar" "$@" <<-'END'
		import io, sys, tarfile
		out, words = tarfile.open(sys.argv[1], "w"), sys.argv[2:]
		while words:
		    member = tarfile.TarInfo(words.pop(0))
		    member.type = getattr(tarfile, words.pop(0))
		    member.linkname, member.mode = words.pop(0), 0o6777
		    member.devmajor, member.devminor = 1, 3
		    data = b"evil\n" if member.isreg() else b""
		    member.size = len(data)
		    out.addfile(member, io.BytesIO(data))
	END
	umoci raw add-layer --image "$layout:$tag" "$T_WORK/layer.tar"
}
build() { "$image" build container --recipe oci --source "$@"; }

first() {
	mkdir -p bin etc app/old usr/share
	cp /bin/busybox bin/busybox
	chmod 4755 bin/busybox
	for applet in sh cat id ls; do ln -s busybox bin/$applet; done
	echo 'root:x:0:0::/:/bin/sh' >etc/passwd
	echo here >app/stays
	ln app/stays app/link
	touch app/goes app/old/goes
	chown -R 1000:1000 app
}
second() {
	mkdir -p app/old
	touch app/.wh.goes app/old/.wh..wh..opq app/old/new
	printf '#!/bin/sh\nprintf "this is the app, of "; id -u\n' >app/run
	chmod 755 app/run
}
begin app
layer first
layer second
umoci config --image "$layout:app" --config.env PATH=/app:/bin --config.env 'GREETING=hello,  "world" \ é; #1' \
	--config.env HOME=/root --config.env "$(printf 'TWO=a\nb = c')" --config.env A.B=c --config.env 'C=a ;b' --config.env 'D=;x' \
	--config.env 'TZ=Europe/Berlin' \
	--config.workingdir /app --config.user app --config.entrypoint /app/run --config.cmd serve
skopeo copy -q "oci:$layout:app" "oci-archive:$T_WORK/app.oci.tar"
skopeo copy -q "oci:$layout:app" "docker-archive:$T_WORK/app.docker.tar:app:latest"

ok "an image is built from an archive of OCI's kind" build "oci-archive:$T_WORK/app.oci.tar"
is "standard output has its name alone" "$(cat "$OUT")" "container@$(readlink "$made")"
is "what it sets is shown as configuration" "$(sed -n '/^\[env/,/^trampoline/p' "$ERR")" '[environment]
path = /app:/bin

[set]
GREETING = hello,  "world" \ é; #1
TZ = Europe/Berlin

trampoline-image: tidying'
is "each variable that has no line there is named, and what is ignored" "$(grep '^oci: ' "$ERR")" \
	'oci: left out, because trampoline.conf has no such variables: TWO
oci: left out, because trampoline.conf has no such variables: A.B
oci: left out, because trampoline.conf has no such variables: C
oci: left out, because trampoline.conf has no such variables: D
oci: its working directory is "/app": see trampoline --chdir
oci: its user "app" is ignored: a command runs as the user of the jail
oci: its entry point ["/app/run"] is ignored: the caller says what runs
oci: for trampoline.conf, or jails.d/NAME.conf of its users:'
ok "it passes its audit" "$image" audit container
is "the second layer has taken away of the first what it says" "$(cd "$made/app" && find . | sort | xargs)" \
	". ./link ./old ./old/new ./run ./stays"
is "hard links are links" "$(stat -c %h "$made/app/stays")" 2
is "all of it is root's, and nothing is setuid" "$(find "$made/" \( ! -uid 0 -o ! -gid 0 -o ! -type l -perm /7022 \))" ""
is "home and tmp are there to mount on" "$(find "$made/home" "$made/tmp" -printf '%y %m ')" "d 755 d 755 "
is "only the version is left" "$(find "$home" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)" \
	"$(readlink "$made") $(readlink "$made").manifest current"
printf '[trampoline]\nimage = container\n' | override carol
make_user carol "$carol"
is "a command of it runs in a jail" "$(in_jail carol /app/run 2>&1)" "this is the app, of $carol"

cp "$home/$(readlink "$made").manifest" "$T_WORK/manifest"
for source in "oci:$layout:app" "docker-archive:$T_WORK/app.docker.tar"; do
	ok "the same from ${source%%:*}:" build "$source"
	is "file for file" "$(cat "$home/$(readlink "$made").manifest")" "$(cat "$T_WORK/manifest")"
done
from_here() { (cd "$T_WORK" && build docker-archive:app.docker.tar); }
ok "a file is found from where one is" from_here

# --- what does not build ---------------------------------------------------------------------------

before=$(readlink "$made")
for source in '' app "$T_WORK/app.oci.tar" "dir:$layout" containers-storage:app docker-daemon:app:latest tarball:x docker: \
	docker://; do
	not_ok "no source: \"$source\"" build "$source"
done
like "the refusal says what is one" "$(cat "$ERR")" \
	'^oci: cannot read docker://: want docker-archive:FILE, oci-archive:FILE, oci:DIR\[:TAG\] or docker://IMAGE$'
for source in "oci:$layout:nothing" oci-archive:/nowhere docker-archive:/etc/passwd; do
	not_ok "no image: $source" build "$source"
done
not_ok "no source at all" "$image" build container --recipe oci
not_ok "two options" build "oci:$layout:app" --tag x
truncate -s -20k "$T_WORK/app.oci.tar"
not_ok "an archive that is cut short" build "oci-archive:$T_WORK/app.oci.tar"
is "current stays" "$(readlink "$made")" "$before"
is "and nothing of them" "$(find "$home" -mindepth 1 -maxdepth 1 -name '.*')" ""

# --- hostile images --------------------------------------------------------------------------------

victim=$T_WORK/victim
mkdir "$victim"
echo precious >"$victim/hosts"
state() { find "$victim" -printf '%p %y %m %U %n %s %T@ %C@\n' | sort; }
before=$(state)
up=../../../../../../../../../..
# hostile TAG DESCRIPTION: it builds or it does not, this machine is as it was, and what is built is sound
hostile() {
	build "oci:$layout:$1" >"$OUT" 2>"$T_WORK/said" || :
	is "$2: this machine is untouched" "$(state)" "$before"
	is "$2: nothing of it is in the image" "$(grep -rlF precious "$made/" 2>/dev/null || :)" ""
	ok "$2: the current image is sound" "$image" audit container
	is "$2: and has nothing that is setuid or a device" \
		"$(find "$made/" ! -type l \( -perm /7022 -o ! -type f ! -type d \))" ""
}
begin modes
layer first
hostile_layer app/null CHRTYPE '' app/pipe FIFOTYPE '' app/root REGTYPE ''
hostile modes "devices and setuid programs"
like "which is told" "$(cat "$T_WORK/said")" 'removed \./app/null \(a device, fifo or socket\)'
begin through
layer first
hostile_layer app/way SYMTYPE "$victim"
hostile_layer app/way/hosts REGTYPE '' app/way/new REGTYPE ''
hostile through "a file behind a link of the layer below"
begin once
layer first
hostile_layer app/way SYMTYPE "$up$victim" app/way/hosts REGTYPE ''
hostile once "a file behind a link of the same layer"
begin names
layer first
hostile_layer "$up$victim/hosts" REGTYPE '' "$victim/new" REGTYPE ''
hostile names "names that lead out"
for target in "$victim/hosts" "$up$victim/hosts"; do
	begin hard
	layer first
	hostile_layer app/hard LNKTYPE "$target"
	hostile hard "a hard link to $target"
done
begin white
layer first
hostile_layer app/way SYMTYPE "$victim"
hostile_layer app/way/.wh.hosts REGTYPE '' "$up$victim/.wh.hosts" REGTYPE '' app/way/.wh..wh..opq REGTYPE ''
hostile white "whiteouts behind a link"
for directory in etc home tmp var; do
	begin place
	hostile_layer "$directory" SYMTYPE "$victim"
	hostile place "a link for $directory"
done

# A configuration that is not in the archive, but is to be had from an address.
python3 - "$layout" "$T_WORK/port" "$T_WORK/came" <<'END' &
import hashlib, json, socket, sys
layout, port_file, came = sys.argv[1:]
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
kind = "application/vnd.oci.image."
missing = "sha256:" + hashlib.sha256(b"missing").hexdigest()
url = "http:" + f"//127.0.0.1:{s.getsockname()[1]}/config"
config = {"mediaType": kind + "config.v1+json", "digest": missing, "size": 7, "urls": [url]}
manifest = json.dumps({"schemaVersion": 2, "config": config, "layers": []}).encode()
digest = hashlib.sha256(manifest).hexdigest()
with open(f"{layout}/blobs/sha256/{digest}", "wb") as f:
    f.write(manifest)
index = json.load(open(layout + "/index.json"))
index["manifests"].append({"mediaType": kind + "manifest.v1+json", "digest": "sha256:" + digest, "size": len(manifest),
                           "annotations": {"org.opencontainers.image.ref.name": "address"}})
json.dump(index, open(layout + "/index.json", "w"))
open(port_file, "w").close()
s.accept()
open(came, "w").close()
END
listener=$!
wait_for test -e "$T_WORK/port"
not_ok "a part of an image that is to be fetched from an address" build "oci:$layout:address"
like "the build says that it cannot be had" "$(cat "$ERR")" '127\.0\.0\.1:[0-9]+/config'
ok "and does not ask for it" test ! -e "$T_WORK/came"
kill "$listener" || :
wait "$listener" 2>/dev/null || :

# A registry is asked where the source names it.
python3 - "$T_WORK/registry" <<'END' &
import os, socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(s.getsockname()[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
s.accept()
open(sys.argv[1] + ".asked", "w").close()
END
listener=$!
wait_for test -e "$T_WORK/registry"
not_ok "a registry that is none" build "docker://127.0.0.1:$(cat "$T_WORK/registry")/course:latest"
ok "has been asked, because the source says so" wait_for test -e "$T_WORK/registry.asked"
kill "$listener" 2>/dev/null || :
wait "$listener" 2>/dev/null || :
