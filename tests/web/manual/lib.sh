# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the tests of trampoline-web(7) share: its examples, and servers that run them behind a unit's usual mounts.
. "$(dirname "${BASH_SOURCE[0]}")/../../system/lib.sh"
# shellcheck source=tests/web/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

HERE=$T_WORK/web
mkdir -m 755 "$HERE"
# Seconds that an example gives a run; on a slow machine more.
SECONDS_OF_A_RUN=$((10 * T_SLOW))
port=
servers=()

# example HEADING [NUMBER]: a literal text under it, as printed but for the program's place and the seconds of a run
example() {
	awk -v heading="$1" -v number="${2:-1}" -f tests/web/manual/example.awk man/trampoline-web.7 |
		sed "s|/usr/local/bin/trampoline|$T|; s/\"-t\", \"10s/\"-t\", \"${SECONDS_OF_A_RUN}s/; s/-t 10s/-t ${SECONDS_OF_A_RUN}s/"
}

# hardened COMMAND...: in the mount namespace of a service with PrivateTmp=, ProtectHome= and ProtectSystem=full
hardened() {
	# shellcheck disable=SC2016 # for the inner shell
	T_INSIDE=$T_MARK exec unshare --mount --propagation private sh -ec '
		for directory in /tmp /var/tmp; do mount -t tmpfs -o mode=1777 private "$directory"; done
		for directory in /home /root; do mount -t tmpfs -o ro,mode=755 private "$directory"; done
		for directory in /usr /etc /boot; do
			[ ! -d "$directory" ] || { mount --bind "$directory" "$directory" && mount -o remount,bind,ro "$directory"; }
		done
		exec "$@"' - "$@"
}
# hardened_www COMMAND...: the same as www-data, with a secret that is the server's own
hardened_www() { hardened setpriv --reuid=33 --regid=33 --clear-groups -- env SECRET=of-the-server "$@"; }

# shellcheck disable=SC2317 # called by wait_for
listens_or_ended() { ! kill -0 "$server" 2>/dev/null || curl -s --noproxy '*' -m 10 -o /dev/null "$ADDRESS:$port/"; }

# serve NAME: runs the function start_NAME, which becomes a server, until it answers at $port. Before it has taken the
# port somebody else may: then it ends, and another port is tried. Its words are in HERE/NAME.log.
serve() {
	local name=$1
	for _ in 1 2 3 4 5; do
		port=$(free_port)
		"start_$name" >"$HERE/$name.log" 2>&1 </dev/null &
		server=$!
		servers+=("$server")
		wait_for listens_or_ended || :
		if kill -0 "$server" 2>/dev/null; then return 0; fi
		wait "$server" || :
		unset 'servers[-1]'
		grep -qi 'address already in use' "$HERE/$name.log" || break
	done
	cat "$HERE/$name.log" >&2
	return 1
}

# apache_begins MODULE...: the part of a configuration that every Apache in HERE has
apache_begins() {
	local module
	for module; do echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"; done
	cat <<-END
		ServerRoot "$HERE"
		ServerName localhost
		Listen $ADDRESS:$port
		PidFile "$HERE/apache.pid"
		ErrorLog "$HERE/error.log"
		User www-data
		Group www-data
	END
}

stop_servers() {
	local pid
	for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null || :; done
	for pid in "${servers[@]}"; do wait "$pid" 2>/dev/null || :; done
	servers=()
}

# code ARGUMENT...: the status of an answer
code() { get -o "$OUT" -w '%{http_code}' "$@" || :; }
