//! Finds faults in tables and dataset statistics: schema, missing cells, repeats, overlap,
//! imbalance, leakage and drift. Pure computation on polars tables; no model is trained and
//! nothing is asked of any other service.
//!
//! The gateway hands it train and test tables (or the SDK's statistics); [`build`] is its service.

mod cards;
mod detect;
mod profile;
mod sdk;
mod splits;
mod stats;
mod table;

use deepfix_agent::{Agent, Analysis, Describe, Sink, Stop};
use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, Split};
use deepfix_rpc::Module;
use detect::{Data, distribution::Moved};
use table::{Kind, Table};

pub use profile::{Profile, ProfileError};

/// Name of the service.
pub const SERVICE: &str = "dataset-agent";

/// The agent.
#[derive(Debug, Clone, Copy, Default)]
pub struct DatasetAgent;

/// The agent's service. Analyses use all cores; two at once keep them busy while one reads.
#[must_use]
pub fn build(reader: deepfix_agent::Reader) -> Module {
    deepfix_agent::build(SERVICE, DatasetAgent, reader, 2)
}

const CODES: &[&str] = &[
    "artifact_incomplete",
    "artifact_mismatch",
    "artifact_unreadable",
    "category_variants",
    "class_imbalance",
    "concept_shift",
    "conflicting_labels",
    "constant_column",
    "correlation_shift",
    "covariate_shift",
    "duplicate_rows",
    "empty_images",
    "heavy_tailed_feature",
    "high_cardinality",
    "high_missing_rate",
    "id_column",
    "id_leakage",
    "image_property_shift",
    "label_noise",
    "label_shift",
    "missing_not_at_random",
    "mixed_nulls",
    "mixed_types",
    "near_duplicate_features",
    "null_rate_shift",
    "outliers",
    "pixel_class_imbalance",
    "schema_skew",
    "sentinel_values",
    "skewed_target",
    "target_leakage",
    "temporal_leakage",
    "test_too_small",
    "text_length_shift",
    "tiny_boxes",
    "too_few_rows",
    "too_many_features",
    "train_test_overlap",
    "unit_change",
    "unseen_categories",
    "unseen_labels",
    "vocabulary_shift",
];

/// Each threshold's origin is in the code's page under `knowledge/`.
const THRESHOLDS: &[(&str, f64)] = &[
    ("category_variants.high", 0.05),
    ("class_imbalance.high", 0.01),
    ("class_imbalance.rows", 10.0),
    ("class_imbalance.share", 0.05),
    ("concept_shift.high", 0.20),
    ("concept_shift.medium", 0.05),
    ("conflicting_labels.high", 0.10),
    ("conflicting_labels.medium", 0.005),
    ("constant_column.share", 0.99),
    ("correlation_shift.high", 0.60),
    ("correlation_shift.medium", 0.30),
    ("drift.js.high", 0.20),
    ("drift.js.medium", 0.10),
    ("drift.ks.high", 0.30),
    ("drift.ks.medium", 0.15),
    ("drift.psi.high", 0.25),
    ("drift.psi.medium", 0.10),
    ("duplicate_rows.high", 0.10),
    ("duplicate_rows.medium", 0.01),
    ("empty_images.share", 0.10),
    ("high_missing_rate.high", 0.95),
    ("high_missing_rate.medium", 0.50),
    ("id_leakage.auc", 0.70),
    ("id_leakage.order_auc", 0.80),
    ("id_leakage.order_r2", 0.50),
    ("id_leakage.r2", 0.30),
    ("image_property_shift.standardised", 0.25),
    ("label_noise.high", 0.10),
    ("label_noise.medium", 0.012),
    ("missing_not_at_random.v", 0.15),
    ("missing_not_at_random.v_label", 0.15),
    ("mixed_types.high", 0.05),
    ("near_duplicate_features.correlation", 0.998),
    ("null_rate_shift.high", 0.25),
    ("null_rate_shift.medium", 0.05),
    ("outliers.certain", 25.0),
    ("outliers.distance", 12.0),
    ("pixel_class_imbalance.share", 0.01),
    ("sentinel_values.high", 0.05),
    ("target_leakage.auc", 0.96),
    ("target_leakage.auc_code", 0.93),
    ("target_leakage.auc_empty", 0.90),
    ("target_leakage.auc_measured", 0.975),
    ("target_leakage.margin", 0.15),
    ("target_leakage.margin_empty", 0.05),
    ("target_leakage.r2", 0.90),
    ("target_leakage.r2_measured", 0.96),
    ("temporal_leakage.high", 0.25),
    ("temporal_leakage.share", 0.01),
    ("test_too_small.enough", 100.0),
    ("test_too_small.rows", 30.0),
    ("test_too_small.share", 0.02),
    ("text_length_shift.relative", 0.25),
    ("text_length_shift.standardised", 0.25),
    ("tiny_boxes.side", 16.0),
    ("too_few_rows.per_column", 3.0),
    ("too_few_rows.rows", 30.0),
    ("too_many_features.per_row", 0.33),
    ("train_test_overlap.high", 0.10),
    ("train_test_overlap.medium", 0.01),
    ("unseen_categories.high", 0.10),
    ("unseen_categories.share", 0.01),
    ("vocabulary_shift.high", 0.30),
    ("vocabulary_shift.medium", 0.10),
];

