//! Tables in several files, and tables over the memory limit.

mod support;

use std::path::Path;

use deepfix_agent::{Local, Options, Reader, run_local};
use deepfix_dataset_agent::{DatasetAgent, Profile};
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};
use deepfix_source::{LimitsConfig, SourceConfig, open_table};
use support::{Table, arrow, arrow_stream, labelled};

fn limits(memory: u64) -> LimitsConfig {
    LimitsConfig { max_memory: deepfix_settings::Size(memory), ..LimitsConfig::default() }
}

fn look(root: &Path, train: &str, test: &str, memory: u64, options: Options) -> Local {
    let config = SourceConfig { allowed_roots: vec![root.to_owned()], limits: limits(memory), ..SourceConfig::default() };
    let artifact = |kind, name: &str| {
        let source = ArtifactSource::Uri(format!("file://{}", root.join(name).display()));
        Artifact { kind, format: String::new(), file_name: String::new(), source }
    };
    let artifacts = vec![artifact(ArtifactKind::Train, train), artifact(ArtifactKind::Test, test)];
    run_local(&DatasetAgent, &Reader::new(&config), artifacts, options).expect("runs")
}

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
    std::fs::write(path, bytes).expect("a file");
}

/// The table, an object per line.
fn ndjson(table: &Table) -> String {
    table
        .rows
        .iter()
        .map(|row| {
            let cells = table.header.iter().zip(row).map(|(name, cell)| match cell.parse::<f64>() {
                Ok(_) => format!("{name:?}: {cell}"),
                Err(_) => format!("{name:?}: {cell:?}"),
            });
            format!("{{{}}}\n", cells.collect::<Vec<_>>().join(", "))
        })
        .collect()
}

/// Rows of a table, in three files of which one is compressed and one written as NDJSON.
fn scatter(root: &Path, name: &str, table: &Table) {
    let third = table.rows.len() / 3;
    let part = |from: usize, to: usize| Table { header: table.header.clone(), rows: table.rows[from..to].to_vec() };
    write(root, &format!("{name}/a.csv"), &part(0, third).csv());
    let zipped = zstd::encode_all(&part(third, 2 * third).csv()[..], 3).expect("in memory");
    write(root, &format!("{name}/b.csv.zst"), &zipped);
    let lines = ndjson(&part(2 * third, table.rows.len()));
    write(root, &format!("{name}/c.ndjson"), lines.as_bytes());
}

fn shown(local: &Local) -> Vec<String> {
    let evidence =
        |f: &deepfix_model::Finding| f.evidence.iter().map(|e| format!("{}={:?}", e.measure, e.value)).collect::<Vec<_>>();
    local.findings.iter().map(|f| format!("{} {:?} {:?} {:?}", f.code, f.columns, f.severity, evidence(f))).collect()
}

#[test]
fn a_table_in_parts_is_the_table() {
    let dir = tempfile::tempdir().expect("a folder");
    let (train, mut test) = (Table::sound(1, 3000), Table::sound(2, 1500));
    test.column("age", |_, row| format!("{:.3}", row[0].parse::<f64>().expect("a number") + 9.0));
    test.rows[..60].clone_from_slice(&train.rows[..60]);
    write(dir.path(), "train.csv", &train.csv());
    write(dir.path(), "test.csv", &test.csv());
    scatter(dir.path(), "train", &train);
    scatter(dir.path(), "test", &test);
    let whole = look(dir.path(), "train.csv", "test.csv", 1 << 30, labelled());
    assert_eq!(whole.codes(), ["covariate_shift", "train_test_overlap"]);
    for (a, b) in [("train", "test"), ("train/*", "test/[abc].*"), ("train", "test.csv")] {
        assert_eq!(shown(&look(dir.path(), a, b, 1 << 30, labelled())), shown(&whole), "{a} {b}");
    }
    write(dir.path(), "train/d.csv", b"age,\"inco\nme\n1,2\n");
    let broken = look(dir.path(), "train", "test", 1 << 30, labelled());
    assert!(broken.failures.iter().any(|(_, why)| why.contains("d.csv")), "{:?}", broken.failures);
}

