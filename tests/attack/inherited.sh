#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# State inherited from the caller, rows B1 to B20: www-data and root choose all of it.
. "$(dirname "$0")/lib.sh"

cleanup() {
	local pid
	for pid in $(jail_processes); do kill -KILL "$pid" 2>/dev/null || :; done
	default_config
	rm -f "${CLEANUPS[@]}" "$ALICE/answer" "$ALICE/denied" "$ALICE/away" "$ALICE/again"
	rm -rf --one-file-system "$ALICE/gone" "$ALICE/closed"
	for directory in "$T_WORK/root/proc" "$T_WORK/root"; do
		if findmnt -n "$directory" >/dev/null; then umount -l "$directory"; fi
	done
	in_jail alice true
	in_jail bob true
}
lend alice reach
in_jail alice true

# --- B1: descriptors -----------------------------------------------------------------------------

habits=()
for fd in 3 4 255 1023 1024 19000; do habits+=("open=$fd:/"); done
is "B1: directories as 3, 4, 255, 1023, 1024, 19000" "$(as_www_caller "${habits[@]}" -- "$T" alice probe fds)" "fds: 0 1 2"
is "B1: an O_PATH, a socket, the parent's memory, a namespace" "$(as_www_caller path=3:/ socket=4 open=5:/proc/self/mem \
	open=6:/proc/self/ns/mnt open=7:/proc/1/cmdline -- "$T" alice probe fds)" "fds: 0 1 2"
is "B1: two thousand" "$(as_www_caller fds=2000 -- "$T" alice probe fds)" "fds: 0 1 2"
is "B1: two thousand, and the limit is 16 since" \
	"$(as_www_caller fds=2000 -- "$T_TOOLS/hostile" soft-nofile=16 -- "$T" alice probe fds)" "fds: 0 1 2"
like "B1: and cannot be raised: the same, or refused" \
	"$(as_www_caller fds=2000 -- "$T_TOOLS/hostile" hard-nofile=16 -- "$T" alice probe fds 2>&1)" '^(fds: 0 1 2|trampoline: cannot .*)$'
retire alice
is "B1: the same where the jail is to be built" "$(as_www_caller fds=2000 -- "$T" alice probe fds)" "fds: 0 1 2"

# --- B2: no standard descriptors -----------------------------------------------------------------

