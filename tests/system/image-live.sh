#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The image is switched under a load of requests; images and users that are in use are not removed.
. "$(dirname "$0")/lib.sh"

image=$T_PREFIX/sbin/trampoline-image
user=$T_PREFIX/sbin/trampoline-user
home=$IMAGES/switched
carol=$((T_BOB + 1)) dave=$((T_BOB + 2))
switches=${SWITCHES:-50}

cleanup() {
	local name
	touch "$T_WORK/stop"
	pkill -KILL -u "$carol,$dave" || :
	wait
	for name in carol dave; do
		"$T" --discard --kill "$name" >/dev/null 2>&1 || :
		[ ! -d "$DATA/$name" ] || remove_user "$name"
		rm -f "$CONFIG/jails.d/$name.conf"
	done
	rm -rf --one-file-system "$home"
}

# Two images that differ in twenty files, each of which says which it is.
build_marked() {
	local i
	mkdir -p "$T_WORK/tree/etc/marks"
	for i in {1..20}; do echo "$1" >"$T_WORK/tree/etc/marks/$i"; done
	"$image" build switched --from "$T_WORK/tree" "${@:2}" 2>"$ERR" | cut -d @ -f 2
}
mkdir -p "$T_WORK/tree"
cp -a "$IMAGES/default/current/." "$T_WORK/tree"
red=$(build_marked red)
blue=$(build_marked blue --no-activate)
for name in carol dave; do printf '[trampoline]\nimage = switched\n' | override "$name"; done
"$user" add carol --uid "$carol" 2>"$ERR"
"$user" add dave --uid "$dave" 2>"$ERR"

# The marks a request sees over some time: one word if it ran wholly on one image.
# shellcheck disable=SC2016 # for the jail's shell
reads='for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do read x </etc/marks/$i; echo $x; done'
is "a request sees the image that is current" "$(in_jail carol sh -c "$reads" | uniq)" red

# --- switching under load ------------------------------------------------------------------------

in_jail carol sh -c "$reads; until [ -e /tmp/wake ]; do sleep 0.1; done; $reads" >"$T_WORK/sleeper" &
sleeper=$!
wait_for grep -q red "$T_WORK/sleeper" || fail "a request that stays begins" "$(cat "$T_WORK/sleeper")"

requests() {
	local n=0 seen
	while [ ! -e "$T_WORK/stop" ]; do
		n=$((n + 1))
		# A request that fails is one of the bad ones, and no end of this loop.
		seen=$(in_jail carol sh -c "$reads" 2>&1 | sort | uniq -c | awk '{ $1 = $1; print }') || seen+=" and it failed"
		case $seen in
		'20 red' | '20 blue') echo "${seen#20 }" >>"$T_WORK/seen.$1" ;;
		*) echo "request $n: $seen" >>"$T_WORK/bad.$1" ;;
		esac
	done
}
loops=()
for i in 1 2 3 4; do
	requests "$i" &
	loops+=($!)
