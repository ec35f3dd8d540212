//! The generator that the models ask for IDs: two slots a tick, and a clock that moves when it is told to.

use std::sync::Arc;
use std::time::Duration;

use casflake::{Clock, GenerateError, Generator, GeneratorBuilder, Layout, ManualClock, Scheme, Snowflake, WorkerId};

/// A sequence of one bit, so that every second ID is an overflow.
pub struct Bit;

impl Scheme for Bit {
    const LAYOUT: Layout = Layout::new(4, 0, 1, 1).epoch_unix_ms(1000);
}

/// What a call has returned.
pub type Outcome = Result<Snowflake<Bit>, GenerateError>;

/// Ticks of [`Bit`], as a clock. It has no monotonic time, which loom could not explore: waits are counted in looks.
pub struct Time(ManualClock);

impl Time {
    /// A clock that stands at this tick.
    #[must_use]
    pub fn at(tick: u64) -> Self {
        Self(ManualClock::new(1000 + tick))
    }

    /// The tick moves on by one.
    pub fn tick(&self) {
        self.0.advance(1);
    }

    /// The clock steps to `tick`, forward or back.
    pub fn set(&self, tick: u64) {
        self.0.set(1000 + tick);
    }
}

impl Clock for Time {
    fn unix_millis(&self) -> u64 {
        self.0.unix_millis()
    }

    fn elapsed(&self) -> Option<Duration> {
        None
    }
}

/// A generator at tick 1.
#[must_use]
pub fn generator() -> Generator<Bit, Time> {
    generator_with(|builder| builder)
}

/// A generator at tick 1, with settings of the model's.
#[must_use]
pub fn generator_with(
    set: impl FnOnce(GeneratorBuilder<Bit, Time>) -> GeneratorBuilder<Bit, Time>,
) -> Generator<Bit, Time> {
    let builder = GeneratorBuilder::new(WorkerId::<Bit>::fixed_in::<0, 1>(), Time::at(1));
    // Some ten million looks: time enough on the system's threads; loom ends a run of a thousand steps.
    set(builder.max_wait(Duration::from_secs(1))).build().expect("settings that fit")
}

/// [`generator`], for several threads.
#[must_use]
pub fn shared() -> Arc<Generator<Bit, Time>> {
    Arc::new(generator())
}
