#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Row C12 of the attack classes: users' data on a real NFS server that squashes root, which is this
# machine too. First all of the data, then one user's alone, whose server goes away.
# shellcheck source=tests/system/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"

SERVED=$T_WORK/served
CAROL=$SERVED/carol/home/carol

cleanup() {
	local pid
	for pid in $(jail_processes); do kill -KILL "$pid" 2>/dev/null || :; done
	if findmnt -n "$DATA" >/dev/null; then umount -lf "$DATA"; fi
	if findmnt -n "$DATA/carol" >/dev/null; then umount -lf "$DATA/carol"; fi
	[ ! -d "$DATA/carol" ] || rmdir "$DATA/carol"
	exportfs -ua 2>/dev/null || :
	rpc.nfsd 0 || :
	for pid in $(pgrep -x rpc.mountd); do kill "$pid" || :; done
	if findmnt -n /proc/fs/nfsd >/dev/null; then umount /proc/fs/nfsd; fi
	retire carol
	retire dora
	in_jail alice true
	in_jail bob true
}

# On the file server the same paths are its own.
on_server() {
	# shellcheck disable=SC2016
	unshare -m --propagation private sh -c 'mount --bind "$0" "$1"; shift; exec "$@"' "$SERVED" "$DATA" "$@"
}

# mounted_at POINT PATH: soft, so that a server that does not answer is an error after a while.
mounted_at() {
	mount -t nfs4 -o "vers=4.2,soft,timeo=20,retrans=1,actimeo=0" "localhost:$2" "$1"
}

serve() {
	exportfs -o "rw,root_squash,no_subtree_check,fsid=0,sync" "*:$SERVED"
}

# within STATUS TEXT DESCRIPTION COMMAND...: that status, one sentence with TEXT, and no wait for ever: what is
# caught by dead storage never ends, so DEADLINE is long enough for an emulated processor.
within() {
	local wanted=$1 text=$2 description=$3 got=0 start=$SECONDS
	shift 3
	timeout -k 1 "$DEADLINE" "$@" >"$OUT" 2>"$ERR" </dev/null || got=$?
	if [ "$got" -eq "$wanted" ] && [ "$(wc -l <"$ERR")" -eq 1 ] &&
		grep -qE "^trampoline: cannot .*$text" "$ERR"; then
		pass "$description"
	else
		fail "$description" "status $got after $((SECONDS - start)) s" "$(cat "$ERR")" "$*"
	fi
}

www=(setpriv --reuid=33 --regid=33 --clear-groups --)

mkdir -m 755 "$SERVED"
mkdir -p /var/lib/nfs/v4recovery
touch /var/lib/nfs/etab /var/lib/nfs/rmtab /etc/exports
modprobe nfsd
mount -t nfsd nfsd /proc/fs/nfsd
serve
rpc.mountd -N 2 -N 3
rpc.nfsd -N 3 --grace-time 10 --lease-time 10 2
# Nobody had a file open before this server started.
echo Y >/proc/fs/nfsd/v4_end_grace 2>/dev/null || :

# --- all users' data ------------------------------------------------------------------------------

ok "on the server users are added" on_server "$T_PREFIX/sbin/trampoline-user" add carol --uid 20021
ok "the data of this machine is the server's" mounted_at "$DATA" /
not_ok "where root may not look" ls "$DATA/carol/home/carol"
ok "a jail is built on it" in_jail carol true
is "and entered" "$(in_jail carol id -u)" 20021
in_jail carol sh -c 'echo mine >written && echo too >/tmp/written'
is "what its user writes is the user's on the server" \
	"$(stat -c '%u' "$CAROL/written" "$SERVED/carol/tmp/written" | xargs) $(cat "$CAROL/written")" "20021 20021 mine"
is "and seen from the next entry" "$(in_jail carol cat written)" mine
in_jail carol sh -c 'chmod 000 written; mkdir -m 000 shut'
is "a file that its user has shut" "$(in_jail carol sh -c 'cat written 2>/dev/null || chmod 600 written && cat written')" mine
in_jail carol rmdir shut

status 1 "added from here, where root is nobody, a user is refused" \
	"$T_PREFIX/sbin/trampoline-user" add dora --uid 20022
like "with the reason and the cure" "$(cat "$ERR")" \
	'root_squash.*run trampoline-user on the file server'
is "and nothing is left of it" "$(find "$SERVED" -mindepth 1 -maxdepth 1 -printf '%f ')" "carol "
ok "added on the server it can be entered here" \
	on_server "$T_PREFIX/sbin/trampoline-user" add dora --uid 20022
is "at once" "$(in_jail dora id -un)" dora
status 1 "removed from here, a user is refused" "$T_PREFIX/sbin/trampoline-user" remove dora --yes
like "with the same" "$(cat "$ERR")" 'root_squash.*run trampoline-user on the file server'
is "and untouched" "$(stat -c %u "$SERVED/dora/home/dora")" 20022
is "and can be entered still" "$(in_jail dora id -un)" dora
like "check from here finds nothing amiss" "$("$T_PREFIX/sbin/trampoline-user" check carol 2>&1 && echo well)" '^well$'
ok "removed on the server" on_server "$T_PREFIX/sbin/trampoline-user" remove dora --yes
within 125 dora "it is refused here" "${www[@]}" "$T" dora true
ok "cleanup works" "$T" --cleanup
ok "and works again" "$T" --cleanup
is "and retires it, as nobody has used it" "$(pin_inode dora)" ""
retire carol
umount "$DATA"

# --- one user's data, and its server goes away ----------------------------------------------------

mkdir -m 755 "$DATA/carol"
ok "one user's data alone is the server's" mounted_at "$DATA/carol" /carol
is "the jail is entered" "$(in_jail carol cat written)" mine
is "and others' are" "$(in_jail bob id -u)" "$B"

exportfs -u "*:$SERVED"
exportfs -f
within 125 carol "the export is gone, the jail live: in bounded time, a sentence" "${www[@]}" "$T" carol true
ok "another user is served" timeout "$DEADLINE" "${www[@]}" "$T" bob true
# shellcheck disable=SC2016
ok "also with a jail that has to be built" timeout "$DEADLINE" sh -c '"$1" --discard bob && "$1" bob true' - "$T"
within 125 carol "the export is gone, and the jail has to be built" "${www[@]}" "$T" carol true
ok "cleanup works" timeout "$DEADLINE" "$T" --cleanup
ok "so does --list" timeout "$DEADLINE" "$T" --list
serve
ok "when it is back, it works without more" wait_for in_jail carol true
is "with what was there" "$(in_jail carol cat written)" mine

rpc.nfsd 0
# Without a word, as trampoline(8) has it: a wait for dead storage ends by a signal alone.
status 142 "the server does not answer, the jail is live: SIGALRM ends it" \
	timeout -k 1 "$DEADLINE" "${www[@]}" "$T" carol true
ok "another user is served" timeout "$DEADLINE" "${www[@]}" "$T" bob true
ok "cleanup works, and asks no storage" timeout "$DEADLINE" "$T" --cleanup
ok "another user is served still" timeout "$DEADLINE" "${www[@]}" "$T" bob true
rpc.nfsd -N 3 --grace-time 10 --lease-time 10 2
echo Y >/proc/fs/nfsd/v4_end_grace 2>/dev/null || :
ok "when it is back, it works without more" wait_for in_jail carol true
is "with what was there" "$(in_jail carol cat written)" mine
