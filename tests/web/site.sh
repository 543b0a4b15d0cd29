#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The site that make demo-web shows, as a browser sees it, and under load. Screenshots are left in build/web.
#   WEB_REQUESTS=N   how many requests the load has at least (200); by hand, 10000
#   WEB_SWITCHES=N   and how often the image is switched meanwhile (3)
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/lib.sh"

HERE=$T_WORK/site
SHOTS=$(realpath -m "${BUILD:-build}")/web
REQUESTS=${WEB_REQUESTS:-200}
SWITCHES=${WEB_SWITCHES:-3}
image=$T_PREFIX/sbin/trampoline-image
keeping= # the process that cleans up and switches the image

cleanup() {
	touch "$T_WORK/stop"
	[ -z "$keeping" ] || wait "$keeping" || :
	stop_server TERM
	default_config
	for name in alice bob; do
		rm -f "$DATA/$name/home/$name"/{app,diary,mark,big}
		retire "$name"
		in_jail "$name" true
	done
	rm -rf --one-file-system "$IMAGES/switched"
}

for program in apache2 curl perl; do
	command -v "$program" >/dev/null || {
		skip "the site" "$program is not installed: make check-web installs it"
		exit 0
	}
done
if ! free_port >"$OUT" 2>"$ERR"; then
	skip "the site" "$ADDRESS cannot be used here: $(tail -n 1 "$ERR")"
	exit 0
fi

printf '[limits]\nkill_after = %ds\n' $((2 * T_SLOW)) | override alice
site_make "$T" "$((DEADLINE / 2))s" "$((2 * T_SLOW))s"
ok "the server starts, with a /tmp of its own" start_server "${PRIVATE_TMP[@]}"
[ -n "$server" ] || exit 1

# --- in a browser --------------------------------------------------------------------------------

# As a user who is neither the server's nor the jail's. There is no set-uid sandbox where Chromium's recommended
# packages are not installed, and it loads no pages but ours.
install -d -o nobody "$T_WORK/browser"
browser() {
	env HOME="$T_WORK/browser" TMPDIR="$T_WORK/browser" timeout "$DEADLINE" \
		setpriv --reuid=nobody --regid=nogroup --clear-groups chromium --headless=new --no-sandbox --disable-gpu \
		--disable-dev-shm-usage --disable-breakpad --no-first-run --disable-background-networking --disable-component-update --no-proxy-server \
		--user-data-dir="$T_WORK/browser/profile" --hide-scrollbars --window-size=1180,1140 "$@"
}

# load QUESTION: its page, as loaded, in $page, and its picture in build/web
load() {
	page=$(browser --dump-dom "http://$AT/$1.shtml" 2>"$ERR") || page="no page: $(tail -n 3 "$ERR")"
	browser --screenshot="$T_WORK/browser/$1.png" "http://$AT/$1.shtml" >"$OUT" 2>"$ERR" || :
	# Read as the browser's user: what lies there may be a link.
	setpriv --reuid=nobody --regid=nogroup --clear-groups cat "$T_WORK/browser/$1.png" >"$T_WORK/$1.png" 2>"$ERR" || :
	is "the page \"$1\" has a picture" "$(head -c 4 "$T_WORK/$1.png" | tail -c 3)" PNG
	install -D -m 644 "$T_WORK/$1.png" "$SHOTS/$1.png"
}

# half USER: the text of the user's half of $page
half() {
	sed -n "/<section[^>]* id=\"$1\"/,/<\/section>/p" <<<"$page" | sed 's/<[^>]*>//g; s/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&amp;/\&/g'
}
# part CLASS USER: of that, what is in the element of the class
part() {
	sed -n "/<section[^>]* id=\"$2\"/,/<\/section>/p" <<<"$page" | awk -v class="class=\"$1" '
		index($0, class) { on = 1 }
		on
		/<\/(p|pre)>/ { on = 0 }' | sed 's/<[^>]*>//g'
}

# shellcheck disable=SC2317 # called by wait_for
none() { ! pgrep -u "$A,$B"; }

