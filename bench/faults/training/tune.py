"""Runs the rule sets of the literature on the labelled runs, as published and tuned, and prints them side by side.

    python tune.py --runs RUNS --out FOLDER [--also OTHER_RUNS]

Tuned the way a user with labels would: over a grid, one rule after the other until nothing improves, for the highest
micro-F1; a rule may be switched off. What is reported as tuned is leave-one-dataset-out: the runs of a dataset are
judged with thresholds tuned on all other datasets. `--also` judges further runs with thresholds tuned on all of RUNS.
Writes results-<set>-<kind>.jsonl for score.py.
"""

import argparse
import itertools
import json
import pathlib

import rules_autotrainer
import rules_smdebug
import runs
from score import labels, macro, micro

SETS = {"autotrainer": rules_autotrainer.RULES, "smdebug": rules_smdebug.RULES}
OFF = None


def choices(grid):
    """Every combination of a rule's thresholds, the published one first."""
    return [tuple(zip(grid, values)) for values in itertools.product(*grid.values())]


class RuleSet:
    """What every rule says of every run under every choice, worked out once."""

    def __init__(self, rules, loaded):
        self.options = {name: [*choices(grid), OFF] for name, (_, grid) in rules.items()}
        self.said = {(name, choice, run): frozenset(rule(r, **dict(choice))) if choice is not OFF else frozenset()
                     for name, (rule, _) in rules.items() for choice in self.options[name] for run, r in loaded.items()}
        self.codes = set().union(*self.said.values())  # what it ever names
        self.published = {name: options[0] for name, options in self.options.items()}

    def predict(self, setting, run):
        return set().union(*(self.said[name, choice, run] for name, choice in setting.items()))

    def f1(self, setting, truth):
        return micro([(label, self.predict(setting, run)) for run, label in truth.items()])[2]

    def tune(self, truth):
        """Coordinate ascent from the published thresholds; on a tie the earlier choice stays."""
        setting, best = dict(self.published), self.f1(self.published, truth)
        while True:
            before = best
            for name, options in self.options.items():
                fixed = {run: self.predict({n: c for n, c in setting.items() if n != name}, run) for run in truth}
                for choice in options:
                    f1 = micro([(label, fixed[run] | self.said[name, choice, run]) for run, label in truth.items()])[2]
                    if f1 > best + 1e-9:
                        best, setting[name] = f1, choice
            if best <= before + 1e-9:
                return setting, best


def write(path, truth, predict):
    with path.open("w") as out:
        for run, label in truth.items():
            findings = [{"code": code, "severity": "medium", "confidence": None} for code in sorted(predict(run))]
            out.write(json.dumps({"run": run, "dataset": label["dataset"], "findings": findings, "error": None}) + "\n")


def line(name, truth, predict, codes):
    """One row of figures; the last over only the codes the rule set can name."""
    pairs = [(label, predict(run)) for run, label in truth.items()]
    own = [({**label, "faults": [c for c in label["faults"] if c in codes]}, said) for label, said in pairs]
    precision, recall, f1 = micro(pairs)
    healthy = [(label, said) for label, said in pairs if not label["faults"]]
    flagged = sum(bool(said - set(label["ambiguous"])) for label, said in healthy)
    print(f"{name:44} {f1:8.3f} {precision:9.3f} {recall:7.3f} {macro(pairs):8.3f} {f'{flagged}/{len(healthy)}':>15} {micro(own)[2]:9.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--also", type=pathlib.Path, help="further runs, judged and not tuned on")
    args = parser.parse_args()
    truth, loaded = labels(args.runs), runs.load_all(args.runs)
    print(f"{'':44} micro-F1 precision  recall macro-F1 healthy flagged own codes")
    for title, rules in SETS.items():
        known = RuleSet(rules, loaded)
        write(args.out / f"results-{title}-published.jsonl", truth, lambda run: known.predict(known.published, run))
        line(f"{title}, published thresholds", truth, lambda run: known.predict(known.published, run), known.codes)
        held = {}
        for group in sorted({label["group"] for label in truth.values()}):
            setting, _ = known.tune({run: label for run, label in truth.items() if label["group"] != group})
            held |= {run: setting for run, label in truth.items() if label["group"] == group}
        write(args.out / f"results-{title}-tuned.jsonl", truth, lambda run: known.predict(held[run], run))
        line(f"{title}, tuned on the other datasets", truth, lambda run: known.predict(held[run], run), known.codes)
        final, _ = known.tune(truth)
        line(f"{title}, tuned on these very runs", truth, lambda run: known.predict(final, run), known.codes)
        if args.also:
            other, more = labels(args.also), RuleSet(rules, runs.load_all(args.also))
            for kind, setting in (("published", known.published), ("tuned", final)):
                write(args.out / f"results-{title}-{kind}-also.jsonl", other, lambda run: more.predict(setting, run))
                line(f"{title}, {kind}, on the further runs", other, lambda run: more.predict(setting, run), more.codes | known.codes)
        moved = {name: choice for name, choice in final.items() if choice != known.published[name]}
        print("    tuned: " + "; ".join(f"{name} " + ("off" if choice is OFF else " ".join(f"{k}={v}" for k, v in choice))
                                        for name, choice in moved.items()))


if __name__ == "__main__":
    main()
