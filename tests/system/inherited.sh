#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a caller hands down, on purpose or not, ends at the launcher.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cleanup() {
	local pid
	for pid in $(jail_processes); do kill -KILL "$pid" || :; done
	default_config
	forget_all
	in_jail alice true
	in_jail bob true
}

setpriv=$(command -v setpriv)
as_www_with() { # HABIT... -- COMMAND...: a caller of uid 33 with these habits
	local habits=()
	while [ "$1" != -- ]; do
		habits+=("$1")
		shift
	done
	shift
	caller "${habits[@]}" -- "$setpriv" --reuid=33 --regid=33 --clear-groups "$@"
}

# --- descriptors ---------------------------------------------------------------------------------

is "five descriptors, of a directory, a path, a socket" \
	"$(as_www_with open=3:/ path=4:/etc socket=9 open=255:/etc/passwd -- "$T" alice probe fds)" "fds: 0 1 2"
is "two thousand descriptors" "$(as_www_with fds=2000 -- "$T" alice probe fds)" "fds: 0 1 2"
is "high ones above a limit that was lowered since" \
	"$(as_www "$T_TOOLS/caller" fds=1500 nofile=16 -- "$T" alice probe fds)" "fds: 0 1 2"
for who in www-data root; do
	for closed in 0 1 2 01 02 12 012; do
		habits=()
		for ((i = 0; i < ${#closed}; i++)); do habits+=("close=${closed:i:1}"); done
		# Where 1 is closed the probe answers in a file of alice's.
		if [ $who = root ]; then run=(caller "${habits[@]}" -- "$T"); else
			# setpriv itself must not open anything into the gap: the caller is the last before us.
			run=("$setpriv" --reuid=33 --regid=33 --clear-groups "$T_TOOLS/caller" "${habits[@]}" -- "$T")
		fi
		"${run[@]}" alice sh -c 'probe fds standard >answer' 2>"$ERR" </dev/zero >"$OUT" || :
		got=$(xargs <"$ALICE/answer") || :
		rm -f "$ALICE/answer"
		wanted=
		for fd in 0 1 2; do
			case $closed in *$fd*) wanted+=null ;; *) wanted+=open ;; esac
		done
		# sh made 1 a file; what it was before shows in 0 and 2, and that nothing of ours is there.
		like "$who with $closed closed has /dev/null there" "$got" '^fds: 0 1 2 standard: (null|char) file (null|pipe)$'
		case $wanted in null*) like "$who: descriptor 0" "$got" 'standard: null ' ;; esac
		case $wanted in *null) like "$who: descriptor 2" "$got" ' null$' ;; esac
	done
done
in_jail alice true
caller close=0 close=1 close=2 -- "$T" -C /nosuch alice true || :
is "no message went into a record" "$(in_jail -v alice true 2>&1)" "trampoline: entered a live jail"

# --- /dev/stdin, /dev/stdout, /dev/stderr --------------------------------------------------------

in_pipes() { # COMMAND...: input from a pipe, output and errors into one
	echo 1 2 3 | as_www "$T" "$@" 2>&1 | cat
}
for option in "" -p; do
	# shellcheck disable=SC2016,SC2086
	{
		is "/dev/stdin of a pipe can be opened${option:+, with $option}" "$(in_pipes $option alice cat /dev/stdin)" "1 2 3"
		is "so can /dev/stdout and /dev/stderr${option:+, with $option}" \
			"$(in_pipes $option alice sh -c 'echo out >/dev/stdout; echo error >/dev/stderr; echo appended >>/proc/self/fd/2' | xargs)" \
			"out error appended"
		like "but not to read back what was written${option:+, with $option}" \
			"$(in_pipes $option alice sh -c 'echo mine; read -r line </dev/stdout && echo "read $line"' | tr '\n' ' ')" '^mine .*ermission denied $'
	}
done
mkfifo -m 600 "$T_WORK/named"
exec 7<>"$T_WORK/named"
# shellcheck disable=SC2094
as_www "$T" alice true <&7 >&7 2>&1
exec 7>&-
is "a pipe that has a name in a file system stays closed to others" "$(stat -c %a "$T_WORK/named")" 600

# --- umask, signals, timers ----------------------------------------------------------------------

