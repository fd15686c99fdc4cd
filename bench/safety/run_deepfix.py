"""Runs deepfix on the files and writes one line of JSON per file.

    python run_deepfix.py --deepfix target/release/deepfix --files FOLDER [FOLDER ...] --out results.jsonl
"""

import argparse
import json
import subprocess

from tools import run

CODES = ("unsafe_pickle", "suspicious_operator")
UNREADABLE = ("corrupt_checkpoint", "unknown_format", "oversized_header", "artifact_unreadable", "artifact_incomplete")


def judge(binary, path):
    done = subprocess.run([binary, "analyze", "--checkpoint", path, "--format", "json", "--quiet"], capture_output=True, text=True, timeout=60)
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        return "error", (done.stderr.strip() or f"exit code {done.returncode}")[-300:]
    findings = [f for f in report["findings"] if f["severity"] in ("medium", "high")]
    hostile = [f for f in findings if f["code"] in CODES]
    if hostile:
        return "hostile", "; ".join(f"{f['code']} {f['severity']}: {f['title']}" for f in hostile)
    unread = [f for f in report["findings"] if f["code"] in UNREADABLE]
    failed = [a for a in report["agents"] if a["name"] == "checkpoint" and a["status"] != "completed"]
    if unread or failed:
        said = [f"{f['code']}: {', '.join(str(e['value']) for e in f['evidence'])}"[:250] for f in unread]
        return "refused", "; ".join(said or [a["reason"] for a in failed])
    return "clean", "; ".join(sorted({f["code"] for f in report["findings"]} | {f"note {n['code']}" for n in report["notes"]}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--deepfix", required=True)
    parser.add_argument("--files", nargs="+", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    shown = subprocess.run([args.deepfix, "--version"], capture_output=True, text=True, check=True).stdout.split()
    run("deepfix", shown[-1], args.files, args.out, lambda path: judge(args.deepfix, path))
