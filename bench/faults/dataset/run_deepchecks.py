"""Runs Deepchecks 0.19 on the cases: data_integrity on train, train_test_validation on both, default conditions.

    python run_deepchecks.py --cases cases --out results-deepchecks.jsonl [--sample N]

Needs deepchecks==0.19.*, numpy<2, scikit-learn 1.5, pandas<2.3, setuptools<80 in an environment of its own.
A failed condition is a `high` finding, a warning a `medium` one; MAPPING says what each is taken for.
"""

import re
import warnings

warnings.filterwarnings("ignore")

from deepchecks.core.condition import ConditionCategory
from deepchecks.tabular import Dataset
from deepchecks.tabular.suites import data_integrity, train_test_validation

import tools

# Check: (code, other codes its failure honestly means). None: the condition has no counterpart among the codes.
MAPPING = {
    "Is Single Value": ("constant_column", []),
    "Special Characters": ("mixed_nulls", ["mixed_types"]),
    "Mixed Nulls": ("mixed_nulls", []),
    "Mixed Data Types": ("mixed_types", ["mixed_nulls"]),
    "String Mismatch": ("category_variants", []),
    "Data Duplicates": ("duplicate_rows", []),
    "String Length Out Of Bounds": ("mixed_types", ["mixed_nulls", "outliers"]),
    "Conflicting Labels": ("conflicting_labels", ["label_noise"]),
    "Outlier Sample Detection": ("outliers", ["sentinel_values"]),
    "Feature Label Correlation": ("target_leakage", ["id_leakage"]),
    "Feature Feature Correlation": ("near_duplicate_features", []),
    "Identifier Label Correlation": ("id_leakage", ["target_leakage"]),
    "Datasets Size Comparison": ("test_too_small", []),
    "New Label Train Test": ("unseen_labels", ["category_variants"]),
    "New Category Train Test": ("unseen_categories", ["category_variants", "schema_skew", "mixed_types", "mixed_nulls"]),
    "String Mismatch Comparison": ("category_variants", []),
    "Date Train Test Leakage Duplicates": ("temporal_leakage", []),
    "Date Train Test Leakage Overlap": ("temporal_leakage", []),
    "Index Train Test Leakage": ("train_test_overlap", []),
    "Train Test Samples Mix": ("train_test_overlap", []),
    "Feature Label Correlation Change": ("concept_shift", ["target_leakage", "id_leakage"]),
    "Feature Drift": ("covariate_shift", ["unit_change", "null_rate_shift", "unseen_categories", "schema_skew"]),
    "Label Drift": ("label_shift", ["concept_shift"]),
    "Multivariate Drift": ("covariate_shift", ["correlation_shift", "concept_shift", "unit_change", "unseen_categories", "null_rate_shift"]),
}
WITH_LABEL = {"Conflicting Labels", "New Label Train Test", "Label Drift"}
NO_COLUMNS = {"Data Duplicates", "Datasets Size Comparison", "Train Test Samples Mix", "Date Train Test Leakage Duplicates",
              "Date Train Test Leakage Overlap", "Index Train Test Leakage", "Outlier Sample Detection"}


def columns_of(name, result, details, known, label):
    """Lists of columns, one list per finding, from the condition's words or the check's value."""
    if name in WITH_LABEL:
        return [[label]]
    if name in NO_COLUMNS:
        return [[]]
    if name == "Feature Feature Correlation":
        return [list(p) for p in re.findall(r"\('(.+?)', '(.+?)'\)", details)] or [[]]
    if name == "Multivariate Drift":
        weight = result.value.get("domain_classifier_feature_importance") or {}
        return [[c for c, w in weight.items() if w > 0.1]]
    named = [c for c in re.findall(r"['\"](.+?)['\"]", details) if c in known]
    if name == "Feature Label Correlation Change":
        return [[label, c] for c in named] or [[label]]
    return [[c] for c in dict.fromkeys(named)] or [[]]


def analyse(case, train, test):
    label = case["label"]
    kind = "regression" if case["task"] == "regression" else "binary" if train[label].nunique() == 2 else "multiclass"
    options = {"label": label, "label_type": kind, "datetime_name": case["datetime"]}
    first = Dataset(train, **options)
    # Kinds of columns as guessed on train, for both: guessed apart they may differ, which stops the suite.
    categories = first.cat_features
    second = Dataset(test, cat_features=[c for c in categories if c in test], **options)
    found, known = [], {*map(str, train), *map(str, test)}
    for suite, given in ((data_integrity(), [first]), (train_test_validation(), [first, second])):
        try:
            outcome = suite.run(*given)
        except Exception as error:
            if len(given) == 2 and "share the same" in str(error):
                found.append(tools.finding("schema_skew", [c for c in set(map(str, train)) ^ set(map(str, test))]))
                continue
            raise
        for result in outcome.results:
            for condition in getattr(result, "conditions_results", None) or []:
                if condition.category not in (ConditionCategory.FAIL, ConditionCategory.WARN):
                    continue
                name = result.check.name()
                code, either = MAPPING.get(name, (None, None))
                if code is None:
                    continue
                severity = "high" if condition.category == ConditionCategory.FAIL else "medium"
                for columns in columns_of(name, result, str(condition.details), known, label):
                    # A drift or new kind of value in the label's own column speaks of the label.
                    found.append(tools.finding(code, columns, severity, "train" if len(given) == 1 else "both", either))
    return found


if __name__ == "__main__":
    tools.main("deepchecks", analyse, __doc__)
