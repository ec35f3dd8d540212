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
    /// The space; `None` if its own record is lost and those of workers are not.
    pub space: Option<SurveyedSpace>,
    /// Each worker that was granted, and some that were prepared for later grants, by index.
    pub workers: Vec<SurveyedWorker>,
    /// Whether this is a copy of a space that was made elsewhere. If so, no process gets a worker of it
    /// ([`StoreError::Copied`](crate::StoreError::Copied)).
    pub is_copy: bool,
}

impl Survey {
    /// Creates the survey of a store of your own.
    #[must_use]
    pub const fn new(unix_ns: u64, space: Option<SurveyedSpace>, workers: Vec<SurveyedWorker>) -> Self {
        Self { unix_ns, space, workers, is_copy: false }
    }

    /// Returns by how much the store's clock is behind the latest tick that the store holds, in ticks of `layout`.
    /// Returns `None` unless that tick is further in the future than a correct clock can have put it: by more than
    /// [`MAX_TTL`](crate::MAX_TTL) + twice [`CLOCK_SLACK`](crate::CLOCK_SLACK), 180 s. (Or the clock is right now, and
    /// was ahead before.)
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// use casflake::{Scheme, Standard};
    /// use casflake_lease::{Survey, SurveyedSpace};
    ///
    /// let layout = &Standard::LAYOUT;
    /// // At the layout's epoch, the store holds the tick of an hour later.
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

/// The space as a whole, as a store holds it.
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
    /// The layout. The windows are counted in its ticks.
    pub layout: String,
    /// How many workers the space has.
    pub workers: u64,
    /// The floor: no new window begins before this tick.
    pub floor: u64,
}

impl SurveyedSpace {
    /// Creates the space of a store of your own. Its windows are counted in ticks of `layout`.
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

/// One worker, as a store holds it.
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
    /// The first tick of its last window.
    pub from: u64,
    /// The first tick after that window.
    pub until: u64,
    /// How often the worker was granted or renewed.
    pub counter: u64,
    /// The name of its holder; `None` if it was released.
    pub owner: Option<String>,
}

impl SurveyedWorker {
    /// Creates the worker of a store of your own from its last lease. `owner` is `None` if that lease was released.
    #[must_use]
    pub const fn new(lease: &Lease, owner: Option<String>) -> Self {
        let Lease { worker, from, until, counter, .. } = *lease;
        Self { worker, from, until, counter, owner }
    }
}
