"""Submissions to /v2/analyse by 1, 8 and 64 clients at once, and the server's memory over many of them.

    python3 bench/jobs/bench.py target/release/deepfix [REQUESTS]

Clients are processes' threads on the same machine, so their work is part of the time; the server's CPU per
request is its own. Each answer is checked to be a completed job.
"""

import concurrent.futures
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

BODIES = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "sdk-requests"


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {line.split(":")[0]: line.split()[1] for line in text.splitlines() if line.startswith(("VmRSS", "VmHWM"))}


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def client(address, body, count):
    connection, times = http.client.HTTPConnection(address, timeout=60), []
    for _ in range(count):
        begun = time.perf_counter()
        connection.request("POST", "/v2/analyse", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        job = answer.read()
        if answer.status == 429:
            raise SystemExit("refused: over the limit of analyses at once")
        assert answer.status == 202 and b'"COMPLETED"' in job, job[:200]
        times.append(time.perf_counter() - begun)
    connection.close()
    return times


def load(address, pid, body, clients, requests):
    begun, spent = time.monotonic(), cpu(pid)
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        times = sorted(t for part in pool.map(lambda _: client(address, body, requests // clients), range(clients)) for t in part)
    took, n = time.monotonic() - begun, len(times)
    print(f"  {clients:3} clients: {n / took:6.0f} jobs/s, median {1000 * times[n // 2]:6.1f} ms, p99 {1000 * times[int(n * 0.99)]:6.1f} ms, "
          f"server CPU {1000 * (cpu(pid) - spent) / n:.2f} ms a job")


def main():
    many = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    with tempfile.TemporaryDirectory() as store:
        server = subprocess.Popen([sys.argv[1], "up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True,
                                  env={**os.environ, "DEEPFIX_STORE__PATH": store, "DEEPFIX_TELEMETRY__LOG": "warn",
                                       "DEEPFIX_GATEWAY__MAX_CONCURRENT": "256", "DEEPFIX_GATEWAY__JOBS__TTL": "30s"})
        try:
            address = next(word for word in next(line for line in server.stderr if "ready" in line).split() if word.startswith("http://"))[7:]
            for name in ("tabular_classification_with_model", "checkpoint_only"):
                body = (BODIES / f"{name}.json").read_bytes()
                json.loads(body)
                print(f"{name}, {len(body) / 1024:.0f} KiB")
                for clients in (1, 8, 64):
                    load(address, server.pid, body, clients, 1920)
            print(f"memory over {many} submissions of the last body, ended jobs removed after 30 s")
            for part in range(10):
                with concurrent.futures.ThreadPoolExecutor(8) as pool:
                    list(pool.map(lambda _: client(address, body, many // 80), range(8)))
                print(f"  after {(part + 1) * many // 10}: {int(status(server.pid)['VmRSS']) // 1024} MiB")
            print(f"  peak {int(status(server.pid)['VmHWM']) // 1024} MiB")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
