"""A small boosted model in both of XGBoost's forms: pip install xgboost-cpu==3.2.0 numpy, then python3 make_xgboost.py"""

import pathlib

import numpy as np
import xgboost

here, draw = pathlib.Path(__file__).parent, np.random.default_rng(0)
x = draw.normal(size=(400, 5))
y = (x[:, 0] > 0).astype(int)
parameters = {"objective": "binary:logistic", "max_depth": 3, "eval_metric": "logloss"}
booster = xgboost.train(parameters, xgboost.DMatrix(x[:300], y[:300]), 12, evals=[(xgboost.DMatrix(x[300:], y[300:]), "val")],
                        early_stopping_rounds=5, verbose_eval=False)
for end in ("ubj", "json"):
    booster.save_model(here / f"honest_boosted.{end}")
