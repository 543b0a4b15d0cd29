# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# An Apache of its own, as www-data, for the tests of the web, the demo's site and the measurement of requests.
# A script that uses it sets HERE, the server's directory, and writes its own part of the configuration to
# HERE/main.conf.
set -euo pipefail
# shellcheck source=tests/wait.sh
. "$(dirname "${BASH_SOURCE[0]}")/../wait.sh"

AT=     # where it listens, ADDRESS:PORT
server= # its process
MODULES="mpm_event authz_core alias env cgid"

# COMMAND for start_server: a mount namespace of the server's own with a /tmp of its own, as PrivateTmp= of
# systemd.exec(5) gives it.
# shellcheck disable=SC2034,SC2016 # for the users; for the inner shell
PRIVATE_TMP=(unshare --mount --propagation private sh -c 'mount -t tmpfs -o mode=1777 private /tmp && exec "$@"' -)

# A port that nobody has, and that can be connected to (a network namespace may have no interface up).
free_port() {
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1) or die "cannot listen: $!\n";
		my $port = $s->sockport;
		IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $port) or die "cannot connect: $!\n";
		print "$port\n"'
}

server_configuration() {
	local module
	for module in $MODULES; do
		echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
	done
	cat <<-END
		ServerRoot "$HERE"
		ServerName localhost
		PidFile $HERE/pid
		ErrorLog $HERE/error.log
		User www-data
		Group www-data
		ScriptSock $HERE/socket
		Timeout $DEADLINE
		Listen $AT
	END
	cat "$HERE/main.conf"
}

# Between the choice of a port and Apache's bind somebody else may take it: then Apache ends, and says so.
is_taken() { grep -q 'Address already in use' "$HERE/words" "$HERE/error.log" 2>/dev/null; }
has_ended() { ! kill -0 "$server" 2>/dev/null; }
answers() { curl -s --noproxy '*' -m 10 -o "$HERE/first" "$AT/"; }
answers_or_ends() { has_ended || answers; }

# start_server [COMMAND...]: through COMMAND, in whose mount namespace it is then
start_server() {
	local try
	for try in 1 2 3 4 5; do
		AT=127.0.0.1:$(free_port)
		server_configuration >"$HERE/apache.conf"
		: >"$HERE/error.log"
		T_INSIDE=${T_MARK:-} "$@" apache2 -f "$HERE/apache.conf" -DFOREGROUND >"$HERE/words" 2>&1 </dev/null &
		server=$!
		wait_for answers_or_ends || :
		if ! has_ended && answers; then return 0; fi
		stop_server TERM
		is_taken || break
		echo "port of $AT was taken, try $try" >&2
	done
	cat "$HERE/words" "$HERE/error.log" >&2
	return 1
}

# shellcheck disable=SC2120 # apache.sh gives a signal
# stop_server [SIGNAL]; the shell's child has become Apache (exec).
stop_server() {
	[ -n "$server" ] || return 0
	kill -"${1:-TERM}" "$server" 2>/dev/null || :
	wait "$server" 2>/dev/null || :
	server=
}

client=(curl -s --noproxy '*' -m "$DEADLINE")
get() {
	"${client[@]}" "$@"
}
