#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Whatever lies in RUNDIR, and whatever the kernel says to an umount: cleanup touches nothing of the
# users' and nothing outside RUNDIR, and there is no code that could.
#   CLEANUP_FILES=N   files in a home (1000)
. "$(dirname "$0")/lib.sh"

FILES=${CLEANUP_FILES:-1000}
CANARY=$T_WORK/canary
RUN=$T_RUNDIR

cleanup() {
	local path
	for path in "$RUN/jails/mounted" "$RUN/mounted" "$RUN/jails/alice/mounted" "$RUN/jails/alice/record"; do
		! findmnt -n "$path" >/dev/null || umount "$path"
	done
	default_config
	forget_all
	find "$RUN" -xdev -mindepth 1 -depth -delete
	rm -rf --one-file-system "$ALICE/many" "${DATA:?}/alice/tmp/link"
	in_jail alice true
	in_jail bob true
}

# Everything that may not change: names, owners, modes, times and content.
fingerprint() {
	{
		find "$DATA" "$CANARY" "$IMAGES" "$CONFIG" -xdev -printf '%p %y %i %m %U:%G %s %T@ %l\n' | sort
		find "$DATA" "$CANARY" "$CONFIG" -xdev -type f -exec sha256sum {} + | sort -k 2
		sha256sum /etc/passwd /etc/shadow /etc/fstab 2>/dev/null || :
	} | sha256sum
}

mkdir -p "$CANARY/directory"
echo precious >"$CANARY/directory/file"
mkdir -m 700 "$ALICE/many"
seq "$FILES" | sed 's/^/file /' | (cd "$ALICE/many" && tr '\n' '\0' | xargs -0 touch)
ln -s / "$ALICE/many/root"
ln -s "$RUN" "$DATA/alice/tmp/link"
chown -R -h "$A:$A" "$ALICE/many" "$DATA/alice/tmp/link"
before=$(fingerprint)

# unchanged DESCRIPTION
unchanged() {
	local now
	now=$(fingerprint)
	is "$1" "$now" "$before"
	before=$now
}

# Two passes, whatever they say; what they said is in OUT and ERR.
two_passes() {
	local worst=0 got
	: >"$OUT"
	: >"$ERR"
	for _ in 1 2; do
		got=0
		timeout "$DEADLINE" "$T" --cleanup -v >>"$OUT" 2>>"$ERR" || got=$?
		[ $got -le $worst ] || worst=$got
	done
	return $worst
}

# A pass that another umount of this machine disturbs counts as a use of the jail: umount2(2),
# MNT_EXPIRE.
retire_all() {
	for _ in 1 2 3 4; do
		[ -n "$(ls -A "$RUN/jails")" ] || break
		"$T" --cleanup 2>/dev/null || :
	done
}

# --- many files ------------------------------------------------------------------------------------

in_jail alice true
ok "a home with $FILES files is cleaned" two_passes
retire_all
is "its jail is gone" "$(hub_mounts | grep -c /jails/alice/ || :)" 0
unchanged "and nothing of the user's has changed"
# What the storage of users and images says, or whether it answers, cannot matter to what does not
# ask it.
in_jail alice true
for command in '--cleanup --dry-run' --cleanup --cleanup --list; do
	# shellcheck disable=SC2086 # words
	strace -f -qq -s 4096 -e trace=%file -o "$T_WORK/trace" "$T" $command >"$OUT"
	is "$command looks at nothing of users or images" "$(grep -F "\"$T_STATEDIR/" "$T_WORK/trace" || :)" ""
	cat "$T_WORK/trace" >>"$T_WORK/traces"
done
# Neither does it remove or rename by a path that leads out of RUNDIR or the hub.
is "whatever it unlinks is a single name of its own" \
	"$(grep -hoE '(unlinkat|unlink|rmdir|rename|renameat|renameat2)\(.*' "$T_WORK/traces" | grep -vE \
	'^(unlinkat\([0-9]+, "(record|record\.new|jails/[a-z0-9_.-]+)"|(unlink|rmdir)\("/jails/[a-z0-9_./-]+")' || :)" ""

# --- an umount that fails --------------------------------------------------------------------------

for error in EBUSY EPERM ENOMEM EINTR; do
	in_jail alice true
	: >"$ERR"
	for _ in 1 2 3; do
		strace -f -qq -o "$T_WORK/trace" -e trace=umount2 -e inject=umount2:error=$error \
			timeout "$DEADLINE" "$T" --cleanup >>"$OUT" 2>>"$ERR" || :
	done
	ok "umount says $error: it was asked" grep -q INJECTED "$T_WORK/trace"
	unchanged "nothing of anybody's has changed"
	is "what it says is a sentence" "$(grep -vE '^trampoline: cannot [^:]+: .+$' "$ERR" || :)" ""
	is "the next request gets in" "$(in_jail alice echo in 2>&1)" in
	is "with one pin" "$(hub_mounts | awk '$5 == "/jails/alice/mnt"' | wc -l)" 1
	retire_all
	is "the next passes retire it" "$(hub_mounts | grep /jails/ || :)$(ls -A "$RUN/jails")" ""
