//! The history of one metric. Up to its room it is complete; beyond it every second, fourth, eighth …
//! value is kept, so that what is kept are logged values evenly spread over the run, with their own
//! noise. Beside them stay the values that a run is judged by: the first that is no number, jumps, both
//! sides of a step that goes back or of a long pause, and the last one. Means over epochs are exact.

/// How many values a history keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Logged values.
    pub points: usize,
    /// Epochs.
    pub epochs: usize,
}

impl Room {
    /// Of a run that is followed: 56 KiB a metric.
    pub const LIVE: Self = Self { points: 768, epochs: 768 };
    /// Of a log that is read: complete but for logs beyond a hundred thousand values a metric.
    pub const LOG: Self = Self { points: 1 << 17, epochs: 1 << 17 };
}

/// One logged value.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// NaN where not logged.
    step: f64,
    epoch: f64,
    time: f64,
    /// The value.
    pub value: f64,
    /// Its place among all values of the metric, from 0; the top bit says that it stays.
    index: u64,
}

const STAYS: u64 = 1 << 63;

fn known(v: f64) -> Option<f64> {
    (!v.is_nan()).then_some(v)
}

impl Point {
    /// A value with where and when it was logged.
    #[must_use]
    pub fn new(step: Option<f64>, epoch: Option<f64>, time: Option<f64>, value: f64) -> Self {
        let or_nan = |v: Option<f64>| v.unwrap_or(f64::NAN);
        Self { step: or_nan(step), epoch: or_nan(epoch), time: or_nan(time), value, index: 0 }
    }

    /// The step, where logged.
    #[must_use]
    pub fn step(&self) -> Option<f64> {
        known(self.step)
    }

    /// The epoch, where logged.
    #[must_use]
    pub fn epoch(&self) -> Option<f64> {
        known(self.epoch)
    }

    /// Seconds from whatever beginning, where logged.
    #[must_use]
    pub fn time(&self) -> Option<f64> {
        known(self.time)
    }

    /// Its place among all values of the metric, kept or not, from 0.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index & !STAYS
    }

    /// Sets the epoch of a value that was logged without.
    pub fn adopt_epoch(&mut self, epoch: Option<f64>) {
        self.epoch = epoch.unwrap_or(f64::NAN);
    }

    /// Whether it is kept for what it is.
    pub(crate) fn stays(&self) -> bool {
        self.index & STAYS != 0
    }

    pub(crate) fn raw(&self) -> [f64; 4] {
        [self.step, self.epoch, self.time, self.value]
    }

    pub(crate) fn of_raw([step, epoch, time, value]: [f64; 4], index: u64, stays: bool) -> Self {
        Self { step, epoch, time, value, index: index & !STAYS | if stays { STAYS } else { 0 } }
    }
}

/// An epoch's mean.
#[derive(Debug, Clone, Copy)]
pub struct Epoch {
    /// The epoch; the count of values where none is logged.
    pub epoch: f64,
    /// The last step within it, where logged, else the epoch.
    pub place: f64,
    /// Mean of the values logged within it.
    pub mean: f64,
    /// How many those are.
    pub count: u32,
    /// Its place among all epochs, from 0.
    pub(crate) index: u32,
}

impl Epoch {
    /// Begins with a value.
    fn of(point: &Point, epoch: f64) -> Self {
        Self { epoch, place: point.step().unwrap_or(epoch), mean: point.value, count: 1, index: 0 }
    }

    /// Its place among all epochs, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index as usize
    }
}

/// The history of one metric.
#[derive(Debug, Clone)]
pub struct History {
    pub(crate) room: Room,
    pub(crate) points: Vec<Point>,
    /// One in so many values is kept.
    pub(crate) stride: u64,
    pub(crate) seen: u64,
    pub(crate) epochs: Vec<Epoch>,
    pub(crate) epoch_stride: u32,
    pub(crate) epochs_seen: u32,
    pub(crate) nan: u64,
    pub(crate) infinite: u64,
    /// How often NaN follows a number or a number NaN.
    pub(crate) nan_changes: u64,
    /// NaN at the end, in a row.
    pub(crate) nan_trailing: u64,
    /// Steps of the first values, for what is told by how two metrics are logged.
    pub(crate) head: Vec<f64>,
    /// Running mean of the values' size, and of the time between them.
    pub(crate) level: f64,
    pub(crate) interval: f64,
    /// A step or epoch went back.
    pub(crate) went_back: bool,
}

