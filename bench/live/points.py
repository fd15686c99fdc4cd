"""A run folder's log as points in the order they were logged: (key, value, step, epoch or None)."""

import csv
import json
import math
import pathlib


def number(text):
    return float(text) if text not in ("", None) else None


def table(path):
    for i, row in enumerate(csv.DictReader(path.open())):
        epoch = number(row.pop("epoch", None))
        step = number(row.pop("step", None))
        for key, cell in row.items():
            if (value := number(cell)) is not None:
                yield key, value, int(step if step is not None else i), epoch


def trainer_state(path):
    for entry in json.loads(path.read_text())["log_history"]:
        for key, value in entry.items():
            if key not in ("step", "epoch") and isinstance(value, (int, float)):
                yield key, float(value), int(entry["step"]), entry.get("epoch")


def file_store(folder):
    points = []
    for path in sorted(folder.iterdir()):
        for line in path.read_text().splitlines():
            _, value, step = line.split()
            points.append((path.name, float(value), int(step), None))
    return sorted(points, key=lambda p: p[2])


def evals(path):
    rounds = [(f"{side} {name}", values) for side, metrics in json.loads(path.read_text()).items() for name, values in metrics.items()]
    for i in range(max(len(values) for _, values in rounds)):
        for key, values in rounds:
            if i < len(values):
                yield key, float(values[i]), i, float(i)


READERS = {"metrics.csv": table, "training.log.csv": table, "trainer_state.json": trainer_state, "evals_result.json": evals, "metrics": file_store}


def read(run):
    """The points and the log's path."""
    for name, reader in READERS.items():
        path = pathlib.Path(run) / name
        if path.exists() and path.is_dir() == (name == "metrics"):
            return list(reader(path)), path
    raise FileNotFoundError(f"no log in {run}")


def params(run):
    """The hyper-parameters' text, or an empty one."""
    for name in ("hparams.yaml", "params.yaml"):
        path = pathlib.Path(run) / name
        if path.exists():
            return path.read_text()
    return ""


def onset(code, points):
    """How many points had come when the fault first stood in the log; None where it is there from the beginning on or
    its beginning is a matter of taste."""
    loss = [(i, key, value) for i, (key, value, _, _) in enumerate(points) if "loss" in key.lower() or "logloss" in key]
    if code == "nan_loss":
        return next((i + 1 for i, _, value in loss if not math.isfinite(value)), None)
    if code in ("overfitting", "boosting_overfit", "loss_metric_divergence"):
        val = [(value, i) for i, key, value in loss if ("val" in key or "eval" in key or "test" in key) and math.isfinite(value)]
        return min(val)[1] + 1 if val else None
    if code == "exploding_loss":
        train = [(i, value) for i, key, value in loss if not any(w in key for w in ("val", "eval", "test"))]
        start = min((v for _, v in train[:3] if math.isfinite(v)), default=math.nan)
        return next((i + 1 for i, v in train if not v < 3 * start), None)
    if code == "log_restart":
        last = {}
        for i, (key, _, step, _) in enumerate(points):
            if step < last.get(key, -1):
                return i + 1
            last[key] = step
    return None
