"""Writes a run as a folder of the corpus: a log in one of five layouts, parameters, layer statistics, checkpoint.

A `Layout` says what is logged, for a run logs only part of what happened; `shown` is what is left for the labels to rest
on. Logs are written the way the libraries write them: most cells of a Lightning log are empty, Hugging Face averages the
loss since its last entry, Keras has one row per epoch.
"""

import csv
import dataclasses
import json
import math

import numpy as np
import torch
import yaml


@dataclasses.dataclass(frozen=True)
class Layout:
    format: str = "lightning"  # lightning, keras, hf, mlflow
    every: int = 5             # steps between step rows
    grad: bool = False
    rate: bool = False
    layers: bool = False
    checkpoint: str = ""       # "", safetensors or ckpt
    slash: bool = False
    f1: bool = False


def shown(layout, h):
    """What of the run can be seen in its artifacts."""
    grad = [s["grad"] for s in h.steps[layout.every - 1::layout.every]] if layout.grad and layout.format in ("lightning", "hf") else []
    if layout.layers:
        grad += [r["grad_norm"] for r in h.layers if "grad_norm" in r]
    return dict(grad=grad, layers=layout.layers, checkpoint=bool(layout.checkpoint), train_acc=layout.format != "hf", val_acc=True)


def number(value):
    if value is None:
        return ""
    return repr(round(value, 6)) if isinstance(value, float) and math.isfinite(value) and abs(value) < 1e15 else f"{value:.6g}"


def table(path, columns, rows):
    with path.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([row[c] if isinstance(row.get(c), (str, int)) else number(row.get(c)) for c in columns])


def lightning(folder, h, layout):
    score = "acc" if h.task == "classification" else "mae"
    sep = "/" if layout.slash else "_"
    both = layout.every < 10
    step_loss, epoch_loss = (f"train{sep}loss_step", f"train{sep}loss_epoch") if both else (None, f"train{sep}loss")
    lr = f"lr-{h.optim}"
    columns = ["epoch", "step"] + [lr] * layout.rate + ["grad_norm"] * layout.grad + [step_loss] * both + [
        epoch_loss, f"train{sep}{score}", f"val{sep}loss", f"val{sep}{score}"] + [f"val{sep}f1"] * (layout.f1 and score == "acc")
    rows, steps = [], iter(h.steps)
    for e in h.epochs:
        for s in steps:
            if (s["step"] + 1) % layout.every == 0:
                if layout.rate:
                    rows.append({"step": s["step"], lr: s["lr"]})
                row = {"epoch": s["epoch"], "step": s["step"]} | ({"grad_norm": s["grad"]} if layout.grad else {}) | ({step_loss: s["loss"]} if both else {})
                if len(row) > 2:
                    rows.append(row)
            if s["step"] == e["step"] and s["epoch"] == e["epoch"]:
                break
        at = {"epoch": e["epoch"], "step": e["step"]}
        rows.append(at | {f"val{sep}loss": e["val_loss"], f"val{sep}{score}": e["val_acc"]} | ({f"val{sep}f1": e["val_f1"]} if layout.f1 and score == "acc" else {}))
        rows.append(at | {epoch_loss: e["loss"], f"train{sep}{score}": e["acc"]})
    table(folder / "metrics.csv", columns, rows)


def keras(folder, h, layout):
    score = "accuracy" if h.task == "classification" else "mae"
    columns = sorted([score, "loss", f"val_{score}", "val_loss"] + ["learning_rate"] * layout.rate)
    table(folder / "training.log.csv", ["epoch", *columns],
          [{"epoch": e["epoch"], score: e["acc"], "loss": e["loss"], f"val_{score}": e["val_acc"], "val_loss": e["val_loss"],
            "learning_rate": e["lr"]} for e in h.epochs])


def hf(folder, h, layout):
    score = "eval_accuracy" if h.task == "classification" else "eval_mae"
    log, steps, since = [], iter(h.steps), []
    per_epoch = max(1, h.epochs[0]["step"] + 1)
    for e in h.epochs:
        for s in steps:
            since.append(s["loss"])
            if (s["step"] + 1) % layout.every == 0:
                entry = {"epoch": round((s["step"] + 1) / per_epoch, 2)} | ({"grad_norm": s["grad"]} if layout.grad else {})
                entry |= {"learning_rate": s["lr"], "loss": round(float(np.mean(since)), 4), "step": s["step"] + 1}
                log.append(entry)
                since = []
            if s["step"] == e["step"] and s["epoch"] == e["epoch"]:
                break
        log.append({"epoch": float(e["epoch"] + 1), score: e["val_acc"], "eval_loss": e["val_loss"], "eval_runtime": 0.0112, "step": e["step"] + 1})
    best = h.epochs[h.best]["val_loss"] if h.config["ckpt"] == "best" else None
    state = {"best_metric": best, "epoch": float(h.epochs[-1]["epoch"] + 1), "global_step": h.epochs[-1]["step"] + 1, "is_local_process_zero": True,
             "log_history": log, "max_steps": per_epoch * h.config["epochs"], "num_train_epochs": h.config["epochs"]}
    (folder / "trainer_state.json").write_text(json.dumps(state, indent=1))


