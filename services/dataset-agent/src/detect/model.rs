//! What the columns together can tell about the label: gradient-boosted trees fitted on train, with
//! every row of the sample predicted by a model that did not see it. Shared by `label_noise` and
//! `concept_shift`, so that it is fitted once.

use deepfix_agent::Cancel;
use rayon::prelude::*;

use super::{Data, leakage::class_codes};
use crate::{
    stats::{
        rank,
        trees::{Answers, Cut, Model},
    },
    table::{Kind, Values, mix},
};

/// Rows of train that are learnt from.
pub(crate) const SAMPLE: usize = 6000;
/// Columns that are learnt from.
const COLUMNS: usize = 120;
const FOLDS: usize = 4;
/// Classes a model is fitted for.
const CLASSES: usize = 12;
/// Fewest rows worth a model.
const ENOUGH: usize = 150;

/// The label of train's sample, and what models say of it.
#[derive(Debug)]
pub(crate) struct Learnt {
    /// Row numbers in train.
    pub(crate) rows: Vec<usize>,
    pub(crate) answers: Answers,
    /// Per row: probabilities of the classes, or the number, from a model that did not see the row.
    pub(crate) held_out: Vec<Vec<f64>>,
    /// Names of the columns learnt from.
    pub(crate) columns: Vec<String>,
    cuts: Vec<Cut>,
    bins: Vec<Vec<u8>>,
    class_names: Vec<String>,
}

/// Test's label and predictions of a model of all of train's sample.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) rows: Vec<usize>,
    pub(crate) answers: Answers,
    pub(crate) predicted: Vec<Vec<f64>>,
    pub(crate) bins: Vec<Vec<u8>>,
}

impl Learnt {
    pub(crate) fn of(data: &Data, cancel: &Cancel) -> Result<Self, String> {
        let (Some(train), Some(label)) = (&data.train, data.label.as_deref()) else {
            return Err("needs train and its label (--label)".to_owned());
        };
        let column = train.column(label).ok_or("train has no label column")?;
        let present = column.is_present();
        let there: Vec<usize> = (0..train.rows()).filter(|&i| present[i]).collect();
        if there.len() < ENOUGH {
            return Err(format!("needs {ENOUGH} labelled rows, train has {}", there.len()));
        }
        let rows: Vec<usize> = rank::sample(train.lots(), there.into_iter(), SAMPLE);
        let (answers, class_names) = if data.regression {
            let Some(values) = column.numbers() else { return Err("a regression label must be a number".to_owned()) };
            if rows.iter().any(|&i| values[i].is_infinite()) {
                return Err("the label holds infinite values".to_owned());
            }
            (Answers::Numbers(rows.iter().map(|&i| values[i]).collect()), Vec::new())
        } else {
            let (codes, k) = class_codes(column)?;
            if k > CLASSES {
                return Err(format!("needs at most {CLASSES} classes, the label has {k}"));
            }
            let mut names = vec![String::new(); codes.iter().copied().filter(|c| *c != usize::MAX).max().unwrap_or(0) + 1];
            for (i, &code) in codes.iter().enumerate() {
                if code != usize::MAX && names[code].is_empty() {
                    names[code] = text(column, i);
                }
            }
            let k = names.len();
            (Answers::Classes(rows.iter().map(|&i| codes[i]).collect(), k), names)
        };
        let mut columns: Vec<String> = train
            .columns()
            .filter(|(name, c)| data.is_feature(name) && c.kind != Kind::Other && c.spread().distinct > 1)
            // Words of which most occur once say nothing about other rows.
            .filter(|(_, c)| c.numbers().is_some() || c.spread().distinct * 2 < c.present())
            .map(|(name, _)| name.clone())
            .collect();
        if columns.len() > COLUMNS {
            let step = columns.len() as f64 / COLUMNS as f64;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
            let picked = (0..COLUMNS).map(|i| columns[(i as f64 * step) as usize].clone()).collect();
            columns = picked;
        }
        if columns.is_empty() {
            return Err("no column to learn from".to_owned());
        }
        let (cuts, bins): (Vec<Cut>, Vec<Vec<u8>>) = columns
            .par_iter()
            .filter_map(|name| train.column(name))
            .map(|column| {
                let cut = Cut::of(column);
                let bins = cut.bins(column, &rows);
                (cut, bins)
            })
            .unzip();
        let held_out = predictions(&bins, &folds(&bins, answers.len()), &answers, cancel);
        Ok(Self { rows, answers, held_out, columns, cuts, bins, class_names })
    }

    /// Other answers for the same rows, predicted by models that did not see the row.
    pub(crate) fn held_out_for(&self, answers: &Answers, cancel: &Cancel) -> Vec<Vec<f64>> {
        predictions(&self.bins, &folds(&self.bins, answers.len()), answers, cancel)
    }

