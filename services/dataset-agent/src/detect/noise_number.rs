//! `label_noise` where the label is a number.
//!
//! Labels are taken by rank, so that a heavy tail is no surprise: 0 for the smallest, 1 for the largest.
//! A model that did not see the row predicts its rank. Had a label been given to the wrong row, its rank
//! would be anyone's, and how often such a one lies further than `t` from a prediction `p` is known
//! exactly: `max(p - t, 0) + max(1 - p - t, 0)`. Rows found that far away, over the number expected if
//! *every* label were anyone's, estimate the share that is. Errors of an honest, hard problem thin out as
//! `t` grows, and the estimate falls with them; that of wrong labels stays. So it is taken at two
//! distances, and must be about the same at both, and come from above as well as from below. And where
//! the problem is hard only in places, the columns foretell where errors are large; of labels gone wrong
//! they know nothing.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, Split, above};
use statrs::distribution::{Binomial, DiscreteCDF};

use super::{
    Data, emit,
    model::Learnt,
    noise::{chance, lower_bound},
    percent,
};
use crate::{
    stats::{drift, power, rank, trees::Answers},
    table::show,
};

/// Distances in rank at which the share is estimated (our choice: at the first, a model whose typical
/// error is at most [`TYPICAL`] is hardly ever wrong by itself).
const NEAR: f64 = 0.4;
const FAR: f64 = 0.55;
/// Least ratio of the estimate at the far distance to that at the near one (our choice).
const FLAT: f64 = 0.65;
/// The ratio of honest errors that chance must not have made this large (our choice; 0 to 0.55 in the
/// tables without a fault that this was tried on).
const HONEST: f64 = 0.4;
/// Largest typical error in rank, and largest share, of a model that knows enough to contradict (our choice).
const TYPICAL: f64 = 0.1;
const MOST: f64 = 0.25;
/// Largest area under the curve of a model of the *size* of errors, out of fold, for the rows contradicted:
/// which labels are wrong, the columns cannot know (our choice).
const FORETOLD: f64 = 0.62;
/// Fewest rows beyond the near distance: of fewer, none of the above is known well (our choice).
const ROWS: usize = 15;
/// Most of the suspects that may hold one and the same value (our choice).
const ALIKE: f64 = 0.5;
/// Chance below which they lie on the two sides too unevenly to be anyone's.
const SIDES: f64 = 0.05;

pub(super) fn detect(
    analysis: &mut Analysis<'_>,
    sink: &mut Sink<'_>,
    data: &Data,
    learnt: &Learnt,
    values: &[f64],
) -> Result<(), Stop> {
    let (medium, high) = (analysis.threshold("label_noise.medium"), analysis.threshold("label_noise.high"));
    let n = values.len() as f64;
    let ranks: Vec<f64> = rank::ranks(values).into_iter().map(|r| (r - 0.5) / n).collect();
    let predicted: Vec<f64> = learnt
        .held_out_for(&Answers::Numbers(ranks.clone()), &analysis.cancel())
        .into_iter()
        .map(|p| p.first().copied().unwrap_or(0.5).clamp(0.0, 1.0))
        .collect();
    let label = data.label.clone().unwrap_or_default();
    let noise = Noise::of(&ranks, &predicted, values);
    let foretold = if noise.lower >= medium && noise.stays() {
        let sizes: Vec<f64> = ranks.iter().zip(&predicted).map(|(r, p)| (r - p).abs()).collect();
        let guessed = learnt.held_out_for(&Answers::Numbers(sizes.clone()), &analysis.cancel());
        let scored = guessed.iter().zip(&sizes).map(|(g, e)| (g.first().copied().unwrap_or(0.0), *e > NEAR));
        power::auc(scored.collect()).unwrap_or(0.5)
    } else {
        1.0
    };
    let mut findings = Vec::new();
    if noise.are_labels(foretold) {
        let severity = if noise.rate >= high { Severity::High } else { Severity::Medium };
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let value_at = |p: f64| sorted[((p * n) as usize).min(sorted.len() - 1)];
        let shown: Vec<String> = noise
            .suspects
            .iter()
            .take(8)
            .map(|&i| format!("row {} says {}, model {}", learnt.rows[i], show(values[i]), show(value_at(predicted[i]))))
            .collect();
        findings.push(
            Finding::new("label_noise", ArtifactKind::Train, "label", severity, above(noise.lower, medium * 0.5, 0.85 * noise.certainty()))
                .title(format!("about {} of train's labels have nothing to do with their rows", percent(noise.rate)))
                .column(&label)
                .split(Split::Train)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("labels_of_other_rows", "label", noise.rate)
                        .versus(">=", medium)
                        .unit("share")
                        .method("rows whose label's rank lies more than 0.4 from the rank that boosted trees predict out of fold, over how many would if every label belonged to any row")
                        .source(format!(
                            "{} of {} rows, {:.1} expected of all; lower 95 % bound {}",
                            noise.near, values.len(), noise.expected, percent(noise.lower)
                        )),
                )
                .evidence(
                    Evidence::new("share_at_far_over_near", "label", noise.flatness)
                        .versus(">=", FLAT)
                        .method("the same share estimated at a distance of 0.55 over that at 0.4; near 0 where errors are those of a hard problem, near 1 where labels are wrong"),
                )
                .evidence(
                    Evidence::new("errors_foretold", "label", foretold)
                        .versus("<", FORETOLD)
                        .method("area under the ROC curve of trees that predict the size of the error out of fold, for the rows contradicted; 0.5 where the columns know nothing of it, higher where some regions are hard"),
                )
                .evidence(
                    Evidence::new("median_rank_error", "label", noise.typical)
                        .versus("<=", TYPICAL)
                        .method("median distance of predicted from true rank, out of fold, among the rows that are not contradicted"),
                )
                .evidence(
                    Evidence::new("contradicted_labels", "label", noise.near)
                        .unit("rows")
                        .method("furthest first")
                        .source(format!("row numbers from 0: {}", shown.join("; "))),
                )
                .fix(
                    "check the labels of these rows at their source, the furthest first",
                    "a squared loss gives the furthest labels the most weight, so few wrong ones bend the whole fit",
                )
                .step("if many sit one row off, look for a join or sort that moved the label against its rows")
                .step("train again without the rows named and compare on labels checked by hand")
                .step("if they cannot be mended: a loss that bounds single rows (Huber, absolute error)"),
        );
    }
    emit(analysis, sink, "label_noise", values.len(), findings)
}

