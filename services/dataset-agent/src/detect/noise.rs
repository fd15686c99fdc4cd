//! `label_noise`: labels that a cross-validated model confidently contradicts.
//!
//! A model fitted on noisy labels is unsure everywhere, and one fitted on a hard problem is unsure in
//! places: how often it is contradicted does not tell the two apart, but *where* does. Rows are ordered
//! by the model's confidence (the probability of its first class over that of its second). Where labels
//! are right, contradictions vanish among the surest rows; where they were flipped, they persist there
//! at the rate of the flips, flat from the surest quarter to the next; and the columns cannot foretell
//! which rows they are, as they can where a region is merely hard. Where columns of few values do as well
//! as all, nothing has surer rows than others and the two cannot be told apart: a note. Confident learning (Northcutt,
//! Jiang and Chuang 2021) gives the rows: those whose probability of another class exceeds that
//! class's mean among its own rows. Labels that are numbers: `noise_number.rs`.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, BugType, Checked, Evidence, Finding, Note, Severity, Split, above};
use statrs::distribution::{Beta, Binomial, ContinuousCDF, DiscreteCDF};

use super::{Data, emit, model::Learnt, percent};
use crate::stats::{power, trees::Answers};

pub(crate) fn detect(
    analysis: &mut Analysis<'_>,
    sink: &mut Sink<'_>,
    data: &Data,
    learnt: &Result<Learnt, String>,
) -> Result<(), Stop> {
    let learnt = match learnt {
        Ok(learnt) => learnt,
        Err(why) => {
            analysis.checked(Checked::not("label_noise", why));
            return Ok(());
        }
    };
    let (classes, k) = match &learnt.answers {
        Answers::Classes(classes, k) => (classes, k),
        Answers::Numbers(values) => return super::noise_number::detect(analysis, sink, data, learnt, values),
    };
    let (medium, high) = (analysis.threshold("label_noise.medium"), analysis.threshold("label_noise.high"));
    let noise = Noise::of(classes, *k, &learnt.held_out);
    let label = data.label.clone().unwrap_or_default();
    let mut findings = Vec::new();
    let foretold =
        if noise.lower >= medium && noise.learns() && noise.flat() { foretold(classes, learnt, analysis) } else { 1.0 };
    let told = foretold - chance(noise.wrong) < FORETOLD;
    let coarse = if told { by_few_levels(&noise, classes, learnt, analysis) } else { None };
    if let Some(error) = coarse {
        analysis.note(Note::new(
            "label_noise",
            "label",
            format!(
                "cannot tell whether labels are wrong: columns of at most {LEVELS} values predict them as well ({} wrong) as all columns \
                 ({}), and are contradicted evenly wherever they do not decide the label",
                percent(error),
                percent(noise.error)
            ),
        ));
    } else if told {
        let severity = if noise.rate >= high { Severity::High } else { Severity::Medium };
        let mut suspects = confident(classes, *k, &learnt.held_out);
        suspects.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
        let shown: Vec<String> = suspects
            .iter()
            .take(8)
            .map(|(i, class, p)| {
                format!(
                    "row {} says `{}`, model `{}` ({p:.2})",
                    learnt.rows[*i],
                    learnt.class_name(classes[*i]),
                    learnt.class_name(*class)
                )
            })
            .collect();
        findings.push(
            Finding::new("label_noise", ArtifactKind::Train, "label", severity, above(noise.lower, medium * 0.5, 0.85 * noise.certainty()))
                .title(format!("about {} of train's labels are contradicted by every model that did not see them", percent(noise.rate)))
                .column(&label)
                .split(Split::Train)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("contradicted_among_surest", "label", noise.rate)
                        .versus(">=", medium)
                        .unit("share")
                        .method("rows whose label is not the class that boosted trees predict for them out of fold, among the half of rows predicted most surely")
                        .source(format!("{} of {} rows; lower 95 % bound {}", noise.wrong, noise.sure, percent(noise.lower))),
                )
                .evidence(
                    Evidence::new("surest_quarter_over_next", "label", noise.flatness)
                        .versus(">=", FLAT)
                        .method("contradiction rate of the surest quarter of rows over that of the next quarter; near 0 where labels are right, near 1 where they were flipped at random"),
                )
                .evidence(
                    Evidence::new("other_error_over_majority_error", "label", noise.own_error())
                        .versus("<", LEARNS)
                        .method("out-of-fold error rate less the contradicted share, over the error of always answering the most frequent class")
                        .source(format!("out-of-fold error {}, majority {}", percent(noise.error), percent(noise.majority_error))),
                )
                .evidence(
                    Evidence::new("errors_foretold", "label", foretold)
                        .versus("<", FORETOLD)
                        .method("area under the ROC curve of trees that predict out of fold which rows are contradicted, among the surest half; 0.5 where the columns know nothing of it, higher where some regions are hard"),
                )
                .evidence(
                    Evidence::new("confident_label_errors", "label", suspects.len())
                        .unit("rows")
                        .method("confident learning: the likeliest class whose probability exceeds its mean among its own rows is another than the label")
                        .source(format!("of {} rows; row numbers from 0: {}", classes.len(), shown.join("; "))),
                )
                .fix(
                    "have these rows labelled again, the surest contradictions first",
                    "wrong labels are memorised by large models and put a floor under every error",
                )
                .step("cleanlab.filter.find_label_issues(labels, pred_probs, return_indices_ranked_by=\"self_confidence\")")
                .step("train again without the rows named and compare on labels checked by hand")
                .step("if they cannot be mended: label smoothing, or a loss that bounds single rows"),
        );
    }
    emit(analysis, sink, "label_noise", classes.len(), findings)
}