for who in www-data root; do
	wrong=
	for closed in 0 1 2 01 02 12 012; do
		habits=()
		for ((i = 0; i < ${#closed}; i++)); do habits+=("close=${closed:i:1}"); done
		for state in warm cold; do
			[ $state = warm ] || retire alice
			# The shell makes 1 a file; a file as 2 becomes a pipe, what 0 was is left.
			if [ $who = root ]; then run=(caller); else run=(as_www_caller); fi
			"${run[@]}" "${habits[@]}" -- "$T" alice sh -c 'probe fds standard >answer' </dev/zero >"$OUT" 2>"$ERR" || :
			got=$(xargs <"$ALICE/answer") || :
			wanted=
			for fd in 0 2; do
				case $closed in *$fd*) wanted+="null " ;; *) wanted+=$([ $fd = 0 ] && echo "char " || echo "pipe ") ;; esac
			done
			[ "$got" = "fds: 0 1 2 standard: ${wanted% *} file ${wanted#* }" ] ||
				[ "$got" = "fds: 0 1 2 standard: $(echo "$wanted" | awk '{ print $1, "file", $2 }')" ] ||
				wrong+=" $closed, $state: '$got'"
			rm -f "$ALICE/answer"
		done
	done
	is "B2: $who with each of 0, 1, 2 closed: /dev/null is there and nothing of ours" "$wrong" ""
done
in_jail alice true
as_www_caller close=0 close=1 close=2 -- "$T" -C /nosuch alice true || :
is "B2: no message went into a record" "$(in_jail -v alice true 2>&1)" "trampoline: entered a live jail"

retire alice
strace -qq -o "$T_WORK/trace" -e trace=open,openat,openat2,open_tree,fsopen,fsmount,socket "$T_TOOLS/caller" close=0 close=1 close=2 -- \
	"$KEEPER" build alice 33 || :
# Those before /dev/null are the loader's.
is "B2: a keeper that root starts without 0, 1 and 2 opens /dev/null as these, and nothing else" "$(awk '
	/"\/dev\/null"/ { null++; next } null && / = [012]$/ { other++ } END { print null + 0, other + 0 }' "$T_WORK/trace")" "3 0"
is "B2: and builds the jail" "$(jail_mounts alice | wc -l)" $MOUNTS

# --- B3: what may not stay open ------------------------------------------------------------------

# with_odd FD KIND [OPTION...]: the status of a run with such a descriptor, its sentence in $ERR.
with_odd() {
	local fd=$1 kind=$2 got=0
	shift 2
	"$T_TOOLS/descriptors" "$fd" "$kind" "$SETPRIV" --reuid=33 --regid=33 --clear-groups "$T" "$@" alice true \
		>"$OUT" 2>"$ERR" </dev/null || got=$?
	echo "$got"
}
mapfile -t kinds < <("$T_TOOLS/descriptors")
ok "B3: there are kinds to try (${#kinds[@]})" test ${#kinds[@]} -ge 30
while read -r verdict kind; do
	if "$T_TOOLS/descriptors" 9 "$kind" /bin/true 2>"$ERR"; then :; else
		skip "B3: $kind" "none can be had here: $(head -n 1 "$ERR")"
		continue
	fi
	wrong=
	for way in 0 1 2 --keep-fd=9 --status-fd=9; do
		case $way in -*) got=$(with_odd 9 "$kind" "$way") ;; *) got=$(with_odd "$way" "$kind") ;; esac
		if [ "$verdict" = pass ]; then
			[ "$got" = 0 ] || wrong+=" $way: $got $(cat "$ERR");"
		else
			[ "$got" = 125 ] || wrong+=" $way: $got;"
			# Where it is standard error, nobody reads the sentence.
			[ "$way" = 2 ] || grep -qE '^trampoline: cannot keep descriptor "[019]": only .* may be handed down; this is ' "$ERR" ||
				wrong+=" $way: $(cat "$ERR");"
		fi
	done
	is "B3: as 0, 1, 2, by --keep-fd and by --status-fd, this is to $verdict: $kind" "$wrong" ""
done < <(printf '%s\n' "${kinds[@]}")
refuses "B3: --keep-fd of a descriptor that is not open" "not open" as_www_caller close=7 -- "$T" --keep-fd=7 alice id

# --- B4: environment -----------------------------------------------------------------------------

junk=()
for name in LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT LD_DEBUG LD_BIND_NOW LD_ORIGIN_PATH GCONV_PATH LOCPATH NLSPATH GETCONF_DIR \
	MALLOC_ARENA_MAX MALLOC_CHECK_ MALLOC_TRACE GLIBC_TUNABLES TZDIR RES_OPTIONS RESOLV_HOST_CONF LOCALDOMAIN HOSTALIASES \
	LIBMOUNT_FSTAB LIBMOUNT_MTAB LIBMOUNT_UTAB LIBMOUNT_DEBUG LIBMOUNT_FORCE_MOUNT2 LIBC_FATAL_STDERR_ BASH_ENV ENV IFS CDPATH \
	SHELLOPTS BASHOPTS PS4 PYTHONPATH PYTHONHOME PYTHONSTARTUP PERL5OPT PERL5LIB RUBYOPT RUBYLIB NODE_OPTIONS JAVA_TOOL_OPTIONS \
	HTTP_PROXY http_proxy AWS_SECRET_ACCESS_KEY TMPDIR XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS SSH_AUTH_SOCK SUDO_USER \
	NOTIFY_SOCKET LISTEN_FDS LISTEN_PID INVOCATION_ID JOURNAL_STREAM CREDENTIALS_DIRECTORY KRB5CCNAME EDITOR TERMCAP TERMINFO \
	HOME=/root USER=root LOGNAME=root SHELL=/bin/evil PATH=/tmp/evil LANG LC_ALL; do
	case $name in *=*) junk+=("env=$name") ;; *) junk+=("env=$name=/tmp/evil") ;; esac
