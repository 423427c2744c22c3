#!/usr/bin/env python3
"""Norma and its peers in turn: batch, layer and group normalization, convolution, products, training steps and inference.

    bench_peers.py                                # everything, 1 and 2 threads
    bench_peers.py --sections norm --only 'bn.*56'
    bench_peers.py --sections shapes --against norma --extra 'norma=../.build/release/norma bench --worker'

How it measures
  * One persistent worker process per (backend, thread count). Thread counts cannot be changed
    reliably after start in jax, and two thread pools in one process disturb each other.
  * A *case* (same work) is visited alternately by all workers and variants, `--rounds` times. Each
    visit warms up (2 calls) and then samples for `--min-time` seconds; the others are blocked in
    read() meanwhile. The quoted figure is the median over all samples of all rounds; p10/p90 are
    in the JSON. Samples shorter than 200 us are batched.
  * Foreign load wrecks 2-thread OpenMP code with its default spinning barrier, so the driver waits until
    the machine is quiet before each visit and repeats a visit during which others used more than
    --max-foreign of a core. It cannot see load outside a virtual machine: identical code was seen to drift
    by up to 1.6 x between runs minutes apart, so compare only within one run.
  * Inputs are ready float32 arrays; data loading is not timed.

Backends
  torch       eager / compile, default settings
  torch-warm  the same with glibc told to keep freed memory (MALLOC_MMAP_MAX_=0, big trim threshold).
              Plain torch gives every big output back to the kernel and page-faults it in again, so
              torch-warm is the fair opponent for a library that reuses its buffers.
  torch-next  a second torch (the python that --torch-next names)
  jax         jax.jit; BatchNorm as flax does it (E[x^2]-E[x]^2); 1 thread = pinned to one core
  ort         onnxruntime, inference only, model exported from torch
  onednn      oneDNN's own normalization and convolution on memory it was given beforehand (build/onednn_worker, by
              ./setup); convolution on channels last, and blocked: in the layouts of its own choice; products by dnnl_sgemm
  openblas    OpenBLAS's matrix products (build/openblas_worker)
  memcpy      no peer but the machine's measure: a copy of the case's tensor on as many threads
  peak        the other measure: as many multiplications and additions as a convolution has, without any memory

Sections
  norm    the shapes of the tables; shapes: further ones, from one row to a million, 1 channel to 4,096
  half    batch, layer and RMS normalization on tensors of half width, beside the same of full width
  conv    convolution forward, and the gradients of input and weight, each alone; the layout is a variant
  products  matrix products of 40 shapes: a linear layer forward, its gradients, plain ones
  train   zero gradients, forward, cross entropy, backward, update; infer: forward alone
  onnx    inference of models in ONNX's format, which $NORMA_ONNX_MODELS holds (see peers/cases.py)
  Rows of the first two also give GB/s by MINIMUM bytes: forward/inference 1 read + 1 write, backward 2 reads
  + 1 write; those of conv and products GFLOP/s, the padding's zeros counted as values; the others samples/s.
  Nets: cs231n   3072 -> 5 x (100, BN, ReLU) -> 10
        mlp      784 -> 512 BN ReLU -> 512 BN ReLU -> 10
        resnet20 3 stages x 3 basic blocks x 16/32/64 channels, 1x1-conv + BN projection shortcuts

Worker protocol (so another implementation can join with --extra NAME=COMMAND):
  JSON lines on stdin/stdout. Request {"case": {...}, "variant": "...", "min_time": s} -> reply
  {"ok": true, "samples": [seconds, ...]} or {"ok": false, "error": "..."}; with "pause": s, each sample is one
  call after a sleep of s; {"drop": true} frees everything built so far -> {"ok": true}; {"hello": true} ->
  {"ok": true, "info": "...", "variants": {"norm": [...], "conv": [...], "train": [...], "infer": [...]}}.
  The thread count is in $PEER_THREADS. peers/cases.py says what is in a case. In norm rows the layout is part of the
  work; in the others it is the implementation's own choice, and an --extra may run its own.
"""
import argparse
import json
import os
import re
import statistics
import sys
import tempfile

