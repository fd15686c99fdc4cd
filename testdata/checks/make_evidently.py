"""Evidently 0.7's new reports, with tests, over the tables of table.py.

pip install "evidently==0.7.23" "pandas<2.3" "numpy<2.1" "scikit-learn<1.7"     (also run with 0.7.0)
"""
import json
import sys
import warnings
from datetime import datetime
from pathlib import Path

warnings.filterwarnings("ignore")
import evidently
from evidently import BinaryClassification, DataDefinition, Dataset, Regression, Report
from evidently import metrics as m
from evidently.presets import ClassificationPreset, DataDriftPreset, DataSummaryPreset, RegressionPreset
from evidently.tests import Reference, eq, gt, gte, is_in, lt, lte
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

sys.path.insert(0, str(Path(__file__).parent))
from table import tables

HERE = Path(__file__).parent
VERSION = evidently.__version__
NUMBERS = ["age", "income", "visits"]
SMALL = "--small" in sys.argv
AT = datetime(2024, 6, 1)


def write(what, text):
    path = HERE / f"evidently-{VERSION}-{what}.json"
    path.write_text(text + "\n")
    body = json.loads(text)
    print(path.name, path.stat().st_size, list(body), len(body["metrics"]), len(body["tests"]))


def main():
    train, test = tables()
    train, test = train.drop(columns=["row_id", "day", "mixed"]), test.drop(columns=["row_id", "day", "mixed"])
    shape = DataDefinition(numerical_columns=NUMBERS + ["leak", "flat"], categorical_columns=["city", "plan", "label"])
    plain = NUMBERS + ["leak", "flat", "city", "plan", "label"]
    current = Dataset.from_pandas(test[plain], data_definition=shape)
    reference = Dataset.from_pandas(train[plain], data_definition=shape)

    write("report-data-drift", Report([DataDriftPreset()], include_tests=True).run(current, reference, timestamp=AT).json())
    picked = Report([DataDriftPreset(num_method="psi", num_threshold=0.1, cat_method="jensenshannon", drift_share=0.2)])
    write("report-drift-psi-no-tests", picked.run(current, reference, timestamp=AT).json())
    if SMALL:
        return
    write("report-data-summary", Report([DataSummaryPreset()], include_tests=True).run(current, reference, timestamp=AT).json())
    alone = Report([DataSummaryPreset(columns=["age", "visits", "city"])], include_tests=True).run(current, None, timestamp=AT)
    write("report-data-summary-no-reference", alone.json())
    by_hand = Report(
        [
            m.RowCount(tests=[gte(1000)]),
            m.MissingValueCount(column="visits", tests=[eq(0)], share_tests=[lt(0.05)]),
            m.MeanValue(column="income", tests=[lt(32000), eq(Reference(relative=0.1))]),
            m.MaxValue(column="age", tests=[lte(120, is_critical=False)]),
            m.StdValue(column="age", tests=[lt(20)]),
            m.QuantileValue(column="income", quantile=0.5, tests=[gt(60000)]),
            m.InRangeValueCount(column="age", left=0, right=120, share_tests=[eq(1)]),
            m.OutListValueCount(column="city", values=["Bern", "Lyon", "Graz", "Turin"], tests=[eq(0)]),
            m.DuplicatedRowCount(tests=[eq(0)]),
            m.ConstantColumnsCount(tests=[eq(0)]),
            m.UniqueValueCount(column="city"),
            m.ValueDrift(column="income", method="wasserstein", threshold=0.2),
            m.ValueDrift(column="label"),
            m.DriftedColumnsCount(tests=[lt(2)], share_tests=[lt(0.1)]),
        ]
    )
    write("tests-by-hand", by_hand.run(current, reference, timestamp=AT).json())

    inputs = train[NUMBERS].fillna(4)
    classifier = RandomForestClassifier(n_estimators=30, random_state=0).fit(inputs, train["label"])
    regressor = RandomForestRegressor(n_estimators=30, random_state=0).fit(inputs, train["amount"])
    sides, others = [], []
    for frame in (test, train):
        side = frame[NUMBERS + ["label"]].copy()
        side["chance"] = classifier.predict_proba(frame[NUMBERS].fillna(4))[:, 1].round(3)
        side["said"] = (side["chance"] >= 0.5).astype(int)
        shape = DataDefinition(
            numerical_columns=NUMBERS,
            categorical_columns=["label", "said"],
            classification=[BinaryClassification(target="label", prediction_labels="said", prediction_probas="chance", pos_label=1)],
        )
        sides.append(Dataset.from_pandas(side, data_definition=shape))
        other = frame[NUMBERS + ["amount"]].copy()
        other["prediction"] = regressor.predict(frame[NUMBERS].fillna(4)).round(3)
        shape = DataDefinition(numerical_columns=NUMBERS + ["amount", "prediction"], regression=[Regression(target="amount", prediction="prediction")])
        others.append(Dataset.from_pandas(other, data_definition=shape))
    write("report-classification", Report([ClassificationPreset()], include_tests=True).run(*sides, timestamp=AT).json())
    write("report-regression", Report([RegressionPreset()], include_tests=True).run(*others, timestamp=AT).json())


if __name__ == "__main__":
    main()