done
for state in warm cold; do
	[ $state = warm ] || retire alice
	as_www_caller "${junk[@]}" env=NOEQUALS env= env==x env=PATH=/a env=PATH=/b env=LANG=C -- "$T" alice probe env >"$OUT" 2>"$ERR"
	is "B4: ${#junk[@]} bad variables, $state: these names remain, each once" "$(sed 's/^env: //; s/=.*//' "$OUT" | sort | xargs)" \
		"HOME LANG LOGNAME PATH SHELL USER"
	is "B4: and ours are ours" "$(grep -E '^env: (HOME|LANG|USER|LOGNAME|SHELL|PATH)=' "$OUT" | sort | xargs)" \
		"env: HOME=/home/alice env: LANG=C.UTF-8 env: LOGNAME=alice env: PATH=/usr/local/bin:/usr/bin:/bin env: SHELL=/bin/sh env: USER=alice"
done
is "B4: 1.5 MiB of environment" "$(as_www_hostile env=1500000 -- "$T" alice probe env | sed 's/^env: //; s/=.*//' | sort | xargs)" \
	"HOME LANG LOGNAME PATH SHELL USER"
configure <<-'END'
	[environment]
	keep = LC_*
END
status 125 "B4: 3,000 variables that are kept: refused, not cut" as_www_hostile lc=3000 -- "$T" alice probe env
default_config
retire alice
strace -f -qq -s 300 -o "$T_WORK/trace" -e trace=open,openat,openat2,readlink,execve env TZ=:/tmp/evil LOCPATH=/tmp/evil \
	LD_LIBRARY_PATH=/tmp/evil LIBMOUNT_FSTAB=/tmp/evil GCONV_PATH=/tmp/evil LANGUAGE=/tmp/evil \
	"$T" alice true >"$OUT" 2>"$ERR" </dev/null || :
is "B4: launcher and keeper open nothing that a variable names" \
	"$(awk -v t="$T" 'index($0, "execve(\"" t "\"") { seen = 1; next } seen' "$T_WORK/trace" | grep -c evil || :)" 0

# --- B5, B6, B7: umask, signals, timers ----------------------------------------------------------

wrong=
for mask in 000 022 027 077 777; do
	retire alice
	got=$(umask $mask; in_jail alice probe umask)
	[ "$got" = "umask: 0022" ] || wrong+=" $mask: $got"
	find "$T_RUNDIR" -xdev \( -type f ! -name hub ! -perm 600 \) -o \( -type d ! -perm 700 \) >"$T_WORK/modes"
	[ ! -s "$T_WORK/modes" ] || wrong+=" $mask: $(cat "$T_WORK/modes")"
done
is "B5: a umask of the caller's ends at ours, and our files are root's alone" "$wrong" ""
for state in warm cold; do
	[ $state = warm ] || retire alice
	got=0
	as_www_caller signals -- "$T" alice sh -c 'probe blocked ignored pending; exit 7' >"$OUT" 2>"$ERR" || got=$?
	is "B6: all signals blocked and ignored, two pending, $state" "$got $(xargs <"$OUT")" "7 blocked: ignored: pending: 0"
	[ $state = warm ] || retire alice
	status 7 "B6: the same in a supervised run, $state" as_www_caller signals -- "$T" -t 1h alice sh -c 'exit 7'
done
is "B6: a signal for the parent's death, a subreaper" "$(as_www_hostile death=9 subreaper -- "$T" alice id -u)" "$A"
wrong=
for ms in $(seq 1 20); do
	for kind in "" "-t 1h"; do
		[ $((ms % 2)) = 0 ] || retire alice
		got=0
		# shellcheck disable=SC2086
		as_www_caller timer="$ms" -- "$T" $kind alice true 2>"$ERR" || got=$?
		case $got in 0 | 142) ;; *) wrong+=" $ms ms: $got" ;; esac
		[ "$(in_jail alice id -u; jail_mounts alice | wc -l)" = "$A"$'\n'$MOUNTS ] || wrong+=" $ms ms: half a jail"
	done
done
is "B7: a timer that fires at any time leaves no half jail" "$wrong" ""
is "B7: one that would fire later is gone, of each kind" "$(as_www_hostile timers -- "$T" alice probe timers)" "timers: 0 0 0"

