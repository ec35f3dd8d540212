//! The clocks that generators read.

#[cfg(feature = "coarse-clock")]
mod coarse;
#[cfg(feature = "tsc-clock")]
mod tsc;

use core::fmt;
use core::time::Duration;

use crate::sync::{AtomicU64, Ordering, const_fn};

#[cfg(feature = "coarse-clock")]
pub use coarse::CoarseClock;
#[cfg(feature = "tsc-clock")]
pub use tsc::TscClock;

/// A source of time for a [`Generator`](crate::Generator).
///
/// A generator never issues a duplicate, whatever its clock reads. If the clock moves back, stands still or jumps,
/// calls may wait or fail.
///
/// # Examples
/// ```
/// use casflake::{Clock, Generator, WorkerId};
///
/// /// A clock that another part of the program sets.
/// struct Session(std::sync::atomic::AtomicU64);
///
/// impl Clock for Session {
///     fn unix_ms(&self) -> u64 {
///         self.0.load(std::sync::atomic::Ordering::Relaxed)
///     }
/// }
///
/// let ids = Generator::with_clock(WorkerId::new(0, 1)?, Session(1_735_689_600_000.into()));
/// assert_eq!(ids.generate()?.unix_ms(), 1_735_689_600_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Clock {
    /// Returns the time in whole milliseconds since 1970-01-01T00:00:00Z, rounded down, or 0 before that moment.
    ///
    /// Every call of a generator reads this time, so this method should be fast. This time may lag behind the time of
    /// [`precise_unix_ns`](Self::precise_unix_ns), but must not be ahead of that time.
    fn unix_ms(&self) -> u64;

    /// Returns the precise time in nanoseconds since 1970-01-01T00:00:00Z, or 0 before that moment.
    ///
    /// A call of a generator reads this time only if the call is about to wait or to fail. The default returns the time
    /// of [`unix_ms`](Self::unix_ms) in nanoseconds, which is right for every clock whose `unix_ms` does not lag.
    ///
    /// The type is `u128`, because nanoseconds in a `u64` reach only to the year 2554, and the ticks of some layouts
    /// reach further.
    fn precise_unix_ns(&self) -> u128 {
        u128::from(self.unix_ms()) * 1_000_000
    }

    /// Returns a time that never moves back. Calls use this time to measure how long they have waited. The time counts
    /// from a moment that the implementation chooses. This moment may differ between threads.
    ///
    /// With the feature `std` the default is the system's monotonic clock. Without `std` the default is `None`. If this
    /// method returns `None`, a waiting call assumes that each poll of the clock takes 100 ns. If the returned time
    /// stands still, a waiting call assumes 1 ns per poll.
    fn monotonic(&self) -> Option<Duration> {
        since_first_call()
    }
}

/// Returns the time since this thread's first call of this function, or `None` if there is no monotonic clock.
fn since_first_call() -> Option<Duration> {
    #[cfg(feature = "std")]
    {
        std::thread_local! {
            // Each thread has its own start. If all threads shared one start, a thread that lost its core while setting
            // the start would block the other threads.
            static START: std::time::Instant = std::time::Instant::now();
        }
        START.try_with(std::time::Instant::elapsed).ok()
    }
    #[cfg(not(feature = "std"))]
    None
}

