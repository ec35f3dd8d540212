//! The settings of a generator, and their defaults. The settings do not change after the generator is made.

use core::time::Duration;

use crate::error::SettingError;
use crate::scheme::Scheme;

/// The way in which a call waits for the next tick.
///
/// # Examples
/// ```
/// use casflake::{Generator, Wait, WorkerId};
///
/// let import = Generator::builder(WorkerId::fixed::<1, 7>()).wait(Wait::Sleep).build()?;
/// let batch = import.generate_batch(10_000)?; // of three milliseconds; sleeps between them
/// assert_eq!(batch.len(), 10_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wait {
    /// Polls the clock without a pause. This has the lowest latency, but each waiting thread keeps one core busy.
    #[default]
    Spin,
    /// Polls the clock without a pause for a few microseconds. Then yields after each poll: the thread leaves the rest
    /// of its time slice to other threads. `Yield` suits a program with more threads than cores. Without the feature
    /// `std` there is no scheduler to yield to, so the call only polls.
    Yield,
    /// Sleeps for most of the time until the next tick, so that the waiting thread leaves its core to other threads.
    /// Then polls the clock until the tick begins. The system wakes up a sleeping thread later than the thread has
    /// asked for. The generator estimates this delay from earlier sleeps, and makes each sleep shorter by the estimate.
    ///
    /// With `Sleep` a single ID may come a little later than with `Spin`. But if threads wake up early enough to take
    /// all IDs of the tick for which they wait, the generator issues as many IDs per second as with `Spin`. A sleep
    /// takes 10 ms at most. So a thread may notice up to 10 ms late that the generator was closed, that the fence was
    /// extended or that the clock was set. Without the feature `std` the call does not sleep but polls the clock.
    Sleep,
}

/// The settings of one generator. Ticks count from the layout's epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The first tick whose IDs may be issued.
    pub(crate) not_before: u64,
    /// The fence of a new generator. The fence is the first tick whose IDs must not be issued.
    /// `Generator::extend_fence` can move the fence forward later.
    pub(crate) fence: u64,
    /// How many ticks an ID may be ahead of the clock.
    pub(crate) max_lead: u64,
    /// The longest time that a call waits for one tick to begin.
    pub(crate) max_wait: Duration,
    /// The way in which a call waits for the next tick: by spinning, yielding or sleeping.
    pub(crate) wait: Wait,
    /// Whether calls fail immediately if the clock is before the last ID's tick by more than `max_lead` ticks.
    pub(crate) strict: bool,
}

impl Settings {
    /// Returns the default settings for the scheme `S`.
    pub(crate) const fn of<S: Scheme>() -> Self {
        Self {
            not_before: 0,
            fence: end::<S>(),
            max_lead: 0,
            max_wait: Duration::from_millis(100),
            wait: Wait::Spin,
            strict: false,
        }
    }

    /// Checks that the settings fit the scheme `S`. Checks `not_before`, `fence`, the window from `not_before` to
    /// `fence`, and `max_lead`, in this order. Returns the error of the first check that fails.
    pub(crate) const fn check<S: Scheme>(&self) -> Result<(), SettingError> {
        let Self { not_before, fence, max_lead, .. } = *self;
        let max = S::LAYOUT.max_tick();
        if not_before > max {
            return Err(SettingError::NotBefore { value: not_before, max });
        }
        if let Err(error) = check_fence::<S>(fence) {
            return Err(error);
        }
        if not_before >= fence {
            return Err(SettingError::EmptyWindow { not_before, fence });
        }
        if max_lead > max {
            return Err(SettingError::MaxLead { value: max_lead, max });
        }
        Ok(())
    }
}

/// Fails with `SettingError::Fence` if `fence` is larger than the layout's last tick + 1.
pub(crate) const fn check_fence<S: Scheme>(fence: u64) -> Result<(), SettingError> {
    if fence > end::<S>() { Err(SettingError::Fence { value: fence, max: end::<S>() }) } else { Ok(()) }
}

/// Returns the first tick that does not fit the timestamp field of the scheme `S`: the layout's last tick + 1.
pub(crate) const fn end<S: Scheme>() -> u64 {
    const {
        assert!(
            S::LAYOUT.can_generate(),
            "no generator can use this layout: a generator needs a timestamp and a sequence of at most 62 bits together"
        );
    }
    S::LAYOUT.max_tick() + 1
}
