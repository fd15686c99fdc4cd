//! What a column of text really holds. A file says "text" as soon as one cell is not a number; here
//! the cells decide: numbers, dates or truth values with a few strays, or words. What did not fit is
//! kept with its count, so that detectors can say it.

use super::{
    Column, Kind, MISSING, Values,
    column::Oddities,
    dates::{self, Date},
};

/// Share of the filled cells that must agree for a column to count as mostly numbers or dates. Codes
/// in which letters are rarer than this are rare in tables (our choice).
const MOSTLY: f64 = 0.8;
/// Fewer distinct numbers than this beside words are categories ("1", "2", "3+").
const DISTINCT: usize = 5;

/// Spellings that hardly ever mean anything but "missing".
const BLANKS: [&str; 17] = [
    "", "na", "n/a", "n.a.", "n.a", "nan", "null", "<na>", "#n/a", "#na", "?", "??", "\\n", "(null)", "<null>", "nil", "#value!",
];
/// Spellings that may also be a category of their own.
const WEAK_BLANKS: [&str; 13] =
    ["-", "--", "---", ".", "none", "missing", "unknown", "undefined", "not available", "unk", "not known", "n/k", "empty"];

enum Class {
    Blank,
    WeakBlank,
    Number(f64),
    /// A number that is written with a comma: as decimal point, or between thousands.
    Comma {
        decimal: f64,
        thousands: Option<f64>,
    },
    Date(Date),
    Truth(bool),
    Other,
}

fn classify(word: &str) -> Class {
    let word = word.trim();
    let Some(&first) = word.as_bytes().first() else { return Class::Blank };
    if word.len() <= 40 && (first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
        if word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E'))
            && let Ok(x) = word.parse::<f64>()
        {
            return Class::Number(x);
        }
        if let Some(class) = comma(word) {
            return class;
        }
    }
    if word.len() <= 40
        && let Some(date) = dates::parse(word)
    {
        return Class::Date(date);
    }
    if word.len() <= 14 {
        let lower = word.to_ascii_lowercase();
        if BLANKS.contains(&lower.as_str()) {
            return Class::Blank;
        }
        if WEAK_BLANKS.contains(&lower.as_str()) {
            return Class::WeakBlank;
        }
        match lower.as_str() {
            "true" => return Class::Truth(true),
            "false" => return Class::Truth(false),
            "inf" | "+inf" | "infinity" => return Class::Number(f64::INFINITY),
            "-inf" | "-infinity" => return Class::Number(f64::NEG_INFINITY),
            _ => {}
        }
    }
    Class::Other
}

/// `3,14`, `1,234` or `1.234,5`.
fn comma(word: &str) -> Option<Class> {
    let (sign, digits) = word.strip_prefix('-').map_or((1.0, word), |rest| (-1.0, rest));
    if !digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b',' | b'.')) || !digits.contains(',') {
        return None;
    }
    let grouped = |text: &str, by: char| {
        let mut groups = text.split(by);
        let first = groups.next().unwrap_or_default();
        (1..=3).contains(&first.len()) && groups.all(|g| g.len() == 3 && g.bytes().all(|b| b.is_ascii_digit()))
    };
    // Point after the last comma: the commas part thousands.
    let thousands = {
        let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
        (grouped(whole, ',') && !rest.contains([',', '.']))
            .then(|| digits.replace(',', "").parse::<f64>().ok())
            .flatten()
            .map(|x| sign * x)
    };
    let decimal = {
        let (whole, rest) = digits.split_once(',').unwrap_or((digits, ""));
        let whole_ok = !whole.contains('.') || grouped(whole, '.');
        (whole_ok && !rest.contains([',', '.']))
            .then(|| format!("{}.{rest}", whole.replace('.', "")).parse::<f64>().ok())
            .flatten()
    };
    match (decimal, thousands) {
        (Some(decimal), thousands) => Some(Class::Comma { decimal: sign * decimal, thousands }),
        (None, Some(thousands)) => Some(Class::Comma { decimal: f64::NAN, thousands: Some(thousands) }),
        (None, None) => None,
    }
}

/// Words of each column that are looked at for the file's decimal sign.
const LOOKED_AT: usize = 200;

/// Whether a file writes decimal commas: `1,234` is then one and a bit, for some other cell (`3,14`)
/// cannot part thousands, and no number is written with a point.
pub(super) fn decimal_commas<'a>(columns: impl Iterator<Item = &'a Column>) -> bool {
    let (mut commas, mut points) = (0, 0);
    for column in columns {
        match &column.values {
            Values::Words { words, .. } => {
                for word in words.iter().take(LOOKED_AT) {
                    match classify(word) {
                        Class::Comma { thousands: None, .. } => commas += 1,
                        Class::Number(x) if x.fract() != 0.0 => points += 1,
                        _ => {}
                    }
                }
            }
            Values::Numbers(values) if column.kind == Kind::Number => {
                points += values.iter().take(LOOKED_AT).filter(|x| x.is_finite() && x.fract() != 0.0).count();
            }
            Values::Numbers(_) => {}
        }
    }
    commas > 0 && points == 0
}

