//! Faults of cells, of pairs of columns and of the label given the columns: each injected into a sound
//! table is found with its column, and nothing else is said.

mod support;

use deepfix_agent::Options;
use support::{Random, Table, labelled, look, only};

fn number(row: &[String], at: usize) -> f64 {
    row[at].parse().expect("a number")
}

#[test]
fn cells_unlike_their_column_are_found() {
    let found = only("mixed_types", |train, _| {
        train.column("age", |i, row| if i % 500 == 3 { "forty".to_owned() } else { row[0].clone() })
    });
    assert_eq!((found[0].columns[0].as_str(), found[0].measured("cells_of_another_type")), ("age", Some(6.0)));
    let found = only("mixed_nulls", |train, test| {
        for table in [train, test] {
            table.column("visits", |i, row| match i % 100 {
                1 => "?".to_owned(),
                2 => "n.a.".to_owned(),
                3 => String::new(),
                _ => row[3].clone(),
            });
        }
    });
    assert_eq!((found[0].columns[0].as_str(), found[0].measured("spellings_of_missing")), ("visits", Some(3.0)));
    let found = only("category_variants", |_, test| {
        test.column("city", |i, row| match i % 60 {
            1 => row[2].to_uppercase(),
            2 => format!("{} ", row[2]),
            _ => row[2].clone(),
        })
    });
    assert_eq!(found[0].columns, ["city"]);
    let found = only("sentinel_values", |train, test| {
        for table in [train, test] {
            table.column("score", |i, row| if i % 80 == 5 { "-999".to_owned() } else { row[4].clone() });
        }
    });
    assert_eq!((found[0].columns[0].as_str(), found[0].measured("sentinel_cells")), ("score", Some(57.0)));
    let found = only("outliers", |train, _| {
        train.column("age", |i, row| if i % 700 == 9 { format!("{:.3}", number(row, 0) * 100.0) } else { row[0].clone() })
    });
    assert_eq!((found[0].columns[0].as_str(), found[0].measured("values_apart")), ("age", Some(5.0)));
    // Changes of money reach far on both sides of zero (Student's t with 1.5 degrees); none of them is an error.
    let mut random = Random(3);
    let mut table = Table::sound(8, 3000);
    table.column("change", |_, _| {
        let size = random.uniform().max(1e-4).powf(-1.0 / 1.5) - 1.0;
        format!("{:.2}", if random.uniform() < 0.5 { -size } else { size } * 50.0)
    });
    assert!(look(&table, None, labelled()).codes().is_empty());
}

#[test]
fn identifiers_are_found_and_measurements_are_none() {
    let shuffled = |i: usize| (i * 7919 + 13) % 100_003;
    for id in [&(|i: usize| (i + 1).to_string()) as &dyn Fn(usize) -> String, &|i| format!("CUST-{:05}", shuffled(i)), &|i| {
        format!("{:08x}-{:04x}-4abc-8def-{:012x}", shuffled(i) * 31, i, shuffled(i) * 977)
    }] {
        let found = only("id_column", |train, test| {
            train.column("ref", |i, _| id(i));
            test.column("ref", |i, _| id(i + 3000));
        });
        assert_eq!(found[0].columns, ["ref"]);
    }
    // Numbered after sorting by the outcome.
    let mut table = Table::sound(3, 2000);
    table.rows.sort_by(|a, b| a[5].cmp(&b[5]));
    table.column("ref", |i, _| i.to_string());
    let codes = look(&table, None, labelled()).codes().iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
    assert_eq!(codes, ["id_column", "id_leakage"]);
    // Unique whole numbers that measure something.
    let mut random = Random(77);
    let mut measured = Table::sound(4, 900);
    measured.column("balance", |_, _| format!("{:.0}", (12.0 + random.normal()).exp()));
    assert!(look(&measured, None, labelled()).codes().is_empty());
}

