//! What the models in `tests/models/` are made of: a way to explore them, a layout of two slots a tick, a clock that moves
//! when it is told to, and what must hold of the IDs that a run has issued.
//!
//! Under `--cfg loom` each model runs once for each order that its threads' steps can take, and for each value that a load
//! can see. Without it each runs once, on the system's threads: that shows that it compiles, and little more.

mod explore;
mod issued;
mod setting;

#[cfg(loom)]
pub use loom::sync::atomic::AtomicU64;
#[cfg(not(loom))]
pub use std::sync::atomic::AtomicU64;

pub use explore::{bounded, exhaustive, exhaustive_or_bounded, together};
pub use issued::Issued;
pub use setting::{Bit, Ids, Outcome, Time, generator, generator_with};
