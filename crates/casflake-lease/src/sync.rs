//! The facade for atomic types: every atomic that the models in `loom-tests/` explore comes from here, and no other
//! file uses loom.
//!
//! Under `--cfg loom` and with the feature `_loom` these types are loom's, so that the models check the same code that
//! is shipped.

#[cfg(not(all(loom, feature = "_loom")))]
pub(crate) use std::sync::atomic::AtomicU64;
/// The atomic type for counts of events. This type is never loom's, because no decision in the code depends on such a
/// count.
pub(crate) use std::sync::atomic::AtomicU64 as Counter;
pub(crate) use std::sync::atomic::Ordering;

#[cfg(all(loom, feature = "_loom"))]
pub(crate) use loom::sync::atomic::AtomicU64;