#[test]
fn gaps_that_follow_the_label_or_another_column_are_found_and_others_are_not() {
    let found = only("missing_not_at_random", |train, test| {
        for table in [train, test] {
            table.column("income", |i, row| if row[5] == "1" && i % 4 == 0 { String::new() } else { row[1].clone() });
        }
    });
    assert_eq!(found[0].columns, ["income"]);
    let found = only("missing_not_at_random", |train, test| {
        for table in [train, test] {
            table.column("income", |i, row| if row[2] == "Zug" && i % 3 > 0 { String::new() } else { row[1].clone() });
        }
    });
    assert!(found[0].title.contains("Zug"), "{}", found[0].title);
    let (mut train, mut test) = (Table::sound(5, 3000), Table::sound(6, 1500));
    let mut random = Random(3);
    for table in [&mut train, &mut test] {
        table.column("income", |_, row| if random.uniform() < 0.25 { String::new() } else { row[1].clone() });
    }
    assert!(look(&train, Some(&test), labelled()).codes().is_empty());
}

#[test]
fn columns_that_say_the_same_are_found_in_every_disguise() {
    for same in [
        &(|row: &[String]| format!("{:.3}", -2.5 * number(row, 0) + 7.0)) as &dyn Fn(&[String]) -> String,
        &|row| format!("{:.4}", (number(row, 0) + 100.0).ln()),
        &|row| format!("{:.1}", number(row, 0)),
        &|row| format!("<{}>", row[2].to_lowercase().replace('e', "3")),
    ] {
        let found = only("near_duplicate_features", |train, test| {
            for table in [train, test] {
                table.column("copy", |_, row| same(row));
            }
        });
        assert!(found.len() == 1 && found[0].columns.contains(&"copy".to_owned()), "{:?}", found[0].columns);
    }
}

#[test]
fn joints_that_broke_are_found() {
    let related = |table: &mut Table, broken: bool| {
        let mut random = Random(9);
        let n = table.rows.len();
        let ages: Vec<f64> = table.rows.iter().map(|row| number(row, 0)).collect();
        table.column("height", |i, _| {
            let from = if broken { (i * 7 + 11) % n } else { i };
            format!("{:.3}", ages[from] + 4.0 * random.normal())
        });
    };
    let found = only("correlation_shift", |train, test| {
        related(train, false);
        related(test, true);
    });
    assert!(["height", "age"].iter().all(|name| found[0].columns.contains(&(*name).to_owned())));
    let found = only("concept_shift", |_, test| {
        test.column("y", |_, row| {
            if number(row, 4) > 0.0 { (1 - row[5].parse::<u8>().expect("a class")).to_string() } else { row[5].clone() }
        })
    });
    assert_eq!(found[0].columns[..2], ["y".to_owned(), "score".to_owned()]);
    let found = only("unit_change", |_, test| {
        test.column("age", |i, row| if i % 2 == 0 { format!("{:.3}", number(row, 0) * 12.0) } else { row[0].clone() })
    });
    let (factor, share) =
        (found[0].measured("factor").expect("measured"), found[0].measured("converted_share").expect("measured"));
    assert!((factor - 12.0).abs() < 1e-9 && (share - 0.5).abs() < 0.05, "{factor} {share}");
}

/// Labels that follow a feature closely, a share of them flipped.
fn flipped(share: f64) -> Table {
    let mut random = Random(21);
    let mut table = Table::sound(8, 3000);
    table.column("y", |_, row| {
        let truth = number(row, 4) + 0.3 * number(row, 0).mul_add(0.05, -2.0) > 0.2;
        u8::from(truth != (random.uniform() < share)).to_string()
    });
    table
}

#[test]
fn flipped_labels_are_found_with_their_rate_and_hard_ones_are_not() {
    for share in [0.06, 0.15] {
        let local = look(&flipped(share), None, labelled());
        assert_eq!(local.codes(), ["label_noise"], "{share}");
        let rate = local.findings[0].measured("contradicted_among_surest").expect("measured");
        assert!((rate - share).abs() < 0.03, "{rate} for {share}");
    }
    // The sound table's label is a coin weighed by two columns: often wrong, never noise.
    assert!(look(&Table::sound(12, 3000), None, labelled()).codes().is_empty());
    // Survival by sex: one column of two values that is right in four of five rows has no surer rows than others.
    let (mut random, mut coarse) = (Random(31), Table::sound(9, 1200));
    coarse.column("sex", |i, _| ["f", "m"][i % 2].to_owned());
    coarse.column("y", |i, _| u8::from((i % 2 == 0) == (random.uniform() < 0.8)).to_string());
    let local = look(&coarse, None, labelled());
    assert!(local.codes().is_empty(), "{:?}", local.codes());
    assert!(local.notes.iter().any(|n| n.code == "label_noise" && n.text.contains("cannot tell")), "{:?}", local.notes);
}