/// Least ratio of contradictions, surest quarter over next, for noise (our choice).
const FLAT: f64 = 0.5;
/// Most error besides the suspected flips, relative to the majority's, at which a model knows enough to
/// contradict: on a hard problem contradictions are everywhere, and flat too.
const LEARNS: f64 = 0.16;

/// Largest area under the curve at which contradictions are not those of a hard region (our choice; 0.44 to
/// 0.58 where labels were flipped at random).
const FORETOLD: f64 = 0.65;

/// Most values of a column that is too coarse to show where labels are contradicted (our choice).
const LEVELS: usize = 4;
/// Error that columns of few values may have beyond that of all columns, over the majority's, and still be said to
/// tell all there is to tell (our choice).
const AS_WELL: f64 = 0.03;

/// The error of columns of few values alone, where it is about that of all columns: then a honest and merely good
/// predictor (survival by sex) is contradicted as evenly as flipped labels are, for it has no surer rows.
fn by_few_levels(noise: &Noise, classes: &[usize], learnt: &Learnt, analysis: &Analysis<'_>) -> Option<f64> {
    let guessed = learnt.held_out_by_few_levels(LEVELS, &analysis.cancel())?;
    let wrong = classes.iter().zip(&guessed).filter(|(class, p)| argmax(p) != **class).count();
    let error = wrong as f64 / classes.len().max(1) as f64;
    (error - noise.error <= AS_WELL * noise.majority_error).then_some(error)
}

/// How well the columns foretell which of the surest half of rows are contradicted.
fn foretold(classes: &[usize], learnt: &Learnt, analysis: &Analysis<'_>) -> f64 {
    let wrong: Vec<f64> =
        classes.iter().zip(&learnt.held_out).map(|(&class, p)| f64::from(u8::from(argmax(p) != class))).collect();
    let margins: Vec<f64> = learnt.held_out.iter().map(|p| margin(p)).collect();
    let mut sorted = margins.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted[sorted.len() / 2];
    let guessed = learnt.held_out_for(&Answers::Numbers(wrong.clone()), &analysis.cancel());
    let sure = (0..wrong.len()).filter(|&i| margins[i] >= middle);
    power::auc(sure.map(|i| (guessed[i].first().copied().unwrap_or(0.0), wrong[i] > 0.5)).collect()).unwrap_or(0.5)
}

/// Standard error of the area under the curve for a few rows among many, where nothing is foretold (Mann and
/// Whitney 1947).
pub(super) fn chance(few: usize) -> f64 {
    (1.0 / (12.0 * few.max(1) as f64)).sqrt()
}

