#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The package in a Debian without systemd: installed, upgraded while requests come, removed, purged.
# shellcheck disable=SC2317 # the functions are called through ok()
. "$(dirname "$0")/lib.sh"
needs mmdebstrap unshare dh

root=$T_WORK/root
cleanup() { container_stop; }

program=/usr/bin/trampoline
later=$version+later
timer=/etc/systemd/system/timers.target.wants/trampoline-cleanup.timer

# package_make VERSION: as it would be built, without its tests, which build.sh runs
package_make() {
	local sources=$T_WORK/sources-$1
	sources_copy "$sources"
	sed -i "s/^VERSION := .*/VERSION := $1/" "$sources/Makefile"
	sed -i "1s/(.*)/($1)/" "$sources/debian/changelog"
	DEB_BUILD_OPTIONS='nocheck noautodbgsym' make -s -C "$sources" BUILD="$sources/build" deb
	cp "$sources/build/deb/trampoline_$1_amd64.deb" "$root/"
}
install_version() { in_container dpkg --force-confold -i "/trampoline_$1_amd64.deb"; }

chroot_make minbase attr,libcap2,libmount1,libseccomp2,busybox-static,cron "$root"
ok "a package can be built" package_make "$version"
ok "and one of a later version" package_make "$later"
container_start "$root"

# www COMMAND...: as the web server, in the container
www() { in_container setpriv --reuid=www-data --regid=www-data --clear-groups -- "$@"; }
mode() { in_container stat -c '%a %U:%G' "$program"; }
state() { in_container trampoline --list | awk -v jail="$1" '$1 == jail { print $3 }'; }
our_mounts() { in_container grep -c ' /run/trampoline' /proc/self/mountinfo || :; }

# --- installed -----------------------------------------------------------------------------------
ok "it is installed" install_version "$version"
is "the program is set-user-ID, and www-data may execute it" "$(mode)" '4754 root:www-data'
is "it knows its version" "$(in_container trampoline --version)" "trampoline $version"
ok "the timer is enabled for where systemd runs" in_container test -L "$timer"
ok "what dpkg installed is as in the archive" in_container dpkg --verify trampoline
in_container trampoline-image build default --recipe busybox >/dev/null
ok "nothing is wrong with the installation" in_container trampoline --check
in_container mkdir /autopkgtest
cp debian/tests/demo "$root/autopkgtest/"
ok "the package's own test passes" in_container /autopkgtest/demo
like "what reportbug adds to a report names the program's mode" \
	"$(in_container sh -c 'sh /usr/share/bug/trampoline 3>&1')" '^-rwsr-xr-- root:www-data /usr/bin/trampoline$'

in_container dpkg-statoverride --update --add root root 0700 "$program"
ok "it is installed again where the administrator has set another mode" install_version "$version"
is "which stays" "$(mode)" '700 root:root'
in_container dpkg-statoverride --remove "$program"
install_version "$version" >/dev/null
is "and is the package's again when the administrator's is gone" "$(mode)" '4754 root:www-data'

# --- the cleanup ---------------------------------------------------------------------------------
in_container trampoline-user add alice --uid "$T_ALICE" >/dev/null
in_container trampoline-user add bob --uid "$T_BOB" >/dev/null
cron_line=$(in_container sed -n 's|^\*/5 \* \* \* \* root ||p' /etc/cron.d/trampoline)
www trampoline alice true
in_container mkdir -p /run/systemd/system
ok "where systemd runs, cron's line succeeds" in_container sh -c "$cron_line"
is "and does nothing" "$(state alice)" idle
in_container rmdir /run/systemd/system
ok "elsewhere it succeeds" in_container sh -c "$cron_line"
is "and cleans up" "$(state alice)" marked

# --- upgraded, while it is used --------------------------------------------------------------------
echo '# mine' | in_container tee -a /etc/trampoline/trampoline.conf >/dev/null
www trampoline alice sh -c 'echo up >note; until [ -e go ]; do sleep 0.1; done; echo done; exit 7' >"$T_WORK/command" 2>&1 &
command=$!
www trampoline -t 1h alice sh -c 'echo up >timed; until [ -e go ]; do sleep 0.1; done; echo done; exit 8' >"$T_WORK/timed" 2>&1 &
timed=$!
note=/var/lib/trampoline/data/alice/home/alice/note
wait_for in_container test -s "$note" -a -s "${note%note}timed"
jail_before=$(www trampoline alice readlink /proc/self/ns/ipc)

