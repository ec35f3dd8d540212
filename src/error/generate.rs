//! The errors of a call that issued no ID.

use core::fmt;
use core::time::Duration;

/// Why a generator issued no ID. A failed call changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GenerateError {
    /// All slots of the current tick (and of those that `max_lead` allows) are used.
    Exhausted {
        /// When the next tick begins.
        retry_after: Duration,
    },
    /// The clock has moved back, and the tick that was open then is used up (or the generator is strict).
    ClockBehind {
        /// How far the clock is behind the last ID's tick (less `max_lead`).
        by: Duration,
    },
    /// The clock did not reach the next tick within `max_wait`.
    ClockStalled {
        /// The bound that the wait reached, by the clock's [`monotonic`](crate::Clock::monotonic) time.
        max_wait: Duration,
    },
    /// The clock reads a time before the layout's epoch, and no ID has been issued yet.
    BeforeEpoch {
        /// The clock's reading, in Unix milliseconds.
        unix_ms: u64,
        /// The layout's epoch, in Unix milliseconds.
        epoch_unix_ms: u64,
    },
    /// The window has not opened: the clock reads a tick below `not_before`.
    TooEarly {
        /// The first tick that may be issued.
        not_before: u64,
        /// When it begins (less `max_lead`).
        retry_after: Duration,
    },
    /// The next ID's tick would be at the fence or after it.
    Fenced {
        /// The first tick that may not be issued.
        fence: u64,
    },
    /// The generator was closed.
    Closed,
    /// The clock or the last ID has passed the layout's last tick.
    OutOfTicks {
        /// The layout's last tick.
        max_tick: u64,
    },
    /// The lease has ended and is not renewed yet, or its age is not known. Only from a `LeasedGenerator`.
    LeaseExpired {
        /// The first tick after its window.
        until_tick: u64,
        /// When the keeper asks the store again, or when the store said that it may grant a lease.
        retry_after: Duration,
    },
    /// The generator was shut down or is being drained, because the process stops. A service should answer "503, try
    /// again", so that its client asks another process. Only from a `LeasedGenerator`.
    ShutDown,
    /// The store can't extend the lease, because its clock is behind the windows that it has granted. Only from a
    /// `LeasedGenerator`.
    StoreClockBehind {
        /// How far the store's clock is behind.
        by: Duration,
    },
    /// This process is a fork of the one that holds the lease. Only from a `LeasedGenerator`.
    OtherProcess,
    /// A batch of 0 IDs or of too many.
    Count {
        /// The number asked for.
        count: usize,
        /// The largest batch.
        max: usize,
    },
}

debug_by_text!(GenerateError: Exhausted ClockBehind ClockStalled BeforeEpoch TooEarly Fenced Closed OutOfTicks LeaseExpired ShutDown StoreClockBehind OtherProcess Count);

impl GenerateError {
    /// Returns whether the same call may succeed later without any other change.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Exhausted { .. }
            | Self::ClockBehind { .. }
            | Self::ClockStalled { .. }
            | Self::BeforeEpoch { .. }
            | Self::TooEarly { .. }
            | Self::LeaseExpired { .. }
            | Self::StoreClockBehind { .. } => true,
            Self::Fenced { .. }
            | Self::Closed
            | Self::ShutDown
            | Self::OutOfTicks { .. }
            | Self::OtherProcess
            | Self::Count { .. } => false,
        }
    }

    /// Returns how long to wait before a retry, or `None` if that is not known or no retry can succeed.
    ///
    /// After [`ClockBehind`](Self::ClockBehind) it is the time until the clock reaches the last ID's tick again. If
    /// that tick is used up, the retry has to wait for one tick more.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match *self {
            Self::Exhausted { retry_after }
            | Self::TooEarly { retry_after, .. }
            | Self::LeaseExpired { retry_after, .. } => Some(retry_after),
            Self::ClockBehind { by } | Self::StoreClockBehind { by } => Some(by),
            Self::BeforeEpoch { unix_ms, epoch_unix_ms } => {
                Some(Duration::from_millis(epoch_unix_ms.saturating_sub(unix_ms)))
            }
            _ => None,
        }
    }
}

impl fmt::Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exhausted { retry_after } => write!(
                f,
                "every ID of this tick is taken: try again in {retry_after:?}, or raise max_wait above that and call a \
                 function that waits, such as generate"
            ),
            Self::ClockBehind { by } => write!(
                f,
                "the clock has stepped back and is {by:?} behind the last ID: try again when it has caught up, and have \
                 it slewed rather than stepped"
            ),
            Self::ClockStalled { max_wait } => write!(
                f,
                "the clock did not reach the next tick within max_wait, {max_wait:?}: does it run? If it is only slow, \
                 raise max_wait"
            ),
            Self::BeforeEpoch { unix_ms, epoch_unix_ms } => write!(
                f,
                "the clock reads {unix_ms} ms, before the layout's epoch at {epoch_unix_ms} ms: set the clock, or choose \
                 a layout with an earlier epoch"
            ),
            Self::TooEarly { not_before, retry_after } => {
                write!(f, "the window opens at tick {not_before}: try again in {retry_after:?}")
            }
            Self::Fenced { fence } => {
                write!(f, "the window has ended at tick {fence}: extend the fence before issuing more IDs")
            }
            Self::Closed => {
                f.write_str("the generator was closed: make a new one whose window begins after its last tick")
            }
            Self::OutOfTicks { max_tick } => write!(
                f,
                "the clock or the last ID has passed tick {max_tick}, the layout's last: set the clock, or move to a \
                 layout with a later epoch or a wider timestamp"
            ),
            Self::LeaseExpired { until_tick, retry_after } => write!(
                f,
                "the lease has ended at tick {until_tick}, and the store has not renewed it yet: try again in \
                 {retry_after:?}; the generator's stats say why it has not"
            ),
            Self::ShutDown => f.write_str(
                "the generator was shut down, as its process stops: ask another process, or make a new generator",
            ),
            Self::StoreClockBehind { by } => write!(
                f,
                "the store of leases can't extend the lease: its clock is {by:?} behind what it has granted. Set it, or \
                 try again when it has caught up"
            ),
            Self::OtherProcess => f.write_str(
                "the lease is another process's, of which this one is a fork: acquire a lease after the fork, not before",
            ),
            Self::Count { count, max } => write!(f, "a batch of {count} IDs: ask for 1 to {max}"),
        }
    }
}

impl core::error::Error for GenerateError {}

/// Why [`Generator::fill`](crate::Generator::fill) stopped, and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FillError {
    pub(crate) filled: usize,
    pub(crate) error: GenerateError,
}

impl FillError {
    /// Creates the error of a source of IDs other than [`Generator`](crate::Generator): how many IDs it has written to
    /// the start of the buffer, and why it stopped.
    #[must_use]
    pub const fn new(filled: usize, error: GenerateError) -> Self {
        Self { filled, error }
    }

    /// Returns how many IDs, from the start of the buffer, were issued and are valid. The rest of the buffer is
    /// unchanged.
    #[must_use]
    pub const fn filled(&self) -> usize {
        self.filled
    }

    /// Returns why no more IDs were issued.
    #[must_use]
    pub const fn error(&self) -> GenerateError {
        self.error
    }

    /// Returns whether a later call for the rest may succeed without any other change.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.error.is_retryable()
    }
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the buffer was filled up to ID {}, no further", self.filled)
    }
}

impl core::error::Error for FillError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}
