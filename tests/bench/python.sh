#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What an entry adds to the start of a real program: Python in a Debian image, inside a jail, and outside of any with the
# same files, user and environment. Ends with status 1 where it adds more than it may: 5 % of a script that answers a
# request, 15 % of a Python that only starts and ends. ROUNDS=N changes its length.
#
# The bounds are what noise does not reach and a mistake does: files that are not the page cache's own, a long filter.
# The best of four tries counts, since noise is never less than nothing; use a machine that has nothing else to do.
ROUNDS=${ROUNDS:-60}
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

CACHE=${TRAMPOLINE_CACHE:-build/cache}
uid=$((T_ALICE + 2))
home=$T_STATEDIR/data/pia/home/pia
outside=$T_ROOT/outside

# --- the image, as tests/system/python.sh keeps it -----------------------------------------------------

key=$(cat jail-image/recipes/debian jail-image/trampoline-image.in jail-image/*.sh | sha256sum | cut -c 1-16)
if [ -d "$CACHE/debian-$key/current" ]; then
	cp -a "$CACHE/debian-$key" "$T_STATEDIR/images/debian"
else
	"$T_PREFIX/sbin/trampoline-image" build debian --recipe debian --include python3 >"$T_ROOT/log" 2>&1
fi
printf '[trampoline]\nimage = debian\n' >"$T_SYSCONFDIR/trampoline/jails.d/pia.conf"
"$T_PREFIX/sbin/trampoline-user" add pia --uid "$uid"
cat >"$home/answer.py" <<'END'
import json, os, pwd, sys
body = sys.stdin.buffer.read()
sys.stdout.buffer.write(b"Content-Type: application/octet-stream\r\n\r\n")
print(json.dumps([sys.argv[1:], pwd.getpwuid(os.getuid()).pw_name, os.getcwd(),
    {k: v for k, v in sorted(os.environ.items())}]), flush=True)
sys.stdout.buffer.write(body[::-1])
END
chmod 644 "$home/answer.py"

# --- inside and outside ----------------------------------------------------------------------------

# In a mount namespace of the measuring process alone: installation_remove takes who has an image mounted for ours.
mkdir "$outside"
mounts="mount --bind $T_STATEDIR/images/debian/current/ $outside && mount --bind $T_STATEDIR/data/pia/home $outside/home &&
	mount --bind $T_STATEDIR/data/pia/tmp $outside/tmp && mount --bind /proc $outside/proc"
"$T" --prepare pia

bad=0
figures python what ratio wanted
# starts PERCENT TITLE OPTION COMMAND...
starts() {
	local percent=$1 title=$2 option=$3 ratio best=999
	shift 3
	for _ in 1 2 3 4; do
		"$T_TOOLS/entry" "$ROUNDS" outside "uid=$uid" "gid=$uid" "setup=$mounts" "root=$outside" env=HOME=/home/pia env=USER=pia \
			env=LOGNAME=pia env=SHELL=/bin/sh -- "$@" , \
			inside uid=33 gid=33 -- "$T" ${option:+"$option"} pia "$@" >"$T_ROOT/result"
		ratio=$(awk -F '\t' '$1 == "inside" { print $5 }' "$T_ROOT/result")
		best=$(awk -v a="$best" -v b="$ratio" 'BEGIN { print b < a ? b : a }')
		if awk -v ratio="$best" -v percent="$percent" 'BEGIN { exit !(ratio > 0 && ratio <= 1 + percent / 100) }'; then
			break
		fi
	done
	echo "$title: $best times what it takes outside (at most 1 + $percent %)"
	figure python "$title" "$best" "<= 1 + $percent %"
	awk -v ratio="$best" -v percent="$percent" 'BEGIN { exit !(ratio <= 1 + percent / 100) }' || bad=1
}
starts 5 "the user's script answers" --cgi /usr/bin/python3 /home/pia/answer.py 'an argument'
starts 15 "python3 starts and ends" '' /usr/bin/python3 -c pass
[ $bad -eq 0 ]
