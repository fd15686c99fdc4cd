"""Clean controls: plain splits, and honest things that a careless detector takes for faults.

Each takes (train, test, meta, rng) and returns (train, test, detail), or None where the table cannot show it.
Nothing here is a fault by the definitions, so a medium or high finding is a false alarm.
"""

import numpy as np
import pandas as pd

from inject import auc, blank, categorical, choose, dated, free_name, join, numeric, put_both, rows, target


def plain(train, test, meta, rng):
    return train, test, {}


def strong_honest(train, test, meta, rng):
    """A good feature, as a well-chosen measurement is: AUC near 0.87 or R2 near 0.6."""
    both = join(train, test)
    y = target(both, meta)
    spread = 1 / 1.6 if meta["task"] == "classification" else y.std() * 0.8
    made = (y + rng.normal(0, spread, len(y))).round(3)
    detail = {"auc": round(float(auc(made, y)), 3)} if meta["task"] == "classification" else {"r2": round(float(np.corrcoef(made, y)[0, 1] ** 2), 3)}
    name = free_name(train, rng, ["assay", "test_result", "index_q"])
    return *put_both(train, test, name, made, rng), {**detail, "column": name}


def missing_at_random(train, test, meta, rng):
    """A tenth to a third of some cells lost by a coin, alike in both splits."""
    features = [c for c in train if c != meta["label"] and train[c].isna().mean() == 0]
    if not features:
        return None
    hit = rng.choice(features, min(len(features), int(rng.integers(1, 4))), replace=False)
    shares = {}
    for c in hit:
        shares[c] = round(float(rng.uniform(0.1, 0.3)), 2)
        train, test = (blank(t, c, rng.random(len(t)) < shares[c]) for t in (train, test))
    return train, test, {"missing": shares}


def correlated(train, test, meta, rng):
    """A second measurement that agrees with another at 0.8, as height and weight do."""
    column = choose(rng, numeric(train, meta, 20))
    if column is None:
        return None
    both = join(train, test)
    x = both[column].astype(float)
    z = ((x - x.mean()) / x.std()).fillna(0).to_numpy()
    made = (40 + 7 * (0.8 * z + 0.6 * rng.normal(size=len(z)))).round(2)
    name = free_name(train, rng, ["second_reading", "sensor_b"])
    return *put_both(train, test, name, made, rng), {"column": name, "of": column}


def unique_floats(train, test, meta, rng):
    """A continuous measurement: every value occurs once, and it is no identifier."""
    n = len(train) + len(test)
    made = rng.normal(20, 4, n) if rng.random() < 0.5 else rng.uniform(0, 100, n)
    name = free_name(train, rng, ["reading", "voltage", "duration"])
    return *put_both(train, test, name, made, rng), {"column": name}


def small(train, test, meta, rng):
    """60 to 150 rows a split, on tables narrow enough for it; a classification keeps 15 rows of every class."""
    if train.shape[1] > 13:
        return None
    a, b = int(rng.integers(90, 151)), int(rng.integers(60, 121))
    if len(train) < a or len(test) < b:
        return None
    train, test = train.iloc[rows(rng, len(train), a / len(train))], test.iloc[rows(rng, len(test), b / len(test))]
    if meta["task"] == "classification" and min(train[meta["label"]].value_counts().min(), 2 * test[meta["label"]].value_counts().min()) < 15:
        return None
    for c in categorical(train, meta):
        if not set(test[c].dropna()) <= set(train[c].dropna()):
            return None
    return train, test, {"rows": [a, b]}


def imbalance(train, test, meta, rng):
    """A minority of 12 to 20 %, with rows enough to learn it from."""
    if meta["task"] != "classification" or train[meta["label"]].nunique() != 2:
        return None
    share, out = rng.uniform(0.12, 0.20), []
    kind = train[meta["label"]].value_counts().index[-1]
    for t in (train, test):
        mine = np.flatnonzero((t[meta["label"]] == kind).to_numpy())
        keep = int(share / (1 - share) * (len(t) - len(mine)))
        if keep < 25:
            return None
        gone = rng.choice(mine, max(0, len(mine) - keep), replace=False)
        out.append(t.drop(index=t.index[gone]))
    return *out, {"share": round(float(share), 3)}


def few_valued(train, test, meta, rng):
    """Counts and grades: integers of few values."""
    n = len(train) + len(test)
    train, test = put_both(train, test, free_name(train, rng, ["n_items", "visits_q"]), rng.poisson(2.2, n), rng)
    return *put_both(train, test, free_name(train, rng, ["grade_1_5", "stars"]), rng.choice([1, 2, 3, 4, 5], n, p=[.08, .14, .28, .3, .2]), rng), {}


