"""Writes the benchmark's cases: one folder each with train.*, test.* and case.json.

    python make.py --out cases [--half dev|held|both] [--seeds N] [--limit N] [--codes a,b]

Deterministic: the same arguments give the same bytes. A case is drawn from its name alone (half, code or
kind, strength, seed, place), so another --seeds only adds cases.
"""

import argparse
import hashlib
import itertools
import json
import pathlib
import shutil

import numpy as np

import controls
import inject
import tables

PER_CELL = 3      # fault cases of one code, strength, half and seed
PLAIN = 20        # plain controls of one half and seed
PER_KIND = 5      # hard controls of one kind, half and seed
SIZES = (500, 900, 1500, 3000, 5000, 8000)
CODES = list(inject.FAULTS)


def generator(*words):
    return np.random.default_rng(int.from_bytes(hashlib.sha256("/".join(map(str, words)).encode()).digest()[:8], "big"))


def split(name, rng):
    """A plain random split of a random size, indexes kept so that a row's date can be found again."""
    t, m = tables.load(name), tables.meta(name)
    if m["date"]:
        t = t.drop(columns=[m["date"]])
    n = min(len(t), int(rng.choice(SIZES)))
    t = t.iloc[rng.permutation(len(t))[:n]]
    cut = int(n * (rng.choice([0.6, 0.7, 0.75]) if n >= 250 else 0.6))  # a small table must leave rows to test on
    return t.iloc[:cut], t.iloc[cut:], m


def faults(half, seeds, codes):
    """Cases of one half: every code at every strength on several tables, forms in turn."""
    for seed in range(seeds):
        for number, code in enumerate(CODES):
            if code not in codes:
                continue
            made = 0
            for strength in range(3):
                order = [t.name for t in tables.TABLES if t.half == half and not t.coarse and (not t.only or code in t.only)]
                order = list(generator(half, code, strength, seed).permutation(order))
                done, tries = 0, 0
                # Go through the tables, several times with other draws where few can carry the fault.
                while done < PER_CELL and tries < 4 * len(order):
                    name = order[tries % len(order)]
                    tries += 1
                    rng = generator(half, code, strength, seed, name, tries)
                    train, test, meta = split(name, rng)
                    meta["turn"] = made + seed * 5 + (half == "held") * 2
                    result = inject.FAULTS[code](train, test, meta, rng, strength)
                    # A form no table of this half can carry is passed over.
                    if result is None:
                        if tries % len(order) == 0:
                            made += 1
                        continue
                    yield f"{half}-{code}-{'wms'[strength]}{seed}{done}", name, meta, result, code, strength, seed
                    done += 1
                    made += 1


def clean(half, seeds):
    """Controls of one half; coarse tables serve here only."""
    for seed in range(seeds):
        for kind, plant in controls.CONTROLS.items():
            names = [t.name for t in tables.TABLES if t.half == half and not t.only and t.coarse == (kind == "coarse")]
            order = list(generator(half, "control", kind, seed).permutation(names))
            many = PLAIN if kind == "plain" else PER_KIND
            done, tries = 0, 0
            while done < many and tries < 4 * len(order):
                name = order[tries % len(order)]
                tries += 1
                rng = generator(half, "control", kind, seed, name, tries)
                train, test, meta = split(name, rng)
                if len(train) < 85 or len(test) < 60:
                    continue
                result = plant(train, test, meta, rng)
                if result is None:
                    continue
                train, test, detail = result
                yield f"{half}-clean-{kind}-{seed}{done:02d}", name, meta, (train, test, detail), kind, None, seed
                done += 1


def write(folder, case, train, test, form):
    """Both splits as CSV or Parquet; a mixed column is text in either."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for part, t in (("train", train), ("test", test)):
        t = t.reset_index(drop=True)
        if form == "csv":
            t.to_csv(folder / f"{part}.csv", index=False)
        else:
            for c in t:
                if t[c].dtype == object:
                    kept = t[c].dropna()
                    if len(kept) and all(isinstance(v, bool) for v in kept):
                        t[c] = t[c].astype("boolean")
                    else:
                        t[c] = t[c].map(lambda v: v if v is None or v != v else str(v))
            t.to_parquet(folder / f"{part}.parquet", index=False)
    (folder / "case.json").write_text(json.dumps(case, indent=1, default=inject.plain) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--half", choices=["dev", "held", "both"], default="both")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--limit", type=int, help="stop after so many cases")
    parser.add_argument("--codes", help="only these codes, and `clean` for the controls")
    args = parser.parse_args()
    codes = args.codes.split(",") if args.codes else CODES + ["clean"]
    written = {}
    for half in ("dev", "held") if args.half == "both" else (args.half,):
        stream = itertools.chain(faults(half, args.seeds, codes), clean(half, args.seeds) if "clean" in codes else ())
        for name, table, meta, (train, test, made), kind, strength, seed in stream:
            total = sum(written.values())
            if args.limit and total >= args.limit:
                break
            fault = strength is not None
            datetime = made.pop("datetime", None)
            case = {"id": name, "table": table, "half": half, "label": meta["label"], "task": meta["task"], "datetime": datetime,
                    "kind": kind, "strength": ["weak", "middle", "strong"][strength] if fault else None, "seed": seed,
                    "format": ["csv", "parquet"][generator(name, "format").integers(2)], "rows": [len(train), len(test)], "columns": train.shape[1],
                    "truth": made if fault else None, "detail": None if fault else made}
            write(args.out / name, case, train, test, case["format"])
            key = (half, kind if fault else f"clean {kind}")
            written[key] = written.get(key, 0) + 1
    for (half, kind), n in sorted(written.items()):
        print(f"{half:5} {kind:28} {n}")
    print(sum(written.values()), "cases")


if __name__ == "__main__":
    main()
