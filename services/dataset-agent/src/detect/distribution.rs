//! `covariate_shift` and `label_shift`: a column's distribution differs between splits.
//!
//! The verdict is the worst of PSI, KS and JS against their thresholds *after* what chance gives at
//! these split sizes is taken out, and only when the difference is beyond chance (p below 0.2 %,
//! Bonferroni over the columns; 1 % for the label, which is one question). The exact measures are reported beside it.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{
    ArtifactKind, BugType, Chart, ChartKind, Checked, Evidence, Finding, Note, Num, Series, Severity, Split, above,
    counted_above, fmt_number,
};
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;

use super::{Data, emit};
use crate::{
    stats::{
        drift::{self, Adjusted, Drift},
        units::{self, UnitChange},
    },
    table::{Column, Kind, Values, show},
};

/// Fewest rows with a value on either side to tell anything: five per decile (Cochran 1954).
const ENOUGH: usize = 50;
/// Most charts kept; each finding still holds its numbers.
const CHARTS: usize = 40;

enum Compared {
    Drift(Drift, usize, usize),
    /// The difference is a change of unit.
    Unit(UnitChange, usize, usize),
    TooFew(usize, usize),
    /// Mostly unique words.
    Unique,
    /// The column orders the split itself.
    Orders,
    Nothing,
}

fn compare(train: &Column, test: &Column) -> Compared {
    if train.kind == Kind::Other || !train.kind.agrees(test.kind) || train.present() == 0 || test.present() == 0 {
        return Compared::Nothing;
    }
    if train.present().min(test.present()) < ENOUGH {
        return Compared::TooFew(train.present(), test.present());
    }
    if train.kind == Kind::Word {
        let (a, b) = (train.counts(), test.counts());
        if a.len() * 2 > train.present() {
            return Compared::Unique;
        }
        let mut measured = drift::words(a, b);
        // Categories that train never saw are a fault of their own; whether the rest moved is the
        // question here.
        let known: hashbrown::HashSet<&str> = a.iter().map(|c| c.0.as_str()).collect();
        let rest: Vec<(String, usize)> = b.iter().filter(|c| known.contains(c.0.as_str())).cloned().collect();
        if rest.len() < b.len() {
            if rest.iter().map(|c| c.1).sum::<usize>() < ENOUGH {
                return Compared::Nothing;
            }
            let of_known = drift::words(a, &rest);
            (measured.adjusted, measured.p_value) = (of_known.adjusted, of_known.p_value);
        }
        return Compared::Drift(measured, train.present(), test.present());
    }
    let (a, b) = (train.sorted(), test.sorted());
    if a.len().min(b.len()) < ENOUGH {
        return Compared::TooFew(a.len(), b.len());
    }
    let disjoint = a[a.len() - 1] <= b[0] || b[b.len() - 1] <= a[0];
    if disjoint && (train.kind == Kind::Time || (counts_rows(train) && counts_rows(test))) {
        return Compared::Orders;
    }
    let (n, m) = (a.len(), b.len());
    let mut measured = drift::numbers(a, b);
    if train.kind == Kind::Number
        && let Some(unit) = measured.ks.and_then(|ks| units::find(a, b, ks))
    {
        return Compared::Unit(unit, n, m);
    }
    if let (Some(p), Some(q)) = (few_values(a), few_values(b)) {
        // Deciles of a flag fall together; its values are categories.
        let of_values = drift::words(&p, &q);
        measured.adjusted = Adjusted { ks: measured.adjusted.ks, ..of_values.adjusted };
        measured.p_value = of_values.p_value;
    }
    Compared::Drift(measured, n, m)
}

/// Whether whole numbers never fall from row to row: a row number, a year, a time stamp.
fn counts_rows(column: &Column) -> bool {
    let Values::Numbers(values) = &column.values else { return false };
    let mut last = f64::NEG_INFINITY;
    values.iter().filter(|x| !x.is_nan()).all(|&x| {
        let grows = x >= last && x.fract() == 0.0;
        last = x;
        grows
    })
}

