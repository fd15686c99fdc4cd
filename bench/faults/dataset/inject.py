"""One function per fault code: plants the fault in a clean split and says what was planted.

Each takes (train, test, meta, rng, strength) with strength 0 (weak but real), 1 or 2 and returns
(train, test, truth), or None where the table cannot carry the fault honestly. `meta["turn"]` chooses among
the forms of a fault, so that all of them occur.

truth: `code`, `columns` (as the report must name them), `split`, `also` (codes that are right too and count
as found), `side` (codes the planted fault brings with it: no false alarms, but not the fault itself),
`variant` and `detail` for a human, and for pairs `pairs`, every pair that is right.
"""

import hashlib
import re
import uuid

import numpy as np
import pandas as pd

import tables


# ---- helpers


def truth(code, columns=(), split="both", also=(), side=(), variant="", **detail):
    more = {"pairs": detail.pop("pairs")} if "pairs" in detail else {}
    return {"code": code, "columns": list(columns), "split": split, "also": list(also), "side": list(side),
            "variant": variant, "detail": {k: plain(v) for k, v in detail.items()}, **more}


def plain(value):
    """A value json can write."""
    if isinstance(value, np.generic):
        return value.item()
    return [plain(v) for v in value] if isinstance(value, (list, tuple, np.ndarray)) else value


def is_number(series):
    return pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)


def numeric(t, meta, unique=10):
    return [c for c in t if c != meta["label"] and c != meta["datetime"] and is_number(t[c]) and t[c].nunique() >= unique]


def categorical(t, meta, low=2, high=60):
    """Columns of words; numbers that mean categories are left alone, for nothing in a file says so."""
    return [c for c in t if c not in (meta["label"], meta["datetime"], *meta["text"])
            and not is_number(t[c]) and not pd.api.types.is_bool_dtype(t[c]) and low <= t[c].nunique() <= high]


def choose(rng, items):
    items = list(items)
    return items[rng.integers(len(items))] if items else None


def turn(meta, forms):
    return forms[meta["turn"] % len(forms)]


def rows(rng, n, share, least=1):
    """Positions of a random share of n rows."""
    return rng.choice(n, min(n, max(least, int(round(share * n)))), replace=False)


def put(t, name, values, rng):
    """Adds a column at a random place."""
    t = t.copy()
    t.insert(int(rng.integers(len(t.columns) + 1)), name, values)
    return t


def put_both(train, test, name, values, rng):
    """Adds one column, given for the rows of both splits, at the same random place."""
    at = int(rng.integers(len(train.columns) + 1))
    train, test = train.copy(), test.copy()
    train.insert(at, name, values[:len(train)])
    test.insert(at, name, values[len(train):])
    return train, test


def join(train, test):
    return pd.concat([train, test], ignore_index=True)


def free_name(t, rng, names):
    return choose(rng, [n for n in names if n not in t.columns])


def text_of(value):
    """A number as a CSV file shows it."""
    if value is None or value != value:
        return None
    return str(int(value)) if float(value).is_integer() else repr(round(float(value), 6))


def as_text(series):
    return pd.Series([text_of(v) for v in series], index=series.index, dtype=object)


def codes(series):
    """Classes as 0, 1, ...; numbers as they are."""
    return series.astype(float).to_numpy() if is_number(series) and series.nunique() > 20 else pd.factorize(series, sort=True)[0].astype(float)


def target(t, meta):
    """The label as a number a leak can copy: one class against the rest, or the value."""
    y = t[meta["label"]]
    if meta["task"] == "regression":
        return y.astype(float).to_numpy()
    return (y == y.value_counts().index[-1 if y.nunique() == 2 else 0]).astype(float).to_numpy()


def auc(score, y):
    rank = pd.Series(score).rank().to_numpy()
    n1 = y.sum()
    return (rank[y == 1].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(y) - n1))


def psi(a, b):
    """(PSI less its chance level, KS): how far b has moved from a; empty cells count half a row."""
    a, b = a.dropna(), b.dropna()
    if len(a) < 20 or len(b) < 20:
        return 0.0, 0.0
    if is_number(a) and a.nunique() > 10:
        edges = np.unique(np.quantile(a, np.arange(1, 10) / 10))
        p = np.bincount(np.searchsorted(edges, a, "right"), minlength=len(edges) + 1)
        q = np.bincount(np.searchsorted(edges, b, "right"), minlength=len(edges) + 1)
        both = np.sort(np.concatenate([a, b]))
        ks = np.abs(np.searchsorted(np.sort(a), both, "right") / len(a) - np.searchsorted(np.sort(b), both, "right") / len(b)).max()
    else:
        kinds = sorted(set(a.astype(str)) | set(b.astype(str)))
        p = a.astype(str).value_counts().reindex(kinds, fill_value=0).to_numpy()
        q = b.astype(str).value_counts().reindex(kinds, fill_value=0).to_numpy()
        ks = 0.0
    keep = p + q > 0
    p, q = np.maximum(p[keep], 0.5) / len(a), np.maximum(q[keep], 0.5) / len(b)
    chance = (len(p) - 1) * (1 / len(a) + 1 / len(b))
    return float(((q - p) * np.log(q / p)).sum() - chance), float(ks)


def moved(train, test, meta, least=0.1):
    """Feature columns that differ between the splits, as the definition measures it."""
    return [c for c in train if c in test and c not in (meta["label"], meta["datetime"], *meta["text"])
            and psi(train[c], test[c])[0] >= least]


# ---- columns and values