def lognormal(train, test, meta, rng):
    """Money is skewed; its large values are no errors."""
    n = len(train) + len(test)
    made = rng.lognormal(rng.uniform(2, 9), rng.uniform(0.7, 1.3), n).round(2)
    name = free_name(train, rng, ["turnover", "amount_paid", "balance_q"])
    return *put_both(train, test, name, made, rng), {"column": name}


def time_ordered(train, test, meta, rng):
    """Split by time with the rows' distribution unchanged; the dates of the splits are disjoint, as they should be."""
    train, test, m = dated(train, test, meta, rng, trend=0.0) if not meta["date"] else made_dates(train, test, meta, rng)
    return train, test, {"datetime": m["datetime"], "column": m["datetime"]}


def made_dates(train, test, meta, rng):
    """Dates by a coin even where the table has its own: real seasons would shift the features."""
    name = choose(rng, ["date", "created_at"])
    when = pd.DatetimeIndex(pd.Timestamp("2020-01-01") + np.arange(len(train) + len(test)) * pd.Timedelta("3h"))
    train, test = put_both(train, test, name, when.strftime("%Y-%m-%d %H:%M:%S").astype(object), rng)
    return train, test, {**meta, "datetime": name}


def year_ordered(train, test, meta, rng):
    """A split by year with the year left in the table: disjoint by design, and half the time named as the date."""
    if any("year" in c.lower() for c in train):
        return None
    train, test = train.copy(), test.copy()
    train.insert(0, "year", np.sort(rng.integers(2008, 2018, len(train))))
    test.insert(0, "year", np.sort(rng.integers(2018, 2021, len(test))))
    return train, test, {"datetime": "year" if rng.random() < 0.5 else None, "column": "year"}


NOUNS = "order shipment invoice ticket claim parcel letter refund repair visit call meeting audit contract sample".split()
VERBS = ("arrived late|was checked twice|could not be delivered|needs a new part|was sent back|"
         "is waiting for approval|was closed|has no receipt|looks fine").split("|")


def text(train, test, meta, rng):
    """Free text, different in almost every row."""
    n = len(train) + len(test)
    made = np.array([f"{choose(rng, NOUNS)} from {choose(rng, ['north', 'south', 'east', 'west', 'centre'])} {choose(rng, VERBS)}, "
                     f"{choose(rng, NOUNS)} {choose(rng, VERBS)} after {rng.integers(2, 60)} days" for _ in range(n)], dtype=object)
    name = free_name(train, rng, ["comment", "remarks", "description"])
    return *put_both(train, test, name, made, rng), {"column": name}


def true_zeros(train, test, meta, rng):
    """Rain, donations, days of illness: zero for many rows and meant so."""
    n = len(train) + len(test)
    made = np.where(rng.random(n) < rng.uniform(0.3, 0.7), 0, rng.gamma(1.5, 8, n).round(1))
    name = free_name(train, rng, ["rain_mm", "donation", "sick_days"])
    return *put_both(train, test, name, made, rng), {"column": name}


def negatives(train, test, meta, rng):
    """Temperatures, balances, changes: values below zero, -1 among them, that mean what they say."""
    n = len(train) + len(test)
    made = rng.normal(2, 9, n).round() if rng.random() < 0.5 else rng.normal(-15, 40, n).round(1)
    name = free_name(train, rng, ["temp_c", "change", "net_flow"])
    return *put_both(train, test, name, made, rng), {"column": name}


def yes_no(train, test, meta, rng):
    """Booleans as yes/no, Y/N, true/false, 0/1."""
    n = len(train) + len(test)
    for name, pair, share in (("member", ("yes", "no"), 0.4), ("opt_in", ("Y", "N"), 0.7), ("checked", (True, False), 0.25), ("has_child", (1, 0), 0.5)):
        if name not in train:
            train, test = put_both(train, test, name, np.where(rng.random(n) < share, *[np.array(p, dtype=object) for p in pair]), rng)
            if not isinstance(pair[0], str):
                train[name], test[name] = train[name].astype(type(pair[0])), test[name].astype(type(pair[0]))
    return train, test, {}


def reordered(train, test, meta, rng):
    """Columns in another order and rows shuffled: the same schema all the same."""
    return train, test.sample(frac=1, random_state=int(rng.integers(10**6)))[list(rng.permutation(test.columns))], {}


CONTROLS = {"plain": plain, "coarse": plain, "strong_honest": strong_honest, "missing_at_random": missing_at_random, "correlated_08": correlated,
            "unique_floats": unique_floats, "small": small, "imbalance": imbalance, "few_valued": few_valued, "lognormal": lognormal,
            "time_ordered": time_ordered, "year_ordered": year_ordered, "text": text, "true_zeros": true_zeros, "negatives": negatives,
            "yes_no": yes_no, "columns_reordered": reordered}
