# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# An installation of its own for tests and measurements, compiled with its own paths. All of it lies in
# /var/lib/trampoline-test.N, where every parent is root's, and /run/trampoline-test.N.
# The working directory is the top of the sources; BUILD says where to build.

# installation_name: chooses the paths and exports them for the tests.
installation_name() {
	T_MARK=${INSTALLATION:-trampoline-test.$$-$RANDOM}
	T_ROOT=/var/lib/$T_MARK
	mkdir -m 755 "$T_ROOT"
	T_RUNDIR=/run/$T_MARK
	T_PREFIX=$T_ROOT/prefix T_SYSCONFDIR=$T_ROOT/etc T_STATEDIR=$T_ROOT/state
	T_TOOLS=$T_ROOT/tools T_WORK=$T_ROOT/work T=$T_PREFIX/bin/trampoline
	mkdir -m 755 "$T_TOOLS" "$T_WORK"
	# Process limits are counted for each uid of the machine, whichever installation runs them.
	T_ALICE=$((10001 + $$ % 999 * 10)) T_BOB=$((T_ALICE + 1))
	# Where cgroup2 is mounted, if it is.
	T_CGROUP=$(findmnt -rno TARGET -t cgroup2 | head -n 1 || :)/$T_MARK
	export T_ALICE T_BOB T T_PREFIX T_SYSCONFDIR T_STATEDIR T_RUNDIR T_TOOLS T_WORK T_MARK T_CGROUP
}

build_tools() {
	local flags="-std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra" cc=${CC:-cc}
	# Compiled elsewhere for here.
	if [ -d "$BUILD/tools" ]; then
		cp "$BUILD"/tools/* "$T_TOOLS"
		return
	fi
	# shellcheck disable=SC2086 # flags are words
	{
		$cc $flags -o "$T_TOOLS/caller" tests/system/caller.c &&
			$cc $flags -o "$T_TOOLS/nsmounts" tests/system/nsmounts.c &&
			$cc $flags -o "$T_TOOLS/entry" tests/bench/entry.c &&
			$cc $flags -static -o "$T_TOOLS/probe" tests/system/probe.c -lcap &&
			$cc $flags -static -nostdlib -fno-stack-protector -o "$T_TOOLS/true" tests/bench/true.c
	}
}

# installation_make: programs, a busybox image with our probe in it, alice and bob.
installation_make() {
	make --no-print-directory -j"$(nproc)" BUILD="$BUILD" PREFIX="$T_PREFIX" SYSCONFDIR="$T_SYSCONFDIR" \
		STATEDIR="$T_STATEDIR" RUNDIR="$T_RUNDIR" CGROUP="$T_MARK" DESTDIR= install && build_tools &&
		"$T_PREFIX/sbin/trampoline-image" build default --recipe busybox &&
		"$T_PREFIX/sbin/trampoline-user" add alice --uid "$T_ALICE" &&
		"$T_PREFIX/sbin/trampoline-user" add bob --uid "$T_BOB" &&
		install -m 755 "$T_TOOLS/probe" "$T_TOOLS/true" "$T_STATEDIR/images/default/current/usr/" &&
		mkdir -p "$T_SYSCONFDIR/systemd/system/timers.target.wants" &&
		ln -s "$T_PREFIX/lib/systemd/system/trampoline-cleanup.timer" "$T_SYSCONFDIR/systemd/system/timers.target.wants" &&
		ln -s ../usr/probe "$T_STATEDIR/images/default/current/bin/probe" &&
		"$T" --prepare alice && "$T" --prepare bob
}

# Prints each process that is in a jail of this installation, runs a program of it, or was started by a test. A
# process in this shell's own mount namespace is in no jail: where a test has mounted an image here, every process of
# the machine would count.
our_processes() {
	local here file
	here=$(readlink /proc/self/ns/mnt)
	{
		for file in $(grep -lF "$T_MARK/state/images/" /proc/[0-9]*/mountinfo || :); do
			[ "$(readlink "${file%mountinfo}ns/mnt" || echo "$here")" = "$here" ] || echo "$file"
		done
		grep -lzxF "T_INSIDE=$T_MARK" /proc/[0-9]*/environ || :
		find /proc/[0-9]*/exe -maxdepth 0 -lname "$T_PREFIX/*" || :
	} 2>/dev/null | cut -d / -f 3 | sort -u
}

# installation_remove: what a kernel can hold goes first, files last, and none below a mount.
installation_remove() {
	local pid point
	[ -n "${T_MARK:-}" ] || return 0
	if [ -n "${KEEP:-}" ]; then
		echo "kept: $T_ROOT and $T_RUNDIR (T=$T)"
		return 0
	fi
	for pid in $(our_processes); do
		kill -KILL "$pid" 2>/dev/null || :
	done
	# The hub, RUNDIR, and what a test has left; the last mounted first.
	awk -v mark="/$T_MARK" 'index($5, mark) { print $5 }' /proc/self/mountinfo | tac | while read -r point; do
		umount "$point" || :
	done
	if grep -qF "$T_MARK" /proc/self/mountinfo; then
		echo "not removed, something is still mounted there: $T_ROOT $T_RUNDIR" >&2
		return 1
	fi
	rm -rf --one-file-system "$T_ROOT" "$T_RUNDIR"
	# Cgroups are directories that only rmdir removes, and not before the last process is gone.
	if [ -d "$T_CGROUP" ]; then find "$T_CGROUP" -depth -type d -exec rmdir {} +; fi
}
