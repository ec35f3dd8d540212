//! A store whose clock was set back: it says by how much, and neither that it is new nor that it is full.

use std::time::Duration;

use casflake::{Layout, ManualClock, Scheme, Sonyflake, Standard};
use casflake_lease::{
    AcquireRequest, CLOCK_SLACK, FileStore, Grant, LeaseAdmin, LeaseStore, MAX_TTL, StoreError, Token,
};
use testkit::Scratch;

const NOW: u64 = 1_800_000_000_000;
const DAY: Duration = Duration::from_secs(86_400);
const TTL: Duration = Duration::from_secs(10);

struct Setting {
    scratch: Scratch,
    layout: Layout,
}

impl Setting {
    fn new(layout: Layout) -> Self {
        Self { scratch: Scratch::new(), layout }
    }

    /// By a clock that is so much behind.
    fn behind(&self, by: Duration) -> FileStore<ManualClock> {
        let by = u64::try_from(by.as_millis()).unwrap();
        FileStore::with_clock(self.scratch.path(), ManualClock::new(NOW - by))
    }

    fn acquire(&self, behind: Duration) -> Result<Grant, StoreError> {
        self.behind(behind).acquire(&AcquireRequest::new(&self.layout, Token::random().unwrap(), TTL, "a test"))
    }

    /// By how much the store says that its clock is behind, and what the list of its leases says.
    #[track_caller]
    fn said(&self, behind: Duration) -> (Duration, Option<Duration>) {
        let refused = self.acquire(behind);
        let Err(error @ StoreError::StoreClockBehind { by }) = refused else { panic!("{refused:?}") };
        let said = format!("the store's clock is {} s behind", by.as_millis().div_ceil(1000));
        assert!(error.is_retryable() && error.to_string().contains(&said), "{error}");
        (by, self.behind(behind).survey().unwrap().clock_behind(&self.layout))
    }
}

const LAYOUTS: [Layout; 2] = [Standard::LAYOUT, Sonyflake::LAYOUT];

#[test]
fn a_space_from_before_the_clock_was_set_back_is_not_called_new() {
    for layout in LAYOUTS {
        let setting = Setting::new(layout);
        setting.behind(Duration::ZERO).init_immediately(&layout, 2).unwrap();
        assert_eq!(setting.said(DAY), (DAY, Some(DAY)));
        // Not even by what is known of a lease alone.
        setting.acquire(Duration::ZERO).unwrap();
        assert_eq!(setting.said(DAY), (DAY + TTL, Some(DAY + TTL)));
    }
}

#[test]
fn a_space_whose_leases_are_from_before_the_clock_was_set_back_is_not_called_full() {
    let setting = Setting::new(Standard::LAYOUT);
    setting.behind(2 * DAY).init_immediately(&setting.layout, 1).unwrap();
    setting.acquire(Duration::ZERO).unwrap();
    assert_eq!(setting.said(DAY), (DAY + TTL, Some(DAY + TTL)));
}

#[test]
fn a_wait_that_a_new_space_can_have_is_said_to_be_one() {
    // That of a new space, by a clock that is as far behind the one that made it as clocks may be apart.
    let longest = MAX_TTL + 2 * CLOCK_SLACK;
    let setting = Setting::new(Standard::LAYOUT);
    setting.behind(Duration::ZERO).init_immediately(&setting.layout, 1).unwrap();
    let refused = setting.acquire(longest);
    assert!(matches!(refused, Err(StoreError::NotYet { retry_after, .. }) if retry_after == longest), "{refused:?}");
    assert_eq!(setting.behind(longest).survey().unwrap().clock_behind(&setting.layout), None);
    let longer = longest + Duration::from_millis(1);
    assert_eq!(setting.said(longer), (longer, Some(longer)));
}