impl Agent for DatasetAgent {
    fn describe(&self) -> Describe {
        Describe {
            name: "dataset",
            kinds: vec![ArtifactKind::Train, ArtifactKind::Test, ArtifactKind::DatasetStatistics],
            fault_codes: CODES.to_vec(),
            thresholds: THRESHOLDS.to_vec(),
        }
    }

    fn analyze(&self, analysis: &mut Analysis<'_>, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if analysis.artifact(ArtifactKind::DatasetStatistics).is_some() {
            sink.progress("reading statistics", Some(0.05))?;
            sdk::detect(analysis, sink)?;
        }
        sink.progress("reading tables", Some(0.1))?;
        let (train, test) = splits::read(analysis);
        analysis.wanted()?;
        if train.is_none() && test.is_none() {
            return Ok(());
        }
        let marginal = train.iter().chain(&test).any(|table| table.marginal);
        let data = prepare(analysis, sink, train, test)?;
        if marginal {
            return against_profile(analysis, sink, &data);
        }
        sink.progress("cells", Some(0.25))?;
        cells(analysis, sink, &data)?;
        sink.progress("columns", Some(0.4))?;
        columns(analysis, sink, &data)?;
        sink.progress("repeated rows", Some(0.5))?;
        rows(analysis, sink, &data)?;
        sink.progress("classes and categories", Some(0.6))?;
        if analysis.looks_for(&["class_imbalance"]) {
            detect::balance::detect(analysis, sink, &data)?;
        }
        if analysis.looks_for(&["unseen_categories", "unseen_labels"]) {
            detect::categories::detect(analysis, sink, &data)?;
        }
        sink.progress("distributions", Some(0.7))?;
        let moved = distributions(analysis, sink, &data)?;
        if analysis.looks_for(&["vocabulary_shift", "text_length_shift"]) {
            detect::text::detect(analysis, sink, &data)?;
        }
        let mut joint = false;
        if analysis.looks_for(&["correlation_shift", "concept_shift"]) {
            joint = detect::correlation::detect(analysis, sink, &data, &moved.columns)?;
        }
        sink.progress("leakage", Some(0.8))?;
        if analysis.looks_for(&["target_leakage"]) {
            detect::leakage::detect(analysis, sink, &data)?;
        }
        if analysis.looks_for(&["id_leakage"]) {
            detect::ids::leakage(analysis, sink, &data)?;
        }
        if analysis.looks_for(&["concept_shift", "label_noise"]) {
            sink.progress("what the columns say of the label", Some(0.9))?;
            let learnt = detect::model::Learnt::of(&data, &analysis.cancel());
            detect::noise::detect(analysis, sink, &data, &learnt)?;
            detect::concept::detect(analysis, sink, &data, &learnt, joint || !moved.columns.is_empty())?;
        }
        sink.progress("done", Some(1.0))
    }
}

/// A detector that is run when what it looks for is wanted.
type Step = (&'static [&'static str], fn(&mut Analysis<'_>, &mut Sink<'_>, &Data) -> Result<(), Stop>);