/// Most values of a number that is treated as categories: more than deciles can tell apart (our choice).
const FEW: usize = 10;

/// Values with their counts, when there are few.
fn few_values(sorted: &[f64]) -> Option<Vec<(String, usize)>> {
    let mut out: Vec<(f64, usize)> = Vec::new();
    for &x in sorted {
        if let Some(last) = out.last_mut().filter(|last| last.0 == x) {
            last.1 += 1;
        } else if out.len() == FEW {
            return None;
        } else {
            out.push((x, 1));
        }
    }
    Some(out.into_iter().map(|(x, n)| (show(x), n)).collect())
}

/// What was measured between the splits.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// Columns reported as moved.
    pub(crate) columns: HashSet<String>,
    /// Every column that was compared.
    pub(crate) drift: HashMap<String, Drift>,
}

/// Compares every column that both splits have.
pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<Moved, Stop> {
    let Some((train, test)) = data.both() else {
        for code in ["covariate_shift", "label_shift", "unit_change"] {
            analysis.checked(Checked::not(code, "needs a train and a test split"));
        }
        return Ok(Moved::default());
    };
    let cancel = analysis.cancel();
    let names: Vec<String> =
        data.common().into_iter().filter(|n| data.datetime.as_deref() != Some(n) && !data.ids.contains(n)).collect();
    let compared: Vec<Compared> = names
        .par_iter()
        .map(|name| match (train.column(name), test.column(name)) {
            (Some(a), Some(b)) if !cancel.is_cancelled() => compare(a, b),
            _ => Compared::Nothing,
        })
        .collect();
    let level = 0.002 / names.len().max(1) as f64;
    let (mut features, mut labels, mut looked, mut too_few) = (Vec::new(), Vec::new(), 0, Vec::new());
    let (mut units, mut moved) = (Vec::new(), Moved::default());
    for (name, compared) in names.iter().zip(compared) {
        let is_label = data.label.as_deref() == Some(name);
        let (drift, n, m) = match compared {
            Compared::Drift(drift, n, m) => (drift, n, m),
            Compared::Unit(unit, n, m) => {
                looked += 1;
                moved.columns.insert(name.clone());
                units.push(unit_finding(data, name, &unit, n, m));
                continue;
            }
            Compared::TooFew(n, m) => {
                too_few.push(format!("{name} ({n}/{m})"));
                continue;
            }
            Compared::Orders => {
                analysis.note(
                    Note::new(
                        "covariate_shift",
                        format!("column:{name}"),
                        format!("`{name}` orders the split itself, so its values are disjoint by design"),
                    )
                    .column(name),
                );
                continue;
            }
            Compared::Unique | Compared::Nothing => continue,
        };
        if !is_label {
            looked += 1;
        }
        // The label is one question of its own, not one of many columns.
        let level = if is_label { 0.01 } else { level };
        moved.drift.insert(name.clone(), drift.clone());
        let Some(severity) = verdict(analysis, &drift).filter(|_| drift.p_value <= level) else { continue };
        let code = if is_label { "label_shift" } else { "covariate_shift" };
        let (finding, strength) = finding(analysis, code, name, &drift, severity, (n, m), level);
        if is_label {
            analysis.chart(chart(name, "label", &drift));
            labels.push(finding);
        } else {
            moved.columns.insert(name.clone());
            features.push((strength, finding, drift));
        }
    }
    if !too_few.is_empty() {
        let more = too_few.len().saturating_sub(5);
        let shown = too_few.into_iter().take(5).collect::<Vec<_>>().join(", ");
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        analysis.note(Note::new(
            "covariate_shift",
            "rows",
            format!("too few rows to tell drift from chance (fewer than {ENOUGH} with a value in train/test): {shown}{rest}"),
        ));
    }
    features.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.subject.cmp(&b.1.subject)));
    for (_, finding, drift) in features.iter().take(CHARTS) {
        let chart = chart(&finding.columns[0], &finding.subject, drift);
        analysis.chart(chart);
    }
    emit(analysis, sink, "covariate_shift", looked, features.into_iter().map(|f| f.1).collect())?;
    emit(analysis, sink, "unit_change", looked, units)?;
    if data.label.is_some() {
        emit(analysis, sink, "label_shift", 1, labels)?;
    }
    Ok(moved)
}