// How much is kept, and of what, is our choice: 64 KiB a metric at most, on which `bench/live` finds that followed
// and finished runs are judged alike.

/// Steps kept of the beginning.
const HEAD: usize = 128;
/// Values that stay for themselves, as a share of the room: one in four.
const MARKED: usize = 4;
/// A value so many times its surroundings stays.
const JUMP: f64 = 2.5;
/// A pause so many times the usual one stays.
const PAUSE: f64 = 5.0;

impl History {
    /// An empty history.
    #[must_use]
    pub fn new(room: Room) -> Self {
        Self {
            room,
            points: Vec::new(),
            stride: 1,
            seen: 0,
            epochs: Vec::new(),
            epoch_stride: 1,
            epochs_seen: 0,
            nan: 0,
            infinite: 0,
            nan_changes: 0,
            nan_trailing: 0,
            head: Vec::new(),
            level: f64::NAN,
            interval: f64::NAN,
            went_back: false,
        }
    }

    /// Takes the next value. Answers whether it is the first that is no number, or the first to go back.
    pub fn push(&mut self, mut point: Point) -> bool {
        point.index = self.seen;
        let odd = !point.value.is_finite() && self.not_finite() == 0;
        self.count(point.value);
        let before = self.points.last().copied();
        if self.head.len() < HEAD
            && let Some(step) = point.step()
        {
            self.head.push(step);
        }
        let back = before.is_some_and(|before| goes_back(&before, &point));
        let first_back = back && !std::mem::replace(&mut self.went_back, true);
        let (stays, with_before) = self.judged_by(&point, before.as_ref(), back);
        if stays {
            point.index |= STAYS;
        }
        // The last value is always there; it goes when the next one comes, unless it has a place.
        if let Some(last) = self.points.last_mut() {
            if with_before {
                last.index |= STAYS;
            }
            if !last.stays() && !last.index().is_multiple_of(self.stride) {
                self.points.pop();
            }
        }
        grow(&mut self.points, self.room.points);
        self.points.push(point);
        self.seen += 1;
        self.take_in_epoch(&point);
        if self.points.len() > self.room.points {
            self.thin();
        }
        odd || first_back
    }

    fn count(&mut self, value: f64) {
        if self.seen > 0 && value.is_nan() != (self.nan_trailing > 0) {
            self.nan_changes += 1;
        }
        self.nan_trailing = if value.is_nan() { self.nan_trailing + 1 } else { 0 };
        self.nan += u64::from(value.is_nan());
        self.infinite += u64::from(value.is_infinite());
    }

    /// Whether a value stays for what it is, and the one before it with it.
    fn judged_by(&mut self, point: &Point, before: Option<&Point>, back: bool) -> (bool, bool) {
        let Some(before) = before else {
            self.level = if point.value.is_finite() { point.value.abs() } else { f64::NAN };
            return (false, false);
        };
        let odd = !point.value.is_finite();
        let turned = odd == before.value.is_finite();
        let mut jumped = false;
        if !odd {
            let size = point.value.abs();
            jumped = size > JUMP * self.level && self.seen > 10;
            self.level = if self.level.is_nan() { size } else { self.level + (size - self.level) * 0.1 };
        }
        let pause = point.time - before.time;
        let paused = pause > PAUSE * self.interval;
        if pause >= 0.0 {
            self.interval = if self.interval.is_nan() { pause } else { self.interval + (pause - self.interval) * 0.1 };
        }
        (turned || jumped || back || paused, turned || back || paused)
    }

