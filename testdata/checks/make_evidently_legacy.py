"""Evidently reports and test suites of the older interface (0.2 to 0.6, "legacy" in 0.7), over the tables of table.py.

pip install "evidently==0.4.40" "numpy<2"      (also run with --small on 0.4.16, 0.5.1, 0.6.7, 0.7.23)
"""
import json
import sys
import warnings
from datetime import datetime
from pathlib import Path

warnings.filterwarnings("ignore")
import evidently

if not hasattr(evidently, "ColumnMapping"):
    # 0.7 keeps the older interface in a folder of its own; the output is the same.
    import evidently.legacy.metric_preset
    import evidently.legacy.report
    import evidently.legacy.test_preset
    import evidently.legacy.test_suite
    import evidently.legacy.tests
    from evidently.legacy.pipeline.column_mapping import ColumnMapping

    for name in ("metric_preset", "report", "test_preset", "test_suite", "tests"):
        sys.modules[f"evidently.{name}"] = sys.modules[f"evidently.legacy.{name}"]
else:
    from evidently import ColumnMapping
from evidently.metric_preset import (
    ClassificationPreset,
    DataDriftPreset,
    DataQualityPreset,
    RegressionPreset,
    TargetDriftPreset,
)
from evidently.report import Report
from evidently.test_preset import (
    BinaryClassificationTestPreset,
    DataDriftTestPreset,
    DataQualityTestPreset,
    DataStabilityTestPreset,
    NoTargetPerformanceTestPreset,
    RegressionTestPreset,
)
from evidently.test_suite import TestSuite
from evidently.tests import (
    TestColumnRegExp,
    TestColumnValueMean,
    TestHighlyCorrelatedColumns,
    TestNumberOfDuplicatedRows,
    TestNumberOfRows,
    TestShareOfMissingValues,
    TestShareOfOutRangeValues,
    TestValueList,
)
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

sys.path.insert(0, str(Path(__file__).parent))
from table import tables

HERE = Path(__file__).parent
VERSION = evidently.__version__ + ("-legacy" if hasattr(evidently, "legacy") and not hasattr(evidently, "ColumnMapping") else "")
NUMBERS = ["age", "income", "visits"]
SMALL = "--small" in sys.argv
AT = datetime(2024, 6, 1)


def write(what, run, as_dict=False):
    text = json.dumps(run.as_dict(), default=str) if as_dict else run.json()
    path = HERE / f"evidently-{VERSION}-{what}.json"
    path.write_text(text + "\n")
    print(path.name, path.stat().st_size, list(json.loads(text)))


def main():
    train, test = tables()
    train, test = train.drop(columns=["row_id", "day"]), test.drop(columns=["row_id", "day"])
    for column in ("visits", "age"):
        train[column], test[column] = train[column].astype(float), test[column].astype(float)
    mapping = ColumnMapping(
        target="label",
        numerical_features=NUMBERS + ["leak", "flat"],
        categorical_features=["city", "plan"],
        task="classification",
    )
    plain = ["age", "income", "visits", "city", "plan", "leak", "flat", "label"]
    given = dict(reference_data=train[plain], current_data=test[plain], column_mapping=mapping)

    report = Report([DataDriftPreset()], timestamp=AT)
    report.run(**given)
    write("report-data-drift", report)
    report = Report([TargetDriftPreset()], timestamp=AT)
    report.run(**given)
    write("report-target-drift", report)
    report = Report([DataQualityPreset()], timestamp=AT)
    fewer = ["age", "visits", "city", "label"]
    report.run(
        reference_data=train[fewer],
        current_data=test[fewer],
        column_mapping=ColumnMapping(target="label", numerical_features=["age", "visits"], categorical_features=["city"]),
    )
    write("report-data-quality", report, as_dict=True)

    suite = TestSuite([DataStabilityTestPreset()], timestamp=AT)
    suite.run(**given)
    write("tests-data-stability", suite)
    if SMALL:
        return
    suite = TestSuite([DataDriftTestPreset(), DataQualityTestPreset()], timestamp=AT)
    suite.run(**given)
    write("tests-drift-and-quality", suite)
    suite = TestSuite(
        [
            TestNumberOfRows(gte=1000),
            TestNumberOfDuplicatedRows(eq=0),
            TestShareOfMissingValues(lt=0.01),
            TestColumnValueMean("income", gt=20000, lt=30000),
            TestShareOfOutRangeValues("age", left=0, right=120, eq=0),
            TestValueList("city", values=["Bern", "Lyon", "Graz", "Turin"]),
            TestColumnRegExp("plan", reg_exp="^[a-z]+$"),
            TestHighlyCorrelatedColumns(lt=0.9),
            TestColumnValueMean("no such column", gt=1),
        ]
    )
    suite.run(**given)
    write("tests-by-hand", suite, as_dict=True)

    inputs = train[NUMBERS].fillna(4)
    classifier = RandomForestClassifier(n_estimators=30, random_state=0).fit(inputs, train["label"])
    sides = []
    for frame in (train, test):
        side = frame[NUMBERS + ["label"]].copy()
        side["prediction"] = classifier.predict_proba(frame[NUMBERS].fillna(4))[:, 1].round(3)
        sides.append(side)
    mapping = ColumnMapping(target="label", prediction="prediction", numerical_features=NUMBERS, pos_label=1)
    report = Report([ClassificationPreset()], timestamp=AT)
    report.run(reference_data=sides[0], current_data=sides[1], column_mapping=mapping)
    write("report-classification", report)
    suite = TestSuite([BinaryClassificationTestPreset(), NoTargetPerformanceTestPreset(columns=["age"])], timestamp=AT)
    suite.run(reference_data=sides[0], current_data=sides[1], column_mapping=mapping)
    write("tests-classification", suite)

    regressor = RandomForestRegressor(n_estimators=30, random_state=0).fit(inputs, train["amount"])
    sides = []
    for frame in (train, test):
        side = frame[NUMBERS + ["amount"]].copy()
        side["prediction"] = regressor.predict(frame[NUMBERS].fillna(4)).round(3)
        sides.append(side)
    mapping = ColumnMapping(target="amount", prediction="prediction", numerical_features=NUMBERS)
    report = Report([RegressionPreset()], timestamp=AT)
    report.run(reference_data=sides[0], current_data=sides[1], column_mapping=mapping)
    write("report-regression", report)
    suite = TestSuite([RegressionTestPreset()], timestamp=AT)
    suite.run(reference_data=sides[0], current_data=sides[1], column_mapping=mapping)
    write("tests-regression", suite)


if __name__ == "__main__":
    main()
