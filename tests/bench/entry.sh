#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What an entry costs, beside a bare spawn of the same program, the kernel's part alone, and bubblewrap
# with the same binds, as www-data. A table on standard output; ROUNDS=N changes its length.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

least=("the kernel's part, no protection" "${www[@]}" "$T_ROOT/floor" direct "${floor[@]}")
live=("trampoline, live jail" "${www[@]}" "$T" alice /usr/true)
built=("trampoline, jail to be built" uid=33 gid=33 "before=rm $T_RUNDIR/jails/alice/record" --
	"$T" alice /usr/true)
bwrap=("bwrap, same binds" "${www[@]}" bwrap "${binds[@]}" --dev /dev /usr/true)

echo "One entry: posix_spawn to exit of a static program without libc, $ROUNDS rounds, interleaved."
table "as configured by default" "$ROUNDS" "${bare[@]}" , "${least[@]}" , "${live[@]}" , "${bwrap[@]}"
# Apart from the others, because the kernel takes the old jail's namespaces down in the background.
table "a new jail each time" $((ROUNDS / 5 + 1)) "${bare[@]}" , "${built[@]}" , "${bwrap[@]}"
printf '[confinement]\nsystem_calls = all\nnetwork = host\nipc = host\n' \
	>"$T_SYSCONFDIR/trampoline/jails.d/alice.conf"
table "no filter, host's network, ipc" "$ROUNDS" "${bare[@]}" , "${live[@]}" , "${bwrap[@]}"
table "the same, a new jail each time" $((ROUNDS / 5 + 1)) "${bare[@]}" , "${built[@]}" , "${bwrap[@]}"
