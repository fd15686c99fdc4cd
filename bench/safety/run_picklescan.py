"""Runs picklescan as its command line does: dangerous names count, suspicious ones with --strict only.

    python run_picklescan.py [--strict] --files FOLDER [FOLDER ...] --out results.jsonl
"""

import argparse
import logging
from importlib.metadata import version

from picklescan.scanner import SafetyLevel, scan_file_path
from tools import run


def judge(path, strict):
    result = scan_file_path(path, strict=strict)
    named = sorted(f"{g.module}.{g.name}" for g in result.globals if g.safety == SafetyLevel.Dangerous)
    if result.issues_count:
        return "hostile", ", ".join(named)
    if result.scan_err:
        return "refused", "the scan met an error"
    if not result.scanned_files:
        return "refused", "not scanned: no kind of file it knows"
    return "clean", f"{result.suspicious_count} suspicious names"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--files", nargs="+", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    logging.getLogger("picklescan").setLevel(logging.CRITICAL)
    tool = "picklescan --strict" if args.strict else "picklescan"
    run(tool, version("picklescan"), args.files, args.out, lambda path: judge(path, args.strict))
