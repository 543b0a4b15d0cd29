#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every option of a run, one by one.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cleanup() {
	default_config
	rm -f "$ALICE"/{.profile,written,daemon} "$DATA/alice/tmp/where"
	rm -rf --one-file-system "$ALICE/sub"
	in_jail alice true
}

run() { as_www "$T" "$@"; }

# --- the end of the options ----------------------------------------------------------------------

is "options end at the jail's name" "$(run alice echo -C --help -- -x)" "-C --help -- -x"
is "-- may stand before the jail" "$(run -- alice echo x)" x
is "-- may stand before the command" "$(run alice -- echo x)" x
is "only one" "$(run alice -- echo -- x)" "-- x"
is "POSIXLY_CORRECT changes nothing" "$(POSIXLY_CORRECT=1 run alice echo -C --help -- -x)" "-C --help -- -x"

# --- -C ------------------------------------------------------------------------------------------

mkdir -m 755 "$ALICE/sub"
chown "$A:$A" "$ALICE/sub"
is "-C DIR" "$(run -C /home/alice/sub alice pwd)" /home/alice/sub
is "-CDIR" "$(run -C/tmp alice pwd)" /tmp
is "--chdir=DIR" "$(run --chdir=/etc alice pwd)" /etc
is "--chdir DIR" "$(run --chdir / alice pwd)" /

# --- -E and --cgi --------------------------------------------------------------------------------

with() { as_www env -i "$@"; }
is "-E NAME=VALUE sets" "$(run -E A=1 -E B= -E 'C=x y=z' alice probe env | grep -E '^env: [ABC]=' | xargs -d '\n')" \
	"env: A=1 env: B= env: C=x y=z"
is "-E NAME passes the caller's" "$(with A=caller "$T" -E A alice probe env | grep '^env: A=')" "env: A=caller"
is "-E NAME without one in the caller sets nothing" "$(with B=x "$T" -E A alice probe env | grep -c '^env: [AB]=' || :)" 0
is "the last -E of a name wins" "$(run -E A=1 --env=A=2 alice probe env | grep -c '^env: A=2$')" 1
is "and there is one of it" "$(run -E A=1 --env=A=2 alice probe env | grep -c '^env: A=')" 1
is "-E PATH is the PATH of the command" "$(run -E PATH=/x alice /bin/probe env | grep '^env: PATH=')" "env: PATH=/x"
refused 127 probe "and of the search for it" as_www "$T" -E PATH=/x alice probe
is "without --cgi no CGI variable goes in" \
	"$(with REQUEST_METHOD=POST HTTP_HOST=h "$T" alice probe env | grep -cE 'REQUEST|HTTP' || :)" 0
cgi=(AUTH_TYPE=Basic CONTENT_LENGTH=3 CONTENT_TYPE=text/plain GATEWAY_INTERFACE=CGI/1.1 HTTPS=on
	HTTP_ACCEPT=a HTTP_COOKIE=c HTTP_HOST=h PATH_INFO=/p PATH_TRANSLATED=/t QUERY_STRING=a=1
	DOCUMENT_ARGS=d REDIRECT_SCRIPT_FILENAME=f REMOTE_ADDR=1.2.3.4 REMOTE_HOST=r REMOTE_USER=u REQUEST_METHOD=POST REQUEST_URI=/r
	SCRIPT_NAME=/s SERVER_NAME=n SERVER_PORT=80 SERVER_PROTOCOL=HTTP/1.1 SERVER_SOFTWARE=w)
is "--cgi passes the CGI/1.1 variables" \
	"$(with "${cgi[@]}" "$T" --cgi alice probe env | sed 's/^env: //' |
		grep -vE '^(HOME|LANG|USER|LOGNAME|SHELL|PATH)=' | sort)" "$(printf '%s\n' "${cgi[@]}" | sort)"
is "--cgi passes nothing that only looks like one" \
	"$(with HTTP_PROXY=evil HTTP_=x HTTPX=x XHTTP_A=x PATH=/evil HOME=/evil USER=evil LD_PRELOAD=x \
		PYTHONPATH=x REQUESTX=x CONTENT_LENGTHS=x "$T" --cgi alice probe env |
		grep -ciE 'evil|=x$' || :)" 0

# --- -l ------------------------------------------------------------------------------------------

like "-l cpu" "$(run -l cpu=2s alice probe limits)" ' cpu=2:'
like "-l memory" "$(run -l memory=64M alice probe limits)" 'data=67108864:67108864'
like "-l file_size" "$(run -l file_size=1K alice probe limits)" 'fsize=1024:1024'
like "-l processes" "$(run -l processes=7 alice probe limits)" 'nproc=7:7'
like "--limit=open_files" "$(run --limit=open_files=20 alice probe limits)" 'nofile=20:20'
like "--limit stack" "$(run --limit stack=1M alice probe limits)" 'stack=1048576:1048576'
like "--limit core" "$(run --limit core=0 alice probe limits)" 'core=0:0'
like "several" "$(run -l processes=7 -lopen_files=20 alice probe limits)" 'nproc=7:7 nofile=20:20'
# shellcheck disable=SC2016
status 153 "a file size limit holds" run -l file_size=1K alice sh -c 'exec head -c 5000 /dev/zero >written'
is "at its byte" "$(stat -c %s "$ALICE/written")" 1024
like "the policy's limits without any option" "$(run alice probe limits)" \
	'^limits: cpu=30:3[01] data=4294967296:4294967296 as=-1:-1 fsize=67108864:67108864 nproc=256:256 nofile=1024:1024 stack=8388608:8388608 core=0:0$'
