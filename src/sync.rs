//! The atomics facade: every atomic and every spin hint of the crate comes from here.

pub(crate) use core::hint::spin_loop;
pub(crate) use core::sync::atomic::{AtomicU64, Ordering};
pub(crate) use crossbeam_utils::{Backoff, CachePadded};
