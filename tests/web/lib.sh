# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# An Apache of its own, as www-data, for the tests of the web, the demo's site and the measurement of requests.
# A script that uses it sets HERE, the server's directory, and writes its own part of the configuration to
# HERE/main.conf.
set -euo pipefail
# shellcheck source=tests/wait.sh
. "$(dirname "${BASH_SOURCE[0]}")/../wait.sh"

# Each test file has an address of its own, so no other suite has its ports.
ADDRESS=127.0.0.1
[ -z "${T_MARK:-}" ] || ADDRESS=127.$((1 + ($$ >> 16))).$(($$ >> 8 & 255)).$(($$ & 255))
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
		my $s = IO::Socket::INET->new(LocalAddr => $ARGV[0], Listen => 1) or die "cannot listen: $!\n";
		my $port = $s->sockport;
		IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $port) or die "cannot connect: $!\n";
		print "$port\n"' "$ADDRESS"
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
		AT=$ADDRESS:$(free_port)
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

# --- the site ------------------------------------------------------------------------------------

SITE=$(dirname "${BASH_SOURCE[0]}")/site

# What the pages ask the users' programs: QUESTION|TITLE|WHAT IT SHOWS
questions() {
	cat <<-'END'
		who|Who am I?|Each program has the ids of its user, no capability, and no way to get one.
		see|What can I see?|The image, which is read-only and the same for all, the user's own home and tmp, the processes of the run, and no network but a loopback device.
		refused|What is refused?|What leads out of the jail is closed. What a user prints is text here, whatever it looks like, and what is written to standard error (red) is not in the server's log. Carol has no jail: nothing is run.
		cost|What did it cost?|Whoever starts a run reads what it has cost from the descriptor of --status-fd: the last line of each half.
		slow|Too slow|A run that is longer than its time-out ends with all that it has started. Alice's takes SIGTERM; Bob's ignores it, and is killed.
		limit|Too much|A run that writes more than it may ends as well: Alice's reaches the limit on output, Bob's that on the size of a file.
	END
}

page() {
	local question title shows
	while IFS='|' read -r question title shows; do
		[ "$question" = "$1" ] || continue
		cat <<-END
			<!DOCTYPE html>
			<html lang="en">
			<head>
			<meta charset="utf-8">
			<meta name="viewport" content="width=device-width">
			<title>$title</title>
			<link rel="stylesheet" href="site.css">
			</head>
			<body>
			<header>
			<h1>Two users of one web server</h1>
			<p>Each half of this page is a program that the user has written, run once for this request, in the user's jail.</p>
			</header>
			<nav>
		END
		questions | awk -F '|' -v here="$1" '{ printf "<a%s href=\"%s.shtml\">%s</a>\n", $1 == here ? " class=\"here\"" : "", $1, $2 }'
		cat <<-END
			</nav>
			<main>
			<h2>$title</h2>
			<p class="lead">$shows</p>
			<div class="pair">
			<!--#include virtual="/cgi/alice/$1" -->
			<!--#include virtual="/cgi/bob/$1" -->
		END
		[ "$1" != refused ] || echo '<!--#include virtual="/cgi/carol/who" -->'
		printf '</div>\n</main>\n</body>\n</html>\n'
	done < <(questions)
}

# site_make LAUNCHER TIMEOUT SLOW: the site in HERE, and its users' programs in their homes. A run may last TIMEOUT;
# that of the page that shows a time-out, SLOW.
site_make() {
	local launcher=$1 timeout=$2 slow=$3 user question
	rm -rf --one-file-system "$HERE"
	mkdir -m 755 "$HERE" "$HERE/cgi" "$HERE/pages"
	install -m 644 "$SITE/panel.awk" "$HERE"
	install -m 644 "$SITE/site.css" "$HERE/pages"
	for question in $(questions | cut -d '|' -f 1); do page "$question" >"$HERE/pages/$question.shtml"; done
	for user in alice bob carol; do
		sed "s|@TRAMPOLINE@|$launcher|; s|@HERE@|$HERE|; s|@JAIL@|$user|g" "$SITE/gateway.in" >"$HERE/cgi/$user"
		chmod 755 "$HERE/cgi/$user"
	done
	# By the user in the jail: in a home, root would follow the user's links.
	for user in alice bob; do
		# shellcheck disable=SC2016 # for the inner shell
		"$launcher" "$user" sh -c 'rm -rf app diary && cat >app && chmod 755 app && echo "$USER was here" >diary' <"$SITE/app"
	done
	MODULES="mpm_event authz_core alias env cgid mime include"
	cat >"$HERE/main.conf" <<-END
		TypesConfig /dev/null
		AddType text/css .css
		AddType text/html .shtml
		AddDefaultCharset utf-8
		AddOutputFilter INCLUDES .shtml
		DocumentRoot "$HERE/pages"
		RedirectMatch "^/\$" "/who.shtml"
		ScriptAlias "/cgi/" "$HERE/cgi/"
		<Directory "$HERE">
			Require all granted
			Options +IncludesNOEXEC
		</Directory>
		<Location "/cgi/">
			SetEnv RUN_TIMEOUT $timeout
		</Location>
		<LocationMatch "^/cgi/[a-z]+/slow\$">
			SetEnv RUN_TIMEOUT $slow
		</LocationMatch>
	END
}
