#!/usr/bin/env python3
"""What a call costs after an idle pause, when threads have gone to sleep: latency of single calls.

    idle_pause.py --extra 'norma=../.build/release/norma bench --worker' [--backends torch-warm]

Each sample is one call, back to back or after a sleep of the process. What a pause adds is given at the median and at
the 90th percentile, each against the same of back to back. Part of it is the machine's: a cache that others have used
meanwhile and a core that wakes up cost one thread alone as much. So the closing lines also give what more threads add
beyond one: that is the stall of threads that went to sleep.
"""
import argparse

from peers import driving
from peers.cases import norms

# Calls of well under a millisecond, in which a stall shows.
CASES = [case for shape in [(64, 100), (256, 256), (256, 1024)]
         for case in norms("bn", shape, "nc") if case["pass"] != "infer"]


def measure(worker, case, pauses, calls, added):
    """Prints a line, and keeps what each pause adds at the 90th percentile."""
    variant = worker.variants(case)[0]
    text = f"{worker.name:<12} t={worker.threads} {case['name']:<24}"
    base = None
    for pause in [0.0, *pauses]:
        driving.wait_quiet()
        times = worker.samples(case, variant, pause=pause, min_time=calls * max(pause, 0.001))
        median, tail = (driving.quantile(times, share) * 1e6 for share in (0.5, 0.9))
        if base is None:
            base = median, tail
            text += f"{median:10.1f}{tail:10.1f}"
        else:
            text += f"   {median - base[0]:+9.1f}{tail - base[1]:+9.1f}"
            added[worker.name, worker.threads, case["name"], pause] = tail - base[1]
    print(text, flush=True)
    worker.ask(drop=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--extra", action="append", default=[], help="NAME=COMMAND speaking the worker protocol")
    ap.add_argument("--backends", default="", help=f"of {', '.join(driving.BACKENDS)}")
    ap.add_argument("--threads", default="1,2")
    ap.add_argument("--pauses", default="3,50", help="milliseconds, several by commas")
    ap.add_argument("--calls", type=int, default=200, help="samples of each, about")
    a = ap.parse_args()
    pauses = [float(text) * 1e-3 for text in a.pauses.split(",")]
    print("us: median and p90 back to back, then what a pause of " + ", ".join(a.pauses.split(","))
          + " ms adds to each")
    added = {}
    for threads in sorted(map(int, a.threads.split(","))):
        workers = [driving.extra(text, threads) for text in a.extra]
        workers += [driving.backend(name, threads) for name in filter(None, a.backends.split(","))]
        if not workers:
            ap.error("name an --extra or --backends")
        for worker in workers:
            for case in CASES:
                measure(worker, case, pauses, a.calls, added)
            worker.close()
    print("at most, at p90:")
    for name, threads, pause in dict.fromkeys((key[0], key[1], key[3]) for key in added):
        worst = max(added[name, threads, case["name"], pause] for case in CASES)
        text = f"{name}, {threads} thread{'s' if threads > 1 else ''}, {pause * 1e3:g} ms: {worst:+.1f} us"
        if threads > 1 and (name, 1, CASES[0]["name"], pause) in added:
            beyond = max(added[name, threads, c["name"], pause] - added[name, 1, c["name"], pause] for c in CASES)
            text += f"; beyond one thread {beyond:+.1f} us"
        print(text)


if __name__ == "__main__":
    main()