    fn thin(&mut self) {
        // Of many that would stay, the first and the latest do.
        let most = self.room.points / MARKED;
        let marked = self.points.iter().filter(|p| p.stays()).count();
        if marked > most {
            let mut nth = 0;
            for point in self.points.iter_mut().filter(|p| p.stays()) {
                nth += 1;
                if nth > most / 4 && marked - nth >= most / 2 {
                    point.index &= !STAYS;
                }
            }
        }
        while self.points.len() > self.room.points * 3 / 4 {
            self.stride *= 2;
            let (stride, last) = (self.stride, self.seen - 1);
            self.points.retain(|p| p.stays() || p.index().is_multiple_of(stride) || p.index() == last);
        }
    }

    fn take_in_epoch(&mut self, point: &Point) {
        let Some(logged) = point.epoch() else {
            if self.epochs.is_empty() {
                return;
            }
            self.push_epoch(Epoch::of(point, point.index() as f64));
            return;
        };
        if self.epochs.is_empty() && self.seen > 1 {
            // The first values came without an epoch.
            let earlier: Vec<Point> = self.points[..self.points.len() - 1].to_vec();
            earlier.iter().for_each(|p| self.push_epoch(Epoch::of(p, p.index() as f64)));
        }
        // Hugging Face counts epochs in fractions; a value at 3.0 closes the third.
        let epoch = logged.ceil();
        match self.epochs.last_mut() {
            Some(last) if last.epoch == epoch => {
                last.count = last.count.saturating_add(1);
                last.place = point.step().unwrap_or(epoch);
                last.mean += (point.value - last.mean) / f64::from(last.count);
            }
            _ => self.push_epoch(Epoch::of(point, epoch)),
        }
    }

    fn push_epoch(&mut self, mut epoch: Epoch) {
        let has_place = |e: &Epoch, stride: u32| e.index.is_multiple_of(stride) || !e.mean.is_finite();
        if self.epochs.last().is_some_and(|last| !has_place(last, self.epoch_stride)) {
            self.epochs.pop();
        }
        epoch.index = self.epochs_seen;
        self.epochs_seen = self.epochs_seen.saturating_add(1);
        grow(&mut self.epochs, self.room.epochs);
        self.epochs.push(epoch);
        if self.epochs.len() > self.room.epochs {
            self.epoch_stride = self.epoch_stride.saturating_mul(2);
            let (stride, last, mut bad) = (self.epoch_stride, epoch.index, 0);
            self.epochs.retain(|e| {
                bad += usize::from(!e.mean.is_finite());
                e.index.is_multiple_of(stride) || e.index == last || !e.mean.is_finite() && bad < 16
            });
        }
    }

    /// The values that are kept, in the order they were logged.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Changes kept values, such as by an epoch learnt later; the epochs are counted anew.
    pub fn revise(&mut self, mut change: impl FnMut(&mut Point)) {
        self.points.iter_mut().for_each(&mut change);
        (self.epochs, self.epochs_seen, self.epoch_stride) = (Vec::new(), 0, 1);
        let (points, seen) = (std::mem::take(&mut self.points), self.seen);
        for (i, point) in points.iter().enumerate() {
            self.seen = i as u64 + 1;
            self.points.push(*point);
            self.take_in_epoch(point);
        }
        (self.points, self.seen) = (points, seen);
    }

    /// Forgets values that are no number.
    pub fn forget_nan(&mut self) {
        self.points.retain(|p| !p.value.is_nan());
        self.seen -= self.nan;
        (self.nan, self.nan_changes, self.nan_trailing) = (0, 0, 0);
        self.revise(|_| {});
    }

    /// Means over epochs; empty where no epoch is logged.
    #[must_use]
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// Values logged, kept or not.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Epochs logged, kept or not.
    #[must_use]
    pub fn epochs_seen(&self) -> u32 {
        self.epochs_seen
    }

    /// Whether every value is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.stride == 1
    }

    /// Values that are NaN or infinite.
    #[must_use]
    pub fn not_finite(&self) -> u64 {
        self.nan + self.infinite
    }

    /// Values that are infinite.
    #[must_use]
    pub fn infinite(&self) -> u64 {
        self.infinite
    }

    /// Values that are NaN, how often they alternate with numbers, and how many end the history.
    #[must_use]
    pub fn nan(&self) -> (u64, u64, u64) {
        (self.nan, self.nan_changes, self.nan_trailing)
    }

    /// Steps of the first values.
    #[must_use]
    pub fn head(&self) -> &[f64] {
        &self.head
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.points.capacity() * size_of::<Point>()
            + self.epochs.capacity() * size_of::<Epoch>()
            + self.head.capacity() * size_of::<f64>()
    }
}

