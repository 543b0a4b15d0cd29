#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The calls of trampoline-web(7), as they are printed there: each serves a user's program and survives its worst, from a
# server that runs behind the mounts of a hardened unit.
. "$(dirname "$0")/manual/lib.sh"

cleanup() {
	stop_servers
	rm -f "$ALICE/app"
	in_jail alice true
}

command -v curl >/dev/null || {
	skip "the examples of trampoline-web(7)" "curl is not installed"
	exit 0
}
if ! free_port >"$OUT" 2>"$ERR"; then
	skip "the examples of trampoline-web(7)" "$ADDRESS cannot be used here: $(tail -n 1 "$ERR")"
	exit 0
fi

# --- a user's program ------------------------------------------------------------------------------

# It does what the query asks for. A header of its own is harmless where the example makes it text.
cat >"$ALICE/app" <<'END'
#!/bin/sh
[ "$SERVER_SOFTWARE" = "" ] || printf 'Content-Type: text/plain\r\n\r\n'
case $QUERY_STRING in
who) id -u ;;
body) exec cat ;;
variables*) exec env ;;
header) printf 'Set-Cookie: session=stolen\r\nContent-Type: text/html\r\n\r\n<script>evil()</script>\n' ;;
deaf) echo answered ;;
endless) while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done ;;
errors) while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789 >&2; done ;;
slow)
	trap '' TERM
	sleep 641d &
	exec sleep 642d
	;;
forged)
	printf '\n[error] forged, a line of the log\n\033[2J\233\n' >&2
	exit 125
	;;
esac
END
chmod 755 "$ALICE/app"
chown "$A:$A" "$ALICE/app"
head -c 1000000 /dev/urandom >"$HERE/body"
head -c 1100000 /dev/zero >"$HERE/large"

# shellcheck disable=SC2317 # called by wait_for
nothing_runs() { ! pgrep -u "$A" >/dev/null; }

# peak: the most memory, in KiB, that one process of the server has had
peak() {
	local pid most=0 now
	for pid in "$server" $(pgrep -P "$server" || :) ${behind:+"$behind"} ${behind:+$(pgrep -P "$behind" || :)}; do
		now=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$pid/status" || :)
		[ "${now:-0}" -le "$most" ] || most=$now
	done
	echo "$most"
}

# survives NAME URL LOG: all that an example promises, at URL, whose query is still missing
behind=
survives() {
	local name=$1 at=$2 log=$3 slow
	is "$name: a request runs as the user" "$(get "$at?who")" "$A"
	get "$at?slow" -o /dev/null -w '%{http_code}' >"$HERE/slow.code" & # until its time-out, which comes below
	slow=$!
	get --data-binary "@$HERE/body" "$at?body" >"$HERE/answer" || :
	ok "$name: a million bytes of body come back byte for byte" cmp "$HERE/body" "$HERE/answer"
	unlike "$name: a body that is too large is not passed on" "$(code --data-binary "@$HERE/large" "$at?deaf")" '^200$'
	is "$name: a body that nobody reads keeps nobody waiting" "$(get --data-binary "@$HERE/body" "$at?deaf")" answered
	get -H 'Cookie: session=1' -H 'Authorization: Basic eDp5' -H 'Proxy: evil' -H 'Content-Type: text/x-own' \
		"$at?variables&to=http://example.org/?a=b" >"$HERE/variables" || :
	like "$name: the program has the request's variables" "$(cat "$HERE/variables")" '^REQUEST_METHOD=GET$'
	like "$name: all of the query" "$(cat "$HERE/variables")" '^QUERY_STRING=variables&to=http://example.org/\?a=b$'
	like "$name: the body's type" "$(cat "$HERE/variables")" '^CONTENT_TYPE=text/x-own$'
	like "$name: and the user's own" "$(cat "$HERE/variables")" '^HOME=/home/alice$'
	unlike "$name: not the server's, nor what makes it the visitor" "$(cat "$HERE/variables")" 'SECRET|COOKIE|AUTH|PROXY|eDp5'
	get -D "$HERE/header" "$at?header" >"$HERE/answer" || :
	like "$name: what the program writes is the text" "$(cat "$HERE/answer")" '^Set-Cookie: session=stolen'
	unlike "$name: and none of it the header" "$(cat "$HERE/header")" 'Set-Cookie|text/html'
	like "$name: which says that it is text" "$(tr '[:upper:]' '[:lower:]' <"$HERE/header")" '^content-type: text/plain; charset=utf-8'
	like "$name: and nothing else" "$(tr '[:upper:]' '[:lower:]' <"$HERE/header")" '^x-content-type-options: nosniff'
	is "$name: an endless answer is ended" "$(code "$at?endless")" 504
	ok "$name: at its limit" test "$(stat -c %s "$OUT")" -le 1048576
	is "$name: and so are endless errors" "$(code "$at?errors")" 504
	is "$name: an answer that says that nothing has run is an error" "$(code "$at?forged")" 503
	wait_for grep -q 'trampoline: .*forged' "$log" || :
	like "$name: its words are in the log, quoted" "$(cat "$log")" 'trampoline: .*\\n\[error\] forged, a line of the log'
	unlike "$name: and make no line of their own" "$(cat "$log")" '^\[error\] forged'
	ok "$name: nor anything that is not printable" test -z "$(LC_ALL=C tr -d '\n\t\040-\176' <"$log")"
	ok "$name: the log is no larger for endless errors" test "$(stat -c %s "$log")" -lt 100000
	wait "$slow" || :
	is "$name: a run that will not end is ended by its time-out" "$(cat "$HERE/slow.code")" 504
	ok "$name: with all that it has started" wait_for nothing_runs
	is "$name: the next request is served" "$(get "$at?who")" "$A"
	echo "# $name: the server's largest process has had $(peak) KiB"
	ok "$name: no process of the server has taken much memory" test "$(peak)" -lt 300000
}