/// Prices that follow their features, with a share of them given to other rows; `spread` widens honest errors.
fn shuffled(share: f64, spread: impl Fn(&[String]) -> f64) -> Table {
    let mut random = Random(77);
    let mut table = Table::sound(8, 2000);
    table.column("y", |_, row| {
        let price = (number(row, 4) + 0.05 * number(row, 0) + spread(row) * random.normal()).exp();
        format!("{price:.4}")
    });
    let hit: Vec<usize> = (0..table.rows.len()).filter(|_| random.uniform() < share).collect();
    let labels: Vec<String> = hit.iter().map(|&i| table.rows[i][5].clone()).collect();
    for (&i, label) in hit.iter().zip(labels.iter().cycle().skip(1)) {
        table.rows[i][5].clone_from(label);
    }
    table
}

#[test]
fn number_labels_of_other_rows_are_found_and_hard_regions_are_not() {
    let options = || Options { label: "y".to_owned(), task: "regression".to_owned(), ..Options::default() };
    for share in [0.05, 0.15] {
        let local = look(&shuffled(share, |_| 0.2), None, options());
        assert_eq!(local.codes(), ["label_noise"], "{share}");
        let rate = local.findings[0].measured("labels_of_other_rows").expect("measured");
        assert!((rate - share).abs() < 0.03, "{rate} for {share}");
    }
    // Noise everywhere; noise where one column is large.
    for spread in [|_: &[String]| 0.8, |row: &[String]| if number(row, 1) > 40_000.0 { 3.0 } else { 0.1 }] {
        assert!(look(&shuffled(0.0, spread), None, options()).codes().is_empty());
    }
}

#[test]
fn conflicts_small_splits_and_wide_tables_are_found() {
    let found = only("conflicting_labels", |train, _| {
        let copies: Vec<Vec<String>> = train.rows[..90]
            .iter()
            .map(|row| {
                let mut copy = row.clone();
                copy[5] = (1 - row[5].parse::<u8>().expect("a class")).to_string();
                copy
            })
            .collect();
        train.rows.extend(copies);
    });
    assert!((found[0].measured("conflicting_rate").expect("measured") - 180.0 / 3090.0).abs() < 1e-9);
    only("test_too_small", |_, test| test.rows.truncate(18));
    let few = look(&Table::sound(2, 24), None, Options { label: "y".to_owned(), ..Options::default() });
    assert_eq!(few.codes(), ["too_few_rows"]);
    let mut random = Random(4);
    let mut wide = Table::sound(2, 120);
    for k in 0..100 {
        wide.column(&format!("n{k}"), |_, _| format!("{:.4}", random.normal()));
    }
    assert_eq!(look(&wide, None, labelled()).codes(), ["too_many_features"]);
}

#[test]
fn rounded_copies_and_means_of_the_label_are_found() {
    let numeric = |seed| {
        let mut random = Random(seed);
        let mut table = Table::sound(seed, 1500);
        for name in ["p", "q"] {
            table.column(name, |_, _| format!("{:.5}", random.normal()));
        }
        table
    };
    let (train, mut test) = (numeric(31), numeric(32));
    test.rows.extend(train.rows[..60].iter().map(|row| {
        let mut copy = row.clone();
        for at in [0, 4, 6, 7] {
            copy[at] = format!("{:.2}", number(row, at));
        }
        copy
    }));
    let local = look(&train, Some(&test), labelled());
    assert_eq!(local.codes(), ["train_test_overlap"]);
    assert!((local.findings[0].measured("near_overlap_rate").expect("measured") - 60.0 / 1560.0).abs() < 0.01);

    let mut table = Table::sound(33, 3000);
    let mut groups: std::collections::HashMap<usize, (f64, f64)> = std::collections::HashMap::new();
    for (i, row) in table.rows.iter().enumerate() {
        let group = groups.entry(i % 700).or_default();
        *group = (group.0 + number(row, 5), group.1 + 1.0);
    }
    table.column("household_rate", |i, _| {
        let (sum, n) = groups[&(i % 700)];
        format!("{:.6}", sum / n)
    });
    let local = look(&table, None, labelled());
    assert_eq!((local.codes(), &local.findings[0].columns[..]), (vec!["target_leakage"], &["household_rate".to_owned()][..]));
}

