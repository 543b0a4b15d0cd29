#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The machine has what this directory's tests are about: cgroup v2 with its controllers, and all of root's
# capabilities.
# shellcheck source=tests/system/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"

is "cgroup v2 alone is mounted" "$(findmnt -no FSTYPE /sys/fs/cgroup)" cgroup2
for controller in cpu memory pids; do
	like "the controller $controller is given on" "$(cat /sys/fs/cgroup/cgroup.subtree_control)" "\<$controller\>"
done
like "root has every capability" "$(setpriv --dump)" '^Capability bounding set: .*sys_resource'
