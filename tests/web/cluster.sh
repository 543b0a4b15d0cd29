#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# trampoline-cluster(7) on one machine: two installations with the same users' data, images that are carried from one to
# the other by the files that the page prints, and its balancer, a real Apache, before an Apache of each.
# shellcheck disable=SC2317 # the functions are called through ok() and wait_for()
. "$(dirname "$0")/../system/lib.sh"

PAGE=man/trampoline-cluster.7
NODE=$T_WORK/node # the second installation
NODE_RUN=$T_RUNDIR.node
N=$NODE/prefix/bin/trampoline
SITE=$T_WORK/site
image=$T_PREFIX/sbin/trampoline-image
carol_uid=$((A + 2))
servers=()
running= # a run on the second node, until there is a file called go

cleanup() {
	local point pid
	touch "$ALICE/go"
	for pid in "${servers[@]}"; do kill -TERM "$pid" 2>/dev/null || :; done
	wait "${servers[@]}" ${running:+"$running"} || :
	if [ -x "$N" ]; then "$N" --discard --all --kill >/dev/null 2>&1 || :; fi
	for point in "$NODE_RUN/hub" "$NODE_RUN" "$NODE/state/data"; do
		while findmnt -n "$point" >/dev/null; do umount "$point" || umount -l "$point" || break; done
	done
	[ ! -d "$NODE_RUN" ] || rm -rf --one-file-system "$NODE_RUN"
	[ ! -d "$DATA/carol" ] || remove_user carol
	"$image" prune default >/dev/null 2>&1 || :
	touch -r "$T_WORK/stamp" "$IMAGES/default"
	rm -f "$ALICE"/{app,seen,shared,running,go} "$DATA/alice/tmp/shared"
	in_jail alice true
	in_jail bob true
}

on_node() { as_www "$N" "$@"; }

# printed PATH: the file of this name as the page has it, for the second node
printed() {
	awk -v item=".It Pa $1" '
		$0 == item { is_here = 1 }
		is_here && /^\.Ed/ { exit }
		is_text
		is_here && /^\.Bd/ { is_text = 1 }' "$PAGE" | sed "s|/srv/images|$NODE/arrived|; s|/usr/local/sbin|$NODE/prefix/sbin|"
}

# --- two nodes -----------------------------------------------------------------------------------

mkdir -m 755 "$NODE"
node_make() {
	make --no-print-directory -s -j2 BUILD="$T_WORK/node-build" CFLAGS=-O1 PREFIX="$NODE/prefix" \
		SYSCONFDIR="$NODE/etc" STATEDIR="$NODE/state" RUNDIR="$NODE_RUN" CGROUP="$T_MARK" "$@"
}
ok "a second node is installed" node_make install
mount --bind "$DATA" "$NODE/state/data"
status 125 "without an image of its own it refuses requests" on_node alice true

mkdir -m 700 "$NODE/arrived" "$NODE/arrived/done" "$NODE/arrived/refused"
printed /usr/local/sbin/trampoline-arrived >"$NODE/prefix/sbin/trampoline-arrived"
chmod 755 "$NODE/prefix/sbin/trampoline-arrived"
printed /etc/systemd/system/trampoline-arrived.service >"$T_WORK/trampoline-arrived.service"
printed /etc/systemd/system/trampoline-arrived.path >"$T_WORK/trampoline-arrived.path"
command=$(sed -n 's/^ExecStart=//p' "$T_WORK/trampoline-arrived.service")
is "the service runs the program of the page" "$command" "$NODE/prefix/sbin/trampoline-arrived"
is "and the path unit waits for what that imports" "$(sed -n 's/^PathExistsGlob=//p' "$T_WORK/trampoline-arrived.path")" \
	"$NODE/arrived/*.tar.zst"
arrive() { PATH=$NODE/prefix/sbin:$PATH "$command" "$@"; }
current() { readlink "$NODE/state/images/default/current"; }

touch -r "$IMAGES/default" "$T_WORK/stamp"
# Two versions, which say in /etc/image which they are.
mkdir "$T_WORK/tree"
cp -a "$IMAGES/default/current/." "$T_WORK/tree"
version() {
	echo "$1" >"$T_WORK/tree/etc/image"
	"$image" build default --from "$T_WORK/tree" --no-activate 2>"$ERR"
}
first=$(version first)
second=$(version second)
# send VERSION: as rsync does, under another name first
send() {
	"$image" export "$1" "$T_WORK/$1.tar.zst" 2>"$ERR"
	cp "$T_WORK/$1.tar.zst" "$NODE/arrived/.$1.tar.zst.x"
	mv "$NODE/arrived/.$1.tar.zst.x" "$NODE/arrived/$1.tar.zst"
}
send "$first"
: >"$NODE/arrived/.under-way.tar.zst.x"
ok "an image that arrives is imported" arrive
is "and activated" "default@$(current)" "$first"
is "its file is put away, and one that is under way is not" "$(cd "$NODE/arrived" && find . -type f | sort | xargs)" \
	"./.under-way.tar.zst.x ./done/$first.tar.zst"
