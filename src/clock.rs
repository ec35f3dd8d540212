//! Where the time comes from.

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
/// A generator stays correct whatever its clock says: a clock that steps back, stands still or jumps costs
/// availability, never a duplicate.
///
/// ```
/// use casflake::{Clock, Generator, WorkerId};
///
/// /// A clock of which another part of the program tells the time.
/// struct Session(std::sync::atomic::AtomicU64);
///
/// impl Clock for Session {
///     fn unix_millis(&self) -> u64 {
///         self.0.load(std::sync::atomic::Ordering::Relaxed)
///     }
/// }
///
/// let ids = Generator::with_clock(WorkerId::new(0, 1)?, Session(1_735_689_600_000.into()));
/// assert_eq!(ids.generate()?.unix_ms(), 1_735_689_600_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Clock {
    /// The time in whole milliseconds since 1970-01-01T00:00:00Z, rounded down; 0 before that.
    ///
    /// The hot path: each call asks for it. It may lag behind [`unix_nanos`](Self::unix_nanos), but never leads it.
    fn unix_millis(&self) -> u64;

    /// The precise time in nanoseconds since 1970-01-01T00:00:00Z; 0 before that.
    ///
    /// Asked only before a call is refused or has to wait. The default is [`unix_millis`](Self::unix_millis), right for
    /// every clock that does not lag.
    fn unix_nanos(&self) -> u128 {
        u128::from(self.unix_millis()) * 1_000_000
    }

    /// Time that never steps back, counted from a moment of the clock's choice, which may be another for each thread;
    /// it bounds how long a call waits.
    ///
    /// The default is the system's monotonic clock with the feature `std`, and `None` without: then each look at the
    /// clock while waiting counts as 100 ns. A clock whose `elapsed` stands still is waited for a nanosecond a look.
    fn elapsed(&self) -> Option<Duration> {
        monotonic()
    }
}

fn monotonic() -> Option<Duration> {
    #[cfg(feature = "std")]
    {
        std::thread_local! {
            // Not one for all threads: whoever lost its core while setting that would keep the others waiting.
            static START: std::time::Instant = std::time::Instant::now();
        }
        START.try_with(std::time::Instant::elapsed).ok()
    }
    #[cfg(not(feature = "std"))]
    None
}

/// A clock behind a pointer is a clock.
macro_rules! forward {
    ($($(#[$cfg:meta])? $pointer:ty;)*) => {$(
        $(#[$cfg])?
        impl<C: Clock + ?Sized> Clock for $pointer {
            fn unix_millis(&self) -> u64 {
                (**self).unix_millis()
            }

            fn unix_nanos(&self) -> u128 {
                (**self).unix_nanos()
            }

            fn elapsed(&self) -> Option<Duration> {
                (**self).elapsed()
            }
        }
    )*};
}

forward! {
    &C;
    #[cfg(feature = "alloc")] alloc::boxed::Box<C>;
    #[cfg(feature = "alloc")] alloc::sync::Arc<C>;
}

/// The operating system's wall clock, precise throughout. The default.
///
/// It is a [`Clock`] with the feature `std` only. Its [`elapsed`](Clock::elapsed) is `Instant`'s, which on some systems
/// stops while the machine is suspended: a wait may then outlast its bound by the time that the machine slept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemClock;

#[cfg(feature = "std")]
mod system {
    use core::time::Duration;
    use std::time::SystemTime;

    use super::{Clock, SystemClock};

    impl Clock for SystemClock {
        #[inline]
        fn unix_millis(&self) -> u64 {
            let now = since_1970();
            super::millis(now.as_secs(), now.subsec_nanos())
        }

        fn unix_nanos(&self) -> u128 {
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

/// The whole milliseconds in a time, and no more than `u64::MAX`, which is in the year 584,556,019.
#[cfg(feature = "std")]
#[inline]
fn millis(seconds: u64, nanos: u32) -> u64 {
    if seconds < u64::MAX / 1000 { seconds * 1000 + u64::from(nanos / 1_000_000) } else { the_end_of_time() }
}

#[cfg(feature = "std")]
#[cold]
fn the_end_of_time() -> u64 {
    u64::MAX
}

/// A clock that stands still until it is told to move: for tests.
///
/// A call that waits for it waits in real time ([`elapsed`](Clock::elapsed) is the default): another thread can move it
/// on meanwhile, and if none does the call gives up after `max_wait`.
///
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
        /// A clock that reads `unix_ms` milliseconds since 1970-01-01T00:00:00Z.
        #[must_use]
        pub const fn new(unix_ms: u64) -> Self {
            Self { unix_ms: AtomicU64::new(unix_ms) }
        }
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, unix_ms: u64) {
        // ORDERING: Relaxed. One variable that nothing else depends on: a generator's uniqueness and order hold
        // whatever a reading is, and coherence alone lets no thread see this clock's past after its present.
        self.unix_ms.store(unix_ms, Ordering::Relaxed);
    }

    /// Moves the clock forward by `ms`, and no further than `u64::MAX`.
    pub fn advance(&self, ms: u64) {
        self.update(|now| now.saturating_add(ms));
    }

    /// Steps the clock back by `ms`, and no further than 0.
    pub fn step_back(&self, ms: u64) {
        self.update(|now| now.saturating_sub(ms));
    }

    fn update(&self, change: impl Fn(u64) -> u64) {
        // ORDERING: Relaxed, as in `set`; the update itself is atomic, so that none is lost.
        let _ = self.unix_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(change(now)));
    }
}

impl Clock for ManualClock {
    #[inline]
    fn unix_millis(&self) -> u64 {
        // ORDERING: Relaxed, as in `set`.
        self.unix_ms.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("unix_ms", &self.unix_millis()).finish()
    }
}