fn steps(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data, steps: &[Step]) -> Result<(), Stop> {
    for (codes, detect) in steps {
        if analysis.looks_for(codes) {
            detect(analysis, sink, data)?;
            analysis.wanted()?;
        }
    }
    Ok(())
}

/// What single cells tell, and the shape of the tables.
fn cells(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    const STEPS: &[Step] = &[
        (&["mixed_types"], detect::mixed_types::detect),
        (&["mixed_nulls"], detect::mixed_nulls::detect),
        (&["category_variants"], detect::category_variants::detect),
        (&["sentinel_values"], detect::sentinel_values::detect),
        (&["id_column"], detect::ids::detect),
        (&["too_few_rows", "too_many_features", "test_too_small"], detect::size::detect),
        (&["schema_skew"], detect::schema::detect),
    ];
    steps(analysis, sink, data, STEPS)
}

/// What columns tell, each by itself and in pairs.
fn columns(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    const STEPS: &[Step] = &[
        (&["missing_not_at_random"], detect::missingness::detect),
        (&["outliers"], detect::outliers::detect),
        (&["heavy_tailed_feature", "high_cardinality", "skewed_target"], detect::hints::detect),
        (&["near_duplicate_features"], detect::redundant::detect),
    ];
    summaries(analysis, sink, data)?;
    steps(analysis, sink, data, STEPS)
}

/// What missing and commonest cells tell.
fn summaries(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    if !analysis.looks_for(&["high_missing_rate", "constant_column", "null_rate_shift"]) {
        return Ok(());
    }
    let summaries = detect::columns::summarize(data, &analysis.cancel());
    detect::columns::missing_rate(analysis, sink, &summaries)?;
    detect::columns::constant(analysis, sink, data, &summaries)?;
    detect::columns::null_rate_shift(analysis, sink, data, &summaries)
}

/// What moved between the splits, and the cards of the columns.
fn distributions(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<Moved, Stop> {
    let compared = ["covariate_shift", "label_shift", "unit_change", "correlation_shift", "concept_shift"];
    let mut moved = Moved::default();
    if analysis.looks_for(&compared) {
        moved = detect::distribution::detect(analysis, sink, data)?;
    }
    // Who asked for something else gets no measures of drift, and no decision that rests on them.
    let shown = if analysis.looks_for(&["covariate_shift"]) { &moved } else { &Moved::default() };
    cards::cards(analysis, data, shown);
    Ok(moved)
}

/// What whole rows tell.
fn rows(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    const STEPS: &[Step] = &[
        (&["duplicate_rows"], detect::rows::duplicates),
        (&["train_test_overlap"], detect::rows::overlap),
        (&["conflicting_labels"], detect::conflicts::detect),
        (&["temporal_leakage"], detect::time::detect),
    ];
    steps(analysis, sink, data, STEPS)
}

/// What can be said when one side is a profile: each column by itself.
fn against_profile(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    sink.progress("columns", Some(0.4))?;
    detect::mixed_types::detect(analysis, sink, data)?;
    detect::mixed_nulls::detect(analysis, sink, data)?;
    detect::schema::detect(analysis, sink, data)?;
    summaries(analysis, sink, data)?;
    sink.progress("distributions", Some(0.7))?;
    detect::balance::detect(analysis, sink, data)?;
    detect::categories::detect(analysis, sink, data)?;
    distributions(analysis, sink, data)?;
    sink.progress("done", Some(1.0))
}

/// Checks the named columns against the tables and decides the task.
fn prepare(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, train: Option<Table>, test: Option<Table>) -> Result<Data, Stop> {
    let options = analysis.options.clone();
    let mut data = Data { train, test, label: None, datetime: None, regression: false, ids: Default::default() };
    let mut named = |what: &str, name: &str| -> Result<Option<String>, Stop> {
        if name.is_empty() {
            return Ok(None);
        }
        if data.splits().any(|(_, table)| table.column(name).is_some()) {
            return Ok(Some(name.to_owned()));
        }
        sink.finding(absent(&data, what, name))?;
        Ok(None)
    };
    let label = named("label", &options.label)?;
    let datetime = named("date", &options.datetime)?;
    let empty = label.as_ref().is_some_and(|name| data.splits().filter_map(|(_, t)| t.column(name)).all(|c| c.present() == 0));
    if let (true, Some(name)) = (empty, &label) {
        let rows: usize = data.splits().map(|(_, t)| t.rows()).sum();
        sink.finding(
            Finding::new("artifact_incomplete", ArtifactKind::Train, "label", Severity::High, 0.98)
                .title(format!("the label column `{name}` holds no value"))
                .column(name)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("missing_rate", "label", 1.0)
                        .versus("==", 1.0)
                        .unit("share")
                        .method("empty label cells over rows")
                        .source(format!("{rows} rows")),
                )
                .fix(
                    format!("join the labels into `{name}` and hand the table in again"),
                    "nothing that needs the label could be looked at",
                ),
        )?;
    }
    data.label = label.filter(|_| !empty);
    data.datetime = datetime;
    sink.progress("ordering columns", Some(0.15))?;
    let cancel = analysis.cancel();
    data.splits().for_each(|(_, table)| table.order(|| cancel.is_cancelled()));
    // Who left meanwhile is noticed here, before the rest is ordered one by one.
    sink.progress("settling what columns hold", Some(0.2))?;
    table::harmonize(&mut data.train, &mut data.test, data.label.as_deref(), data.datetime.as_deref());
    data.ids = detect::ids::find(&data).into_iter().collect();
    data.regression = match options.task.as_str() {
        "regression" => true,
        "classification" => false,
        _ => data.label.as_deref().is_some_and(|name| looks_continuous(&data, name)),
    };
    if options.mask_examples {
        table::mask(data.train.iter_mut().chain(&mut data.test));
    }
    Ok(data)
}

