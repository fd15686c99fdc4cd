"""Reads written cases back and checks that each planted fault is really there, and that controls are free of the obvious ones.

    python verify.py --cases cases

The checks are simple counts on the files, independent of how a fault was planted.
"""

import argparse
import collections
import json
import pathlib

import numpy as np
import pandas as pd

from inject import auc, codes, is_number, psi


def read(folder, case):
    if case["format"] == "csv":
        return [pd.read_csv(folder / f"{p}.csv", keep_default_na=False, na_values=[""], low_memory=False) for p in ("train", "test")]
    return [pd.read_parquet(folder / f"{p}.parquet") for p in ("train", "test")]


def numbers(series):
    return pd.to_numeric(series, errors="coerce")


def near(a, b):
    """Share of the rows of b (the first 1000) that have a row in a equal up to rounding."""
    hits, b = 0, b[:1000]
    for row in b:
        hits += bool(np.all(np.isclose(a, row, rtol=0.006, atol=1e-12, equal_nan=True), axis=1).any())
    return hits / len(b)


def check(case, train, test):
    """None when the fault is there, else what is wrong."""
    truth, label, code = case["truth"], case["label"], case["truth"]["code"]
    both = pd.concat([train, test], ignore_index=True)
    columns = truth["columns"]
    first = columns[0] if columns else None
    if code == "schema_skew":
        same = [c for c in columns if c in train and c in test and is_number(train[c]) == is_number(test[c])]
        return f"no difference in {same}" if same else None
    if code in ("mixed_types", "mixed_nulls"):
        if truth["variant"] == "date_format":
            odd = train[first].str.contains("/").mean()
        elif "category" in truth["variant"]:
            odd = train[first].isin([s for s in truth["detail"]["spellings"] if s]).mean()
        else:
            odd = (numbers(train[first]).isna() & train[first].notna()).mean()
        return None if 0.001 < odd < 0.3 else f"odd share {odd:.4f}"
    if code == "category_variants":
        plain = both[first].dropna().astype(str)
        folded = plain.str.lower().str.replace(r"[^a-z0-9]+", "", regex=True)
        return None if folded.nunique() < plain.nunique() else "no variants"
    if code == "sentinel_values":
        values = numbers(train[first]).dropna()
        magic = float(truth["variant"])
        rest = values[values != magic]
        return None if (values == magic).sum() >= 3 and (magic < rest.min() or magic > rest.max()) else "not isolated"
    if code == "outliers":
        values = numbers(train[first]).dropna()
        far = ((values - values.median()).abs() > 7 * (values.quantile(0.75) - values.quantile(0.25))).sum()
        return None if 3 <= far <= max(4, 0.02 * len(values)) else f"{far} far values"
    if code == "constant_column":
        return None if train[first].value_counts(normalize=True).iloc[0] >= 0.99 else "not constant"
    if code == "id_column":
        return None if both[first].nunique() > 0.97 * len(both) else "not unique"
    if code == "id_leakage":
        y = codes(train[label])
        at = codes(train[first].astype(str)) if first and not is_number(train[first]) else train[first] if first else np.arange(len(train))
        r = abs(pd.Series(at).rank().corr(pd.Series(y).rank()))
        return None if r > 0.25 else f"rank correlation {r:.2f}"
    if code == "high_missing_rate":
        return None if train[first].isna().mean() > 0.5 else "present"
    if code == "missing_not_at_random":
        rate = train[first].isna().mean()
        return None if 0.02 < rate < 0.7 else f"rate {rate:.2f}"
    if code == "null_rate_shift":
        gap = abs(train[first].isna().mean() - test[first].isna().mean())
        return None if gap > 0.03 else f"gap {gap:.3f}"
    if code == "duplicate_rows":
        return None if train.duplicated().mean() > 0.01 else "no repeats"
    if code == "conflicting_labels":
        features = train.drop(columns=[label])
        n = (features.duplicated() & ~train.duplicated()).mean()
        return None if n > 0.01 else f"{n:.3f}"
    if code == "near_duplicate_features":
        a, b = truth["columns"]
        if is_number(both[a]) and is_number(both[b]):
            r = abs(both[[a, b]].dropna().rank().corr().iloc[0, 1])
            return None if r > 0.99 else f"rank correlation {r:.4f}"
        pairs = both[[a, b]].dropna().drop_duplicates()
        return None if len(pairs) == pairs[a].nunique() == pairs[b].nunique() else "not one to one"
    if code == "class_imbalance":
        share = train[label].value_counts(normalize=True).iloc[-1]
        return None if share < 0.045 else f"share {share:.3f}"
    if code == "train_test_overlap":
        shared = [c for c in train if is_number(train[c]) and c != label][:30]
        n = near(train[shared].to_numpy(float), test[shared].to_numpy(float))
        return None if n >= 0.02 else f"overlap {n:.3f}"
    if code == "temporal_leakage":
        when = case["datetime"]
        return None if train[when].max() > test[when].min() else "in order"
    if code == "test_too_small":
        return None if len(test) <= 25 else f"{len(test)} rows"
    if code == "covariate_shift":
        now = psi(train[first], test[first])[0]
        return None if now > 0.11 else f"psi {now:.3f}"
    if code == "correlation_shift":
        a, b = truth["columns"]
        before, after = train[a].rank().corr(train[b].rank()), test[a].rank().corr(test[b].rank())
        moved = max(psi(train[a], test[a])[0], psi(train[b], test[b])[0])
        return None if abs(before - after) > 0.2 and moved < 0.15 else f"{before:.2f} to {after:.2f}, marginal {moved:.2f}"
    if code == "label_shift":
        number = case["task"] == "regression"
        now = psi(train[label] if number else train[label].astype(str), test[label] if number else test[label].astype(str))[0]
        return None if now > 0.11 else f"psi {now:.3f}"
    if code == "concept_shift":
        now = psi(train[label].astype(str), test[label].astype(str))[0] if case["task"] == "classification" else psi(train[label], test[label])[0]
        return None if now < 0.15 else f"marginal moved {now:.2f}"
    if code == "unit_change":
        return None if psi(train[first], test[first])[0] > 0.12 else "no change"
    if code in ("unseen_categories", "unseen_labels"):
        n = (~test[first].dropna().isin(train[first].dropna().unique())).mean()
        return None if n > 0.015 else f"unseen {n:.3f}"
    if code == "too_few_rows":
        return None if len(train) < 30 or len(train) < 3 * train.shape[1] else "rows enough"
    if code == "too_many_features":
        return None if train.shape[1] > len(train) / 2 else "few columns"
    if code == "target_leakage":
        y = codes(both[label])
        x = both[first]
        if x.isna().mean() > 0.02:
            score = x.notna().astype(float)
        elif is_number(x):
            score = x
        else:
            means = pd.Series(y).groupby(x.to_numpy()).transform("mean") if case["task"] == "regression" else None
            score = means if means is not None else None
            if score is None:
                hit = pd.DataFrame({"x": x.to_numpy(), "y": y}).groupby("x")["y"].agg(lambda v: v.value_counts().iloc[0]).sum() / len(y)
                return None if hit > 0.94 else f"accuracy {hit:.3f}"
        if case["task"] == "regression":
            r = abs(pd.Series(np.asarray(score, float)).rank().corr(pd.Series(y).rank()))
            return None if r > (0.5 if truth["variant"] == "group_mean" else 0.9) else f"rank correlation {r:.2f}"
        best = max(max(a := auc(np.asarray(score, float), (y == k).astype(float)), 1 - a) for k in np.unique(y))
        return None if best > (0.75 if truth["variant"] == "group_mean" else 0.93) else f"AUC {best:.3f}"
    return None


