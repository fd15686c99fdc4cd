"""Measures a deepfix binary: CPU and time per request, start-up, gateway overhead, both shapes.

Every figure is the minimum and the median of several rounds; ratios are taken within one run.
CPU is user + system time of the server processes, read from /proc before and after.

    python3 bench/bench.py target/release/deepfix
"""

import gzip
import http.client
import io
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TICK = os.sysconf("SC_CLK_TCK")
ROUNDS = 7


class Server:
    """A deepfix process on free ports, stopped at exit."""

    def __init__(self, binary, *args, env=None):
        self.log = tempfile.TemporaryFile()
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(
            [binary, *args, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1", **(env or {})}, text=True)
        for line in self.process.stderr:
            if "ready" in line:
                self.port = int(re.search(r"127\.0\.0\.1:(\d+)", line).group(1))
                break
        self.start_seconds = time.perf_counter() - self.begun

    def cpu(self):
        """User and system seconds so far, to the nanosecond where the kernel says so."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def stop(self):
        self.process.terminate()
        self.process.wait()


def post(connection, path, body, headers=None):
    connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
    response = connection.getresponse()
    data = response.read()
    assert response.status in (200, 202), (response.status, data[:300])
    return data


def per_request(servers, front, path, body, requests):
    """Milliseconds of CPU and of wall time per request, per round."""
    connection = http.client.HTTPConnection("127.0.0.1", front.port)
    for _ in range(20):
        post(connection, path, body)
    cpu, wall = [], []
    for _ in range(ROUNDS):
        before, begun = sum(s.cpu() for s in servers), time.perf_counter()
        for _ in range(requests):
            post(connection, path, body)
        wall.append((time.perf_counter() - begun) / requests * 1e3)
        cpu.append((sum(s.cpu() for s in servers) - before) / requests * 1e3)
    return cpu, wall


def overhead(front, body, requests):
    """Request time minus the slowest agent's own, in milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", front.port)
    out = []
    for _ in range(requests):
        begun = time.perf_counter()
        report = json.loads(post(connection, "/v1/analyses", body))
        spent = (time.perf_counter() - begun) * 1e3
        slowest = max(v for k, v in report["timing"].items() if k.startswith("agent."))
        out.append(spent - slowest)
    return out


def child_cpu(command):
    """CPU seconds of a whole process, per round."""
    out = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        out.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return out


def show(name, values, unit, note=""):
    print(f"{name:<58}{min(values):>9.3f}{statistics.median(values):>9.3f} {unit:<5}{note}")


def seven(binary, store):
    env = {"DEEPFIX_STORE__PATH": store}
    servers = []
    for short, service in [("DATASET", "dataset-agent"), ("TRAINING", "training-agent"), ("CHECKS", "checks-agent"),
                           ("CHECKPOINT", "checkpoint-agent"), ("KB", "kb"), ("REASONING", "reasoning")]:
        server = Server(binary, "serve", service, env=env)
        env[f"DEEPFIX_GATEWAY__SERVICES__{short}__TARGET"] = f"http://127.0.0.1:{server.port}"
        servers.append(server)
    servers.insert(0, Server(binary, "serve", "gateway", env=env))
    return servers


def main(binary):
    print(f"{'':<58}{'min':>9}{'median':>9}")
    sdk = json.dumps(json.loads((ROOT / "testdata/sdk-requests/tabular_classification_with_model.json").read_text()),
                     separators=(",", ":")).encode()
    metrics = (ROOT / "examples/flights/metrics.csv").read_text()
    small = json.dumps({"artifacts": [{"kind": "metrics", "inline": metrics}]}).encode()

    # The floor of the SDK body: parsing it once, in this interpreter.
    floor = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(50):
            json.loads(sdk)
        floor.append((time.process_time() - begun) / 50 * 1e3)

    with tempfile.TemporaryDirectory() as store:
        one = Server(binary, "up", env={"DEEPFIX_STORE__PATH": store})
        show("up: start to ready", [one.start_seconds], "s")
        cpu, wall = per_request([one], one, "/v1/analyse", sdk, 200)
        show(f"POST /v1/analyse, {len(sdk) // 1024} KiB, one process: CPU", cpu, "ms", f"{min(cpu) / min(floor):.2f} x json.loads of the body ({min(floor):.2f} ms)")
        show("  the same: wall, one client", wall, "ms")
        one_overhead = overhead(one, small, 100)
        show("gateway overhead (request minus slowest agent), one process", one_overhead, "ms")
        many = seven(binary, store)
        cpu7, wall7 = per_request(many, many[0], "/v1/analyse", sdk, 200)
        show("POST /v1/analyse, seven processes: CPU of all", cpu7, "ms", f"{min(cpu7) / min(cpu):.2f} x one process")
        show("  the same: wall, one client", wall7, "ms", f"{min(wall7) / min(wall):.2f} x one process")
        seven_overhead = overhead(many[0], small, 100)
        show("gateway overhead, seven processes", seven_overhead, "ms", f"{min(seven_overhead) / min(one_overhead):.2f} x one process")
        for server in [one, *many]:
            server.stop()

    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder) / "small.csv"
        rows = [f"{i},{(i * 7919) % 1000 / 10},{'abc'[i % 3]},{(i * 31) % 17},{i % 2}" for i in range(600)]
        table.write_text("id,x,c,z,y\n" + "\n".join(rows) + "\n")
        idle = child_cpu([binary, "--version"])
        whole = child_cpu([binary, "analyze", "-q", "--train", str(table), "--label", "y", "--format", "json"])
        show("analyze, 600-row CSV: CPU of the whole process", whole, "s", f"{min(whole) / max(min(idle), 1e-3):.0f} x deepfix --version")
        flights = ROOT / "examples/flights"
        demo = child_cpu([binary, "analyze", "-q", "--run-dir", str(flights), "--label", "late", "--datetime", "time_hour", "--format", "json"])
        show("analyze, the example (all artifacts): CPU", demo, "s")

        # One pass over a larger file: reading its bytes is the floor.
        large = pathlib.Path(folder) / "large.csv"
        header, block = "a,b,c,d,e,y\n", io.StringIO()
        for i in range(20_000):
            block.write(f"{(i * 7919) % 100_003 / 7},{(i * 104_729) % 9973},{'red green blue'.split()[i % 3]},{(i * i) % 1_000_003},{i % 97},{(i * 31) % 2}\n")
        with large.open("w") as file:
            file.write(header)
            for _ in range(50):
                file.write(block.getvalue())
        size = large.stat().st_size
        parse = []
        for _ in range(3):
            begun = time.process_time()
            with large.open("rb") as file:
                sum(chunk.count(b",") for chunk in iter(lambda: file.read(1 << 20), b""))
            parse.append(time.process_time() - begun)
        big = child_cpu([binary, "analyze", "-q", "--train", str(large), "--label", "y", "--format", "json"])[:3]
        show(f"analyze, {size >> 20} MiB CSV, 1,000,000 rows: CPU", big, "s", f"{min(big) / min(parse):.0f} x counting its commas ({min(parse):.2f} s)")


if __name__ == "__main__":
    main(sys.argv[1])