# --- B8, B9: limits ------------------------------------------------------------------------------

limited_www() { # RESOURCE VALUE soft|hard
	as_www_hostile "$3-$1=$2" -- "$T" alice id -u | cat
}
wrong='' number=0
for option in fsize={0,1,4096} nofile={0,3,4,8,16} as={4,6,8,16}000000 stack=65536 data=1000000 cpu={0,1} nproc={0,1} \
	core=-1 memlock=0 sigpending=0 msgqueue=0 rtprio=0 nice=0 locks=0 rss=0; do
	for kind in soft hard; do
		for state in warm cold; do
			[ $state = warm ] || retire alice
			number=$((number + 1)) got=0
			# We are the first program to start under the limit: no other needs its libraries.
			bounded limited_www "${option%%=*}" "${option#*=}" $kind >"$OUT" 2>"$ERR" || got=$?
			case "$got $(cat "$OUT")" in
			"0 $A" | "125 " | "126 ") ;;
			# No stack or memory for the exec, or no processor time: the kernel ended it, before or after it
			# had said who it is.
			"137 " | "139 " | "152 " | "153 " | "137 $A" | "152 $A") ;;
			*) wrong+=" $option $kind $state: $got $(cat "$OUT" "$ERR");" ;;
			esac
			[ "$(in_jail alice id -u 2>&1)" = "$A" ] || wrong+=" $option $kind $state: then it does not work"
			[ "$(jail_mounts alice | wc -l)" -eq $MOUNTS ] || wrong+=" $option $kind $state: half a jail"
		done
	done
done
is "B8: $number limits of the caller's: it runs or is refused, and the jail is whole" "$wrong" ""
wrong=
for option in fsize=0: fsize=1: nofile=8: as=32000000: stack=65536: data=1000000: cpu=20: nproc=0: nproc=1: memlock=0: core=unlimited:; do
	for state in warm cold; do
		[ $state = warm ] || retire alice
		got=$(as_www prlimit "--$option" "$T" alice id -u 2>&1) || :
		[ "$got" = "$A" ] || wrong+=" $option $state: $got"
	done
done
is "B8: no soft limit keeps it from working" "$wrong" ""
in_jail alice sleep 3600 &
in_jail alice sleep 3600 &
both_sleep() { [ "$(pgrep -xc -U "$A" sleep)" -ge 2 ]; }
wait_for both_sleep
is "B9: NPROC 0 of the caller's, with a process of the user's" "$(as_www prlimit --nproc=0: "$T" alice id -u)" "$A"
refuses "B9: the user's own limit is a sentence" "as many processes" as_www "$T" -l processes=1 alice id
for pid in $(jail_processes); do kill "$pid" || :; done
wait || :

# --- B10 to B12: standing ------------------------------------------------------------------------

# The kernel itself takes -R, -X, -Z away from a set-uid program; the others are ours to take.
if setarch --uname-2.6 -R -X -Z -S -T true 2>/dev/null; then
	is "B10: personality of a root caller" "$(setarch --uname-2.6 -R -X -Z -S -T "$T" alice probe personality 2>&1)" "personality: 00000000"
	is "B10: and of www-data" "$(as_www setarch --uname-2.6 -R -X -S -T "$T" alice probe personality)" "personality: 00000000"
else
	skip "B10: personality" "no other can be set here"
fi
# The first processor that we may use, and how many we might: fewer than that may be ours.
cpu=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
cpus=$(taskset -c "0-$(($(getconf _NPROCESSORS_CONF) - 1))" nproc)
if nice -n -10 ionice -c 1 true 2>/dev/null; then
	is "B11: nice, affinity, io priority of a root caller" "$(nice -n -10 ionice -c 1 taskset -c "$cpu" "$T" alice probe nice scheduler ioprio cpus | xargs)" \
		"nice: 0 scheduler: 0 ioprio: 0 cpus: $cpus"
else
	skip "B11: nice, affinity, io priority of a root caller" "root may not raise its own here"