for mask in 000 022 077 777; do
	retire alice
	is "umask $mask ends at ours" "$(umask $mask; in_jail alice probe umask)" "umask: 0022"
	is "and state is root's alone" "$(find "$T_RUNDIR/jails/alice" -printf '%m %U ' | xargs)" \
		"$(find "$T_RUNDIR/jails/alice" -printf '%y\n' | sed 's/d/700 0/; s/f/600 0/' | xargs)"
done
as_www_with signals -- "$T" alice probe blocked ignored pending >"$OUT" 2>"$ERR" || :
is "all signals blocked, ignored and two pending: none of it arrives" "$(cat "$OUT")" \
	$'blocked: \nignored: \npending: 0'
retire alice
is "the same where the jail is to be built" "$(as_www_with signals -- "$T" alice probe ignored)" "ignored: "
status 7 "and the status still comes back" as_www_with signals -- "$T" alice sh -c 'exit 7'
is "a timer is stopped" "$(as_www_with timer=60000 -- "$T" alice probe timers)" "timers: 0 0 0"
wrong=
for ms in $(seq "$T_SLOW" "$T_SLOW" $((20 * T_SLOW))); do
	retire alice
	got=0
	as_www_with timer="$ms" -- "$T" alice true || got=$?
	case $got in 0 | 142) ;; *) wrong+=" $ms ms: $got" ;; esac
	[ "$(in_jail alice id -u; jail_mounts alice | wc -l)" = "$A"$'\n'$MOUNTS ] || wrong+=" $ms ms: half a jail"
done
is "a timer that fires at any time leaves no half jail" "$wrong" ""

# --- limits --------------------------------------------------------------------------------------

limited() { # OPTION...: the caller's limits
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	as_www prlimit "${options[@]}" "$@"
}
for option in --fsize=0: --fsize=1: --nofile=8: --nofile=16: --as=33554432: --stack=65536: --data=1000000: \
	--cpu=20: --nproc=0: --nproc=1: --core=unlimited: --memlock=0: --sigpending=0: --msgqueue=0:; do
	is "a soft limit ${option%:} of the caller's" "$(limited "$option" -- "$T" alice id -u)" "$A"
	retire alice
	is "the same where the jail is to be built" "$(limited "$option" -- "$T" alice id -u)" "$A"
done
# A hard limit can only be raised with CAP_SYS_RESOURCE, which not every root has.
can_raise=no
if prlimit --nofile=100:100 prlimit --nofile=200:200 true 2>/dev/null; then can_raise=yes; fi
if [ $can_raise = yes ]; then
	like "a lower hard limit of the caller's is raised to the policy's" \
		"$(limited --nofile=64:64 -- "$T" alice probe limits)" 'nofile=1024:1024'
else
	skip "a lower hard limit of the caller's is raised to the policy's" "root has no CAP_SYS_RESOURCE here"
fi
for option in --nofile=64:64 --fsize=1000000:1000000 --nproc=20:20 --data=200000000:200000000 --cpu=10:10; do
	is "a hard limit $option does not break a run" "$(limited $option -- "$T" alice id -u)" "$A"
	retire alice
	is "nor a build" "$(limited $option -- "$T" alice id -u)" "$A"
done
# The caller's NPROC counts the caller's processes, ours the user's.
in_jail alice sleep 600d &
in_jail alice sleep 600d &
# shellcheck disable=SC2016
wait_for in_jail alice sh -c '[ "$(pidof sleep | wc -w)" = 2 ]'
is "NPROC 0 while the user has a process" "$(limited --nproc=0: -- "$T" alice id -u)" "$A"
refused 125 sleep "the user's own limit reached" as_www "$T" -l processes=1 alice sleep 1
for pid in $(jail_processes); do kill "$pid" 2>/dev/null || :; done
wait || :

# --- standing ------------------------------------------------------------------------------------

is "nice, scheduler, affinity, io priority of a root caller" "$(nice -n -10 ionice -c 1 taskset -c 0 \
	"$T" alice probe nice scheduler ioprio cpus)" "$(printf 'nice: 0\nscheduler: 0\nioprio: 0\ncpus: %d' "$(nproc)")"
# cpus_of WORD [OPTION]...: how many processors a run of alice's counts with cpus = WORD.
cpus_of() {
	printf '[confinement]\ncpus = %s\n' "$1" | override alice
	shift
	as_www "$T" "$@" alice probe cpus
}
cpu=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
is "cpus = LIST is what a run has" "$(cpus_of "$cpu")" "cpus: 1"
is "and a supervised one" "$(cpus_of "$cpu,1023" -p)" "cpus: 1"
is "whatever the caller has" "$(taskset -c "$((cpu + 1))" "$T" alice probe cpus 2>&1 || :)" "cpus: 1"
is "cpus = inherit is what the caller has" "$(cpus_of inherit >"$OUT"; cat "$OUT"; taskset -c "$cpu" "$T" alice probe cpus)" \
	"cpus: $(nproc)
