//! The generator that the models use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use casflake::{Clock, GenerateError, Generator, GeneratorBuilder, Layout, ManualClock, Scheme, Snowflake, WorkerId};

/// A layout of two slots per tick, so that every second ID fills one.
#[derive(Debug)]
pub struct Bit;

impl Scheme for Bit {
    const LAYOUT: Layout = Layout::new(16, 0, 1, 1).with_epoch_unix_ms(1000);
}

/// The type of generator that the models use.
pub type Ids = Generator<Bit, Time>;

/// The result of a call.
pub type Outcome<S = Bit> = Result<Snowflake<S>, GenerateError>;

/// A clock in ticks of [`Bit`]. It has no monotonic time, because loom can't explore that: waits are counted in
/// readings.
#[derive(Debug)]
pub struct Time {
    clock: ManualClock,
    /// Whether each precise reading moves the clock on afterwards. Then a thread that waits does not depend on another
    /// one, which loom may keep from running as long as there are others.
    moves_by_itself: bool,
    /// The number of ticks by which other readings lag behind precise ones.
    lag: u64,
    /// Not loom's, because it is not a part of the model.
    looks: AtomicU64,
}

impl Time {
    /// Returns a clock that stands at this tick until it is set.
    #[must_use]
    pub fn at(tick: u64) -> Self {
        Self { clock: ManualClock::new(1000 + tick), moves_by_itself: false, lag: 0, looks: AtomicU64::new(0) }
    }

    /// Returns a clock that moves on from this tick when a thread waits for it.
    #[must_use]
    pub fn moving_from(tick: u64) -> Self {
        Self { moves_by_itself: true, ..Self::at(tick) }
    }

    /// Returns the same clock, but all readings except precise ones are a tick behind.
    #[must_use]
    pub fn lagging(self) -> Self {
        Self { lag: 1, ..self }
    }

    /// Returns how often the clock was read.
    #[must_use]
    pub fn looks(&self) -> u64 {
        // ORDERING: Relaxed. It is loaded when no thread reads the clock any more.
        self.looks.load(Ordering::Relaxed)
    }

    fn look(&self) -> u64 {
        // ORDERING: Relaxed. An independent counter.
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.clock.unix_ms()
    }

    /// Moves the clock to `tick`, forward or back.
    pub fn set(&self, tick: u64) {
        self.clock.set(1000 + tick);
    }
}

impl Clock for Time {
    fn unix_ms(&self) -> u64 {
        self.look() - self.lag
    }

    fn precise_unix_ns(&self) -> u128 {
        let now_ms = self.look();
        if self.moves_by_itself {
            self.clock.advance(1);
        }
        // Just before the next tick, so that a wait of a few readings is not known from the start to be too short.
        u128::from(now_ms) * 1_000_000 + 999_900
    }

    fn monotonic(&self) -> Option<Duration> {
        None
    }
}

/// Returns a generator with a clock that stands at tick 1. On the system's threads its calls wait for up to 60 s; loom
/// ends a run after a thousand steps.
#[must_use]
pub fn generator() -> Arc<Ids> {
    generator_with(|builder| builder)
}

/// Returns a [`generator`] with settings of the model.
///
/// # Panics
/// If the settings do not fit.
#[must_use]
pub fn generator_with(set: impl FnOnce(GeneratorBuilder<Bit, Time>) -> GeneratorBuilder<Bit, Time>) -> Arc<Ids> {
    let builder = GeneratorBuilder::new(WorkerId::<Bit>::fixed_in::<0, 1>(), Time::at(1));
    let builder = builder.max_wait(Duration::from_secs(60));
    Arc::new(set(builder).build().expect("settings that fit"))
}