/// Orders of rows and columns and the file's format are no facts about the data.
#[test]
fn findings_do_not_depend_on_the_order_of_columns() {
    let (mut train, mut test) = (flipped(0.1), Table::sound(41, 1200));
    train.column("age2", |_, row| format!("{:.3}", 2.0 * number(row, 0)));
    test.column("age2", |_, row| format!("{:.3}", 2.0 * number(row, 0)));
    test.column("city", |i, row| if i % 9 == 0 { "Chur".to_owned() } else { row[2].clone() });
    let straight = look(&train, Some(&test), labelled());
    let turned = |table: &Table| Table {
        header: table.header.iter().rev().cloned().collect(),
        rows: table.rows.iter().map(|row| row.iter().rev().cloned().collect()).collect(),
    };
    let reversed = look(&turned(&train), Some(&turned(&test)), labelled());
    assert!(straight.codes().len() >= 3, "{:?}", straight.codes());
    assert_eq!(straight.codes(), reversed.codes());
}

/// Also past the size at which rows are sampled: the sample is drawn by what rows hold.
#[test]
fn findings_do_not_depend_on_the_order_of_rows() {
    let (mut train, mut test) = (Table::sound(43, 14_000), Table::sound(44, 9_000));
    let mut random = Random(45);
    train.column("y", |_, row| if random.uniform() < 0.04 { (1.0 - number(row, 5)).to_string() } else { row[5].clone() });
    for table in [&mut train, &mut test] {
        table.column("age2", |_, row| format!("{:.3}", 2.0 * number(row, 0)));
        table.column("told", |i, row| format!("{:.3}", number(row, 5) + 0.2 * ((i * 7919) % 1000) as f64 / 1000.0));
    }
    test.column("city", |i, row| if i % 9 == 0 { "Chur".to_owned() } else { row[2].clone() });
    train.column("visits", |i, row| if row[5] == "1" && i % 3 == 0 { String::new() } else { row[3].clone() });
    let shuffled = |table: &Table, seed: u64| {
        let (mut random, mut table) = (Random(seed), table.clone());
        for i in (1..table.rows.len()).rev() {
            let j = (random.next() % (i as u64 + 1)) as usize;
            table.rows.swap(i, j);
        }
        table
    };
    let said = |train: &Table, test: &Table| -> Vec<String> {
        let local = look(train, Some(test), labelled());
        let mut said: Vec<String> = local
            .findings
            .iter()
            .map(|f| {
                let values: Vec<String> = f.evidence.iter().map(|e| format!("{} {:?}", e.measure, e.value)).collect();
                format!("{} {:?} {} {values:?}", f.code, f.columns, f.confidence)
            })
            .collect();
        said.sort();
        said
    };
    let straight = said(&train, &test);
    assert!(straight.len() >= 4, "{straight:#?}");
    assert_eq!(straight, said(&shuffled(&train, 46), &shuffled(&test, 47)));
}

/// The words of cells stay here; what is found does not change.
#[test]
fn masked_examples_show_shapes_only() {
    let (mut train, mut test) = (flipped(0.1), Table::sound(41, 1200));
    train.column("visits", |i, row| if i % 50 == 0 { "Geheim 7".to_owned() } else { row[3].clone() });
    train.column("city", |i, row| if i % 40 == 0 { row[2].to_uppercase() } else { row[2].clone() });
    train.column("y", |_, row| if row[5] == "1" { "krank".to_owned() } else { "gesund".to_owned() });
    test.column("y", |_, row| if row[5] == "1" { "krank".to_owned() } else { "gesund".to_owned() });
    test.column("city", |i, row| if i % 9 == 0 { "Chur".to_owned() } else { row[2].clone() });
    let plain = look(&train, Some(&test), labelled());
    let masked = look(&train, Some(&test), Options { mask_examples: true, ..labelled() });
    let (said, shown) = (format!("{plain:?}"), format!("{masked:?}"));
    for word in ["Chur", "BERN", "Geheim", "krank"] {
        assert!(said.contains(word), "{word}");
        assert!(!shown.contains(word), "{word} in {shown}");
    }
    assert!(shown.contains("Xxxx#") && shown.contains("Xxxxxx 9#"), "{shown}");
    let mut codes = (plain.codes(), masked.codes());
    codes.0.sort_unstable();
    codes.1.sort_unstable();
    assert_eq!(codes.0, codes.1);
    assert!(codes.0.contains(&"label_noise") && codes.0.contains(&"unseen_categories"));
}

