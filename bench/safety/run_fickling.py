"""Runs fickling's check of safety: on the pickles of an archive where the file is one, else on the file itself.

    python run_fickling.py --files FOLDER [FOLDER ...] --out results.jsonl
"""

import argparse
import logging
import warnings
import zipfile
from importlib.metadata import version

from fickling.analysis import Severity
from fickling.loader import scan_file, scan_zip_archive
from tools import run


def judge(path):
    with open(path, "rb") as file:
        archive = file.read(4) == b"PK\x03\x04" and zipfile.is_zipfile(path)
    results = list(scan_zip_archive(path, graceful=True).values()) if archive else [scan_file(path, graceful=True)]
    found = [result for scanned in results for result in scanned.results if result.severity > Severity.LIKELY_SAFE]
    if found:
        return "hostile", f"{max(result.severity for result in found).name}"
    errors = [error for scanned in results for error in scanned.errors]
    if errors:
        return "refused", "; ".join(errors)[:300]
    if not any(scanned.results for scanned in results):
        return "refused", "no pickle in it that it reads"
    return "clean", ""


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", nargs="+", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    run("fickling", version("fickling"), args.files, args.out, judge)
