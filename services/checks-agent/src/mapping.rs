//! Which of our codes a check means. Names are those of Deepchecks 0.19's tabular, vision and NLP
//! suites; a check that is not in the table becomes `check_failed`.

use std::{collections::HashMap, sync::LazyLock};

use deepfix_model::Split;

/// What a check means to us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mapped {
    pub(crate) code: &'static str,
    /// What the finding is about when the check names no column.
    pub(crate) subject: Subject,
    /// Split when the header names none.
    pub(crate) split: Option<Split>,
    /// The condition fails at any value above zero, so its size decides the weight.
    pub(crate) zero_tolerance: bool,
    /// The fix.
    pub(crate) action: &'static str,
    /// Why it helps.
    pub(crate) rationale: &'static str,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Rows,
    Label,
    Split,
    Check,
}

type Row = (&'static str, &'static str, Subject, Option<Split>, &'static str, &'static str);

const BOTH: Option<Split> = Some(Split::Both);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // Data integrity.
    ("Is Single Value", "constant_column", Subject::Check, None, "drop the columns named", "a column that never varies cannot inform a model"),
    ("Mixed Nulls", "mixed_nulls", Subject::Check, None, "read all spellings of missing as one: na_values=[…]", "each spelling becomes a category of its own"),
    ("Mixed Data Types", "mixed_types", Subject::Check, None, "mend the cells whose type differs, then fix the column's type", "one stray cell turns a number into text"),
    ("String Mismatch", "category_variants", Subject::Check, None, "fold case and spaces: s.str.strip().str.lower()", "one category counts as several"),
    ("String Mismatch Comparison", "category_variants", Subject::Check, BOTH, "fold case and spaces in both splits alike", "a spelling that only test has is an unknown category"),
    ("Data Duplicates", "duplicate_rows", Subject::Rows, None, "drop repeated rows before splitting", "repeated rows weigh more than they should and land on both sides of a split"),
    ("String Length Out Of Bounds", "outliers", Subject::Check, None, "look at the longest and shortest values named", "they are usually broken exports"),
    ("Special Characters", "mixed_nulls", Subject::Check, None, "read cells of special characters only as missing", "they stand for nothing and count as values"),
    ("Conflicting Labels", "conflicting_labels", Subject::Label, None, "settle the label of equal rows, or add the column that tells them apart", "no model can answer equal rows differently"),
    ("Outlier Sample Detection", "outliers", Subject::Rows, None, "look at the rows with the highest outlier score", "they are errors or another population"),
    ("Feature Label Correlation", "target_leakage", Subject::Check, None, "drop the columns named, or freeze them at the time of prediction", "alone they nearly give the label away"),
    ("Feature Feature Correlation", "near_duplicate_features", Subject::Check, None, "keep one column of each group", "the others add cost and unstable importances, no information"),
    ("Identifier Label Correlation", "id_leakage", Subject::Check, None, "keep identifiers and dates out of the features", "a model that reads them memorises rows"),
    ("Class Imbalance", "class_imbalance", Subject::Label, None, "judge by a metric that sees the rare class, then reweight", "accuracy hides a rare class"),
    ("Percent Of Nulls", "high_missing_rate", Subject::Check, None, "drop the columns named, or keep only whether they are present", "most of their cells are invented by imputation"),
    // Train against test.
    ("Datasets Size Comparison", "test_too_small", Subject::Split, BOTH, "hold out more rows, or cross-validate", "a metric over few rows has wide error bars"),
    ("New Label Train Test", "unseen_labels", Subject::Label, BOTH, "collect train rows of the new classes", "a class that was never shown cannot be predicted"),
    ("New Labels", "unseen_labels", Subject::Label, BOTH, "collect train samples of the new classes", "a class that was never shown cannot be predicted"),
    ("New Category Train Test", "unseen_categories", Subject::Check, BOTH, "give the columns an explicit unknown category", "an encoder drops what it was never shown"),
    ("Category Mismatch Train Test", "unseen_categories", Subject::Check, BOTH, "give the columns an explicit unknown category", "an encoder drops what it was never shown"),
    ("Date Train Test Leakage Duplicates", "temporal_leakage", Subject::Split, BOTH, "split by date: train before, test after", "the model is scored on days it was trained on"),
    ("Date Train Test Leakage Overlap", "temporal_leakage", Subject::Split, BOTH, "split by date: train before, test after", "the model is scored on days it has seen the neighbours of"),
    ("Index Train Test Leakage", "train_test_overlap", Subject::Rows, BOTH, "remove the shared rows from test", "the score counts what was memorised"),
    ("Train Test Samples Mix", "train_test_overlap", Subject::Rows, BOTH, "remove the shared rows from test", "the score counts what was memorised"),
    ("Feature Label Correlation Change", "target_leakage", Subject::Check, BOTH, "drop the columns named, or freeze them at the time of prediction", "alone they nearly give the label away, or do so in one split only"),
    ("Feature Drift", "covariate_shift", Subject::Check, BOTH, "find out what changed in these columns, then retrain on recent rows", "the model is asked about values it rarely saw"),
    ("Train Test Feature Drift", "covariate_shift", Subject::Check, BOTH, "find out what changed in these columns, then retrain on recent rows", "the model is asked about values it rarely saw"),
    ("Multivariate Drift", "covariate_shift", Subject::Rows, BOTH, "see which features tell the splits apart, then retrain on recent rows", "a classifier can tell train rows from test rows"),
    ("Whole Dataset Drift", "covariate_shift", Subject::Rows, BOTH, "see which features tell the splits apart, then retrain on recent rows", "a classifier can tell train rows from test rows"),
    ("Label Drift", "label_shift", Subject::Label, BOTH, "stratify the split, or reweight towards what is in use", "rates learnt from train are off in test"),
    ("Train Test Label Drift", "label_shift", Subject::Label, BOTH, "stratify the split, or reweight towards what is in use", "rates learnt from train are off in test"),
    // Model evaluation.
    ("Train Test Performance", "performance_drop", Subject::Split, BOTH, "look for overfitting and drift; both lower test alone", "the score on train does not hold on test"),
    ("Simple Model Comparison", "worse_than_baseline", Subject::Check, BOTH, "compare with the simple model by class, and look at labels and features of the losing ones", "a trivial model does as well"),
    ("Roc Report", "worse_than_baseline", Subject::Check, None, "look at the classes below the bound", "their scores hardly rank better than chance"),
    ("Weak Segments Performance", "weak_segment", Subject::Check, None, "collect or reweight rows of the weakest segment", "the average hides where the model fails"),
    ("Property Segments Performance", "weak_segment", Subject::Check, None, "collect or reweight texts of the weakest segment", "the average hides where the model fails"),
    ("Metadata Segments Performance", "weak_segment", Subject::Check, None, "collect or reweight texts of the weakest segment", "the average hides where the model fails"),
    ("Under Annotated Meta Data Segments", "weak_segment", Subject::Check, None, "annotate more of these segments", "the model saw few labels there"),
    ("Under Annotated Property Segments", "weak_segment", Subject::Check, None, "annotate more of these segments", "the model saw few labels there"),
    ("Performance Bias", "weak_segment", Subject::Check, None, "compare scores between the groups, and collect rows of the worse one", "the average hides where the model fails"),
    ("Calibration Score", "calibration_error", Subject::Check, None, "calibrate on held-out rows: CalibratedClassifierCV", "probabilities do not mean what they say"),
    ("Regression Systematic Error", "regression_bias", Subject::Check, None, "correct the mean error, then find the rows it comes from", "predictions lie on one side of the truth"),
    ("Regression Error Distribution", "regression_bias", Subject::Check, None, "look at the rows with the largest errors", "errors are heavy-tailed or one-sided"),
    ("Model Inference Time", "slow_inference", Subject::Check, None, "batch predictions, or use a smaller model", "each row takes longer than allowed"),
    ("Boosting Overfit", "overfitting", Subject::Check, BOTH, "stop at the best number of estimators", "later trees fit the training rows themselves"),
    ("Unused Features", "unused_features", Subject::Check, None, "drop features the model does not use", "they cost collection and latency for nothing"),
    // Vision and NLP.
    ("Image Dataset Drift", "image_property_shift", Subject::Rows, BOTH, "check that both splits pass the same decoding and augmentation", "a classifier can tell the splits' images apart"),
    ("Image Property Drift", "image_property_shift", Subject::Check, BOTH, "check that both splits pass the same decoding and augmentation", "the model reads a shift of image properties as content"),
    ("Image Property Outliers", "outliers", Subject::Rows, None, "look at the images listed", "they are broken files or another population"),
    ("Label Property Outliers", "outliers", Subject::Label, None, "look at the labels listed", "they are broken annotations or another population"),
    ("Property Label Correlation", "target_leakage", Subject::Check, None, "remove the shortcut from the images or texts", "a mere property gives the label away"),
    ("Property Label Correlation Change", "target_leakage", Subject::Check, BOTH, "remove the shortcut from the images or texts", "a mere property gives the label away in one split"),
    ("Class Performance", "performance_drop", Subject::Check, BOTH, "look at the classes named", "their scores fall from train to test"),
    ("Text Property Outliers", "outliers", Subject::Rows, None, "look at the texts listed", "they are broken records or another population"),
    ("Text Duplicates", "duplicate_rows", Subject::Rows, None, "drop repeated texts before splitting", "repeated texts land on both sides of a split"),
    ("Property Drift", "covariate_shift", Subject::Check, BOTH, "find out what changed in the texts", "the model is asked about texts it rarely saw"),
    ("Text Embeddings Drift", "covariate_shift", Subject::Rows, BOTH, "find out what changed in the texts", "a classifier can tell the splits' texts apart"),
];