#[test]
fn folders_that_name_a_partition_give_a_column() {
    let dir = tempfile::tempdir().expect("a folder");
    for (split, countries) in [("train", ["ch", "de"]), ("test", ["ch", "fr"])] {
        for (i, country) in countries.iter().enumerate() {
            let seed = i as u64 + if split == "train" { 1 } else { 7 };
            write(dir.path(), &format!("{split}/country={country}/p.csv"), &Table::sound(seed, 1000).csv());
        }
    }
    let local = look(dir.path(), "train", "test", 1 << 30, labelled());
    assert!(local.findings.iter().any(|f| f.code == "unseen_categories" && f.columns == ["country"]), "{:?}", local.codes());
}

#[test]
fn a_table_over_the_memory_limit_is_sampled_by_content() {
    let dir = tempfile::tempdir().expect("a folder");
    let (train, mut test) = (Table::sound(1, 60_000), Table::sound(2, 40_000));
    test.column("age", |_, row| format!("{:.3}", row[0].parse::<f64>().expect("a number") + 9.0));
    test.rows[..4000].clone_from_slice(&train.rows[..4000]);
    write(dir.path(), "train.csv", &train.csv());
    write(dir.path(), "test.csv", &test.csv());
    let memory = 4 << 20;
    let sampled = look(dir.path(), "train.csv", "test.csv", memory, labelled());
    let notes: Vec<&str> = sampled.notes.iter().filter(|n| n.code == "sampled").map(|n| n.text.as_str()).collect();
    assert_eq!(notes.len(), 2, "{:?}", sampled.notes);
    assert!(notes[0].contains("train: 60000 rows"), "{notes:?}");
    assert_eq!(sampled.codes(), ["covariate_shift", "train_test_overlap"]);
    // A tenth of test's rows are train's; sampling by content keeps both or neither of a pair.
    let measured = |local: &Local, measure| local.findings.iter().find_map(|f| f.measured(measure)).expect("measured");
    let overlap = measured(&sampled, "overlap_rate");
    assert!((overlap - 0.1).abs() < 0.01, "{overlap}");
    let whole = look(dir.path(), "train.csv", "test.csv", 1 << 30, labelled());
    let (part, all) = (measured(&sampled, "ks"), measured(&whole, "ks"));
    assert!((part - all).abs() < 0.02, "{part} against {all}");

    // The same rows are kept in whatever form they come.
    let measure = |local: &Local| (measured(local, "overlap_rate"), measured(local, "ks"));
    for (name, bytes) in [
        ("arrow", arrow(&train.csv(), 10_000)),
        ("stream", arrow_stream(&train.csv(), 10_000)),
        ("json", format!("[{}]", ndjson(&train).trim_end().replace('\n', ",\n")).into_bytes()),
    ] {
        write(dir.path(), name, &bytes);
        let other = look(dir.path(), name, "test.csv", memory, labelled());
        assert!(other.failures.is_empty(), "{name}: {:?}", other.failures);
        assert!(
            other.notes.iter().any(|n| n.code == "sampled" && n.text.contains("train: 60000 rows")),
            "{name}: {:?}",
            other.notes
        );
        let ((a, b), (c, d)) = (measure(&other), measure(&sampled));
        assert!((a - c).abs() < 0.01 && (b - d).abs() < 0.02, "{name}: overlap {a} for {c}, drift {b} for {d}");
        let cut = &bytes[..bytes.len() * 2 / 3];
        write(dir.path(), "cut", cut);
        let cut = look(dir.path(), "cut", "test.csv", memory, labelled());
        assert!(cut.findings.iter().any(|f| f.code.starts_with("artifact_")), "{name} cut short: {:?}", cut.codes());
    }

    // A profile reads slices too, and nothing of it is sampled.
    let parts = open_table(&dir.path().join("train.csv"), limits(memory)).expect("opens");
    let sliced = Profile::of_parts(&parts, limits(memory).limits()).expect("a profile");
    assert_eq!(sliced.shape(), (60_000, 6));
}
