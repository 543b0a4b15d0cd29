#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# FastCGI as trampoline-web(7) prints it: Apache's mod_fcgid, the wrapper, and php-cgi in the jail, with the server's socket
# as its descriptor 0. Then, in place of php-cgi, a program that does its worst.
. "$(dirname "$0")/manual/lib.sh"

PIA=$DATA/pia/home/pia
P=$((A + 2))

cleanup() {
	stop_servers
	default_config
	[ ! -e "$DATA/pia" ] || remove_user pia
	rm -rf --one-file-system "$IMAGES/debian"
}

for program in apache2 curl; do
	command -v "$program" >/dev/null || {
		skip "FastCGI" "$program is not installed"
		exit 0
	}
done
[ -e /usr/lib/apache2/modules/mod_fcgid.so ] || {
	skip "FastCGI" "mod_fcgid is not installed"
	exit 0
}
if ! free_port >"$OUT" 2>"$ERR"; then
	skip "FastCGI" "$ADDRESS cannot be used here: $(tail -n 1 "$ERR")"
	exit 0
fi
debian_image_take debian || {
	skip "FastCGI" "no Debian image is kept; tests/system/image-debian.sh builds one"
	exit 0
}
make_user pia "$P"
printf '[trampoline]\nimage = debian\n' | override pia
mkdir "$PIA/public"
cat >"$PIA/public/index.php" <<'END'
<?php
header("Content-Type: text/plain");
// When the process has started: ids begin anew in each run.
echo explode(" ", file_get_contents("/proc/self/stat"))[21], " ", stat("/proc/self")["uid"], " ", $_GET["a"] ?? "", " ", file_get_contents("php://input"), "\n";
END
cp tests/web/manual/responder.py "$PIA/"
chmod 755 "$PIA/public"
chmod 644 "$PIA/responder.py" "$PIA/public/index.php"

# --- the server --------------------------------------------------------------------------------------

mkdir -m 755 "$HERE/site"
install -d -m 700 -o 33 -g 33 "$HERE/ipc"
# wrapper [COMMAND]: as printed, or with COMMAND in place of php-cgi
wrapper() {
	example FastCGI | sed "s/ alice / pia /; s|/home/alice|/home/pia|${1:+; s|^ *php-cgi[^>]*|    $1 |}" >"$HERE/site/.new"
	chmod 755 "$HERE/site/.new"
	mv "$HERE/site/.new" "$HERE/site/alice"
}
# shellcheck disable=SC2317 # called by serve
start_apache() {
	{
		apache_begins mpm_event authz_core alias fcgid
		cat <<-END
			FcgidIPCDir "$HERE/ipc"
			FcgidProcessTableFile "$HERE/ipc/table"
		END
		example FastCGI 2 | sed "s|/usr/local/lib/site|$HERE/site|; s|\*:80|$ADDRESS:$port|
			s/\(Busy\|IO\)Timeout 10/\1Timeout $SECONDS_OF_A_RUN/; s/IdleTimeout 60/IdleTimeout $IDLE/; s/\(Scan[A-Za-z]*\) .*/\1 1/"
	} >"$HERE/apache.conf"
	: >"$HERE/error.log"
	hardened apache2 -f "$HERE/apache.conf" -DFOREGROUND
}
# shellcheck disable=SC2317 # called by wait_for
nothing_runs() { ! pgrep -u "$P" >/dev/null; }

# --- php-cgi -----------------------------------------------------------------------------------------

IDLE=$DEADLINE
wrapper
ok "Apache starts" serve apache
first=$(get "$ADDRESS:$port/index.php?a=one")
like "php-cgi answers in the jail, as the user" "$first" "^[0-9]+ $P one $"
is "the same process answers the next request" "$(get "$ADDRESS:$port/index.php?a=two")" "${first/one/two}"
like "with its body" "$(get --data-binary "a body" -H 'Content-Type: text/plain' "$ADDRESS:$port/index.php?a=x")" ' x a body$'
is "a path that ends in / is that of its index.php" "$(get -L "$ADDRESS:$port/")" "${first/one/}"
is "a file that is not there is not found" "$(code "$ADDRESS:$port/nosuch.php")" 404
stop_servers
IDLE=$((5 * T_SLOW))
ok "Apache starts, and waits less long" serve apache
first=$(get "$ADDRESS:$port/index.php?a=one")
ok "the server ends one that is idle" wait_for nothing_runs
like "and the next request has a new one" "$(get "$ADDRESS:$port/index.php?a=one")" "^[0-9]+ $P one $"
unlike "which is another" "$(get "$ADDRESS:$port/index.php?a=one")" "^${first%% *} "
stop_servers
ok "nothing outlives the server" wait_for nothing_runs

# --- a program that does its worst -------------------------------------------------------------------

wrapper "python3 responder.py"
ok "Apache starts again" serve apache
like "it answers" "$(get "$ADDRESS:$port/x?who")" "uid $P$"
is "a megabyte of its errors" "$(code "$ADDRESS:$port/x?errors")" 200
unlike "is not in the server's log" "$(cat "$HERE/error.log")" 'forged'
get "$ADDRESS:$port/x?words" -o "$OUT" || :
unlike "nor what it writes to its other descriptors" "$(cat "$HERE/error.log")" 'forged'
got=$(code "$ADDRESS:$port/x?sleep")
like "one that does not answer is an error to its client ($got)" "$got" '^50[0-9]$'
ok "and is ended" wait_for nothing_runs
got=$(code "$ADDRESS:$port/x?endless")
ok "one that sends a header without end is ended, too ($got)" wait_for nothing_runs
like "and the server serves on" "$(get "$ADDRESS:$port/x?who")" "uid $P$"
