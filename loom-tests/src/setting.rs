//! The generator that the models ask for IDs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use casflake::{Clock, GenerateError, Generator, GeneratorBuilder, Layout, ManualClock, Scheme, Snowflake, WorkerId};

/// Two slots a tick, so that every second ID fills one.
#[derive(Debug)]
pub struct Bit;

impl Scheme for Bit {
    const LAYOUT: Layout = Layout::new(16, 0, 1, 1).with_epoch_unix_ms(1000);
}

/// A generator as the models use it.
pub type Ids = Generator<Bit, Time>;

/// What a call has returned.
pub type Outcome = Result<Snowflake<Bit>, GenerateError>;

/// A clock in ticks of [`Bit`]. It has no monotonic time, which loom can't explore: waits are counted in looks.
#[derive(Debug)]
pub struct Time {
    clock: ManualClock,
    /// Whether each precise look moves the clock on, after it: who waits does not wait for another thread then, which loom
    /// may keep from running for as long as there are others.
    moves_by_itself: bool,
    /// How many ticks other looks lag behind precise ones.
    lag: u64,
    /// Not loom's: it is no part of what is explored.
    looks: AtomicU64,
}

impl Time {
    /// A clock that stands at this tick until it is set.
    #[must_use]
    pub fn at(tick: u64) -> Self {
        Self { clock: ManualClock::new(1000 + tick), moves_by_itself: false, lag: 0, looks: AtomicU64::new(0) }
    }

    /// A clock that moves on from this tick when somebody waits for it.
    #[must_use]
    pub fn moving_from(tick: u64) -> Self {
        Self { moves_by_itself: true, ..Self::at(tick) }
    }

    /// The same clock, but that other than precise looks see it a tick behind.
    #[must_use]
    pub fn lagging(self) -> Self {
        Self { lag: 1, ..self }
    }

    /// How often anyone has looked at it.
    #[must_use]
    pub fn looks(&self) -> u64 {
        // ORDERING: Relaxed. Read when no thread looks any more.
        self.looks.load(Ordering::Relaxed)
    }

    fn look(&self) -> u64 {
        // ORDERING: Relaxed. A counter of its own.
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
        let now = self.look();
        if self.moves_by_itself {
            self.clock.advance(1);
        }
        // Just before the next tick, so that a wait of a few looks is not known from the start to be too short.
        u128::from(now) * 1_000_000 + 999_900
    }

    fn monotonic(&self) -> Option<Duration> {
        None
    }
}

/// A generator whose clock stands at tick 1. On the system's threads it is patient; loom ends a run of a thousand steps.
#[must_use]
pub fn generator() -> Arc<Ids> {
    generator_with(|builder| builder)
}

/// As [`generator`], with settings of the model's.
///
/// # Panics
/// They don't fit.
#[must_use]
pub fn generator_with(set: impl FnOnce(GeneratorBuilder<Bit, Time>) -> GeneratorBuilder<Bit, Time>) -> Arc<Ids> {
    let builder = GeneratorBuilder::new(WorkerId::<Bit>::fixed_in::<0, 1>(), Time::at(1));
    let builder = builder.max_wait(Duration::from_secs(60));
    Arc::new(set(builder).build().expect("settings that fit"))
}
