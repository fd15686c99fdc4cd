"""Boosted trees as runs: the same configuration keys, rounds for epochs, shrinkage for the learning rate."""

import json
import math

import numpy as np
import xgboost
import yaml

import real_data
from nets import History


def settings(c, classes):
    many = classes > 2
    return {"booster": "gbtree", "eta": min(1.0, c["lr"]), "eval_metric": ["mlogloss", "merror"] if many else ["logloss", "error"],
            "max_depth": c["depth"], "min_child_weight": 1, "nthread": 1, "objective": "multi:softprob" if many else "binary:logistic",
            "reg_lambda": c["weight_decay"], "seed": c["seed"], "subsample": 1 - c["dropout"]} | ({"num_class": classes} if many else {})


def train(c):
    part = real_data.split(c)
    given = settings(c, part.data.classes)
    rows, result = xgboost.DMatrix(part.train[0], part.train[1]), {}
    unseen = xgboost.DMatrix(part.val[0], part.val[1])
    model = xgboost.train(given, rows, c["epochs"], evals=[(rows, "train"), (unseen, "eval")], evals_result=result,
                          early_stopping_rounds=c["patience"], verbose_eval=False)
    loss, error = given["eval_metric"]
    h = History(c, initial=math.log(part.data.classes), prior=part.prior, majority=(part.majority_train, part.majority_val),
                counts=part.counts, sizes=(len(part.train[0]), len(part.val[0])))
    for i in range(model.num_boosted_rounds()):
        h.epochs.append(dict(epoch=i, step=i, loss=result["train"][loss][i], acc=1 - result["train"][error][i], val_loss=result["eval"][loss][i],
                             val_acc=1 - result["eval"][error][i], one_class=math.nan, lr=given["eta"]))
    h.best = int(np.argmin(h.series("val_loss")))
    h.kept = h.best if c["patience"] else len(h.epochs) - 1
    return h


def write(folder, h):
    """`evals_result()` and the parameters as a user would keep them."""
    c, classes = h.config, len(h.counts[0])
    folder.mkdir(parents=True)
    loss, error = settings(c, classes)["eval_metric"]
    result = {name: {loss: [round(v, 6) for v in h.series(a).tolist()], error: [round(1 - v, 6) for v in h.series(b).tolist()]}
              for name, a, b in (("train", "loss", "acc"), ("eval", "val_loss", "val_acc"))}
    (folder / "evals_result.json").write_text(json.dumps(result))
    given = settings(c, classes)
    params = {"booster": given.pop("booster"), "dataset": c["dataset"], "early_stopping_rounds": c["patience"], "num_boost_round": c["epochs"], "params": given,
              "task": "classification", "data": {"num_classes": classes, "num_train": h.sizes[0], "num_val": h.sizes[1],
                                                 "train_class_counts": [int(n) for n in h.counts[0]], "val_class_counts": [int(n) for n in h.counts[1]]}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=True))
