# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# How the tests, the measurements and the demo wait: for an event, and with one deadline for all.

# wait_for COMMAND...: repeats it until it succeeds; after DEADLINE seconds says so and returns 1.
# Waiting long costs nothing where the command succeeds, so there is one deadline for everything.
DEADLINE=$((60 * ${T_SLOW:-1}))
wait_for() {
	local end=$((SECONDS + DEADLINE))
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $end ]; then
			echo "waited $DEADLINE s in vain, line ${BASH_LINENO[0]}: $*" >&2
			return 1
		fi
		sleep 0.05
	done
}
