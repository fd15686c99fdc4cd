//! Logs that programs print: `epoch 3 loss=0.42 val_acc 0.91`, Keras' progress lines, tqdm bars,
//! `[12] train-logloss:0.51 eval-logloss:0.60`. Pairs of a known name and a number are taken, the rest
//! of a line is prose.

use super::{Log, Point, Quantity, Role, read::number};

/// Fewest lines with a value that make a text a log.
const LINES: usize = 3;

pub(super) fn read(text: &str) -> Option<Log> {
    let mut log = Log { format: "printed log", ..Log::default() };
    let (mut printed, mut lines) = (Printed::default(), 0);
    for line in text.split(ENDS) {
        lines += usize::from(printed.take(line, &mut |key, point| log.push(key, point)));
    }
    (lines >= LINES).then_some(log)
}

/// A bar redraws its line with carriage returns.
pub(super) const ENDS: [char; 2] = ['\n', '\r'];

/// Longer lines are none that people read.
const LONGEST: usize = 4096;

/// What a program printed, line by line.
#[derive(Debug, Default)]
pub(super) struct Printed {
    /// As the lines before said.
    epoch: Option<f64>,
}

impl Printed {
    /// The values of a line; answers whether it has one.
    pub(super) fn take(&mut self, line: &str, push: &mut impl FnMut(&str, Point)) -> bool {
        if line.len() >= LONGEST {
            return false;
        }
        let found = pairs(line);
        let place = |names: &[&str]| found.iter().rfind(|(key, _)| names.contains(&key.as_str())).map(|(_, value)| *value);
        self.epoch = place(&["epoch", "ep"]).or(self.epoch);
        let step = place(&["step", "global_step", "iter", "iteration", "it", "batch", "round"]);
        let mut any = false;
        for (key, value) in &found {
            if Role::of(key).quantity != Quantity::Unknown {
                push(key, Point::new(step, self.epoch, None, *value));
                any = true;
            }
        }
        any
    }
}

/// Names with their numbers, in lower case, the split's word joined to the name that follows it.
fn pairs(line: &str) -> Vec<(String, f64)> {
    let mut out = Vec::new();
    let line = round_of(line, &mut out);
    let words: Vec<&str> = line
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|' | '=' | '(' | ')' | '[' | ']' | '{' | '}' | '"' | '\''))
        .flat_map(colons)
        .filter(|word| !word.is_empty() && *word != "-")
        .collect();
    let (mut side, mut name): (Option<String>, Option<String>) = (None, None);
    for word in words {
        if let Some(name) = &name
            && let Some(value) = value_of(word, name)
        {
            out.push((name.clone(), value));
            continue;
        }
        let lower = word.to_lowercase();
        match lower.as_str() {
            "train" | "training" | "val" | "valid" | "validation" | "test" | "eval" | "dev" => {
                side = Some(lower);
                name = None;
            }
            _ if is_name(&lower) => {
                let whole = side.take().map_or_else(|| lower.clone(), |side| format!("{side}_{lower}"));
                name = Some(whole);
            }
            _ => name = None,
        }
    }
    out
}

/// Whether a text begins with a boosting round.
pub(super) fn begins_with_round(text: &str) -> bool {
    let mut round = Vec::new();
    round_of(text, &mut round);
    !round.is_empty()
}

/// `[12]` at the beginning of a line is a boosting round.
fn round_of<'a>(line: &'a str, out: &mut Vec<(String, f64)>) -> &'a str {
    let Some((inside, rest)) = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']')) else { return line };
    match inside.trim().parse::<u32>() {
        Ok(round) => {
            out.push(("round".to_owned(), f64::from(round)));
            out.push(("epoch".to_owned(), f64::from(round)));
            rest
        }
        Err(_) => line,
    }
}

/// `name:value` is two words; the colons of a time of day are none of ours.
fn colons(word: &str) -> impl Iterator<Item = &str> {
    let clock = word.contains(':') && word.chars().all(|c| c.is_ascii_digit() || c == ':' || c == '.');
    let parts: Vec<&str> = if clock { Vec::new() } else { word.split(':').collect() };
    parts.into_iter()
}

/// The number behind a name; `3/20` is the third of twenty.
fn value_of(word: &str, name: &str) -> Option<f64> {
    let counts = matches!(name, "epoch" | "ep" | "step" | "iter" | "iteration" | "it" | "batch" | "round" | "global_step");
    let word = word.trim_end_matches(['%', '.']);
    match word.split_once('/') {
        Some((done, _)) if counts => number(done),
        Some(_) => None,
        None => number(word),
    }
}

/// Whether a word can name what is logged.
fn is_name(word: &str) -> bool {
    let letters = word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-/.@".contains(c));
    let counts = matches!(word, "epoch" | "ep" | "step" | "iter" | "iteration" | "it" | "batch" | "round" | "global_step");
    letters && (counts || Role::of(word).quantity != Quantity::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(String, Option<f64>, f64)> {
        let log = read(text).expect("a log");
        log.series.iter().flat_map(|s| s.points().iter().map(move |p| (s.key.clone(), p.epoch(), p.value))).collect()
    }

    #[test]
    fn what_programs_print_is_read() {
        let keras = "Epoch 1/3\n10/10 - 1s - loss: 0.9000 - accuracy: 0.5 - val_loss: 0.8\nEpoch 2/3\n10/10 - 1s - loss: 0.7 - accuracy: 0.6 - val_loss: 0.7\nEpoch 3/3\n10/10 - 1s 12ms/step - loss: 0.5 - accuracy: 0.7 - val_loss: 0.65\n";
        let points = of(keras);
        assert_eq!(points.len(), 9);
        assert_eq!(points[2], ("loss".to_owned(), Some(3.0), 0.5));
        let plain = "2026-11-02 10:11:12 INFO epoch 1 train loss=0.42 val_acc 0.91\nepoch 2 train loss=0.40 val_acc 0.92\nepoch 3 train loss=nan val_acc 0.1\n";
        let points = of(plain);
        assert!(points.contains(&("train_loss".to_owned(), Some(2.0), 0.40)), "{points:?}");
        assert!(points.contains(&("val_acc".to_owned(), Some(1.0), 0.91)), "{points:?}");
        let boosting = "[0]\ttrain-logloss:0.6\teval-logloss:0.65\n[1]\ttrain-logloss:0.5\teval-logloss:0.6\n[2]\ttrain-logloss:0.4\teval-logloss:0.61\n";
        assert!(of(boosting).contains(&("eval-logloss".to_owned(), Some(2.0), 0.61)));
        let tqdm = "Epoch 0:  10%|#  | 1/10 [00:01<00:09, 1.0it/s, loss=2.3]\rEpoch 0:  20%|## | 2/10 [00:02<00:08, 1.0it/s, loss=2.1]\rEpoch 0: 30%|## | 3/10 [00:02<00:08, 1.0it/s, loss=2.0, v_num=3]\n";
        assert_eq!(of(tqdm).len(), 3);
        assert!(read("Dear reader, this epoch of losses is 3 times as long as the last.\n").is_none());
    }
}
