#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a worker that stays, as trampoline-web(7) prints it, saves and keeps: its answers beside one run per request, in
# Python alone and with numpy, and the memory of the idle one. ROUNDS=N changes its length.
ROUNDS=${ROUNDS:-100}
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

uid=$((T_ALICE + 2))
home=$T_STATEDIR/data/pia/home/pia
here=$T_ROOT/worker

"$T_PREFIX/sbin/trampoline-image" build numpy --recipe debian --include python3,python3-numpy >"$T_ROOT/log" 2>&1 || {
	tail -n 20 "$T_ROOT/log" >&2
	exit 1
}
printf '[trampoline]\nimage = numpy\n' >"$T_SYSCONFDIR/trampoline/jails.d/pia.conf"
"$T_PREFIX/sbin/trampoline-user" add pia --uid "$uid"

example() { awk -v heading="A worker that stays" -v number="$1" -f tests/web/manual/example.awk man/trampoline-web.7; }
mkdir -m 755 "$here"
example 1 | sed "s|/usr/local/bin/trampoline|$T|" >"$here/worker_of_the_server.py"
cp tests/bench/worker.py "$here"
example 2 >"$home/worker.py"
# The same answer by a program that runs once: its request is all of standard input.
sed '/^requests = /d; s/^while .*/request = sys.stdin.buffer.read()/; s/^    //; s/requests\.send(/sys.stdout.buffer.write(/' \
	"$home/worker.py" >"$home/once.py"
for name in worker once; do
	sed 's/statistics/numpy/; s/numpy\.fmean(\(.*\))$/numpy.mean([\1])/' "$home/$name.py" >"$home/$name-numpy.py"
done
chmod 644 "$home"/*.py
"$T" --prepare pia

figures worker way median_us p10_us p90_us
coproc measure {
	setpriv --reuid=33 --regid=33 --clear-groups -- /usr/bin/python3 "$here/worker.py" "$ROUNDS" "$T" pia
}
# shellcheck disable=SC2154 # coproc sets it
pid=$measure_PID
while IFS= read -r line <&"${measure[0]}" && [ "$line" != idle ]; do
	IFS=$'\t' read -r way median low high <<<"$line"
	printf '%-30s %8d us, 10 %% to 90 %%: %d to %d\n' "$way" "$median" "$low" "$high"
	figure worker "$way" "$median" "$low" "$high"
done
figures worker-memory program pss_kb
for process in $(pgrep -u "$uid" python3); do
	program=$(tr '\0' '\n' <"/proc/$process/cmdline" | sed -n 2p)
	kb=$(awk '$1 == "Pss:" { print $2 }' "/proc/$process/smaps_rollup")
	echo "the idle $program keeps $kb KiB"
	figure worker-memory "$program" "$kb"
done
eval "exec ${measure[1]}>&-"
wait "$pid"
