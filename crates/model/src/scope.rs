//! Which kinds of fault are looked for.

use std::collections::BTreeSet;

/// Kinds of fault that are asked for together, by name.
const GROUPS: [(&str, &[&str]); 4] = [
    (
        "quality",
        &[
            "category_variants",
            "constant_column",
            "duplicate_rows",
            "heavy_tailed_feature",
            "high_cardinality",
            "high_missing_rate",
            "mixed_nulls",
            "mixed_types",
            "outliers",
            "schema_skew",
            "sentinel_values",
            "skewed_target",
            "test_too_small",
            "too_few_rows",
            "too_many_features",
        ],
    ),
    (
        "drift",
        &[
            "covariate_shift",
            "image_property_shift",
            "label_shift",
            "null_rate_shift",
            "schema_skew",
            "text_length_shift",
            "unit_change",
            "unseen_categories",
            "unseen_labels",
            "vocabulary_shift",
        ],
    ),
    ("leakage", &["data_leakage", "id_leakage", "target_leakage", "temporal_leakage", "train_test_overlap"]),
    ("labels", &["class_imbalance", "concept_shift", "conflicting_labels", "label_noise", "label_shift", "unseen_labels"]),
];

/// The codes looked for; all of them when none was named. That an artifact cannot be used, or that loading it would
/// run code, is always said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    codes: BTreeSet<String>,
}

impl Scope {
    /// Names of the groups.
    pub fn groups() -> impl Iterator<Item = &'static str> {
        GROUPS.iter().map(|(name, _)| *name)
    }

    /// Of fault codes and names of groups.
    #[must_use]
    pub fn of<S: AsRef<str>>(names: &[S]) -> Self {
        let mut codes = BTreeSet::new();
        for name in names.iter().map(AsRef::as_ref) {
            match GROUPS.iter().find(|(group, _)| *group == name) {
                Some((_, of_group)) => codes.extend(of_group.iter().map(|code| (*code).to_owned())),
                None => {
                    codes.insert(name.to_owned());
                }
            }
        }
        Self { codes }
    }

    /// Whether everything is looked for.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.codes.is_empty()
    }

    /// Whether a kind of fault is looked for.
    #[must_use]
    pub fn holds(&self, code: &str) -> bool {
        self.is_all() || code.starts_with("artifact_") || code == "unsafe_pickle" || self.codes.contains(code)
    }
}

#[cfg(test)]
mod tests {
    use super::Scope;

    #[test]
    fn groups_are_codes_and_nothing_named_is_everything() {
        assert!(Scope::of::<&str>(&[]).holds("label_noise"));
        let scope = Scope::of(&["drift", "label_noise"]);
        assert!(scope.holds("covariate_shift") && scope.holds("label_noise") && !scope.holds("outliers"));
        assert!(scope.holds("artifact_unreadable") && scope.holds("unsafe_pickle"), "never left out");
    }
}