/// Decides what a column of words holds; others are left as they are.
pub(super) fn refine(column: Column, decimal_commas: bool) -> Column {
    let Values::Words { codes, words } = &column.values else { return column };
    let cells = column.by_code();
    let classes: Vec<Class> = words.iter().map(|word| classify(word)).collect();
    let total = |keep: &dyn Fn(&Class) -> bool| -> usize {
        classes.iter().zip(&cells).filter(|(class, _)| keep(class)).map(|(_, n)| n).sum()
    };
    let blank = total(&|c| matches!(c, Class::Blank | Class::WeakBlank));
    let filled = codes.len() - column.missing - blank;
    let enough = |n: usize| filled > 0 && n as f64 >= MOSTLY * filled as f64;
    let numbers = total(&|c| matches!(c, Class::Number(_)));
    let commas = total(&|c| matches!(c, Class::Comma { .. }));
    let dates = total(&|c| matches!(c, Class::Date(_)));
    let truths = total(&|c| matches!(c, Class::Truth(_)));

    if filled > 0 && truths == filled && one_spelling(words, &classes) {
        return rebuilt(&column, &classes, &cells, Kind::Boolean, "true or false", &|class, _| match class {
            Class::Truth(truth) => Cell::Fits(f64::from(u8::from(*truth))),
            _ => Cell::Stray(None),
        });
    }
    if enough(numbers + commas) && !is_code(words, &classes, &cells, numbers) && varied(&classes, numbers + commas, filled) {
        let separators = Separators::of(&classes, &cells, numbers, commas, decimal_commas);
        return rebuilt(&column, &classes, &cells, Kind::Number, "numbers", &|class, _| match class {
            Class::Number(x) if separators.points => Cell::Fits(*x),
            Class::Number(x) => Cell::Stray(Some(*x)),
            Class::Comma { decimal, thousands } => {
                let x = if separators.decimal_comma { *decimal } else { thousands.unwrap_or(*decimal) };
                if separators.commas { Cell::Fits(x) } else { Cell::Stray(Some(x)) }
            }
            _ => Cell::Stray(None),
        });
    }
    if enough(dates) && distinct(&classes, |c| matches!(c, Class::Date(_))) >= DISTINCT {
        let format = dates::Format::of(
            classes.iter().zip(&cells).filter_map(|(class, n)| if let Class::Date(d) = class { Some((d, *n)) } else { None }),
        );
        return rebuilt(&column, &classes, &cells, Kind::Time, format.name(), &|class, _| match class {
            Class::Date(date) => {
                let at = format.microseconds(date);
                if date.shape == format.shape { Cell::Fits(at) } else { Cell::Stray(Some(at)) }
            }
            _ => Cell::Stray(None),
        });
    }
    categories(column, &classes, &cells)
}

/// What a cell is in the column's new form.
enum Cell {
    Fits(f64),
    /// Does not fit, but may still be read.
    Stray(Option<f64>),
}

fn rebuilt(
    column: &Column,
    classes: &[Class],
    cells: &[usize],
    kind: Kind,
    mostly: &'static str,
    read: &dyn Fn(&Class, &str) -> Cell,
) -> Column {
    let Values::Words { codes, words } = &column.values else { return column.clone() };
    let mut oddities = Oddities { mostly, ..Oddities::default() };
    if column.missing > 0 {
        oddities.blanks.push((String::new(), column.missing));
    }
    let by_word: Vec<f64> = words
        .iter()
        .zip(classes)
        .zip(cells)
        .map(|((word, class), &n)| match class {
            Class::Blank | Class::WeakBlank => {
                oddities.blanks.push((word.clone(), n));
                f64::NAN
            }
            class => match read(class, word) {
                Cell::Fits(x) => x,
                Cell::Stray(x) => {
                    oddities.strays.push((word.clone(), n));
                    x.unwrap_or(f64::NAN)
                }
            },
        })
        .collect();
    merge_blanks(&mut oddities.blanks);
    oddities.strays.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let values = codes.iter().map(|&c| by_word.get(c as usize).copied().unwrap_or(f64::NAN)).collect();
    let mut out = Column::new(kind, Values::Numbers(values));
    (out.stored, out.oddities) = (column.stored, oddities);
    out
}

