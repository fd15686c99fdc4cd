//! Reference profiles: data are compared with one as with the table behind it, and the profiles of parts
//! merge into that of the whole.

mod support;

use deepfix_agent::{Local, Options, Reader, run_local};
use deepfix_dataset_agent::{DatasetAgent, Profile};
use deepfix_model::ArtifactKind;
use support::{Table, inline, labelled};

fn profile(table: &Table) -> Profile {
    Profile::of(table.csv(), Default::default()).expect("a table")
}

fn against(reference: Vec<u8>, current: &Table, options: Options) -> Local {
    let artifacts = vec![inline(ArtifactKind::Train, reference), inline(ArtifactKind::Test, current.csv())];
    run_local(&DatasetAgent, &Reader::new(&Default::default()), artifacts, options).expect("runs")
}

fn drifted(seed: u64, n: usize) -> Table {
    let mut table = Table::sound(seed, n);
    table.column("age", |_, row| format!("{:.3}", row[0].parse::<f64>().expect("a number") + 9.0));
    table.column("city", |i, row| if i % 10 == 0 { "Chur".to_owned() } else { row[2].clone() });
    table.column("visits", |i, row| if i % 4 == 0 { String::new() } else { row[3].clone() });
    table
}

#[test]
fn a_profile_finds_what_its_table_finds_in_each_column() {
    let whole = Table::sound(1, 20_000);
    let bytes = profile(&whole).encode().expect("encodes");
    assert!(bytes.len() * 15 < whole.csv().len(), "{} bytes for {}", bytes.len(), whole.csv().len());
    assert!(against(bytes.clone(), &Table::sound(2, 3000), labelled()).codes().is_empty());
    let current = drifted(3, 3000);
    let of_profile = against(bytes, &current, labelled());
    let of_table = against(whole.csv(), &current, labelled());
    assert_eq!(of_profile.codes(), ["covariate_shift", "null_rate_shift", "unseen_categories"]);
    assert_eq!(of_profile.codes(), of_table.codes());
    for (a, b) in of_profile.findings.iter().zip(&of_table.findings) {
        assert_eq!((&a.code, &a.columns, a.severity), (&b.code, &b.columns, b.severity));
        if let (Some(p), Some(q)) = (a.measured("ks"), b.measured("ks")) {
            assert!((p - q).abs() < 0.01, "KS {p} by the profile, {q} by the table");
        }
    }
}

#[test]
fn profiles_of_parts_merge_into_that_of_the_whole() {
    let whole = Table::sound(5, 6000);
    let part = |from: usize, to: usize| Table { header: whole.header.clone(), rows: whole.rows[from..to].to_vec() };
    let mut merged = profile(&part(0, 1000));
    for (from, to) in [(1000, 1700), (1700, 4000), (4000, 6000)] {
        merged.merge(&profile(&part(from, to))).expect("parts of one table");
    }
    assert_eq!(merged.shape(), profile(&whole).shape());
    // Written and read again, and once more merged with nothing lost.
    let bytes = merged.encode().expect("encodes");
    assert_eq!(Profile::of(bytes.clone(), Default::default()).expect("a profile"), merged);
    assert!(against(bytes, &whole, labelled()).codes().is_empty());
    let mut other = Table::sound(6, 100);
    other.header[1] = "wage".to_owned();
    let error = merged.merge(&profile(&other)).expect_err("another table").to_string();
    assert!(error.contains("`wage` is in one part only"), "{error}");
}

#[test]
fn what_is_no_profile_is_refused_with_a_reason() {
    for (bytes, says) in [
        (r#"{"deepfix_profile":9,"rows":1,"columns":[]}"#, "has version 9"),
        (r#"{"deepfix_profile":1,"rows":"many"}"#, "is no profile this version reads"),
        (
            r#"{"deepfix_profile":1,"rows":2,"columns":[{"name":"a","kind":"number","missing":5,"infinite":0,"holds":"opaque"}]}"#,
            "column `a` does not add up",
        ),
    ] {
        let local = against(bytes.as_bytes().to_vec(), &Table::sound(1, 200), labelled());
        let reason = format!("{:?}", local.failures);
        assert!(reason.contains(says), "{reason}");
    }
}
