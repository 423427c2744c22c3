#!/usr/bin/env python3
"""norma-serve under load, beside ONNX Runtime behind uvicorn.

    bench_serving.py                       requests a second and their times: a fully connected network, ResNet-18
    bench_serving.py --part endings        what ends and reloads lose, slow clients, memory

Needs wrk (Debian's package of that name) and a Python with numpy, onnxruntime, starlette, uvicorn, uvloop and httptools; norma and
norma-serve as they are built in this repository. The networks are 784-100-100-10 and ResNet-18 for 224 x 224 images, trained for a step:
what they say does not matter here. Both sides get the same example as 32-bit floats and answer JSON, over connections that are
kept, from wrk on the same machine. uvicorn answers each request by itself; norma-serve what waits together as a batch.

Rounds are interleaved: in each, one side after the other runs for --seconds, and is stopped. Given are medians of the rounds, and the
median of the ratios within a round, which what else the machine does spoils least; and the processor time that the server took for a request,
which hardly depends on that.
"""
import argparse
import os
import pathlib
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
HERE = pathlib.Path(__file__).resolve().parent


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Client:
    """A kept connection, by hand: a library would hide what is lost."""

    def __init__(self, port, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def ask(self, method, path, body=b""):
        """The status, whether the connection ends with it, and the body."""
        head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        head = head.lower()
        length = int(re.search(rb"content-length: *(\d+)", head)[1])
        while len(self.buffer) < length:
            self.fill()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(head.split()[1]), b"connection: close" in head, body

    def fill(self):
        more = self.socket.recv(1 << 16)
        if not more:
            raise ConnectionError("closed without an answer")
        self.buffer += more


class Server:
    """A process that listens, until the end of a with statement."""

    def __init__(self, command, port, environment=None, path="/health"):
        self.port = port
        self.process = subprocess.Popen(
            command, env={**os.environ, **(environment or {})}, cwd=HERE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                Client(port, 5).ask("GET", path)
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.process.kill()
                    sys.exit(f"{' '.join(command)} does not start: {self.process.stderr.read().decode()}")
                time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def processor_time(self):
        """Seconds of a core that the process and its children have taken; None where the system does not say."""
        if not os.path.exists("/proc/self/stat"):
            return None
        ticks, waiting = 0, [self.process.pid]
        while waiting:
            identifier = waiting.pop()
            waiting += map(int, pathlib.Path(f"/proc/{identifier}/task/{identifier}/children").read_text().split())
            fields = pathlib.Path(f"/proc/{identifier}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Resident memory in MiB."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s*(\d+)", text)[1]) / 1024


def norma(arguments, model, *options):
    port = free_port()
    return Server([arguments.norma_serve, str(model), "--port", str(port), "--access-log", "off", *options], port)


def uvicorn(arguments, model, threads, workers=1):
    port = free_port()
    return Server(
        [arguments.python, "-m", "uvicorn", "peers.serving_onnxruntime:app", "--port", str(port), "--workers", str(workers),
         "--log-level", "error", "--no-access-log", "--loop", "uvloop", "--http", "httptools"],
        port, {"MODEL": f"{model}.onnx", "THREADS": str(threads)}, path="/")


def wrk(port, body, connections, seconds, folder):
    """Requests a second, and the median and the 99th percentile of their times in milliseconds."""
    script = folder / "request.lua"
    (folder / "body").write_bytes(body)
    script.write_text(f"""
local file = io.open("{folder}/body", "rb")
wrk.body = file:read("*a")
file:close()
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/octet-stream"
function done(summary, latency)
  io.write(string.format("RESULT %f %f %f %d\\n", summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end""")
    text = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script), f"http://127.0.0.1:{port}/predict"],
        capture_output=True, text=True, check=True).stdout
    rate, half, tail, errors = re.search(r"RESULT (\S+) (\S+) (\S+) (\S+)", text).groups()
    if int(errors):
        print(f"  {errors} requests were not answered by 200")
    return float(rate), float(half), float(tail)


