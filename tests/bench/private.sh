#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a supervised run costs, beside a bare spawn of the same program, the kernel's part alone, a direct
# entry, and bubblewrap with a pid namespace and the same binds, as www-data. ROUNDS=N changes its length.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

least=("the kernel's part, no protection" "${www[@]}" "$T_ROOT/floor" private "${floor[@]}")
direct=("trampoline, direct" "${www[@]}" "$T" alice /usr/true)
clock=("trampoline --timeout, no /proc" "${www[@]}" "$T" -t 1h bob /usr/true)
private=("trampoline --private" "${www[@]}" "$T" -p alice /usr/true)
bwrap=("bwrap --unshare-pid --proc /proc" "${www[@]}" bwrap --unshare-pid "${binds[@]}" /usr/true)
printf '[confinement]\nproc = none\n' >"$T_SYSCONFDIR/trampoline/jails.d/bob.conf"
"$T" --prepare bob

echo "One entry: posix_spawn to exit of a static program without libc, $ROUNDS rounds, interleaved."
table "as configured by default" "$ROUNDS" "${bare[@]}" , "${least[@]}" , "${direct[@]}" , "${clock[@]}" , \
	"${private[@]}" , "${bwrap[@]}"
