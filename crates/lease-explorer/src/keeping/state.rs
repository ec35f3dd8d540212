//! The state of a model of keepers, in small numbers.

use serde::{Deserialize, Serialize};

use crate::world::{Data, Held, NO_OWNER, Name, Store, TICKS, WORKERS, World};

/// The number of processes.
pub(crate) const KEEPERS: usize = 2;

/// The state of a store and of two processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The reading of the store's clock.
    pub now: u8,
    /// The highest reading of the store's clock so far.
    pub high: u8,
    pub store: Store,
    /// The number of losses so far.
    pub losses: u8,
    /// The owner of each tick of each worker, as in [`World::owners`]. But a tick in which an ID was issued stays
    /// owned, whatever a release says.
    pub owners: [[Name; TICKS]; WORKERS],
    pub processes: [Process; KEEPERS],
    /// A request that goes on although its process no longer waits for the answer.
    pub late: Option<Request>,
}

/// A process: its keeper, its generators, its clocks, and what the properties need to know about its past.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The number of the [`Keeper`](casflake_lease::_simulation::Keeper) in the table of all keepers.
    pub keeper: u32,
    pub doing: Doing,
    pub generator: Option<Generator>,
    /// The last tick in which one of the closed generators issued an ID.
    pub last: Option<u8>,
    pub watch: Watch,
    /// The reading of the monotonic clock. It moves only while the keeper knows that its lease is forgotten, because
    /// only then does the keeper compare two readings.
    pub at: u8,
    /// Whether the keeper was asked to stop.
    pub is_stopping: bool,
    /// Whether the switch has ended: no further generator can follow.
    pub has_ended: bool,
    pub past: Past,
}

/// The current generator: the one that was published last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generator {
    pub worker: u8,
    pub token: Name,
    pub from: u8,
    pub fence: u8,
    /// The last tick in which this generator issued an ID.
    pub last: Option<u8>,
    pub is_open: bool,
}

/// The watch over the clocks of a process. A clock jumps by a different distance each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Whether no clock has jumped since the last `Measure`.
    pub is_measured: bool,
    /// Whether no clock has jumped since the `Measure` of which the last `Trust` made use. If this is not so, the watch
    /// lets no ID be issued.
    pub is_settled: bool,
    /// Whether a clock has jumped, and no request that began after the jump was answered with a grant or a renewal.
    pub is_stale: bool,
}

/// The present action of a process: the last `Next` of its keeper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doing {
    /// The process has not begun, or has ended.
    #[default]
    Nothing,
    Rests,
    Looks,
    Closes,
    Draws,
    Asks {
        request: Request,
        /// The answer of the store, if the store has served the request.
        reply: Option<Reply>,
        /// Whether no clock has jumped since the request was sent.
        is_fresh: bool,
    },
    Publishes {
        lease: Held,
        from: u8,
    },
    Ends,
}

/// A request to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    Renew {
        held: Held,
        unanswered: u8,
    },
    Acquire {
        token: Name,
        after: Option<u8>,
    },
    Release {
        held: Held,
        last: Option<u8>,
        /// The last tick in which the process has truly issued an ID under this lease.
        issued: Option<u8>,
    },
}

/// The store's answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    Granted(Held),
    Released,
    Lost(Loss),
    /// Another error, such as that no worker is free.
    Refused,
}

/// The reasons of [`LostReason`](casflake_lease::LostReason).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Loss {
    Taken,
    Cloned,
    StoreChanged,
    Initialised,
}

/// The last news of a process about its lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// That the process holds the lease, or nothing.
    #[default]
    Held,
    /// That the store no longer knows the lease. Contains the reading of the monotonic clock.
    Forgotten(u8),
    /// That the lease is lost for another reason.
    Lost,
}

/// The report that a keeper still owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum News {
    Acquired,
    Renewed,
}