def make_models(arguments, folder):
    """The two networks as norma's models and as ONNX models, with an example of each."""
    import numpy as np

    random = np.random.default_rng(1)
    made = {}
    for name, shape, count, network in [("mlp", (784,), 400, "mlp:100,100"), ("resnet18", (224, 224, 3), 20, "resnet18")]:
        data = folder / f"{name}.npz"
        np.savez(data, x=random.integers(0, 256, (count, *shape)).astype(np.float32), y=np.arange(count) % 10)
        model = folder / name
        for command in [
            ["train", "--data", f"npz:{data}", "--model", network, "--epochs", "1", "--batch-size", "10", "--out", str(model)],
            ["convert", str(model), "-o", f"{model}.onnx"],
        ]:
            subprocess.run([arguments.norma, *command], check=True, capture_output=True)
        made[name] = model, struct.pack(f"<{np.prod(shape)}f", *random.integers(0, 256, np.prod(shape)))
    return made


def alone(port, body, count, repetitions=30):
    """How long a request of `count` examples takes on a service without another one, in milliseconds: the time of a batch."""
    client, times = Client(port), []
    for _ in range(repetitions):
        start = time.perf_counter()
        status, _, _ = client.ask("POST", "/predict", body * count)
        times.append((time.perf_counter() - start) * 1e3)
        assert status == 200
    return statistics.median(times)


