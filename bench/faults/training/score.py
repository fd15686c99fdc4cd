"""Scores predictions on labelled training runs.

    python score.py results-*.jsonl --runs RUNS [--severity low|medium|high] [--list misses|alarms [--code X]]

A pair of run and code is right when the code is among the run's `faults`, wrong when it is neither there nor among
its `ambiguous`, and not counted at all when it is ambiguous. Codes outside the thirty of the corpus are listed, not
counted: the runs are not labelled for them.

micro-F1  over all pairs; with a 95 % bootstrap interval over runs
macro-F1  mean F1 of the codes that have at least one label
healthy   runs without a fault; one is flagged when a medium or high finding names a code that is not ambiguous there
ECE       expected calibration error of the stated confidence over ten equal bins, one value per pair counted
"""

import argparse
import collections
import json
import pathlib
import random

CODES = """batch_size_too_small checkpoint_not_best clipping_too_aggressive data_leakage dying_relu early_stopping_missed
exploding_gradient exploding_loss frozen_layer input_not_normalized log_restart loss_metric_divergence lr_schedule_misconfigured
lr_too_high lr_too_low majority_class_collapse nan_loss nan_weights no_generalization not_learning oscillating_loss overfitting
saturated_activation slow_convergence state_not_restored stopped_too_early symmetric_weights underfitting val_better_than_train
vanishing_gradient""".split()
LEVELS = ["low", "medium", "high"]


def labels(runs):
    """{run: labels, with `dataset` and `group`}. A dataset in two scales is one group: leaving out one leaves out both."""
    index = runs / "index.json"
    known = {e["run_id"]: e["dataset"] for e in json.loads(index.read_text())} if index.exists() else {}
    out = {}
    for path in sorted(runs.glob("*/labels.json")):
        label = json.loads(path.read_text())
        label["dataset"] = known.get(path.parent.name) or label["true_hyperparameters"]["dataset"]
        label["group"] = label["dataset"].removesuffix("_raw_target")
        out[path.parent.name] = label
    return out


def counts(pairs):
    """{code: [right, wrong, missed]} of (label, predicted codes)."""
    table = collections.defaultdict(lambda: [0, 0, 0])
    for label, said in pairs:
        faults, unclear = set(label["faults"]), set(label["ambiguous"])
        for code in CODES:
            if code in faults:
                table[code][0 if code in said else 2] += 1
            elif code in said and code not in unclear:
                table[code][1] += 1
    return table


def rates(right, wrong, missed):
    """(precision, recall, F1); 0 where nothing was said or labelled."""
    return right / max(1, right + wrong), right / max(1, right + missed), 2 * right / max(1, 2 * right + wrong + missed)


def micro(pairs):
    return rates(*(sum(row[i] for row in counts(pairs).values()) for i in range(3)))


def macro(pairs):
    rows = [row for row in counts(pairs).values() if row[0] + row[2]]
    return sum(rates(*row)[2] for row in rows) / max(1, len(rows))


def bootstrap(items, value, rounds=1000):
    """95 % interval of a value over runs drawn with replacement; the findings of one run depend on one another."""
    draw = random.Random(1)
    values = sorted(value(draw.choices(items, k=len(items))) for _ in range(rounds))
    return values[int(0.025 * rounds)], values[int(0.975 * rounds)]


def wilson(hits, n, z=1.96):
    """95 % interval of a share; sound for none of few too."""
    if n == 0:
        return 0.0, 1.0
    p, d = hits / n, 1 + z * z / n
    middle, half = p + z * z / (2 * n), z * ((p * (1 - p) + z * z / (4 * n)) / n) ** 0.5
    return max(0.0, (middle - half) / d), min(1.0, (middle + half) / d)


def ece(per_run):
    """(error, bins) of lists of (confidence, correct), one list per run."""
    bins = collections.defaultdict(list)
    for confidence, correct in (pair for pairs in per_run for pair in pairs):
        bins[min(9, int(confidence * 10))].append((confidence, correct))
    n = sum(map(len, bins.values()))
    return sum(abs(sum(c for c, _ in b) - sum(r for _, r in b)) for b in bins.values()) / max(1, n), bins


class Tool:
    """One tool's predictions, a code once per run with the most it was said with."""

    def __init__(self, path, truth, severity):
        self.name = path.stem.removeprefix("results-")
        rows = {row["run"]: row for row in map(json.loads, path.read_text().splitlines())}
        self.errors = sum(bool(row.get("error")) for row in rows.values())
        self.absent = len(truth.keys() - rows.keys())
        self.runs, self.others = [], collections.Counter()
        for run, label in truth.items():
            findings = rows.get(run, {"findings": []})["findings"]
            said, serious = {}, set()
            for f in findings:
                if f["code"] not in CODES:
                    self.others[f["code"]] += 1
                    continue
                if LEVELS.index(f["severity"]) >= LEVELS.index(severity):
                    said[f["code"]] = max(said.get(f["code"], 0.0), f.get("confidence") or 0.0)
                if f["severity"] != "low":
                    serious.add(f["code"])
            self.runs.append((run, label, said, serious))
        self.stated = any(c for _, _, said, _ in self.runs for c in said.values())

    def pairs(self, keep=lambda label: True):
        return [(label, set(said)) for _, label, said, _ in self.runs if keep(label)]

    def healthy(self):
        """(run, codes that flag it) of the healthy ones."""
        return [(run, serious - set(label["ambiguous"])) for run, label, _, serious in self.runs if not label["faults"]]

    def calibration(self):
        return [[(c, code in label["faults"]) for code, c in said.items() if code not in label["ambiguous"]]
                for _, label, said, _ in self.runs]