    /// The same answers predicted out of fold from columns of at most `levels` values (a missing one is a value);
    /// `None` where there is no such column.
    pub(crate) fn held_out_by_few_levels(&self, levels: usize, cancel: &Cancel) -> Option<Vec<Vec<f64>>> {
        let few: Vec<Vec<u8>> = self.bins.iter().filter(|column| distinct(column) <= levels).cloned().collect();
        (!few.is_empty()).then(|| predictions(&few, &folds(&self.bins, self.answers.len()), &self.answers, cancel))
    }

    /// Bins of train's sample, one vector per column.
    pub(crate) fn bins(&self) -> &[Vec<u8>] {
        &self.bins
    }

    pub(crate) fn class_name(&self, class: usize) -> &str {
        self.class_names.get(class).map_or("", String::as_str)
    }

    /// Test's rows that have a label train knows, predicted.
    pub(crate) fn judge(&self, data: &Data, cancel: &Cancel) -> Option<Judged> {
        let (test, label) = (data.test.as_ref()?, data.label.as_deref()?);
        let column = test.column(label)?;
        let classes: Vec<usize> = match &self.answers {
            Answers::Numbers(_) => Vec::new(),
            Answers::Classes(..) => (0..test.rows())
                .map(|i| {
                    let text = text(column, i);
                    self.class_names.iter().position(|n| *n == text).unwrap_or(usize::MAX)
                })
                .collect(),
        };
        let present = column.is_present();
        let there: Vec<usize> = (0..test.rows())
            .filter(|&i| present[i] && classes.get(i) != Some(&usize::MAX))
            .filter(|&i| column.numbers().is_none_or(|v| v[i].is_finite()))
            .collect();
        let rows: Vec<usize> = rank::sample(test.lots(), there.into_iter(), SAMPLE);
        // As many as drift needs to be told, so that moved columns are known.
        if rows.len() < 60 {
            return None;
        }
        let answers = match &self.answers {
            Answers::Numbers(_) => {
                let values = column.numbers()?;
                Answers::Numbers(rows.iter().map(|&i| values[i]).collect())
            }
            Answers::Classes(_, k) => Answers::Classes(rows.iter().map(|&i| classes[i]).collect(), *k),
        };
        let bins: Vec<Vec<u8>> = self
            .columns
            .iter()
            .zip(&self.cuts)
            .map(|(name, cut)| test.column(name).map_or_else(|| vec![0; rows.len()], |c| cut.bins(c, &rows)))
            .collect();
        let all: Vec<usize> = (0..self.rows.len()).collect();
        let model = Model::fit(&self.bins, &self.answers, &all, &|| cancel.is_cancelled());
        let predicted = (0..rows.len()).map(|i| model.predict(&bins, i)).collect();
        Some(Judged { rows, answers, predicted, bins })
    }
}

/// Values in a column of bins.
fn distinct(bins: &[u8]) -> usize {
    let mut seen = [false; 256];
    bins.iter().for_each(|&b| seen[usize::from(b)] = true);
    seen.iter().filter(|s| **s).count()
}

/// Fold of each row, by content, so that copies of a row fall into one fold and do not teach each other.
fn folds(bins: &[Vec<u8>], rows: usize) -> Vec<usize> {
    (0..rows)
        .map(|i| bins.iter().fold(0xf01d, |hash, column| mix(hash ^ u64::from(column[i]))))
        .map(|hash| (hash % FOLDS as u64) as usize)
        .collect()
}

/// Predictions for each row by a model of the other folds.
fn predictions(bins: &[Vec<u8>], fold: &[usize], answers: &Answers, cancel: &Cancel) -> Vec<Vec<f64>> {
    let parts: Vec<Vec<(usize, Vec<f64>)>> = (0..FOLDS)
        .into_par_iter()
        .map(|part| {
            let (teach, check): (Vec<usize>, Vec<usize>) = (0..answers.len()).partition(|&i| fold[i] != part);
            let model = Model::fit(bins, answers, &teach, &|| cancel.is_cancelled());
            check.into_iter().map(|i| (i, model.predict(bins, i))).collect()
        })
        .collect();
    let mut held_out = vec![Vec::new(); answers.len()];
    for (i, p) in parts.into_iter().flatten() {
        held_out[i] = p;
    }
    held_out
}

/// A cell as its class is named.
fn text(column: &crate::table::Column, row: usize) -> String {
    match &column.values {
        Values::Numbers(values) => crate::table::show(values[row]),
        Values::Words { codes, words } => words.get(codes[row] as usize).cloned().unwrap_or_default(),
    }
}