/// White space around a spelling is no other spelling.
fn merge_blanks(blanks: &mut Vec<(String, usize)>) {
    for blank in blanks.iter_mut() {
        blank.0 = blank.0.trim().to_owned();
    }
    blanks.sort();
    blanks.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 += later.1;
        }
        same
    });
}

/// Words stay words; spellings of "missing" among them are taken out.
fn categories(column: Column, classes: &[Class], cells: &[usize]) -> Column {
    let Values::Words { codes, words } = &column.values else { return column };
    let keeps_na = country_codes(words, cells);
    let is_blank = |i: usize| matches!(classes[i], Class::Blank) && !(keeps_na && words[i] == "NA");
    let strong: usize = (0..words.len()).filter(|&i| cells[i] > 0 && is_blank(i)).count();
    let weak: usize = (0..words.len()).filter(|&i| cells[i] > 0 && matches!(classes[i], Class::WeakBlank)).count();
    if strong + weak == 0 {
        let mut column = column;
        if column.missing > 0 {
            column.oddities.blanks.push((String::new(), column.missing));
        }
        return column;
    }
    // A word such as "none" alone may be a category; beside another spelling it is one of several.
    let takes_weak = weak > 1 || (weak == 1 && (strong > 0 || column.missing > 0));
    let mut oddities = Oddities::default();
    if column.missing > 0 {
        oddities.blanks.push((String::new(), column.missing));
    }
    let mut renamed = Vec::with_capacity(words.len());
    let mut kept = Vec::new();
    for (i, word) in words.iter().enumerate() {
        if is_blank(i) || (takes_weak && matches!(classes[i], Class::WeakBlank)) {
            oddities.blanks.push((word.clone(), cells[i]));
            renamed.push(MISSING);
        } else {
            renamed.push(u32::try_from(kept.len()).unwrap_or(MISSING));
            kept.push(word.clone());
        }
    }
    merge_blanks(&mut oddities.blanks);
    let codes = codes.iter().map(|&c| renamed.get(c as usize).copied().unwrap_or(MISSING)).collect();
    let mut out = Column::new(Kind::Word, Values::Words { codes, words: kept });
    (out.stored, out.oddities) = (column.stored, oddities);
    out
}

/// Two capital letters in most cells: `NA` is then Namibia, or North America.
fn country_codes(words: &[String], cells: &[usize]) -> bool {
    let pair = |w: &String| w.len() == 2 && w.bytes().all(|b| b.is_ascii_uppercase()) && w != "NA";
    let all = words.iter().zip(cells).filter(|(w, n)| **n > 0 && *w != "NA").count();
    let pairs = words.iter().zip(cells).filter(|(w, n)| **n > 0 && pair(w)).count();
    pairs >= 5 && pairs * 10 >= all * 9
}

/// Truth values in one spelling; `True` beside `true` is a matter of variants.
fn one_spelling(words: &[String], classes: &[Class]) -> bool {
    let mut spellings: Vec<&str> =
        words.iter().zip(classes).filter(|(_, c)| matches!(c, Class::Truth(_))).map(|(w, _)| w.as_str()).collect();
    spellings.sort_unstable();
    spellings.dedup_by_key(|w| w.to_ascii_lowercase());
    spellings.len() == words.iter().zip(classes).filter(|(_, c)| matches!(c, Class::Truth(_))).count()
}

fn distinct(classes: &[Class], keep: impl Fn(&Class) -> bool) -> usize {
    classes.iter().filter(|c| keep(c)).count()
}

/// Enough different numbers to be a quantity, or nothing but numbers.
fn varied(classes: &[Class], numbers: usize, filled: usize) -> bool {
    numbers == filled
        || distinct(classes, |c| matches!(c, Class::Number(_) | Class::Comma { .. }))
            >= if numbers * 20 >= filled * 19 { DISTINCT } else { 2 * DISTINCT }
}

/// Numbers that are padded with zeros (`00123`) are codes.
fn is_code(words: &[String], classes: &[Class], cells: &[usize], numbers: usize) -> bool {
    let padded: usize = words
        .iter()
        .zip(classes)
        .zip(cells)
        .filter(|((word, class), _)| {
            let word = word.trim();
            matches!(class, Class::Number(_))
                && word.len() > 1
                && word.starts_with('0')
                && word.bytes().all(|b| b.is_ascii_digit())
        })
        .map(|(_, n)| n)
        .sum();
    padded * 20 > numbers
}

/// How the column writes its numbers.
struct Separators {
    /// Plain numbers are the rule, or agree with it.
    points: bool,
    /// Numbers with a comma are the rule, or agree with it.
    commas: bool,
    decimal_comma: bool,
}

