"""Runs a deepfix binary on every case and stores its findings.

    python run_deepfix.py --deepfix target/release/deepfix --cases cases --out results-deepfix.jsonl [--jobs 2] [--timeout 60]

One line of JSON per case: {"case", "tool", "findings": [{code, columns, severity, confidence, split}], "notes", "cpu", "error"}.
The binary is given the files and what a user states (label, task, date), never case.json.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import tempfile
import threading


def run(binary, folder, timeout):
    case = json.loads((folder / "case.json").read_text())
    end = case["format"]
    command = [binary, "analyze", "--train", folder / f"train.{end}", "--test", folder / f"test.{end}",
               "--label", case["label"], "--task", case["task"], "--format", "json", "-q"]
    if case["datetime"]:
        command += ["--datetime", case["datetime"]]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=err)
        killer = threading.Timer(timeout, process.kill)
        killer.start()
        _, status, usage = os.wait4(process.pid, 0)  # for the CPU time of this one process
        process.returncode = os.waitstatus_to_exitcode(status)
        killer.cancel()
        out.seek(0)
        err.seek(0)
        result = {"case": case["id"], "tool": "deepfix", "findings": [], "notes": [],
                  "cpu": round(usage.ru_utime + usage.ru_stime, 3), "error": None}
        try:
            report = json.loads(out.read())
            result["findings"] = [{k: f.get(k) for k in ("code", "columns", "severity", "confidence", "split")} for f in report["findings"]]
            result["notes"] = [[n.get("code"), n.get("columns")] for n in report.get("notes", [])]
        except ValueError:
            result["error"] = f"exit {process.returncode}: {err.read().decode(errors='replace').strip()[-300:]}"
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deepfix", required=True)
    parser.add_argument("--cases", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=60)
    args = parser.parse_args()
    folders = sorted(p.parent for p in args.cases.glob("*/case.json"))
    cpu, errors = 0.0, 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool, args.out.open("w") as out:
        for result in pool.map(lambda f: run(args.deepfix, f, args.timeout), folders):
            out.write(json.dumps(result) + "\n")
            cpu += result["cpu"]
            errors += result["error"] is not None
    print(f"{len(folders)} cases, {cpu:.1f} s CPU, {errors} errors")


if __name__ == "__main__":
    main()
