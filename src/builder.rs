//! `GeneratorBuilder`: the settings of a generator that have defaults.

use core::fmt;
use core::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::error::SettingError;
use crate::generator::Generator;
use crate::scheme::{Scheme, Standard};
use crate::settings::{Settings, Wait};
use crate::worker::WorkerId;

/// Makes a [`Generator`] with settings beyond its worker. `Generator::builder` returns one.
///
/// ```
/// use std::sync::LazyLock;
/// use std::time::Duration;
///
/// use casflake::{Generator, Wait, WorkerId};
///
/// static IDS: LazyLock<Generator> = LazyLock::new(|| {
///     let builder = Generator::builder(WorkerId::fixed::<1, 7>());
///     builder.wait(Wait::Yield).max_wait(Duration::from_millis(20)).build().expect("settings that fit the layout")
/// });
/// assert_eq!(IDS.generate()?.worker(), 7);
/// # Ok::<(), casflake::GenerateError>(())
/// ```
#[must_use = "a builder makes no generator until `build` is called"]
pub struct GeneratorBuilder<S = Standard, C = SystemClock> {
    worker: WorkerId<S>,
    clock: C,
    settings: Settings,
}

#[cfg(feature = "std")]
impl<S: Scheme> Generator<S> {
    /// Returns a builder of a generator on the system's clock.
    pub const fn builder(worker: WorkerId<S>) -> GeneratorBuilder<S> {
        GeneratorBuilder::new(worker, SystemClock)
    }
}

impl<S: Scheme, C: Clock> GeneratorBuilder<S, C> {
    /// Returns a builder of a generator on the given clock; `Generator::builder` takes the system's.
    pub const fn new(worker: WorkerId<S>, clock: C) -> Self {
        Self { worker, clock, settings: Settings::of::<S>() }
    }

    /// Sets the clock.
    pub fn clock<D: Clock>(self, clock: D) -> GeneratorBuilder<S, D> {
        GeneratorBuilder { worker: self.worker, clock, settings: self.settings }
    }

    /// Sets how a call waits. [`Wait::Spin`] unless set.
    pub const fn wait(mut self, wait: Wait) -> Self {
        self.settings.wait = wait;
        self
    }

    /// Sets how long a call waits for one tick to begin, by the clock's [`monotonic`](Clock::monotonic) time. 100 ms
    /// unless set. The bound applies anew to each tick of a batch, and after other threads took all of the tick waited
    /// for.
    ///
    /// A call fails immediately if its wait is known to exceed the bound. With a bound shorter than a tick, calls may
    /// fail on an overflow rather than wait.
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.settings.max_wait = max_wait;
        self
    }

    /// Sets how many ticks an ID may be ahead of the clock, so that a burst need not wait. 0 unless set.
    ///
    /// A generator that replaces another within that many ticks, or within the same one, can issue the same IDs again.
    /// To prevent this, set its [`not_before`](Self::not_before) to the tick after the one that
    /// [`close`](Generator::close) returned.
    pub const fn max_lead(mut self, ticks: u64) -> Self {
        self.settings.max_lead = ticks;
        self
    }

    /// Sets whether calls fail as soon as the clock has moved back behind the last ID's tick, even while that tick has
    /// IDs left. `false` unless set.
    pub const fn strict(mut self, strict: bool) -> Self {
        self.settings.strict = strict;
        self
    }

    /// Sets the first tick that may be issued. 0 unless set.
    pub const fn not_before(mut self, tick: u64) -> Self {
        self.settings.not_before = tick;
        self
    }

    /// Sets the first tick that may not be issued; [`extend_fence`](Generator::extend_fence) moves it forward later.
    /// The layout's last tick + 1 unless set.
    pub const fn fence(mut self, tick: u64) -> Self {
        self.settings.fence = tick;
        self
    }

    /// Returns the generator.
    ///
    /// # Errors
    /// * [`SettingError::NotBefore`] if `not_before` is after the layout's last tick.
    /// * [`SettingError::Fence`] if `fence` is more than one tick after the layout's last.
    /// * [`SettingError::EmptyWindow`] if no tick is between `not_before` (inclusive) and `fence` (exclusive).
    /// * [`SettingError::MaxLead`] if `max_lead` is longer than the layout's time.
    pub fn build(self) -> Result<Generator<S, C>, SettingError> {
        self.settings.check::<S>()?;
        Ok(Generator::from_settings(self.worker, self.clock, self.settings))
    }
}

impl<S, C: Clone> Clone for GeneratorBuilder<S, C> {
    fn clone(&self) -> Self {
        Self { worker: self.worker, clock: self.clock.clone(), settings: self.settings }
    }
}

impl<S, C: fmt::Debug> fmt::Debug for GeneratorBuilder<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratorBuilder")
            .field("worker", &self.worker)
            .field("clock", &self.clock)
            .field("settings", &self.settings)
            .finish()
    }
}
