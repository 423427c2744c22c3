"""The worker's side of the protocol: answers requests for measurements, one JSON object a line."""
import json
import os
import sys
import time


def samples(call, min_time, pause=None):
    """Seconds that a call takes, sample by sample; with a pause, each sample is one call after that sleep."""
    call()
    start = time.perf_counter()
    call()
    one = time.perf_counter() - start
    count = max(1, int(200e-6 / max(one, 1e-9))) if pause is None else 1
    found, end = ([one] if one > 0.2 else []), time.perf_counter() + min_time
    while len(found) < 2 or time.perf_counter() < end:
        if pause:
            time.sleep(pause)
        start = time.perf_counter()
        for _ in range(count):
            call()
        found.append((time.perf_counter() - start) / count)
    return found[:: max(1, len(found) // 400)]  # a reply stays short


def serve(make_library):
    """Answers from standard input to standard output until the former ends."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # stray prints must not break the protocol
    library = make_library(int(os.environ.get("PEER_THREADS", "1")))
    built = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request.get("hello"):
                reply = dict(ok=True, info=library.info(), variants=library.variants)
            elif request.get("drop"):
                built.clear()
                library.drop()
                reply = dict(ok=True)
            else:
                key = (request["case"]["name"], request["variant"])
                reply = dict(ok=True)
                if key not in built:
                    start = time.perf_counter()
                    built[key] = library.build(request["case"], request["variant"])
                    built[key]()
                    reply["build_s"] = time.perf_counter() - start
                reply["samples"] = samples(built[key], request["min_time"], request.get("pause"))
        except Exception as error:  # noqa: BLE001 - reported to the driver
            reply = dict(ok=False, error=f"{type(error).__name__}: {str(error)[:300]}")
        out.write(json.dumps(reply) + "\n")
        out.flush()
