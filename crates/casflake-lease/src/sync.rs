//! The atomics facade: every atomic that the models in `loom-tests/` explore comes from here, and no other file uses
//! loom.
//!
//! Under `--cfg loom` and with the feature `_loom` these are loom's, so that the models check the code as it is shipped.

#[cfg(not(all(loom, feature = "_loom")))]
pub(crate) use std::sync::atomic::AtomicU64;
/// The type of counters. Not loom's: no call's outcome depends on a counter.
pub(crate) use std::sync::atomic::AtomicU64 as Counter;
pub(crate) use std::sync::atomic::Ordering;

#[cfg(all(loom, feature = "_loom"))]
pub(crate) use loom::sync::atomic::AtomicU64;
