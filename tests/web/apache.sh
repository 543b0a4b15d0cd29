#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Real parts: an Apache of its own, as www-data, whose CGI programs run in users' jails.
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/lib.sh"

HERE=$T_WORK/apache
# After so many seconds without output Apache ends the one run that is to be ended so; any other has long.
PATIENCE=$((3 * T_SLOW))

cleanup() {
	stop_server
	if findmnt -n "$HERE/image" >/dev/null; then umount "$HERE/image"; fi
	rm -f "$ALICE/app" "$ALICE/slow" "$ALICE/talks" "$ALICE/kept" "$ALICE/counted"
	default_config
	in_jail alice true
}

for program in apache2 ab curl; do
	command -v "$program" >/dev/null || {
		skip "a real Apache" "$program is not installed"
		exit 0
	}
done

if ! free_port >"$OUT" 2>"$ERR"; then
	skip "a real Apache" "$ADDRESS cannot be used here: $(tail -n 1 "$ERR")"
	exit 0
fi

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
site limited -t "$((2 * T_SLOW))s" alice ./slow
site private -p alice ./slow
site talks -p alice ./talks
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
sleep 631d &
sleep 632d
END
# Apache learns that a client has gone when it writes to it.
cat >"$ALICE/talks" <<'END'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
sleep 631d &
while :; do
	echo more
	sleep 0.1
done
END
chmod 755 "$ALICE/app" "$ALICE/slow" "$ALICE/talks"
chown "$A:$A" "$ALICE/app" "$ALICE/slow" "$ALICE/talks"

cat >"$HERE/main.conf" <<END
CGIDScriptTimeout $DEADLINE
SetEnv APPLICATION_PASSWORD secret
ScriptAlias "/cgi/" "$HERE/cgi/"
<Directory "$HERE/cgi">
	Require all granted
	<Files private>
		CGIDScriptTimeout $PATIENCE
	</Files>
</Directory>
END

# logged DESCRIPTION PATTERN: in Apache's log; what a request's processes write may come after its answer.
logged() {
	wait_for grep -qE -e "$2" "$HERE/error.log" || :
	like "$1" "$(cat "$HERE/error.log")" "$2"
}

# --- requests ------------------------------------------------------------------------------------

ok "Apache starts" start_server
[ -n "$server" ] || exit 1
like "as www-data" "$(ps -o user= --ppid "$(cat "$HERE/pid")" | sort -u)" '^www-data$'
is "a request runs as the user" "$(get "$AT/cgi/alice?who")" "$A"
get -H 'Proxy: evil' -H 'X-Asked: yes' "$AT/cgi/alice/more/path?a=1&b=%20" >"$HERE/variables" || :
for wanted in 'QUERY_STRING=a=1&b=%20' PATH_INFO=/more/path REQUEST_METHOD=GET HTTP_X_ASKED=yes \
	GATEWAY_INTERFACE=CGI/1.1 HOME=/home/alice USER=alice; do
	ok "it has $wanted" grep -xF -e "$wanted" "$HERE/variables"
done
unlike "it has no variable of the application's and no proxy of the request's" "$(cat "$HERE/variables")" 'PASSWORD|HTTP_PROXY'
head -c 1000000 /dev/urandom >"$HERE/body"
get --data-binary "@$HERE/body" "$AT/cgi/alice?body" >"$HERE/answer" || :
ok "a million bytes of body come back byte for byte" cmp "$HERE/body" "$HERE/answer"
get "$AT/cgi/alice?count" >"$OUT" || :
is "a file is there for the next request" "$(get "$AT/cgi/alice?count" | tr -dc 0-9)" 2
get "$AT/cgi/alice?words" >"$OUT" || :
logged "what it says on standard error is in the log" 'to the log'
is "a jail that is not there is an error to the client" \
	"$(get -o "$OUT" -w '%{http_code}' "$AT/cgi/nobody")" 500
logged "and a sentence to the admin" 'trampoline: cannot .*nosuchjail'
get "$AT/cgi/status?who" >"$OUT" || :
logged "a status line in the log where one is asked for" 'event.*exit.*code'

# --- many ----------------------------------------------------------------------------------------

mounts=$(host_mounts)
pin=$(pin_inode alice)
ab -q -s "$DEADLINE" -n 500 -c 20 "$AT/cgi/alice?who" >"$OUT" 2>"$ERR" || :
like "500 requests, 20 at once: all are answered" "$(cat "$OUT")" '^Complete requests: +500$'
is "and well" "$(grep -E '^(Failed requests|Non-2xx)' "$OUT" | tr -s ' ')" "Failed requests: 0"
sed -n 's/^Requests per second: */# requests a second: /p' "$OUT"
is "the jail is the same one" "$(pin_inode alice)" "$pin"
is "and the host's mounts are the same" "$(host_mounts)" "$mounts"

# --- runs that do not end ------------------------------------------------------------------------

# Apache cannot signal another user's process; what it started it can, and that watches the run. Each of
# these runs would last for months; that it has ended before wait_for gives up is the proof.
sleepers() { pgrep -u "$A" -f 'sleep 63[12]|talks' || :; }
# shellcheck disable=SC2317 # called by wait_for
none() { [ -z "$(sleepers)" ]; }
# shellcheck disable=SC2317
some() { ! none; }
is "a time-out ends a request" "$(get "$AT/cgi/limited")" begun
ok "and leaves nothing" wait_for none
got=0
get -o "$OUT" "$AT/cgi/private" || got=$?
unlike "Apache's own time-out ends a private run, and not its client's (curl's 28)" "$got" '^28$'
logged "as its log says" 'The timeout specified has expired'
ok "and leaves nothing" wait_for none
"${client[@]}" -o "$OUT" "$AT/cgi/talks" &
pid=$!
ok "a run that goes on writing begins" wait_for some
kill "$pid" || :
wait "$pid" 2>/dev/null || :
ok "a client that goes away ends it" wait_for none
"${client[@]}" -o "$OUT" "$AT/cgi/private" &
pid=$!
ok "a run that is silent begins" wait_for some
# As Debian's unit stops it: requests come to their end, which is the time-out here.
stop_server WINCH
wait "$pid" || :
ok "Apache's own end leaves nothing" wait_for none

# --- with PrivateTmp -----------------------------------------------------------------------------

forget_all
ok "Apache starts in a mount namespace of its own, as with PrivateTmp=" start_server "${PRIVATE_TMP[@]}"
is "its first request since boot builds the jail" "$(get "$AT/cgi/alice?who")" "$A"
ok "in the host's hub" test -n "$(pin_inode alice)"
is "which the next one enters" "$(get "$AT/cgi/alice?who") $(in_jail alice id -u)" "$A $A"
stop_server
# shellcheck disable=SC2317 # called by wait_for
no_process() { [ -z "$(jail_processes)" ]; }
ok "it leaves no process" wait_for no_process