struct Noise {
    /// Contradicted share among the surest half.
    rate: f64,
    /// Lower 95 % bound of it.
    lower: f64,
    wrong: usize,
    /// Of them, in the surest quarter.
    first: usize,
    sure: usize,
    flatness: f64,
    /// Lower bound of the surest quarter's rate.
    surest: f64,
    error: f64,
    majority_error: f64,
}

impl Noise {
    fn of(classes: &[usize], k: usize, held_out: &[Vec<f64>]) -> Self {
        // Margin of the first class over the second, and whether the label is that first class.
        let mut rows: Vec<(f64, bool)> =
            classes.iter().zip(held_out).map(|(&class, p)| (margin(p), argmax(p) != class)).collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let quarter = rows.len() / 4;
        let wrong = |part: &[(f64, bool)]| part.iter().filter(|r| r.1).count();
        let (first, next) = (wrong(&rows[..quarter]), wrong(&rows[quarter..2 * quarter]));
        let sure = 2 * quarter;
        let mut counts = vec![0_usize; k];
        classes.iter().for_each(|&c| counts[c] += 1);
        let majority = counts.iter().max().copied().unwrap_or(0) as f64 / classes.len().max(1) as f64;
        Self {
            rate: (first + next) as f64 / sure.max(1) as f64,
            lower: lower_bound(first + next, sure),
            wrong: first + next,
            first,
            sure,
            flatness: first as f64 / (next as f64).max(1.0),
            surest: lower_bound(first, quarter),
            error: wrong(&rows) as f64 / rows.len().max(1) as f64,
            majority_error: (1.0 - majority).max(1e-9),
        }
    }

    /// Error that is left once the suspected flips are taken out, over the majority's.
    fn own_error(&self) -> f64 {
        (self.error - self.rate).max(0.0) / self.majority_error
    }

    fn learns(&self) -> bool {
        self.error < 0.7 * self.majority_error && self.own_error() < LEARNS
    }

    /// Whether the surest quarter is contradicted about as often as the next one, and more often than
    /// sampling could make of a quarter that has 45 % of the next one's: in one case of twenty, or in three
    /// of ten where the model makes less than half of the majority's errors.
    fn flat(&self) -> bool {
        let by_chance =
            Binomial::new(0.45 / 1.45, self.wrong as u64).map_or(1.0, |b| b.sf((self.first as u64).saturating_sub(1)));
        self.flatness >= FLAT
            && self.surest >= 0.005
            && by_chance < if self.error < 0.5 * self.majority_error { 0.3 } else { 0.05 }
    }

    fn certainty(&self) -> f64 {
        (self.lower / self.rate.max(1e-9)).sqrt().min(1.0)
    }
}

/// Lower end of the one-sided 95 % Clopper–Pearson interval.
pub(super) fn lower_bound(successes: usize, n: usize) -> f64 {
    if successes == 0 {
        return 0.0;
    }
    Beta::new(successes as f64, (n - successes) as f64 + 1.0).map_or(0.0, |b| b.inverse_cdf(0.05))
}

/// Probability of the first class over that of the second.
fn margin(p: &[f64]) -> f64 {
    let first = argmax(p);
    p[first] - (0..p.len()).filter(|c| *c != first).map(|c| p[c]).fold(0.0, f64::max)
}

fn argmax(p: &[f64]) -> usize {
    (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b]).then(b.cmp(&a))).unwrap_or(0)
}

/// Rows, the class they seem to belong to, and its probability.
fn confident(classes: &[usize], k: usize, held_out: &[Vec<f64>]) -> Vec<(usize, usize, f64)> {
    let (mut sums, mut counts) = (vec![0.0; k], vec![0.0; k]);
    for (&class, p) in classes.iter().zip(held_out) {
        sums[class] += p[class];
        counts[class] += 1.0;
    }
    let means: Vec<f64> = sums.iter().zip(&counts).map(|(s, c)| if *c > 0.0 { s / c } else { 2.0 }).collect();
    classes
        .iter()
        .zip(held_out)
        .enumerate()
        .filter_map(|(i, (&class, p))| {
            let sure = (0..k).filter(|&c| p[c] >= means[c]).max_by(|&a, &b| p[a].total_cmp(&p[b]))?;
            (sure != class).then_some((i, sure, p[sure]))
        })
        .collect()
}
