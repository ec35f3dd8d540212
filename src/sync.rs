//! The atomics of the crate. All other files import their atomics and spin hints from this file, and no other file of
//! `src` names loom.
//!
//! With `--cfg loom` and the feature `_loom` the atomics are those of loom, so that the models in `loom-tests/` check
//! the same code that users run.

pub(crate) use imp::{AtomicU64, Backoff, Counter, sleep, spin_loop, yield_now, zeros};

pub(crate) use core::sync::atomic::Ordering;
pub(crate) use crossbeam_utils::CachePadded;

/// Defines a function that is `const` without loom, and not `const` with loom, because loom's atomics can't be made in
/// a `const`.
macro_rules! const_fn {
    ($(#[$attribute:meta])* $visibility:vis const fn $($rest:tt)*) => {
        #[cfg(not(all(loom, feature = "_loom")))]
        #[cfg_attr(docsrs, doc(auto_cfg(hide(loom, feature = "_loom"))))] // keeps loom out of the documentation
        $(#[$attribute])* $visibility const fn $($rest)*
        #[cfg(all(loom, feature = "_loom"))]
        $(#[$attribute])* $visibility fn $($rest)*
    };
}
pub(crate) use const_fn;

#[cfg(not(all(loom, feature = "_loom")))]
mod imp {
    use core::time::Duration;

    pub(crate) use core::hint::spin_loop;
    pub(crate) use core::sync::atomic::AtomicU64;
    pub(crate) use crossbeam_utils::Backoff;

    /// The type of a counter in the statistics.
    pub(crate) type Counter = AtomicU64;

    /// Yields the thread's time slice. Without `std` there is no scheduler, so this function spins.
    pub(crate) fn yield_now() {
        #[cfg(feature = "std")]
        std::thread::yield_now();
        #[cfg(not(feature = "std"))]
        spin_loop();
    }

    /// Sleeps for `time`. Returns how much longer than `time` the sleep lasted. Without `std` this function spins and
    /// returns `None`.
    pub(crate) fn sleep(time: Duration) -> Option<Duration> {
        #[cfg(feature = "std")]
        {
            let started = std::time::Instant::now();
            std::thread::sleep(time);
            Some(started.elapsed().saturating_sub(time))
        }
        #[cfg(not(feature = "std"))]
        {
            let _ = time;
            spin_loop();
            None
        }
    }

    pub(crate) const fn zeros<const N: usize>() -> [Counter; N] {
        [const { Counter::new(0) }; N]
    }
}

#[cfg(all(loom, feature = "_loom"))]
mod imp {
    use core::time::Duration;

    #[cfg(feature = "_loom-weak")]
    pub(crate) use super::weak::AtomicU64;
    pub(crate) use loom::hint::spin_loop;
    #[cfg(not(feature = "_loom-weak"))]
    pub(crate) use loom::sync::atomic::AtomicU64;
    pub(crate) use loom::thread::yield_now;

    /// The type of a counter in the statistics. Threads can add to counters in very many orders, and loom explores
    /// these orders only in the models of the statistics. In all other models a counter is a plain atomic, which loom
    /// does not see. A plain atomic hides no error, because no call's outcome depends on a counter.
    #[cfg(feature = "_loom-stats")]
    pub(crate) type Counter = AtomicU64;
    #[cfg(not(feature = "_loom-stats"))]
    pub(crate) type Counter = core::sync::atomic::AtomicU64;

    /// Does not sleep, but lets loom run other threads. Returns a lateness of 0.
    pub(crate) fn sleep(_: Duration) -> Option<Duration> {
        yield_now();
        Some(Duration::ZERO)
    }

    pub(crate) fn zeros<const N: usize>() -> [Counter; N] {
        core::array::from_fn(|_| Counter::new(0))
    }

    /// A backoff whose `spin` does nothing. A pause would change no outcome. If `spin` told loom about a pause, loom
    /// would not explore the cases in which a thread tries again immediately.
    pub(crate) struct Backoff;

    impl Backoff {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn spin(&self) {}
    }
}

#[cfg(all(loom, feature = "_loom-weak"))]
mod weak {
    use core::ops::Deref;
    use core::sync::atomic::{AtomicU64 as Count, Ordering};

    /// Loom's atomic, with one difference: the second weak exchange of each atomic fails spuriously. The weak exchange
    /// of some processors may fail spuriously, but loom's own weak exchange never does.
    pub(crate) struct AtomicU64 {
        loom: loom::sync::atomic::AtomicU64,
        exchanges: Count,
    }

    impl AtomicU64 {
        pub(crate) fn new(value: u64) -> Self {
            Self { loom: loom::sync::atomic::AtomicU64::new(value), exchanges: Count::new(0) }
        }

        pub(crate) fn compare_exchange_weak(
            &self,
            current: u64,
            new: u64,
            success: Ordering,
            failure: Ordering,
        ) -> Result<u64, u64> {
            // ORDERING: Relaxed. Loom does not explore this counter, and runs one thread at a time.
            if self.exchanges.fetch_add(1, Ordering::Relaxed) == 1 {
                return Err(self.loom.load(failure));
            }
            self.loom.compare_exchange_weak(current, new, success, failure)
        }
    }

    impl Deref for AtomicU64 {
        type Target = loom::sync::atomic::AtomicU64;

        fn deref(&self) -> &Self::Target {
            &self.loom
        }
    }
}
