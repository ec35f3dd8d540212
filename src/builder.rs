//! `GeneratorBuilder`: the optional settings of a generator.

use core::fmt;
use core::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::error::SettingError;
use crate::generator::Generator;
use crate::scheme::{Scheme, Standard};
use crate::settings::{Settings, Wait};
use crate::worker::WorkerId;

/// Makes a [`Generator`] with settings other than the defaults. `Generator::builder` returns a builder.
///
/// # Examples
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
    /// Returns a builder of a generator that reads the system's clock.
    pub const fn builder(worker: WorkerId<S>) -> GeneratorBuilder<S> {
        GeneratorBuilder::new(worker, SystemClock)
    }
}

impl<S: Scheme, C: Clock> GeneratorBuilder<S, C> {
    /// Returns a builder of a generator that reads `clock`. For a generator that reads the system's clock use
    /// `Generator::builder`.
    ///
    /// # Examples
    /// ```
    /// use casflake::{GeneratorBuilder, ManualClock, Standard, WorkerId};
    ///
    /// let clock = ManualClock::new(1_735_689_600_000);
    /// let builder = GeneratorBuilder::<Standard, _>::new(WorkerId::fixed::<1, 7>(), &clock);
    /// let ids = builder.strict(true).build()?;
    /// assert_eq!(ids.generate()?.unix_ms(), 1_735_689_600_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn new(worker: WorkerId<S>, clock: C) -> Self {
        Self { worker, clock, settings: Settings::of::<S>() }
    }

    /// Sets the clock that the generator reads.
    pub fn clock<D: Clock>(self, clock: D) -> GeneratorBuilder<S, D> {
        GeneratorBuilder { worker: self.worker, clock, settings: self.settings }
    }

    /// Sets how a call waits for the next tick. The default is [`Wait::Spin`].
    pub const fn wait(mut self, wait: Wait) -> Self {
        self.settings.wait = wait;
        self
    }

    /// Sets the longest time that a call waits for one tick to begin, measured by the clock's
    /// [`monotonic`](Clock::monotonic) time. The default is 100 ms. A call that waits for several ticks may wait
    /// `max_wait` for each of them. A batch can need several ticks. A call for one ID waits for a second tick if other
    /// threads take all IDs of the first.
    ///
    /// If the clock shows that the tick will begin later than `max_wait` allows, the call fails immediately, without
    /// waiting. So if `max_wait` is shorter than a tick, a call may fail when the IDs of the current tick are used up.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// use casflake::{GenerateError, GeneratorBuilder, ManualClock, Standard, WorkerId};
    ///
    /// let clock = ManualClock::new(1_735_689_600_000); // stands still
    /// let builder = GeneratorBuilder::<Standard, _>::new(WorkerId::fixed::<1, 7>(), clock);
    /// let ids = builder.max_wait(Duration::from_millis(2)).build()?;
    /// ids.generate_batch(4096)?;
    /// assert_eq!(ids.generate(), Err(GenerateError::ClockStalled { max_wait: Duration::from_millis(2) }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.settings.max_wait = max_wait;
        self
    }

    /// Sets how many ticks an ID may be ahead of the clock. A burst of calls can then use the IDs of these ticks
    /// without waiting. The default is 0.
    ///
    /// If a new generator replaces an old one with the same worker, the new generator can repeat IDs of the old one.
    /// This can happen until the clock has passed the tick of the old generator's last ID. That tick may be up to
    /// `ticks` ticks ahead of the clock. To prevent this, set the new generator's [`not_before`](Self::not_before) to
    /// the tick that [`close`](Generator::close) of the old generator returned, plus 1.
    ///
    /// # Examples
    /// ```
    /// use casflake::{GeneratorBuilder, ManualClock, Standard, WorkerId};
    ///
    /// let clock = ManualClock::new(1_735_689_600_000);
    /// let ids = GeneratorBuilder::<Standard, _>::new(WorkerId::fixed::<1, 7>(), clock).max_lead(1).build()?;
    /// let batch = ids.generate_batch(8192)?; // of two milliseconds, without a wait
    /// assert_eq!(batch.last().map(|id| id.unix_ms()), Some(1_735_689_600_001));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn max_lead(mut self, ticks: u64) -> Self {
        self.settings.max_lead = ticks;
        self
    }

    /// Sets what calls do if the clock has moved back and is before the last ID's tick by more than
    /// [`max_lead`](Self::max_lead) ticks. If `strict` is `true`, calls fail immediately, even if some IDs of the last
    /// ID's tick are unused. If `strict` is `false`, calls first issue the unused IDs of that tick, and only then wait
    /// or fail. The default is `false`.
    ///
    /// # Examples
    /// ```
    /// use casflake::{GenerateError, GeneratorBuilder, ManualClock, Standard, WorkerId};
    ///
    /// let clock = ManualClock::new(1_735_689_600_000);
    /// let ids = GeneratorBuilder::<Standard, _>::new(WorkerId::fixed::<1, 7>(), clock).strict(true).build()?;
    /// ids.generate()?;
    /// ids.clock().step_back(5);
    /// assert!(matches!(ids.generate(), Err(GenerateError::ClockBehind { by }) if by.as_millis() == 5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn strict(mut self, strict: bool) -> Self {
        self.settings.strict = strict;
        self
    }

    /// Sets the first tick whose IDs may be issued, counted from the layout's epoch. The default is 0. The
    /// documentation of [`Generator::close`] has an example.
    pub const fn not_before(mut self, tick: u64) -> Self {
        self.settings.not_before = tick;
        self
    }

    /// Sets the fence, which is the first tick whose IDs must not be issued, counted from the layout's epoch. The
    /// default is the layout's last tick + 1. [`Generator::extend_fence`] can move the fence forward later. The
    /// documentation of that function has an example.
    pub const fn fence(mut self, tick: u64) -> Self {
        self.settings.fence = tick;
        self
    }

    /// Returns the generator.
    ///
    /// # Errors
    /// * [`SettingError::NotBefore`] if `not_before` is after the layout's last tick.
    /// * [`SettingError::Fence`] if `fence` is larger than the layout's last tick + 1.
    /// * [`SettingError::EmptyWindow`] if no tick is between `not_before` (inclusive) and `fence` (exclusive).
    /// * [`SettingError::MaxLead`] if `max_lead` is larger than the number of the layout's last tick.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Generator, SettingError, WorkerId};
    ///
    /// let refused = Generator::builder(WorkerId::fixed::<1, 7>()).not_before(20).fence(10).build();
    /// assert_eq!(refused.err(), Some(SettingError::EmptyWindow { not_before: 20, fence: 10 }));
    /// ```
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
