//! An exhaustive search over small models of leases. It explores everything that can happen between a store, its clock,
//! processes and messages, in any order. All decisions in the models are made by the shipped functions, which are those
//! of `casflake-lease`. The search is a hand-made model checker that searches breadth first.
//!
//! There are two families of models. The first one is about the rules of a store. Its processes are models, too. The
//! second one is about the shipped keeper of a lease: see [`keeping`]. The rest of this page is about the first family.
//!
//! # The model
//! Below, `slack`, `whole_calls`, `creates`, `moves` and `told_after` are fields of [`Bounds`]. Each model has its own
//! values of these fields.
//!
//! * Times are ticks. The **store's clock** never reads more than 6. The clock moves forward and back by single ticks,
//!   any number of times between two other events. So in effect it jumps in any way. But if the store can lose
//!   something, the clock is never more than `slack` behind its highest reading so far.
//! * A **process** has no clock: it can issue any tick of its window that is after the last tick that it issued. So no
//!   property depends on a correct clock of a process. A process acquires, renews and releases leases. If a process
//!   loses a lease, the process acquires another one, as the keeper does. A process is paused whenever other events
//!   happen, and can be killed at any time. A new process then takes the place of the killed one, and knows nothing.
//! * To **acquire** a lease, a process reads the store, decides, and writes if the store has not changed since.
//!   [`Contents::is_as_seen`](protocol::Contents::is_as_seen) makes this comparison. Any number of other events may
//!   happen between the reading and the writing. A **renewal** and a **release** are one step each.
//! * Requests and replies can be lost. If a process gives up a call, the call may go on as a late call. A late
//!   acquisition goes on from its beginning, or with a write that was decided on long ago. A late renewal is a single
//!   message. With `whole_calls`, a late renewal is a whole call: if the store denies the renewal, the call looks for
//!   the reason, and may try again. A release can also be late.
//! * An absent **space** is created by a process that was granted a lease of the space, by any process if the model has
//!   `creates`, or by an **operator**. An operator creates the space, or vouches that no lease of it is in use. An
//!   operator first looks at the store and then writes, and anything can happen in between. An honest operator vouches
//!   only if two conditions hold: every process that was ever granted a lease has ended, and no such process has issued
//!   IDs ahead of the store's clock. A mistaken operator vouches at any time.
//! * With `moves`, the URL of a process can lead to a **second store** at times. That store is empty at first.
//! * A **store loses** one record, or everything, or everything since a backup was made. It is also possible that the
//!   store loses nothing and another server takes over. A restored backup is noticed in one of two ways. In the first,
//!   another server serves the backup. In the second, the server stays the same, and the next process that talks to the
//!   store renews a lease. This process was granted the lease, or has renewed the lease, after the backup was made.
//!   Also, the backup has no record of the lease's worker, or has a record with a lower counter. A loss that cannot be
//!   noticed is not in the model.
//! * With `told_after`, the store names its server only in the reply to a write. A write succeeds even if a process has
//!   read from one server and another server receives the write. But in this case no process learns that the write
//!   granted a lease.
//! * If the store is a **file**, the space in the file says which server the store has. The exceptions are a copy of a
//!   file, until the space in the copy is written anew, and a file without a space. Each look at such a file finds a
//!   new server.
//!
//! # Properties of every state
//! These properties cover the invariants L1, L3, L5, L6, L7, L9 and L10 of [`LeaseStore`](casflake_lease::LeaseStore).
//!
//! * No tick of a worker is ever granted to two tokens, whatever the store has forgotten. A released window counts as
//!   granted up to the last tick that was issued.
//! * A tick is issued only by the token that the tick is granted to, so no two tokens issue the same tick. After an
//!   operator has vouched wrongly, this property holds only for a process that has heard from the store since then. If
//!   the store loses everything once more before a process hears from the store, the process cannot learn that the
//!   operator was wrong. Such a process may issue IDs up to the end of its window. This case is not explored.
//! * The ticks of a process increase, over all its leases.
//! * A released lease is not renewed, and no window ends after the last tick of the layout.
//! * If nothing is lost, no holder loses a lease before the lease's window has passed on the store's clock.
//! * A call that nothing disturbs ends after a few rounds. A process that keeps asking gets a lease and issues IDs
//!   under it, if three conditions hold: nothing more is lost; the clock moves on; and the space exists, or a process
//!   that this store granted a lease of the space still runs.
//!
//! Two states are the same if they differ only in the names of tokens, servers and processes. In some cases the search
//! still explores both of them, which only costs time. The search keeps a digest of 64 bits of each state.
//!
//! Without `EXHAUSTIVE=1` the models are small. With `EXHAUSTIVE=1` the models are large: they take minutes in a
//! release build, and gigabytes of memory. `WORLD=text` explores only the models whose names contain this text.

mod bounds;
mod calls;
mod canon;
mod event;
mod explored;
pub mod keeping;
mod layer;
mod model;
mod operator;
mod progress;
mod retraced;
mod search;
mod steps;
mod world;

pub use bounds::{Bounds, Operators};
pub use casflake_lease::_protocol as protocol;
pub use explored::{Explored, Retraced, Transition};
pub use model::{Broken, Model, Rules, SHIPPED};
pub use search::{Search, Trace, search};
pub use world::World;