fi
is "B11: of www-data, who made itself small" "$(as_www nice -n 19 ionice -c 3 taskset -c "$cpu" chrt --idle 0 "$T" alice probe nice scheduler ioprio cpus | xargs)" \
	"nice: 0 scheduler: 0 ioprio: 0 cpus: $cpus"
if chrt -f 50 true 2>/dev/null; then
	is "B11: a real-time scheduler" "$(chrt -f 50 "$T" alice probe scheduler)" "scheduler: 0"
else
	skip "B11: a real-time scheduler" "this kernel gives root none"
fi
# shellcheck disable=SC2016
is "B11: an OOM score of a root caller" "$(bash -c 'echo 700 >/proc/self/oom_score_adj; exec "$T" alice cat /proc/self/oom_score_adj')" 500
is "B11: a run goes before the host's services when memory is short" "$(in_jail alice cat /proc/self/oom_score_adj)" 500
usual=$("$T_TOOLS/probe" memory)
spoilt=$(as_www_hostile memory -- "$T_TOOLS/probe" memory)
if [ "$usual" != "$spoilt" ]; then
	is "B11: how the caller's memory is merged, placed and dumped, and its TSC ('$spoilt')" \
		"$(as_www_hostile memory -- "$T" alice sh -c 'probe memory; cat /proc/self/coredump_filter')" "$usual"$'\n00000033'
	is "B11: the same in a supervised run" "$(as_www_hostile memory -- "$T" -p alice probe memory)" "$usual"
else
	skip "B11: how the caller's memory is merged, placed and dumped, and its TSC" "this kernel lets nobody change any of it"
fi
# The login uid can be written once where it is unset; who may unset it again is root with CAP_AUDIT_CONTROL.
# shellcheck disable=SC2016
with_login() { # UID COMMAND...
	bash -c '[ "$(cat /proc/self/loginuid)" = "$1" ] || echo "$1" >/proc/self/loginuid; shift; exec "$@"' bash "$@"
}
if with_login 4294967295 true 2>/dev/null; then
	# shellcheck disable=SC2016
	is "B11: who has no login uid yet has the caller's, and cannot choose one" "$(with_login 4294967295 "$SETPRIV" --reuid=33 --regid=33 --clear-groups \
		"$T" alice sh -c 'echo 0 >/proc/self/loginuid; cat /proc/self/loginuid' 2>/dev/null)" 33
	is "B11: a login uid that is set stays" "$(with_login 4711 "$SETPRIV" --reuid=33 --regid=33 --clear-groups \
		"$T" alice cat /proc/self/loginuid)" 4711
else
	skip "B11: the login uid" "none can be unset here"
fi
# No exec resets these two.
is "B11: how late the caller's timers may be" "$(as_www_hostile slack=9000000000 -- "$T" alice cat /proc/self/timerslack_ns)" 50000
# shellcheck disable=SC2016
is "B11: the orphans of a caller that takes them in are not the command's" "$(as_www_hostile subreaper -- "$T" alice sh -c \
	'orphan=$(sleep 3600 >/dev/null & echo $!); while read -r key parent; do
		case $key in PPid:) [ "$parent" = $$ ] && echo hers || echo "not hers" ;; esac; done </proc/$orphan/status; kill $orphan')" "not hers"
"$SETPRIV" --reuid=33 --regid=33 --clear-groups "$T_TOOLS/hostile" slack=9000000000 -- "$T" -p alice sleep 3600 &
watcher=$!
wait_for pgrep -x -U "$A" sleep
is "B11: nor are its watcher's timers as late" "$(cat "/proc/$watcher/timerslack_ns")" 50000
stop "$watcher"
# A run stays in the caller's cgroup: trampoline has none of its own to put it in.
become_www "$T" alice sleep 3600 &
wait_for pgrep -x -U "$A" sleep
is "B12: the cgroup is the caller's" "$(sed 's/.*://' "/proc/$!/cgroup" | sort | xargs)" "$(sed 's/.*://' /proc/self/cgroup | sort | xargs)"
stop "$!"

# --- B13: the terminal ---------------------------------------------------------------------------

