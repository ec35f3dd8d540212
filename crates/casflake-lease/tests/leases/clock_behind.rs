//! A store with a clock that has moved back: its error gives the distance, and not that the space is new or full.

use std::time::Duration;

use casflake::{Layout, ManualClock, Scheme, Sonyflake, Standard};
use casflake_lease::{
    AcquireRequest, CLOCK_SLACK, FileStore, Grant, LeaseAdmin, LeaseStore, MAX_TTL, StoreError, Token,
};
use testkit::Scratch;

const NOW: u64 = 1_800_000_000_000;
const DAY: Duration = Duration::from_secs(86_400);
const TTL: Duration = Duration::from_secs(10);

/// A space, and clocks that are behind.
struct SpaceUnderTest {
    scratch: Scratch,
    layout: Layout,
}

impl SpaceUnderTest {
    fn new(layout: Layout) -> Self {
        Self { scratch: Scratch::new(), layout }
    }

    /// Returns the store with a clock that is this far behind.
    fn behind(&self, by: Duration) -> FileStore<ManualClock> {
        let by = u64::try_from(by.as_millis()).unwrap();
        FileStore::with_clock(self.scratch.path(), ManualClock::new(NOW - by))
    }

    fn acquire(&self, behind: Duration) -> Result<Grant, StoreError> {
        self.behind(behind).acquire(&AcquireRequest::new(&self.layout, Token::random().unwrap(), TTL, "a test"))
    }

    /// Returns how far the clock is behind: by the error of `acquire`, and by the survey.
    #[track_caller]
    fn reported(&self, behind: Duration) -> (Duration, Option<Duration>) {
        let refused = self.acquire(behind);
        let Err(error @ StoreError::StoreClockBehind { by }) = refused else { panic!("{refused:?}") };
        let said = format!("the store's clock is {} s behind", by.as_millis().div_ceil(1000));
        assert!(error.is_retryable() && error.to_string().contains(&said), "{error}");
        (by, self.behind(behind).survey().unwrap().clock_behind(&self.layout))
    }
}

const LAYOUTS: [Layout; 2] = [Standard::LAYOUT, Sonyflake::LAYOUT];

#[test]
fn l9_a_space_from_before_the_clock_moved_back_is_not_reported_as_new() {
    for layout in LAYOUTS {
        let space = SpaceUnderTest::new(layout);
        space.behind(Duration::ZERO).init_immediately(&layout, 2).unwrap();
        assert_eq!(space.reported(DAY), (DAY, Some(DAY)));
        // Nor with a lease that is later than the floor.
        space.acquire(Duration::ZERO).unwrap();
        assert_eq!(space.reported(DAY), (DAY + TTL, Some(DAY + TTL)));
    }
}

#[test]
fn l9_a_space_with_leases_from_before_the_clock_moved_back_is_not_reported_as_full() {
    let space = SpaceUnderTest::new(Standard::LAYOUT);
    space.behind(2 * DAY).init_immediately(&space.layout, 1).unwrap();
    space.acquire(Duration::ZERO).unwrap();
    assert_eq!(space.reported(DAY), (DAY + TTL, Some(DAY + TTL)));
}

#[test]
fn l6_the_longest_wait_of_a_new_space_is_reported_as_a_wait() {
    // The wait of a new space on a clock that is behind the one at its creation by as much as clocks may differ.
    let longest = MAX_TTL + 2 * CLOCK_SLACK;
    let space = SpaceUnderTest::new(Standard::LAYOUT);
    space.behind(Duration::ZERO).init_immediately(&space.layout, 1).unwrap();
    let refused = space.acquire(longest);
    assert!(matches!(refused, Err(StoreError::NotYet { retry_after, .. }) if retry_after == longest), "{refused:?}");
    assert_eq!(space.behind(longest).survey().unwrap().clock_behind(&space.layout), None);
    let longer = longest + Duration::from_millis(1);
    assert_eq!(space.reported(longer), (longer, Some(longer)));
}
