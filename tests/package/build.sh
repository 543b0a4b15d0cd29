#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The package is built with nothing but build-essential and what it asks for, twice, to the same bytes.
# shellcheck disable=SC2317 # the functions are called through ok()
. "$(dirname "$0")/lib.sh"
needs mmdebstrap unshare

root=$T_WORK/root
cleanup() { container_stop; }

chroot_make buildd fakeroot "$root"
sources_copy "$root/one"
sources_copy "$root/some/where/else"
container_start "$root"

package=trampoline_${version}_amd64.deb
built() { in_container cat "$1/build/deb/$package"; }

install_needs() {
	in_container apt-get -q update && in_container sh -c 'cd /one && apt-get -q -y --no-install-recommends build-dep ./'
}
ok "what the package needs to be built can be installed" install_needs
ok "and nothing else is needed: root builds it" in_container make -s -C /one deb
ok "the first one is there" in_container test -s "/one/build/deb/$package"

# As somebody else, elsewhere, at another time of the year and with another umask.
build_again() {
	in_container useradd -m builder && in_container chown -R builder: /some/where/else &&
		in_container runuser -u builder -- sh -c 'umask 077; TZ=Asia/Tokyo LC_ALL=C make -s -j3 -C /some/where/else deb'
}
ok "an ordinary user builds it too" build_again
ok "to the same bytes" cmp <(built /one) <(built /some/where/else)

built /one >"$T_WORK/$package"
list=$(dpkg-deb -c "$T_WORK/$package")
like "the program is root's and www-data's in the archive itself" "$list" \
	'^-rwsr-xr-- root/www-data .* \./usr/bin/trampoline$'
is "nothing else in it is set-user-ID" "$(grep -c '^[^ ]*s' <<<"$list")" 1
is "nothing else in it belongs to anybody but root" "$(grep -vc ' root/root ' <<<"$list")" 1
like "the keeper has the version in its name" "$list" "/usr/libexec/trampoline/keeper-$version\$"
is "the configuration files are known to dpkg" "$(dpkg-deb -I "$T_WORK/$package" conffiles | sort)" \
	$'/etc/cron.d/trampoline\n/etc/trampoline/trampoline.conf'
dpkg-deb -x "$T_WORK/$package" "$T_WORK/unpacked"
unlike "the launcher asks for no loader" "$(readelf -lW "$T_WORK/unpacked/usr/bin/trampoline")" INTERP
like "the keeper binds everything at the start" \
	"$(readelf -dW "$T_WORK/unpacked/usr/libexec/trampoline/keeper-$version")" BIND_NOW

if command -v lintian >/dev/null; then
	cp "$root/one/build/deb/"*.{dsc,tar.xz} "$T_WORK"
	is "lintian finds nothing, but for the overrides" \
		"$(lintian --allow-root --no-cfg -I --pedantic "$T_WORK"/*.dsc "$T_WORK/$package" 2>&1)" ''
else
	skip "lintian finds nothing" "there is no lintian; make check-package installs it"
fi
