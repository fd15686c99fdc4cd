"""Times the scan of a model in shards against reading and summing its bytes once.

    python3 bench/checkpoint/bench.py target/release/deepfix FOLDER [--gib 1] [--dtype F32|BF16|F16]

Needs numpy. FOLDER gets shards of 512 MiB with their index (kept for the next run). Both sides are whole
processes on files in the page cache; the floor maps each shard and sums its elements in their own type.
Prints wall, CPU and peak memory of each, least of three rounds, and the ratios.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np

SHARD = 512 << 20
FLOOR = """
import sys, numpy as np, json
total = 0.0
for path in sys.argv[2:]:
    raw = np.memmap(path, np.uint8, "r")
    start = 8 + int(raw[:8].view("<u8")[0])
    data = raw[start:]
    if sys.argv[1] == "F32":
        total += float(data.view("<f4").sum())
    elif sys.argv[1] == "F16":
        total += float(data.view("<f2").sum(dtype="f4"))
    else:
        total += float((data.view("<u2").astype("<u4") << 16).view("<f4").sum())
print(total)
"""


def write(folder, gib, dtype):
    rng = np.random.default_rng(1)
    width = {"F32": 4, "BF16": 2, "F16": 2}[dtype]
    side = 4096
    per_tensor = side * side * width
    shards, weight_map = int(gib * (1 << 30) // SHARD), {}
    for shard in range(shards):
        path = folder / f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        names = [f"layers.{shard * (SHARD // per_tensor) + i}.weight" for i in range(SHARD // per_tensor)]
        weight_map.update({name: path.name for name in names})
        if path.exists():
            continue
        header, at = {}, 0
        for name in names:
            header[name] = {"dtype": dtype, "shape": [side, side], "data_offsets": [at, at + per_tensor]}
            at += per_tensor
        # Libraries pad the header, so that tensors lie at multiples of eight.
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with path.open("wb") as out:
            out.write(len(text).to_bytes(8, "little") + text)
            for _ in names:
                values = rng.normal(0, 0.02, (side, side)).astype("<f4")
                if dtype == "F16":
                    values = values.astype("<f2")
                elif dtype == "BF16":
                    values = (values.view("<u4") >> 16).astype("<u2")
                out.write(values.tobytes())
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def timed(command):
    before = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{command[0]} failed: {process.stderr.read().decode()[-500:]}")
    return time.perf_counter() - before, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def anonymous(command):
    """Peak of memory that is the process's own: pages of mapped files come and go with the cache."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        for line in status.splitlines():
            if line.startswith("RssAnon"):
                peak = max(peak, int(line.split()[1]) / 1024)
        time.sleep(0.01)
    return peak


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("deepfix")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--gib", type=float, default=1)
    parser.add_argument("--dtype", default="F32", choices=["F32", "BF16", "F16"])
    args = parser.parse_args()
    folder = args.folder / f"{args.dtype}-{args.gib:g}"
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, args.gib, args.dtype)
    shards = sorted(map(str, folder.glob("*.safetensors")))
    ours = [args.deepfix, "analyze", "--checkpoint", str(folder), "--format", "json", "-q"]
    floor = [sys.executable, "-c", FLOOR, args.dtype, *shards]
    rounds = [(timed(floor), timed(ours)) for _ in range(3)]
    least = [[min(r[side][i] for r in rounds) for i in range(2)] for side in range(2)]
    print(f"{args.gib:g} GiB of {args.dtype} in {len(shards)} shards")
    print(f"read and sum  {least[0][0]:6.2f} s wall {least[0][1]:6.2f} s CPU")
    print(f"deepfix       {least[1][0]:6.2f} s wall {least[1][1]:6.2f} s CPU  own memory {anonymous(ours):.0f} MiB")
    print(f"ratio         {least[1][0] / least[0][0]:6.2f}        {least[1][1] / least[0][1]:6.2f}")


if __name__ == "__main__":
    main()
