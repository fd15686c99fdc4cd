"""Shuffles a share of the labels of tables whose label is a number, and counts how often label_noise is said.

    python number_labels.py --deepfix target/release/deepfix --half dev

Uses the tables of `tables.py`; tables a boosted tree cannot predict (1 - R2 above 0.6) stand as they are, for
there shuffled labels cannot be told from chance, and nothing must be said.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import tempfile

import numpy as np

import tables

SHARES = (0.0, 0.05, 0.10, 0.20)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deepfix", required=True)
    parser.add_argument("--half", choices=["dev", "held"], default="dev")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    cases, found = collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for spec in tables.TABLES:
            if spec.half != args.half or tables.meta(spec.name)["task"] != "regression":
                continue
            whole, label = tables.load(spec.name), tables.meta(spec.name)["label"]
            for share in SHARES if tables.learnable(spec.name)[0] < 0.6 else SHARES[:1]:
                for seed in range(args.seeds):
                    rng = np.random.default_rng(seed)
                    t = whole.sample(min(len(whole), 3000), random_state=seed).reset_index(drop=True)
                    hit = rng.choice(len(t), int(len(t) * share), replace=False)
                    values = t[label].to_numpy(copy=True)
                    values[hit] = values[rng.permutation(hit)]
                    t[label] = values
                    path = pathlib.Path(folder, "train.parquet")
                    t.to_parquet(path)
                    run = subprocess.run([args.deepfix, "analyze", "--train", path, "--label", label, "--task", "regression",
                                          "--format", "json", "-q"], stdout=subprocess.PIPE, check=True)
                    cases[share] += 1
                    found[share] += any(f["code"] == "label_noise" for f in json.loads(run.stdout)["findings"])
    for share in SHARES:
        print(f"{share:4.0%} of the labels shuffled: label_noise in {found[share]} of {cases[share]}")


if __name__ == "__main__":
    main()
