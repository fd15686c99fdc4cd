"""Deepchecks' own suites over the tables of table.py, with a classifier and a regressor.

pip install deepchecks==0.19.1 "numpy<2" "pandas<2.2" "scikit-learn<1.5" "setuptools<80"
"""
import json
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import deepchecks
import numpy as np
from deepchecks.tabular import Dataset, Suite
from deepchecks.tabular import checks
from deepchecks.tabular.checks.model_evaluation import PerformanceBias
from deepchecks.tabular.suites import data_integrity, model_evaluation, train_test_validation
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

sys.path.insert(0, str(Path(__file__).parent))
from table import tables

HERE = Path(__file__).parent
VERSION = deepchecks.__version__
NUMBERS, WORDS = ["age", "income", "visits"], ["city", "plan"]


def write(what, result):
    text = result.to_json(with_display=False)
    path = HERE / f"deepchecks-{VERSION}-{what}.json"
    path.write_text(text if text.endswith("\n") else text + "\n")
    print(path.name, path.stat().st_size, len(json.loads(text).get("results", [1])))


def model(kind):
    prepare = ColumnTransformer(
        [
            ("numbers", SimpleImputer(), NUMBERS),
            ("words", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), WORDS),
        ]
    )
    return Pipeline([("prepare", prepare), ("model", kind(n_estimators=40, max_depth=6, random_state=0))])


def main():
    train, test = tables()
    train, test = train.iloc[:, :], test.iloc[:200, :]
    roles = dict(index_name="row_id", datetime_name="day", cat_features=["city", "plan"])

    def sets(label, features):
        made = []
        for frame in (train, test):
            columns = features + ["row_id", "day", label]
            made.append(Dataset(frame[columns], label=label, features=features, **roles))
        return made

    everything = ["age", "income", "visits", "city", "plan", "mixed", "leak", "flat"]
    first, second = sets("label", everything)
    write("data-integrity", data_integrity().run(train_dataset=first, test_dataset=second, with_display=False))
    write("train-test-validation", train_test_validation().run(train_dataset=first, test_dataset=second, with_display=False))

    first, second = sets("label", NUMBERS + WORDS)
    classifier = model(GradientBoostingClassifier).fit(train[NUMBERS + WORDS], train["label"])
    given = dict(train_dataset=first, test_dataset=second, model=classifier, with_display=False)
    write("model-evaluation-classification", model_evaluation().run(**given))

    extra = Suite(
        "Checks outside the default suites",
        checks.ClassImbalance().add_condition_class_ratio_less_than(0.1),
        checks.PercentOfNulls().add_condition_percent_of_nulls_not_greater_than(0.05),
        checks.ColumnsInfo(),
        checks.ModelInfo(),
        checks.SingleDatasetPerformance().add_condition_greater_than(0.9),
        PerformanceBias("city").add_condition_bounded_performance_difference(-0.02),
        checks.SegmentPerformance("age", "income"),
        checks.ConfusionMatrixReport().add_condition_misclassified_samples_lower_than_condition(0.02),
        checks.OutlierSampleDetection().add_condition_outlier_ratio_less_or_equal(0.001, 0.3),
        checks.DatasetsSizeComparison().add_condition_test_size_greater_or_equal(500),
        checks.ModelInferenceTime().add_condition_inference_time_less_than(1e-9),
        checks.UnusedFeatures(feature_importance_threshold=1.5).add_condition_number_of_high_variance_unused_features_less_or_equal(0),
        checks.RegressionSystematicError().add_condition_systematic_error_ratio_to_rmse_less_than(0.01),
        checks.TrainTestPerformance().add_condition_class_performance_imbalance_ratio_less_than(score="F1", threshold=0.05),
        checks.DataDuplicates(columns=["age", "income"]).add_condition_ratio_less_or_equal(0.0),
        checks.IsSingleValue().add_condition("a condition that breaks", lambda value: value["no such column"] > 1),
        checks.SimpleModelComparison(strategy="tree").add_condition_gain_greater_than(0.1, average=True),
    )
    write("outside-suites", extra.run(**given))

    first, second = sets("amount", NUMBERS + WORDS)
    regressor = model(GradientBoostingRegressor).fit(train[NUMBERS + WORDS], train["amount"])
    given = dict(train_dataset=first, test_dataset=second, model=regressor, with_display=False)
    write("model-evaluation-regression", model_evaluation().run(**given))
    write("train-test-validation-regression", train_test_validation().run(train_dataset=first, test_dataset=second, with_display=False))

    single = checks.FeatureDrift().add_condition_drift_score_less_than()
    write("single-check", single.run(first, second, with_display=False))


if __name__ == "__main__":
    np.random.seed(0)
    main()
