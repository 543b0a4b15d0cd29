#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The whole policies of trampoline.conf(5), as they are printed there: what each promises is so.
# Only the host's paths in [binds] are below a directory of ours.
. "$(dirname "$0")/lib.sh"

SRV=$T_WORK/host
C=$((A + 2))
anna=anna@example.org
started=()

cleanup() {
	local pid
	for pid in "${started[@]}"; do kill -KILL "$pid" 2>/dev/null || :; done
	default_config
	for user in carol $anna; do [ ! -d "$DATA/$user" ] || remove_user "$user"; done
	retire alice
	retire bob
	rm -rf --one-file-system "$IMAGES/course" "$IMAGES/php"
	rm -f "$ALICE"/{result,big} "$DATA"/{alice,bob}/tmp/own
	in_jail alice true
	in_jail bob true
}

# printed HEADING: the first literal text under it
printed() {
	awk -v heading=".Ss $1" '
		$0 == heading { is_here = 1 }
		is_here && /^\.Ed/ { exit }
		is_text
		is_here && /^\.Bd/ { is_text = 1 }' man/trampoline.conf.5 | sed "s|^\(/.*\) = /|\1 = $SRV/|"
}
# ended JAIL COMMAND...: status, reason and limit of a run, from its last line
ended() {
	in_jail --status-fd=3 "$@" 3>"$T_WORK/lines.$1" >"$OUT" 2>"$ERR" || :
	jq -rc 'select(.event == "exit") | "\(.code) \(.reason) \(.limit)"' "$T_WORK/lines.$1"
}

# --- a course ------------------------------------------------------------------------------------

mkdir -p "$SRV/srv/course/data" "$SRV/run/mysqld"
printed "A course" >"$T_WORK/course"
# As the page says, but for the place.
eval "$(sed -n "s|^\.Dl # \(install -d .*\) /|\1 $SRV/|p" man/trampoline.conf.5)"
echo lesson >"$SRV/srv/course/data/text"
printf '#!/bin/sh\necho ran\n' >"$SRV/srv/course/data/program"
chmod 666 "$SRV/srv/course/data/text"
chmod 755 "$SRV/srv/course/data/program"
cp -a "$IMAGES/default" "$IMAGES/course"
mkdir -p "$IMAGES"/course/current/srv/{data,group}
make_user carol "$C"
printf '[trampoline]\nimage = course\n' | configure
override alice <"$T_WORK/course"
override carol <"$T_WORK/course"
grep -v '^groups' "$T_WORK/course" | override bob # the same binds, and not of the group
is "a course: --check finds nothing" "$("$T" --check)" "No findings."
is "its data is read, and its programs are run" "$(in_jail alice sh -c 'cat /srv/data/text; /srv/data/program')" $'lesson\nran'
not_ok "and not written, whatever its mode is" in_jail alice sh -c 'echo x >>/srv/data/text'
like "because it is read-only" "$(cat "$ERR")" 'Read-only'
ok "one of the group writes in its directory" in_jail alice sh -c 'mkdir /srv/group/sheet && echo one >/srv/group/sheet/1'
ok "and another one where the first has" in_jail carol sh -c 'echo two >>/srv/group/sheet/1 && echo three >/srv/group/sheet/2'
is "what they have made is the group's" "$(stat -c '%u %g %a' "$SRV"/srv/course/group/sheet/[12])" "$A 5101 660"$'\n'"$C 5101 660"
is "both can read it" "$(in_jail alice sh -c 'cat /srv/group/sheet/[12]')" $'one\ntwo\nthree'
in_jail alice cp /srv/data/program /srv/group/program
status 126 "and nothing is executed there" in_jail alice /srv/group/program
for command in 'ls /srv/group' 'cat /srv/group/sheet/1' 'echo x >/srv/group/x'; do
	not_ok "who is not of the group cannot: $command" in_jail bob sh -c "$command"
	like "for want of permission" "$(cat "$ERR")" 'Permission denied'
done
default_config

# --- a judge ---------------------------------------------------------------------------------------

