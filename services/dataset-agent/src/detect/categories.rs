//! `unseen_categories`, `unseen_labels`: test has categories or classes that train never saw.
//! Sampling alone leaves some out: the expected share of unseen rows is the share of categories
//! seen exactly once (Good 1953, with Turing), and only what exceeds it counts.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, BugType, Checked, Evidence, Finding, Note, Severity, Split, counted_above};

use super::{Data, emit, percent};
use crate::table::{Column, Kind};

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let Some((train, test)) = data.both() else {
        analysis.checked(Checked::not("unseen_categories", "needs a train and a test split"));
        return Ok(());
    };
    let (medium, high) = (analysis.threshold("unseen_categories.share"), analysis.threshold("unseen_categories.high"));
    let mut features = (Vec::new(), 0);
    let mut labels = (Vec::new(), 0);
    for name in data.common() {
        let is_label = data.label.as_deref() == Some(&name);
        if (is_label && data.regression) || (!is_label && !data.is_feature(&name)) {
            continue;
        }
        let (Some(a), Some(b)) = (train.column(&name), test.column(&name)) else { continue };
        if !is_label && (a.kind != Kind::Word || b.kind != Kind::Word) || a.present() == 0 || b.present() == 0 {
            continue;
        }
        let into = if is_label { &mut labels } else { &mut features };
        into.1 += 1;
        let Some(unseen) = Unseen::of(a, b) else {
            if !is_label {
                analysis.note(
                    Note::new(
                        "unseen_categories",
                        format!("column:{name}"),
                        format!(
                            "most values of `{name}` occur once, so new ones in test are natural; compare it as text or drop it"
                        ),
                    )
                    .column(&name),
                );
            }
            continue;
        };
        let threshold = if is_label { 0.0 } else { medium };
        if unseen.excess() <= threshold || unseen.rows < 2 || !(is_label || unseen.beyond_chance(a.present())) {
            continue;
        }
        let (code, subject) =
            if is_label { ("unseen_labels", "label".to_owned()) } else { ("unseen_categories", format!("column:{name}")) };
        let severity = if is_label || unseen.share() >= high { Severity::High } else { Severity::Medium };
        let (shown, what) = (
            unseen.words.iter().take(5).cloned().collect::<Vec<_>>().join(", "),
            if is_label { "classes" } else { "categories" },
        );
        into.0.push(
            Finding::new(code, ArtifactKind::Test, &subject, severity, counted_above(unseen.share(), medium.max(unseen.expected), unseen.certainty()))
                .title(format!("{} of test's rows have {what} of `{name}` that train never saw", percent(unseen.share())))
                .column(&name)
                .split(Split::Both)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("unseen_share", &subject, unseen.share())
                        .versus(">", threshold.max(unseen.expected))
                        .unit("share")
                        .method("test rows whose value never occurs in train, over test rows with a value; the threshold is at least the share expected by chance (Good–Turing)")
                        .source(format!("{} of {} rows; {} {what}, most frequent: {shown}", unseen.rows, unseen.total, unseen.words.len())),
                )
                .evidence(
                    Evidence::new("expected_unseen_share", &subject, unseen.expected)
                        .unit("share")
                        .method("train values seen exactly once over train rows (Good 1953)"),
                )
                .fix(
                    if is_label {
                        format!("collect train rows of these classes, or take them out of test: {shown}")
                    } else {
                        format!("give `{name}` an explicit \"unknown\" category and train it")
                    },
                    if is_label { "a class that was never shown cannot be predicted" } else { "an encoder drops or misplaces what it was never shown" },
                )
                .step("check whether these are new spellings of known values first"),
        );
    }
    emit(analysis, sink, "unseen_categories", features.1, features.0)?;
    if data.label.is_some() && !data.regression {
        emit(analysis, sink, "unseen_labels", labels.1, labels.0)?;
    }
    Ok(())
}

struct Unseen {
    rows: usize,
    total: usize,
    expected: f64,
    /// Cells of the most frequent unseen word.
    most: usize,
    /// Words of both splits.
    categories: usize,
    words: Vec<String>,
}

impl Unseen {
    /// `None` when train's values are mostly unique: then unseen ones carry no news.
    fn of(train: &Column, test: &Column) -> Option<Self> {
        let counts = train.counts();
        let once = counts.iter().filter(|c| c.1 == 1).count() as f64;
        let expected = once / train.present() as f64;
        if expected > 0.3 {
            return None;
        }
        let known: hashbrown::HashSet<&str> = counts.iter().map(|c| c.0.as_str()).collect();
        let unseen: Vec<(String, usize)> = test.counts().iter().filter(|c| !known.contains(c.0.as_str())).cloned().collect();
        Some(Self {
            rows: unseen.iter().map(|c| c.1).sum(),
            total: test.present(),
            expected,
            most: unseen.iter().map(|c| c.1).max().unwrap_or(0),
            categories: counts.len() + unseen.len(),
            words: unseen.into_iter().map(|c| c.0).collect(),
        })
    }

    fn share(&self) -> f64 {
        self.rows as f64 / self.total as f64
    }

    /// What is left above the expected share and three of its standard errors.
    fn excess(&self) -> f64 {
        let error = (self.expected * (1.0 - self.expected) / self.total as f64).sqrt();
        self.share() - self.expected - 3.0 * error
    }

    /// Whether a random split would hardly put every row of some category into test: with n and m rows
    /// k of them all fall there with probability (m/(n+m))^k, times the number of categories.
    fn beyond_chance(&self, train: usize) -> bool {
        let share = self.total as f64 / (self.total + train) as f64;
        share.powf(self.most as f64) * self.categories as f64 <= 0.05
    }

    fn certainty(&self) -> f64 {
        1.0 - self.expected / self.share().max(1e-12)
    }
}
