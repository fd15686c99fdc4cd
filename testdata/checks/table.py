"""The small tables every script here hands to its tool, with faults planted on purpose.

`tables()` gives a train and a test frame of 400 rows each:

* `income` in test is 1.8 times that of train (drift in one column);
* `age` holds one impossible value, 999, in each frame;
* `visits` is missing in 15 % of test and nowhere in train;
* `city` has a new category in test, `plan` spells one category in three ways;
* `leak` is the label with a little noise;
* `flat` never varies, `row_id` counts rows;
* 20 rows of each frame are repeated, 12 rows of train are in test too;
* the label is rarer in test than in train (label shift);
* `amount` is a target for regression (shifted by 9 in test), `mixed` holds numbers and a few words.
"""
import numpy as np
import pandas as pd

SEED = 7
ROWS = 400
FEATURES = ["age", "income", "visits", "city", "plan", "leak", "flat"]


def _frame(rng, test):
    n = ROWS
    age = rng.normal(41, 9, n).round(0)
    income = rng.lognormal(10.2, 0.35, n).round(2)
    visits = rng.poisson(4, n).astype(float)
    cities = ["Bern", "Lyon", "Graz", "Turin"]
    city = rng.choice(cities, n, p=[0.4, 0.3, 0.2, 0.1]).astype(object)
    plan = rng.choice(["basic", "plus", "pro"], n, p=[0.5, 0.3, 0.2]).astype(object)
    logit = (age - 41) / 9 + (visits - 4) / 2 + np.where(plan == "pro", 1.0, 0.0) + rng.normal(0, 1, n)
    label = (logit > (1.6 if test else 0.5)).astype(int)
    leak = (label + rng.normal(0, 0.03, n)).round(4)
    amount = (30 + 4 * (visits - 4) + 0.0005 * income + rng.normal(0, 5, n)).round(3)
    mixed = rng.integers(1, 90, n).astype(object)
    if test:
        income = (income * 1.8).round(2)
        visits[rng.choice(n, int(n * 0.15), replace=False)] = np.nan
        city[rng.choice(n, 24, replace=False)] = "Oslo"
        amount = (amount + 9).round(3)
    plan[rng.choice(n, 12, replace=False)] = "Basic"
    plan[rng.choice(n, 6, replace=False)] = "basic "
    mixed[rng.choice(n, 9, replace=False)] = "n.a."
    age[17] = 999.0
    frame = pd.DataFrame(
        {
            "row_id": np.arange(n) + (n if test else 0),
            "age": age,
            "income": income,
            "visits": visits,
            "city": city,
            "plan": plan,
            "mixed": mixed.astype(str),
            "leak": leak,
            "flat": 1,
            "day": pd.date_range("2024-03-01" if test else "2024-01-01", periods=n, freq="6h"),
            "amount": amount,
            "label": label,
        }
    )
    # Repeats: the last 20 rows are those before them.
    frame.iloc[n - 20 :, 1:] = frame.iloc[n - 40 : n - 20, 1:].to_numpy()
    kinds = {"age": float, "income": float, "visits": float, "leak": float, "flat": int, "amount": float, "label": int}
    frame = frame.astype(kinds)
    frame["day"] = pd.to_datetime(frame["day"])
    return frame


def tables():
    rng = np.random.default_rng(SEED)
    train = _frame(rng, False)
    test = _frame(rng, True)
    columns = [c for c in train.columns if c != "row_id"]
    test.loc[:11, columns] = train.loc[100:111, columns].to_numpy()
    kinds = {"age": float, "income": float, "visits": float, "leak": float, "flat": int, "amount": float, "label": int}
    test = test.astype(kinds)
    test["day"] = pd.to_datetime(test["day"])
    return train, test
