#!/usr/bin/env python3
"""Peak memory of training steps, or of running ONNX models: what a process takes beyond its idle state. Linux only.

    peak_memory.py --extra 'norma=../.build/release/norma bench --worker' [--backends torch] [--only mlp]
    peak_memory.py --extra 'norma=../.build/release/norma bench --worker' --only resnet20 --variants fused,eager
    NORMA_ONNX_MODELS=FOLDER peak_memory.py --extra 'norma=../.build/release/norma bench --worker' --section onnx --backends ort

Each case and variant has a worker process of its own. Idle is the process's resident memory (VmRSS) once the library is
loaded and has run one normalization of two rows, if it has any, with nothing else built. Then the kernel's mark of the peak
(VmHWM) is set back, and network, optimizer and batch are built and trained for --min-time seconds, at least 20 steps, or a
model is read and run. What is reported is the new mark less the idle state. The mark is the kernel's own, so that no peak
between two looks is missed. Pages of a mapped file count once they were read.
"""
import argparse
import time

from peers import driving
from peers.cases import make_cases, norms


def memory(worker, field):
    """A line of /proc/PID/status, in bytes."""
    with open(f"/proc/{worker.process.pid}/status") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/{worker.process.pid}/status has no {field}")


def set_back_peak(worker):
    with open(f"/proc/{worker.process.pid}/clear_refs", "w") as file:
        file.write("5")


def measure(worker, case, variant, min_time):
    """Bytes when idle, those the training takes beyond it, the number of steps, and the seconds until the first were done."""
    trivial = norms("bn", (2, 2), "nc")[0]
    for small in worker.variants(trivial)[:1]:
        worker.samples(trivial, small, min_time=0)
    worker.ask(drop=True)
    idle = memory(worker, "VmRSS")
    set_back_peak(worker)
    start = time.monotonic()
    worker.samples(case, variant, min_time=0)
    first = time.monotonic() - start
    steps = len(worker.samples(case, variant, min_time=min_time))
    return idle, memory(worker, "VmHWM") - idle, steps, first


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--extra", action="append", default=[], help="NAME=COMMAND speaking the worker protocol")
    ap.add_argument("--backends", default="torch", help=f"of {', '.join(driving.BACKENDS)}")
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--section", default="train", choices=("train", "onnx"))
    ap.add_argument("--only", help="the cases whose names hold this (default: mlp; all models)")
    ap.add_argument("--variants", help="those of each worker's variants that are named here (default: its first)")
    ap.add_argument("--min-time", type=float, default=1.0)
    a = ap.parse_args()
    only = a.only or ("mlp" if a.section == "train" else "")
    cases = [case for case in make_cases([a.section]) if only in case["name"]]
    starts = [(driving.extra, text) for text in a.extra]
    starts += [(driving.backend, name) for name in filter(None, a.backends.split(","))]
    if not starts or not cases:
        ap.error("name an --extra or --backends, and --only a case")
    print(f"MB, {a.threads} threads: idle, peak, beyond idle; seconds until a network is there and has run")
    for case in cases:
        first = None
        for start, text in starts:
            worker = start(text, a.threads)
            variants = worker.variants(case)
            worker.close()
            variants = [v for v in variants if v in a.variants.split(",")] if a.variants else variants[:1]
            for variant in variants:
                worker = start(text, a.threads)
                idle, beyond, steps, ready = measure(worker, case, variant, a.min_time)
                row = f"{case['name']:<26} {worker.name + ' ' + variant:<16}"
                row += "".join(f"{bytes / 1e6:9.1f}" for bytes in (idle, idle + beyond, beyond))
                row += f"{ready:9.2f}"
                if first is None:
                    first = (f"{worker.name} {variant}", beyond)
                else:
                    row += f"   of which {first[0]} takes {first[1] / beyond:.2f} x"
                print(row + ("   (fewer than 20 steps)" if steps < 20 else ""), flush=True)
                worker.close()


if __name__ == "__main__":
    main()
