# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The Debian package, built from a copy of the sources and tried in containers: a Debian by mmdebstrap in
# pid and mount namespaces of its own, so that nothing here reaches the machine's mounts or files.

. "$(dirname "$0")/../system/lib.sh"

suite=${SUITE:-bookworm}
# shellcheck disable=SC2034 # for the tests
version=$(sed -n 's/^VERSION := //p' Makefile)
chroots=$PWD/build/chroots
init=

# needs TOOL...: without one the file is skipped, and the reason said.
needs() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null && continue
		trap - EXIT
		echo "1..0 # SKIP there is no $tool; make check-package installs it"
		exit 0
	done
}

# chroot_make VARIANT PACKAGE,... DIRECTORY: unpacks a Debian there, which is fetched once and kept in build/.
chroot_make() {
	local kept
	kept=$chroots/$suite-$1-$(printf '%s' "$2" | sha256sum | cut -c 1-8).tar
	mkdir -p "$chroots" "$3"
	if [ ! -e "$kept" ] && ! mmdebstrap -q --variant="$1" --include="$2" "$suite" "$kept.new.tar" >"$T_WORK/mmdebstrap" 2>&1; then
		trap - EXIT
		echo "1..0 # SKIP no Debian $suite: $(tail -n 1 "$T_WORK/mmdebstrap")"
		exit 0
	fi
	[ -e "$kept" ] || mv "$kept.new.tar" "$kept"
	tar -C "$3" -xf "$kept"
	cp /etc/resolv.conf "$3/etc/resolv.conf"
}

# sources_copy DIRECTORY: what a checkout has.
sources_copy() {
	mkdir -p "$1"
	cp -R Makefile README.md LICENSE debian src include jail-image man tests "$1"
}

# container_start DIRECTORY: process 1 of the container sleeps, and all of it goes with that process.
container_start() {
	# shellcheck disable=SC2016 # the inner shell expands
	unshare --mount --pid --ipc --fork --kill-child --propagation private sh -euc '
		mount --bind "$1" "$1"
		cd "$1"
		mount -t proc -o nosuid,nodev,noexec proc proc
		mount -t tmpfs -o nosuid,nodev,mode=755 run run
		mkdir -p run/lock old
		pivot_root . old
		umount -l /old
		cd /
		rmdir /old
		touch /run/ready
		exec sleep infinity' sh "$1" >/dev/null 2>&1 </dev/null &
	starter=$!
	wait_for grep -q . "/proc/$starter/task/$starter/children"
	init=$(tr -d ' ' <"/proc/$starter/task/$starter/children")
	wait_for in_container test -e /run/ready
}

container_stop() {
	[ -n "$init" ] || return 0
	kill -KILL "$init" 2>/dev/null || :
	wait "$starter" 2>/dev/null || :
	init=
}

# in_container COMMAND...: as root, in it
in_container() {
	nsenter --target "$init" --mount --pid --ipc --root --wd env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
