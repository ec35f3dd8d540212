//! `GeneratorBuilder`: everything about a generator that has a default.

use core::fmt;
use core::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::error::SettingError;
use crate::generator::Generator;
use crate::scheme::{Scheme, Standard};
use crate::settings::{Settings, Wait};
use crate::worker::WorkerId;

/// Makes a [`Generator`] with more than its worker set: `Generator::builder` starts one.
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
    /// Starts a generator on the system's clock, to set more than the worker.
    pub const fn builder(worker: WorkerId<S>) -> GeneratorBuilder<S> {
        GeneratorBuilder::new(worker, SystemClock)
    }
}

impl<S: Scheme, C: Clock> GeneratorBuilder<S, C> {
    /// Starts a generator on a clock of the caller's; `Generator::builder` takes the system's.
    pub const fn new(worker: WorkerId<S>, clock: C) -> Self {
        Self { worker, clock, settings: Settings::of::<S>() }
    }

    /// Takes another clock.
    pub fn clock<D: Clock>(self, clock: D) -> GeneratorBuilder<S, D> {
        GeneratorBuilder { worker: self.worker, clock, settings: self.settings }
    }

    /// What a call does while it waits. [`Wait::Spin`] unless set.
    pub const fn wait(mut self, wait: Wait) -> Self {
        self.settings.wait = wait;
        self
    }

    /// How long a call waits for any one tick to begin, by the clock's [`elapsed`](Clock::elapsed). 100 ms unless set.
    /// It counts anew for each tick of a batch, and where other threads took all of the tick that was waited for.
    ///
    /// A wait that is known from the start to be longer is refused at once. A bound shorter than a tick makes calls
    /// refuse overflows that they would have waited for.
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.settings.max_wait = max_wait;
        self
    }

    /// How many ticks an ID may lie ahead of the clock, so that a burst need not wait. 0 unless set.
    ///
    /// A generator that replaces another within that many ticks, or within the same one, can issue the other's IDs anew:
    /// let it begin [`not_before`](Self::not_before) the tick after the last that [`close`](Generator::close) returned.
    pub const fn max_lead(mut self, ticks: u64) -> Self {
        self.settings.max_lead = ticks;
        self
    }

    /// Whether to refuse as soon as the clock is found to have stepped back behind the last ID's tick, even while that
    /// tick has IDs left. `false` unless set.
    pub const fn strict(mut self, strict: bool) -> Self {
        self.settings.strict = strict;
        self
    }

    /// The first tick that may be issued. 0 unless set.
    pub const fn not_before(mut self, tick: u64) -> Self {
        self.settings.not_before = tick;
        self
    }

    /// The first tick that may not be issued; [`extend_fence`](Generator::extend_fence) moves it forward later. The
    /// layout's last tick + 1 unless set.
    pub const fn fence(mut self, tick: u64) -> Self {
        self.settings.fence = tick;
        self
    }

    /// The generator.
    ///
    /// # Errors
    /// A tick does not fit the layout, or no tick lies between `not_before` and `fence`.
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
