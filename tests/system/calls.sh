#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck source=tests/system/lib.sh disable=SC1091
#
# trampoline-entry(7) names the system calls of a warm entry; the kernel knows which there were.
. "$(dirname "$0")/lib.sh"

page=$(dirname "$0")/../../man/trampoline-entry.7
trace=$T_WORK/trace

command -v strace >/dev/null || {
	skip "the calls of a warm entry are those that trampoline-entry(7) lists" "there is no strace"
	exit 0
}

"$T" --prepare alice
# strace as root keeps the set-user-ID bit's effect. Pipes: output into a file has a relay, which is no such entry.
true | strace -f -o "$trace" setpriv --reuid=33 --regid=33 --clear-groups "$T" alice /bin/true 2>&1 | cat >"$OUT"
sed 's/^[0-9]* *//' "$trace" | awk -v launcher="execve(\"$T\"" '
	index($0, launcher) == 1 { inside = 1; next }
	inside { print }
	inside && /^execve\("\/bin\/true"/ { exit }' >"$T_WORK/entry"

made=$(grep -oE '^[a-z0-9_]+' "$T_WORK/entry" | sort -u)
listed=$(sed -n 's/^\.It \([a-z0-9_]*\)$/\1/p' "$page" | sort -u)
is "the calls of a warm entry are those that trampoline-entry(7) lists" "$made" "$listed"
is "none of them mounts, allocates, forks or maps" \
	"$(grep -xE 'mount|umount2|move_mount|open_tree|mount_setattr|brk|mmap|mremap|fork|vfork|clone|clone3' <<<"$made")" ""
calls=$(wc -l <"$T_WORK/entry")
ok "they are no more than 190 ($calls)" test "$calls" -gt 50 -a "$calls" -le 190
is "after the drop there is nothing but the user's own affairs" \
	"$(sed -n '/^seccomp(/,$p' "$T_WORK/entry" | sed 1d | grep -oE '^[a-z0-9_]+' | sort -u | tr '\n' ' ')" \
	"chdir execve getcwd rt_sigaction setns "
