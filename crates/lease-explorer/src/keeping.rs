//! Models of keepers: each process has the shipped [`Keeper`](casflake_lease::_simulation::Keeper). These models explore
//! the decisions of the keeper. The other family of models explores the steps within a call of the store.
//!
//! # The model
//! Below, `late`, `jumps`, `told`, `wrong` and `deaf` are fields of [`Limits`]. Each model has its own values of these
//! fields.
//!
//! * There is one **store**, with its clock, its losses and the shipped rules, as in the other family. But each call of
//!   the store is a single step. Between a request and this step, and between this step and the answer, any other events
//!   can happen.
//! * A **request** can be lost, and so can its answer. Then the keeper gets an error, as it does if the store panics.
//!   With `late`, a request can reach the store after the keeper got the error. With `told`, the store says at times
//!   that a lease is lost because a process was cloned or the store was initialised. With `wrong`, it answers a renewal
//!   with the lease of another process. With `deaf`, it ignores the tick after which a window must begin.
//! * A **process** gives each answer to the shipped keeper, carries out the effects, and does next what the keeper has
//!   decided. Each of these is a step of its own, so that other events happen in between. A process begins with a lease
//!   that is granted without any disturbance. It can be killed, shut down or dropped at any time. Then another process
//!   can begin in its place.
//! * A **rest** can end at any time, so the model does not depend on the lengths of rests. For the same reason the
//!   keeper's count of failures is always 0.
//! * A **generator** can issue an ID in any tick of its window that is after the last one, whatever any clock reads. It
//!   issues IDs while it is open and the watch trusts the clocks. Its clock, when the keeper reads it, is before the end
//!   of the window or after it, or panics.
//! * With `jumps`, the **clocks** of a process jump at any time. Each jump is by another distance, so `Trust` undoes it
//!   only if `Measure` came after it. The process's monotonic clock moves on by single TTLs at most, and only while the
//!   lease is forgotten.
//! * The generators have no `StoreClock`, so `SetClock` has no effect.
//!
//! # Properties
//! [`Fault`] lists them, with the invariants that they cover. `rows.rs` repeats the table of transitions that is in the
//! documentation of the keeper. Each decision of the shipped keeper must follow a row exactly, and each row must occur.
//!
//! A state has two parts. The first one is the contents of the store and of the processes. The second one has the facts
//! that only the properties need: [`Past`], and the owners of the ticks. For example, a tick in which an ID was issued
//! keeps its owner, whatever a release says.
//!
//! When a process has ended, the store has none of its tokens, with these exceptions: the release had no answer; a request
//! for a lease with this token had no answer, or may still reach the store; the process was told that this lease is lost.

mod answer;
mod bounds;
mod event;
mod fault;
mod hears;
mod model;
mod progress;
mod reports;
mod rows;
mod state;
mod steps;
mod store;

pub use bounds::Limits;
pub use event::{Happening, Reading};
pub use fault::Fault;
pub use model::{Decide, Keepers, decided};
pub use rows::ROWS;
pub use state::{Loss, Past, Process, State};
