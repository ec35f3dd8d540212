//! What a generator was told once and for all.

use core::time::Duration;

use crate::error::SettingError;
use crate::scheme::Scheme;
use crate::wait::Wait;

/// Ticks count from the layout's epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The first tick that may be issued.
    pub(crate) not_before: u64,
    /// The first tick after it that may not. Where the fence starts: the generator keeps the one in force.
    pub(crate) fence: u64,
    /// How many ticks ahead of the clock an ID may lie.
    pub(crate) max_lead: u64,
    /// How long to wait for any one tick.
    pub(crate) max_wait: Duration,
    pub(crate) wait: Wait,
    /// Whether to refuse as soon as the clock is behind the last ID's tick.
    pub(crate) strict: bool,
}

impl Settings {
    /// The defaults for the scheme `S`.
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

    /// Refuses what does not fit the scheme `S`.
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

pub(crate) const fn check_fence<S: Scheme>(fence: u64) -> Result<(), SettingError> {
    if fence > end::<S>() { Err(SettingError::Fence { value: fence, max: end::<S>() }) } else { Ok(()) }
}

/// The first tick that does not fit the timestamp.
pub(crate) const fn end<S: Scheme>() -> u64 {
    const {
        assert!(
            S::LAYOUT.can_generate(),
            "this layout only decodes: a generator needs a timestamp and a sequence of 62 bits or fewer together"
        );
    }
    S::LAYOUT.max_tick() + 1
}