def schema_skew(train, test, meta, rng, strength):
    form = turn(meta, ["missing", "extra", "rename_case", "rename_space", "numeric_as_text", "renamed_style"])
    many = [1, 2, 3][strength]
    features = [c for c in train if c not in (meta["label"], meta["datetime"])]
    if form == "missing":
        gone = list(rng.choice(features, min(many, len(features) - 2), replace=False))
        return train, test.drop(columns=gone), truth("schema_skew", gone, "test", variant=form)
    if form == "extra":
        new = []
        for name in ["batch_no", "scored_at", "operator"][:many]:
            values = {"batch_no": rng.integers(1, 40, len(test)), "scored_at": pd.Timestamp("2024-03-01").strftime("%Y-%m-%d"),
                      "operator": rng.choice(["A7", "B2", "C4"], len(test))}[name]
            test = put(test, name, values, rng)
            new.append(name)
        return train, test, truth("schema_skew", new, "test", side=["constant_column"], variant=form)
    if form.startswith("rename"):
        if form == "rename_case":
            swap = {c: (c.upper() if c != c.upper() else c.lower()) for c in features}
        elif form == "rename_space":
            spaced = {c: c.replace("_", " ").replace(".", " ") for c in features}
            swap = {c: [f"{c} ", f" {c}", spaced[c] if spaced[c] != c else f"{c} "][strength] for c in features}
        else:
            swap = {c: "".join(p.capitalize() for p in c.replace("_", " ").replace(".", " ").split()) for c in features}
        features = [c for c in features if swap[c] != c and swap[c] not in train.columns]
        old = choose(rng, features)
        if old is None:
            return None
        return train, test.rename(columns={old: swap[old]}), truth("schema_skew", [old, swap[old]], "test", variant=form)
    columns = numeric(train, meta, 5)
    if not columns:
        return None
    hit = list(rng.choice(columns, min(many, len(columns)), replace=False))
    test = test.copy()
    for c in hit:
        kind = choose(rng, ["unit", "band", "word"])
        cut = np.nanquantile(train[c], [0.33, 0.67])
        if kind == "unit":
            test[c] = [None if v is None else f"{v} units" for v in as_text(test[c])]
        else:
            names = ["low", "mid", "high"] if kind == "band" else ["A", "B", "C"]
            test[c] = [None if v != v else names[int(np.searchsorted(cut, v))] for v in test[c].astype(float)]
    return train, test, truth("schema_skew", hit, "test", side=["mixed_types", "unseen_categories", "unit_change", "covariate_shift"], variant=form)


WORDS = ["one", "two", "ten", "twelve", "twenty", "hundred"]