pages() {
	local user
	rm -f "$SHOTS"/*.png
	load who
	like "the page has a title" "$page" '<title>Who am I\?</title>'
	is "and two halves" "$(grep -c '<section' <<<"$page")" 2
	like "alice's half is run as alice" "$(half alice)" "^uid=$A\(alice\) gid=$A\(alice\)"
	like "and bob's as bob" "$(half bob)" "^uid=$B\(bob\) gid=$B\(bob\)"
	for user in alice bob; do
		like "$user is at home" "$(half "$user")" "^/home/$user\$"
		like "has files of that user" "$(half "$user")" "^$user was here\$"
		like "has no capability" "$(half "$user")" $'^CapEff:\t0+$'
		like "and the run ends by itself" "$(part verdict "$user")" '^ended by itself, status 0$'
	done

	load see
	for user in alice bob; do
		is "$user sees no other home" "$(half "$user" | awk '/^\$/ { on = 0 } on; /^\$ ls \/home/ { on = 1 }')" "$user"
		like "sees the run's processes" "$(half "$user")" "^ +[0-9]+ $user +.*/bin/sh \./app\$"
		unlike "and nobody else's" "$(half "$user")" '^ +[0-9]+ (root|www-data|[0-9]+) '
		is "and three mounts that matter" "$(half "$user" | grep -cE '^/(home|tmp)? (ro|rw),')" 3
	done

	load refused
	like "the image is read-only" "$(half alice)" '^touch: /bin/mine: Read-only file system$'
	like "bob's files are not there" "$(half alice)" "^cat: can't open '/home/bob/diary': No such file or directory\$"
	like "nothing can be mounted" "$(half alice)" '^mount: permission denied'
	like "there is no network" "$(half alice)" 'Network is unreachable$'
	like "a program cannot change its root" "$(half bob)" '^chroot: .*Operation not permitted$'
	like "nor make a device" "$(half bob)" '^mknod: .*Operation not permitted$'
	like "what looks like a script is text" "$(half bob)" '^<script>document\.title = "mine"</script>$'
	like "and does not run" "$page" '<title>What is refused\?</title>'
	like "standard error is the run's own" "$(part errors alice)" '^\[core:error\] a line that is forged for the log$'
	unlike "and not the server's log" "$(cat "$HERE/error.log")" 'forged'
	like "a user who has no jail is refused" "$(part verdict carol)" '^refused, status 125: nothing has run$'
	like "with a sentence" "$(part errors carol)" '^trampoline: cannot .*carol.*: .'

	load cost
	like "alice's run has a result" "$(half alice)" '^counted to 100000$'
	like "and its processor time is told" "$(half alice)" '"cpu_s": (0\.[0-9]*[1-9]|[1-9])'
	like "bob's run has needed a buffer of 32 MB" "$(half bob | sed -n 's/^memory\([0-9]*\)\..*/\1/p' | awk '$1 >= 32 { print "enough" }')" enough
	unlike "which alice's has not" "$(half alice | sed -n 's/^memory\([0-9]*\)\..*/\1/p' | awk '$1 >= 32 { print "enough" }')" enough

	load slow
	like "a run that is too slow ends by its time-out" "$(part verdict alice)" '^ended by its time-out, status 124$'
	like "what it has written is there" "$(half alice)" '^sleeps for months$'
	like "one that ignores SIGTERM is killed" "$(part verdict bob)" '^ended by its time-out, status 137: it took SIGKILL$'
	ok "nothing of either is left" wait_for none

	load limit
	like "output without an end reaches its limit" "$(part verdict alice)" '^ended at its limit: output$'
	is "and no more of it comes" "$(part output alice | tr -d '\n' | wc -c | awk '{ print ($1 > 0 && $1 <= 8192) }')" 1
	like "a file without an end reaches its limit" "$(part verdict bob)" '^ended at its limit: file_size$'
	is "which is what lies in the home" "$(stat -c %s "$BOB/big")" $((1 << 20))
}
if command -v chromium >/dev/null; then
	pages
else
	skip "the pages in a browser" "chromium is not installed: make check-web installs it"
fi

# --- under load ----------------------------------------------------------------------------------

