//! `Drifting`: a clock of a host or of the store. It runs a little too fast or too slow, and can be set.

/// A clock whose reading grows with the true time. All times are nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drifting {
    /// The reading at the true time `since`.
    base: i64,
    since: u64,
    /// How much the clock gains on the true time, in a million.
    ppm: i64,
}

impl Drifting {
    pub(crate) const fn new(reading: i64, ppm: i64) -> Self {
        Self { base: reading, since: 0, ppm }
    }

    pub(crate) fn at(&self, now: u64) -> u64 {
        let passed = i64::try_from(now.saturating_sub(self.since)).unwrap_or(i64::MAX);
        u64::try_from(self.base + passed + passed / 1000 * self.ppm / 1000).unwrap_or(0)
    }

    /// Moves the clock forward by `by`, or back if `by` is negative.
    pub(crate) fn step(&mut self, now: u64, by: i64) {
        self.base = i64::try_from(self.at(now)).unwrap_or(i64::MAX) + by;
        self.since = now;
    }

    pub(crate) fn set_ppm(&mut self, now: u64, ppm: i64) {
        self.step(now, 0);
        self.ppm = ppm;
    }

    /// Sets the clock, and lets it run right from now on.
    pub(crate) const fn set(&mut self, now: u64, reading: i64) {
        (self.base, self.since, self.ppm) = (reading, now, 0);
    }
}