def mlflow(folder, h, layout):
    score = "acc" if h.task == "classification" else "mae"
    (folder / "metrics").mkdir()
    series = {"train_loss": "loss", f"train_{score}": "acc", "val_loss": "val_loss", f"val_{score}": "val_acc"} | ({"lr": "lr"} if layout.rate else {})
    for name, key in series.items():
        lines = [f"{1700000000000 + 37 * (i + 1)} {number(e[key])} {e['epoch']}" for i, e in enumerate(h.epochs)]
        (folder / "metrics" / name).write_text("\n".join(lines) + "\n")


SCHEDULES = {"const": "none", "exp": "exponential", "exp_per_step": "exponential", "warmup": "linear_warmup"}


def params(h):
    c = h.config
    data = {"num_train": h.sizes[0], "num_val": h.sizes[1]}
    if h.task == "classification":
        data |= {"num_classes": len(h.counts[0]), "train_class_counts": [int(n) for n in h.counts[0]], "val_class_counts": [int(n) for n in h.counts[1]]}
    else:
        data["target_variance"] = round(h.prior, 5)
    if c["standardize"]:
        data["standardize"] = True
    per_epoch = math.ceil(h.sizes[0] / c["batch_size"])
    total = per_epoch * c["epochs"]
    out = {"batch_size": c["batch_size"], "checkpoint": {"mode": "min", "monitor": "val_loss", "save": c["ckpt"]}, "data": data, "dataset": c["dataset"],
           "early_stopping": {"monitor": "val_loss", "patience": c["patience"]} if c["patience"] else None, "gradient_clip_val": c["clip"],
           "learning_rate": c["lr"], "loss": "cross_entropy" if h.task == "classification" else "mse",
           "lr_scheduler": SCHEDULES.get(c["sched"], c["sched"]), "max_epochs": c["epochs"],
           "model": {"activation": c["act"], "batch_norm": c["bn"], "dropout": c["dropout"], "hidden_size": c["width"], "num_layers": c["depth"],
                     "type": c["arch"], "weight_init": c["init"]},
           "optimizer": c["opt"], "seed": c["seed"], "task": h.task, "weight_decay": c["weight_decay"]}
    if c["opt"] == "sgd":
        out["momentum"] = c["momentum"]
    if c["sched"] in ("cosine", "warmup_cosine", "linear"):
        out["T_max"] = round(c["sched_frac"] * total)
    if c["sched"] == "warmup_cosine":
        out["warmup_steps"] = round(0.1 * total)
    if c["sched"] == "warmup":
        out["warmup_steps"] = round(c["sched_frac"] * total)
    if c["sched"].startswith("exp"):
        out["gamma"] = c["gamma"]
    if c["sched"] == "step":
        out |= {"gamma": 0.3, "step_size": max(1, total // 3)}
    if c["sched"] == "one_cycle":
        out["total_steps"] = total
    if c["pretrained"]:
        out["pretrained"] = True
    if c["freeze"] and c["declare_freeze"]:
        out["freeze"] = [c["freeze"]]
    return out


LAYER_COLUMNS = """epoch step layer kind weight_norm weight_mean weight_std weight_absmax update_ratio grad_norm grad_mean_abs grad_zero_frac
act_mean act_std act_absmax act_zero_frac dead_frac sat_frac""".split()


def write(folder, h, layout):
    folder.mkdir(parents=True)
    {"lightning": lightning, "keras": keras, "hf": hf, "mlflow": mlflow}[layout.format](folder, h, layout)
    name = "params.yaml" if layout.format == "mlflow" else "hparams.yaml"
    (folder / name).write_text(yaml.safe_dump(params(h), sort_keys=True))
    if layout.layers:
        table(folder / "layer_stats.csv", LAYER_COLUMNS, h.layers)
    at = h.epochs[h.kept]
    if layout.checkpoint == "safetensors":
        from safetensors.torch import save_file
        save_file({k: v.contiguous() for k, v in h.weights.items()}, str(folder / "model.safetensors"),
                  metadata={"epoch": str(at["epoch"]), "global_step": str(at["step"] + 1), "format": "pt"})
    elif layout.checkpoint:
        file = "last.ckpt" if h.config["ckpt"] == "last" else f"epoch={at['epoch']}-step={at['step']}.ckpt"
        torch.save({"epoch": at["epoch"], "global_step": at["step"] + 1, "state_dict": h.weights}, folder / file)
