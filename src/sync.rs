//! The atomics facade: every atomic and every spin hint of the crate comes from here, and no other file names loom.
//!
//! Under `--cfg loom` and with the feature `loom` these are loom's, so that the models in `loom-tests/` check the code
//! as it is shipped.

pub(crate) use imp::{AtomicU64, Backoff, Counter, sleep, spin_loop, yield_now, zeros};

pub(crate) use core::sync::atomic::Ordering;
pub(crate) use crossbeam_utils::CachePadded;

/// A function that is `const`, but for loom, whose atomics no constant can hold.
macro_rules! const_fn {
    ($(#[$attribute:meta])* $visibility:vis const fn $($rest:tt)*) => {
        #[cfg(not(all(loom, feature = "_loom")))]
        #[cfg_attr(docsrs, doc(auto_cfg(hide(loom, feature = "_loom"))))] // loom is no business of those who read the docs
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

    /// What statistics are counted in.
    pub(crate) type Counter = AtomicU64;

    /// Gives up the time slice, where there is a scheduler to give it to.
    pub(crate) fn yield_now() {
        #[cfg(feature = "std")]
        std::thread::yield_now();
        #[cfg(not(feature = "std"))]
        spin_loop();
    }

    /// Sleeps for `time` and returns how late it was woken, or spins and returns `None` where there is nothing to sleep
    /// on.
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

    /// What statistics are counted in. No call's outcome rests on a counter, and the orders in which threads can add to
    /// one are many: they are explored by the models of the statistics alone.
    #[cfg(feature = "_loom-stats")]
    pub(crate) type Counter = AtomicU64;
    #[cfg(not(feature = "_loom-stats"))]
    pub(crate) type Counter = core::sync::atomic::AtomicU64;

    /// Lets other threads go on.
    pub(crate) fn sleep(_: Duration) -> Option<Duration> {
        yield_now();
        Some(Duration::ZERO)
    }

    pub(crate) fn zeros<const N: usize>() -> [Counter; N] {
        core::array::from_fn(|_| Counter::new(0))
    }

    /// Goes on at once. A pause changes no outcome, and one that loom knew of would keep it from exploring the threads
    /// that try again without one.
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

    /// Loom's, but that the second weak exchange of each fails for no reason, as a processor's may and loom's never
    /// does.
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
            // ORDERING: Relaxed. Outside of what loom explores, which runs one thread at a time.
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
