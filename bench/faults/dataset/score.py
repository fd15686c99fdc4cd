"""Scores the results of one or more tools against the cases.

    python score.py results-*.jsonl --cases cases [--half dev|held] [--common] [--list misses|alarms|extras [--code X]]

found    the truth's code, or one counted as right beside it (`also`), stands among the medium and high findings
column   of those, such a finding names the right columns (pairs as a set; truths about rows or splits have none)
hint     not found, but a finding the fault brings with it (`side`) was reported on it
extra    medium and high findings on a case with a fault that are neither it nor brought by it
alarm    a clean control with a medium or high finding
ECE      expected calibration error of the confidence over ten equal bins; a finding is correct when code and column are right
"""

import argparse
import collections
import json
import pathlib
import random

SERIOUS = ("medium", "high")
# Codes that compare the splits (or the label's fit in them), of which two random parts of one table can show none.
COMPARING = {"covariate_shift", "label_shift", "concept_shift", "correlation_shift", "null_rate_shift", "unseen_categories",
             "unseen_labels", "unit_change", "schema_skew", "temporal_leakage", "text_length_shift", "vocabulary_shift", "label_noise"}


def wilson(hits, n, z=1.96):
    """95 % interval of a share; sound for none of few too."""
    if n == 0:
        return 0.0, 1.0
    p, d = hits / n, 1 + z * z / n
    middle, half = p + z * z / (2 * n), z * ((p * (1 - p) + z * z / (4 * n)) / n) ** 0.5
    return max(0.0, (middle - half) / d), min(1.0, (middle + half) / d)


def said(finding):
    """The codes a finding stands for: one, or for other tools' tests whatever the test can mean."""
    return {finding["code"], *finding.get("or", ())}


def right_code(truth, finding):
    return bool(said(finding) & {truth["code"], *truth["also"]})


def right_column(truth, finding):
    named = set(finding["columns"] or [])
    if "pairs" in truth:
        return any(named == set(pair) for pair in truth["pairs"])
    return not truth["columns"] or bool(named & set(truth["columns"]))


def judge(case, finding):
    """correct, brought along, or wrong."""
    truth = case["truth"]
    if truth is None:
        return "wrong"
    if right_code(truth, finding) and right_column(truth, finding):
        return "correct"
    return "side" if said(finding) & set(truth["side"]) else "wrong"


class Tool:
    """One tool's results on the cases it was run on."""

    def __init__(self, rows, cases):
        self.name = rows[0]["tool"]
        self.rows = [(cases[r["case"]], [f for f in r["findings"] if f["severity"] in SERIOUS], r) for r in rows if r["case"] in cases]
        self.faults = [(c, f) for c, f, _ in self.rows if c["truth"]]
        self.clean = [(c, f) for c, f, _ in self.rows if not c["truth"]]

    def outcome(self, case, findings):
        """(found, right column, hint) of a case with a fault."""
        hits = [f for f in findings if right_code(case["truth"], f)]
        return bool(hits), any(right_column(case["truth"], f) for f in hits), not hits and any(said(f) & set(case["truth"]["side"]) for f in findings)

    def recall(self, group):
        """{group: [cases, found, right column, hints]}"""
        table = collections.defaultdict(lambda: [0, 0, 0, 0])
        for case, findings in self.faults:
            for key in (group(case), "all"):
                for i, value in enumerate((True, *self.outcome(case, findings))):
                    table[key][i] += value
        return table

    def extras(self):
        return [(case, [f for f in findings if judge(case, f) == "wrong"]) for case, findings in self.faults]

    def calibration(self):
        """Per case, the (confidence, correct) of its findings; what a fault brings along is left out."""
        return [[(f["confidence"], judge(case, f) == "correct") for f in findings
                 if f["confidence"] is not None and judge(case, f) != "side"] for case, findings, _ in self.rows]


def ece(pairs):
    bins = collections.defaultdict(list)
    for confidence, correct in pairs:
        bins[min(9, int(confidence * 10))].append((confidence, correct))
    error = sum(abs(sum(c for c, _ in b) - sum(r for _, r in b)) for b in bins.values()) / max(1, len(pairs))
    return error, bins


def ece_interval(per_case, rounds=500):
    """Bootstrap over cases, whose findings depend on one another."""
    draw = random.Random(1)
    values = sorted(ece([p for case in draw.choices(per_case, k=len(per_case)) for p in case])[0] for _ in range(rounds))
    return values[int(0.025 * rounds)], values[int(0.975 * rounds)]


def share(hits, n):
    return f"{100 * hits / n:5.1f}" if n else "    -"


def recall_table(tools, group, title):
    tables = [t.recall(group) for t in tools]
    keys = sorted({k for t in tables for k in t if k != "all"}) + ["all"]
    print(f"\n{title:26}" + "".join(f" | {t.name:>12}: n found column hint" for t in tools))
    for key in keys:
        line = f"{key:26}"
        for table in tables:
            n, found, column, hint = table.get(key, (0, 0, 0, 0))
            line += f" | {n:15} {share(found, n)} {share(column, found)} {share(hint, n)}"
        print(line)


