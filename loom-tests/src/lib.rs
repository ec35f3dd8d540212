//! What the models in `tests/models/` are made of: a way to explore them, a layout of few slots, a clock, and what must
//! hold of the IDs that a run has issued.
//!
//! Under `--cfg loom` each model runs once for each order of its threads' steps, and for each value that a load may see.
//! Without it each runs once, on the system's threads: that they compile, and no more.

mod explore;
mod issued;
mod setting;

pub use explore::{bounded, exhaustive, thread};
pub use issued::Issued;
pub use setting::{Bit, Outcome, Time, generator, generator_with, shared};