/// Whether a numeric label is a quantity rather than a class (our choice; `--task` overrides it): more
/// than five values that are not all whole; or whole ones that are many for the rows, or fill a range
/// of fifteen and more as counts and ages do. Classes that are numbered fill their range too, but
/// about evenly.
fn looks_continuous(data: &Data, name: &str) -> bool {
    let Some(column) = data.train.as_ref().or(data.test.as_ref()).and_then(|t| t.column(name)) else { return false };
    let table::Values::Numbers(values) = &column.values else { return false };
    if column.kind != Kind::Number {
        return false;
    }
    let (distinct, present) = (column.spread().distinct, column.present());
    let finite = || values.iter().copied().filter(|x| x.is_finite());
    if !finite().all(|x| x.fract() == 0.0) {
        return distinct > 5;
    }
    if distinct > 100 || (distinct > 20 && distinct * 20 > present) {
        return true;
    }
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let fills = distinct as f64 >= 0.7 * (high - low + 1.0);
    let counts = column.counts();
    let even = counts.last().map_or(0, |c| c.1) * 10 >= counts.first().map_or(0, |c| c.1) * 3;
    distinct >= 15 && fills && !even
}

fn absent(data: &Data, what: &str, name: &str) -> Finding {
    let mut columns: Vec<String> = data.splits().next().map(|(_, t)| t.names().to_vec()).unwrap_or_default();
    let near = columns.iter().find(|c| c.eq_ignore_ascii_case(name)).cloned();
    let total = columns.len();
    columns.truncate(12);
    let remedy = near.map_or_else(
        || format!("name one of: {}{}", columns.join(", "), if total > 12 { ", …" } else { "" }),
        |n| format!("did you mean `{n}`?"),
    );
    // More columns searched without a hit make a mere misreading of the header less likely.
    let confidence = ((1.0 - 0.2 / (total as f64 + 1.0)) * 100.0).round() / 100.0;
    Finding::new("artifact_mismatch", ArtifactKind::Train, format!("column:{name}"), Severity::High, confidence)
        .title(format!("the {what} column `{name}` is in no split"))
        .column(name)
        .split(Split::Both)
        .evidence(
            Evidence::new("columns_searched", format!("column:{name}"), total)
                .unit("columns")
                .method("names compared exactly")
                .source(remedy.clone()),
        )
        .fix(remedy, format!("what needs the {what} was left out"))
}
