"""Cases with one known root cause each: a fault is put into a real table or into a training job, a network is trained on what came
out, and table, log, settings, weights and (for drift) Deepchecks' own result are kept. The label follows from what was done to the
case, never from what a tool said of it. `forbidden` is the explanation that a careless reader of the same artifacts would give."""

import json
import pathlib
import sys
import warnings

import numpy as np
import pandas as pd
import statsmodels.api
from sklearn import datasets

import net

warnings.filterwarnings("ignore")
TABLES = ["cancer", "digits", "affairs"]


def load(table):
    if table == "affairs":
        frame = statsmodels.api.datasets.fair.load_pandas().data
        return frame.assign(target=(frame.affairs > 0).astype(int)).drop(columns="affairs")
    data = {"cancer": datasets.load_breast_cancer, "digits": datasets.load_digits}[table]()
    frame = pd.DataFrame(data.data, columns=[str(n).replace(" ", "_") for n in data.feature_names])
    frame["target"] = data.target % 2
    # The rim of the pictures is empty.
    return frame.loc[:, frame.nunique() > 2].assign(target=frame.target) if table == "digits" else frame


class Case:
    """A table in two random halves, seven tenths to train on."""

    def __init__(self, out, name, table, seed, label):
        self.folder = out / f"{name}-{table}-{seed}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.label, self.rng = label, np.random.default_rng(seed)
        frame = load(table).sample(frac=1, random_state=seed)[:2000].reset_index(drop=True)
        cut = int(len(frame) * 0.7)
        self.train, self.test = frame[:cut].copy(), frame[cut:].copy()

    def arrays(self, standardize=True):
        x, xv = (f.drop(columns="target").to_numpy(float) for f in (self.train, self.test))
        if standardize:
            mean, std = x.mean(0), x.std(0) + 1e-9
            x, xv = (x - mean) / std, (xv - mean) / std
        return x, self.train.target.to_numpy(int), xv, self.test.target.to_numpy(int)

    def fit(self, standardize=True, **settings):
        settings.setdefault("params", {})["standardize"] = standardize
        return net.train(*self.arrays(standardize), self.folder, seed=int(self.rng.integers(1 << 30)), **settings)

    def done(self, expected, forbidden):
        self.train.to_csv(self.folder / "train.csv", index=False)
        self.test.to_csv(self.folder / "test.csv", index=False)
        (self.folder / "labels.json").write_text(json.dumps({"expected": expected, "forbidden": forbidden}))


def leak(c):
    for f in (c.train, c.test):
        f["status_code"] = (f.target * 10 + c.rng.normal(0, 0.5, len(f))).round(2)
    c.fit(epochs=25, patience=6, keep="best")
    c.done("leak_explains_performance", "noise_explains_overfitting")


def noise(c):
    k = c.train.target.max() + 1
    for f in (c.train, c.test):
        wrong = c.rng.random(len(f)) < 0.25
        f.loc[wrong, "target"] = (f.target[wrong] + c.rng.integers(1, k, wrong.sum())) % k if k > 2 else 1 - f.target[wrong]
    c.fit(epochs=120, width=128, lr=2e-3)
    c.done("noise_explains_overfitting", "leak_explains_performance")


def scale(c):
    first = c.train.columns[0]
    for f in (c.train, c.test):
        f[first] = f[first] * 1e4
    c.fit(standardize=False, optimizer="sgd", lr=1e-3, epochs=20)
    c.done("scale_explains_divergence", "precision_explains_nan")


def rate(c):
    c.fit(optimizer="sgd", lr=float(c.rng.choice([20.0, 50.0])), epochs=30)
    c.done("lr_explains_instability", "scale_explains_divergence")


def slow(c):
    c.fit(optimizer="adam", lr=1e-6, epochs=25)
    c.done("lr_explains_instability", "dead_network_explains_no_learning")


def dead(c):
    c.fit(init=0, epochs=25)
    c.done("dead_network_explains_no_learning", "lr_explains_instability")


def rare(c):
    keep = (c.train.target != 1) | (c.rng.random(len(c.train)) < 0.03)
    c.train = c.train[keep]
    keep = (c.test.target != 1) | (c.rng.random(len(c.test)) < 0.06)
    c.test = c.test[keep]
    # A loss that counts the frequent class ten times: what a sampler set up the wrong way round does.
    c.fit(epochs=25, lr=2e-3, width=8, weights=np.array([10.0, 0.02]))
    c.done("imbalance_explains_collapse", "noise_explains_overfitting")


def repeated(c):
    whole = pd.concat([c.train, c.test])
    whole = pd.concat([whole, whole.sample(frac=0.6, random_state=1)]).sample(frac=1, random_state=2)
    cut = int(len(whole) * 0.7)
    c.train, c.test = whole[:cut].copy(), whole[cut:].copy()
    c.fit(epochs=40, patience=6, keep="best")
    c.done("duplicates_explain_overlap", "leak_explains_performance")


def few(c):
    c.train = c.train[:24]
    c.fit(epochs=200, width=128, lr=3e-3, batch=8)
    c.done("data_too_small_for_model", "noise_explains_overfitting")


def passed(c):
    # Noise in the inputs: the labels are right, the run just goes on too long and keeps its last state.
    features = [n for n in c.train.columns if n != "target"]
    for f in (c.train, c.test):
        f[features] = f[features] + c.rng.normal(0, 1.5, f[features].shape) * f[features].std().to_numpy()
    c.fit(epochs=150, width=128, lr=2e-3, keep="last")
    c.done("wrong_checkpoint_selected", "leak_explains_performance")


def broken_weights(c):
    # The rate is what was done; weights that are no numbers follow from it.
    c.fit(optimizer="sgd", lr=1e3, epochs=12)
    c.done("lr_explains_instability", "scale_explains_divergence")


def drift(c):
    from deepchecks.tabular import Dataset
    from deepchecks.tabular.checks import TrainTestPerformance
    from sklearn.ensemble import RandomForestClassifier

    features = [n for n in c.train.columns if n != "target"]
    model = RandomForestClassifier(60, random_state=0).fit(c.train[features], c.train.target)
    important = [features[i] for i in np.argsort(model.feature_importances_)[::-1][:4]]
    fit_on, held = c.train[: len(c.train) * 2 // 3], c.train[len(c.train) * 2 // 3:]
    model = RandomForestClassifier(60, min_samples_leaf=3, random_state=0).fit(fit_on[features], fit_on.target)
    c.train = held
    for n in important:
        c.test[n] = c.test[n] + 2.0 * c.train[n].std() * (1 if c.rng.random() < 0.5 else -1)
    check = TrainTestPerformance().add_condition_train_test_relative_degradation_less_than(0.1)
    result = check.run(Dataset(c.train, label="target", cat_features=[]), Dataset(c.test, label="target", cat_features=[]), model)
    (c.folder / "deepchecks.json").write_text(result.to_json())
    c.done("drift_explains_drop", "leak_explains_performance")


def sound(c):
    c.fit(epochs=30, lr=1e-3, patience=5, keep="best")
    c.done(None, "leak_explains_performance")


KINDS = [leak, noise, scale, rate, slow, dead, rare, repeated, few, passed, broken_weights, drift, sound]


def main():
    first, last = (int(part) for part in sys.argv[2].split(":"))
    out, seeds = pathlib.Path(sys.argv[1]), range(first, last)
    for kind in KINDS:
        for table in TABLES:
            for seed in seeds:
                kind(Case(out, kind.__name__, table, seed, "target"))
    print(f"{len(KINDS) * len(TABLES) * len(seeds)} cases in {out}")


main()