def speed(arguments, models, folder):
    for name, connections in [("mlp", [32, 4]), ("resnet18", [8])]:
        if arguments.only and arguments.only != name:
            continue
        model, body = models[name]
        sides = {
            "norma-serve": lambda: norma(arguments, model),
            f"norma-serve, --max-wait {arguments.wait:g}": lambda: norma(arguments, model, "--max-wait", str(arguments.wait)),
            "uvicorn": lambda: uvicorn(arguments, model, 1 if name == "mlp" else 0),
            "uvicorn, 2 workers": lambda: uvicorn(arguments, model, 1, workers=2),
        }
        for count in connections:
            found = {side: [] for side in sides}
            for _ in range(arguments.rounds):
                for side, start in sides.items():
                    with start() as server:
                        wrk(server.port, body, count, 1, folder)
                        before = server.processor_time()
                        rate, half, tail = wrk(server.port, body, count, arguments.seconds, folder)
                        time_each = ((server.processor_time() or 0) - (before or 0)) / max(1, rate * arguments.seconds) * 1e3
                        found[side].append((rate, half, tail, time_each))
            print(f"{name}, {count} connections, {arguments.rounds} rounds of {arguments.seconds} s")
            ours = [row[0] for row in found["norma-serve"]]
            best = [max(found[side][i][0] for side in sides if side.startswith("uvicorn")) for i in range(arguments.rounds)]
            for side, rows in found.items():
                rate, half, tail, time_each = (statistics.median(column) for column in zip(*rows))
                spread = f"{min(row[0] for row in rows):.0f} to {max(row[0] for row in rows):.0f}"
                print(f"  {side:28} {rate:9.1f} requests/s ({spread})  p50 {half:8.2f} ms  p99 {tail:8.2f} ms  {time_each:.3f} ms of a core each")
            ratios = sorted(a / b for a, b in zip(ours, best))
            print(f"  norma-serve / the better uvicorn: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)
        with norma(arguments, model) as server:
            for count in [1, connections[0]]:
                print(f"  a request of {count} alone: {alone(server.port, body, count):.2f} ms")


def clients(port, body, count, requests, meanwhile):
    """What `count` kept connections saw that each sent up to `requests`: answered, lost, and told that it was the last."""
    seen, lock = [0, 0, 0], threading.Lock()

    def run():
        try:
            client = Client(port)
        except OSError:
            return
        answered = lost = told = 0
        for _ in range(requests):
            try:
                status, closes, _ = client.ask("POST", "/predict", body)
                answered += status == 200
                lost += status != 200
                if closes:
                    told = 1
                    break
            except OSError:
                lost += 1
                break
        with lock:
            for index, value in enumerate((answered, lost, told)):
                seen[index] += value

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    meanwhile()
    for thread in threads:
        thread.join(120)
    return seen


def endings(arguments, models, folder):
    model, body = models["mlp"]
    answered = lost = runs = 0
    times = []
    while answered < arguments.requests and runs < 200:
        with norma(arguments, model) as server:
            def end():
                time.sleep(0.3)
                server.process.send_signal(signal.SIGTERM)
                end.start = time.monotonic()
            seen = clients(server.port, body, 32, 10**9, end)
            server.process.wait(30)
            times.append(time.monotonic() - end.start)
            assert server.process.returncode == 0
            assert seen[2] == 32, "a connection was not told"
        answered, lost, runs = answered + seen[0], lost + seen[1], runs + 1
    print(f"SIGTERM under load, {runs} times, 32 connections: {answered} requests answered, {lost} lost; ended in {max(times):.2f} s at most")

    with norma(arguments, model) as server:
        stop = threading.Event()
        reloads = []

        def reload():
            while not stop.wait(0.1):
                server.process.send_signal(signal.SIGHUP)
                reloads.append(1)

        thread = threading.Thread(target=reload)
        thread.start()
        seen = clients(server.port, body, 32, -(-arguments.requests // 32), lambda: None)
        stop.set()
        thread.join()
        done = re.search(r'reloads_total\{result="done"\} (\d+)', Client(server.port).ask("GET", "/metrics")[2].decode())[1]
    print(f"SIGHUP under load, {len(reloads)} signals, {done} reloads: {seen[0]} requests answered, {seen[1]} lost")

    with norma(arguments, model) as server:
        before = wrk(server.port, body, 8, arguments.seconds, folder)
        slow = []
        for index in range(200):
            client = socket.create_connection(("127.0.0.1", server.port))
            client.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\n" + b"Content-Length: 3136\r\n\r\nabc" * (index % 2))
            slow.append(client)
        beside = wrk(server.port, body, 8, arguments.seconds, folder)
    print(f"without slow clients {before[0]:.0f} requests/s, p99 {before[2]:.2f} ms; with 200 {beside[0]:.0f} requests/s, p99 {beside[2]:.2f} ms")

    with norma(arguments, model) as server:
        print("memory:", end="", flush=True)
        total = 0
        for wanted in [arguments.million // 10, arguments.million // 2, arguments.million]:
            start = time.monotonic()
            while total < wanted and time.monotonic() - start < 300:
                rate, _, _ = wrk(server.port, body, 32, min(20, max(1, round((wanted - total) / 15_000))), folder)
                text = Client(server.port).ask("GET", "/metrics")[2].decode()
                total = int(re.search(r'requests_total\{status="200"\} (\d+)', text)[1])
            print(f"  {server.memory():.1f} MiB after {total} requests", end="", flush=True)
        print()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["speed", "endings", "all"], default="all")
    parser.add_argument("--only", choices=["mlp", "resnet18"], help="speed: one of the networks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--wait", type=float, default=1, help="the --max-wait that is measured too, in milliseconds")
    parser.add_argument("--requests", type=int, default=10_000, help="endings: how many requests are sent at least")
    parser.add_argument("--million", type=int, default=1_000_000, help="endings: after how many requests memory is looked at last")
    parser.add_argument("--norma", default=str(ROOT / ".build/release/norma"))
    parser.add_argument("--norma-serve", default=str(ROOT / "Serve/.build/release/norma-serve"))
    parser.add_argument("--python", default=sys.executable, help="a Python with uvicorn and ONNX Runtime")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        models = make_models(arguments, folder)
        if arguments.part in ("speed", "all"):
            speed(arguments, models, folder)
        if arguments.part in ("endings", "all"):
            endings(arguments, models, folder)


if __name__ == "__main__":
    main()