def mixed_types(train, test, meta, rng, strength):
    form = turn(meta, ["unknown", "words", "thousands", "units", "decimal_comma", "below", "range", "date_format"])
    share = [0.003, 0.01, 0.05][strength]
    if form == "date_format":
        if tables.BY_NAME[meta["table"]].date:
            return None  # real seasons would shift the features too
        train, test, meta = dated(train, test, meta, rng, trend=0.0)
        column = meta["datetime"]

        def spoil(v):
            return pd.Timestamp(v).strftime("%d/%m/%Y")
    else:
        columns = numeric(train, meta, 8)
        if form == "thousands":
            columns = [c for c in columns if (train[c].abs() >= 1000).mean() > 0.1]
        if form == "decimal_comma":
            columns = [c for c in columns if (train[c].dropna() % 1 != 0).mean() > 0.5]
        column = choose(rng, columns)
        if column is None:
            return None
        unit = choose(rng, ["kg", "km", "USD", "%"])
        spoil = {"unknown": lambda v: "unknown", "words": lambda v: choose(rng, WORDS),
                 "thousands": lambda v: f"{float(v):,.0f}" if abs(float(v)) >= 1000 else None,
                 "units": lambda v: f"{v} {unit}", "decimal_comma": lambda v: v.replace(".", ",") if "." in v else None,
                 "below": lambda v: f"<{v}", "range": lambda v: f"{v}-{text_of(round(float(v) * 1.2 + 1, 1))}"}[form]
    out, count = [], 0
    for t, least in ((train, 2), (test, 1)):
        t = t.copy()
        values = t[column].copy() if form == "date_format" else as_text(t[column])
        able = [i for i, v in enumerate(values) if v is not None and spoil(v) is not None]
        if len(able) < 20:
            return None
        hit = rng.choice(able, min(len(able) // 4, max(least, int(round(share * len(t))))), replace=False)
        for i in hit:
            values.iloc[i] = spoil(values.iloc[i])
        t[column] = values
        count += len(hit)
        out.append(t)
    also = ["mixed_nulls"] if form == "unknown" else []
    made = truth("mixed_types", [column], also=also, side=["mixed_nulls", "category_variants", "schema_skew"], variant=form, values=count)
    return *out, {**made, "datetime": meta["datetime"]}


NULLS = ["?", "n.a.", "-", "missing", "none", "--", "not available", "unknown"]


def mixed_nulls(train, test, meta, rng, strength):
    form = turn(meta, ["number", "category", "number_with_empty", "category_with_empty"])
    column = choose(rng, numeric(train, meta, 5) if form.startswith("number") else categorical(train, meta))
    if column is None:
        return None
    number = is_number(train[column])
    used = {str(v).lower() for v in train[column].dropna()}
    spell = list(rng.permutation([n for n in NULLS if n not in used])[:[2, 3, 5][strength]])
    if form.endswith("empty"):
        spell[0] = None
    share, out = [0.03, 0.08, 0.15][strength], []
    for t, least in ((train, 2 * len(spell)), (test, len(spell))):
        t = t.copy()
        values = as_text(t[column]) if number else t[column].astype(object).copy()
        for k, i in enumerate(rows(rng, len(t), share, least)):
            values.iloc[i] = spell[k % len(spell)]
        t[column] = values
        out.append(t)
    # One word among numbers and blanks is the one as well as the other.
    also = ["mixed_types"] if number and sum(s is not None for s in spell) == 1 else []
    return *out, truth("mixed_nulls", [column], also=also, side=["mixed_types"] if number else [], variant=form, spellings=spell)


def category_variants(train, test, meta, rng, strength):
    form = turn(meta, ["upper", "trailing_space", "leading_space", "punctuation", "label", "capital", "double_space"])
    label = form == "label"
    if label:
        if meta["task"] != "classification" or is_number(train[meta["label"]]):
            return None
        column = meta["label"]
    else:
        column = choose(rng, categorical(train, meta))
    if column is None:
        return None
    kinds = [str(v) for v in train[column].dropna().unique()]

    def change(v):
        made = {"upper": v.upper() if v != v.upper() else v.lower(), "trailing_space": f"{v} ", "leading_space": f" {v}",
                "capital": v.capitalize() if v != v.capitalize() else v.lower(),
                "punctuation": next((v.replace(a, b) for a, b in (("_", "-"), ("-", " "), (" ", "_"), (".", "")) if a in v), f"{v}."),
                "double_space": v.replace(" ", "  ") if " " in v else f"{v}  ",
                "label": [f"{v} ", v.capitalize() if v != v.capitalize() else v.lower(), v.upper() if v != v.upper() else f"{v} "][strength]}[form]
        return made if made not in kinds and made != v else None

    able = [k for k in kinds if change(k) is not None and (train[column].astype(str) == k).sum() >= 20]
    if not able:
        return None
    hit_kinds = list(rng.choice(able, min(len(able), [1, 2, 4][strength]), replace=False))
    share, out = [0.02, 0.06, 0.2][strength], []
    for t, least in ((train, 3), (test, 1)):
        t = t.copy()
        values = t[column].astype(object).copy()
        where = [i for i, v in enumerate(values) if v is not None and str(v) in hit_kinds]
        if len(where) < 4:
            return None
        for i in rng.choice(where, min(len(where) // 3, max(least, int(round(share * len(t))))), replace=False):
            values.iloc[i] = change(str(values.iloc[i]))
        t[column] = values
        out.append(t)
    side = ["unseen_labels", "class_imbalance", "label_shift"] if label else ["unseen_categories"]
    return *out, truth("category_variants", [column], side=side, variant=form, changed=hit_kinds)


def sentinel_values(train, test, meta, rng, strength):
    magic = turn(meta, [-999, 9999, -1, 999, 0, 99999, -9999, -99])
    able = []
    for c in numeric(train, meta, 10):
        v = join(train, test)[c].dropna().astype(float)
        low, high, spread = v.min(), v.max(), v.quantile(0.75) - v.quantile(0.25)
        gap = max(low - magic, magic - high)
        need = 0.8 * spread if magic in (-1, 0) else (high - low)
        if spread > 0 and gap >= need and (magic not in (-1, 0) or low > 0):
            able.append(c)
    column = choose(rng, able)
    if column is None:
        return None
    share, out = [0.01, 0.04, 0.12][strength], []
    for t, least in ((train, 4), (test, 2)):
        t = t.copy()
        values = t[column].copy()
        values.iloc[rows(rng, len(t), share, least)] = magic
        t[column] = values
        out.append(t)
    return *out, truth("sentinel_values", [column], side=["outliers"], variant=str(magic), share=share)


def outliers(train, test, meta, rng, strength):
    form = turn(meta, ["x100", "x1000", "sign", "far", "x10"])
    able = []
    for c in numeric(train, meta, 15):
        v = train[c].dropna().astype(float)
        middle, spread = v.median(), v.quantile(0.75) - v.quantile(0.25)
        if spread <= 0 or (v - middle).abs().max() > 5 * spread:
            continue
        factor = {"x100": 100, "x1000": 1000, "x10": 10, "sign": -1}.get(form)
        if factor and not (v.quantile(0.25) > 0 and abs(v.quantile(0.25) * factor - middle) > [8, 8, 8][strength] * spread):
            continue
        able.append(c)
    column = choose(rng, able)
    if column is None:
        return None
    share, out = [0.002, 0.005, 0.01][strength], []
    for t, least in ((train, 3), (test, 1)):
        t = t.copy()
        values = t[column].astype(float) if form == "far" or t[column].dtype == float else t[column].copy()
        v = t[column].dropna().astype(float)
        middle, spread = v.median(), v.quantile(0.75) - v.quantile(0.25)
        able = np.flatnonzero((t[column] >= v.quantile(0.25)).to_numpy())
        for i in rng.choice(able, max(least, int(round(share * len(t)))), replace=False):
            if form == "far":
                made = middle + choose(rng, [-1, 1]) * spread * rng.uniform(15, 60)
                values.iloc[i] = round(made) if (v % 1 == 0).all() else made
            else:
                values.iloc[i] = values.iloc[i] * {"x100": 100, "x1000": 1000, "x10": 10, "sign": -1}[form]
        t[column] = values.astype("int64") if t[column].dtype != float else values
        out.append(t)
    return *out, truth("outliers", [column], side=["unit_change", "sentinel_values"], variant=form, share=share)


def constant_column(train, test, meta, rng, strength):
    form = turn(meta, ["number", "text", "zero", "bool"])
    name = free_name(train, rng, ["currency", "version", "flag_x", "source_system", "unit_id", "active"])
    value, other = {"number": (7, 9), "text": ("EUR", "USD"), "zero": (0.0, 1.5), "bool": (True, False)}[form]
    values = np.full(len(train) + len(test), value, dtype=object)
    few = [0.005, 0.001, 0.0][strength]
    if few:
        values[rows(rng, len(train), few)] = other
        if strength == 0:
            values[len(train) + rows(rng, len(test), few)] = other
    values = pd.Series(values).infer_objects()
    train, test = put_both(train, test, name, values.to_numpy(), rng)
    return train, test, truth("constant_column", [name], variant=form, other=few)


def make_ids(form, order, rng):
    """One identifier per row; `order` is the place of each row in the sequence the ids are given out."""
    n = len(order)
    if form == "integers":
        return order + 1
    if form == "account":
        return np.sort(rng.choice(9 * 10**8, n, replace=False) + 10**8)[order]
    if form == "prefixed":
        return np.array([f"CUST-{i + 1:05d}" for i in order], dtype=object)
    if form == "order_no":
        return np.array([f"2023{i // 300 + 1:03d}-{i % 300:03d}A" for i in order], dtype=object)
    if form == "uuid":
        return np.array([str(uuid.UUID(bytes=rng.bytes(16), version=4)) for _ in order], dtype=object)
    salt = rng.integers(10**9)
    return np.array([hashlib.md5(f"{salt}{i}".encode()).hexdigest() for i in order], dtype=object)


ID_NAMES = (["x17", "ref", "field_3", "key"], ["ref_no", "code", "record", "serial"], ["id", "customer_id", "uuid", "row_id"])


def id_column(train, test, meta, rng, strength):
    form = turn(meta, ["integers", "uuid", "hash", "prefixed", "account", "row_integers", "order_no"])
    name = free_name(train, rng, ID_NAMES[strength])
    order = rng.permutation(len(train) + len(test))
    ids = make_ids("integers" if form == "row_integers" else form, order, rng)
    if strength == 0:  # a few rows appear twice in such logs
        again = rows(rng, len(ids), 0.01)
        ids[again] = ids[rng.permutation(len(ids))[:len(again)]]
    train, test = put_both(train, test, name, ids, rng)
    if form == "row_integers":
        train, test = train.sort_values(name), test.sort_values(name)
    return train, test, truth("id_column", [name], variant=form)


def id_leakage(train, test, meta, rng, strength):
    """Ids handed out in an order that follows the label, as when two files, one per class, were appended."""
    form = turn(meta, ["integers", "prefixed", "row_order", "account"])
    both = join(train, test)
    y = codes(both[meta["label"]])
    if meta["task"] == "regression":
        y = pd.Series(y).rank(pct=True).to_numpy() * 3.46  # a spread of one
    # Next classes lie one apart: an AUC of 0.8, 0.93 and 1 between them. Ties are broken by a coin, not by split.
    key = y + rng.normal(0, [0.84, 0.48, 1e-6][strength], len(y))
    order = pd.Series(key).rank(method="first").to_numpy().astype(int) - 1
    if form == "row_order":
        train = train.iloc[np.argsort(order[:len(train)], kind="stable")]
        test = test.iloc[np.argsort(order[len(train):], kind="stable")]
        return train, test, truth("id_leakage", [], variant=form)
    name = free_name(train, rng, ID_NAMES[strength])
    train, test = put_both(train, test, name, make_ids(form, order, rng), rng)
    return train, test, truth("id_leakage", [name], also=["target_leakage"] if strength == 2 else [],
                              side=["id_column", "target_leakage"], variant=form)


def high_missing_rate(train, test, meta, rng, strength):
    form = turn(meta, ["any", "number", "category"])
    features = [c for c in train if c not in (meta["label"], meta["datetime"], *meta["text"])]
    column = choose(rng, {"any": features, "number": numeric(train, meta, 5), "category": categorical(train, meta)}[form])
    if column is None:
        return None
    share = [0.6, 0.78, 0.95][strength]
    train, test = blank(train, column, rng.random(len(train)) < share), blank(test, column, rng.random(len(test)) < share)
    return train, test, truth("high_missing_rate", [column], side=["duplicate_rows", "train_test_overlap", "conflicting_labels"], variant=form, share=share)


def blank(t, column, where):
    """Empties cells; integers stay integers in the file."""
    t = t.copy()
    kind = "Int64" if pd.api.types.is_integer_dtype(t[column]) else t[column].dtype if is_number(t[column]) else object
    values = t[column].astype(kind)
    values[where] = None if values.dtype == object else pd.NA if str(values.dtype) == "Int64" else np.nan
    t[column] = values
    return t


def missing_not_at_random(train, test, meta, rng, strength):
    form = turn(meta, ["label", "other", "segment", "own"])
    if len(train) < [500, 300, 200][strength]:
        return None
    features = [c for c in train if c not in (meta["label"], meta["datetime"], *meta["text"]) and train[c].isna().mean() < 0.05]
    if form == "label":
        driver, high = meta["label"], [target(t, meta) > (np.median(target(train, meta)) if meta["task"] == "regression" else 0.5) for t in (train, test)]
    elif form == "segment":
        driver = choose(rng, categorical(train, meta, 2, 12))
        if driver is None:
            return None
        kind = choose(rng, train[driver].value_counts().index[:3])
        high = [(t[driver] == kind).to_numpy() for t in (train, test)]
    else:
        driver = choose(rng, [c for c in numeric(train, meta, 10) if train[c].isna().mean() < 0.05])
        if driver is None:
            return None
        high = [(t[driver] > train[driver].median()).to_numpy() for t in (train, test)]
    if not 0.1 < high[0].mean() < 0.9:
        return None
    if form == "own":
        # The column hides its own large values; seen only through a column that goes with it.
        rank = train[numeric(train, meta, 10)].rank().corr().abs()[driver].drop(driver)
        if rank.empty or rank.max() < 0.6:
            return None
        column = driver
    else:
        column = choose(rng, [c for c in features if c != driver])
    if column is None:
        return None
    low, up = [(0.04, 0.18), (0.04, 0.35), (0.02, 0.6)][strength]
    train, test = (blank(t, column, rng.random(len(t)) < np.where(h, up, low)) for t, h in zip((train, test), high))
    return train, test, truth("missing_not_at_random", [column], side=["high_missing_rate"], variant=form, driver=driver, rates=[low, up])


def null_rate_shift(train, test, meta, rng, strength):
    form = turn(meta, ["test_more", "train_more", "only_test"])
    if len(test) < 200:
        return None
    features = [c for c in train if c not in (meta["label"], meta["datetime"], *meta["text"]) and train[c].isna().mean() < 0.05]
    column = choose(rng, features)
    if column is None:
        return None
    low, high = (0.0 if form == "only_test" else 0.02), [0.10, 0.25, 0.6][strength]
    rates = (high, low) if form == "train_more" else (low, high)
    train, test = (blank(t, column, rng.random(len(t)) < r) for t, r in zip((train, test), rates))
    return train, test, truth("null_rate_shift", [column], "test", side=["high_missing_rate"] if high > 0.5 else [], variant=form, rates=rates)


# ---- rows and labels


def duplicate_rows(train, test, meta, rng, strength):
    if meta["coarse"] or meta["repeats"] > 0.01:
        return None
    form = turn(meta, ["scattered", "appended", "both"])
    share = [0.02, 0.06, 0.15][strength]
    out = []
    for t, hit in ((train, True), (test, form == "both")):
        if hit:
            pick = rows(rng, len(t), share, 5)
            if form == "appended":
                start = int(rng.integers(len(t) - len(pick) + 1))
                pick = np.arange(start, start + len(pick))
            t = pd.concat([t, t.iloc[pick]])
            if form != "appended":
                t = t.iloc[rng.permutation(len(t))]
        out.append(t)
    return *out, truth("duplicate_rows", [], "both" if form == "both" else "train", variant=form, share=share)


def flipped(labels, kinds, rng):
    """Each label swapped for another class, uniformly."""
    return [choose(rng, [k for k in kinds if k != v]) for v in labels]


def conflicting_labels(train, test, meta, rng, strength):
    if meta["task"] != "classification" or meta["coarse"] or meta["repeats"] > 0.01:
        return None
    share = [0.02, 0.06, 0.15][strength]
    kinds = list(train[meta["label"]].unique())
    copy = train.iloc[rows(rng, len(train), share, 5)].copy()
    copy[meta["label"]] = pd.Series(flipped(copy[meta["label"]], kinds, rng), index=copy.index, dtype=copy[meta["label"]].dtype)
    train = pd.concat([train, copy])
    return train.iloc[rng.permutation(len(train))], test, truth(
        "conflicting_labels", [meta["label"]], "train", side=["duplicate_rows", "label_noise"], variant="copied", share=share)


def near_duplicate_features(train, test, meta, rng, strength):
    form = turn(meta, ["scaled", "negated", "log", "square", "recoded", "exp", "rounded", "recoded_number"])
    both = join(train, test)
    if form.startswith("recoded"):
        column = choose(rng, categorical(train, meta, 3, 40))
        if column is None:
            return None
        kinds = sorted(both[column].dropna().unique())
        new = rng.permutation(len(kinds)) + 1 if form == "recoded_number" else [f"{chr(65 + i % 26)}{i // 26}" for i in rng.permutation(len(kinds))]
        made = both[column].map(dict(zip(kinds, new)))
        if form == "recoded_number":
            made = made.astype("Int64")
        name = free_name(train, rng, ["group_no", "class_code", "region_key", "var_8"])
        train, test = put_both(train, test, name, made.array, rng)
        return train, test, truth("near_duplicate_features", [column, name], variant=form, pairs=[[column, name]])
    able = numeric(train, meta, 15 if strength else 40)
    if form in ("log", "square"):
        able = [c for c in able if both[c].min() > 0]
    column = choose(rng, able)
    if column is None:
        return None
    x = both[column].astype(float)
    z = (x - x.mean()) / x.std()
    made = {"scaled": lambda: x * 2.2046 + 3.0, "negated": lambda: x.max() - x, "log": lambda: np.log(x), "square": lambda: x ** 2,
            "exp": lambda: np.exp(z.clip(-4, 4) / 2), "rounded": lambda: x * 0.4536}[form]()
    if strength == 0:  # measured twice: a hundredth of the spread as noise
        spread = (made.quantile(0.75) - made.quantile(0.25)) / 1.35
        if spread <= 0:
            return None
        made = made + rng.normal(0, 0.01, len(made)) * min(made.std(), spread)
    if strength == 1 or form == "rounded":
        digits = max(0, int(np.ceil(2.5 - np.log10(max(made.std(), 1e-9)))))
        made = made.round(digits)
    name = free_name(train, rng, ["value_b", f"{column}_2", "derived", "measure_x", "amount_alt"])
    train, test = put_both(train, test, name, made.to_numpy(), rng)
    return train, test, truth("near_duplicate_features", [column, name], variant=form, noise=strength == 0, pairs=[[column, name]])


def label_noise(train, test, meta, rng, strength):
    if meta["task"] != "classification" or meta["coarse"] or meta["error_ratio"] >= 0.5 or meta["error"] > [0.11, 0.15, 0.22][strength]:
        return None
    if len(train) < [300, 150, 90][strength]:
        return None
    share, out = [0.05, 0.10, 0.20][strength], []
    kinds = list(train[meta["label"]].unique())
    for t in (train, test):
        t = t.copy()
        values = t[meta["label"]].copy()
        hit = rows(rng, len(t), share)
        new = flipped(values.iloc[hit], kinds, rng)
        for i, v in zip(hit, new):
            values.iloc[i] = v
        t[meta["label"]] = values
        out.append(t)
    return *out, truth("label_noise", [meta["label"]], side=["conflicting_labels"], variant="uniform", share=share)


def class_imbalance(train, test, meta, rng, strength):
    if meta["task"] != "classification":
        return None
    y, share = train[meta["label"]], [0.03, 0.01, 0.005][strength]
    kind = choose(rng, [k for k, n in y.value_counts().items() if n >= 5 and len(y) - n >= 150])
    if kind is None or y.nunique() > 6:
        return None
    out = []
    for t, least in ((train, 2), (test, 1)):
        mine = np.flatnonzero((t[meta["label"]] == kind).to_numpy())
        keep = max(least, int(round(share / (1 - share) * (len(t) - len(mine)))))
        if keep > len(mine) or keep / (keep + len(t) - len(mine)) > 1.5 * max(share, 0.01):
            return None
        gone = rng.choice(mine, len(mine) - keep, replace=False)
        out.append(t.drop(index=t.index[gone]))
    return *out, truth("class_imbalance", [meta["label"]], side=["test_too_small"], variant="subsampled", share=share, kind=str(kind))


# ---- leaks


def target_leakage(train, test, meta, rng, strength):
    form = turn(meta, ["noisy_copy", "category_code", "missing_leak", "group_mean", "post_outcome"])
    both = join(train, test)
    y, regression = target(both, meta), meta["task"] == "regression"
    n = len(both)
    wrong = [0.03, 0.01, 0.0][strength]
    if form == "noisy_copy":
        name = free_name(train, rng, ["score_2", "index_b", "final_amount", "rating_x"])
        if regression:
            made = y + rng.normal(0, y.std() * [0.14, 0.07, 0.01][strength], n)
        else:
            full = codes(both[meta["label"]])  # every class at its own level
            made = 50 + 12 * (full + rng.normal(0, [0.3, 0.2, 0.02][strength], n))
        made = made.round(4)
    elif form == "category_code":
        if regression:
            made = np.digitize(y, np.quantile(y, np.arange(1, 20) / 20)).astype(float)
            hit = rows(rng, n, wrong) if wrong else []
            made[hit] = rng.permutation(made[hit]) if len(hit) else made[hit]
            made = np.array([f"band_{int(v):02d}" for v in made], dtype=object)
        else:
            kinds = list(both[meta["label"]].unique())
            values = list(both[meta["label"]])
            for i in rows(rng, n, wrong) if wrong else []:
                values[i] = choose(rng, [k for k in kinds if k != values[i]])
            mark = {k: chr(75 + i) + "x" for i, k in enumerate(rng.permutation(np.array(kinds, dtype=object)))}
            made = np.array([mark[v] for v in values], dtype=object)
        name = free_name(train, rng, ["status_code", "segment_k", "type_flag", "case_state"])
    elif form == "missing_leak":
        if regression:
            return None
        filled = (y == 1) ^ (rng.random(n) < wrong)
        made = np.where(filled, rng.lognormal(3, 0.6, n).round(2), np.nan)
        name = free_name(train, rng, ["closing_fee", "visit_length", "claim_days"])
    elif form == "group_mean":
        # Mean of the label over small groups, own row included; the group's key stays in the table.
        size = [3, 2, 1.5][strength]
        # A group lies within one split, so that each file shows the mean to be that of its own rows.
        key = np.concatenate([rng.integers(0, max(2, int(len(t) / size)), len(t)) + base for t, base in ((train, 0), (test, len(train)))])
        key = rng.permutation(n)[key] + 1
        made = pd.Series(y).groupby(key).transform("mean").round(6).to_numpy()
        name = free_name(train, rng, ["household_mean", "group_rate", "area_level"])
        key_name = free_name(train, rng, ["household", "group_key", "area_no"])
        train, test = put_both(train, test, key_name, key, rng)
    else:
        name = free_name(train, rng, ["settlement", "refund_amount", "payout"])
        if regression:
            made = (0.3 * y * rng.normal(1, [0.05, 0.02, 0.0][strength], n) + 12).round(4)
            if np.corrcoef(made, y)[0, 1] ** 2 < 0.97:
                return None
        else:
            made = np.where((y == 1) ^ (rng.random(n) < wrong), rng.lognormal(4, 0.7, n).round(2), 0.0)
    train, test = put_both(train, test, name, made, rng)
    side = {"missing_leak": ["high_missing_rate", "missing_not_at_random"],
            "group_mean": ["id_column", "near_duplicate_features", "unseen_categories"]}.get(form, [])
    return train, test, truth("target_leakage", [name], side=side, variant=form)


def train_test_overlap(train, test, meta, rng, strength):
    if meta["coarse"] or meta["repeats"] > 0.01 or len(test) < 100:
        return None
    form = turn(meta, ["exact", "rounded", "columns_shuffled", "last_digit"])
    share = [0.03, 0.08, 0.20][strength]
    if form in ("rounded", "last_digit"):
        fine = [c for c in numeric(train, meta, 30) if train[c].dtype == float and digits_of(train[c]) >= 4]
        if len(fine) < 2:
            return None
    copy = train.iloc[rows(rng, len(train), share * len(test) / len(train), 5)].copy()
    if form == "rounded":
        for c in fine:
            copy[c] = [float(f"{v:.3g}") for v in copy[c]]
    if form == "last_digit":
        for c in fine:
            copy[c] = copy[c] * (1 + rng.normal(0, 1e-7, len(copy)))
    keep = test.drop(index=test.index[rng.choice(len(test), len(copy), replace=False)])
    test = pd.concat([keep, copy])
    test = test.iloc[rng.permutation(len(test))]
    if form == "columns_shuffled":
        test = test[list(rng.permutation(test.columns))]
    return train, test, truth("train_test_overlap", [], "both", variant=form, share=share, rows=len(copy))


def digits_of(series):
    """Median count of significant digits."""
    return int(np.median([len(f"{abs(v):.10g}".replace(".", "").lstrip("0")) for v in series.dropna().iloc[:300]]))


def dated(train, test, meta, rng, trend=0.3):
    """All rows in time order, cut into train before test. The table's own dates, or made ones that follow a column a little."""
    both = join(train, test)
    spec = tables.BY_NAME[meta["table"]]
    if spec.date:
        both[spec.date] = tables.load(meta["table"])[spec.date].loc[list(train.index) + list(test.index)].to_numpy()
        name = spec.date
        both = both.sort_values(name, kind="stable")
    else:
        name = choose(rng, ["date", "created_at", "timestamp"])
        columns = numeric(both, meta, 20)
        key = rng.random(len(both))
        if columns and trend:
            key = key + trend * both[choose(rng, columns)].rank(pct=True).fillna(0.5).to_numpy()
        both = both.iloc[np.argsort(key)]
        step = choose(rng, ["6h", "1D", "37min"])
        when = pd.DatetimeIndex(pd.Timestamp("2019-01-02") + np.cumsum(rng.integers(0, 3, len(both))) * pd.Timedelta(step))
        both.insert(int(rng.integers(len(both.columns) + 1)), name, when.strftime("%Y-%m-%d" if step == "1D" else "%Y-%m-%d %H:%M:%S").astype(object))
    both = both.reset_index(drop=True)
    cut = len(train)
    while cut < len(both) and both[name].iloc[cut] == both[name].iloc[cut - 1]:
        cut += 1
    return both.iloc[:cut], both.iloc[cut:], {**meta, "datetime": name}


def temporal_leakage(train, test, meta, rng, strength):
    form = turn(meta, ["random", "partial", "reversed"])
    train, test, m = dated(train, test, meta, rng)
    if len(test) < 50:
        return None
    when = m["datetime"]
    if form == "random":
        both = pd.concat([train, test])
        both = both.iloc[rng.permutation(len(both))]
        train, test = both.iloc[:len(train)], both.iloc[len(train):]
        share = 1.0
    elif form == "partial":
        share = [0.05, 0.2, 0.5][strength]  # of the test period's rows stand in train, and as many older ones in test
        a, b = rows(rng, len(test), share, 5), rows(rng, len(train), share * len(test) / len(train), 5)
        late, early = test.iloc[a], train.iloc[b]
        train, test = pd.concat([train.drop(index=early.index), late]), pd.concat([test.drop(index=late.index), early])
        train, test = train.iloc[rng.permutation(len(train))], test.iloc[rng.permutation(len(test))]
    else:
        both = pd.concat([train, test])
        cut = len(test)
        while cut < len(both) and both[when].iloc[cut] == both[when].iloc[cut - 1]:
            cut += 1
        if cut > len(both) - 50:
            return None
        test, train = both.iloc[:cut], both.iloc[cut:]
        share = 1.0
    made = truth("temporal_leakage", [], "both", side=["covariate_shift", "label_shift", "concept_shift", "correlation_shift",
                                                             "null_rate_shift", "unseen_categories", "test_too_small"],
                 variant=form, share=share, date=when)
    return train, test, {**made, "datetime": when}


def test_too_small(train, test, meta, rng, strength):
    if len(train) < 400:
        return None
    n = [25, 15, 10][strength]
    return train, test.iloc[rows(rng, len(test), n / len(test))], truth(
        "test_too_small", [], "test", side=["class_imbalance", "constant_column"], variant="few", rows=n)


# ---- shifts


def covariate_shift(train, test, meta, rng, strength):
    form = turn(meta, ["biased_rows", "drifted", "category", "noisier"])
    if len(test) < 200:
        return None
    goal = [0.15, 0.35, 0.8][strength]
    if form in ("biased_rows", "category"):
        column = choose(rng, numeric(train, meta, 12) if form == "biased_rows" else categorical(train, meta, 2, 25))
        if column is None:
            return None
        if form == "biased_rows":
            z = test[column].rank(pct=True).fillna(0.5).to_numpy() * choose(rng, [-1, 1])
        else:
            kinds = test[column].value_counts().index[:8]
            level = dict(zip(kinds, rng.permutation(np.linspace(0, 1, len(kinds)))))
            z = np.array([level.get(v, 0.5) for v in test[column]])
        for push in np.arange(0.5, 9, 0.25):
            weight = np.exp(push * z)
            now = test.iloc[rng.choice(len(test), max(120, int(0.4 * len(test))), replace=False, p=weight / weight.sum())]
            if psi(train[column], now[column])[0] >= goal:
                break
        else:
            return None
        test = now
        side = ["label_shift", "correlation_shift", "null_rate_shift", "unseen_categories", "class_imbalance", "concept_shift"]
    else:
        column = choose(rng, numeric(train, meta, 20))
        if column is None:
            return None
        test = test.copy()
        x = test[column].astype(float)
        spread = train[column].astype(float).std()
        step = [0.5, 0.9, 1.5][strength] * spread
        if form == "drifted":  # every row by its own amount, so that no one unit change explains it
            made = x + choose(rng, [-1, 1]) * step * rng.gamma(4, 0.25, len(x))
        else:
            made = x + rng.normal(0, [1.2, 1.8, 3.0][strength] * spread, len(x))
        if train[column].dtype != float or (train[column].dropna() % 1 == 0).all():
            made = made.round()
        else:
            made = made.round(max(0, 4 - int(np.floor(np.log10(spread + 1e-12)))))
        if train[column].min() >= 0:
            made = made.clip(lower=0)
        test[column] = made
        side = ["correlation_shift", "concept_shift", "outliers", "unit_change"] if form == "drifted" else ["correlation_shift", "concept_shift", "outliers"]
    size, ks = psi(train[column], test[column])
    if size < 0.12:
        return None
    columns = [column] + [c for c in moved(train, test, meta, 0.06) if c != column]
    return train, test, truth("covariate_shift", columns, "test", side=side, variant=form, main=column, psi=round(size, 3), ks=round(ks, 3))


def correlation_shift(train, test, meta, rng, strength):
    if len(test) < 150:
        return None
    columns = numeric(train, meta, 10)
    rank = train[columns].rank().corr()
    pairs = [(a, b) for i, a in enumerate(columns) for b in columns[i + 1:] if abs(rank.loc[a, b]) > 0.5]
    if not pairs:
        return None
    a, b = choose(rng, pairs)
    if rng.random() < 0.5:
        a, b = b, a
    share = [0.6, 0.8, 1.0][strength]
    test = test.copy()
    hit = np.sort(rows(rng, len(test), share))
    values = test[a].copy()
    values.iloc[hit] = values.iloc[rng.permutation(hit)].to_numpy()
    test[a] = values
    right = [[a, c] for c in columns if c != a and abs(rank.loc[a, c]) > 0.3]
    return train, test, truth("correlation_shift", [a, b], "test", side=["concept_shift"], variant="permuted", share=share,
                              spearman=round(float(rank.loc[a, b]), 3), pairs=right)


def label_shift(train, test, meta, rng, strength):
    if len(test) < 200:
        return None
    y = test[meta["label"]]
    goal = [0.15, 0.35, 0.8][strength]
    if meta["task"] == "classification":
        kinds = train[meta["label"]].value_counts().index
        level = dict(zip(kinds, rng.permutation(np.linspace(0, 1, len(kinds)))))
        z = np.array([level.get(v, 0.5) for v in y])
    else:
        z = y.rank(pct=True).to_numpy() * choose(rng, [-1, 1])
    for push in np.arange(0.4, 9, 0.2):
        weight = np.exp(push * z)
        now = test.iloc[rng.choice(len(test), max(100, int(0.4 * len(test))), replace=False, p=weight / weight.sum())]
        a, b = train[meta["label"]], now[meta["label"]]
        size = psi(a.astype(str) if meta["task"] == "classification" else a, b.astype(str) if meta["task"] == "classification" else b)[0]
        if size >= goal:
            break
    else:
        return None
    return train, now, truth("label_shift", [meta["label"]], "test",
                             side=["covariate_shift", "class_imbalance", "correlation_shift", "null_rate_shift", "concept_shift"], variant="resampled", psi=round(size, 3))


def carriers(t, meta):
    """Numeric columns by how much of the label's order they carry, strongest first: (share, column)."""
    y = codes(t[meta["label"]])
    found = []
    for c in numeric(t, meta, 8):
        x = t[c].rank(pct=True).fillna(0.5).to_numpy()
        if meta["task"] == "regression":
            found.append((abs(np.corrcoef(x, pd.Series(y).rank())[0, 1]), c))
        else:
            means = pd.Series(x).groupby(y).transform("mean")
            found.append((float(np.sqrt(means.var() / max(x.var(), 1e-12))), c))
    return sorted(found, reverse=True)


def concept_shift(train, test, meta, rng, strength):
    if meta["error_ratio"] >= 0.55 or meta["coarse"] or len(test) < 120:
        return None
    best = carriers(train, meta)
    if len(best) < 2 or best[0][0] < 0.35:
        return None
    form = turn(meta, ["shuffled", "reversed"])
    column = best[0][1]
    region = choose(rng, [c for _, c in best[1:]])
    share = [0.4, 0.7, 1.0][strength]
    test = test.copy()
    inside = test[region].rank(method="first", pct=True).fillna(0.0).to_numpy() > 1 - share
    hit = np.flatnonzero(inside)
    values = test[meta["label"]].copy()
    if form == "shuffled":
        new = values.iloc[rng.permutation(hit)].to_numpy()
        values.iloc[hit] = new
    else:  # the same labels handed out again, against the order the carrier gives them
        x = test[column].fillna(test[column].median()).iloc[hit].to_numpy()
        y = codes(test[meta["label"]])[hit]
        if meta["task"] == "classification":
            place = pd.Series(train[column].rank(pct=True).to_numpy()).groupby(codes(train[meta["label"]])).mean()
            key = pd.Series(y).map(place).to_numpy()
        else:
            sign = np.sign(np.corrcoef(pd.Series(x).rank(), pd.Series(y).rank())[0, 1])
            key = sign * y
        labels = values.iloc[hit].to_numpy()[np.argsort(-key, kind="stable")]
        order = np.argsort(x + rng.normal(0, 0.3 * x.std(), len(x)), kind="stable")
        new = np.empty(len(hit), dtype=labels.dtype)
        new[order] = labels
        values.iloc[hit] = new
    changed = float((values.to_numpy() != test[meta["label"]].to_numpy()).mean())
    if changed < 0.12:
        return None
    if meta["task"] == "regression" and np.corrcoef(values, test[meta["label"]])[0, 1] > 0.8:
        return None  # the region's labels were all alike: nothing of weight has changed
    test[meta["label"]] = values
    return train, test, truth("concept_shift", [meta["label"], column], "test", side=["label_noise", "correlation_shift"], variant=form,
                              region=region, share=share, changed=round(changed, 3))


def unit_change(train, test, meta, rng, strength):
    form = turn(meta, ["x1000", "x2.54", "/1000", "f_to_c", "x100", "x0.4536"])
    able = []
    for c in numeric(train, meta, 15):
        if re.search("year|month|day|hour|time|trend|date|num|flight|state", c, re.I):
            continue  # calendars, ranks and codes have no unit
        v = train[c].dropna().astype(float)
        low, middle, high = v.quantile([0.1, 0.5, 0.9])
        if low > 0 and high / low < 12 and v.min() > 0:
            if form == "f_to_c" and not 40 < middle < 400:
                continue
            able.append(c)
    column = choose(rng, able)
    if column is None or len(test) < 60:
        return None
    x = test[column].astype(float)
    made = {"x1000": x * 1000, "x2.54": x * 2.54, "/1000": x / 1000, "f_to_c": (x - 32) / 1.8, "x100": x * 100, "x0.4536": x * 0.4536}[form]
    share = [0.5, 1.0, 1.0][strength] if form in ("x1000", "/1000", "x100") else 1.0
    hit = rng.random(len(test)) < share
    test = test.copy()
    made = x.where(~hit, made)
    if strength == 1:
        made = made.map(lambda v: float(f"{v:.6g}"))
    test[column] = made
    if psi(train[column], test[column])[0] < 0.15:
        return None
    return train, test, truth(
        "unit_change", [column], "test", side=["covariate_shift", "outliers", "correlation_shift", "concept_shift"], variant=form, share=share)


def unseen_categories(train, test, meta, rng, strength):
    form = turn(meta, ["one", "two", "dropped"])
    share = [0.03, 0.08, 0.20][strength]
    if len(test) < 120:
        return None
    column = choose(rng, categorical(train, meta, 2, 40))
    if column is None:
        return None
    if form == "dropped":
        counts = test[column].value_counts(normalize=True)
        kind = choose(rng, counts.index[(counts > 0.6 * share) & (counts < 1.6 * share)])
        if kind is None or train[column].nunique() < 4:
            return None
        gone = train[column] == kind
        new, share = [kind], counts[kind]
        train = train[~gone]
    else:
        new = (["Zenith", "new_type"] if rng.random() < 0.5 else ["Other2", "type Q"])[:1 if form == "one" else 2]
        test = test.copy()
        values = test[column].astype(object).copy()
        for k, i in enumerate(rows(rng, len(test), share, 4)):
            values.iloc[i] = new[k % len(new)]
        test[column] = values
    side = ["covariate_shift"] + (["label_shift", "concept_shift", "correlation_shift"] if form == "dropped" else [])
    return train, test, truth("unseen_categories", [column], "test", side=side, variant=form, new=new, share=round(float(share), 3))


def unseen_labels(train, test, meta, rng, strength):
    if meta["task"] != "classification" or len(test) < 60:
        return None
    form = turn(meta, ["new", "dropped"])
    share = [0.03, 0.08, 0.20][strength]
    label = meta["label"]
    if form == "dropped":
        if train[label].nunique() < 3:
            return None
        kind = choose(rng, train[label].unique())
        train = train[train[label] != kind]
        mine = np.flatnonzero((test[label] == kind).to_numpy())
        keep = int(round(share / (1 - share) * (len(test) - len(mine))))
        if keep < len(mine):
            test = test.drop(index=test.index[rng.choice(mine, len(mine) - max(3, keep), replace=False)])
        share = float((test[label] == kind).mean())
    else:
        kind = int(train[label].max()) + 1 if is_number(train[label]) else "other"
        test = test.copy()
        values = test[label].astype(object).copy()
        for i in rows(rng, len(test), share, 3):
            values.iloc[i] = kind
        test[label] = values.astype("int64") if is_number(train[label]) else values
    return train, test, truth("unseen_labels", [label], "test",
                              side=["label_shift", "class_imbalance", "covariate_shift"] + (["target_leakage"] if form == "dropped" else []),
                              variant=form, new=str(kind), share=round(share, 3))


# ---- size


def too_few_rows(train, test, meta, rng, strength):
    features = train.shape[1] - 1
    n = max([24, 16, 10][strength], int([2.5, 1.8, 1.0][strength] * features) if features > 12 else 0)
    if n > len(train) // 2:
        return None
    train = train.iloc[rows(rng, len(train), n / len(train))]
    return train, test.iloc[rows(rng, len(test), min(1, 200 / len(test)))], truth(
        "too_few_rows", [], "train", also=["too_many_features"],
        side=["class_imbalance", "constant_column", "unseen_categories", "unseen_labels", "near_duplicate_features",
              "covariate_shift", "label_shift", "null_rate_shift"],
        variant="subsampled", rows=n)


def too_many_features(train, test, meta, rng, strength):
    if len(train) < 60:
        return None
    n = min(len(train), 160)
    train = train.iloc[rows(rng, len(train), n / len(train))]
    test = test.iloc[rows(rng, len(test), min(1, 70 / len(test)))]
    many = int([0.6, 1.0, 2.0][strength] * len(train))
    noise = rng.normal(size=(len(train) + len(test), many)).round(4)
    names = [f"f{i:03d}" for i in range(many)]
    train = pd.concat([train, pd.DataFrame(noise[:len(train)], columns=names, index=train.index)], axis=1)
    test = pd.concat([test, pd.DataFrame(noise[len(train):], columns=names, index=test.index)], axis=1)
    return train, test, truth("too_many_features", [], "train", also=["too_few_rows"],
                              side=["class_imbalance", "test_too_small", "unseen_categories", "constant_column"], variant="noise", columns_added=many)


FAULTS = {f.__name__: f for f in (
    schema_skew, mixed_types, mixed_nulls, category_variants, sentinel_values, outliers, constant_column, id_column, id_leakage,
    high_missing_rate, missing_not_at_random, null_rate_shift, duplicate_rows, conflicting_labels, near_duplicate_features,
    label_noise, class_imbalance, target_leakage, train_test_overlap, temporal_leakage, test_too_small, covariate_shift,
    correlation_shift, label_shift, concept_shift, unit_change, unseen_categories, unseen_labels, too_few_rows, too_many_features)}
