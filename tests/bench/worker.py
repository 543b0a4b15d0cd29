# SPDX-License-Identifier: MIT
# For tests/bench/worker.sh, as the caller: one run per request beside a worker that stays, round by round; prints
# WAY, the median, the 10th and the 90th percentile in microseconds. Arguments: ROUNDS, the launcher, the jail.
import subprocess
import sys
import time

import worker_of_the_server as server

rounds, launcher, jail = int(sys.argv[1]), sys.argv[2], sys.argv[3]
request = b"1 2 3 4 5 6 7 8 9"
wanted = b"5.000000"
python = server.Worker(jail, "python3", "worker.py")
numpy = server.Worker(jail, "python3", "worker-numpy.py")


def once(program):
    return subprocess.run([launcher, "-t", "10s", "-l", "output=1M", jail, "python3", program],
                          input=request, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}).stdout


ways = {
    "one run per request": lambda: once("once.py"),
    "a worker that stays": lambda: python.ask(request),
    "one run per request, numpy": lambda: once("once-numpy.py"),
    "a worker that stays, numpy": lambda: numpy.ask(request),
}
times = {way: [] for way in ways}
for turn in range(rounds + 1):
    for way, answer in ways.items():
        begin = time.perf_counter_ns()
        got = answer()
        spent = time.perf_counter_ns() - begin
        if got != wanted:
            sys.exit("bench: cannot measure %s: the answer is %a" % (way, got))
        if turn > 0:                    # in the first one the workers start
            times[way].append(spent // 1000)
for way, spent in times.items():
    spent.sort()
    print(way, spent[len(spent) // 2], spent[len(spent) // 10], spent[len(spent) * 9 // 10], sep="\t", flush=True)
# While the workers still live, who measures looks at their memory.
print("idle", flush=True)
sys.stdin.read()
python.stop()
numpy.stop()