# Requests, each of which needs a keeper: without its record a jail is built again.
requests() {
	in_container sh -c 'while [ ! -e /run/enough ]; do
		rm -f /run/trampoline/jails/bob/record
		setpriv --reuid=www-data --regid=www-data --clear-groups -- trampoline bob true || echo "status $?"
		echo >>/run/requests
	done' >"$T_WORK/requests" 2>&1
}
requests &
storm=$!
wait_for in_container test -s /run/requests
ok "it is upgraded while a command, a supervised command and requests run" install_version "$later"
before=$(in_container wc -l /run/requests)
more() { [ "$(in_container wc -l /run/requests)" != "$before" ]; }
wait_for more
in_container touch /run/enough
wait "$storm"
is "no request failed meanwhile" "$(cat "$T_WORK/requests")" ''
is "the new program is there" "$(in_container trampoline --version)" "trampoline $later"
is "its mode is the package's" "$(mode)" '4754 root:www-data'
is "with its own keeper alone" "$(in_container ls /usr/libexec/trampoline)" "keeper-$later"
like "the administrator's configuration is kept" "$(in_container tail -n 1 /etc/trampoline/trampoline.conf)" '^# mine$'
is "the new program enters the jail that the old one built" \
	"$(www trampoline alice readlink /proc/self/ns/ipc)" "$jail_before"
www trampoline alice touch go
wait "$command" && got=0 || got=$?
is "the command has run to its end" "$got $(cat "$T_WORK/command")" '7 done'
wait "$timed" && got=0 || got=$?
is "and so has the supervised one" "$got $(cat "$T_WORK/timed")" '8 done'

# --- removed ---------------------------------------------------------------------------------------
www trampoline alice rm go
www trampoline alice sh -c 'echo up >running; until [ -e go ]; do sleep 0.1; done; echo done; exit 9' >"$T_WORK/command" 2>&1 &
command=$!
wait_for in_container test -s "${note%note}running"
ok "it is removed while a command runs" in_container dpkg -r trampoline
like "and says in whose jail" "$(cat "$OUT")" '^trampoline: commands still run in jails, and are left alone: alice $'
is "nothing of it is mounted any more" "$(our_mounts)" 0
not_ok "its state is gone" in_container test -e /run/trampoline
not_ok "the program is gone" in_container test -e "$program"
ok "the configuration is still there" in_container test -e /etc/trampoline/trampoline.conf
in_container touch "${note%note}go"
wait "$command" && got=0 || got=$?
is "the command has run to its end" "$got $(cat "$T_WORK/command")" '9 done'
ok "it can be installed again" install_version "$version"
is "and runs commands" "$(www trampoline alice cat note)" up

# --- purged ------------------------------------------------------------------------------------------
echo | in_container tee /etc/trampoline/jails.d/alice.conf >/dev/null
ok "it is purged" in_container dpkg -P trampoline
for kept in /var/lib/trampoline/data /var/lib/trampoline/images /etc/trampoline/jails.d; do
	like "and says that it keeps $kept" "$(cat "$OUT")" "^trampoline: kept, .*: $kept; "
done
is "a user's file is as it was" "$(in_container cat "$note")" up
is "its state is gone" "$(our_mounts) $(in_container ls /run/trampoline 2>&1 | grep -c 'No such')" '0 1'
not_ok "the policy is gone" in_container test -e /etc/trampoline/trampoline.conf
install_version "$version" >/dev/null
in_container rm -r --one-file-system /etc/trampoline/jails.d /var/lib/trampoline/data /var/lib/trampoline/images
in_container mkdir /var/lib/trampoline/.remove # as trampoline-user remove does
ok "it is purged where nothing was made by hand" in_container dpkg -P trampoline
is "nothing is left" "$(in_container sh -c 'ls -d /etc/trampoline /etc/cron.d/trampoline /var/lib/trampoline \
	/usr/libexec/trampoline '$timer' 2>/dev/null')" ''