from peers import driving
from peers.cases import SECTIONS, make_cases, operations
from peers.ratios import ratios, summary


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--sections", default="norm,train,infer", help=f"of {', '.join(SECTIONS)}")
    ap.add_argument("--backends", help=f"of {', '.join(driving.BACKENDS)} (default: torch,torch-warm,jax,ort "
                                       "and those of onednn,openblas,memcpy,peak that are built)")
    ap.add_argument("--threads", default="1,2")
    ap.add_argument("--only", default="", help="regular expression on case names")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--min-time", type=float, default=0.15, help="seconds per visit (norm, infer); train uses 3x")
    ap.add_argument("--max-foreign", type=float, default=0.08,
                    help="repeat a visit when other processes used more of a core than this")
    ap.add_argument("--no-compile", action="store_true", help="skip torch.compile (each compilation takes 5-60 s)")
    ap.add_argument("--json", default="peers.jsonl", help="where a line for each result is appended")
    ap.add_argument("--log", default=os.path.join(tempfile.gettempdir(), "bench_peers.log"), help="workers' stderr")
    ap.add_argument("--torch-next", default="", help="the python of a second torch")
    ap.add_argument("--extra", action="append", default=[], help="NAME=COMMAND speaking the worker protocol")
    ap.add_argument("--cases", help="JSON file: a list of cases to run in place of the built-in ones")
    ap.add_argument("--against", help="NAME of an --extra: end with its speed against the fastest peer of each case")
    ap.add_argument("--list", action="store_true")
    a = ap.parse_args()
    if unknown := set(a.sections.split(",")) - set(SECTIONS):
        ap.error(f"there is no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if a.backends is None:
        a.backends = ",".join(["torch", "torch-warm", "jax", "ort", *driving.built()])
    if unknown := set(filter(None, a.backends.split(","))) - set(driving.BACKENDS):
        ap.error(f"there is no backend {', '.join(unknown)}; there are {', '.join(driving.BACKENDS)}")
    if a.against and a.against not in [text.partition("=")[0] for text in a.extra]:
        ap.error(f"--against {a.against}: there is no --extra of that name")
    return a


def record(case, key, samples, first_call, noisy):
    """One line of the JSON file."""
    median = statistics.median(samples)
    row = dict(case=case["name"], sec=case["sec"], backend=key[0], variant=key[1], threads=key[2], median_s=median,
               p10_s=driving.quantile(samples, 0.1), p90_s=driving.quantile(samples, 0.9), n=len(samples),
               first_call_s=first_call, noisy_visits=noisy)
    if case["sec"] == "norm":
        elements = 1
        for length in case["shape"]:
            elements *= length
        row["min_gbps"] = elements * (2 if case.get("dtype") else 4) * (3 if case["pass"] == "bwd" else 2) / median / 1e9
    elif case["sec"] in ("conv", "product"):
        row["gflops"] = operations(case) / median / 1e9
    else:
        row["samples_per_s"] = case["batch"] / median
    return row


def line(row):
    """The same for people."""
    rate = (f"{row['min_gbps']:8.2f} GB/s" if "min_gbps" in row else f"{row['gflops']:8.1f} GFLOP/s" if "gflops" in row
            else f"{row['samples_per_s']:10.0f} samples/s")
    return (f"   {row['backend']:<11} {row['variant']:<13} t={row['threads']}  {row['median_s'] * 1e6:12.1f} us  "
            f"[p10 {row['p10_s'] * 1e6:11.1f}  p90 {row['p90_s'] * 1e6:11.1f}]  {rate}"
            + (f"  (first call {row['first_call_s']:.1f} s)" if (row["first_call_s"] or 0) > 2 else "")
            + (f"  ! {row['noisy_visits']} noisy visits" if row["noisy_visits"] else ""))


def measure(case, workers, a):
    """Visits all workers in turn; what they answered, or why not."""
    combinations = [(w, v) for w in workers for v in w.variants(case)
                    if not (v == "compile" and (a.no_compile or w.name not in ("torch", "torch-next")))]
    samples, errors, first, noisy = {}, {}, {}, {}
    min_time = a.min_time * (3 if case["sec"] == "train" else 1)
    for _ in range(a.rounds):
        for worker, variant in combinations:
            key = (worker.name, variant, worker.threads)
            if key in errors:
                continue
            reply, foreign = worker.visit(a.max_foreign, case=case, variant=variant, min_time=min_time)
            noisy[key] = noisy.get(key, 0) + (foreign > a.max_foreign)
            if reply["ok"]:
                samples.setdefault(key, []).extend(reply["samples"])
                first.setdefault(key, reply.get("build_s"))
            else:
                errors[key] = reply["error"]
    return [record(case, key, samples[key], first[key], noisy[key]) for key in samples if key not in errors], errors


def main():
    a = arguments()
    cases = json.load(open(a.cases)) if a.cases else make_cases(a.sections.split(","))
    cases = [case for case in cases if re.search(a.only, case["name"])]
    if a.list:
        print("\n".join(case["name"] for case in cases))
        return
    log, results = open(a.log, "w"), open(a.json, "a")
    workers = []
    for threads in map(int, a.threads.split(",")):
        workers += [driving.backend(name, threads, log, a.torch_next if name == "torch-next" else sys.executable)
                    for name in filter(None, a.backends.split(","))]
        workers += [driving.extra(text, threads, log) for text in a.extra]
    for w in workers:
        print(f"# {w.name} t={w.threads}: {w.hello.get('info', w.hello.get('error'))}")
    compared = []
    for case in cases:
        rows, errors = measure(case, workers, a)
        print(f"\n{case['name']}")
        for row in rows:
            results.write(json.dumps(row) + "\n")
            print(line(row))
        for key, error in errors.items():
            print(f"   {key[0]:<11} {key[1]:<13} t={key[2]}  -- {error[:140]}")
        if a.against:
            medians = {(row["backend"], row["variant"], row["threads"]): row["median_s"] for row in rows}
            for threads, ratio in ratios(medians, a.against).items():
                compared.append((case["sec"], threads, case["name"], ratio))
                print(f"   {a.against} against the fastest peer, t={threads}: "
                      + (f"{ratio:.2f} x" if ratio else "no answer"))
        sys.stdout.flush()
        results.flush()
        for w in workers:
            w.ask(drop=True)
    for w in workers:
        w.close()
    if compared:
        print("\n" + summary(a.against, compared))


if __name__ == "__main__":
    main()