ok "nothing more is done where nothing more has arrived" arrive
is "a request runs there" "$(on_node alice id -u)" "$A"

# --- users ---------------------------------------------------------------------------------------

"$T_PREFIX/sbin/trampoline-user" add carol --uid "$carol_uid" 2>"$ERR"
is "a user who is added is there for both" "$(in_jail carol id -un) $(on_node carol id -u)" "carol $carol_uid"
in_jail alice sh -c 'echo mine >shared && echo too >/tmp/shared'
is "what one node's run writes, the other's reads" "$(on_node alice sh -c 'cat shared /tmp/shared' | xargs)" "mine too"
printf '[environment]\numask = 077\n' >"$NODE/etc/trampoline/trampoline.conf"
is "the policy is each node's own" "$(in_jail alice sh -c umask) $(on_node alice sh -c umask)" "0022 0077"

# --- jails and images, each node's own -------------------------------------------------------------

node_pin() { "$T_TOOLS/nsmounts" -i "$NODE_RUN/hub" "jails/$1/mnt" 2>/dev/null || :; }
in_jail carol true
pin=$(node_pin carol)
# Again, because an umount elsewhere on this machine counts as a use, umount2(2); so would a look at the pin.
cleaned() { "$T" --cleanup && [ ! -e "$T_RUNDIR/jails/carol/record" ]; }
wait_for cleaned
is "a cleanup retires the jails of its node alone" "$(pin_inode carol) $(node_pin carol)" " $pin"
in_jail carol true
pin=$(pin_inode carol)
"$N" --discard carol
is "so does a discard" "$(pin_inode carol) $(node_pin carol)" "$pin "

image_of() { on_node alice probe image | sed 's/^image: //'; }
on_node alice sh -c 'echo up >running; until [ -e go ]; do sleep 0.1; done; probe image' >"$T_WORK/running" 2>&1 &
running=$!
wait_for test -s "$ALICE/running"
is "a run there sees the first version" "$(image_of)" first
send "$second"
size=$(stat -c %s "$T_WORK/$second.tar.zst")
head -c $((size / 2)) "$T_WORK/$second.tar.zst" >"$NODE/arrived/default@20000101-000000.tar.zst"
ok "of a good one and one that is cut short" arrive
is "the good one is activated" "default@$(current)" "$second"
is "and the other is put away" "$(ls "$NODE/arrived/refused")" default@20000101-000000.tar.zst
is "the next run there sees it" "$(image_of)" second
is "on the other node nothing has changed" "$(probe alice image)" ""
touch "$ALICE/go"
wait "$running" || :
running=
is "what ran meanwhile kept the first to its end" "$(cat "$T_WORK/running")" "image: first"
ok "it is rolled back" "$NODE/prefix/sbin/trampoline-image" rollback default
is "to the first" "default@$(current)" "$first"

# A node that may not write to the users' data, as with root_squash.
squashed() {
	# shellcheck disable=SC2016
	unshare --mount --propagation private sh -c 'mount -o remount,bind,ro "$1" && shift && exec "$@"' - "$NODE/state/data" "$@"
}
ok "where the users' data cannot be written, an image is activated" \
	squashed "$NODE/prefix/sbin/trampoline-image" activate "$second"
is "it is current" "default@$(current)" "$second"
like "and says what has not been done" "$(cat "$ERR")" "the users' passwd files are not renewed: run trampoline-user passwd\$"
not_ok "no user is added from there" squashed "$NODE/prefix/sbin/trampoline-user" add dora --uid $((A + 3))
not_ok "nor half of one" test -e "$DATA/dora"

# --- uninstalled, and installed again, as trampoline(8) has it ------------------------------------------

rm "$ALICE"/{go,running}
on_node alice sh -c 'echo up >running; until [ -e go ]; do sleep 0.1; done' 2>"$ERR" &
running=$!
wait_for test -s "$ALICE/running"
pin=$(node_pin alice)
ok "a node is uninstalled while a command runs" node_make uninstall
not_ok "its programs are gone" test -e "$N"
for kept in state/data/alice/home/alice state/images/default/current etc/trampoline/trampoline.conf; do
	ok "$kept is not" test -e "$NODE/$kept"
done
ok "the command runs on" kill -0 "$running"
is "and its jail stays pinned" "$(node_pin alice)" "$pin"
ok "the same version is installed once more" node_make install
ok "and ends what was live" "$N" --discard --all --kill
wait "$running" || :
running=
is "the jail is retired" "$(node_pin alice)" ""

# --- in front ------------------------------------------------------------------------------------