cpus: 1"
is "cpus = all is each that the cpuset allows" "$(cpus_of all >"$OUT"; taskset -c "$cpu" "$T" alice probe cpus)" "cpus: $(nproc)"
printf '[confinement]\ncpus = 1023\n' | override alice
refused 125 'cpus cannot have the value "1023"' "a list without a processor that is there" in_jail alice true
if [ "$(nproc)" -gt 1 ]; then
	cpus_of "$cpu" >"$OUT"
	status 125 "an affinity that is not what was asked for" strace -f -qq -o /dev/null -e trace=sched_setaffinity \
		-e inject=sched_setaffinity:retval=0 "$T" alice true
else
	skip "an affinity that is not what was asked for" "there is one processor"
fi
default_config
if chrt -f 10 true 2>/dev/null; then
	is "a real-time scheduler" "$(chrt -f 10 "$T" alice probe scheduler)" "scheduler: 0"
else
	skip "a real-time scheduler" "this kernel gives root none"
fi
is "personality" "$(setarch -R -X "$T" alice probe personality)" "personality: 00000000"
# shellcheck disable=SC2016
is "oom_score_adj" "$(bash -c 'echo 300 >/proc/self/oom_score_adj; exec "$T" alice cat /proc/self/oom_score_adj')" 500
capabilities=+sys_admin,+setuid,+setgid,+setpcap,+sys_chroot,+kill,+sys_nice # where we run at a lower priority
is "securebits, inheritable and ambient capabilities" "$(setpriv --inh-caps=$capabilities --ambient-caps=$capabilities \
	--securebits=+noroot "$T" alice probe capabilities no_new_privs securebits uid 2>"$ERR" || :)" \
	$'uid: '"$A $A $A $A"$'\ncapabilities: 0 0 0 0\nno_new_privs: 1\nsecurebits: 0'
got=$(setpriv --securebits=+no_setuid_fixup,+no_setuid_fixup_locked --inh-caps=$capabilities \
	--ambient-caps=$capabilities "$T" alice probe capabilities 2>"$ERR") || :
like "locked securebits: no capability, or refused" "$got$(cat "$ERR")" \
	'^(capabilities: 0 0 0 0|trampoline: cannot .*)$'
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -static -o "$ALICE/deed" tests/system/deed.c
is "the jailed command can type nothing into the terminal" "$(setsid script -qec "$T alice ./deed push x" /dev/null </dev/null |
	tr -d '\r' | grep -E '^(refused|typed)')" "refused: Operation not permitted"
rm "$ALICE/deed"
# Its input is another terminal than the one that controls its session, of which it leads a process group.
printf '[confinement]\nsystem_calls = all\n' | override alice
in_jail alice true
is "nor has it the one of its caller, if its input is another" "$(setsid script -qec "/usr/bin/python3 -c '
import os, subprocess
subprocess.run([\"$T\", \"alice\", \"probe\", \"terminal\"], stdin=os.openpty()[1], preexec_fn=os.setpgrp)'" /dev/null </dev/null |
	tr -d '\r' | grep terminal)" "terminal: No such device or address"
default_config
in_jail alice true

# --- directory and argument vector ---------------------------------------------------------------

mkdir -m 777 "$T_WORK/deleted"
is "a directory that was deleted" "$(cd "$T_WORK/deleted" && rmdir "$T_WORK/deleted" && in_jail alice pwd)" /home/alice
mkdir -m 700 "$T_WORK/closed"
is "a directory that the caller may not see" "$(cd "$T_WORK/closed" && in_jail alice pwd)" /home/alice
is "the caller's directory is not inherited" "$(cd "$T_WORK" && in_jail alice sh -c 'pwd; ls')" \
	"$(in_jail alice sh -c 'cd; pwd; ls')"
status 125 "no argument vector" as_www "$T_TOOLS/caller" argv=none -- "$T"
status 125 "an empty argv[0]" as_www "$T_TOOLS/caller" argv=empty -- "$T" alice id
junk=()
for name in LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT LD_DEBUG GCONV_PATH LOCPATH NLSPATH MALLOC_ARENA_MAX \
	GLIBC_TUNABLES TZDIR RES_OPTIONS HOSTALIASES LIBMOUNT_FSTAB LIBMOUNT_FORCE_MOUNT2 BASH_ENV ENV IFS \
	PYTHONPATH PYTHONHOME PERL5OPT PERL5LIB RUBYOPT HTTP_PROXY http_proxy AWS_SECRET TMPDIR XDG_RUNTIME_DIR \
	DBUS_SESSION_BUS_ADDRESS SSH_AUTH_SOCK SUDO_USER TRAMPOLINE_IMAGE TRAMPOLINE_CONFIG; do
	junk+=("env=$name=/tmp/evil")
done
is "thirty bad variables, one without '=', one twice, one empty" \
	"$(as_www "$T_TOOLS/caller" "${junk[@]}" env=NOEQUALS env= env==x env=TERM=a env=TERM=b -- "$T" alice probe env |
		sed 's/^env: //; s/=.*//' | sort | xargs)" "HOME LANG LOGNAME PATH SHELL TERM USER"
