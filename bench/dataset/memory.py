"""A table larger than the memory it may take: writes two Parquet files (10 and 4 million rows of 26
columns, one of which has moved), analyses them with --memory-limit 2GiB, and prints the peak of memory
that is the process's own (RssAnon; pages of the mapped files belong to the cache and can be dropped).

    python memory.py DEEPFIX FOLDER        needs numpy and pyarrow
"""

import json
import pathlib
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MILLION = 1_000_000


def write(path, rng, millions, shift):
    writer = None
    for _ in range(millions):
        columns = {f"f{i}": rng.normal(size=MILLION) + (shift if i == 3 else 0) for i in range(24)}
        columns["city"] = np.array(["a", "b", "c", "d", "e"])[rng.integers(0, 5, MILLION)]
        columns["y"] = (columns["f1"] + rng.normal(size=MILLION) > 0).astype(np.int8)
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="snappy")
        writer.write_table(table)
    writer.close()


def own_memory(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon")), 0)


def main():
    binary, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / "reference.parquet", folder / "current.parquet"]
    rng = np.random.default_rng(1)
    for path, millions, shift in zip(files, (10, 4), (0.0, 0.8)):
        if not path.exists():
            write(path, rng, millions, shift)
    command = [binary, "analyze", "--reference", files[0], "--current", files[1], "--label", "y",
               "--memory-limit", "2GiB", "--quiet", "--format", "json"]
    began, peak = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while process.poll() is None:
            peak = max(peak, own_memory(process.pid))
            try:
                output = process.communicate(timeout=0.02)[0]
            except subprocess.TimeoutExpired:
                continue
    report = json.loads(output)
    print(f"files        {sum(f.stat().st_size for f in files) / 2**30:.2f} GiB")
    print(f"peak memory  {peak / 2**30:.2f} GiB of its own")
    print(f"wall         {time.perf_counter() - began:.1f} s")
    print(f"found        {[(f['code'], f['columns']) for f in report['findings']]}")
    for note in report["notes"]:
        if note["code"] == "sampled":
            print(f"note         {note['text']}")


if __name__ == "__main__":
    main()