done

# --- what is not ours ------------------------------------------------------------------------------

# What is in a jail's directory, or in its place, is told, each time; what is anywhere else in
# RUNDIR is in nobody's way.
in_jail alice true
mkdir "$RUN/jails/dirjunk"
touch "$RUN/jails/dirjunk/foo" "$RUN/jails/Bad Name" "$RUN/unknown" "$RUN/jails/alice/notes" "$RUN/jails/plain"
not_ours() { printf 'cannot remove the directory of jail "%s": something in it, below %s, is not trampoline'\''s; see what it is\n' "$1" "$RUN/jails"; }
found=$({
	not_ours alice
	not_ours dirjunk
	echo "cannot open directory \"$RUN/jails/plain\": it is a symbolic link or no directory; remove it"
} | sort)
listing() { find "$RUN" -xdev -mindepth 1 -printf '%P %y %i %s\n' | sort; }
before_it=$(listing)
status 0 "--dry-run changes nothing" "$T" --cleanup --dry-run
is "really" "$(listing)" "$before_it"
alice_retired() { two_passes || [ "$(grep -c '"alice"' "$ERR")" -gt 0 ]; }
ok "passes retire the jail" wait_for alice_retired
for pass in first second; do
	status 125 "what is not trampoline's: a pass says so, the $pass time" "$T" --cleanup -v
	is "in one sentence for each" "$(sed 's/^trampoline: //' "$ERR" | sort)" "$found"
	is "and for each a word" "$(sort "$OUT")" $'alice: not retired\ndirjunk: not retired\nplain: not retired'
	is "and leaves it where it is" "$(find "$RUN" -xdev -mindepth 1 ! -name hub -printf '%P\n' | sort)" \
		$'jails\njails/Bad Name\njails/alice\njails/alice/notes\njails/dirjunk\njails/dirjunk/foo\njails/plain\nunknown'
done
is "the jail can be entered" "$(in_jail alice echo in 2>&1)" in
status 125 "--discard says it too" "$T" --discard alice
is "in the same words" "$(sed 's/^trampoline: //' "$ERR")" "$(not_ours alice)"
rm "$RUN/jails/dirjunk/foo" "$RUN/jails/Bad Name" "$RUN/unknown" "$RUN/jails/alice/notes" "$RUN/jails/plain"
status 0 "removed by hand: nothing more is said" "$T" --cleanup -v
is "on stderr" "$(cat "$ERR")" ""
is "what was left is debris" "$(sort "$OUT")" $'alice: debris removed\ndirjunk: debris removed'
ok "and --check has no findings" "$T" --check alice

# --- garbage ---------------------------------------------------------------------------------------

# planted DESCRIPTION: after garbage, two passes and an entry of bob's change nothing outside.
planted() {
	local got=0
	two_passes || got=$?
	ok "$1: cleanup ends by itself (status $got)" test $got -ne 124
	is "$1: what it says is a sentence" "$(grep -vE '^trampoline: cannot [^:]+: .+$' "$ERR" || :)" ""
	unchanged "$1: nothing outside has changed"
	is "$1: bob gets in" "$(timeout "$DEADLINE" setpriv --reuid=33 --regid=33 --clear-groups "$T" bob echo in 2>&1)" in
	ok "$1: --list works" timeout "$DEADLINE" "$T" --list
}

long=$(printf 'n%.0s' $(seq 255))
weird=$'new\nline'
in_jail alice true
in_jail bob true
ln -s /etc "$RUN/etc"
ln -s "$DATA" "$RUN/data"
ln -s "$CANARY/directory" "$RUN/jails/canary"
ln -s "$DATA/alice" "$RUN/jails/carol"
ln -s "$DATA" "$RUN/jails/data"
: >"$RUN/jails/plain"
mkfifo "$RUN/jails/fifo" "$RUN/fifo"
mkdir "$RUN/jails/$long" "$RUN/jails/$weird" "$RUN/jails/.hidden" "$RUN/jails/+UPPER" "$RUN/jails/-rf" "$RUN/$weird"
mkdir -p "$RUN/jails/deep/one/two"
echo precious >"$RUN/jails/deep/one/two/file"
mkdir -p "$RUN/jails/filled"
for file in record lock record.new stranger; do echo garbage >"$RUN/jails/filled/$file"; done
mkdir -p "$RUN/jails/linked"
ln -s "$CANARY/directory/file" "$RUN/jails/linked/record"
ln -s "$CANARY/directory/file" "$RUN/jails/linked/record.new"
ln -s "$CANARY/directory/file" "$RUN/jails/linked/link"
mkdir -p "$RUN/jails/hard"
ln "$CANARY/directory/file" "$RUN/jails/hard/record" 2>/dev/null || cp "$CANARY/directory/file" "$RUN/jails/hard/record"
mkdir -p "$RUN/jails/fifos" "$RUN/jails/directories/record" "$RUN/jails/directories/record.new"
mkfifo "$RUN/jails/fifos/record" "$RUN/jails/fifos/record.new" "$RUN/jails/fifos/fifo"
mkdir -p "$RUN/jails/other" && chown "$B" "$RUN/jails/other"
mkdir -p "$RUN/jails/open" && chmod 777 "$RUN/jails/open"
before=$(fingerprint) # a link count and a ctime may have changed by the planting
planted "links, fifos, odd names"
is "what is not ours is still where it was" "$(cat "$RUN/jails/deep/one/two/file")" precious
ok "a newline in a name does not break a line of --list" test "$("$T" --list | grep -c line || :)" -eq 0

mkdir "$RUN/jails/mounted" "$RUN/mounted"
mount --bind "$DATA" "$RUN/jails/mounted"
mount --bind "$CANARY" "$RUN/mounted"
planted "directories of users' mounted there"
umount "$RUN/jails/mounted" "$RUN/mounted"

# Garbage under the names of a jail that is to be entered.
in_jail alice true
rm "$RUN/jails/alice/record"
ln -s "$DATA/bob/home/bob" "$RUN/jails/alice/record"
planted "the record a link"
is "the jail itself can be entered" "$(in_jail alice echo in 2>&1)" in
for garbage in '' garbage "$(head -c 20000 /dev/urandom | base64)"; do
	printf %s "$garbage" >"$RUN/jails/alice/record"
	is "a record of ${#garbage} bytes of garbage: the jail can be entered" "$(in_jail alice echo in 2>&1)" in
done
# Somebody else's record, whole and sealed.
in_jail bob true
cat "$RUN/jails/bob/record" >"$RUN/jails/alice/record"
is "bob's record in alice's place does not make her bob" "$(in_jail alice id -u 2>&1)" "$A"
cat "$RUN/jails/bob/record" >"$RUN/jails/alice/record"
is "nor is it shown as hers" "$("$T" --list | awk -v alice="$A" -v bob="$B" '
	$2 == alice || $2 == bob { print $1, $2, $3 }')" "alice $A stale"$'\n'"bob $B idle"
rm -f "$RUN/jails/alice/record"
mkdir "$RUN/jails/alice/record"
planted "the record a directory"
refused 125 alice "that jail is refused, with a sentence" in_jail alice true
rmdir "$RUN/jails/alice/record"
is "and can be entered when it is gone" "$(in_jail alice echo in 2>&1)" in

# In place of what is ours.
for kind in fifo link directory file; do
	forget_all
	rm -rf --one-file-system "${RUN:?}/hub"
	case $kind in
	fifo) mkfifo "$RUN/hub" ;;
	link) ln -s "$CANARY/directory/file" "$RUN/hub" ;;
	directory) mkdir "$RUN/hub" ;;
	file) echo garbage >"$RUN/hub" ;;
	esac
	got=0
	timeout "$DEADLINE" "$T" --cleanup >"$OUT" 2>&1 || got=$?
	ok "a $kind for the hub: cleanup ends" test $got -ne 124
	if [ $kind = directory ]; then
		status 125 "a directory there is refused" timeout "$DEADLINE" "$T" alice true
		like "with a sentence" "$(cat "$ERR")" "^trampoline: cannot .*$RUN/hub.*: "
		rmdir "$RUN/hub"
	fi
	is "a $kind for the hub: jails can be entered" "$(timeout "$DEADLINE" "$T" alice echo in 2>&1)" in
	unchanged "a $kind for the hub: nothing outside has changed"
done
for kind in fifo link file; do
	forget_all
	[ ! -e "$RUN/jails" ] || find "$RUN/jails" -xdev -depth -delete
	case $kind in
	fifo) mkfifo "$RUN/jails" ;;
	link) ln -s "$DATA" "$RUN/jails" ;;
	file) echo garbage >"$RUN/jails" ;;
	esac
	status 125 "a $kind for jails: cleanup says so" timeout "$DEADLINE" "$T" --cleanup
	like "and names it" "$(cat "$ERR")" "cannot .*$RUN"
	status 125 "a $kind for jails: an entry is refused" timeout "$DEADLINE" "$T" alice true
	like "which names it" "$(cat "$ERR")" "cannot .*$RUN/jails"
	unchanged "a $kind for jails: nothing outside has changed"
	rm "$RUN/jails"
	is "gone again: jails can be entered" "$(timeout "$DEADLINE" "$T" alice echo in 2>&1)" in
done
