#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kill -9 of trampoline-image at each of its steps: current always names a complete, audited
# version. A step is a system call that changes the directory of the image (see killat.c), whichever
# process makes it: the program itself, a subshell, or mv, cp, chown, rm. Nothing depends on time.
. "$(dirname "$0")/lib.sh"

image=$T_PREFIX/sbin/trampoline-image
name=killed
home=$IMAGES/$name
saved=$T_WORK/saved
other=$T_WORK/other
killat=$T_WORK/killat

cleanup() {
	rm -rf --one-file-system "$home"
}

${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -o "$killat" "$(dirname "$0")/killat.c"
if ! "$killat" none 0 "$T_WORK" true 3>"$OUT" 2>"$ERR"; then
	skip "trampoline-image is killed at each of its steps" "no process can be traced here: $(cat "$ERR")"
	exit 0
fi

# The same program beside a keeper that knows no process (prune is what is killed here), with a
# recipe for a tree that has few objects, but one of each kind that the program treats.
mkdir -p "$other/libexec/trampoline" "$other/share"
cp -r "$T_PREFIX/share/trampoline" "$other/share/trampoline"
sed "s|^prefix=.*|prefix=$other|" "$image" >"$other/image"
printf '#!/bin/sh\n' >"$other/libexec/trampoline/${KEEPER##*/}"
cat >"$other/share/trampoline/recipes/small" <<'END'
#!/bin/sh
set -eu
cd "$1"
mkdir bin etc
printf 'program\n' >bin/sh
chmod 4755 bin/sh
ln -s sh bin/ash
ln -s /nowhere etc/nowhere
mkfifo etc/pipe
touch etc/shared
chmod 666 etc/shared
chown 1:1 etc/shared
END
chmod 755 "$other/image" "$other/libexec/trampoline/${KEEPER##*/}" "$other/share/trampoline/recipes/small"

for _ in 1 2 3; do "$other/image" build "$name" --recipe small >"$OUT" 2>&1; done
# What is imported is not there before.
imported=$("$other/image" build "$name" --recipe small --no-activate 2>"$ERR")
"$other/image" export "$imported" "$T_WORK/imported.tar.zst" 2>"$ERR"
rm -rf --one-file-system "${home:?}/${imported#*@}" "$home/${imported#*@}.manifest"
cp -a "$home" "$saved"
restore() {
	rm -rf --one-file-system "$home"
	cp -a "$saved" "$home"
}

# In what is saved: the first version is nobody's, the second is rollback's, the third is current.
versions() { find "$home" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*' -printf '%f\n' | sort; }
manifests() { find "$home" -mindepth 1 -maxdepth 1 -name '[0-9]*.manifest' -printf '%f\n' | sed 's/\.manifest$//' | sort; }
first=$(versions | sed -n 1p)
commands() {
	case $1 in
	build) echo build "$name" --recipe small ;;
	activate) echo activate "$name@$first" ;;
	rollback) echo rollback "$name" ;;
	prune) echo prune "$name" ;;
	import) echo import "$T_WORK/imported.tar.zst" --activate ;;
	esac
}

# judge AT COMMAND: after a kill, and after the same command has been run again.
judge() {
	local at=$1 what=$2 now version left
	flock -w "$DEADLINE" "$home" true || wrong+=("$at: somebody still holds the lock")
	now=$(readlink "$home/current") || wrong+=("$at: there is no current")
	[ -d "$home/$now" ] || wrong+=("$at: current names $now, which is not there")
	"$image" audit "$name" >"$OUT" 2>&1 || wrong+=("$at: current fails its audit: $(head -n 3 "$OUT")")
	for version in $(versions); do
		[ -s "$home/$version.manifest" ] || wrong+=("$at: $version is there without a manifest")
	done
	# shellcheck disable=SC2046 # words
	"$other/image" $(commands "$what") >"$OUT" 2>&1 || wrong+=("$at: it does not work again: $(tail -n 3 "$OUT")")
	left=$(find "$home" -mindepth 1 -maxdepth 1 -printf '%f\n' |
		grep -vxE 'current|history|[0-9.-]+|[0-9.-]+\.manifest' || :)
	[ -z "$left" ] || wrong+=("$at: run again, it leaves $(xargs <<<"$left")")
	[ "$(versions)" = "$(manifests)" ] || wrong+=("$at: run again, it leaves $(versions | xargs) and of manifests $(manifests | xargs)")
}

# step HOW N COMMAND: 137 and one line in $T_WORK/step if it was killed there
step() {
	local status=0
	restore
	# shellcheck disable=SC2046 # words
	"$killat" "$1" "$2" "$home" "$other/image" $(commands "$3") 3>"$T_WORK/step" >"$OUT" 2>&1 || status=$?
	return "$status"
}

# Of the steps of one process (an rm or chown of a whole tree), the first and the last.
ends_of_runs() {
	awk '$2 != pid { if (last != "") print last; print; pid = $2; last = ""; next } { last = $0 }
		END { if (last != "") print last }'
}

for what in activate rollback prune build import; do
	wrong=() all=0 alone=0 missed=()
	step none 0 "$what" || fail "$what works when nobody is killed" "$(cat "$OUT")"
	ends_of_runs <"$T_WORK/step" >"$T_WORK/steps"
	while read -r number _ who program call path; do
		# What a child does not live to do is one thing; what it still does when its parent is gone,
		# another.
		for how in all first; do
			[ "$how$who" != firstcommand ] || continue
			at="killed $how at step $number ($program: $call $path)"
			status=0
			step "$how" "$number" "$what" || status=$?
			if [ "$status" -ne 137 ] || [ ! -s "$T_WORK/step" ]; then missed+=("$at: status $status"); fi
			if [ "$how" = all ]; then all=$((all + 1)); else alone=$((alone + 1)); fi
			judge "$at" "$what"
		done
	done <"$T_WORK/steps"
	is "$what, killed with its children at $all steps and alone at $alone, leaves current complete and works again" \
		"$(printf '%s\n' "${wrong[@]}")" ""
	is "each of these kills came at its step" "$(printf '%s\n' "${missed[@]}")" ""
	ok "there are steps to be killed at" test "$all" -ge 4
done

restore
ok "a build with another recipe" "$image" build "$name" --recipe busybox
ok "and a prune" "$other/image" prune "$name"
is "leave nothing of it all" \
	"$(find "$home" -mindepth 1 -maxdepth 1 -printf '%f\n' | sed -E 's/^[0-9.-]+(\.manifest)?$/version\1/' |
		sort | uniq -c | awk '{ print $1, $2 }' | xargs)" \
	"1 current 1 history 2 version 2 version.manifest"