def clean(case, train, test):
    """Faults a simple count finds in a control."""
    found = []
    if list(sorted(train)) != list(sorted(test)):
        found.append("columns differ")
    for c in train:
        if c == case["datetime"] or c == "year":
            continue
        if is_number(train[c]) != is_number(test[c]):
            found.append(f"{c}: type")
        limit = 0.25 if len(test) < 200 else 0.12
        few = train[c].nunique() <= 25 or is_number(train[c])
        if few and psi(train[c], test[c])[0] > limit:
            found.append(f"{c}: psi {psi(train[c], test[c])[0]:.2f}")
        top = train[c].value_counts(normalize=True, dropna=False).iloc[0]
        if top > 0.97:
            found.append(f"{c}: one value {top:.3f}")
        if train[c].isna().mean() > 0.4:
            found.append(f"{c}: missing {train[c].isna().mean():.2f}")
    if case["kind"] != "coarse" and train.duplicated().mean() > 0.005:
        found.append(f"repeats {train.duplicated().mean():.3f}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", required=True, type=pathlib.Path)
    args = parser.parse_args()
    count = collections.Counter()
    for path in sorted(args.cases.glob("*/case.json")):
        case = json.loads(path.read_text())
        train, test = read(path.parent, case)
        wrong = check(case, train, test) if case["truth"] else "; ".join(clean(case, train, test))
        kind = "fault" if case["truth"] else "control"
        count[kind] += 1
        if wrong:
            count[kind + " in doubt"] += 1
            print(case["id"], case["table"], case["rows"], case["truth"]["variant"] if case["truth"] else "", wrong)
    print(dict(count))


if __name__ == "__main__":
    main()
