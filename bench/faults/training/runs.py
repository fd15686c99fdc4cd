"""Reads a run folder into plain arrays, for the rule sets of the literature. They get all that deepfix gets but the checkpoint.

Five log layouts, one `Run`: losses and scores per epoch, what is known per step, layer statistics, parameters. A Hugging
Face log has train losses between evaluations only; those of an epoch are averaged.
"""

import csv
import dataclasses
import json
import math
import pathlib

import numpy as np
import yaml


@dataclasses.dataclass
class Run:
    name: str
    loss: np.ndarray      # train loss per epoch
    val_loss: np.ndarray
    acc: np.ndarray       # empty for regression, or where it was not logged
    val_acc: np.ndarray
    step_loss: np.ndarray  # per step where logged, else per epoch
    grad_norm: np.ndarray
    layers: list
    params: dict
    prior: float | None   # loss of always saying the class shares, or the mean

    @property
    def epochs(self):
        return len(self.loss) or len(self.val_loss)

    def rows(self, kind):
        return [row for row in self.layers if row["kind"].split(":")[0] == kind]


def number(text):
    return float(text) if text not in ("", None) else math.nan


def column(rows, *names):
    """The first of the columns there, without empty cells; a cell that says nan stays."""
    for name in names:
        values = [number(row[name]) for row in rows if row.get(name) not in ("", None)]
        if values:
            return np.array(values)
    return np.array([])


def filled(means):
    """Epochs in which nothing was logged take the last value known, or the first to come."""
    known = [v for v in means if v is not None]
    out = []
    for value in means:
        out.append(value if value is not None else out[-1] if out else known[0] if known else math.nan)
    return np.array(out)


def lightning(path):
    with path.open() as file:
        rows = [{k.replace("/", "_"): v for k, v in row.items()} for row in csv.DictReader(file)]
    steps = column(rows, "train_loss_step", "train_loss")
    loss = column(rows, "train_loss_epoch")
    if not len(loss):  # logged at steps only: the mean of an epoch's
        found, means = {}, []
        for row in rows:
            if row.get("train_loss") and row.get("epoch"):
                found.setdefault(int(row["epoch"]), []).append(float(row["train_loss"]))
        for epoch in range(max((int(r["epoch"]) for r in rows if r.get("epoch")), default=-1) + 1):
            means.append(np.mean(found[epoch]) if epoch in found else None)
        loss = filled(means)
    return dict(loss=loss, step_loss=steps, val_loss=column(rows, "val_loss"), acc=column(rows, "train_acc"), val_acc=column(rows, "val_acc"),
                grad_norm=column(rows, "grad_norm"))


def keras(path):
    with path.open() as file:
        rows = list(csv.DictReader(file))
    loss = column(rows, "loss")
    return dict(loss=loss, step_loss=loss, val_loss=column(rows, "val_loss"), acc=column(rows, "accuracy"), val_acc=column(rows, "val_accuracy"),
                grad_norm=np.array([]))


def hugging_face(path):
    log = json.loads(path.read_text())["log_history"]
    means, since = [], []
    for entry in log:
        if "loss" in entry:
            since.append(float(entry["loss"]))
        elif "eval_loss" in entry:
            means.append(np.mean(since) if since else None)
            since = []
    return dict(loss=filled(means), step_loss=column(log, "loss"), val_loss=column(log, "eval_loss"), acc=np.array([]),
                val_acc=column(log, "eval_accuracy"), grad_norm=column(log, "grad_norm"))


def mlflow(folder):
    def series(*names):
        for name in names:
            if (folder / name).exists():
                return np.array([float(line.split()[1]) for line in (folder / name).read_text().splitlines()])
        return np.array([])
    loss = series("train_loss", "loss")
    return dict(loss=loss, step_loss=loss, val_loss=series("val_loss"), acc=series("train_acc"), val_acc=series("val_acc"), grad_norm=np.array([]))


def xgboost(path):
    result = json.loads(path.read_text())
    loss = next(k for k in result["train"] if "loss" in k or k == "rmse")
    error = next((k for k in result["train"] if "error" in k), None)
    def score(part):
        return 1 - np.array(result[part][error]) if error else np.array([])
    train = np.array(result["train"][loss])
    return dict(loss=train, step_loss=train, val_loss=np.array(result["eval"][loss]), acc=score("train"), val_acc=score("eval"), grad_norm=np.array([]))


LOGS = {"metrics.csv": lightning, "training.log.csv": keras, "trainer_state.json": hugging_face, "metrics": mlflow, "evals_result.json": xgboost}


def load(folder):
    log = next(read(folder / name) for name, read in LOGS.items() if (folder / name).exists())
    params = yaml.safe_load(next(p for p in (folder / "hparams.yaml", folder / "params.yaml") if p.exists()).read_text())
    layers = []
    if (folder / "layer_stats.csv").exists():
        with (folder / "layer_stats.csv").open() as file:
            layers = [{k: v if k in ("layer", "kind") else number(v) for k, v in row.items()} for row in csv.DictReader(file)]
    data = params.get("data", {})
    counts = np.array(data.get("train_class_counts") or [], dtype=float)
    share = counts[counts > 0] / max(1.0, counts.sum())
    prior = float(-(share * np.log(share)).sum()) if len(share) else data.get("target_variance")
    return Run(folder.name, layers=layers, params=params, prior=prior, **log)


def load_all(folder):
    return {path.parent.name: load(path.parent) for path in sorted(pathlib.Path(folder).glob("*/labels.json"))}
