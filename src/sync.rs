//! The atomics facade: every atomic and every spin hint of the crate comes from here.

pub(crate) use core::hint::spin_loop;
pub(crate) use core::sync::atomic::{AtomicU64, Ordering};
pub(crate) use crossbeam_utils::{Backoff, CachePadded};

/// Gives up the time slice, where there is a scheduler to give it to.
pub(crate) fn yield_now() {
    #[cfg(feature = "std")]
    std::thread::yield_now();
    #[cfg(not(feature = "std"))]
    spin_loop();
}