like "root may raise one" "$("$T" -l processes=300 alice probe limits)" 'nproc=300:300'

# --- --keep-fd -----------------------------------------------------------------------------------

echo kept >"$T_WORK/kept"
is "--keep-fd lets that descriptor through" "$(run --keep-fd=7 alice sh -c 'cat <&7' 7<"$T_WORK/kept")" kept
is "and no other" "$(run --keep-fd=7 --keep-fd 9 alice probe fds 5<"$T_WORK/kept" 7<"$T_WORK/kept" \
	8<"$T_WORK/kept" 9<"$T_WORK/kept" 11<"$T_WORK/kept")" "fds: 0 1 2 7 9"
is "a pipe too" "$(run --keep-fd=9 alice sh -c 'echo x >&9' 9> >(cat))" x

# --- -d ------------------------------------------------------------------------------------------

status 0 "-d returns" timeout "$DEADLINE" setpriv --reuid=33 --regid=33 --clear-groups "$T" -d alice \
	sh -c 'until [ -e sub/go ]; do sleep 0.1; done; echo done >daemon'
ok "without waiting for the command" test ! -e "$ALICE/daemon"
touch "$ALICE/sub/go"
ok "the command goes on" wait_for test -s "$ALICE/daemon"
rm "$ALICE/daemon"
run -d alice sh -c 'probe standard terminal fds capabilities uid >d.new; mv d.new daemon' \
	>"$OUT" 2>"$ERR" <"$T_WORK/kept"
ok "-d again" wait_for test -s "$ALICE/daemon"
is "it says nothing" "$(cat "$OUT" "$ERR")" ""
like "its own standard descriptors are /dev/null" "$(cat "$ALICE/daemon")" '^standard: null file null$'
like "and none else is open" "$(cat "$ALICE/daemon")" '^fds: 0 1 2$'
like "no terminal" "$(cat "$ALICE/daemon")" '^terminal: No such device'
like "no capability" "$(cat "$ALICE/daemon")" '^capabilities: 0 0 0 0$'
like "and alice" "$(cat "$ALICE/daemon")" "^uid: $A $A $A $A\$"
refused 125 nosuch "a refusal is still said" run -d nosuch true
nobody_is_there() { [ -z "$(jail_processes)" ]; }
ok "no daemon is left" wait_for nobody_is_there

# --- --prepare -----------------------------------------------------------------------------------

retire alice
is "no jail is live" "$(pin_inode alice)" ""
run --prepare alice >"$OUT" 2>"$ERR"
is "--prepare says nothing" "$(cat "$OUT" "$ERR")" ""
first=$(pin_inode alice)
like "and makes the jail" "$first" '^[0-9]+$'
ok "again" run --prepare alice
is "it is the same jail" "$(pin_inode alice)" "$first"
in_jail alice true
is "which the next entry enters" "$(pin_inode alice)" "$first"
refused 125 id "--prepare takes no command" run --prepare alice id
refused 125 nosuch "--prepare of an unknown jail" run --prepare nosuch

# --- -v, --help, --version -----------------------------------------------------------------------

run -v alice echo x >"$OUT" 2>"$ERR"
is "-v leaves stdout alone" "$(cat "$OUT")" x
like "-v says how the jail was entered" "$(cat "$ERR")" '^trampoline: .*live'
retire alice
run -v alice true 2>"$ERR"
like "-v says that it was built" "$(cat "$ERR")" '^trampoline: .*built'
run --help >"$OUT" 2>"$ERR"
like "--help shows the usage" "$(head -n 1 "$OUT")" '^Usage: trampoline '
is "on stdout alone" "$(cat "$ERR")" ""
for option in --chdir --env --cgi --limit --daemon --keep-fd --prepare --verbose --help --version \
	--list --status --cleanup --discard --check --explain; do
	like "--help has $option" "$(cat "$OUT")" "(^|[^-a-z])$option([^-a-z]|\$)"
done
for program in "$T" "$T_PREFIX"/sbin/trampoline-{image,user}; do
	"$program" --help >"$OUT"
	is "${program##*/} --help fits a screen of 24 lines and 80 columns" \
		"$(awk 'length($0) > 80; END { if (NR > 23) print NR " lines and the prompt" }' "$OUT")" ""
done
like "--version" "$(run --version)" '^trampoline [0-9]+\.[0-9]+\.[0-9]+'
is "in one line" "$(run --version | wc -l)" 1
is "--help needs no root" "$("$T_TOOLS/caller" -- "$(command -v setpriv)" --no-new-privs --reuid=33 \
	--regid=33 --clear-groups "$T" --help | head -c 5)" Usage

# shellcheck disable=SC2016 # they are the inner shell's
for option in --help --version; do
	status 125 "$option onto a full disk" sh -c '"$1" "$2" >/dev/full' - "$T" $option
	is "a sentence says so" "$(cat "$ERR")" "trampoline: cannot write the answer: No space left on device"
done

# --- no command ----------------------------------------------------------------------------------

# shellcheck disable=SC2016
is "without a command: the configured shell" "$(echo 'echo $0 $HOME' | run alice)" "-sh /home/alice"
echo 'echo from-profile' >"$ALICE/.profile"
is "it is a login shell" "$(echo exit | run alice)" from-profile
rm "$ALICE/.profile"
# shellcheck disable=SC2016
status 7 "its status is ours" bash -c 'echo "exit 7" | setpriv --reuid=33 --regid=33 --clear-groups "$0" alice' "$T"
printf '[environment]\nshell = /bin/nosuch\n' | override alice
refused 127 /bin/nosuch "a configured shell that the image lacks" in_jail alice