on_terminal() { setsid script -qec "$*" "$T_WORK/typescript" </dev/null | tr -d '\r'; }
on_terminal "$T alice ./reach terminal" >"$T_WORK/terminal" || :
is "B13: nothing can be typed into the caller's terminal, TIOCSTI or TIOCLINUX, whatever the upper half" \
	"$(sed -n 's/^x*tioc.*: //p' "$T_WORK/terminal" | sort -u | xargs)" EPERM
printf '[confinement]\nsystem_calls = all\n' | override alice
for tail in "" "; true"; do # the launcher is the session's leader, or only its group's
	on_terminal "$T alice ./reach terminal$tail" >"$T_WORK/terminal" || :
	is "B13: without the filter there is no controlling terminal${tail:+, in a group of its own}" \
		"$(grep -cE '^x*tiocsti' "$T_WORK/terminal" || :) $(grep -cE '^x*(tiocsti|tiocsti-high|tiocsti-tty|open): allowed' "$T_WORK/terminal" || :)" "3 0"
done
printf '[confinement]\ndev = none\n' | override alice
is "B13: a caller that leads a process group, without a /dev" "$(bash --norc -ic '"$T" alice id -u </dev/null' 2>&1 | grep -v 'job control\|ioctl')" "$A"
default_config

# A terminal that was lent can be read for as long as somebody has it; who is gone has it no more.
# left_behind OPTION NEXT: who reads what is typed after a run, the process that it left behind or the
# shell? NEXT is what the shell does then.
left_behind() {
	rm -f "$ALICE/heard" "$T_WORK"/{over,typed,read}
	{
		wait_for test -e "$T_WORK/over" || :
		echo secret
		wait_for test -e "$T_WORK/read" || :
	} | setsid script -qec "$T $1 alice sh -c 'exec 3<&0; setsid cat <&3 >heard 2>/dev/null & while [ ! -e heard ]; do sleep 0.1; done'
		touch $T_WORK/over; $2; touch $T_WORK/read" /dev/null >/dev/null 2>&1 || :
	echo "process: $(cat "$ALICE/heard") shell: $(cat "$T_WORK/typed" 2>/dev/null)"
}
is "B13: what a run at a terminal leaves behind reads on, which the page says" \
	"$(left_behind "" "timeout $DEADLINE sh -c 'until [ -s $ALICE/heard ]; do sleep 0.1; done'")" "process: secret shell: "
# Two seconds, in which who was left behind would be the first to read.
is "B13: with private processes nothing is left behind that could" \
	"$(left_behind -p "sleep $((2 * T_SLOW)); [ -s $ALICE/heard ] || head -n 1 >$T_WORK/typed")" "process:  shell: secret"
for pid in $(jail_processes); do kill "$pid" || :; done
rm -f "$ALICE/heard"

# --- B14: keyrings -------------------------------------------------------------------------------

printf '[confinement]\nsystem_calls = all\n' | override alice
if as_www_hostile key=secret -- /bin/true >/dev/null 2>&1; then
	as_www_hostile key=secret -- "$T" alice cat /proc/keys >"$OUT" 2>"$ERR" || :
	is "B14: the caller's key is not the command's" "$(grep -c 'secret' "$OUT" || :)" 0
	is "B14: and still the caller's afterwards" "$(tail -n 1 "$OUT")" kept
else
	skip "B14: the caller's key" "no keyring can be had here"
fi
default_config
is "B14: the filter lets no call near a keyring" "$(in_jail alice ./reach calls | grep -E '^(keyctl|keyctl-clear|add_key|request_key): ' | sed 's/.*: //' | sort -u)" EPERM

# --- B15: directory ------------------------------------------------------------------------------

ln -s /proc/self/fd/3 "$ALICE/away"
mkdir -m 700 "$ALICE/closed"
for directory in . '' .. home /proc/self/fd/5 /proc/1/cwd /proc/1/root /home/alice/away /home/alice/closed /home/bob "$T_STATEDIR" \
	/home/alice/nosuch /bin/sh; do
	refuses "B15: -C '${directory/$T_STATEDIR/STATEDIR}'" "directory|absolute path" as_www_caller open=5:/etc -- "$T" -C "$directory" alice pwd
