"""Runs modelscan with its default settings; what it reports is what its JSON report holds.

    python run_modelscan.py --files FOLDER [FOLDER ...] --out results.jsonl
"""

import argparse
import logging
import os
from importlib.metadata import version

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from modelscan.modelscan import ModelScan  # noqa: E402
from tools import run  # noqa: E402


def judge(path):
    report = ModelScan().scan(path)
    if report["summary"]["total_issues"]:
        return "hostile", "; ".join(f"{i['severity']}: {i['description']}" for i in report["issues"])[:300]
    if report["errors"]:
        return "refused", "; ".join(e.get("description", str(e)) for e in report["errors"])[:300]
    if not report["summary"]["scanned"]["total_scanned"]:
        return "refused", "; ".join(s["description"] for s in report["summary"]["skipped"]["skipped_files"])[:300] or "not scanned"
    return "clean", ""


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", nargs="+", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    run("modelscan", version("modelscan"), args.files, args.out, judge)
