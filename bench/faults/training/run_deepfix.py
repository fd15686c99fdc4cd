"""Runs a deepfix binary on every run folder and stores its findings.

    python run_deepfix.py --deepfix target/release/deepfix --runs RUNS --out results-deepfix.jsonl [--without layer_stats,checkpoint]

One line of JSON per run: {"run", "dataset", "findings": [{code, severity, confidence}], "cpu", "error"}. The binary is
given the log, the parameters, the layer statistics and the checkpoint of the run, never labels.json. One process per
run: starting it costs some hundredths of a second, less than a server to look after is worth.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import threading

from score import labels

FILES = {
    "metrics": ["metrics.csv", "training.log.csv", "trainer_state.json", "evals_result.json", "metrics"],
    "params": ["hparams.yaml", "params.yaml"],
    "layer_stats": ["layer_stats.csv"],
    "checkpoint": ["*.safetensors", "*.ckpt"],
}


def artifacts(folder, without=()):
    """{kind: path} of a run, by the names the corpus uses."""
    found = {}
    for kind, patterns in FILES.items():
        paths = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
        if paths and kind not in without:
            found[kind] = paths[0]
    return found


def analyze(binary, folder, dataset, without, timeout):
    command = [binary, "analyze", "--format", "json", "-q"]
    for kind, path in artifacts(folder, without).items():
        command += [f"--{kind.replace('_', '-')}", str(path)]
    row = {"run": folder.name, "dataset": dataset, "findings": [], "cpu": 0.0, "error": None}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        killer = threading.Timer(timeout, process.kill)
        killer.start()
        _, status, usage = os.wait4(process.pid, 0)  # for the CPU time of this one process
        process.returncode = os.waitstatus_to_exitcode(status)
        killer.cancel()
        out.seek(0)
        err.seek(0)
        row["cpu"] = round(usage.ru_utime + usage.ru_stime, 3)
        try:
            report = json.loads(out.read())
            row["findings"] = [{k: f.get(k) for k in ("code", "severity", "confidence")} for f in report["findings"]]
            failed = [f"{a['name']}: {a.get('reason')}" for a in report.get("agents", []) if a.get("status") == "failed"]
            row["error"] = "; ".join(failed) or None
        except ValueError:
            row["error"] = f"exit {process.returncode}: {err.read().decode(errors='replace').strip()[-300:]}"
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deepfix", required=True)
    parser.add_argument("--runs", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--without", default="", help="kinds of artifact to withhold, by comma")
    parser.add_argument("--timeout", type=float, default=60)
    args = parser.parse_args()
    cpu = errors = 0
    truth = labels(args.runs)
    with args.out.open("w") as out:
        for run, label in truth.items():
            row = analyze(args.deepfix, args.runs / run, label["dataset"], args.without.split(","), args.timeout)
            out.write(json.dumps(row) + "\n")
            cpu += row["cpu"]
            errors += row["error"] is not None
    print(f"{len(truth)} runs, {cpu:.1f} s CPU, {errors} errors")


if __name__ == "__main__":
    main()