printed "A judge" | configure
is "a judge: --check finds nothing" "$("$T" --check)" "No findings."
{ OUT=/dev/null ERR=/dev/null ended bob sh -c 'sleep 1h & sleep 1h' >"$T_WORK/slow"; } & # until its time-out, which comes below
started+=($!)
is "what is handed in runs, and leaves its files" "$(ended alice sh -c 'echo 7 >result') $(in_jail alice cat result)" "0 exited null 7"
is "too much output ends it" "$(ended alice yes)" "124 limit output"
is "and no more of it comes than is allowed" "$(stat -c %s "$OUT")" 1048576
is "on both ways out together" "$(ended alice sh -c 'head -c 600000 /dev/zero; head -c 600000 /dev/zero >&2; sleep 1h')" "124 limit output"
is "too large a file, too" "$(ended alice dd if=/dev/zero of=big bs=1M count=17)" "153 limit file_size"
is "its processor time is that" "$(in_jail alice sh -c 'ulimit -t')" 2
got=$(ended alice -- sh -c 'while :; do :; done')
case $got in
'124 timeout null') skip "and ends it" "this machine gives no two seconds of processor time in ten" ;;
*) is "and ends it" "$got" "152 limit cpu" ;;
esac
is "it has no network but its own" "$(in_jail alice sed -n 's/^ *\([^ ]*\):.*/\1/p' /proc/net/dev)" lo
wait_for pgrep -x -U "$B" sleep || :
is "it sees no other run" "$(in_jail bob sh -c 'echo /proc/[0-9]*')" /proc/2
is "what it leaves behind is ended" "$(ended alice sh -c 'setsid sleep 1h & echo left') $(cat "$OUT") $(pgrep -c -U "$A" || :)" "0 exited null left 0"
wait "${started[@]}"
is "one that only waits has its time-out" "$(cat "$T_WORK/slow")" "124 timeout null"
is "with all that it has begun" "$(pgrep -c -U "$B" || :)" 0
default_config

# --- a web host ------------------------------------------------------------------------------------

remove_user carol
has_php=yes
debian_image_take php || {
	cp -a "$IMAGES/default" "$IMAGES/php"
	has_php=
}
mkdir -p "$IMAGES/php/current/run/mysqld"
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -static -o "$IMAGES/php/current/usr/deed" tests/system/deed.c
make_user $anna "$C"
printed "A web host" | configure
is "a web host: --check finds nothing" "$("$T" --check)" "No findings."
is "a mail address is a jail, and is called so in it" "$(in_jail $anna sh -c 'id -un; pwd')" $anna$'\n'/home/$anna
like "and in the list" "$("$T" --list)" "^$anna "
serve() {
	"$IMAGES/php/current/usr/deed" serve "$SRV/run/mysqld/mysqld.sock" "from the database" &
	started+=($!)
	wait_for test -S "$SRV/run/mysqld/mysqld.sock"
}
serve
is "the database answers at its socket" "$(in_jail $anna /usr/deed ask /run/mysqld/mysqld.sock)" "from the database"
rm "$SRV/run/mysqld/mysqld.sock"
if [ -n "$has_php" ]; then
	serve # as after a start anew: another socket in the same directory
	sed -i 's|^;\?session.save_path =.*|session.save_path = /tmp|' "$IMAGES"/php/current/etc/php/*/cgi/php.ini
	cat >"$DATA/$anna/home/$anna/index.php" <<'END'
<?php
session_start();
$_SESSION["name"] = get_current_user();
session_write_close();
$database = stream_socket_client("unix:///run/mysqld/mysqld.sock");
echo $_GET["a"], " ", $_SESSION["name"], " ", file_get_contents("/tmp/sess_" . session_id()), "\n";
echo stream_get_contents($database);
END
	chown "$C:$C" "$DATA/$anna/home/$anna/index.php"
	is "a page of PHP with a session, which asks the database" "$(
		as_www env -i REQUEST_METHOD=GET QUERY_STRING='a=b%20c' SCRIPT_FILENAME=/home/$anna/index.php \
			"$T" --cgi $anna php-cgi | sed '1,/^\r$/d'
	)" "b c $anna name|s:${#anna}:\"$anna\";"$'\n'"from the database"
else
	skip "a page of PHP" "no Debian image is kept; tests/system/image-debian.sh builds one"
fi
is "nobody else's jail is seen" "$(in_jail $anna sh -c 'ls /home')" $anna
