#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Everything at once, on twenty jails: requests, and beside them at random image switches, changed
# configuration, cleanups, discards, a wiped RUNDIR, users who come and go. Every request that should succeed does,
# in its own jail and on one of the two images, and nothing is left.
#
#   CHURN_SECONDS=90   for so long; without it, for 300 requests
. "$(dirname "$0")/lib.sh"

first=$((A + 3000))
requests=300
steady=14 # jails 1..14: no request may fail; 15..17 are discarded with --kill; 18..20 come and go
over=$T_WORK/over

cleanup() {
	local i
	touch "$over"
	wait || :
	default_config
	for ((i = 1; i <= 20; i++)); do
		"$T" --discard --kill "churn$i" >/dev/null 2>&1 || :
		rm -rf --one-file-system "${DATA:?}/churn$i"
	done
	rm -rf --one-file-system "${IMAGES:?}/churn"
	in_jail alice true
	in_jail bob true
}

image=20000101-000000 other=20000102-000000
mkdir "$IMAGES/churn"
for version in $image $other; do cp -a "$IMAGES/default/$(readlink "$IMAGES/default/current")" "$IMAGES/churn/$version"; done
switch() {
	ln -sfn "$1" "$IMAGES/churn/.current.$BASHPID"
	mv -T "$IMAGES/churn/.current.$BASHPID" "$IMAGES/churn/current"
}
# set_processes N: the limit, in a configuration that appears whole
set_processes() {
	printf '[trampoline]\nimage = churn\n[limits]\nprocesses = %d\n' "$1" >"$CONFIG/.$BASHPID"
	chmod 644 "$CONFIG/.$BASHPID"
	mv "$CONFIG/.$BASHPID" "$CONFIG/trampoline.conf"
}
switch $image
set_processes 50
for ((i = 1; i <= 20; i++)); do make_user "churn$i" $((first + i)); done

# One mutation after another, until it is over.
mutate() {
	RANDOM=$1
	while [ ! -e "$over" ]; do
		case $((RANDOM % 8)) in
		0) switch "$image" ;;
		1) switch "$other" ;;
		2) set_processes $((50 + RANDOM % 10)) ;;
		3) "$T" --cleanup >/dev/null ;;
		4) "$T" --discard "churn$((1 + RANDOM % steady))" >/dev/null 2>&1 || : ;;
		5) "$T" --discard --kill "churn$((15 + RANDOM % 3))" >/dev/null 2>&1 || : ;;
		6) rm -rf --one-file-system "${T_RUNDIR:?}"/jails/* 2>/dev/null || : ;;
		7)
			i=$((18 + RANDOM % 3))
			if [ -d "$DATA/churn$i" ]; then
				"$T_PREFIX/sbin/trampoline-user" remove "churn$i" --yes >/dev/null 2>&1 || :
			else
				"$T_PREFIX/sbin/trampoline-user" add "churn$i" --uid $((first + i)) >/dev/null 2>&1 || :
			fi
			;;
		esac
	done
}

# Requests, each of which says who it was; a line in $wrong for each that should not have ended so.
wrong=$T_WORK/wrong
done=$T_WORK/done
: >"$wrong"
: >"$done"
request() {
	local i got said
	RANDOM=$1
	while [ ! -e "$over" ]; do
		i=$((1 + RANDOM % 20)) got=0
		# shellcheck disable=SC2016
		said=$(as_www "$T" "churn$i" sh -c 'id -u; ls -d "/home/$LOGNAME" /tmp' 2>&1) || got=$?
		echo "$i" >>"$done"
		[ "$got $said" != "0 $((first + i))"$'\n'"/home/churn$i"$'\n'"/tmp" ] || continue
		case $i,$got in
		1[567],137) continue ;; # killed by name
		18,125 | 19,125 | 20,125) case $said in *'there is no such user'* | *'No such file'*) continue ;; esac ;;
		18,* | 19,* | 20,*) [ ! -d "$DATA/churn$i" ] && continue ;;
		esac
		echo "churn$i: status $got: $said" >>"$wrong"
	done
}

for worker in 1 2 3; do request $worker & done
mutators=()
for worker in 11 12; do
	mutate $worker &
	mutators+=($!)
done
if [ -n "${CHURN_SECONDS:-}" ]; then
	sleep "$CHURN_SECONDS"
else
	enough() { [ "$(wc -l <"$done")" -ge $requests ]; }
	wait_for enough || :
fi
touch "$over"
for pid in "${mutators[@]}"; do wait "$pid" || echo "what changes jails ended with status $?" >>"$wrong"; done
wait
echo "# $(wc -l <"$done") requests"
is "every request that should succeed did" "$(head -n 5 "$wrong")" ""
ok "there were enough of them" test "$(wc -l <"$done")" -ge $requests
for ((i = 1; i <= 20; i++)); do
	[ -d "$DATA/churn$i" ] || continue
	[ "$(in_jail "churn$i" id -u)" = $((first + i)) ] || echo "churn$i" >>"$wrong"
done
is "and each jail works afterwards" "$(head -n 5 "$wrong")" ""
is "nobody is left in one" "$("$T" --list | awk '$1 ~ /^churn/ && $4 > 0')" ""
# Any umount on the machine can clear the mark that one pass has set.
retired() {
	"$T" --cleanup
	[ "$(find "$T_RUNDIR" -xdev -mindepth 1 -printf '%P ')" = "hub jails " ]
}
ok "and passes leave nothing but the hub and an empty directory" wait_for retired