for program in apache2 curl; do
	command -v "$program" >/dev/null || {
		skip "a balancer before two nodes" "$program is not installed"
		exit 0
	}
done
cat >"$ALICE/app" <<'END'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
echo x >>seen
echo "$SERVER_PORT $(wc -l <seen)"
END
chmod 755 "$ALICE/app"
chown "$A:$A" "$ALICE/app"

# A network of their own, so that no port is taken.
unshare --net sh -c 'busybox ip link set lo up && exec sleep infinity' &
network=$!
servers+=("$network")
inside() { nsenter --net="/proc/$network/ns/net" -- "$@"; }
is_up() {
	[ "$(readlink "/proc/$network/ns/net")" != "$(readlink /proc/self/ns/net)" ] &&
		inside busybox ip link show lo | grep -q 'LOOPBACK,UP'
}
ok "the nodes have a network" wait_for is_up
front=8000 one=8001 two=8002

# start NAME PORT MODULE...: an Apache with the configuration on standard input
start() {
	local name=$1 port=$2 module
	shift 2
	mkdir -p "$SITE/$name"
	{
		for module in mpm_event authz_core "$@"; do
			echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
		done
		cat <<-END
			ServerRoot "$SITE/$name"
			ServerName localhost
			PidFile $SITE/$name/pid
			ErrorLog $SITE/$name/error.log
			User www-data
			Group www-data
			Listen 127.0.0.1:$port
		END
		cat
	} >"$SITE/$name/conf"
	# Not through a function, whose shell would be what is killed in the end.
	T_INSIDE=$T_MARK nsenter --net="/proc/$network/ns/net" -- apache2 -f "$SITE/$name/conf" -DFOREGROUND >"$SITE/$name/words" 2>&1 </dev/null &
	servers+=($!)
}
# node NAME PORT PROGRAM: the Apache of a node
node() {
	mkdir -p "$SITE/$1/cgi"
	printf '#!/bin/sh\nexec %s --cgi alice ./app\n' "$3" >"$SITE/$1/cgi/app"
	chmod 755 "$SITE/$1/cgi/app"
	start "$1" "$2" alias cgid <<-END
		ScriptSock $SITE/$1/socket
		ScriptAlias "/" "$SITE/$1/cgi/"
		<Directory "$SITE/$1/cgi">
			Require all granted
		</Directory>
	END
}
get() { inside curl -s --noproxy '*' -m "$DEADLINE" "$@"; }
answers() { get -f -o "$OUT" "127.0.0.1:$1/app"; }

mkdir -m 755 "$SITE"
node one "$one" "$T"
node two "$two" "$N"
balancer() {
	awk '/^<Proxy/ { is_here = 1 } is_here && /^\.Ed/ { exit } is_here' "$PAGE" |
		sed "s/\\\\e\$/\\\\/; s/node1.example.org:8080/127.0.0.1:$one/; s/node2.example.org:8080/127.0.0.1:$two/"
}
start front "$front" proxy proxy_http proxy_balancer lbmethod_byrequests slotmem_shm headers < <(balancer)
ok "a node answers" wait_for answers "$one"
ok "so does the other" wait_for answers "$two"
ok "and the balancer before them" wait_for answers "$front"

rm "$ALICE/seen"
for _ in {1..8}; do get "127.0.0.1:$front/app"; done >"$T_WORK/free"
is "requests without a cookie go to both nodes" "$(cut -d ' ' -f 1 "$T_WORK/free" | sort -u | xargs)" \
	"$one $two"
is "and each finds what the one before has left" "$(cut -d ' ' -f 2 "$T_WORK/free" | xargs)" "1 2 3 4 5 6 7 8"
for _ in {1..8}; do get -b "$T_WORK/jar" -c "$T_WORK/jar" "127.0.0.1:$front/app"; done >"$T_WORK/pinned"
is "those with the cookie go to one" "$(cut -d ' ' -f 1 "$T_WORK/pinned" | sort -u | wc -l)" 1

# The node of the cookie goes: Apache, its children, and the one that starts CGI programs.
port=$(head -n 1 "$T_WORK/pinned" | cut -d ' ' -f 1)
[ "$port" = "$one" ] && name=one || name=two
pgrep -f "apache2 -f $SITE/$name/conf" | xargs kill -KILL || :
if [ "$name" = one ]; then at=1; else at=2; fi
wait "${servers[at]}" || :
unset "servers[at]"
gone() { ! get -o "$OUT" "127.0.0.1:$port/app"; }
ok "when that node is gone" wait_for gone
for _ in 1 2 3 4; do
	get -o "$OUT" -w '%{http_code}\n' -b "$T_WORK/jar" -c "$T_WORK/jar" "127.0.0.1:$front/app"
done >"$T_WORK/after"
is "the next requests are answered by the other" "$(xargs <"$T_WORK/after")" "200 200 200 200"
