"""A run of 200 metrics with 10,000 steps each on a real MLflow server: how long deepfix takes, and how much of
that is the server answering.

    bench/mlflow/run.sh target/release/deepfix

The points are put straight into the server's database, for logging two million of them takes an hour. The
floor asks for the same histories with eight threads of Python's urllib and does not look at them.
"""

import concurrent.futures
import json
import math
import os
import pathlib
import resource
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "mlflow"))
os.environ.setdefault("DEEPFIX_BIN", sys.argv[1])
from test_mlflow import Server  # noqa: E402

METRICS, STEPS = 200, 10_000


def seed(server):
    import mlflow
    run = mlflow.MlflowClient(server.url).create_run("0").info.run_id
    base = sqlite3.connect(f"{server.folder.name}/runs.db", timeout=60)
    names = ["train_loss", "val_loss"] + [f"layer{i}/grad_norm" for i in range(METRICS - 2)]
    for k, name in enumerate(names):
        rows = [(name, 2.0 * math.exp(-step / 2000) + 0.1 + 0.01 * math.sin(step * (k + 1)), 1_700_000_000_000 + step, run, step, 0) for step in range(STEPS)]
        base.executemany("insert into metrics (key, value, timestamp, run_uuid, step, is_nan) values (?, ?, ?, ?, ?, ?)", rows)
        base.execute("insert into latest_metrics (key, value, timestamp, step, is_nan, run_uuid) values (?, ?, ?, ?, 0, ?)",
                     (name, rows[-1][1], rows[-1][2], STEPS - 1, run))
    base.commit()
    return run, names


def floor(server, run, names):
    def ask(name):
        query = urllib.parse.urlencode({"run_id": run, "metric_key": name, "max_results": 25000})
        return len(urllib.request.urlopen(f"{server.url}/api/2.0/mlflow/metrics/get-history?{query}", timeout=600).read())
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        size = sum(pool.map(ask, names))
    return time.monotonic() - begun, size


def main():
    server = Server()
    try:
        run, names = seed(server)
        floor(server, run, names[:4])
        asked, size = floor(server, run, names)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.monotonic()
        done = subprocess.run([sys.argv[1], "analyze", f"mlflow:{run}", "--tracking-uri", server.url, "-q", "--format", "json"],
                              stdout=subprocess.PIPE, check=True)
        whole = time.monotonic() - begun
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        report = json.loads(done.stdout)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{METRICS} metrics x {STEPS} steps, {size / 2**20:.0f} MiB of answers")
        print(f"the same histories by urllib, six at once: {asked:.1f} s")
        print(f"deepfix: {whole:.1f} s ({whole / asked:.2f} x), CPU of its own {cpu:.2f} s, {100 * cpu / whole:.0f} % of it; "
              f"reading the run {report['timing']['mlflow'] / 1000:.1f} s, {100 * report['timing']['mlflow'] / 1000 / whole:.0f} %")
        print("peak memory", after.ru_maxrss // 1024, "MiB; findings:", sorted({f["code"] for f in report["findings"]}))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
