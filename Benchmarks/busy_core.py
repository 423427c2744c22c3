#!/usr/bin/env python3
"""What another process costs a normalization: its mean time alone, and with cores kept busy.

    busy_core.py --extra 'norma=../.build/release/norma bench --worker' [--backends torch-warm]

Each busy process computes without end on a core of its own choosing. With as many threads as cores, one of them loses
part of its core, and a barrier that spins can then cost far more than that core. Means are compared, since a few calls
that wait for milliseconds leave a median as it was. Rounds alternate: alone, with one busy process, and so on.
"""
import argparse
import statistics
import subprocess
import sys

from peers import driving
from peers.cases import norms

CASES = [case for shape, layout in [((64, 100), "nc"), ((256, 1024), "nc"), ((8192, 512), "nc"),
                                    ((32, 64, 56, 56), "nhwc"), ((32, 64, 56, 56), "nchw")]
         for case in norms("bn", shape, layout) if case["pass"] != "infer"]


class Busy:
    """Processes that compute without end, for the length of a `with`."""

    def __init__(self, count):
        self.count = count

    def __enter__(self):
        self.processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(self.count)]

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--extra", action="append", default=[], help="NAME=COMMAND speaking the worker protocol")
    ap.add_argument("--backends", default="", help=f"of {', '.join(driving.BACKENDS)}")
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--busy", default="1", help="how many busy processes, several counts by commas")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--min-time", type=float, default=0.5, help="seconds per case and round")
    a = ap.parse_args()
    workers = [driving.extra(text, a.threads) for text in a.extra]
    workers += [driving.backend(name, a.threads) for name in filter(None, a.backends.split(","))]
    if not workers:
        ap.error("name an --extra or --backends")
    counts = [0, *map(int, a.busy.split(","))]
    print(f"mean us with {a.threads} threads: alone, then with busy processes: {', '.join(map(str, counts[1:]))}")
    ratios = {}
    for worker in workers:
        for case in CASES:
            times = {count: [] for count in counts}
            for _ in range(a.rounds):
                for count in counts:
                    driving.wait_quiet()
                    with Busy(count):
                        times[count] += worker.samples(case, worker.variants(case)[0], min_time=a.min_time)
            means = [statistics.fmean(times[count]) for count in counts]
            growth = [mean / means[0] for mean in means[1:]]
            ratios.setdefault(worker.name, []).append(max(growth))
            print(f"{worker.name:<12} {case['name']:<28}" + "".join(f"{mean * 1e6:11.1f}" for mean in means)
                  + "".join(f"{ratio:9.2f} x" for ratio in growth), flush=True)
            worker.ask(drop=True)
        worker.close()
    for name, values in ratios.items():
        mean = statistics.geometric_mean(values)
        print(f"{name}: mean times grow {max(values):.2f} x at most, {mean:.2f} x on average")


if __name__ == "__main__":
    main()
