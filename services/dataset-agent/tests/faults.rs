//! Each fault injected into a sound table is found, with the right column, and a sound table shows
//! nothing. Tables are made from a fixed sequence, so a failure repeats.

mod support;

use deepfix_agent::{Options, Reader, run_local};
use deepfix_dataset_agent::DatasetAgent;
use deepfix_model::ArtifactKind;
use support::{Random, Table, arrow, arrow_stream, inline, labelled, look, only};

#[test]
fn sound_tables_of_every_size_raise_nothing() {
    for seed in 1..15 {
        for (n, m) in [(60, 30), (200, 80), (1000, 300), (4000, 4000)] {
            let local = look(&Table::sound(seed, n), Some(&Table::sound(seed + 1000, m)), labelled());
            assert!(
                local.findings.is_empty(),
                "seed {seed}, {n}/{m}: {:?}",
                local.findings.iter().map(|f| &f.title).collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn missing_cells_are_found_where_they_are() {
    let found = only("high_missing_rate", |train, test| {
        for table in [train, test] {
            table.column("income", |i, row| if i % 10 < 7 { String::new() } else { row[1].clone() });
        }
    });
    assert!(found.len() == 2 && found.iter().all(|f| f.columns == ["income"]));
    let found = only("null_rate_shift", |_, test| {
        test.column("visits", |i, row| if i % 5 == 0 { String::new() } else { row[3].clone() })
    });
    assert_eq!(found[0].columns, ["visits"]);
    assert!((found[0].measured("missing_rate_difference").expect("measured") - 0.2).abs() < 1e-9);
}

#[test]
fn a_constant_column_is_found() {
    let found = only("constant_column", |train, test| {
        for table in [train, test] {
            table.column("region", |_, _| "CH".to_owned());
        }
    });
    assert!(found.iter().all(|f| f.columns == ["region"]));
}

#[test]
fn repeated_and_shared_rows_are_found_and_chance_repeats_are_not() {
    let found = only("duplicate_rows", |train, _| {
        let copies: Vec<Vec<String>> = train.rows[..150].to_vec();
        train.rows.extend(copies);
    });
    assert!((found[0].measured("duplicate_rate").expect("measured") - 150.0 / 3150.0).abs() < 1e-9);
    let found = only("train_test_overlap", |train, test| test.rows.extend(train.rows[..80].to_vec()));
    assert!((found[0].measured("overlap_rate").expect("measured") - 80.0 / 1580.0).abs() < 1e-9);

    // A table of coarse columns repeats itself, and both splits share rows, by nature.
    let mut random = Random(7);
    let mut coarse = |n: usize| Table {
        header: ["a", "b", "c"].map(str::to_owned).to_vec(),
        rows: (0..n).map(|_| (0..3).map(|_| (random.next() % 6).to_string()).collect()).collect(),
    };
    let local = look(&coarse(2000), Some(&coarse(1000)), Options::default());
    assert!(local.findings.is_empty(), "{:?}", local.codes());
}

#[test]
fn a_rare_class_is_found() {
    let found = only("class_imbalance", |train, test| {
        for table in [train, test] {
            table.rows.retain({
                let mut i = 0;
                move |row| {
                    i += 1;
                    row[5] == "0" || i % 40 == 0
                }
            });
        }
    });
    assert!(found.iter().all(|f| f.columns == ["y"] && f.subject == "label"));
}

#[test]
fn a_leak_is_found_and_strong_honest_features_are_not() {
    let mut random = Random(11);
    let found = only("target_leakage", |train, test| {
        let mut noise = Random(5);
        for table in [train, test] {
            table.column("refund", |_, row| {
                format!("{:.3}", row[5].parse::<f64>().expect("a label") * 3.0 + 0.5 * noise.normal())
            });
        }
    });
    assert_eq!(found[0].columns, ["refund"]);
    assert!(found[0].measured("auc").expect("measured") > 0.95);

    // Many features that are each very good, as measurements of one thing are: no leak.
    let mut strong = Table::sound(3, 2000);
    for k in 0..6 {
        strong
            .column(&format!("m{k}"), |_, row| format!("{:.3}", row[5].parse::<f64>().expect("a label") * 2.6 + random.normal()));
    }
    assert!(look(&strong, None, labelled()).codes().is_empty());

    // One measurement that is that good alone (AUC 0.967) is still what a diamond's weight is to its price.
    let mut alone = Table::sound(3, 2000);
    alone.column("carat", |_, row| format!("{:.3}", row[5].parse::<f64>().expect("a label") * 2.6 + random.normal()));
    assert!(look(&alone, None, labelled()).codes().is_empty());

    // A code with a value for each class is the label, however easy the rest makes it.
    strong.column("state", |i, row| if (row[5] == "1") == (i % 40 > 0) { "open".to_owned() } else { "shut".to_owned() });
    let local = look(&strong, None, labelled());
    assert_eq!((local.codes(), &local.findings[0].columns[..]), (vec!["target_leakage"], &["state".to_owned()][..]));
}

#[test]
fn a_leak_in_a_regression_is_found() {
    let mut table = Table::sound(4, 2000);
    let mut noise = Random(6);
    table.column("y", |_, row| format!("{:.4}", row[4].parse::<f64>().expect("a number") + 0.8 * noise.normal()));
    assert!(look(&table, None, labelled()).codes().is_empty());
    table.column("twice", |_, row| format!("{:.4}", row[5].parse::<f64>().expect("a number") * 2.0 + 0.05 * noise.normal()));
    let local = look(&table, None, labelled());
    assert_eq!((local.codes(), &local.findings[0].columns[..]), (vec!["target_leakage"], &["twice".to_owned()][..]));
}

#[test]
fn categories_and_classes_nobody_trained_on_are_found() {
    let found = only("unseen_categories", |_, test| {
        test.column("city", |i, row| if i % 12 == 0 { "Chur".to_owned() } else { row[2].clone() })
    });
    assert_eq!(found[0].columns, ["city"]);
    let (train, mut test) = (Table::sound(1, 3000), Table::sound(2, 1500));
    test.column("y", |i, row| if i % 50 == 0 { "2".to_owned() } else { row[5].clone() });
    assert!(look(&train, Some(&test), labelled()).codes().contains(&"unseen_labels"));
}

#[test]
fn moved_distributions_are_found_with_their_column() {
    let found = only("covariate_shift", |_, test| {
        test.column("age", |_, row| format!("{:.3}", row[0].parse::<f64>().expect("a number") + 9.0));
    });
    assert_eq!(found[0].columns, ["age"]);
    assert!(found[0].measured("psi").expect("measured") > 0.25);
    let found = only("covariate_shift", |_, test| {
        test.column("city", |i, row| if i % 2 == 0 { "Zug".to_owned() } else { row[2].clone() })
    });
    assert_eq!(found[0].columns, ["city"]);
    let found = only("label_shift", |_, test| {
        let mut i = 0;
        test.rows.retain(|row| {
            i += 1;
            row[5] == "1" || i % 3 == 0
        });
    });
    assert_eq!(found[0].columns, ["y"]);
}

#[test]
fn differing_schemas_are_found() {
    let found = only("schema_skew", |_, test| test.header[1] = "Income ".to_owned());
    assert_eq!(found[0].columns, ["income", "Income "]);
    let found = only("schema_skew", |_, test| {
        test.header.remove(3);
        test.rows.iter_mut().for_each(|row| drop(row.remove(3)));
    });
    assert_eq!(found[0].columns, ["visits"]);
    let found = only("schema_skew", |_, test| test.column("visits", |_, row| format!("n{}", row[3])));
    assert_eq!(found[0].columns, ["visits"]);
    // A stray word makes a large split text; that a small one has none is no difference of schemas.
    let (mut train, test) = (Table::sound(1, 3000), Table::sound(2, 60));
    train.column("visits", |i, row| if i % 200 == 7 { "many".to_owned() } else { row[3].clone() });
    assert_eq!(look(&train, Some(&test), labelled()).codes(), ["mixed_types", "test_too_small"]);
}

#[test]
fn a_split_that_ignores_time_is_found_and_one_that_follows_it_is_not() {
    let dated = |seed, n, from: usize, step: usize| {
        let mut table = Table::sound(seed, n);
        table.column("day", |i, _| {
            let day = from + i * step % 700;
            format!("20{:02}-{:02}-{:02}", 20 + day / 336, day / 28 % 12 + 1, day % 28 + 1)
        });
        table
    };
    let options = || Options { label: "y".to_owned(), datetime: "day".to_owned(), ..Options::default() };
    let random = look(&dated(1, 2000, 0, 13), Some(&dated(2, 1000, 0, 17)), options());
    assert_eq!(random.codes(), ["temporal_leakage"]);
    let ordered = look(&dated(1, 2000, 0, 13), Some(&dated(2, 1000, 700, 17)), options());
    assert!(ordered.codes().is_empty(), "{:?}", ordered.codes());
}

#[test]
fn one_table_reads_the_same_in_every_format() {
    let table = Table::sound(9, 300);
    let csv = table.csv();
    let text = String::from_utf8(csv.clone()).expect("text");
    let objects: Vec<String> = table
        .rows
        .iter()
        .map(|row| {
            let cells: Vec<String> =
                table
                    .header
                    .iter()
                    .zip(row)
                    .map(|(name, cell)| {
                        if cell.parse::<f64>().is_ok() { format!("\"{name}\":{cell}") } else { format!("\"{name}\":\"{cell}\"") }
                    })
                    .collect();
            format!("{{{}}}", cells.join(","))
        })
        .collect();
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &csv).expect("in memory");
        encoder.finish().expect("in memory")
    };
    let mut windows = vec![0xef, 0xbb, 0xbf];
    windows.extend(text.replace('\n', "\r\n").into_bytes());
    let formats: Vec<(&str, Vec<u8>)> = vec![
        ("csv", csv.clone()),
        ("tsv", text.replace(',', "\t").into_bytes()),
        ("semicolons", text.replace(',', ";").into_bytes()),
        ("byte order mark and CRLF", windows),
        ("comments", [&b"# exported\n# twice\n"[..], &csv].concat()),
        ("decimal commas", text.replace(',', ";").replace('.', ",").into_bytes()),
        ("arrow", arrow(&csv, 100)),
        ("arrow stream", arrow_stream(&csv, 100)),
        ("ndjson", objects.join("\n").into_bytes()),
        ("json", format!("[{}]", objects.join(",")).into_bytes()),
        ("gzip", gzip),
        ("zstd", zstd::encode_all(&csv[..], 3).expect("in memory")),
    ];
    let other = Table::sound(10, 300).csv();
    for (name, bytes) in formats {
        // Against another sample of the same source nothing must show; against itself everything overlaps.
        let run = |test: Vec<u8>| {
            let artifacts = vec![inline(ArtifactKind::Train, bytes.clone()), inline(ArtifactKind::Test, test)];
            run_local(&DatasetAgent, &Reader::new(&Default::default()), artifacts, labelled()).expect("runs")
        };
        let (apart, same) = (run(other.clone()), run(csv.clone()));
        assert!(apart.codes().is_empty() && apart.failures.is_empty(), "{name}: {:?} {:?}", apart.codes(), apart.failures);
        let overlap =
            same.findings.iter().find(|f| f.code == "train_test_overlap").unwrap_or_else(|| panic!("{name}: rows are not equal"));
        assert_eq!(overlap.measured("overlap_rate"), Some(1.0), "{name}");
    }
}

#[test]
fn statistics_of_the_sdk_show_what_they_can() {
    let statistics = |train: &str, test: &str| {
        let json = format!(
            "{{\"dataset_name\":\"d\",\"task_type\":\"image_classification\",\"train_statistics\":{train},\"test_statistics\":{test}}}"
        );
        run_local(
            &DatasetAgent,
            &Reader::new(&Default::default()),
            vec![inline(ArtifactKind::DatasetStatistics, json.into_bytes())],
            Options::default(),
        )
        .expect("runs")
    };
    let images = |classes: &str, red: f64| {
        format!(
            "{{\"num_samples\":900,\"image_color_means\":[{red},0.5,0.5],\"image_color_stds\":[0.2,0.2,0.2],\"class_distribution\":{classes}}}"
        )
    };
    let even = images(r#"{"a":300,"b":300,"c":300}"#, 0.5);
    assert!(statistics(&even, &even).codes().is_empty());
    assert_eq!(statistics(&even, &images(r#"{"a":300,"b":300,"c":300}"#, 0.7)).codes(), ["image_property_shift"]);
    assert_eq!(statistics(&even, &images(r#"{"a":600,"b":200,"c":100}"#, 0.5)).codes(), ["label_shift"]);
    let rare = images(r#"{"a":500,"b":390,"c":10}"#, 0.5);
    assert_eq!(statistics(&rare, &rare).codes(), ["class_imbalance"]);
    let tabular = r#"{"number_unique_values":{"x":400,"k":1},"percentage_unique_values":{"x":80.0,"k":0.2}}"#;
    assert_eq!(statistics(tabular, "null").codes(), ["constant_column"]);
    assert_eq!(statistics("7", "null").codes(), ["artifact_unreadable"]);
    let boxes = |empty: usize, quarter: f64| {
        format!(
            "{{\"num_samples\":1000,\"object_detection_statistics\":{{\"num_negative_samples\":{empty},\"num_positive_samples\":{},\"num_boxes\":4000,\"box_width_stats\":{{\"25%\":{quarter},\"50%\":40.0,\"max\":300.0}}}}}}",
            1000 - empty
        )
    };
    assert!(statistics(&boxes(20, 24.0), &boxes(25, 24.0)).codes().is_empty());
    assert_eq!(statistics(&boxes(20, 9.0), &boxes(25, 24.0)).codes(), ["tiny_boxes"]);
    assert_eq!(statistics(&boxes(20, 24.0), &boxes(240, 24.0)).codes(), ["empty_images"]);
    let masks = |thin: f64| format!("{{\"num_samples\":90,\"pixel_class_ratio\":{{\"sky\":{},\"pole\":{thin}}}}}", 1.0 - thin);
    assert!(statistics(&masks(0.2), "null").codes().is_empty());
    assert_eq!(statistics(&masks(0.002), "null").codes(), ["pixel_class_imbalance"]);
    let texts = |mean: f64| {
        format!(
            "{{\"num_samples\":500,\"text_statistics\":{{\"word_count\":{{\"count\":500,\"mean\":{mean},\"std\":30.0}},\"vocabulary_size\":900}}}}"
        )
    };
    assert!(statistics(&texts(50.0), &texts(53.0)).codes().is_empty());
    assert_eq!(statistics(&texts(50.0), &texts(120.0)).codes(), ["text_length_shift"]);
}
