#!/usr/bin/env python3
"""What a call costs after an idle pause, when threads have gone to sleep: latency of single calls.

    idle_pause.py --extra 'norma=../.build/release/norma bench --worker' [--backends torch-warm]

Each sample is one call, back to back or after a sleep of the process. What a pause adds is given at the median and at
the 90th percentile, each against the same of back to back. Part of it is the machine's: caches and the core's clock
cool down too, which one thread shows alone.
"""
import argparse

from peers import driving
from peers.cases import norms

CASES = [case for shape in [(64, 100), (256, 1024), (8192, 512)]
         for case in norms("bn", shape, "nc") if case["pass"] != "infer"]


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
    for threads in map(int, a.threads.split(",")):
        workers = [driving.extra(text, threads) for text in a.extra]
        workers += [driving.backend(name, threads) for name in filter(None, a.backends.split(","))]
        if not workers:
            ap.error("name an --extra or --backends")
        for worker in workers:
            worst = [0.0 for _ in pauses]
            for case in CASES:
                variant = worker.variants(case)[0]
                found = []
                for pause in [0.0, *pauses]:
                    driving.wait_quiet()
                    times = worker.samples(case, variant, pause=pause, min_time=a.calls * max(pause, 0.001))
                    found.append([driving.quantile(times, share) * 1e6 for share in (0.5, 0.9)])
                text = f"{worker.name:<12} t={threads} {case['name']:<24}{found[0][0]:10.1f}{found[0][1]:10.1f}"
                for place, (median, tail) in enumerate(found[1:]):
                    text += f"   {median - found[0][0]:+9.1f}{tail - found[0][1]:+9.1f}"
                    worst[place] = max(worst[place], tail - found[0][1])
                print(text, flush=True)
                worker.ask(drop=True)
            print(f"{worker.name}, {threads} thread{'s' if threads > 1 else ''}: at most "
                  + ", ".join(f"{w:+.1f} us at p90 after {pause * 1e3:g} ms" for w, pause in zip(worst, pauses)))
            worker.close()


if __name__ == "__main__":
    main()
