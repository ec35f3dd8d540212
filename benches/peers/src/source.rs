//! The subjects of the measurements: sources of IDs, and generators that threads share.

use std::marker::PhantomData;

use casflake::{Scheme, Snowflake};

/// An ID of whatever width.
pub trait Id: Copy + Ord + Send {
    /// The value in a buffer before it is filled with IDs.
    const BLANK: Self;
}

impl Id for u64 {
    const BLANK: Self = 0;
}

impl Id for u128 {
    const BLANK: Self = 0;
}

impl<S: Scheme> Id for Snowflake<S>
where
    Self: Send,
{
    const BLANK: Self = Self::MIN;
}

/// A source of IDs for one thread.
pub trait Source {
    /// Its IDs.
    type Id: Id;

    /// The number of IDs that a thread draws between two checks whether the run is over.
    const BLOCK: usize = 64;

    /// Fills `ids` with new IDs.
    fn draw(&mut self, ids: &mut [Self::Id]);

    /// Returns the time in an ID.
    fn unix_ms(&self, id: Self::Id) -> u64;
}

/// A source that is lent to a run.
impl<S: Source> Source for &mut S {
    type Id = S::Id;

    const BLOCK: usize = S::BLOCK;

    #[inline]
    fn draw(&mut self, ids: &mut [Self::Id]) {
        (**self).draw(ids);
    }

    fn unix_ms(&self, id: Self::Id) -> u64 {
        (**self).unix_ms(id)
    }
}

/// A generator that threads share.
pub trait Shared: Sync {
    /// Its IDs.
    type Id: Id;

    /// A thread's access to it.
    type Source<'s>: Source<Id = Self::Id> + Send
    where
        Self: 's;

    /// Returns the access of one thread.
    fn source(&self) -> Self::Source<'_>;

    /// Returns the accesses of `threads` threads.
    fn sources(&self, threads: usize) -> Vec<Self::Source<'_>> {
        (0..threads).map(|_| self.source()).collect()
    }
}

/// A call for each ID.
#[derive(Debug)]
pub struct Calls<F, D> {
    next: F,
    unix_ms: D,
}

/// Returns a source of IDs by `next`. `unix_ms` returns the time in an ID.
pub const fn calls<F, D>(next: F, unix_ms: D) -> Calls<F, D> {
    Calls { next, unix_ms }
}

impl<I: Id, F: FnMut() -> I, D: Fn(I) -> u64> Source for Calls<F, D> {
    type Id = I;

    #[inline]
    fn draw(&mut self, ids: &mut [I]) {
        for id in ids {
            *id = (self.next)();
        }
    }

    fn unix_ms(&self, id: I) -> u64 {
        (self.unix_ms)(id)
    }
}

impl<I: Id, F: Fn() -> I + Sync, D: Fn(I) -> u64 + Sync> Shared for Calls<F, D> {
    type Id = I;
    type Source<'s>
        = Calls<&'s F, &'s D>
    where
        Self: 's;

    fn source(&self) -> Self::Source<'_> {
        Calls { next: &self.next, unix_ms: &self.unix_ms }
    }
}

/// A call for each `N` IDs.
#[derive(Debug)]
pub struct Batches<const N: usize, I, F, D> {
    fill: F,
    unix_ms: D,
    ids: PhantomData<fn(I)>,
}

/// Returns a source of IDs by `fill`, `N` at a time. `unix_ms` returns the time in an ID.
pub const fn batches<const N: usize, I, F, D>(fill: F, unix_ms: D) -> Batches<N, I, F, D> {
    Batches { fill, unix_ms, ids: PhantomData }
}

impl<const N: usize, I: Id, F: FnMut(&mut [I]), D: Fn(I) -> u64> Source for Batches<N, I, F, D> {
    type Id = I;

    const BLOCK: usize = N;

    #[inline]
    fn draw(&mut self, ids: &mut [I]) {
        for batch in ids.chunks_mut(N) {
            (self.fill)(batch);
        }
    }

    fn unix_ms(&self, id: I) -> u64 {
        (self.unix_ms)(id)
    }
}

impl<const N: usize, I: Id, F: Fn(&mut [I]) + Sync, D: Fn(I) -> u64 + Sync> Shared for Batches<N, I, F, D> {
    type Id = I;
    type Source<'s>
        = Batches<N, I, &'s F, &'s D>
    where
        Self: 's;

    fn source(&self) -> Self::Source<'_> {
        Batches { fill: &self.fill, unix_ms: &self.unix_ms, ids: PhantomData }
    }
}
