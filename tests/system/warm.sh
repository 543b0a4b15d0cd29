#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a warm entry does, seen with strace on the installed program: no mount, no new process, no
# text read, nothing of the jail's touched as root.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

trace=$T_WORK/trace
in_jail alice /bin/true

# As root, strace keeps the set-uid bit's meaning; what www-data starts is followed.
strace -f -qq -o "$trace" setpriv --reuid=33 --regid=33 --clear-groups "$T" alice /bin/true 2>&1 | cat
# From the launcher's exec to the command's.
awk -v launcher="\"$T\"" '
	{ sub(/^[0-9]+ +/, "") }
	/^execve\(/ && index($0, launcher) { on = 1; next }
	/^execve\("\/bin\/true"/ { on = 0 }
	on { print }' "$trace" >"$T_WORK/calls"
calls=$(sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$T_WORK/calls")
echo "# $(wc -l <<<"$calls") system calls"
ok "the trace is of an entry" grep -q '^execve("/bin/true"' <(sed 's/^[0-9]* *//' "$trace")
is "it makes no mount system call" "$(grep -xE 'mount|umount2|mount_setattr|move_mount|open_tree|fsopen|fsmount|fsconfig|fspick|pivot_root|chroot' <<<"$calls" || :)" ""
is "it makes no namespace" "$(grep -xE 'unshare|clone|clone3|fork|vfork' <<<"$calls" || :)" ""
is "nor a process" "$(awk '{ print $1 }' "$trace" | sort -u | wc -l)" 1
is "it takes no memory" "$(grep -xE 'brk|mmap|mremap' <<<"$calls" || :)" ""
ok "it makes at most 190 calls" test "$(wc -l <<<"$calls")" -le 190
# name, flags and all of each file that is opened
opened=$(grep -E '^open(at|at2)?\(' "$T_WORK/calls")
is "it opens nothing but its own state and the kernel's" "$(grep -vE \
	"\"/\", [A-Z_|]*O_PATH|\"$T_RUNDIR\"|\"hub\"|\"jails/alice/record\"|\"/jails/alice/(mnt|ipc|net)\"|\"/proc/self/ns/[a-z]+\"|\"/proc/self/(oom_score_adj|coredump_filter)\", O_WRONLY|\"/proc/self/loginuid\", O_RDWR|\"/dev/null\"|\"/dev/tty\"" \
	<<<"$opened" || :)" ""
is "no configuration, passwd, locale or mount table" \
	"$(grep -E 'trampoline\.conf|/etc/|passwd|group|locale|mountinfo|mounts"|nsswitch|ld\.so' <<<"$opened" || :)" ""
is "it reads two files, once each: the login uid and the record" "$(grep -cE '^(read|pread64|readv)\(' "$T_WORK/calls")" 2
before_drop=$(sed "/^setresuid($A/,\$d" "$T_WORK/calls")
ok "it drops to the user" grep -q "^setresuid($A, $A, $A)" "$T_WORK/calls"
is "nothing is written to 0, 1 or 2 before that" "$(grep -E '^(write|writev|sendto)\([012],' <<<"$before_drop" || :)" ""
is "the user's home and tmp are not entered before that" \
	"$(grep -E '^(chdir|fchdir|open[a-z0-9]*)\(.*"/(home|tmp)' <<<"$before_drop" || :)" ""
is "groups, gid, uid go in this order" "$(grep -oE "^(setgroups|setresgid\($A|setresuid\($A)" \
	"$T_WORK/calls" | xargs)" "setgroups setresgid($A setresuid($A"
ok "and are proved afterwards" grep -qE '^capget' <(sed "1,/^setresuid($A/d" "$T_WORK/calls")
ok "close_range comes before anything is opened" test \
	"$(grep -nE '^close_range' "$T_WORK/calls" | head -n 1 | cut -d : -f 1)" -lt \
	"$(grep -nE '^open' "$T_WORK/calls" | head -n 1 | cut -d : -f 1)"

# The same of root's.
strace -f -qq -o "$trace" "$T" alice /bin/true 2>&1 | cat
is "root's warm entry mounts nothing either" "$(grep -cE '(mount|umount2|move_mount|open_tree|pivot_root|unshare|clone)\(' "$trace" || :)" 0

# All processes of a supervised run together, up to its end; output into a pipe, so there is no relay.
for option in -p '-t 1h'; do
	# shellcheck disable=SC2086 # words
	strace -f -qq -o "$trace" setpriv --reuid=33 --regid=33 --clear-groups "$T" $option alice /usr/true 2>&1 </dev/null | cat
	awk -v launcher="\"$T\"" '
		{ sub(/^[0-9]+ +/, "") }
		/^execve\(/ && index($0, launcher) { on = 1; next }
		on && !/^<\.\.\. / && !/^execve\(|^exit_group\(/ { sub(/\(.*/, ""); print }' "$trace" >"$T_WORK/calls"
	is "a warm run with $option makes two processes, one namespace and one mount" \
		"$(grep -xE 'clone3?|v?fork|unshare|mount' "$T_WORK/calls" | sort | uniq -c | xargs)" "2 clone 1 mount 1 unshare"
	ok "and at most 250 calls ($(wc -l <"$T_WORK/calls"))" test "$(wc -l <"$T_WORK/calls")" -le 250
done

# Of the memory that RUNDIR takes for each jail, this is all.
size=$(stat -c %s "$T_RUNDIR/jails/alice/record")
ok "a record of the default policy fits into a page ($size bytes)" test "$size" -le 4096

"$T" --discard alice >"$OUT" 2>&1
strace -f -qq -o "$T_WORK/cold" -e trace=execve,openat,memfd_create "$T" alice /bin/true >"$OUT" 2>&1
is "a cold entry starts one keeper, which reads the configuration and compiles the filter once" \
	"$(grep -cE 'execve\(.*/keeper-.* = 0' "$T_WORK/cold") $(grep -c '"trampoline.conf"' "$T_WORK/cold") \
$(grep -c 'memfd_create("filter"' "$T_WORK/cold")" "1 1 1"