/// Whether a check runs for regressions alone.
pub(crate) fn is_of_regression(check: &str) -> bool {
    matches!(check, "Regression Systematic Error" | "Regression Error Distribution")
}

/// Codes of the table.
pub(crate) fn codes() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.1)
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

static BY_NAME: LazyLock<HashMap<String, &'static Row>> =
    LazyLock::new(|| TABLE.iter().map(|row| (folded(row.0), row)).collect());

/// What a check means.
pub(crate) fn of(check: &str) -> Mapped {
    match BY_NAME.get(&folded(check)) {
        Some(&&(_, code, subject, split, action, rationale)) => {
            Mapped { code, subject, split, zero_tolerance: code == "id_leakage", action, rationale }
        }
        None => Mapped {
            code: "check_failed",
            subject: Subject::Check,
            split: None,
            zero_tolerance: false,
            action: "read the check's own result and mend what it names",
            rationale: "a condition that was set for this data does not hold",
        },
    }
}

/// What to do about a code, and why, where a result of another tool says it.
pub(crate) fn advice(code: &str) -> (&'static str, &'static str) {
    match code {
        "schema_skew" => (
            "settle the columns and types that both sides have, where the table is written",
            "a model reads columns by place and type, and fails or guesses where they differ",
        ),
        "concept_shift" => (
            "look at what changed between the splits in how this column goes with the label",
            "what was learnt of it in train does not hold in test",
        ),
        "null_rate_shift" => (
            "find out why the column is filled more or less often, and keep its absence as a column of its own",
            "imputed values stand for other cells than in training",
        ),
        "outliers" => (
            "look at the values named where they are entered or made",
            "slips of entry decide means and scales; true extremes are worth a bound of their own",
        ),
        "sentinel_values" => ("read these numbers as missing", "a magic number moves every mean and scale"),
        "too_few_rows" => ("find out where the rows were lost", "what is learnt from so few rows is mostly their noise"),
        _ => TABLE.iter().find(|row| row.1 == code).map_or(
            ("look at the rows behind this result", "the check failed; what that means depends on why it was set"),
            |row| (row.4, row.5),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, fs, path::Path};

    use super::TABLE;

    /// The list of checks in `docs/checks.md` is this table. `DEEPFIX_BLESS=1` writes it anew.
    #[test]
    fn the_documented_checks_are_these() {
        let (begin, end) = ("<!-- checks -->\n", "<!-- end of checks -->");
        let mut rows: Vec<(&str, &str)> = TABLE.iter().map(|row| (row.0, row.1)).collect();
        rows.sort_unstable();
        let mut list = "| check | code |\n|---|---|\n".to_owned();
        for (check, code) in rows {
            let _ = writeln!(list, "| {check} | `{code}` |");
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks.md");
        let text = fs::read_to_string(&path).expect("the page");
        let (before, rest) = text.split_once(begin).expect("the list begins");
        let (there, after) = rest.split_once(end).expect("the list ends");
        if std::env::var_os("DEEPFIX_BLESS").is_some() {
            fs::write(&path, [before, begin, &list, end, after].concat()).expect("writes");
            return;
        }
        assert!(there == list, "docs/checks.md is out of date: DEEPFIX_BLESS=1 cargo test -p deepfix-checks-agent --lib");
    }
}
