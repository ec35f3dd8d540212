//! `Host`: the readings that a leased generator takes from its host: two clocks and the ID of the process. Every
//! decision uses these readings, so that a simulation can replace them. Besides, `end.rs` reads a clock for the time
//! limits of its own loops, and the name of the holder contains the process ID by default.

use std::time::Duration;
use std::{fmt, process};

use casflake::{Clock, SystemClock};

use crate::monotonic::Monotonic;

/// The host of this process, or an imagined one.
#[derive(Clone)]
pub struct Host {
    monotonic: Monotonic,
    #[cfg(any(test, feature = "_simulation"))]
    imagined: Option<std::sync::Arc<dyn Imagined>>,
}

// The public types that contain a `Host` have these traits, with and without an imagined host.
#[cfg(any(test, feature = "_simulation"))]
impl std::panic::UnwindSafe for Host {}
#[cfg(any(test, feature = "_simulation"))]
impl std::panic::RefUnwindSafe for Host {}

/// A host that a simulation imagines.
#[cfg(any(test, feature = "_simulation"))]
pub trait Imagined: Send + Sync {
    /// Returns the reading of the wall clock, in nanoseconds since 1970.
    fn wall_ns(&self) -> u64;
    /// Returns the reading of a clock that never moves back, in nanoseconds.
    fn monotonic_ns(&self) -> u64;
    /// Returns the ID of the current process.
    fn process(&self) -> u32;
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("monotonic_ns", &self.monotonic_ns()).finish_non_exhaustive()
    }
}

/// Answers from the imagined host if there is one.
macro_rules! imagined {
    ($host:expr, $reading:ident) => {
        #[cfg(any(test, feature = "_simulation"))]
        if let Some(imagined) = &$host.imagined {
            return imagined.$reading();
        }
    };
}

impl Host {
    /// Returns the host of this process.
    pub(crate) fn real() -> Self {
        Self {
            monotonic: Monotonic::new(),
            #[cfg(any(test, feature = "_simulation"))]
            imagined: None,
        }
    }

    /// Returns an imagined host.
    #[cfg(any(test, feature = "_simulation"))]
    #[must_use]
    pub fn imagined(host: std::sync::Arc<dyn Imagined>) -> Self {
        Self { imagined: Some(host), ..Self::real() }
    }

    /// Returns the reading of the wall clock, in nanoseconds since 1970.
    pub(crate) fn wall_ns(&self) -> u64 {
        imagined!(self, wall_ns);
        // Until the year 2554.
        u64::try_from(SystemClock.precise_unix_ns()).unwrap_or(u64::MAX)
    }

    /// Returns the reading of a clock that never moves back, in nanoseconds. On most platforms, the clock also advances
    /// while the system is suspended.
    #[inline]
    pub(crate) fn monotonic_ns(&self) -> u64 {
        imagined!(self, monotonic_ns);
        self.monotonic.nanos()
    }

    /// Returns [`monotonic_ns`](Self::monotonic_ns) as a `Duration`.
    pub(crate) fn at(&self) -> Duration {
        Duration::from_nanos(self.monotonic_ns())
    }

    /// Returns the ID of the current process. It differs in a fork.
    pub(crate) fn process(&self) -> u32 {
        imagined!(self, process);
        process::id()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{RefUnwindSafe, UnwindSafe};
    use std::process;

    use casflake::{Clock, Standard, SystemClock};

    use super::Host;
    use crate::generator::{LeasedGenerator, StoreClock};

    /// Would catch: an imagined host that takes an auto trait away from the public types.
    #[test]
    fn the_types_that_contain_a_host_are_unwind_safe() {
        const fn assert_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
        assert_unwind_safe::<StoreClock>();
        assert_unwind_safe::<LeasedGenerator<Standard>>();
    }

    #[test]
    fn a_real_host_reads_the_clocks_and_the_process_of_the_system() {
        let (host, before) = (Host::real(), SystemClock.precise_unix_ns());
        let (wall_ns, monotonic_ns, at) = (host.wall_ns(), host.monotonic_ns(), host.at());
        assert!((before..=SystemClock.precise_unix_ns()).contains(&wall_ns.into()));
        let later = host.monotonic_ns();
        assert!((monotonic_ns..=later).contains(&u64::try_from(at.as_nanos()).unwrap()));
        assert_eq!(host.process(), process::id());
        assert!(format!("{host:?}").starts_with("Host { monotonic_ns: "));
    }
}
