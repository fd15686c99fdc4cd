//! When a run that is under way is worth another look. A look costs about as much as there are values
//! kept, so looks become rarer as the run grows: what all looks cost stays a small multiple of the last.

/// When to look again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cadence {
    looked_at: u64,
}

/// New values, as a share of those at the last look, that ask for another: one in sixteen. Our choice, as is the
/// next: half the share would double what looks cost and save a thirtieth of the run in delay (`bench/live`).
const SHARE: u64 = 16;
/// Fewest new values of each metric that do.
const FEWEST: u64 = 3;

impl Cadence {
    /// Whether to look now that so many values of so many metrics were taken. An alarm asks at once.
    #[must_use]
    pub fn due(&mut self, taken: u64, metrics: usize, alarm: bool) -> bool {
        // Every metric brings its own value at each step.
        let fewest = FEWEST * metrics.clamp(1, 8) as u64;
        let due = alarm || taken - self.looked_at.min(taken) > (self.looked_at / SHARE).max(fewest);
        if due {
            self.looked_at = taken;
        }
        due
    }

    /// Goes on from a look after so many values.
    pub fn looked(&mut self, taken: u64) {
        self.looked_at = taken;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_grow_with_the_logarithm_of_the_run_and_an_alarm_is_looked_at_at_once() {
        let mut cadence = Cadence::default();
        let looks = (1..=1_000_000).filter(|taken| cadence.due(*taken, 1, false)).count();
        assert!((150..260).contains(&looks), "{looks}");
        assert!(cadence.due(1_000_001, 1, true));
        assert!(!cadence.due(1_000_002, 1, false));
    }
}