done
mkdir "$T_WORK/gone"
is "B15: the caller's own directory is gone" "$(cd "$T_WORK/gone" && rmdir "$T_WORK/gone" && in_jail alice pwd)" /home/alice
mkdir -m 700 "$T_WORK/closed"
is "B15: or closed to it" "$(cd "$T_WORK/closed" && in_jail alice pwd)" /home/alice
in_jail alice mkdir gone
# shellcheck disable=SC2016
is "B15: a directory that vanishes has no way out" "$(as_www "$T" -C /home/alice/gone alice sh -c \
	'rmdir ../gone; cd ../../../../../../..; ls -id . / | sed "s/ .*//" | uniq | wc -l')" 1

# --- B16: groups ---------------------------------------------------------------------------------

groups=$(seq -s , 1 200)
is "B16: 200 groups of the caller's" "$("$SETPRIV" --reuid=33 --regid=33 --groups="$groups" "$T" alice probe groups gid)" \
	"gid: $A $A $A $A"$'\n'"groups: $A"
echo secret >"$ALICE/denied"
chown "0:$A" "$ALICE/denied"
chmod 604 "$ALICE/denied"
not_ok "B16: a right that the group does not have" "$SETPRIV" --reuid=33 --regid=33 --groups="$groups" "$T" alice cat denied

# --- B17: mount namespaces -----------------------------------------------------------------------

private() { # COMMANDS that change a private namespace first, then -- COMMAND
	unshare -m --propagation private bash -ec "$1"'; shift; exec setpriv --reuid=33 --regid=33 --clear-groups "$@"' bash "$@"
}
live=$(pin_inode alice)
mkdir "$T_WORK/root"
is "B17: from root's shell" "$("$T" alice readlink /proc/self/ns/mnt)" "mnt:[$live]"
is "B17: PrivateTmp" "$(private 'mount -t tmpfs none /tmp' "$T" alice readlink /proc/self/ns/mnt)" "mnt:[$live]"
is "B17: ProtectHome, and all of it read-only" "$(private 'mount -t tmpfs none /root; mount -o remount,bind,ro /' \
	"$T" alice readlink /proc/self/ns/mnt)" "mnt:[$live]"
is "B17: RootDirectory" "$(private 'mount --rbind / "$T_WORK/root"; cd "$T_WORK/root"; exec chroot . setpriv --reuid=33 --regid=33 --clear-groups \
	"$T" alice readlink /proc/self/ns/mnt')" "mnt:[$live]"
is "B17: something mounted over our state" "$(private 'mount -t tmpfs none "$T_RUNDIR"' "$T" alice readlink /proc/self/ns/mnt)" "mnt:[$live]"
is "B17: something mounted over data, images and configuration" "$(private 'for d in "$T_STATEDIR" "$T_SYSCONFDIR"; do mount -t tmpfs none "$d"; done' \
	"$T" alice sh -c 'id -u; readlink /proc/self/ns/mnt' 2>&1)" "$A"$'\n'"mnt:[$live]"
is "B17: there is one pin of her jail" "$(hub_mounts | grep -c " .*/alice/mnt ")" 1

# --- B19: signals of the caller's ----------------------------------------------------------------

# B18, who may look into a process that is on its way, is in race.sh.
# shellcheck disable=SC2016
# How long an entry takes here, in microseconds.
entry_us() {
	local start=${EPOCHREALTIME/[.,]/}
	in_jail alice true
	echo $((${EPOCHREALTIME/[.,]/} - start))
}
warm=$(entry_us)
as_www bash -c '
	for i in $(seq 100); do
		"$T" alice true & pid=$!
		[ $((i % 3)) = 0 ] || sleep "$(printf "0.%06d" $((RANDOM % $1)))"
		for signal in STOP TSTP HUP TERM KILL; do kill -$signal $pid 2>/dev/null; done
		wait $pid
	done' bash "$((warm < 500000 ? warm : 500000))" >"$OUT" 2>"$ERR" &
storm=$!
wrong=
for i in 1 2 3 4 5; do
	retire alice
	bounded in_jail bob true || wrong+=" bob: $?"
	bounded in_jail alice true || wrong+=" alice: $?"
