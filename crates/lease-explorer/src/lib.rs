//! An exhaustive search over small models of leases. It explores everything that can happen between a store, its clock,
//! processes and messages, in any order, by the shipped functions and no others. It is a hand-made model checker that
//! searches breadth first.
//!
//! # The model
//! * Times are ticks, from 0 to 6 at most. The **store's clock** moves on and back by single ticks, between any two
//!   other events, so that in effect it jumps in any way. The clock of a store that loses something is at most
//!   `slack` behind its latest reading.
//! * A **process** has no clock: it issues any tick of its window that is after its last one. So nothing depends on a
//!   correct clock of a process. A process acquires, renews and releases leases. It can lose a lease, and it moves on to
//!   another one as the keeper does. It is paused whenever other events come first, and can be killed at any time. The
//!   process that comes after it knows nothing.
//! * To **acquire** a lease, a process reads the store, decides, and writes if the store is as it was seen, by
//!   [`Contents::is_as_seen`](protocol::Contents::is_as_seen). Any number of other events may happen in between. A
//!   **renewal** and a **release** are one step each.
//! * Requests and replies can be lost. A call that its process has given up may go on: an acquisition with a write that
//!   was decided on long ago, or from its beginning; a renewal as a single message, or (`whole_calls`) as a whole call,
//!   which asks why it was denied and tries again; a release.
//! * An absent **space** is created by a process that was granted a lease of it, by any other process if these
//!   `create`, or by an **operator** that creates it or vouches for it. An operator looks first and then writes, and
//!   anything can happen in between. An operator that is right vouches when no process runs that was ever granted a
//!   lease, and when none has issued ahead of the store's clock. An operator that is wrong vouches at any time.
//! * At times the URL of a process leads to a **second store** (`moves`), which is empty.
//! * A **store loses** one record, or everything, or everything since a backup was made. Or it loses nothing, and
//!   another server takes over. A restored backup is noticed in one of two ways. Either another server serves the
//!   backup. Or the next to talk to the store is a process that renews and knows more: it learned after the backup which
//!   lease it holds, and the backup has no record of its worker, or one with a lower counter. A loss that cannot be
//!   noticed is not in the model.
//! * Some stores (`told_after`) name their server only in the reply to a write. The write is done whatever server
//!   receives it, but if it is another one than was read, no process learns that the write granted anything.
//! * A **file** carries the name of its server. A copy of a file, or a file without a space, is served by a new server
//!   each time, until its space is written anew.
//!
//! # Properties of every state
//! They cover the invariants L1, L3, L5, L6, L7, L9 and L10 of [`LeaseStore`](casflake_lease::LeaseStore).
//!
//! * No tick of a worker is ever granted to two tokens, whatever the store has forgotten. A released window counts as
//!   granted up to the last tick that was issued.
//! * A tick is issued only by the token that it is granted to, so no tick is issued by two. (After an operator was
//!   wrong, this holds for each process that has heard from the store since. If the store loses everything once more
//!   before that, nothing tells the process that an operator was wrong, and it may use its window up. This is not
//!   explored.)
//! * The ticks of a process increase, over all its leases.
//! * A released lease is not renewed, and no window ends after the layout.
//! * If nothing is lost, no holder loses a lease before its window has passed on the store's clock.
//! * A call that nothing disturbs ends after some rounds. A process that keeps asking gets a lease and issues by it, if
//!   nothing more is lost and the clock moves on; and if the space exists, or a process still runs that was granted a
//!   lease of it there.
//!
//! Two states are the same if they differ only in the names of tokens, servers and processes. The search keeps a digest
//! of 64 bits of each state.
//!
//! Without `EXHAUSTIVE=1` the models are small. With it they take minutes in a release build, and gigabytes of memory.
//! `WORLD=text` explores only the models with this text in their names.

mod bounds;
mod calls;
mod canon;
mod event;
mod model;
mod operator;
mod progress;
mod search;
mod steps;
mod world;

pub use bounds::{Bounds, Operators};
pub use casflake_lease::_protocol as protocol;
pub use model::{Broken, Model, Rules, SHIPPED};
pub use search::{Search, Trace, search};
pub use world::World;
