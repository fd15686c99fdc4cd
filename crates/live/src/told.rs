//! What may be told of a run that is under way, once each.

use std::collections::{BTreeMap, BTreeSet};

use deepfix_model::Finding;

/// What one look is enough for.
const AT_ONCE: [&str; 4] = ["exploding_loss", "log_restart", "nan_loss", "precision_overflow"];
/// A finding without its place: the best epoch of a curve moves from look to look.
type Key = (String, String);

/// What was told of a run, and what the last look saw.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub(crate) told: BTreeSet<Key>,
    /// Looks in a row that saw each.
    pub(crate) seen: BTreeMap<Key, u32>,
}

/// Looks in a row that must see a finding before it is told.
const LOOKS: u32 = 2;

impl Told {
    /// The findings of a look that may be told now: seen by two looks in a row (what one value proves, at
    /// once), not told before, and none that only a finished run can show unless it has ended.
    pub fn tell<'a>(&mut self, findings: impl IntoIterator<Item = &'a Finding>, ended: bool) -> Vec<&'a Finding> {
        let mut seen = BTreeMap::new();
        let mut out = Vec::new();
        for finding in findings {
            let key = (finding.code.clone(), subject(&finding.subject));
            let looks = self.seen.get(&key).copied().unwrap_or(0).saturating_add(1);
            seen.insert(key.clone(), looks);
            let code = finding.code.as_str();
            let sure = ended || looks >= LOOKS || AT_ONCE.contains(&code);
            let waits = !ended && Finding::END_OF_RUN.contains(&code);
            if sure && !waits && self.told.insert(key) {
                out.push(finding);
            }
        }
        self.seen = seen;
        out
    }
}

/// The subject without its place in the run.
fn subject(subject: &str) -> String {
    match subject.split_once(':') {
        Some((kind @ ("epoch" | "step" | "value"), _)) => kind.to_owned(),
        Some((_, rest)) => rest.to_owned(),
        None => subject.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use deepfix_model::{ArtifactKind, Severity};

    use super::*;

    fn finding(code: &str, subject: &str) -> Finding {
        Finding::new(code, ArtifactKind::Metrics, subject, Severity::High, 0.9)
    }

    fn codes(findings: Vec<&Finding>) -> Vec<&str> {
        findings.into_iter().map(|f| f.code.as_str()).collect()
    }

    #[test]
    fn two_looks_make_sure_and_nothing_is_told_twice() {
        let mut told = Told::default();
        let found = [
            finding("overfitting", "epoch:3"),
            finding("nan_loss", "step:9"),
            finding("not_learning", "loss"),
            finding("x", "a"),
        ];
        assert_eq!(codes(told.tell(&found[..3], false)), ["nan_loss"]);
        let later = [finding("overfitting", "epoch:4"), finding("nan_loss", "step:9"), finding("not_learning", "loss")];
        assert_eq!(codes(told.tell(&later, false)), ["overfitting"]);
        assert_eq!(codes(told.tell(&later, true)), ["not_learning"]);
        assert!(told.tell(&found[..3], true).is_empty());
        assert_eq!(codes(told.tell(&found, false)), Vec::<&str>::new(), "seen once only");
    }
}
