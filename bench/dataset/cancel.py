"""How soon an analysis stops when its caller leaves, at moments spread over its run.

    python3 bench/dataset/cancel.py target/release/deepfix [ROWS] [COLUMNS]     (packages numpy, pyarrow)

Sends two Parquet files by address to a server, closes the connection, and watches the server's CPU clock (ticks
of 10 ms): the work has stopped when the clock stands still for 300 ms. The last tick seen, from the moment of
leaving, is printed; a tick of error either way.
"""

import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def table(rows, columns, seed):
    rng = np.random.default_rng(seed)
    data = {f"x{i}": rng.normal(size=rows).astype("float64") for i in range(columns - 3)}
    data["city"] = rng.choice(["Bern", "Basel", "Genf", "Zug", "Chur"], rows)
    data["visits"] = rng.integers(0, 400, rows)
    data["y"] = (data["x0"] + data["x1"] * 0.5 + rng.normal(size=rows) > 0).astype("int64")
    return pa.table(data)


def ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def stopped(pid, left):
    """Seconds from leaving to the last tick of CPU."""
    seen, last = ticks(pid), left
    while time.monotonic() - last < 0.3:
        now = ticks(pid)
        if now != seen:
            seen, last = now, time.monotonic()
        time.sleep(0.002)
    return last - left


def main():
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    columns = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    with tempfile.TemporaryDirectory() as folder:
        for name, seed in (("train", 1), ("test", 2)):
            pq.write_table(table(rows, columns, seed), f"{folder}/{name}.parquet")
        server = subprocess.Popen([sys.argv[1], "up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--allow-root", folder],
                                  stderr=subprocess.PIPE, text=True, env={**os.environ, "DEEPFIX_STORE__PATH": f"{folder}/store"})
        try:
            address = next(word for word in next(line for line in server.stderr if "ready" in line).split() if word.startswith("http://"))[7:]
            body = json.dumps({"label": "y", "artifacts": [{"kind": kind, "uri": f"file://{folder}/{kind}.parquet"} for kind in ("train", "test")]})

            def ask():
                connection = http.client.HTTPConnection(address, timeout=600)
                connection.request("POST", "/v1/analyses", body, {"content-type": "application/json", "accept": "text/event-stream"})
                return connection

            # The second time the files lie in the cache, as they do afterwards.
            for _ in range(2):
                begun = time.monotonic()
                whole = ask()
                answer = whole.getresponse()
                text = answer.read().decode()
                assert answer.status == 200 and "event: report" in text, text[:300]
                length = time.monotonic() - begun
                whole.close()
            print(f"2 x {rows:,} rows x {columns}: {length:.1f} s when nobody leaves")
            worst = 0.0
            for part in (0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95):
                connection = ask()
                time.sleep(part * length)
                left = time.monotonic()
                connection.close()
                took = stopped(server.pid, left)
                worst = max(worst, took)
                print(f"  left after {part * length:5.2f} s: {1000 * took:6.0f} ms until the last tick of CPU")
            print(f"  worst {1000 * worst:.0f} ms")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