struct Noise {
    /// Estimated share of labels that are anyone's.
    rate: f64,
    lower: f64,
    /// Rows beyond the near distance, and how many there would be if all labels were anyone's.
    near: usize,
    expected: f64,
    flatness: f64,
    /// Chance that honest errors would leave so many of these rows beyond the far distance.
    by_chance: f64,
    typical: f64,
    /// Chance of so uneven a split of these rows into above and below their prediction (two-sided).
    sides: f64,
    /// Share of these rows that hold their most frequent value.
    alike: f64,
    /// These rows, furthest first.
    suspects: Vec<usize>,
}

impl Noise {
    fn of(ranks: &[f64], predicted: &[f64], values: &[f64]) -> Self {
        let errors: Vec<f64> = ranks.iter().zip(predicted).map(|(r, p)| r - p).collect();
        let upward = |t: f64| predicted.iter().map(|p| (1.0 - p - t).max(0.0)).sum::<f64>();
        let downward = |t: f64| predicted.iter().map(|p| (p - t).max(0.0)).sum::<f64>();
        let share = |t: f64| {
            let expected = (upward(t) + downward(t)).max(1e-9);
            errors.iter().filter(|e| e.abs() > t).count() as f64 / expected
        };
        let mut suspects: Vec<usize> = (0..errors.len()).filter(|&i| errors[i].abs() > NEAR).collect();
        suspects.sort_by(|&a, &b| errors[b].abs().total_cmp(&errors[a].abs()).then(a.cmp(&b)));
        let near = suspects.len();
        let up = upward(NEAR);
        let expected = up + downward(NEAR);
        let rate = share(NEAR).min(1.0);
        let far = suspects.iter().filter(|&&i| errors[i].abs() > FAR).count();
        let honest = (HONEST * (upward(FAR) + downward(FAR)) / expected.max(1e-9)).min(1.0);
        let upper = suspects.iter().filter(|&&i| errors[i] > 0.0).count() as u64;
        let sides = Binomial::new(up / expected.max(1e-9), near as u64)
            .map_or(0.0, |b| 2.0 * b.cdf(upper).min(b.sf(upper.saturating_sub(1))));
        let mut held: Vec<u64> = suspects.iter().map(|&i| values[i].to_bits()).collect();
        held.sort_unstable();
        let alike = held.chunk_by(|a, b| a == b).map(<[u64]>::len).max().unwrap_or(0);
        let mut sizes: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        Self {
            rate,
            lower: (lower_bound(near, errors.len()) * errors.len() as f64 / expected.max(1e-9)).min(1.0),
            near,
            expected,
            flatness: share(FAR) / rate.max(1e-9),
            by_chance: Binomial::new(honest, near as u64).map_or(1.0, |b| b.sf((far as u64).saturating_sub(1))),
            typical: drift::quantile(&sizes, (1.0 - rate) / 2.0),
            sides,
            alike: alike as f64 / near.max(1) as f64,
            suspects,
        }
    }

    /// Whether errors stay at a distance, on both sides, of a model that knows enough.
    fn stays(&self) -> bool {
        self.typical <= TYPICAL
            && self.rate <= MOST
            && self.flatness >= FLAT
            && self.by_chance < 0.05
            && self.near >= ROWS
            && self.sides >= SIDES
            && self.alike <= ALIKE
    }

    /// Whether the errors are the labels' and not the problem's own, which its columns would foretell.
    fn are_labels(&self, foretold: f64) -> bool {
        foretold - chance(self.near) < FORETOLD
    }

    fn certainty(&self) -> f64 {
        (self.lower / self.rate.max(1e-9)).sqrt().min(1.0)
    }
}
