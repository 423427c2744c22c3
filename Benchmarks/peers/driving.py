"""The driver's side of the protocol: starts workers, asks them in turn, and waits for the machine to be quiet."""
import json
import os
import shlex
import subprocess
import sys
import time

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(FOLDER, "build")

# glibc keeps freed memory, so that no large result has to be fetched from the system page by page.
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(16 << 30), "MALLOC_TOP_PAD_": str(64 << 20)}

_MODULES = {"torch": "torch_worker", "torch-warm": "torch_worker", "torch-next": "torch_worker", "jax": "jax_worker",
            "ort": "onnxruntime_worker"}
_PROGRAMS = ("onednn", "openblas", "memcpy", "peak")
BACKENDS = (*_MODULES, *_PROGRAMS)


def backend(name, threads, log=None, python=sys.executable):
    """Starts the worker of a library that this folder knows."""
    if name in _PROGRAMS:
        return Worker(name, [os.path.join(BUILD, f"{name}_worker")], threads, {}, log)
    environment = {"PYTHONPATH": FOLDER, **(KEEP_MEMORY if name == "torch-warm" else {})}
    return Worker(name, [python, "-m", f"peers.{_MODULES[name]}"], threads, environment, log)


def extra(text, threads, log=None):
    """Starts another worker, given as NAME=COMMAND."""
    name, separator, command = text.partition("=")
    if not separator or not command.split():
        raise SystemExit(f"'{text}' is not NAME=COMMAND")
    return Worker(name, shlex.split(command), threads, {}, log)


def built():
    """Those of the workers in C++ that are there."""
    return [name for name in _PROGRAMS if os.path.exists(os.path.join(BUILD, f"{name}_worker"))]


class Worker:
    """A process that answers requests."""

    def __init__(self, name, command, threads, environment, log=None):
        self.name, self.threads = name, threads
        count = str(threads)
        environment = dict(os.environ, PEER_THREADS=count, OMP_NUM_THREADS=count, MKL_NUM_THREADS=count,
                           TORCHINDUCTOR_COMPILE_THREADS="1", **environment)
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=log or subprocess.DEVNULL, env=environment, text=True, bufsize=1)
        except OSError as error:
            raise SystemExit(f"{name} could not be started: {error}")
        self.hello = self.ask(hello=True)

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            return json.loads(line) if line else dict(ok=False, error="the worker died")
        except (BrokenPipeError, json.JSONDecodeError) as error:
            return dict(ok=False, error=str(error))

    def variants(self, case):
        """In how many ways this library can run a case."""
        known = self.hello.get("variants", {})
        plain = known.get(case["sec"], [])
        if case["sec"] == "norm" and case["norm"] not in ("bn", "ln", "gn"):
            return known.get("norm+family", [])
        return known.get("norm+relu", plain) if case["sec"] == "norm" and case["relu"] else plain

    def samples(self, case, variant, **request):
        """Seconds, sample by sample; a SystemExit that says why there are none."""
        reply = self.ask(case=case, variant=variant, **request)
        if not reply["ok"]:
            raise SystemExit(f"{self.name}, {case['name']}: {reply['error']}")
        return reply["samples"]

    def cpu(self):
        """CPU seconds used so far by this worker, its threads and its finished children."""
        try:
            with open(f"/proc/{self.process.pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        except OSError:
            return 0.0

    def visit(self, max_foreign, **request):
        """ask(), repeated (up to 4 times) while somebody else used more than max_foreign of a core."""
        for _ in range(5):
            wait_quiet()
            start, busy, own = time.time(), machine_busy(), self.cpu()
            reply = self.ask(**request)
            wall = time.time() - start
            if busy is None:
                return reply, 0.0
            foreign = max(0.0, (machine_busy() - busy) - (self.cpu() - own) - 0.02) / wall
            if foreign <= max_foreign or not reply["ok"]:
                break
        return reply, foreign

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # It has gone, with what was last asked still unread.
        self.process.wait(timeout=20)


def machine_busy():
    """CPU seconds (all cores, steal included) the machine has been busy; None where /proc is missing."""
    try:
        with open("/proc/stat") as file:
            fields = list(map(int, file.readline().split()[1:9]))
    except OSError:
        return None
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def wait_quiet(limit=60.0):
    """All workers are blocked now, so any load is foreign: wait (at most `limit` s) until it is gone."""
    end = time.time() + limit
    while time.time() < end:
        busy = machine_busy()
        time.sleep(0.04)
        if busy is None or machine_busy() - busy <= 0.011:
            return
        time.sleep(0.3)


def quantile(values, share):
    """The value below which a share of them lies."""
    values = sorted(values)
    return values[min(len(values) - 1, int(share * (len(values) - 1) + 0.5))]
