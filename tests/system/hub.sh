#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The hub: never a second one, and none taken away, from whatever namespaces the caller is in.
. "$(dirname "$0")/lib.sh"

cleanup() {
	default_config
	in_jail alice true
}

hub() { stat -c %i "$T_RUNDIR/hub"; }

# elsewhere PROPAGATION COMMANDS: in a pid and mount namespace of their own, with a /proc that shows it. That mount
# stays private: where the host's are shared, it would cover the host's /proc and outlive its pid namespace.
elsewhere() {
	# shellcheck disable=SC2016
	unshare -m -p -f --propagation "$1" bash -c 'mount --make-private /proc; mount -t proc proc /proc; eval "$0"' "$2"
}
as_caller='setpriv --reuid=33 --regid=33 --clear-groups'

in_jail alice true
before=$(hub)
live=$(pin_inode alice)
for propagation in slave private shared; do
	elsewhere $propagation "$as_caller $T alice true" >"$OUT" 2>"$ERR" && got=0 || got=$?
	is "a caller in a pid and mount namespace of its own, $propagation: it runs there or is refused, in words" \
		"$got $(grep -c '^trampoline: cannot ' "$ERR")" "$(if [ "$got" = 0 ]; then echo 0 0; else echo 125 1; fi)"
	is "the hub is the same one, $propagation" "$(hub)" "$before"
	is "and the jail is as live as it was, $propagation" "$(pin_inode alice)" "$live"
done

forget_all
# A host's mounts are shared, as systemd makes them, and a unit's are a copy that follows them.
# shellcheck disable=SC2016
is "no hub is there: none is made in a copy of the host's mounts, and no file is left of it" \
	"$(elsewhere private 'mount --make-rshared /; mount -t tmpfs none /run
		unshare -m -p -f --propagation slave sh -c "mount -t proc proc /proc; $T alice true" 2>/dev/null
		echo $?; ls "$T_RUNDIR"; $T alice true; echo $?')" "125"$'\n'"0"
ok "the host makes its own" in_jail alice true
is "one hub" "$(findmnt -rn -o TARGET | grep -c "^$T_RUNDIR/hub\$")" 1

# A container: a /run of its own. Its hub goes with it.
container="mount -t tmpfs none /run; mkdir -m 755 -p /run"
is "a container with a /run of its own has a hub of its own" \
	"$(elsewhere private "$container; $T alice id -u; $T alice id -u" 2>&1)" "$A"$'\n'"$A"
is "also where a keeper was killed before its hub was mounted" "$(elsewhere private "$container
	strace -f -o /dev/null -e trace=move_mount -e inject=move_mount:signal=KILL $T alice true >/dev/null 2>&1
	$T alice id -u" 2>&1 | tail -n 1)" "$A"
is "the host's is the same one" "$(findmnt -rn -o TARGET | grep -c "^$T_RUNDIR/hub\$")" 1
