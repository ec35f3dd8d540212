//! casflake's generators.

use casflake::{
    Clock, Generator, GeneratorBuilder, Layout, LocalGenerator, Scheme, Snowflake, Standard, Wait, WorkerId,
};
use ferroid::time::{MonotonicClock, TimeSource, UNIX_EPOCH};

use crate::source::{Shared, Source, batches, calls};

/// The epoch of every generator that lets its user choose it: 2025-01-01.
pub const EPOCH: u64 = 1_735_689_600_000;

/// 22 bits of sequence, so that the processor limits the rate, and not the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wide;

impl Scheme for Wide {
    const LAYOUT: Layout = Layout::new(39, 0, 2, 22).with_epoch_unix_ms(EPOCH);
}

fn generator<S: Scheme, C: Clock>(clock: C, wait: Wait) -> Generator<S, C> {
    let worker = WorkerId::from_index(1).expect("every layout here has a worker 1");
    GeneratorBuilder::new(worker, clock).wait(wait).build().expect("settings that fit")
}

fn generate<S: Scheme + Sync>(clock: impl Clock + Sync, wait: Wait) -> impl Shared<Id = Snowflake<S>>
where
    Snowflake<S>: Send,
{
    let ids = generator::<S, _>(clock, wait);
    calls(move || ids.generate().expect("an ID"), Snowflake::unix_ms)
}

/// `generate`, wide.
pub fn wide(clock: impl Clock + Sync) -> impl Shared<Id = Snowflake<Wide>> {
    generate(clock, Wait::Spin)
}

/// `generate`, 12 bits of sequence.
pub fn standard(clock: impl Clock + Sync, wait: Wait) -> impl Shared<Id = Snowflake> {
    generate(clock, wait)
}

/// `fill` of `N`, wide.
pub fn fill<const N: usize>(clock: impl Clock + Sync) -> impl Shared<Id = Snowflake<Wide>> {
    let ids = generator::<Wide, _>(clock, Wait::Spin);
    batches::<N, _, _, _>(move |batch: &mut [_]| ids.fill(batch).expect("IDs"), Snowflake::unix_ms)
}

/// `fill` of `N`, 12 bits of sequence.
pub fn standard_fill<const N: usize>(clock: impl Clock + Sync, wait: Wait) -> impl Shared<Id = Snowflake> {
    let ids = generator::<Standard, _>(clock, wait);
    batches::<N, _, _, _>(move |batch: &mut [_]| ids.fill(batch).expect("IDs"), Snowflake::unix_ms)
}

/// A `local` handle for each thread, wide.
#[derive(Debug)]
pub struct Local<C> {
    generator: Generator<Wide, C>,
    block: u64,
}

/// `local(block)`, wide.
pub fn local<C: Clock>(clock: C, block: u64) -> Local<C> {
    Local { generator: generator(clock, Wait::Spin), block }
}

/// One thread's handle.
#[derive(Debug)]
pub struct Handle<'g, C>(LocalGenerator<'g, Wide, C>);

impl<C: Clock> Source for Handle<'_, C> {
    type Id = Snowflake<Wide>;

    #[inline]
    fn draw(&mut self, ids: &mut [Self::Id]) {
        for id in ids {
            *id = self.0.generate().expect("an ID");
        }
    }

    fn unix_ms(&self, id: Self::Id) -> u64 {
        id.unix_ms()
    }
}

impl<C: Clock + Sync> Shared for Local<C> {
    type Id = Snowflake<Wide>;
    type Source<'s>
        = Handle<'s, C>
    where
        Self: 's;

    fn source(&self) -> Self::Source<'_> {
        Handle(self.generator.local(self.block))
    }
}

/// ferroid's clock, to compare generators on equal clocks. It is a millisecond counter that a thread of its own keeps.
#[derive(Clone, Debug)]
pub struct Ticker(MonotonicClock<1>);

impl Ticker {
    /// Returns the clock. Starts its thread if it does not run yet.
    pub fn new() -> Self {
        Self(MonotonicClock::with_epoch(UNIX_EPOCH))
    }
}

impl Default for Ticker {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for Ticker {
    #[inline]
    fn unix_ms(&self) -> u64 {
        TimeSource::<u64>::current_millis(&self.0)
    }
}