/// Whether step or epoch goes back. A batch counter that does so with every epoch says nothing.
fn goes_back(before: &Point, point: &Point) -> bool {
    let next_epoch = point.epoch > before.epoch;
    point.epoch < before.epoch || point.step < before.step && !next_epoch
}

/// Doubles a buffer, but never beyond its room.
fn grow<T>(buffer: &mut Vec<T>, room: usize) {
    if buffer.len() == buffer.capacity() {
        let wanted = (buffer.len() * 2).clamp(16, room + 1).max(buffer.len() + 1);
        buffer.reserve_exact(wanted - buffer.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Room = Room { points: 64, epochs: 64 };

    fn at(step: u64, value: f64) -> Point {
        Point::new(Some(step as f64), Some((step / 100) as f64), None, value)
    }

    #[test]
    fn a_short_history_is_complete() {
        let mut history = History::new(SMALL);
        (0..64).for_each(|i| assert!(!history.push(at(i, i as f64))));
        assert!(history.is_complete() && history.points().len() == 64 && history.seen() == 64);
        assert_eq!(history.points()[40].index(), 40);
    }

    #[test]
    fn a_long_one_is_even_bounded_and_keeps_what_matters() {
        let mut history = History::new(SMALL);
        for i in 0..100_000_u64 {
            let value = match i {
                31_337 => 50.0,
                70_001 => f64::NAN,
                _ => 1.0 + (i % 7) as f64 * 0.01,
            };
            assert_eq!(history.push(at(i, value)), i == 70_001);
            assert!(history.points().len() <= 64 && history.epochs().len() <= 64);
            assert_eq!(history.points().last().expect("the last is there").index(), i);
        }
        let kept: Vec<u64> = history.points().iter().map(Point::index).collect();
        assert!(kept.contains(&31_337), "the jump: {kept:?}");
        assert!(kept.contains(&70_000) && kept.contains(&70_001) && kept.contains(&70_002), "what is no number, and beside it");
        assert_eq!(history.not_finite(), 1);
        let even: Vec<u64> = history.points().iter().filter(|p| !p.stays()).map(Point::index).collect();
        assert!(even[..even.len() - 1].windows(2).all(|w| w[1] - w[0] <= 2 * history.stride), "{even:?}");
        assert!(history.bytes() < 64 * 40 + 65 * 32 + 2048, "{}", history.bytes());
        assert_eq!(history.epochs_seen(), 1000);
    }

    #[test]
    fn means_over_epochs_are_exact_when_values_are_thinned() {
        let mut history = History::new(SMALL);
        (0..5000)
            .for_each(|i| _ = history.push(Point::new(Some(f64::from(i)), Some(f64::from(i / 500)), None, f64::from(i % 500))));
        assert_eq!(history.epochs().len(), 10);
        assert!(history.epochs().iter().all(|e| (e.mean - 249.5).abs() < 1e-9 && e.count == 500));
    }

    #[test]
    fn a_step_that_goes_back_stays_with_the_one_before() {
        let mut history = History::new(SMALL);
        let steps = (0..3000_u64).chain(2500..6000);
        steps.for_each(|s| _ = history.push(Point::new(Some(s as f64), None, None, 1.0)));
        let falls = history.points().windows(2).filter(|w| w[1].step < w[0].step).count();
        assert_eq!(falls, 1);
    }

    #[test]
    fn followed_metrics_stay_within_64_kib() {
        let mut history = History::new(Room::LIVE);
        (0..1_000_000_u64)
            .for_each(|i| _ = history.push(Point::new(Some(i as f64), Some(i as f64), Some(i as f64), (i % 977) as f64)));
        assert!(history.bytes() <= 64 * 1024, "{}", history.bytes());
    }
}