def summary(tools):
    for t in tools:
        pairs = t.pairs()
        precision, recall, f1 = micro(pairs)
        low, high = bootstrap(pairs, lambda p: micro(p)[2])
        print(f"\n{t.name}: {len(pairs)} runs, {sum(len(l['faults']) for l, _ in pairs)} labels"
              + (f", {t.absent} without a prediction" if t.absent else "") + (f", {t.errors} errors" if t.errors else ""))
        print(f"  micro-F1 {f1:.3f} (95 % bootstrap {low:.3f} to {high:.3f}), precision {precision:.3f}, recall {recall:.3f}")
        print(f"  macro-F1 {macro(pairs):.3f} over {sum(1 for r in counts(pairs).values() if r[0] + r[2])} codes")
        flagged = [codes for _, codes in t.healthy() if codes]
        n = len(t.healthy())
        low, high = wilson(len(flagged), n)
        print(f"  healthy runs flagged {len(flagged)}/{n} = {100 * len(flagged) / max(1, n):.1f} % (95 % Wilson {100 * low:.1f} to {100 * high:.1f}): "
              + " ".join(f"{k}:{v}" for k, v in collections.Counter(c for codes in flagged for c in sorted(codes)).most_common()))
        per_run = t.calibration()
        if t.stated:
            error, bins = ece(per_run)
            low, high = bootstrap(per_run, lambda r: ece(r)[0])
            print(f"  calibration: {sum(map(len, per_run))} findings, ECE {error:.3f} (95 % bootstrap {low:.3f} to {high:.3f})")
            for i in sorted(bins):
                b = bins[i]
                print(f"    {i / 10:.1f} to {i / 10 + .1:.1f}: n {len(b):4}  stated {sum(c for c, _ in b) / len(b):.3f}  correct {sum(r for _, r in b) / len(b):.3f}")
        if t.others:
            print("  said beside the thirty codes, not counted: " + " ".join(f"{k}:{v}" for k, v in t.others.most_common()))


def code_table(tools):
    print(f"\n{'code (P, R, F1 in %)':28}" + "".join(f" | {t.name[:28]:>28}" for t in tools))
    print(f"{'':28}" + "".join(" | right wrong miss   P   R  F1" for _ in tools))
    tables = [counts(t.pairs()) for t in tools]
    for code in CODES:
        if not any(sum(table[code]) for table in tables):
            continue
        line = f"{code:28}"
        for table in tables:
            row = table[code]
            p, r, f = rates(*row)
            line += f" | {row[0]:5} {row[1]:5} {row[2]:4} " + " ".join(f"{100 * v:3.0f}" for v in (p, r, f))
        print(line)


def dataset_table(tools):
    """F1 on each dataset alone and on all but it: does the total hang on one dataset?"""
    print(f"\n{'dataset (runs, labels)':28}" + "".join(f" | {t.name[:26]:>26}" for t in tools))
    print(f"{'':28}" + "".join(f" | {'F1 on it':>12} {'without it':>13}" for _ in tools))
    for group in sorted({label["group"] for _, label, _, _ in tools[0].runs}):
        own = tools[0].pairs(lambda l: l["group"] == group)
        line = f"{group:16} ({len(own):3},{sum(len(l['faults']) for l, _ in own):4})".ljust(28)
        for t in tools:
            line += f" | {micro(t.pairs(lambda l: l['group'] == group))[2]:12.3f} {micro(t.pairs(lambda l: l['group'] != group))[2]:13.3f}"
        print(line)


def listing(tool, what, code):
    for run, label, said, _ in tool.runs:
        if what == "misses":
            codes = set(label["faults"]) - set(said)
        else:
            codes = set(said) - set(label["faults"]) - set(label["ambiguous"])
        if code:
            codes &= {code}
        if codes:
            spoken = " ".join(f"{c}({v:.2f})" for c, v in sorted(said.items())) or "nothing"
            print(f"{tool.name} {what} {run} [{label['dataset']}, {label.get('log_format', '?')}] {' '.join(sorted(codes))}\n"
                  f"    faults: {' '.join(label['faults']) or 'none'}  ambiguous: {' '.join(label['ambiguous']) or 'none'}\n    said: {spoken}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=pathlib.Path)
    parser.add_argument("--runs", required=True, type=pathlib.Path)
    parser.add_argument("--severity", choices=LEVELS, default="low", help="least severity that counts for F1 and calibration")
    parser.add_argument("--list", choices=["misses", "alarms"])
    parser.add_argument("--code")
    args = parser.parse_args()
    truth = labels(args.runs)
    tools = [Tool(path, truth, args.severity) for path in args.results]
    if args.list:
        for tool in tools:
            listing(tool, args.list, args.code)
        return
    summary(tools)
    code_table(tools)
    dataset_table(tools)


if __name__ == "__main__":
    main()
