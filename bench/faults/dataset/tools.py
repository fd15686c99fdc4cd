"""What the runners of the other tools share: choosing cases, reading files, storing findings.

A finding of another tool may carry `or`: further codes its test can honestly be read as. It counts as right
when any of them is the truth, and as one finding wherever it is wrong.
"""

import argparse
import hashlib
import json
import pathlib
import signal
import time

import pandas as pd


def finding(code, columns=(), severity="high", split=None, either=()):
    return {"code": code, "or": list(either), "columns": [str(c) for c in columns], "severity": severity, "confidence": None, "split": split}


def read(folder, case):
    """The files as a user of pandas reads them."""
    if case["format"] == "csv":
        return [pd.read_csv(folder / f"{part}.csv", low_memory=False) for part in ("train", "test")]
    return [pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "test")]


class Late(Exception):
    pass


def late(*_):
    raise Late("time limit")


def main(tool, analyse, doc):
    """Runs analyse(case, train, test) -> findings on the chosen cases, one line of JSON each."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--cases", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--sample", type=int, help="only so many cases, chosen by the hash of their names")
    parser.add_argument("--timeout", type=int, default=300)
    args = parser.parse_args()
    folders = sorted(p.parent for p in args.cases.glob("*/case.json"))
    if args.sample:
        folders = sorted(sorted(folders, key=lambda f: hashlib.sha256(f.name.encode()).digest())[:args.sample])
    signal.signal(signal.SIGALRM, late)
    with args.out.open("w") as out:
        for folder in folders:
            case = json.loads((folder / "case.json").read_text())
            train, test = read(folder, case)
            result = {"case": case["id"], "tool": tool, "findings": [], "error": None}
            begun = time.process_time()
            signal.alarm(args.timeout)
            try:
                result["findings"] = analyse(case, train, test)
            except Exception as error:
                result["error"] = f"{type(error).__name__}: {error}"[:300]
            finally:
                signal.alarm(0)
            result["cpu"] = round(time.process_time() - begun, 3)
            out.write(json.dumps(result) + "\n")
            out.flush()