fn verdict(analysis: &Analysis<'_>, drift: &Drift) -> Option<Severity> {
    let beyond = |band: &str| {
        drift.adjusted.psi >= analysis.threshold(&format!("drift.psi.{band}"))
            || drift.adjusted.ks >= analysis.threshold(&format!("drift.ks.{band}"))
            || drift.adjusted.js >= analysis.threshold(&format!("drift.js.{band}"))
    };
    if beyond("high") {
        Some(Severity::High)
    } else if beyond("medium") {
        Some(Severity::Medium)
    } else {
        None
    }
}

fn unit_finding(data: &Data, name: &str, unit: &UnitChange, n: usize, m: usize) -> Finding {
    let subject = data.subject(name);
    let map = if unit.offset == 0.0 {
        format!("{} x", fmt_number(unit.factor))
    } else {
        format!("{} x {} {}", fmt_number(unit.factor), if unit.offset < 0.0 { "-" } else { "+" }, fmt_number(unit.offset.abs()))
    };
    let rows = if unit.share >= 0.95 { "all rows".to_owned() } else { format!("about {:.0} % of the rows", unit.share * 100.0) };
    // The better the conversion explains the difference, the surer.
    let explained = 1.0 - unit.after / unit.before;
    Finding::new("unit_change", ArtifactKind::Test, &subject, Severity::High, counted_above(explained, 0.7, 0.5 + 0.5 * explained))
        .title(format!("`{name}` is in another unit in test: {map} in {rows} ({})", unit.what))
        .column(name)
        .split(Split::Both)
        .bug(BugType::Performance)
        .evidence(Evidence::new("factor", &subject, unit.factor).method("of the conversion that best maps train's distribution onto test's"))
        .evidence(Evidence::new("offset", &subject, unit.offset).method("of the same conversion"))
        .evidence(
            Evidence::new("converted_share", &subject, unit.share)
                .unit("share")
                .method("least squares on the distribution functions: share of test's rows that are converted"),
        )
        .evidence(
            Evidence::new("ks_after_conversion", &subject, unit.after)
                .versus("<=", unit.before / 5.0)
                .method("largest difference of the distribution functions once the conversion is accounted for, at the percentiles of train, as they are and converted")
                .source(format!("{:.3} before; {n} train and {m} test values", unit.before)),
        )
        .fix(
            format!("convert `{name}` back in test, and write the unit into its name"),
            "the model takes the new unit for extreme values",
        )
        .step(format!("test[\"{name}\"] = (test[\"{name}\"] - {}) / {}", fmt_number(unit.offset), fmt_number(unit.factor)))
        .step("find the source that changed, and check which rows came from it before converting")
}

