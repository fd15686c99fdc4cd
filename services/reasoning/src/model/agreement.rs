//! Self-consistency (Wang et al. 2023, arXiv:2203.11171): several answers to one question, and the one that is most
//! like the others. What they may say is bounded by the evidence already; what they choose to name of it is compared.

use std::collections::BTreeSet;

/// What an answer names: its figures, quoted names and names with underscores.
fn named(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')'))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| word.contains('_') || word.starts_with(|c: char| c.is_ascii_digit()))
        .chain(text.split('`').skip(1).step_by(2))
        .collect()
}

/// Share of what two answers name that both name (Jaccard); 1 when neither names anything.
fn alike(a: &BTreeSet<&str>, b: &BTreeSet<&str>) -> f64 {
    let all = a.union(b).count();
    if all == 0 { 1.0 } else { a.intersection(b).count() as f64 / all as f64 }
}

/// The place of the answer most like the others, of equals the first, and how alike all are: the mean over pairs.
/// `None` for fewer than two answers.
pub(super) fn agreed(answers: &[String]) -> Option<(usize, f64)> {
    let names: Vec<BTreeSet<&str>> = answers.iter().map(|text| named(text)).collect();
    let others = answers.len().checked_sub(1).filter(|n| *n > 0)? as f64;
    let to_others = |i: usize| {
        let sum: f64 = names.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, other)| alike(&names[i], other)).sum();
        sum / others
    };
    let means: Vec<f64> = (0..names.len()).map(to_others).collect();
    let best = (0..means.len()).rev().max_by(|&a, &b| means[a].total_cmp(&means[b]))?;
    Some((best, means.iter().sum::<f64>() / means.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::agreed;

    #[test]
    fn the_answer_most_like_the_others_is_taken() {
        let of = |texts: &[&str]| agreed(&texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        let (best, agreement) =
            of(&["`age` drifts by 0.31.", "The loss rises, 12 epochs.", "`age` has a PSI of 0.31."]).expect("three");
        assert_eq!(best, 0);
        assert!((agreement - 1.0 / 3.0).abs() < 1e-12, "{agreement}");
        assert_eq!(of(&["target_leakage", "target_leakage"]), Some((0, 1.0)));
        assert_eq!(of(&["alone"]), None);
    }
}
