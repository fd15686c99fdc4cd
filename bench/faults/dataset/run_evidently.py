"""Runs Evidently 0.7 on the cases: DataDriftPreset and DataSummaryPreset of test against train, DataSummaryPreset of train alone, tests on.

    python run_evidently.py --cases cases --out results-evidently.jsonl [--sample N]

Needs evidently==0.7.* and pandas<3 in an environment of its own.
MAPPING says what each failed test is taken for. Tests that hold the test split to within a tenth of train's
row count, smallest, largest, mean, spread or quantiles fail on almost every honest split; counting them
would alarm everywhere, so they are stored as `low` and not counted.
"""

import json
import re
import warnings

warnings.filterwarnings("ignore")

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset, DataSummaryPreset

import tools

# Test against train: (code, other codes, severity)
AGAINST = {
    "ValueDrift": ("covariate_shift", ["unit_change", "unseen_categories", "schema_skew", "null_rate_shift"], "high"),
    "ColumnCount": ("schema_skew", [], "high"),
    "MissingValueCount": ("null_rate_shift", [], "medium"),
    "MinValue": ("outliers", ["sentinel_values", "unit_change", "covariate_shift"], "low"),
    "MaxValue": ("outliers", ["sentinel_values", "unit_change", "covariate_shift"], "low"),
    "MeanValue": ("covariate_shift", ["unit_change", "outliers", "sentinel_values"], "low"),
    "StdValue": ("covariate_shift", ["unit_change", "outliers", "sentinel_values"], "low"),
    "QuantileValue": ("covariate_shift", ["unit_change"], "low"),
}
# Test of train alone
ALONE = {
    "DuplicatedRowCount": ("duplicate_rows", [], "high"),
    "DuplicatedColumnsCount": ("near_duplicate_features", [], "high"),
    "ConstantColumnsCount": ("constant_column", [], "high"),
    "AlmostConstantColumnsCount": ("constant_column", ["high_missing_rate"], "high"),
    "EmptyColumnsCount": ("high_missing_rate", [], "high"),
    "MissingValueCount": ("high_missing_rate", [], "low"),
}


def failed(presets, current, reference):
    """(kind, column, name) of each failed test."""
    report = Report(presets, include_tests=True).run(current, reference)
    for test in json.loads(report.json())["tests"]:
        if test["status"] == "FAIL":
            given = test["metric_config"]["params"]
            yield given["type"].split(":")[-1], given.get("column"), test


def analyse(case, train, test):
    label, when = case["label"], case["datetime"]
    found, seen = [], set()
    if when:  # dated rows are given as dates, or every date would be a drifted category
        train, test = (t.assign(**{when: pd.to_datetime(t[when], errors="coerce")}) for t in (train, test))
        if not str(train[when].dtype).startswith("datetime"):
            train, test = train.drop(columns=[when]), test.drop(columns=[when])
    for table, presets, current, reference in ((AGAINST, [DataDriftPreset(), DataSummaryPreset()], test, train),
                                               (ALONE, [DataSummaryPreset()], train, None)):
        try:
            results = list(failed(presets, current, reference))
        except ValueError as error:
            # Evidently refuses a column that only one split has, and names it: that is the fault found.
            missing = re.match(r"Column \((.+)\) is partially present", str(error))
            if not missing:
                raise
            found.append(tools.finding("schema_skew", [missing.group(1)]))
            continue
        for kind, column, result in results:
            code, either, severity = table.get(kind, (None, None, None))
            # Counts of missing values differ with the splits' sizes; only the share's test (below one) speaks.
            if code is None or (kind == "MissingValueCount" and table is AGAINST and not share_test(result)):
                continue
            if kind == "ValueDrift" and column == label:
                code, either = "label_shift", ["unseen_labels"]
            key = (code, column, severity)
            if key not in seen:
                seen.add(key)
                found.append(tools.finding(code, [column] if column else [], severity, "both", either))
    return found


def share_test(result):
    """Whether a missing-value test is the one on the share: its expected value has a fraction or is zero."""
    try:
        return float(result["name"].split("Equal ")[1].split(" ")[0]) < 1
    except (IndexError, ValueError):
        return True


if __name__ == "__main__":
    tools.main("evidently", analyse, __doc__)
