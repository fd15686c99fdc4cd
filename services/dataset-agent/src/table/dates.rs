//! Dates as people write them, told apart by their form, so that a column which mixes forms shows.

/// A date as written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Date {
    pub(super) shape: Shape,
    /// The three numbers, in the order written (month names count as numbers).
    parts: [u32; 3],
    /// Seconds after midnight.
    seconds: f64,
}

/// The form of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Year first, parted by this byte.
    YearFirst(u8),
    /// Year last; whether day or month comes first, the column's other cells tell.
    YearLast(u8),
    /// `31 Jan 2020`.
    DayName,
    /// `Jan 31, 2020`.
    NameDay,
}

/// The form most cells of a column have, and the order of day and month.
pub(super) struct Format {
    pub(super) shape: Shape,
    month_first: bool,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Reads a date, with or without a time of day.
pub(super) fn parse(word: &str) -> Option<Date> {
    let bytes = word.as_bytes();
    if bytes.len() < 6 || !bytes.iter().any(u8::is_ascii_digit) {
        return None;
    }
    let (date, time) = match word.find(['T', ' ']) {
        Some(at) if bytes[0].is_ascii_digit() && word[at + 1..].contains(':') => (&word[..at], &word[at + 1..]),
        _ => (word, ""),
    };
    let seconds = if time.is_empty() { 0.0 } else { clock(time)? };
    if let Some(by) = date.bytes().find(|b| matches!(b, b'-' | b'/' | b'.')) {
        let mut fields = date.split(char::from(by));
        let texts = [fields.next()?, fields.next()?, fields.next()?];
        if fields.next().is_none() && texts.iter().all(|t| !t.is_empty() && t.len() <= 4 && t.bytes().all(|b| b.is_ascii_digit()))
        {
            let parts = [texts[0].parse().ok()?, texts[1].parse().ok()?, texts[2].parse().ok()?];
            let shape = match (texts[0].len(), texts[1].len(), texts[2].len()) {
                (4, 1..=2, 1..=2) => Shape::YearFirst(by),
                (1..=2, 1..=2, 4) => Shape::YearLast(by),
                // A version number has no shape of a date.
                (1..=2, 1..=2, 2) if by == b'/' => Shape::YearLast(by),
                _ => return None,
            };
            let date = Date { shape, parts, seconds };
            return (date.valid(false) || date.valid(true)).then_some(date);
        }
        return None;
    }
    let cleaned = date.replace(',', " ");
    let mut fields = cleaned.split_whitespace();
    let texts = [fields.next()?, fields.next()?, fields.next()?];
    if fields.next().is_some() {
        return None;
    }
    let month = |text: &str| {
        let lower = text.to_ascii_lowercase();
        let at = MONTHS.iter().position(|m| lower.starts_with(m))?;
        (lower.len() <= 9 && lower.bytes().all(|b| b.is_ascii_alphabetic())).then(|| u32::try_from(at + 1).unwrap_or(0))
    };
    let number = |text: &str| text.parse::<u32>().ok();
    let date = match (month(texts[0]), month(texts[1])) {
        (Some(m), _) => Date { shape: Shape::NameDay, parts: [m, number(texts[1])?, number(texts[2])?], seconds },
        (_, Some(m)) => Date { shape: Shape::DayName, parts: [number(texts[0])?, m, number(texts[2])?], seconds },
        _ => return None,
    };
    date.valid(date.shape == Shape::NameDay).then_some(date)
}

/// `12:30`, `12:30:05.25`, with an optional `Z` or offset that is left out.
fn clock(text: &str) -> Option<f64> {
    let text = text.trim_end_matches('Z');
    let text = text.find('+').map_or(text, |at| &text[..at]);
    let mut fields = text.split(':');
    let hour: f64 = fields.next()?.trim().parse().ok()?;
    let minute: f64 = fields.next()?.parse().ok()?;
    let second: f64 = fields.next().map_or(Some(0.0), |s| s.parse().ok())?;
    ((0.0..24.0).contains(&hour) && (0.0..60.0).contains(&minute) && (0.0..61.0).contains(&second))
        .then_some(hour * 3600.0 + minute * 60.0 + second)
}

impl Date {
    /// Year, month, day.
    fn civil(&self, month_first: bool) -> (i64, u32, u32) {
        let [a, b, c] = self.parts;
        let (year, month, day) = match self.shape {
            Shape::YearFirst(_) => (a, b, c),
            Shape::NameDay => (c, a, b),
            Shape::DayName => (c, b, a),
            Shape::YearLast(_) if month_first => (c, a, b),
            Shape::YearLast(_) => (c, b, a),
        };
        // The pivot of POSIX strptime's %y.
        let year = if year < 69 {
            year + 2000
        } else if year < 100 {
            year + 1900
        } else {
            year
        };
        (i64::from(year), month, day)
    }