done
# Between two switches five requests end, so that one of them has begun after the first switch, on
# any machine.
served() { find "$T_WORK" -maxdepth 1 \( -name 'seen.*' -o -name 'bad.*' \) -exec cat {} + | wc -l; }
another_served() { [ "$(served)" -gt $((before + ${#loops[@]})) ]; }
failed=0 unserved=0
for ((i = 0; i < switches; i++)); do
	version=$([ $((i % 2)) -eq 0 ] && echo "$blue" || echo "$red")
	"$image" activate "switched@$version" >"$OUT" 2>&1 || failed=$((failed + 1))
	before=$(served) || :
	wait_for another_served || unserved=$((unserved + 1))
	[ $unserved -eq 0 ] || break
done
touch "$T_WORK/stop"
wait "${loops[@]}" || :
is "the image is switched $switches times under load" "$failed" 0
is "no request of four at once fails or sees two images" "$(cat "$T_WORK"/bad.* 2>/dev/null || :)" ""
is "requests were served after each of the switches" "$unserved" 0
is "and both images were seen" "$(cat "$T_WORK"/seen.* 2>/dev/null | sort -u | xargs)" "blue red"
"$image" activate "switched@$blue" 2>"$ERR"
is "the next request sees the new image" "$(in_jail carol sh -c "$reads" | uniq)" blue

# --- what is in use stays ------------------------------------------------------------------------

green=$(build_marked green)
build_marked yellow >/dev/null
is "a request sees the newest" "$(in_jail carol sh -c "$reads" | uniq)" yellow
ok "prune" "$image" prune switched
said=$(cat "$ERR")
like "names the process that is in the old one" "$said" "switched@$red stays: process [0-9]+ uses it\$"
ok "which stays" test -d "$home/$red"
ok "so does the one that rollback wants" test -d "$home/$green"
like "the one nobody uses is gone" "$said" "switched@$blue is gone"
is "wholly" "$(find "$home" -name "*$blue*")" ""
as_www "$T" carol touch /tmp/wake
wait "$sleeper" || fail "who began on the old image comes to its end" "status $?"
is "who began on the old image has seen no other to the end" "$(sort "$T_WORK/sleeper" | uniq -c | xargs)" "40 red"
"$T" --cleanup >"$OUT" 2>&1 || :
ok "prune once more" "$image" prune switched
ok "removes it when it is not used" test ! -e "$home/$red"

# A command of dave's runs on the version $old, which is neither current nor what rollback wants;
# then $what happens to what RUNDIR knows of it. Neither his data nor the version may be deleted.
dave_runs() { pgrep -u "$dave" -x sleep; }
dave_sleeps() { ! dave_runs; }
start_dave() {
	in_jail dave sleep 3600 &
	sleeper=$!
	wait_for dave_runs || fail "a user has a process"
}
end_dave() {
	pkill -KILL -u "$dave" -x sleep || :
	{ wait "$sleeper"; } 2>/dev/null || :
	wait_for dave_sleeps || fail "the process is gone"
}
dave_data() { find "$DATA" -maxdepth 4 -path '*dave*' -printf '%P %y %m %U:%G %i %s\n' | sort; }
"$T" --discard carol >"$OUT" 2>&1 || :
old=$green
middle=$("$image" list switched | awk '$2 == "current" { sub(/.*@/, "", $1); print $1 }')
new=$(build_marked violet)
record=$T_RUNDIR/jails/dave/record
damage() {
	case $1 in
	unlinked) rm "$record" ;;
	damaged) printf 'xxxxxxxx' | dd of="$record" bs=1 seek=100 conv=notrunc status=none ;;
	'of another version') printf '\377' | dd of="$record" bs=1 seek=8 conv=notrunc status=none ;;
	'lost with all jails') rm -rf --one-file-system "$T_RUNDIR/jails" ;;
	'withdrawn by a discard') "$T" --discard dave ;;
	esac
}
for what in unlinked damaged 'of another version' 'lost with all jails' 'withdrawn by a discard'; do
	for version in "$new" "$middle" "$old"; do "$image" activate "switched@$version" 2>"$ERR"; done
	start_dave
	for version in "$middle" "$new"; do "$image" activate "switched@$version" 2>"$ERR"; done
	before=$(dave_data)
	damage "$what" >"$OUT" 2>&1
	not_ok "a record is $what while a command runs: the user is not removed" "$user" remove dave --yes
	like "and the process is named" "$(cat "$ERR")" 'cannot remove dave: the jail is in use by process [0-9]+ '
	not_ok "nor from another mount namespace" unshare -m "$user" remove dave --yes
	like "in a sentence" "$(cat "$ERR")" '^trampoline-user: cannot remove dave: '
	is "his data are as they were" "$(dave_data)" "$before"
	ok "prune" "$image" prune switched
	like "keeps the version that the command is on" "$(cat "$ERR")" "switched@$old stays: process [0-9]+ uses it\$"
	ok "which is there" test -d "$home/$old"
	end_dave
done
ok "prune when the command has ended" "$image" prune switched
like "removes that version" "$(cat "$ERR")" "switched@$old is gone\$"

# A launcher that has read the record may be on its way into an idle jail; a keeper may be building
# one.
"$image" activate "switched@$middle" 2>"$ERR"
in_jail dave true
blue=$(build_marked blue)
build_marked green >/dev/null
ok "prune" "$image" prune switched
like "keeps the version of an idle jail" "$(cat "$ERR")" "switched@$middle stays: jail dave uses it\$"
"$T" --discard dave >"$OUT" 2>&1
mkdir -m 700 "$T_RUNDIR/jails/dave"
exec 8<"$T_RUNDIR/jails/dave"
flock 8
"$image" prune switched >"$OUT" 2>"$ERR" 8<&- &
pruner=$!
keeper_waits() { grep -qE -- "-> FLOCK .*:$(stat -c %i "$T_RUNDIR/jails/dave") " /proc/locks; }
ok "prune waits for the lock of a jail that a keeper is building" wait_for keeper_waits
ok "and has deleted nothing before" test -d "$home/$middle" -o -d "$home/.old-$middle"
exec 8<&-
ok "then it ends" wait "$pruner"
ok "and the version that nobody uses is gone" test ! -e "$home/$middle" -a ! -e "$home/.old-$middle"
rmdir "$T_RUNDIR/jails/dave"

start_dave
not_ok "a user with a process is not removed" "$user" remove dave --yes
ok "everything of his is there" "$user" check dave
is "and his jail works" "$(in_jail dave sh -c 'echo hello >/tmp/x; cat /tmp/x')" hello
end_dave
in_jail dave true
ok "an idle one is, with an archive" "$user" remove dave --yes --archive "$T_WORK/dave.tar.gz"
is "nothing is left of him" "$(find "$DATA" -maxdepth 1 -name '*dave*')" ""
ok "but the archive" tar -tzf "$T_WORK/dave.tar.gz" dave/tmp/x
unlike "and no jail" "$("$T" --list)" dave
not_ok "and nobody gets in" in_jail dave true