impl Separators {
    fn of(classes: &[Class], cells: &[usize], numbers: usize, commas: usize, in_file: bool) -> Self {
        let cells_of =
            |keep: &dyn Fn(&Class) -> bool| -> usize { classes.iter().zip(cells).filter(|(c, _)| keep(c)).map(|(_, n)| n).sum() };
        let all_thousands = classes.iter().all(|c| !matches!(c, Class::Comma { thousands: None, .. }));
        let fractions = cells_of(&|c| matches!(c, Class::Number(x) if x.fract() != 0.0));
        let large = cells_of(&|c| matches!(c, Class::Number(x) if x.abs() >= 1000.0));
        let decimal_comma = in_file || !all_thousands;
        // Whole numbers agree with a decimal comma, numbers below a thousand with commas between thousands.
        let against = if decimal_comma { fractions } else { large };
        if commas == 0 || against == 0 {
            return Self { points: true, commas: true, decimal_comma };
        }
        Self { points: numbers >= commas, commas: commas > numbers, decimal_comma }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(words: &[(&str, usize)]) -> Column {
        let codes =
            words.iter().enumerate().flat_map(|(i, (_, n))| std::iter::repeat_n(u32::try_from(i).expect("few"), *n)).collect();
        refine(
            Column::new(Kind::Word, Values::Words { codes, words: words.iter().map(|(w, _)| (*w).to_owned()).collect() }),
            false,
        )
    }

    #[test]
    fn cells_decide_what_a_column_holds() {
        let numbers = ["1.5", "2", "3.25", "4", "5e3", "-6", "7", "8"].map(|w| (w, 10));
        let with = |extra: &[(&'static str, usize)]| column(&[&numbers[..], extra].concat());
        let plain = with(&[]);
        assert_eq!((plain.kind, plain.missing), (Kind::Number, 0));
        let blanks = with(&[("NA", 3), ("?", 2), (" ", 1)]);
        assert_eq!((blanks.kind, blanks.missing), (Kind::Number, 6));
        assert_eq!(blanks.oddities.blanks, [(String::new(), 1), ("?".to_owned(), 2), ("NA".to_owned(), 3)]);
        let strays = with(&[("ten", 1), ("1,234", 1), ("12 kg", 1)]);
        assert_eq!((strays.kind, strays.oddities.strays.len()), (Kind::Number, 3));
        assert!(strays.oddities.blanks.is_empty());
        // Letters in a fifth of the cells and more: codes.
        assert_eq!(with(&[("A1", 30)]).kind, Kind::Word);
        assert_eq!(column(&[("1", 50), ("2", 40), ("3+", 8)]).kind, Kind::Word);
        assert_eq!(column(&[("00123", 2), ("01234", 2), ("12345", 2), ("00001", 2), ("77777", 2)]).kind, Kind::Word);
        let commas = column(&[("1,5", 9), ("2,25", 9), ("3", 9), ("4,1", 9), ("5,12", 9)]);
        assert_eq!((commas.kind, commas.sorted()[0], commas.oddities.strays.len()), (Kind::Number, 1.5, 0));
        let thousands = column(&[("1,500", 9), ("2,250", 9), ("300", 9), ("4,100", 9), ("51,200", 9)]);
        assert_eq!((thousands.kind, thousands.sorted()[44], thousands.oddities.strays.len()), (Kind::Number, 51_200.0, 0));
        let truth = column(&[("True", 5), ("False", 5), ("", 2)]);
        assert_eq!((truth.kind, truth.missing), (Kind::Boolean, 2));
    }

    #[test]
    fn dates_in_another_format_are_strays_and_still_dates() {
        let days = ["2020-01-02", "2020-02-03", "2020-03-04", "2020-04-05", "2020-05-06", "2020-06-07"].map(|w| (w, 5));
        let mixed = column(&[&days[..], &[("31/12/2020", 2)]].concat());
        assert_eq!((mixed.kind, mixed.missing), (Kind::Time, 0));
        assert_eq!(mixed.oddities.strays, [("31/12/2020".to_owned(), 2)]);
    }

    #[test]
    fn categories_keep_words_that_may_mean_something() {
        let alone = column(&[("none", 5), ("mild", 9), ("severe", 4)]);
        assert_eq!(alone.missing, 0);
        let several = column(&[("red", 5), ("blue", 9), ("?", 2), ("-", 2), ("n.a.", 1)]);
        assert_eq!((several.missing, several.oddities.blanks.len()), (5, 3));
        let lands = column(&[("DE", 5), ("CH", 9), ("NA", 4), ("FR", 1), ("IT", 1), ("US", 3)]);
        assert_eq!(lands.missing, 0);
    }
}
