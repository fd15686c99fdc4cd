"""Runs deepfix on the cases and says whether the expected explanation comes first and the forbidden one stays away.

    score.py DEEPFIX CASES [--list]

A case without an expected explanation is sound: right when the forbidden one stays away and no explanation is medium
sure (0.5). Top-1 counts cases with an expectation; Wilson intervals."""

import collections
import json
import math
import pathlib
import subprocess
import sys


def wilson(right, n):
    p, z = right / n, 1.96
    middle, half = (p + z * z / 2 / n) / (1 + z * z / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n) / (1 + z * z / n)
    return f"{100 * p:.1f} % (95 %: {100 * (middle - half):.1f} to {100 * (middle + half):.1f})"


def main():
    deepfix, cases = sys.argv[1], pathlib.Path(sys.argv[2])
    kinds, firsts, named, forbidden, n, quiet = collections.defaultdict(lambda: [0, 0, 0]), 0, 0, 0, 0, []
    for folder in sorted(p.parent for p in cases.glob("*/labels.json")):
        label = json.loads((folder / "labels.json").read_text())
        arguments = [deepfix, "analyze", "-q", "--format", "json", "--label", "target", "--run-dir", str(folder)]
        report = json.loads(subprocess.run(arguments, capture_output=True, check=True).stdout)
        codes = [cause["code"] for cause in report["root_causes"]]
        bad = label["forbidden"] in codes
        forbidden += bad
        kind = kinds[folder.name.split("-")[0]]
        kind[0] += 1
        if label["expected"] is None:
            quiet.append(not [c for c in report["root_causes"] if c["confidence"] >= 0.5])
            kind[1] += quiet[-1]
        else:
            n += 1
            first = codes[:1] == [label["expected"]]
            firsts += first
            named += label["expected"] in codes
            kind[1] += first
            if "--list" in sys.argv and not first:
                print(folder.name, "expected", label["expected"], "got", codes[:3],
                      [f"{f['code']}:{f['severity'][0]}" for f in report["findings"]][:14])
        kind[2] += bad
        if bad and "--list" in sys.argv:
            print(folder.name, "names the forbidden", label["forbidden"])
    print(f"expected explanation first: {firsts}/{n} = {wilson(firsts, n)}; named at all {named}/{n}")
    print(f"forbidden explanation named: {forbidden}/{n + len(quiet)}; sound cases without any: {sum(quiet)}/{len(quiet)}")
    for kind, (count, right, bad) in kinds.items():
        print(f"  {kind:16} right {right}/{count}, forbidden {bad}")


main()