# --- Python ----------------------------------------------------------------------------------------

example Python >"$HERE/application.py"
# shellcheck disable=SC2317 # called by serve
start_wsgiref() {
	cd "$HERE" && hardened_www /usr/bin/python3 -c '
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server
from application import application
class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
make_server(sys.argv[1], int(sys.argv[2]), application, Server).serve_forever()' "$ADDRESS" "$port"
}
# shellcheck disable=SC2317
start_gunicorn() {
	cd "$HERE" && hardened_www gunicorn --workers 3 --timeout $((3 * SECONDS_OF_A_RUN)) --bind "$ADDRESS:$port" application:application
}
for name in wsgiref gunicorn; do
	if [ $name = wsgiref ] && [ ! -x /usr/bin/python3 ]; then
		skip "the example in Python" "/usr/bin/python3 is not installed"
	elif [ $name = gunicorn ] && ! command -v gunicorn >/dev/null; then
		skip "the example in Python, under gunicorn" "gunicorn is not installed"
	else
		ok "$name starts" serve $name
		survives $name "$ADDRESS:$port/" "$HERE/$name.log"
		stop_servers
	fi
done

# --- Node ------------------------------------------------------------------------------------------

# shellcheck disable=SC2317
start_node() {
	example Node | sed "s/8080/$port/; s/127\.0\.0\.1/$ADDRESS/" >"$HERE/site.js"
	hardened_www prlimit --nofile="$node_files" node "$HERE/site.js"
}
# shellcheck disable=SC2317 # called by wait_for
slow_runs() { [ "$(pgrep -cxu "$A" -f 'sleep 642d' || :)" -eq "$1" ]; }
# shellcheck disable=SC2317
turned_away() { [ "$(cat "$HERE"/slow.? | grep -cx 503)" -eq "$1" ]; }
node_files=1024
if command -v node >/dev/null; then
	ok "node starts" serve node
	survives node "$ADDRESS:$port/" "$HERE/node.log"
	stop_servers
	pids=()
	# No run ends by its time-out before its client has gone.
	seconds=$SECONDS_OF_A_RUN SECONDS_OF_A_RUN=$((100 * DEADLINE))
	ok "node starts, with a long time-out" serve node
	for i in 1 2 3 4 5 6; do
		"${client[@]}" "$ADDRESS:$port/?slow" -o /dev/null -w '%{http_code}\n' >"$HERE/slow.$i" &
		pids+=($!)
	done
	ok "node: of six at once, four run" wait_for slow_runs 4
	ok "node: and two are turned away" wait_for turned_away 2
	kill "${pids[@]}" 2>/dev/null || :
	wait "${pids[@]}" 2>/dev/null || :
	ok "node: a client that goes away ends its run" wait_for nothing_runs
	stop_servers
	SECONDS_OF_A_RUN=$seconds
	# Each idle client has a descriptor, until there are too few to start a run; then there are still some for a client.
	node_files=60 clients=() answer=200
	ok "node starts, with few descriptors" serve node
	for _ in $(seq 100); do
		[ "$answer" = 200 ] || break
		exec {client_fd}<>"/dev/tcp/$ADDRESS/$port"
		clients+=("$client_fd")
		answer=$(code "$ADDRESS:$port/?who")
	done
	is "node: where none is left to start a run, the answer says so" "$answer" 500
	for client_fd in "${clients[@]}"; do exec {client_fd}>&-; done
	for _ in 1 2 3 4 5; do answer=$(code "$ADDRESS:$port/?who"); done
	is "node: and the server goes on" "$answer" 200
	stop_servers
