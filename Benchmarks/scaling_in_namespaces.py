"""Trainings by two processes in two network namespaces, beside what `norma train --plan` says of them.

    Benchmarks/scaling_in_namespaces.py [--norma .build/release/norma] [--rate 1gbit] [--delays 0,1]

Each process has one thread and a namespace of its own, and a pair of virtual interfaces between them whose rate `tc` limits by its token
bucket. A delay is added by what speaks to MPI, compiled for this measurement with NORMA_DELAY_MICROSECONDS, since not every kernel delays packets.
The plan is given the rate, and the time that the shortest message takes between the two. MPICH starts the processes and is told that they are on different machines. The time of a step is the median of five epochs' seconds by their steps.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAMESPACES = ["norma-a", "norma-b"]
NETWORKS = {
    "mlp:512,512 on digits, batches of 128": ["--model", "mlp:512,512", "--batch-size", "128"],
    "convnet on digits, batches of 128": ["--model", "convnet", "--batch-size", "128"],
    "resnet20 on digits, batches of 128": ["--model", "resnet20", "--batch-size", "128"],
}


def run(*command, check=True):
    return subprocess.run(command, check=check, capture_output=True, text=True)


def remove():
    for name in NAMESPACES:
        run("ip", "netns", "del", name, check=False)


def make(rate):
    remove()
    for name in NAMESPACES:
        run("ip", "netns", "add", name)
    run("ip", "link", "add", "norma0", "netns", NAMESPACES[0], "type", "veth", "peer", "name", "norma0", "netns", NAMESPACES[1])
    for index, name in enumerate(NAMESPACES):
        inside = ["ip", "netns", "exec", name]
        run(*inside, "ip", "addr", "add", f"10.99.0.{index + 1}/24", "dev", "norma0")
        run(*inside, "ip", "link", "set", "norma0", "up")
        run(*inside, "ip", "link", "set", "lo", "up")
        run(*inside, "tc", "qdisc", "add", "dev", "norma0", "root", "tbf", "rate", rate, "burst", "256kb", "latency", "50ms")
    # Interfaces take a moment to come up.
    time.sleep(2)


def library(folder, delay):
    target = pathlib.Path(folder) / "libnorma-mpich.so"
    flags = [f"-DNORMA_DELAY_MICROSECONDS={int(delay * 1000)}"] if delay else []
    run("mpicc.mpich", "-O2", "-shared", "-fPIC", *flags, str(ROOT / "Sources/NormaParallel/norma_mpi.c"), "-o", str(target))


def launch(folder, *command):
    """What two processes print, one in each namespace, that MPICH takes for two machines."""
    line = ["mpirun.mpich"]
    for index, name in enumerate(NAMESPACES):
        line += ([":"] if index else []) + ["-n", "1", "ip", "netns", "exec", name, *command]
    environment = dict(
        os.environ, NORMA_MPI=str(folder), MPIR_CVAR_NOLOCAL="1", MPIR_CVAR_CH4_NETMOD="ofi", FI_PROVIDER="tcp", FI_TCP_IFACE="norma0",
        UCX_TLS="tcp,self", UCX_NET_DEVICES="norma0",
    )
    result = subprocess.run(line, capture_output=True, text=True, env=environment, timeout=600)
    if result.returncode:
        raise SystemExit(f"{' '.join(line)}\n{result.stdout}\n{result.stderr}")
    return result.stdout


def measured(norma, options, folder):
    """The seconds of a step."""
    output = launch(
        folder, norma, "train", "--data", "digits", "--shards", "8", "--threads", "1", "--epochs", "5", "--drop-last", "--checkpoints", "0",
        "--overwrite", "--json", "--quiet", "--out", str(pathlib.Path(folder) / "out"), *options,
    )
    history = json.loads(output)["history"]
    steps = len(history["stepLosses"]) // len(history["epochs"])
    return statistics.median(epoch["seconds"] / steps for epoch in history["epochs"])


def planned(norma, options, rate, latency):
    """The plan's step of two processes. It is made twice at once, since the two share this machine's memory and, where cores have two threads, a core."""
    network = f"{rate.replace('gbit', 'Gbit').replace('mbit', 'Mbit')}:{latency * 1e6:.1f}us"
    command = [
        norma, "train", "--data", "digits", "--shards", "8", "--threads", "1", "--plan", "2", "--network", network, "--json", "--quiet", *options,
    ]
    plans = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in NAMESPACES]
    steps = [json.loads(plan.communicate()[0])["steps"][1] for plan in plans]
    return {name: statistics.mean(step[name] for step in steps) for name in steps[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--norma", default=str(ROOT / ".build/release/norma"))
    parser.add_argument("--rate", default="1gbit")
    parser.add_argument("--delays", default="0,1", help="milliseconds, separated by commas")
    arguments = parser.parse_args()
    make(arguments.rate)
    try:
        for delay in map(float, arguments.delays.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                library(folder, delay)
                latency = float(launch(folder, str(pathlib.Path(arguments.norma).parent / "process-checks"), "latency")) / 1e6
                print(f"{delay:g} ms of delay: a message takes {latency * 1e6:.0f} us")
                for name, options in NETWORKS.items():
                    plan = planned(arguments.norma, options, arguments.rate, latency)
                    seconds = measured(arguments.norma, options, folder)
                    print(
                        f"  {name}: measured {seconds * 1e3:.2f} ms, planned {plan['seconds'] * 1e3:.2f} "
                        f"(computing {plan['computingSeconds'] * 1e3:.2f}), ratio {plan['seconds'] / seconds:.2f}", flush=True)
    finally:
        remove()


if __name__ == "__main__":
    main()