    fn valid(&self, month_first: bool) -> bool {
        let (year, month, day) = self.civil(month_first);
        (1000..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
    }
}

impl Format {
    /// The format of a column, from its dates with their counts.
    pub(super) fn of<'a>(dates: impl Iterator<Item = (&'a Date, usize)>) -> Self {
        let (mut shapes, mut month_first, mut day_first): (Vec<(Shape, usize)>, bool, bool) = (Vec::new(), false, false);
        for (date, n) in dates {
            match shapes.iter_mut().find(|s| s.0 == date.shape) {
                Some(shape) => shape.1 += n,
                None => shapes.push((date.shape, n)),
            }
            if matches!(date.shape, Shape::YearLast(_)) {
                day_first |= !date.valid(true);
                month_first |= !date.valid(false);
            }
        }
        let shape = shapes.into_iter().max_by_key(|s| s.1).map_or(Shape::YearFirst(b'-'), |s| s.0);
        Self { shape, month_first: month_first && !day_first }
    }

    pub(super) fn name(&self) -> &'static str {
        match (self.shape, self.month_first) {
            (Shape::YearFirst(b'-'), _) => "dates like 2024-01-31",
            (Shape::YearFirst(_), _) => "dates with the year first",
            (Shape::YearLast(_), false) => "dates like 31/01/2024",
            (Shape::YearLast(_), true) => "dates like 01/31/2024",
            (Shape::DayName | Shape::NameDay, _) => "dates with the month's name",
        }
    }

    /// Microseconds since 1970.
    pub(super) fn microseconds(&self, date: &Date) -> f64 {
        let first = self.month_first && date.valid(true) || !date.valid(false);
        let (year, month, day) = date.civil(first);
        (days(year, i64::from(month), i64::from(day)) as f64 * 86_400.0 + date.seconds) * 1e6
    }
}

/// Days since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = year - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_their_own_form() {
        let at = |words: &[&str]| -> Vec<f64> {
            let dates: Vec<Date> = words.iter().map(|w| parse(w).unwrap_or_else(|| panic!("{w} is a date"))).collect();
            let format = Format::of(dates.iter().map(|d| (d, 1)));
            dates.iter().map(|d| format.microseconds(d) / 1e6).collect()
        };
        // `date -u -d ... +%s`
        assert_eq!(at(&["2013-01-01 10:00:00"]), [1_357_034_400.0]);
        assert_eq!(at(&["29.02.2000", "01.03.2000"]), [951_782_400.0, 951_868_800.0]);
        assert_eq!(at(&["2/29/2000", "3/1/2000"]), [951_782_400.0, 951_868_800.0]);
        assert_eq!(at(&["Feb 29, 2000"]), at(&["29 February 2000"]));
        assert_eq!(at(&["2000-02-29T00:00:00Z"]), [951_782_400.0]);
        for no in ["1.2.3", "12-34", "hello", "2020-13-45", "10/20", "192.168.1.1", "3-4-5", "May be so"] {
            assert!(parse(no).is_none(), "{no}");
        }
    }
}