else
	skip "the example in Node" "node is not installed"
fi

# --- Apache: a CGI program, and PHP-FPM behind it ------------------------------------------------------

command -v apache2 >/dev/null || {
	skip "the examples in PHP and for CGI" "apache2 is not installed"
	exit 0
}
fpm=$(find /usr/sbin -name 'php-fpm[0-9]*' | sort -V | tail -n 1)
mkdir -m 755 "$HERE/cgi" "$HERE/www"
install -d -m 750 -o 33 -g 33 "$HERE/log"
example "A CGI program" | sed "s|/var/log/alice/|$HERE/log/|" >"$HERE/cgi/alice"
chmod 755 "$HERE/cgi/alice"
example PHP >"$HERE/www/run.php"
# shellcheck disable=SC2317
start_apache() {
	{
		apache_begins mpm_event authz_core alias cgid proxy proxy_fcgi
		cat <<-END
			ScriptSock "$HERE/cgid"
			Timeout $((3 * SECONDS_OF_A_RUN))
			ScriptAlias "/cgi/" "$HERE/cgi/"
			DocumentRoot "$HERE/www"
			<Directory "$HERE">
				Require all granted
			</Directory>
			<FilesMatch "\.php\$">
				SetHandler "proxy:unix:$HERE/fpm.sock|fcgi://localhost"
			</FilesMatch>
		END
	} >"$HERE/apache.conf"
	: >"$HERE/error.log"
	hardened apache2 -f "$HERE/apache.conf" -DFOREGROUND
}
ok "Apache starts" serve apache
cgi=$ADDRESS:$port/cgi/alice
is "CGI: a request runs as the user" "$(get "$cgi?who")" "$A"
is "CGI: a body comes back" "$(get -d 'a body' "$cgi?body")" "a body"
get "$cgi?endless" -o "$OUT" || :
ok "CGI: an endless answer is ended at its limit" test "$(stat -c %s "$OUT")" -le 1048576 -a "$(stat -c %s "$OUT")" -gt 1000000
for i in 1 2 3; do get "$cgi?errors" -o /dev/null || :; done
ok "CGI: the log of its errors ends where it shall" test "$(stat -c %s "$HERE/log/cgi.log")" -eq 1048576
get "$cgi?forged" -o /dev/null || :
get "$cgi?who" -o "$OUT" || :
is "CGI: when it is full, a program that writes none is served" "$(cat "$OUT")" "$A"
unlike "CGI: nothing of it is in the server's log" "$(cat "$HERE/error.log")" 'forged|0123456789'
is "CGI: a run that will not end is ended by its time-out" "$(get "$cgi?slow")" ""
ok "CGI: with all that it has started" wait_for nothing_runs
if [ -n "$fpm" ]; then
	cat >"$HERE/fpm.conf" <<-END
		[global]
		error_log = $HERE/fpm.log
		[www]
		user = www-data
		group = www-data
		listen = $HERE/fpm.sock
		listen.owner = www-data
		pm = static
		pm.max_children = 4
		env[SECRET] = of-the-server
		php_admin_value[error_log] = $HERE/log/php.log
		php_admin_flag[enable_post_data_reading] = off
	END
	hardened "$fpm" --nodaemonize --fpm-config "$HERE/fpm.conf" >"$HERE/fpm.words" 2>&1 </dev/null &
	behind=$!
	servers+=("$behind")
	ok "PHP-FPM starts" wait_for test -S "$HERE/fpm.sock"
	survives PHP "$ADDRESS:$port/run.php" "$HERE/log/php.log"
else
	skip "the example in PHP" "php-fpm is not installed"
fi
