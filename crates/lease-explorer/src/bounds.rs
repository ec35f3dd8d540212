//! How large a model is, and what can happen in it.

use casflake::{Scheme, Standard};
use casflake_lease::Terms;

#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub processes: usize,
    pub workers: u8,
    /// Whether the store is a file: one that is no copy is served by what it says itself, any other by something new.
    pub file: bool,
    /// The latest tick that the store's clock reads.
    pub clock: u8,
    /// Whether an operator has initialised the store, which is new; else it has no space.
    pub initialised: bool,
    /// Whether a process that was never granted a lease creates a space that is absent, as it does if it is told to.
    pub creates: bool,
    /// What operators do, while all else goes on, and how often at most.
    pub operators: Operators,
    pub operations: u8,
    /// Whether the same URL leads to another store at times, which has nothing.
    pub moves: bool,
    /// The first tick that the layout does not have.
    pub end: u8,
    pub ttl: u8,
    pub max_ttl: u8,
    pub slack: u8,
    /// How many calls at most go on after their process has given them up, at a time.
    pub late: usize,
    /// Whether a late renewal is all of a call, which asks why it was not done and tries again; else it is a message.
    pub whole_calls: bool,
    /// How many renewals in a row go unanswered at most.
    pub unanswered: u8,
    /// States with a counter beyond this are left out.
    pub counter: u8,
    /// How often the store loses something.
    pub losses: u8,
    pub record: bool,
    /// The space's own record.
    pub own_record: bool,
    pub all: bool,
    pub failover: bool,
    /// The store is set back, and serves under another name.
    pub restored: bool,
    /// The store is set back, and the next that talks to it knows more.
    pub known: bool,
    /// Replies and requests get lost.
    pub lossy: bool,
    pub releases: bool,
    pub crashes: bool,
    /// The store's clock is set back.
    pub backwards: bool,
    pub clones: bool,
    /// Whether it is told by the reply to a write alone what serves the store. Nothing is granted by a write to another
    /// than was read, but it is done.
    pub told_after: bool,
}

/// What operators do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operators {
    Nothing,
    /// They create a space that is absent.
    Create,
    /// They vouch that no lease is in use, which is true: no process runs that was ever granted one.
    Vouch,
    /// They vouch whatever is true.
    Deceive,
}

impl Bounds {
    /// Two processes, one worker, a store that loses nothing.
    pub const CALM: Self = Self {
        processes: 2,
        workers: 1,
        file: false,
        clock: 6,
        initialised: true,
        creates: false,
        operators: Operators::Nothing,
        operations: 0,
        moves: false,
        end: 100,
        ttl: 2,
        max_ttl: 2,
        slack: 1,
        late: 1,
        whole_calls: false,
        unanswered: 2,
        counter: 4,
        losses: 0,
        record: false,
        own_record: false,
        all: false,
        failover: false,
        restored: false,
        known: false,
        lossy: true,
        releases: true,
        crashes: true,
        backwards: true,
        clones: false,
        told_after: false,
    };

    pub fn terms(&self) -> Terms {
        let mut terms = Terms::of(&Standard::LAYOUT);
        terms.layout = "L".into();
        (terms.end, terms.workers) = (self.end.into(), self.workers.into());
        (terms.max_ttl, terms.slack) = (self.max_ttl.into(), self.slack.into());
        terms
    }

    /// How far back the store's clock goes at most. One that keeps everything may be set as it likes.
    pub fn earliest(&self, high: u8) -> u8 {
        if self.losses == 0 { 0 } else { high.saturating_sub(self.slack) }
    }
}
