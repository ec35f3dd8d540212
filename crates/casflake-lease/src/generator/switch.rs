//! `Switch`: selects the generator that issues, among those of all leases that a process has had. Without a lock.

use std::fmt;
use std::sync::OnceLock;

use casflake::{Generator, Scheme};

use crate::sync::{AtomicU64, Ordering};

/// Of [`Switch::state`]: no generator will follow.
const ENDED: u64 = 1 << 63;

/// Of [`Switch::state`]: calls that begin are refused.
const DRAINING: u64 = 1 << 62;

const COUNT: u64 = DRAINING - 1;

/// Room for 2^32 generators: one a second for 136 years.
const BLOCKS: usize = 32;

/// The generators of one process, in the order of their leases. All but the last are closed.
///
/// A call loads `state` and uses the generator that it names, for as long as it takes. No generator is dropped or used
/// for another lease while the switch lives, so neither calls nor the thread that replaces a generator have to wait.
pub struct Switch<S, C> {
    /// How many generators there have been after the first, and whether there will be more.
    ///
    /// | state | reads as |
    /// |---|---|
    /// | n | the nth after the first issues; 0 is the first |
    /// | n + `DRAINING` | the same generator issues, but only for calls that began before |
    /// | n + `ENDED` | the same generator was the last one; it is closed, or about to be |
    state: AtomicU64,
    first: Generator<S, C>,
    /// Block k holds 2^k of the generators after the first.
    later: [OnceLock<Block<S, C>>; BLOCKS],
}

type Block<S, C> = Box<[OnceLock<Generator<S, C>>]>;

impl<S: Scheme, C: fmt::Debug> fmt::Debug for Switch<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switch").field("count", &self.count()).field("current", self.current()).finish()
    }
}

impl<S, C> Switch<S, C> {
    /// Returns a switch in which `first` issues.
    pub fn new(first: Generator<S, C>) -> Self {
        Self { state: AtomicU64::new(0), first, later: [const { OnceLock::new() }; BLOCKS] }
    }

    /// Returns how many generators there have been after the first.
    #[inline]
    pub fn count(&self) -> u64 {
        // ORDERING: Acquire, paired with the Release in `publish`: a thread that sees the count sees the generator.
        self.state.load(Ordering::Acquire) & COUNT
    }

    /// Returns the generator that issues, or `None` if calls that begin now are refused.
    #[inline]
    pub fn open(&self) -> Option<&Generator<S, C>> {
        // ORDERING: Acquire, as in `count`.
        match self.state.load(Ordering::Acquire) {
            // Most processes keep their first lease: for them this comparison is all.
            0 => Some(&self.first),
            state => self.open_in(state),
        }
    }

    /// Returns what `open` returns in this state. Out of line, so that it costs the first lease nothing.
    #[inline(never)]
    fn open_in(&self, state: u64) -> Option<&Generator<S, C>> {
        if state > COUNT { None } else { Some(self.nth(state)) }
    }

    /// Refuses calls that begin from now on. Calls that have begun go on.
    pub fn drain(&self) {
        // ORDERING: Relaxed. A call that begins after this returned (happens-before) sees the bit (coherence), and no
        // other memory is read because of it.
        self.state.fetch_or(DRAINING, Ordering::Relaxed);
    }

    /// Returns whether no generator will follow.
    pub fn has_ended(&self) -> bool {
        // ORDERING: Relaxed. A thread that has seen `end` return sees this (coherence), and no other memory is read
        // because of it.
        self.state.load(Ordering::Relaxed) & ENDED != 0
    }

    /// Returns the generator that issues, or issued last.
    #[inline]
    pub fn current(&self) -> &Generator<S, C> {
        self.nth(self.count())
    }

    /// Returns all generators that have issued, from the first to the one that issues or issued last.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Generator<S, C>> {
        (0..=self.count()).map(|nth| self.nth(nth))
    }

    /// Returns the `nth` generator after the first.
    #[inline]
    fn nth(&self, nth: u64) -> &Generator<S, C> {
        let Some((block, position)) = position(nth) else { return &self.first };
        let slot = || self.later.get(block)?.get()?.get(position)?.get();
        // Always `Some`: `publish` fills the slot before it counts it.
        slot().unwrap_or(&self.first)
    }
}

impl<S: Scheme, C> Switch<S, C> {
    /// Makes `generator` the one that issues. Only one thread calls this, and only after it has closed the generator
    /// before.
    ///
    /// # Errors
    /// `Ended` if the switch has ended. `generator` then issues nothing.
    pub fn publish(&self, generator: Generator<S, C>) -> Result<(), Ended> {
        // ORDERING: Relaxed. Only this thread changes the count, and the exchange below fails if there is a newer end.
        let mut state = self.state.load(Ordering::Relaxed);
        let slot = position((state & COUNT) + 1).and_then(|(block, position)| {
            let slots = || (0..1_u64 << block).map(|_| OnceLock::new()).collect();
            self.later.get(block)?.get_or_init(slots).get(position)
        });
        // The slot is empty: a caller that got `Ended` does not call this again.
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

    /// Ends the switch: closes the generator that issues, and lets none follow. Returns the last tick that it has
    /// issued.
    pub fn end(&self) -> Option<u64> {
        // ORDERING: Acquire, paired with the Release in `publish`: the generator that is closed is the last that was
        // published, because no exchange after this one succeeds.
        let state = self.state.fetch_or(ENDED, Ordering::Acquire);
        self.nth(state & COUNT).close()
    }
}

/// Returns the block of the `nth` generator after the first, and its position in the block.
#[inline]
fn position(nth: u64) -> Option<(usize, usize)> {
    let block = nth.checked_ilog2()?;
    Some((block as usize, usize::try_from(nth - (1 << block)).ok()?))
}

/// The switch has ended: no generator follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;