is "and there is one TERM" "$(as_www "$T_TOOLS/caller" env=TERM=a env=TERM=b -- "$T" alice probe env | grep -c TERM=)" 1

# --- mount namespace -----------------------------------------------------------------------------

private() { unshare -m --propagation private "$setpriv" --reuid=33 --regid=33 --clear-groups "$@"; }
in_jail alice true
live=$(pin_inode alice)
is "a caller with PrivateTmp enters the same jail" "$(private "$T" alice readlink /proc/self/ns/mnt)" "mnt:[$live]"
forget_all
is "where no hub is there yet, the caller makes it" "$(private "$T" alice id -u)" "$A"
is "in the host's namespace" "$(host_mounts | grep -c " $T_RUNDIR")" 2
like "where everybody finds the jail" "$(pin_inode alice)" '^[0-9]+$'
live=$(pin_inode alice)
is "the host enters the same" "$(in_jail alice readlink /proc/self/ns/mnt)" "mnt:[$live]"
is "and another private caller" "$(private "$T" alice readlink /proc/self/ns/mnt)" "mnt:[$live]"
is "there is one pin" "$(hub_mounts | grep -c ' /jails/alice/mnt ')" 1
retire alice
is "a private caller builds a jail in the hub that is there" "$(private "$T" alice id -u)" "$A"
is "the host enters that one" "$(in_jail alice readlink /proc/self/ns/mnt)" "mnt:[$(pin_inode alice)]"
# A caller who has hidden our state from itself, or put its own there.
# shellcheck disable=SC2016
is "a caller that has mounted over RUNDIR" "$(unshare -m --propagation private bash -c '
	mount -t tmpfs none "$T_RUNDIR" && mkdir -p "$T_RUNDIR/jails/alice" && cp /etc/passwd "$T_RUNDIR/jails/alice/record"
	exec setpriv --reuid=33 --regid=33 --clear-groups "$T" alice id -u')" "$A"
# Without /proc there is no way back to the host's mounts: refused, and no second hub.
forget_all
# shellcheck disable=SC2016
refused 125 cannot "a caller that has hidden /proc" unshare -m --propagation private bash -c '
	mount -t tmpfs none /proc
	exec setpriv --reuid=33 --regid=33 --clear-groups "$T" alice id -u'
ok "others are served" in_jail alice true

# --- signals from the caller ---------------------------------------------------------------------

: >"$T_WORK/storm"
# shellcheck disable=SC2016
as_www bash -c '
	until [ -e "$T_WORK/over" ]; do
		"$T" alice true & pid=$!
		for signal in STOP TSTP KILL; do kill -$signal $pid 2>/dev/null; done
		wait $pid
		echo
	done' >"$T_WORK/storm" 2>"$ERR" &
storm=$!
rounds() { [ "$(wc -l <"$T_WORK/storm")" -ge "$1" ]; }
ok "a caller that stops and kills its runs" wait_for rounds 20
ok "does not stop another's" timeout "$DEADLINE" setpriv --reuid=33 --regid=33 --clear-groups "$T" alice true
ok "while it does" kill -0 $storm
touch "$T_WORK/over"
wait $storm || :
is "and leaves the jail whole" "$(in_jail alice id -u; jail_mounts alice | wc -l)" "$A"$'\n'$MOUNTS
