//! `Survey`: the contents of a store, for its operator.

use std::time::Duration;

use casflake::Layout;

use crate::lease::Lease;
use crate::protocol::latest;
use crate::terms::{Terms, fingerprint};

/// The contents of a store.
///
/// # Examples
/// ```
/// use casflake::{Scheme, Standard};
/// use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
///
/// # let directory = testkit::Scratch::new();
/// let mut store = FileStore::new(directory.path());
/// store.init_immediately(&Standard::LAYOUT, 8)?;
/// let ids: LeasedGenerator = LeasedGenerator::builder(FileStore::new(directory.path())).owner("web-1").build()?;
///
/// let survey = store.survey()?;
/// assert!(survey.space.is_some_and(|space| space.workers == 8 && space.is_of(&Standard::LAYOUT)));
/// assert!(survey.workers.iter().any(|worker| worker.owner.as_deref() == Some("web-1")));
/// # Ok::<(), casflake_lease::StoreError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Survey {
    /// The reading of the store's clock, in nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_ns: u64,
    /// The record of the space; `None` if this record is lost, but the store still has records of workers.
    pub space: Option<SurveyedSpace>,
    /// The records of workers, in the order of the workers' indices. Some of these records may belong to workers that
    /// were not granted yet, because a grant can also write records for later grants. A worker without a record was
    /// never granted, unless the record was lost.
    pub workers: Vec<SurveyedWorker>,
    /// Whether the space is a copy of a space that was made in another place. If `true`, no process gets a worker of
    /// this space: the calls of processes fail with [`StoreError::Copied`](crate::StoreError::Copied).
    pub is_copy: bool,
}

impl Survey {
    /// Creates a survey of a space that is not a copy. Use this function to implement [`LeaseAdmin`](crate::LeaseAdmin)
    /// yourself.
    #[must_use]
    pub const fn new(unix_ns: u64, space: Option<SurveyedSpace>, workers: Vec<SurveyedWorker>) -> Self {
        Self { unix_ns, space, workers, is_copy: false }
    }

    /// Returns the time that the store's clock needs to reach the latest tick in the store, if this time is longer than
    /// 180 s. The latest tick is the floor or the end of a window. The limit of 180 s is [`MAX_TTL`](crate::MAX_TTL) +
    /// twice [`CLOCK_SLACK`](crate::CLOCK_SLACK). A longer time shows that the store's clock is wrong now, or was wrong
    /// before.
    ///
    /// Returns `None` if the time is 180 s or shorter, or if the store's clock reads a time before the first tick or
    /// after the last tick of `layout`. `layout` is the layout of the space.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// use casflake::{Scheme, Standard};
    /// use casflake_lease::{Survey, SurveyedSpace};
    ///
    /// let layout = &Standard::LAYOUT;
    /// // The store's clock reads the layout's epoch, but the floor is an hour later.
    /// let space = SurveyedSpace::new(layout, 8, 3_600_000);
    /// let survey = Survey::new(layout.epoch_unix_ms() * 1_000_000, Some(space), Vec::new());
    /// assert_eq!(survey.clock_behind(layout), Some(Duration::from_secs(3600)));
    /// ```
    #[must_use]
    pub fn clock_behind(&self, layout: &Layout) -> Option<Duration> {
        let terms = Terms::of(layout);
        let now_tick = terms.tick_at(self.unix_ns / 1_000_000)?;
        let floor = self.space.as_ref().map_or(0, |space| space.floor);
        let latest = latest(floor, self.workers.iter().map(|worker| worker.until));
        (latest > terms.reach(now_tick)).then(|| terms.duration(latest - now_tick))
    }
}

/// The record of the space in a store.
///
/// # Examples
/// ```
/// use casflake::{Scheme, Sonyflake, Standard};
/// use casflake_lease::SurveyedSpace;
///
/// let space = SurveyedSpace::new(&Standard::LAYOUT, 1024, 0);
/// assert!(space.is_of(&Standard::LAYOUT) && !space.is_of(&Sonyflake::LAYOUT));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SurveyedSpace {
    /// The layout, as a text. The windows are counted in ticks of this layout.
    pub layout: String,
    /// The number of workers that the space has.
    pub workers: u64,
    /// The floor: no new window begins before this tick.
    pub floor: u64,
}

impl SurveyedSpace {
    /// Creates the record of a space. The windows are counted in ticks of `layout`. Use this function to implement
    /// [`LeaseAdmin`](crate::LeaseAdmin) yourself.
    #[must_use]
    pub fn new(layout: &Layout, workers: u64, floor: u64) -> Self {
        Self { layout: fingerprint(layout), workers, floor }
    }

    /// Returns whether the windows are counted in ticks of this layout.
    #[must_use]
    pub fn is_of(&self, layout: &Layout) -> bool {
        self.layout == fingerprint(layout)
    }
}

/// The record of one worker in a store.
///
/// # Examples
/// ```
/// use casflake_lease::{Lease, SurveyedWorker, Token};
///
/// let lease = Lease::new(3, 5_000, 35_000, 1, Token::random()?);
/// let worker = SurveyedWorker::new(&lease, Some("web-1".into()));
/// assert_eq!((worker.worker, worker.until), (3, 35_000));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SurveyedWorker {
    /// The worker's index.
    pub worker: u64,
    /// The first tick of the worker's last window.
    pub from: u64,
    /// The first tick after the worker's last window.
    pub until: u64,
    /// The number of times that the worker was granted, renewed or reclaimed.
    pub counter: u64,
    /// The name of the worker's holder. `None` if the worker was released or reclaimed. Also `None` if this record was
    /// written in advance or in place of a lost record, and the worker was not granted since.
    pub owner: Option<String>,
}

impl SurveyedWorker {
    /// Creates the record of a worker from `lease`, the worker's last lease. `owner` is `None` if that lease was
    /// released. Use this function to implement [`LeaseAdmin`](crate::LeaseAdmin) yourself.
    #[must_use]
    pub const fn new(lease: &Lease, owner: Option<String>) -> Self {
        let Lease { worker, from, until, counter, .. } = *lease;
        Self { worker, from, until, counter, owner }
    }
}