# Two versions of an image; each says in /etc/mark which it is.
build_marked() {
	mkdir -p "$T_WORK/tree/etc"
	echo "$1" >"$T_WORK/tree/etc/mark"
	"$image" build switched --from "$T_WORK/tree" "${@:2}" 2>"$ERR" | cut -d @ -f 2
}
mkdir "$T_WORK/tree"
cp -a "$IMAGES/default/current/." "$T_WORK/tree"
declare -A version mark
version[red]=$(build_marked red)
version[blue]=$(build_marked blue --no-activate)
for user in alice bob; do
	printf '[trampoline]\nimage = switched\n' | override "$user"
	mark[$user]=$user-$RANDOM$RANDOM
	echo "${mark[$user]}" >"$DATA/$user/home/$user/mark"
done
# answer USER IMAGE: what is to be in it, as a pattern
answer() { printf '<pre class="output">%s %s (%s)$' "$1" "${mark[$1]}" "$2"; }

# Each second a cleanup, a switch of the image, and a request that has to see it.
touch "$T_WORK/trouble" "$T_WORK/switched"
keep_busy() {
	local colour=blue
	while [ ! -e "$T_WORK/stop" ]; do
		"$T" --cleanup >"$T_WORK/said" 2>&1 || echo "cleanup: $(cat "$T_WORK/said")"
		"$image" activate "switched@${version[$colour]}" >"$T_WORK/said" 2>&1 || echo "activate: $(cat "$T_WORK/said")"
		get "$AT/cgi/alice/mark" | grep -E "$(answer alice "$colour")" >"$T_WORK/said" || echo "a request after the switch does not see $colour"
		echo "$colour" >>"$T_WORK/switched"
		if [ $colour = blue ]; then colour=red; else colour=blue; fi
		sleep 1
	done >>"$T_WORK/trouble" 2>&1
}

# all_at_once: REQUESTS requests, for alice and bob in turn, 32 in flight; counted in $sent, $failed, $answered and $wrong
sent=0 failed=0 answered=0 wrong=0
all_at_once() {
	local user answers=$T_WORK/answers
	rm -rf --one-file-system "$answers"
	mkdir "$answers" "$answers/alice" "$answers/bob"
	awk -v at="$AT" -v answers="$answers" -v requests="$REQUESTS" 'BEGIN {
		for (i = 1; i <= requests; i++) {
			user = i % 2 ? "alice" : "bob"
			printf "url = \"http://%s/cgi/%s/mark\"\noutput = \"%s/%s/%d\"\n", at, user, answers, user, i
		}
	}' >"$T_WORK/requests"
	get --parallel --parallel-immediate --parallel-max 32 -w '%{http_code}\n' -K "$T_WORK/requests" >"$T_WORK/codes" 2>"$ERR" || :
	sent=$((sent + REQUESTS))
	failed=$((failed + REQUESTS - $(grep -cx 200 "$T_WORK/codes" || :)))
	for user in alice bob; do
		find "$answers/$user" -type f -exec grep -hcE "$(answer "$user" 'red|blue')" {} + >"$T_WORK/right" || :
		wrong=$((wrong + $(grep -cvx 1 "$T_WORK/right" || :)))
		answered=$((answered + $(wc -l <"$T_WORK/right")))
	done
}

keep_busy &
keeping=$!
while [ "$sent" -lt "$REQUESTS" ] || [ "$(wc -l <"$T_WORK/switched")" -lt "$SWITCHES" ]; do
	all_at_once
	if [ "$failed" -gt 0 ] || ! kill -0 $keeping; then break; fi
done
touch "$T_WORK/stop"
wait $keeping
keeping=
is "of $sent requests, 32 in flight, none fails" "$failed" 0
is "each has an answer" "$answered" "$sent"
is "of which each has the right user's mark" "$wrong" 0
is "while the image is switched, and jails are cleaned up, each second" "$(cat "$T_WORK/trouble")" ""
echo "# $(wc -l <"$T_WORK/switched") switches and cleanups meanwhile"
is "nothing is in the server's log" "$(grep -v ' \[[a-z_]*:notice\] ' "$HERE/error.log" || :)" ""