done
wait $storm || :
is "B19: SIGSTOP, SIGTSTP, SIGHUP, SIGTERM, SIGKILL at any time: others are served" "$wrong" ""
is "B19: and the jail is whole" "$(in_jail alice id -u; jail_mounts alice | wc -l)" "$A"$'\n'$MOUNTS
# The kernel sends the signal of a terminal's key without a check of permission. The key comes when the launcher
# has a child, the keeper, or up to the time later that a build takes here.
wrong='' stopped=0
for state in retired forgotten; do
	if [ $state = retired ]; then retire alice; else forget_all; fi
	build=$(entry_us)
	for step in 0 1 2 3 4 5 6 7 8 9; do
		if [ $state = retired ]; then retire alice; else forget_all; fi
		rm -f "$T_WORK/keys"
		exec 8> >(exec "$SETPRIV" --reuid=33 --regid=33 --clear-groups "$T_TOOLS/terminal" -c $((step * build / 10)) "$T" alice true >"$T_WORK/keys")
		wait_for test -s "$T_WORK/keys" || :
		if grep -q stopped "$T_WORK/keys"; then stopped=$((stopped + 1)); fi
		bounded in_jail bob true 2>"$ERR" || wrong+=" $state $step: bob $?"
		bounded in_jail alice true 2>"$ERR" || wrong+=" $state $step: alice $? $(cat "$ERR")"
		exec 8>&-
	done
done
is "B19: ^Z on the terminal at any time of a build: nobody waits for whoever was stopped" "$wrong $((stopped > 0))" " 1"

# --- B20: output that nobody reads ---------------------------------------------------------------

as_www_full() { "$SETPRIV" --reuid=33 --regid=33 --clear-groups "$T_TOOLS/hostile" full=1 full=2 -- "$T" "$@" alice true; }
for state in warm cold; do
	[ $state = warm ] || retire alice
	"$SETPRIV" --reuid=33 --regid=33 --clear-groups "$T_TOOLS/hostile" full=1 full=2 -- "$T" -v alice true &
	full=$!
	# The note of -v is written by the user's own process, which waits; what was built is built.
	wait_for pgrep -x -U "$A" trampoline || :
	meanwhile() { in_jail alice true && kill -0 "$full"; }
	ok "B20: standard output and error are full pipes, $state: the jail can be had meanwhile" bounded meanwhile
	end_tree "$full"
	wait "$full" 2>/dev/null || :
done
retire alice
ok "B20: without -v it does not even notice" bounded as_www_full
retire alice
# shellcheck disable=SC2016
strace -f -qq -o "$T_WORK/trace" -e trace=write,writev,sendto,sendmsg,setresuid,execve,pwrite64 \
	setpriv --regid=33 --clear-groups "$T" -v alice true 2>&1 </dev/null | cat >"$ERR" # no files, for which it would fork
is "B20: nothing is written to 1 or 2 before the ids are the user's" "$(awk -v t="$T" -v a="$A" '
	index($0, "execve(\"" t "\"") { pid = $1 } $1 == pid && $0 ~ "setresuid\\(" a { exit }
	$1 == pid && /write[v64]*\((1|2),/' "$T_WORK/trace")" ""
ok "B20: though it does write" grep -qE 'write\(2, "trampoline: entered' "$T_WORK/trace"
wrong=
for refusal in "-C /nosuch alice true" "alice nosuch" "../alice true" "nosuch true" "--nosuch" "--list" "-l cpu=99999s alice true"; do
	# shellcheck disable=SC2086
	strace -f -qq -o "$T_WORK/trace" -e trace=write,writev,setresuid,execve \
		"$SETPRIV" --reuid=33 --regid=33 --clear-groups "$T" $refusal 2>&1 </dev/null | cat >"$ERR" || :
	# The last ids before the first word.
	got=$(awk -v t="$T" 'index($0, "execve(\"" t "\"") { pid = $1; next } $1 != pid { next }
		/setresuid/ { ids = $2 } /writev?\((1|2),/ { print ids; exit }' "$T_WORK/trace")
	case $got in "setresuid(33," | "setresuid($A,") ;; *) wrong+=" $refusal: '$got'" ;; esac
done
is "B20: a refusal is said by the caller's or the user's own process" "$wrong" ""
