//! Every way that a small world of leases can go: all that can happen between a store, its clock, processes and
//! messages, in any order, by the shipped functions and no others. A hand-made model checker, breadth first.
//!
//! # The model
//! * Times are ticks, from 0 to 6 at most. The **store's clock** goes on and is set back by single ticks, between any
//!   two other events, so in all it jumps as it likes. A store that loses something has a clock that is never more than
//!   `slack` behind the latest that it has read.
//! * A **process** has no clock: it issues any tick of its window that is after its last. So nothing rests on clocks
//!   that are right. It acquires, renews, releases, is lost a lease, and moves on to another as the keeper does. It is
//!   paused wherever other events come first, and killed at any time; who comes after it knows nothing.
//! * To **acquire** is to read the store, to decide, and to write if the store is as it was seen, by
//!   [`Contents::is_as_seen`](protocol::Contents::is_as_seen): any number of other events may lie between. A
//!   **renewal** and a **release** are done in one step.
//! * Requests get lost, and so do replies. A call that its process has given up may go on: an acquisition with a write
//!   that was decided on long ago, or from its beginning; a renewal as the message that it is, or (`whole_calls`) as
//!   all of a call, which asks why it was denied and tries again; a release.
//! * A **space** that is absent is made by a process that was granted a lease of it, or by any other one if these
//!   `create`; by an **operator** who creates or vouches, by a look and a write between which anything can happen. An
//!   operator who is right vouches when no process runs that was ever granted a lease, and none has issued ahead of the
//!   store's clock. One who is wrong vouches at any time.
//! * The URL of a process leads to a **second store** at times (`moves`), which has nothing.
//! * A **store loses** one record, or everything, or all since a backup was made, or nothing, when another server takes
//!   over. That it was set back is noticed in one of two ways. Either another server serves what was restored. Or the
//!   next that talks to the store is a process that renews, that was told after the backup what it holds, and for whose
//!   worker the backup has no record, or one with a lower counter. A loss that nobody could notice is not in the model.
//! * Some stores (`told_after`) say only with the reply to a write what serves them: it is done, whatever serves, but
//!   nobody is told that anything was granted by it.
//! * A **file** is served by what it says itself; a copy of it, or nothing, by something new each time, until its space
//!   is written anew.
//!
//! # What must hold in every state
//! * No tick of a worker is granted to two tokens, ever, whatever the store has forgotten; what was released is granted
//!   up to the last tick that was issued.
//! * No tick is issued but by the token that it is granted to. So none is issued by two. (After an operator was wrong:
//!   by no process that has heard from the store since. If the store loses everything once more before that, nothing
//!   tells the process that an operator was wrong, and it may use its window up; that is not explored.)
//! * A process's ticks increase, over all its leases.
//! * What was released is not renewed, and nothing ends after the layout.
//! * Where nothing is lost no lease is lost whose window has not passed on the store's clock.
//! * A call that nobody disturbs ends after some rounds, and a process that keeps asking gets a lease and issues by it,
//!   if nothing is lost any more and the clock goes on; and if the space exists, or a process still runs that was granted
//!   a lease of it there.
//!
//! States are told apart up to the names of tokens, servers and processes. Of each a digest of 64 bits is kept.
//!
//! Without `EXHAUSTIVE=1` the models are small. With it they take minutes in a release build, and gigabytes. `WORLD=name`
//! explores those alone in whose names the text occurs.

mod bounds;
mod canon;
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