def describe(case):
    truth = case["truth"]
    if not truth:
        return json.dumps(case["detail"])
    return f"{truth['code']} {truth['variant']} {case['strength']} columns={truth['columns']} {json.dumps(truth['detail'])}"


def shown(findings):
    return " ".join(f"{f['code']}({','.join(f['columns'] or [])};{f['severity'][0]};{f['confidence']})" for f in findings) or "nothing"


def listing(tool, what, code):
    for case, findings, row in tool.rows:
        if what == "misses" and case["truth"]:
            found, column, _ = tool.outcome(case, findings)
            if (found and column) or (code and case["truth"]["code"] != code):
                continue
            low = [f for f in row["findings"] if f["severity"] not in SERIOUS]
            why = "not found" if not found else "wrong column"
        elif what == "alarms" and not case["truth"]:
            findings, low, why = [f for f in findings if not code or f["code"] == code], [], "alarm"
            if not findings:
                continue
        elif what == "extras" and case["truth"]:
            findings, low, why = [f for f in findings if judge(case, f) == "wrong" and (not code or f["code"] == code)], [], "extra"
            if not findings:
                continue
        else:
            continue
        print(f"{tool.name} {why}: {case['id']} [{case['table']} {case['rows']} {case['format']} label={case['label']}] {describe(case)}\n"
              f"    said: {shown(findings)}" + (f"  low: {shown(low)}" if low else "") + (f"  error: {row['error']}" if row.get("error") else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=pathlib.Path)
    parser.add_argument("--cases", required=True, type=pathlib.Path)
    parser.add_argument("--half", choices=["dev", "held"])
    parser.add_argument("--common", action="store_true", help="only cases every tool was run on")
    parser.add_argument("--list", choices=["misses", "alarms", "extras"])
    parser.add_argument("--code")
    args = parser.parse_args()
    cases = {}
    for path in sorted(args.cases.glob("*/case.json")):
        case = json.loads(path.read_text())
        if not args.half or case["half"] == args.half:
            cases[case["id"]] = case
    results = [[json.loads(line) for line in path.open()] for path in args.results]
    if args.common:
        both = set.intersection(*({r["case"] for r in rows} for rows in results))
        cases = {k: c for k, c in cases.items() if k in both}
    tools = [Tool(rows, cases) for rows in results if rows]
    if args.list:
        for tool in tools:
            listing(tool, args.list, args.code)
        return
    recall_table(tools, lambda c: c["truth"]["code"], "fault, % of n")
    recall_table(tools, lambda c: c["strength"], "strength")
    kinds = sorted({c["kind"] for t in tools for c, _ in t.clean}) + ["all"]
    print(f"\n{'clean controls alarmed':26}" + "".join(f" | {t.name:>12}: n alarmed % codes" for t in tools))
    for kind in kinds:
        line = f"{kind:26}"
        for t in tools:
            mine = [f for c, f in t.clean if kind in (c["kind"], "all")]
            codes = collections.Counter(x["code"] for f in mine for x in {x["code"]: x for x in f}.values())
            most = " ".join(f"{k}:{n}" for k, n in codes.most_common(4 if len(tools) > 1 else 12))
            line += f" | {len(mine):5} {sum(map(bool, mine)):4} {share(sum(map(bool, mine)), len(mine))} {most}"
        print(line)
    print()
    for t in tools:
        alarmed = sum(bool(f) for _, f in t.clean)
        low, high = wilson(alarmed, len(t.clean))
        extras = t.extras()
        codes = collections.Counter(f["code"] for _, e in extras for f in e)
        print(f"{t.name}: clean controls alarmed {alarmed}/{len(t.clean)} = {share(alarmed, len(t.clean))} % (95 % Wilson {100 * low:.1f} to {100 * high:.1f})")
        comparing = sum(any(said(x) & COMPARING for x in f) for _, f in t.clean)
        low, high = wilson(comparing, len(t.clean))
        print(f"  of them by codes that compare splits or doubt labels: {comparing} = {share(comparing, len(t.clean))} % ({100 * low:.1f} to {100 * high:.1f})")
        print(f"  extra findings: on {share(sum(bool(e) for _, e in extras), len(extras))} % of {len(extras)} cases with a fault, "
              f"{sum(len(e) for _, e in extras) / max(1, len(extras)):.2f} per case; " + " ".join(f"{k}:{n}" for k, n in codes.most_common(12)))
        print(f"  CPU {sum(r['cpu'] for _, _, r in t.rows):.1f} s for {len(t.rows)} cases; errors {sum(bool(r.get('error')) for _, _, r in t.rows)}")
        per_case = t.calibration()
        pairs = [p for case in per_case for p in case]
        if pairs:
            value, bins = ece(pairs)
            low, high = ece_interval(per_case)
            print(f"  calibration: {len(pairs)} findings, ECE {value:.3f} (95 % bootstrap {low:.3f} to {high:.3f})")
            for i in sorted(bins):
                b = bins[i]
                print(f"    {i / 10:.1f} to {i / 10 + .1:.1f}: n {len(b):5}  stated {sum(c for c, _ in b) / len(b):.3f}"
                      f"  correct {sum(r for _, r in b) / len(b):.3f}")


if __name__ == "__main__":
    main()
