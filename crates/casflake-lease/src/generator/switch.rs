//! `Switch`: holds one generator for each lease that a `LeasedGenerator` has had, and selects the generator that issues
//! IDs. The selection takes no lock.

use std::fmt;
use std::sync::OnceLock;

use casflake::{Generator, Scheme};

use crate::sync::{AtomicU64, Ordering};

/// A bit of [`Switch::state`]. If the bit is set, no further generator will follow.
const ENDED: u64 = 1 << 63;

/// A bit of [`Switch::state`]. If the bit is set, new calls are refused.
const DRAINING: u64 = 1 << 62;

const COUNT: u64 = DRAINING - 1;

/// The number of blocks. They have room for 2^32 generators, which is one per second for 136 years.
const BLOCKS: usize = 32;

/// The generators of a `LeasedGenerator`, in the order of their leases. All of them but the last are closed.
///
/// A call loads `state`, which selects a generator, and uses that generator until the call ends. While the switch
/// lives, no generator is dropped or used for another lease. So a call never waits for the thread that replaces a
/// generator, and that thread never waits for a call.
pub struct Switch<S, C> {
    /// The number of generators after the first, and two bits that say whether new calls are refused and whether more
    /// generators can follow.
    ///
    /// | state | meaning |
    /// |---|---|
    /// | n | generator n issues IDs; generator 0 is the first one |
    /// | n + `DRAINING` | generator n issues IDs, but only for calls that have begun already |
    /// | n + `ENDED` | generator n was the last one; it is closed, or will be closed in a moment |
    state: AtomicU64,
    first: Generator<S, C>,
    /// The generators after the first. Block k has room for 2^k generators.
    later: [OnceLock<Block<S, C>>; BLOCKS],
}

type Block<S, C> = Box<[OnceLock<Generator<S, C>>]>;

impl<S: Scheme, C: fmt::Debug> fmt::Debug for Switch<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switch").field("count", &self.count()).field("current", self.current()).finish()
    }
}

impl<S, C> Switch<S, C> {
    /// Returns a switch in which `first` is the generator that issues IDs.
    pub fn new(first: Generator<S, C>) -> Self {
        Self { state: AtomicU64::new(0), first, later: [const { OnceLock::new() }; BLOCKS] }
    }

    /// Returns the number of generators after the first.
    #[inline]
    pub fn count(&self) -> u64 {
        // ORDERING: Acquire, paired with the Release in `publish`: a thread that sees the count sees the generator.
        self.state.load(Ordering::Acquire) & COUNT
    }

    /// Returns the generator that issues IDs, or `None` if new calls are refused.
    #[inline]
    pub fn open(&self) -> Option<&Generator<S, C>> {
        // ORDERING: Acquire, as in `count`.
        let state = self.state.load(Ordering::Acquire);
        if state > COUNT { None } else { Some(self.nth(state)) }
    }

    /// Refuses new calls from now on. Calls that have already begun continue.
    pub fn drain(&self) {
        // ORDERING: Relaxed. A call that begins after this returned (happens-before) sees the bit (coherence), and no
        // other memory is read because of it.
        self.state.fetch_or(DRAINING, Ordering::Relaxed);
    }

    /// Returns whether the switch has ended, so that no further generator will follow.
    pub fn has_ended(&self) -> bool {
        // ORDERING: Relaxed. A thread that has seen `end` return sees this (coherence), and no other memory is read
        // because of it.
        self.state.load(Ordering::Relaxed) & ENDED != 0
    }

    /// Returns the newest generator. It issues IDs now, unless it is closed. All earlier generators are closed.
    #[inline]
    pub fn current(&self) -> &Generator<S, C> {
        self.nth(self.count())
    }

    /// Returns all generators, from the first one to the current one.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Generator<S, C>> {
        (0..=self.count()).map(|nth| self.nth(nth))
    }

    /// Returns the `nth` generator after the first.
    #[inline]
    fn nth(&self, nth: u64) -> &Generator<S, C> {
        let Some((block, position)) = position(nth) else { return &self.first };
        let slot = || self.later.get(block)?.get()?.get(position)?.get();
        // The slot is always filled, because `publish` fills a slot before it counts it.
        slot().unwrap_or(&self.first)
    }
}

impl<S: Scheme, C> Switch<S, C> {
    /// Makes `generator` the generator that issues IDs. Only one thread may call this function. That thread must first
    /// close the previous generator.
    ///
    /// # Errors
    /// `Ended` if the switch has ended. No call then uses `generator`, so `generator` issues no IDs.
    pub fn publish(&self, generator: Generator<S, C>) -> Result<(), Ended> {
        // ORDERING: Relaxed. Only this thread changes the count, and the exchange below fails if there is a newer end.
        let mut state = self.state.load(Ordering::Relaxed);
        let slot = position((state & COUNT) + 1).and_then(|(block, position)| {
            let slots = || (0..1_u64 << block).map(|_| OnceLock::new()).collect();
            self.later.get(block)?.get_or_init(slots).get(position)
        });
        // The slot is always empty here, because a caller that got `Ended` does not call this function again.
        if state & ENDED != 0 || slot.is_none_or(|slot| slot.set(generator).is_err()) {
            return Err(Ended);
        }
        while state & ENDED == 0 {
            // ORDERING: Release, paired with the Acquire in `count`. Relaxed on failure, which means that `end` or
            // `drain` came first. Only after `drain` may generators follow.
            match self.state.compare_exchange(state, state + 1, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => state = now,
            }
        }
        Err(Ended)
    }

    /// Ends the switch. Closes the current generator, and lets no further generator follow. Returns the last tick in
    /// which the closed generator has issued an ID. Returns `None` if that generator has issued no ID.
    pub fn end(&self) -> Option<u64> {
        // ORDERING: Acquire, paired with the Release in `publish`: the generator that is closed is the last that was
        // published, because no exchange after this one succeeds.
        let state = self.state.fetch_or(ENDED, Ordering::Acquire);
        self.nth(state & COUNT).close()
    }
}

/// Returns the index of the block that holds the `nth` generator after the first, and the position in that block.
/// Returns `None` if `nth` is 0.
#[inline]
fn position(nth: u64) -> Option<(usize, usize)> {
    let block = nth.checked_ilog2()?;
    Some((block as usize, usize::try_from(nth - (1 << block)).ok()?))
}

/// The error of [`Switch::publish`] if the switch has ended. No further generator can follow then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;