/// The past of a process, as far as a property depends on it. No decision depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The number of tokens that the processes with this index have drawn.
    pub draws: u8,
    pub told: Told,
    /// Whether the keeper must still report the loss of its lease.
    pub owes_loss: bool,
    /// The token of a request for a lease that was not answered with a grant.
    pub outstanding: Option<Name>,
    /// The token that was granted last.
    pub granted: Option<Name>,
    /// The number of renewals that had no answer since the last grant or successful renewal.
    pub unanswered: u8,
    /// The number of requests for a grant or a renewal since the last rest, or since a lease was given up.
    pub asks: u8,
    /// Whether a call could issue an ID, or would fail for good, and the waiting calls were not told so yet.
    pub is_untold: bool,
    pub owes: Option<News>,
    /// The tokens that may stay in the store when the process has ended. The bit `n` belongs to the process's token
    /// number `n`. The process has released the token in vain, was told that its lease is lost, or has given up a
    /// request that may still be granted.
    pub excused: u64,
}

impl State {
    pub(crate) fn of(world: &World) -> Self {
        let World { now, high, stores: [store, _], owners, losses, .. } = *world;
        Self { now, high, store, losses, owners, processes: Default::default(), late: None }
    }

    /// Returns the store of this state, in a world without processes.
    pub(crate) fn world(&self) -> World {
        let mut world = World::start();
        (world.now, world.high, world.losses) = (self.now, self.high, self.losses);
        (world.stores[0], world.owners) = (self.store, self.owners);
        world
    }

    /// Takes over what a call of the store has changed in `world`.
    pub(crate) fn take_over(&mut self, world: &World) {
        (self.store, self.owners) = (world.stores[0], world.owners);
    }

    /// Gives the ticks up to the last issued one back to the holder of `held`, after a release has freed them.
    pub(crate) fn own_issued_ticks(&mut self, held: &Held, issued: Option<u8>) {
        let Some(issued) = issued.map(usize::from).filter(|&issued| issued < TICKS) else { return };
        let ticks = &mut self.owners[usize::from(held.worker)][usize::from(held.from).min(issued)..=issued];
        ticks.iter_mut().filter(|owner| **owner == NO_OWNER).for_each(|owner| *owner = held.token);
    }

    /// Adds 1 to the number of losses, and applies `loss` to the store. Returns `None` if this loss can't happen.
    pub(crate) fn lose(&mut self, loss: impl FnOnce(&mut Data) -> Option<()>) -> Option<()> {
        self.losses += 1;
        loss(&mut self.store.data)
    }
}

impl Process {
    /// Closes the current generator. Returns the last tick in which it issued an ID, also if it was closed before.
    pub(crate) fn close(&mut self) -> Option<u8> {
        let generator = self.generator.as_mut()?;
        generator.is_open = false;
        self.last = self.last.max(generator.last);
        generator.last
    }

    /// Returns the current generator, if it is open and the watch trusts the clocks.
    pub(crate) fn issuer(&mut self) -> Option<&mut Generator> {
        self.generator.as_mut().filter(|generator| generator.is_open && self.watch.is_settled)
    }

    /// Lets `token` stay in the store when the process has ended.
    pub(crate) fn excuse(&mut self, token: Name) {
        self.past.excused |= bit(token);
    }

    /// Returns whether `token` may stay in the store when the process has ended.
    pub(crate) fn is_excused(&self, token: Name) -> bool {
        self.past.outstanding == Some(token) || self.past.excused & bit(token) != 0
    }
}

/// Returns the token that the process with the index `place` draws after `draws` other ones.
pub(crate) fn token_of(place: usize, draws: u8) -> Name {
    let place = Name::try_from(place).expect("two processes");
    1 + place + 2 * draws
}

/// Returns the index of the process that has drawn `token`.
pub(crate) fn drawn_by(token: Name) -> usize {
    usize::from(token - 1) % KEEPERS
}

/// Returns the bit of a token in [`Past::excused`].
fn bit(token: Name) -> u64 {
    1_u64.checked_shl(u32::from((token - 1) / 2)).unwrap_or(0)
}
