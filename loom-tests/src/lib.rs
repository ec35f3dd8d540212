//! The parts of the models in `tests/models/`: functions that explore them, a layout of two slots per tick, a clock
//! that moves only when it is set, and checks of the IDs that a run has issued.
//!
//! Under `--cfg loom` each model runs once for each order of its threads' steps, and for each value that a load can
//! see. Without it each model runs once, on the system's threads: that shows that it compiles, and little more. (The
//! models of leases exist under `--cfg loom` only, because only then this package depends on `casflake-lease`.)

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
