#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a request costs through a real Apache, whose CGI program is the same script each time: in a jail, without one, and
# with bwrap. Requests per second, and milliseconds of the middle request and of the slowest but one in a hundred.
# REQUESTS=N, at least 100, changes its length.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/web/lib.sh
. tests/web/lib.sh
REQUESTS=${REQUESTS:-1000}

# Of fewer, ab knows no 99th percentile and prints a number all the same.
[ "$REQUESTS" -ge 100 ] || {
	echo "bench: cannot measure $REQUESTS requests: at least 100 are needed" >&2
	exit 1
}
for program in apache2 ab curl perl; do
	command -v "$program" >/dev/null || {
		echo "bench: cannot measure requests: there is no $program; on Debian, make deps installs it" >&2
		exit 1
	}
done

HERE=$T_ROOT/web
trap 'stop_server TERM; installation_remove' EXIT
mkdir -m 755 "$HERE" "$HERE/cgi"
image=$T_STATEDIR/images/default/current
home=$T_STATEDIR/data/alice/home/alice
cat >"$HERE/answer" <<'END'
printf 'Content-Type: text/plain\r\n\r\n'
echo "an answer to $QUERY_STRING"
END
install -m 644 "$HERE/answer" "$home/answer"
# bwrap as www-data has the rights of www-data: its own copies of a home and a tmp.
install -d -o 33 -g 33 "$HERE/home" "$HERE/home/alice" "$HERE/tmp"
install -m 644 "$HERE/answer" "$HERE/home/alice/answer"

names=() files=()
# cgi NAME COMMAND...: adds a CGI program that is this command; says so, and adds none, if that cannot run here
cgi() {
	local file=$HERE/cgi/${#names[@]}
	printf '#!/bin/sh\nexec %s\n' "${*:2}" >"$file"
	chmod 755 "$file"
	if [ "$(QUERY_STRING=a setpriv --reuid=33 --regid=33 --clear-groups "$file" 2>"$T_ROOT/log" | tail -n 1)" != 'an answer to a' ]; then
		echo "$1: cannot run here: $(tail -n 1 "$T_ROOT/log")"
		return
	fi
	names+=("$1") files+=("${file##*/}")
}
script='/bin/busybox sh /home/alice/answer'
in_bwrap="--ro-bind $image/ / --bind $HERE/home /home --bind $HERE/tmp /tmp --proc /proc --dev /dev"
cgi "without a jail" "$image/bin/busybox" sh "$HERE/answer"
cgi trampoline "$T" --cgi alice "$script"
cgi "trampoline --timeout" "$T" --cgi --timeout=1h alice "$script"
cgi bwrap bwrap "$in_bwrap" "$script"
cgi "bwrap --unshare-pid" bwrap --unshare-pid "$in_bwrap" "$script"

cat >"$HERE/main.conf" <<END
ScriptAlias "/cgi/" "$HERE/cgi/"
<Directory "$HERE/cgi">
	Require all granted
</Directory>
END
start_server "${PRIVATE_TMP[@]}"

# load WAY FLIGHT: one measurement; requests a second, then the milliseconds of 50 % and of 99 %
load() {
	ab -q -s "$DEADLINE" -n "$REQUESTS" -c "$2" -e "$T_ROOT/percentiles" "http://$AT/cgi/${files[$1]}?a" >"$T_ROOT/ab"
	if ! grep -q '^Failed requests: *0$' "$T_ROOT/ab" || grep -q '^Non-2xx' "$T_ROOT/ab"; then
		echo "bench: ${names[$1]}: requests have failed" >&2
		cat "$T_ROOT/ab" >&2
		return 1
	fi
	awk -F , -v OFS='\t' '
		/^Requests per second/ { split($0, word, " "); second = word[4] }
		FILENAME ~ /percentiles$/ && $1 == 50 { middle = $2 }
		FILENAME ~ /percentiles$/ && $1 == 99 { slow = $2 }
		END { print second, middle, slow }' "$T_ROOT/ab" "$T_ROOT/percentiles"
}

figures web way flight requests_s p50_ms p99_ms
printf '%-30s %10s %12s %10s %10s\n' "through Apache, as CGI" "in flight" "requests/s" "50 % ms" "99 % ms"
for flight in 1 8 32; do
	# Round by round, so that what else the machine does meets all of them; the middle one of three counts.
	for round in 1 2 3; do
		for way in "${!names[@]}"; do load "$way" $flight >"$T_ROOT/load.$way.$round"; done
	done
	for way in "${!names[@]}"; do
		middle=$(sort -g "$T_ROOT/load.$way".* | sed -n 2p)
		# shellcheck disable=SC2086 # three figures
		figure web "${names[$way]}" $flight $middle
		# shellcheck disable=SC2086
		printf '%-30s %10d %12.0f %10.1f %10.1f\n' "${names[$way]}" $flight $middle
	done
done
echo