/// The finding and how many times its strongest measure exceeds its threshold.
fn finding(
    analysis: &Analysis<'_>,
    code: &str,
    name: &str,
    drift: &Drift,
    severity: Severity,
    (n, m): (usize, usize),
    level: f64,
) -> (Finding, f64) {
    let is_label = code == "label_shift";
    let subject = if is_label { "label".to_owned() } else { format!("column:{name}") };
    let limits = ["psi", "ks", "js"].map(|measure| analysis.threshold(&format!("drift.{measure}.medium")));
    let ratio = (drift.adjusted.psi / limits[0]).max(drift.adjusted.ks / limits[1]).max(drift.adjusted.js / limits[2]);
    let source = format!("{n} train and {m} test values");
    let (what, measured) = match drift.ks {
        Some(ks) => (format!("PSI {:.2}, KS {ks:.2}", drift.psi), "cut at train's nine inner deciles"),
        None => (format!("PSI {:.2}", drift.psi), "over the union of categories"),
    };
    let title = if is_label {
        format!("the label `{name}` is distributed otherwise in test ({what})")
    } else {
        format!("column `{name}` is distributed otherwise in test ({what})")
    };
    let mut finding = Finding::new(code, ArtifactKind::Test, &subject, severity, above(ratio, 1.0, 1.0 - drift.p_value))
        .title(title)
        .column(name)
        .split(Split::Both)
        .bug(BugType::Performance)
        .evidence(
            Evidence::new("psi", &subject, drift.psi)
                .versus(">=", limits[0])
                .method(format!("population stability index, {measured}, shares floored at 1e-6"))
                .source(&source),
        )
        .evidence(
            Evidence::new("psi_without_chance", &subject, drift.adjusted.psi)
                .versus(">=", limits[0])
                .method("PSI with half a row added per cell, rare cells merged, and (K-1)(1/n+1/m) taken out"),
        );
    if let Some(ks) = drift.ks {
        finding = finding.evidence(
            Evidence::new("ks", &subject, ks)
                .versus(">=", limits[1])
                .method("two-sample Kolmogorov-Smirnov statistic")
                .source(&source),
        );
        if let Some(distance) = drift.wasserstein.filter(|d| d.is_finite()) {
            finding = finding.evidence(
                Evidence::new("wasserstein_over_std", &subject, distance)
                    .unit("train standard deviations")
                    .method("Wasserstein-1 distance over train's population standard deviation"),
            );
        }
    }
    finding = finding
        .evidence(
            Evidence::new("js_divergence", &subject, drift.js)
                .versus(">=", limits[2])
                .method(format!("Jensen-Shannon divergence, natural logarithm, {measured}"))
                .source(&source),
        )
        .evidence(Evidence::new("js_distance", &subject, drift.js.max(0.0).sqrt()).method("square root of the divergence"))
        .evidence(Evidence::new("p_value", &subject, drift.p_value).versus("<=", level).method(if drift.ks.is_some() {
            "Kolmogorov distribution, Bonferroni over columns"
        } else {
            "chi-square test of homogeneity, Bonferroni over columns"
        }));
    let finding = if is_label {
        finding
            .fix(
                "find out which split is like production, then reweight or resample towards it",
                "rates learnt from train are off in test, and so is every threshold chosen on it",
            )
            .step("stratify the split if both come from one table")
            .step("otherwise recalibrate the model on recent labels")
    } else {
        finding
            .fix(
                format!("find out what changed in `{name}` between the splits, then retrain on data like test's"),
                "the model is asked about values it rarely saw",
            )
            .step("compare the two histograms with the change log of the source")
            .step("check for a change of unit or of encoding before calling it drift")
    };
    (finding, ratio)
}

fn chart(name: &str, subject: &str, drift: &Drift) -> Chart {
    // The categories with most rows; bins are at most ten.
    let mut order: Vec<usize> = (0..drift.labels.len()).collect();
    if order.len() > 20 {
        order.sort_by_key(|&i| std::cmp::Reverse(drift.reference[i] + drift.current[i]));
        order.truncate(20);
    }
    let share = |counts: &[usize]| {
        let total = counts.iter().sum::<usize>().max(1) as f64;
        order.iter().map(|&i| Num(counts[i] as f64 / total)).collect()
    };
    Chart {
        kind: ChartKind::Histogram,
        subject: subject.to_owned(),
        title: format!("`{name}` in train and test, in the bins PSI uses"),
        x_label: name.to_owned(),
        y_label: "share of rows".to_owned(),
        labels: order.iter().map(|&i| drift.labels[i].clone()).collect(),
        series: vec![
            Series { name: "train".to_owned(), x: Vec::new(), y: share(&drift.reference) },
            Series { name: "test".to_owned(), x: Vec::new(), y: share(&drift.current) },
        ],
        marks: Vec::new(),
    }
}
