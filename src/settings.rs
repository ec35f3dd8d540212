//! The settings that a generator keeps for its whole life, and their defaults.

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
    /// Polls the clock. Lowest latency; keeps one core busy per waiting thread.
    #[default]
    Spin,
    /// Polls the clock for a few microseconds, then yields the time slice between polls. Suits more threads than cores.
    /// Without the feature `std` there is no scheduler to yield to, and the call goes on polling.
    Yield,
    /// Sleeps for most of the rest of the tick and polls the clock at its end, so that a waiting thread leaves its core
    /// to others. The system wakes threads up late; the generator measures how late, and sleeps that much less.
    ///
    /// Gives as many IDs in all as `Spin` if the system wakes threads up within the tick, though a single ID may come a
    /// little later. A sleep takes 10 ms at most: that is how late a thread may notice that the generator was closed,
    /// that its fence was extended or that the clock was set. Without the feature `std` the call polls the clock.
    Sleep,
}

/// The settings of one generator. Ticks count from the layout's epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The first tick that may be issued.
    pub(crate) not_before: u64,
    /// The first tick that may not be issued, at the start. It moves forward later: see `Generator::fence`.
    pub(crate) fence: u64,
    /// How many ticks ahead of the clock an ID may lie.
    pub(crate) max_lead: u64,
    /// How long to wait for any one tick.
    pub(crate) max_wait: Duration,
    /// How to wait.
    pub(crate) wait: Wait,
    /// Whether to refuse as soon as the clock is behind the last ID's tick.
    pub(crate) strict: bool,
}

impl Settings {
    /// Returns the defaults for the scheme `S`.
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

    /// Fails with the first setting that does not fit the scheme `S`.
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

/// Fails with `Fence` if `fence` lies more than one tick after the layout's last.
pub(crate) const fn check_fence<S: Scheme>(fence: u64) -> Result<(), SettingError> {
    if fence > end::<S>() { Err(SettingError::Fence { value: fence, max: end::<S>() }) } else { Ok(()) }
}

/// Returns the first tick that does not fit the timestamp.
pub(crate) const fn end<S: Scheme>() -> u64 {
    const {
        assert!(
            S::LAYOUT.can_generate(),
            "this layout only decodes: a generator needs a timestamp and a sequence of 62 bits or fewer together"
        );
    }
    S::LAYOUT.max_tick() + 1
}
