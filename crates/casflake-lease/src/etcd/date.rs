//! `DateClock`: the time of a server that reports only whole seconds.

use std::time::UNIX_EPOCH;

use crate::monotonic::Monotonic;
use crate::terms::MAX_TTL;

const SECOND: u64 = 1_000_000_000;

/// A clock of this host that follows a server's clock. The header `Date` of each reply adjusts this clock: `Date`
/// contains the server's time, rounded down to a whole second. Between two replies, a monotonic clock of this host adds
/// the time that has passed, including fractions of a second.
///
/// This clock is behind the server's clock by at most a second plus the delay of a message. The difference becomes
/// smaller with more replies.
pub(super) struct DateClock {
    monotonic: Monotonic,
    /// The reading of this clock at the last reply, and the reading of the monotonic clock at the same time.
    heard: Option<(u64, u64)>,
}

impl DateClock {
    pub(super) fn new() -> Self {
        Self { monotonic: Monotonic::new(), heard: None }
    }

    /// Adjusts this clock to the `Date` of a reply that has just come. Returns the new reading.
    pub(super) fn hear(&mut self, date: u64) -> u64 {
        let now = read(date, self.projected().map(|(projected, _)| projected));
        self.heard = Some((now, self.monotonic.nanos()));
        now
    }

    /// Returns the reading of this clock. Returns `None` before the first reply, and if the last reply came more than
    /// [`MAX_TTL`] ago. After such a time, the monotonic clock may have drifted too far from the server's clock.
    pub(super) fn now(&self) -> Option<u64> {
        self.projected().filter(|(_, since)| u128::from(*since) <= MAX_TTL.as_nanos()).map(|(projected, _)| projected)
    }

    /// Returns the reading of this clock, and the time since the last reply, both in nanoseconds. Returns `None` before
    /// the first reply.
    fn projected(&self) -> Option<(u64, u64)> {
        let (heard, at) = self.heard?;
        let since = self.monotonic.nanos().wrapping_sub(at);
        Some((heard.saturating_add(since), since))
    }
}

/// Returns the new reading of the clock after a reply with the time `date`. `projected` is the reading just before that
/// reply, or `None` before the first reply.
fn read(date: u64, projected: Option<u64>) -> u64 {
    match projected {
        // The reading is within the second that has begun. It is at the end of that second if the reply was slow or the
        // host's clock is fast.
        Some(projected) if projected <= date.saturating_add(2 * SECOND) => {
            projected.clamp(date, date.saturating_add(SECOND))
        }
        // This is the first reply, or the server's clock moved back.
        _ => date,
    }
}

/// Parses a `Date` into nanoseconds since 1970.
pub(super) fn parse(date: &str) -> Option<u64> {
    let since = httpdate::parse_http_date(date).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::{DateClock, SECOND, parse, read};

    #[test]
    fn a_date_is_the_second_that_has_begun() {
        const HALF: u64 = SECOND / 2;
        let date = 100 * SECOND;
        assert_eq!(read(date, None), date);
        // The reading is within the second of `date`, or is behind that second.
        assert_eq!(read(date, Some(date + HALF)), date + HALF);
        assert_eq!(read(date, Some(date - 1)), date);
        assert_eq!(read(date, Some(0)), date);
        // The reading is a little ahead, so it is limited to the end of the second.
        assert_eq!(read(date, Some(date + SECOND + HALF)), date + SECOND);
        assert_eq!(read(date, Some(date + 2 * SECOND)), date + SECOND);
        // The server's clock moved back.
        assert_eq!(read(date, Some(date + 2 * SECOND + 1)), date);
        assert_eq!(read(u64::MAX, Some(u64::MAX)), u64::MAX);
    }

    #[test]
    fn the_clock_goes_on_between_two_replies() {
        let mut clock = DateClock::new();
        assert_eq!(clock.now(), None);
        let first = clock.hear(100 * SECOND);
        assert_eq!(first, 100 * SECOND);
        std::thread::sleep(std::time::Duration::from_millis(5));
        let second = clock.hear(100 * SECOND);
        assert!(second >= first + SECOND / 200, "{second}");
        assert!(clock.now() >= Some(second));
        assert_eq!(clock.hear(50 * SECOND), 50 * SECOND);
    }

    #[test]
    fn a_reply_of_long_ago_is_not_carried_on() {
        let mut clock = DateClock::new();
        clock.hear(100 * SECOND);
        clock.heard = clock.heard.map(|(heard, at)| (heard, at.wrapping_sub(121 * SECOND)));
        assert_eq!(clock.now(), None);
        assert!(clock.hear(100 * SECOND) >= 100 * SECOND);
        assert!(clock.now().is_some());
    }

    #[test]
    fn a_date_is_parsed() {
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:01 GMT"), Some(SECOND));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777 * SECOND));
        assert_eq!(parse("yesterday"), None);
    }
}