/// A field that is filled in after the outcome gives it away by being there, a few slips notwithstanding.
#[test]
fn emptiness_that_tells_the_label_is_a_leak() {
    let (mut train, mut random) = (Table::sound(1, 3000), Random(77));
    train.column("closing_fee", |_, row| {
        let filled = (row[5] == "1") != (random.uniform() < 0.05);
        if filled { format!("{:.2}", 20.0 + 5.0 * random.normal()) } else { String::new() }
    });
    let local = look(&train, None, labelled());
    let leak = local.findings.iter().find(|f| f.code == "target_leakage").expect("found");
    assert_eq!(leak.columns, ["closing_fee"]);
    assert!(leak.measured("auc_of_absence").is_some_and(|auc| (0.93..0.97).contains(&auc)), "{:?}", leak.evidence);
}

/// Two measured columns suffice to know a rounded copy, at a tolerance at which strangers differ.
#[test]
fn rounded_copies_of_narrow_tables_are_found() {
    let (mut train, mut test) = (Table::sound(61, 900), Table::sound(62, 400));
    for table in [&mut train, &mut test] {
        let kept = [0, 4, 5];
        table.header = kept.iter().map(|&i| table.header[i].clone()).collect();
        table.rows.iter_mut().for_each(|row| *row = kept.iter().map(|&i| row[i].clone()).collect());
    }
    let clean = look(&train, Some(&test), labelled());
    assert!(clean.codes().is_empty(), "{:?}", clean.codes());
    for i in 0..40 {
        test.rows[i * 7] = train.rows[i * 11].clone();
        for cell in &mut test.rows[i * 7][..2] {
            *cell = format!("{:.2}", cell.parse::<f64>().expect("a number"));
        }
    }
    assert_eq!(look(&train, Some(&test), labelled()).codes(), ["train_test_overlap"]);
}

/// Texts of other words, and longer ones; texts of the same kind are silent, though most of them are new.
#[test]
fn texts_of_another_kind_are_told_from_more_of_the_same() {
    let say = |random: &mut Random, topics: &[&str], sentences: usize| -> String {
        let common = ["the", "order", "was", "late", "again", "and", "nobody", "answered", "my", "call", "about", "it"];
        let mut out = Vec::new();
        for _ in 0..sentences {
            out.extend((0..6).map(|_| common[(random.next() % 12) as usize].to_owned()));
            // Long tails of words, as texts have them.
            out.push(format!(
                "{}{}",
                topics[(random.next() % topics.len() as u64) as usize],
                ["a", "en", "ik", "or", "um"][(random.next() % 5) as usize]
            ));
            out.push(format!(
                "rare{}",
                ["b", "c", "d", "f", "g", "h", "k", "l", "m", "n"][(random.next() % 10) as usize]
                    .repeat((random.next() % 6) as usize + 1)
            ));
        }
        out.join(" ")
    };
    let (old, new) = (["parcel", "invoice", "refund"], ["lawyer", "battery", "warranty"]);
    let table = |seed: u64, rows: usize, topics: [&str; 3], sentences: u64| {
        let (mut table, mut random) = (Table::sound(seed, rows), Random(seed * 77 + 1));
        table.column("message", |_, _| say(&mut random, &topics, (2 + sentences) as usize));
        table
    };
    let train = table(71, 900, old, 1);
    assert!(look(&train, Some(&table(72, 500, old, 1)), labelled()).codes().is_empty());
    assert_eq!(look(&train, Some(&table(73, 500, new, 1)), labelled()).codes(), ["vocabulary_shift"]);
    assert_eq!(look(&train, Some(&table(74, 500, old, 3)), labelled()).codes(), ["text_length_shift"]);
}