/// Implements `Clock` for types that point to a clock, such as `&C`.
macro_rules! forward {
    ($($(#[$cfg:meta])? $pointer:ty;)*) => {$(
        $(#[$cfg])?
        impl<C: Clock + ?Sized> Clock for $pointer {
            fn unix_ms(&self) -> u64 {
                (**self).unix_ms()
            }

            fn precise_unix_ns(&self) -> u128 {
                (**self).precise_unix_ns()
            }

            fn monotonic(&self) -> Option<Duration> {
                (**self).monotonic()
            }
        }
    )*};
}

forward! {
    &C;
    #[cfg(feature = "alloc")] alloc::boxed::Box<C>;
    #[cfg(feature = "alloc")] alloc::sync::Arc<C>;
}

/// The operating system's wall clock. A generator uses this clock by default. Its readings never lag.
///
/// `SystemClock` implements [`Clock`] only with the feature `std`. Its [`monotonic`](Clock::monotonic) time comes from
/// `Instant`. On some systems `Instant` stops while the machine is suspended. If the machine is suspended during a
/// wait, the wait may then last longer than `max_wait`, but at most by the time of the suspension.
///
/// # Examples
/// ```
/// use casflake::{Clock, Generator, Standard, SystemClock, WorkerId};
///
/// let ids: Generator<Standard, SystemClock> = Generator::new(WorkerId::fixed::<1, 7>()); // the default clock
/// let before = SystemClock.unix_ms();
/// assert!(ids.generate()?.unix_ms() >= before);
/// # Ok::<(), casflake::GenerateError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemClock;

#[cfg(feature = "std")]
mod system {
    use core::time::Duration;
    use std::time::SystemTime;

    use super::{Clock, SystemClock};

    impl Clock for SystemClock {
        #[inline]
        fn unix_ms(&self) -> u64 {
            let now = since_1970();
            super::whole_ms(now.as_secs(), now.subsec_nanos())
        }

        fn precise_unix_ns(&self) -> u128 {
            since_1970().as_nanos()
        }
    }

    #[inline]
    fn since_1970() -> Duration {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(time) => time,
            Err(_) => before_1970(),
        }
    }

    #[cold]
    fn before_1970() -> Duration {
        Duration::ZERO
    }
}

pub(crate) const NS_PER_MS: u128 = 1_000_000;

/// Returns the number of whole milliseconds in `ns` nanoseconds, or `u64::MAX` if the number does not fit a `u64`.
pub(crate) fn ns_to_ms(ns: u128) -> u64 {
    u64::try_from(ns / NS_PER_MS).unwrap_or(u64::MAX)
}

/// Returns the number of whole milliseconds in `seconds` seconds plus `subsec_ns` nanoseconds, or `u64::MAX` if
/// `seconds` is `u64::MAX / 1000` or more. The Unix time reaches this number of seconds in the year 584,556,019.
///
/// The hot path uses this function, because this function needs no 128-bit division, unlike [`ns_to_ms`].
#[cfg(feature = "std")]
#[inline]
fn whole_ms(seconds: u64, subsec_ns: u32) -> u64 {
    if seconds < u64::MAX / 1000 { seconds * 1000 + u64::from(subsec_ns / 1_000_000) } else { the_end_of_time() }
}

#[cfg(feature = "std")]
#[cold]
fn the_end_of_time() -> u64 {
    u64::MAX
}

/// A clock for tests. It stands still until the program sets, advances or steps it back.
///
/// A call that waits for this clock measures its wait in real time, because this clock has the default
/// [`monotonic`](Clock::monotonic). During the wait another thread can move the clock. If no thread moves the clock,
/// the call fails after `max_wait`.
///
/// # Examples
/// ```
/// use casflake::{GenerateError, Generator, ManualClock, WorkerId};
///
/// let ids = Generator::with_clock(WorkerId::new(0, 1)?, ManualClock::new(1_735_689_600_000));
/// let first = ids.generate_batch(4096)?; // all of this millisecond
/// assert!(matches!(ids.try_generate(), Err(GenerateError::Exhausted { .. })));
///
/// ids.clock().advance(1);
/// assert_eq!(ids.try_generate()?.unix_ms(), 1_735_689_600_001);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ManualClock {
    unix_ms: AtomicU64,
}

impl ManualClock {
    const_fn! {
        /// Returns a clock that reads `unix_ms` milliseconds since 1970-01-01T00:00:00Z.
        #[must_use]
        pub const fn new(unix_ms: u64) -> Self {
            Self { unix_ms: AtomicU64::new(unix_ms) }
        }
    }

    /// Sets the clock to `unix_ms` milliseconds since 1970-01-01T00:00:00Z. This may move the clock forward or back.
    pub fn set(&self, unix_ms: u64) {
        // ORDERING: Relaxed. No other variable depends on this one, because a generator's IDs are unique and in order
        // whatever the clock reads. A thread never reads an older value after a newer one (coherence).
        self.unix_ms.store(unix_ms, Ordering::Relaxed);
    }

    /// Moves the clock forward by `ms` milliseconds, but not beyond `u64::MAX`.
    pub fn advance(&self, ms: u64) {
        self.update(|now_ms| now_ms.saturating_add(ms));
    }

    /// Moves the clock back by `ms` milliseconds, but not below 0.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Generator, ManualClock, WorkerId};
    ///
    /// let ids = Generator::with_clock(WorkerId::fixed::<0, 1>(), ManualClock::new(1_735_689_600_000));
    /// let first = ids.generate()?;
    /// ids.clock().step_back(10);
    /// assert!(ids.generate()? > first, "the open millisecond is used up first");
    /// # Ok::<(), casflake::GenerateError>(())
    /// ```
    pub fn step_back(&self, ms: u64) {
        self.update(|now_ms| now_ms.saturating_sub(ms));
    }

    fn update(&self, change: impl Fn(u64) -> u64) {
        // ORDERING: Relaxed, as in `set`. The update is atomic, so that no other update is lost.
        let _ = self.unix_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now_ms| Some(change(now_ms)));
    }
}

impl Clock for ManualClock {
    #[inline]
    fn unix_ms(&self) -> u64 {
        // ORDERING: Relaxed, as in `set`.
        self.unix_ms.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("unix_ms", &self.unix_ms()).finish()
    }
}
