#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Real parts: an Apache of its own, as www-data, whose CGI programs run in users' jails.
. "$(dirname "$0")/../system/lib.sh"

HERE=$T_WORK/apache
PORT=$((20000 + $$ % 20000))
AT=127.0.0.1:$PORT
server=

cleanup() {
	stop_server
	if findmnt -n "$HERE/image" >/dev/null; then umount "$HERE/image"; fi
	rm -f "$ALICE/app" "$ALICE/slow" "$ALICE/kept" "$ALICE/counted"
	default_config
	in_jail alice true
}

for program in apache2 ab curl; do
	command -v "$program" >/dev/null || {
		skip "a real Apache" "$program is not installed"
		exit 0
	}
done

# --- the site ------------------------------------------------------------------------------------

mkdir -m 755 "$HERE" "$HERE/cgi"
# site NAME OPTION... JAIL COMMAND...: a CGI program that is one line
site() {
	local name=$1
	shift
	printf '#!/bin/sh\nexec %s --cgi %s\n' "$T" "$*" >"$HERE/cgi/$name"
	chmod 755 "$HERE/cgi/$name"
}
site alice alice ./app
site nobody nosuchjail ./app
site limited -t 1s alice ./slow
site private -p alice ./slow
site status --status-fd=3 alice ./app '3>&2'

cat >"$ALICE/app" <<'END'
#!/bin/sh
printf 'Content-Type: application/octet-stream\r\n\r\n'
case $QUERY_STRING in
body*) cat >kept && exec cat kept ;; # the server reads nothing before it has written all
who*) id -u && exit ;;
count*) echo x >>counted && wc -l <counted && exit ;;
words*) echo 'to the log' >&2 && exit ;;
esac
env | sort
END
cat >"$ALICE/slow" <<'END'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
echo begun
sleep 631 &
sleep 632
END
chmod 755 "$ALICE/app" "$ALICE/slow"
chown "$A:$A" "$ALICE/app" "$ALICE/slow"

{
	cat <<END
ServerRoot "$HERE"
ServerName localhost
Listen 127.0.0.1:$PORT
PidFile $HERE/pid
ErrorLog $HERE/error.log
User www-data
Group www-data
ScriptSock $HERE/socket
CGIDScriptTimeout 3
SetEnv APPLICATION_PASSWORD secret
ScriptAlias "/cgi/" "$HERE/cgi/"
<Directory "$HERE/cgi">
	Require all granted
</Directory>
END
} >"$HERE/main.conf"
for module in mpm_event authz_core alias env cgid; do
	echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
done >"$HERE/modules.conf"
cat "$HERE/modules.conf" "$HERE/main.conf" >"$HERE/apache.conf"

# start_server [COMMAND...]: through COMMAND, in whose mount namespace it is then
start_server() {
	T_INSIDE=$T_MARK "$@" apache2 -f "$HERE/apache.conf" -DFOREGROUND >"$HERE/words" 2>&1 </dev/null &
	server=$!
	wait_for curl -s -o "$OUT" "$AT/"
}

stop_server() {
	[ -n "$server" ] || return 0
	kill -TERM "$(cat "$HERE/pid" 2>/dev/null || echo "$server")" 2>/dev/null || :
	wait "$server" 2>/dev/null || :
	server=
}

get() {
	curl -s -m 20 "$@"
}

# --- requests ------------------------------------------------------------------------------------

ok "Apache starts" start_server
like "as www-data" "$(ps -o user= --ppid "$(cat "$HERE/pid")" | sort -u)" '^www-data$'
is "a request runs as the user" "$(get "$AT/cgi/alice?who")" "$A"
get -H 'Proxy: evil' -H 'X-Asked: yes' "$AT/cgi/alice/more/path?a=1&b=%20" >"$HERE/variables"
for wanted in 'QUERY_STRING=a=1&b=%20' PATH_INFO=/more/path REQUEST_METHOD=GET HTTP_X_ASKED=yes \
	GATEWAY_INTERFACE=CGI/1.1 HOME=/home/alice USER=alice; do
	ok "it has $wanted" grep -xF -e "$wanted" "$HERE/variables"
done
unlike "it has no variable of the application's and no proxy of the request's" "$(cat "$HERE/variables")" 'PASSWORD|HTTP_PROXY'
head -c 1000000 /dev/urandom >"$HERE/body"
get --data-binary "@$HERE/body" "$AT/cgi/alice?body" >"$HERE/answer"
ok "a million bytes of body come back byte for byte" cmp "$HERE/body" "$HERE/answer"
get "$AT/cgi/alice?count" >"$OUT"
is "a file is there for the next request" "$(get "$AT/cgi/alice?count" | tr -dc 0-9)" 2
get "$AT/cgi/alice?words" >"$OUT"
like "what it says on standard error is in the log" "$(cat "$HERE/error.log")" 'to the log'
is "a jail that is not there is an error to the client" \
	"$(get -o "$OUT" -w '%{http_code}' "$AT/cgi/nobody")" 500
like "and a sentence to the admin" "$(cat "$HERE/error.log")" 'trampoline: cannot .*nosuchjail'
get "$AT/cgi/status?who" >"$OUT"
like "a status line in the log where one is asked for" "$(cat "$HERE/error.log")" 'event.*exit.*code'

# --- many ----------------------------------------------------------------------------------------

mounts=$(host_mounts)
pin=$(pin_inode alice)
ab -q -n 500 -c 20 "$AT/cgi/alice?who" >"$OUT" 2>"$ERR" || :
like "500 requests, 20 at once: all are answered" "$(cat "$OUT")" '^Complete requests: +500$'
is "and well" "$(grep -E '^(Failed requests|Non-2xx)' "$OUT" | tr -s ' ')" "Failed requests: 0"
sed -n 's/^Requests per second: */# requests a second: /p' "$OUT"
is "the jail is the same one" "$(pin_inode alice)" "$pin"
is "and the host's mounts are the same" "$(host_mounts)" "$mounts"

# --- runs that do not end ------------------------------------------------------------------------

# Apache cannot signal another user's process; what it started it can, and that watches the run.
# shellcheck disable=SC2317
none() { [ -z "$(sleepers)" ]; }
some() { ! none; }
sleepers() { pgrep -u "$A" -f 'sleep 63[12]' || :; }
is "a time-out ends a request" "$(get "$AT/cgi/limited")" begun
is "and leaves nothing" "$(sleepers)" ""
start=$SECONDS
get -o "$OUT" "$AT/cgi/private" || :
ok "Apache's own time-out ends a private run" test $((SECONDS - start)) -le 12
ok "and leaves nothing" wait_for none
get -o "$OUT" -m 1 "$AT/cgi/private" || :
ok "so does a client that goes away" wait_for none
get -o "$OUT" "$AT/cgi/private" &
client=$!
wait_for some
stop_server
wait "$client" || :
ok "Apache's own end leaves nothing" wait_for none

# --- with PrivateTmp -----------------------------------------------------------------------------

forget_all
ok "Apache starts in a mount namespace of its own, as with PrivateTmp=" start_server \
	unshare --mount --propagation private sh -c 'mount -t tmpfs -o mode=1777 private /tmp && exec "$@"' -
is "its first request since boot builds the jail" "$(get "$AT/cgi/alice?who")" "$A"
ok "in the host's hub" test -n "$(pin_inode alice)"
is "which the next one enters" "$(get "$AT/cgi/alice?who") $(in_jail alice id -u)" "$A $A"
stop_server
is "it leaves no process" "$(jail_processes)" ""
