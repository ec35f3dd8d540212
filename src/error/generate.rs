//! The errors of calls that issue IDs.

use core::fmt;
use core::time::Duration;

/// Why a generator issued no ID, or not all the IDs that a call asked for. A failed call changes nothing, with one
/// exception: a call for several IDs may have issued some of them before the failure (see [`FillError`] and
/// `BatchError`). All ticks count from the layout's epoch.
///
/// # Examples
/// ```
/// use casflake::{GenerateError, Generator, WorkerId};
///
/// static IDS: Generator = Generator::new(WorkerId::fixed::<1, 7>());
///
/// match IDS.try_generate() {
///     Ok(id) => println!("{id}"),
///     Err(GenerateError::Closed) => println!("the program stops"),
///     Err(error) if error.is_retryable() => println!("{error}; wait {:?}", error.retry_after()),
///     Err(error) => panic!("{error}"),
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GenerateError {
    /// All slots of the clock's current tick are used. If `max_lead` allows later ticks, all slots of these ticks are
    /// used, too.
    Exhausted {
        /// The time until the clock's next tick begins.
        retry_after: Duration,
    },
    /// The clock has moved back and is before the last ID's tick by more than `max_lead` ticks. Either all IDs of that
    /// tick are used up, or the generator is strict.
    ClockBehind {
        /// The time until the clock reaches the tick that is `max_lead` ticks before the last ID's tick.
        by: Duration,
    },
    /// The clock did not reach the next tick within `max_wait`.
    ClockStalled {
        /// The longest wait allowed, measured by the clock's [`monotonic`](crate::Clock::monotonic) time. The call
        /// waited this long.
        max_wait: Duration,
    },
    /// The clock reads a time before the layout's epoch, and no ID has been issued yet.
    BeforeEpoch {
        /// The clock's reading, in Unix milliseconds.
        unix_ms: u64,
        /// The layout's epoch, in Unix milliseconds.
        epoch_unix_ms: u64,
    },
    /// The window has not opened, because the clock is before the tick `not_before` by more than `max_lead` ticks.
    TooEarly {
        /// The first tick whose IDs may be issued.
        not_before: u64,
        /// The time until the clock reaches the tick that is `max_lead` ticks before `not_before`.
        retry_after: Duration,
    },
    /// The next ID's tick would be at the fence or after it.
    Fenced {
        /// The first tick whose IDs must not be issued.
        fence: u64,
    },
    /// The generator was closed.
    Closed,
    /// No tick is left: the clock is past the layout's last tick, or all IDs of that tick are used up.
    OutOfTicks {
        /// The layout's last tick.
        max_tick: u64,
    },
    /// The lease has ended or was lost, and is neither renewed nor replaced yet. Or the wall clock or the monotonic
    /// clock has jumped, and the generator can't tell whether the lease has ended. Only a `LeasedGenerator` returns
    /// this error.
    LeaseExpired {
        /// The end of the lease's window: the first tick after the window.
        until_tick: u64,
        /// The time to wait before a retry. If the keeper's last call of the store failed, this time lasts at least
        /// until the keeper calls the store again. If the store's answer said how long the store grants no lease,
        /// `retry_after` is at least that long.
        retry_after: Duration,
    },
    /// The generator was shut down or is being drained, because the process stops. A service should answer "503, try
    /// again", so that its client asks another process. Only a `LeasedGenerator` returns this error.
    ShutDown,
    /// Only a `LeasedGenerator` returns this error. The error has one of these causes:
    ///
    /// * The store's clock is behind the last ID's tick.
    /// * The store can't extend or replace the lease, because the store's clock is too far behind the end of a window,
    ///   or too far behind the tick from which the store grants leases.
    /// * A renewal has shown that the store's clock is a TTL or more behind the generator's `StoreClock`.
    StoreClockBehind {
        /// The time that the store's clock needs to catch up. If the generator itself has found that the store's clock
        /// is behind the last ID's tick, `by` has the same meaning as in [`ClockBehind`](GenerateError::ClockBehind).
        /// Otherwise `by` comes from the store's last answer, and a part of this time may have passed since the answer.
        by: Duration,
    },
    /// This process is a fork of the process that holds the lease. Only a `LeasedGenerator` returns this error.
    OtherProcess,
    /// The call asked for a batch of 0 IDs, or of more IDs than a batch can have.
    Count {
        /// The number of IDs asked for.
        count: usize,
        /// The largest number of IDs in a batch.
        max: usize,
    },
}

debug_by_text!(GenerateError: Exhausted ClockBehind ClockStalled BeforeEpoch TooEarly Fenced Closed OutOfTicks LeaseExpired ShutDown StoreClockBehind OtherProcess Count);

impl GenerateError {
    /// Returns whether the same call can succeed at a later time, without any change to the generator.
    ///
    /// | error | retryable | [`retry_after`](Self::retry_after) |
    /// |---|---|---|
    /// | `Exhausted`, `ClockBehind`, `TooEarly`, `LeaseExpired`, `StoreClockBehind` | yes | a time |
    /// | `BeforeEpoch` | yes, but a clock that is years behind needs an operator | a time, up to years |
    /// | `ClockStalled` | yes | `None` |
    /// | `Fenced`, `Closed`, `ShutDown`, `OutOfTicks`, `OtherProcess`, `Count` | no | `None` |
    ///
    /// # Examples
    /// ```
    /// use casflake::GenerateError;
    ///
    /// assert!(GenerateError::TooEarly { not_before: 7, retry_after: std::time::Duration::ZERO }.is_retryable());
    /// assert!(!GenerateError::Closed.is_retryable());
    /// ```
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

    /// Returns how long to wait before a retry, or `None` if this time is not known or if no retry can succeed.
    ///
    /// For the error [`ClockBehind`](Self::ClockBehind), the returned time is the field `by`. If all IDs of the last
    /// ID's tick are used up, a retry has to wait one tick longer.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Generator, ManualClock, WorkerId};
    ///
    /// let ids = Generator::with_clock(WorkerId::fixed::<1, 7>(), ManualClock::new(1_735_689_600_000));
    /// ids.generate_batch(4096)?; // all of this millisecond
    /// let error = ids.try_generate().expect_err("no ID is left");
    /// if let Some(wait) = error.retry_after() {
    ///     ids.clock().advance(wait.as_millis() as u64); // a program sleeps, or answers "503, Retry-After"
    /// }
    /// assert!(ids.try_generate().is_ok());
    /// # Ok::<(), casflake::BatchError>(())
    /// ```
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
                "every ID of the current tick is taken: try again in {retry_after:?}, or set the generator's max_wait \
                 above {retry_after:?} and call generate"
            ),
            Self::ClockBehind { by } => write!(
                f,
                "the clock has moved back and is {by:?} too far behind the last ID: try again when the clock has \
                 caught up, and correct the clock slowly (slew it) instead of setting it back"
            ),
            Self::ClockStalled { max_wait } => write!(
                f,
                "the clock did not reach the next tick within max_wait, {max_wait:?}: check that the clock runs, or \
                 raise max_wait"
            ),
            Self::BeforeEpoch { unix_ms, epoch_unix_ms } => write!(
                f,
                "the clock reads Unix time {unix_ms} ms, before the layout's epoch at {epoch_unix_ms} ms: set the \
                 clock, or choose an earlier epoch"
            ),
            Self::TooEarly { not_before, retry_after } => {
                write!(f, "the window opens at tick {not_before}: try again in {retry_after:?}")
            }
            Self::Fenced { fence } => write!(f, "the window ended at tick {fence}: extend the fence to a later tick"),
            Self::Closed => {
                f.write_str("the generator was closed: make a new one with not_before after the last tick of this one")
            }
            Self::OutOfTicks { max_tick } => write!(
                f,
                "the clock has passed the layout's last tick, {max_tick}, or all IDs of that tick are taken: set the \
                 clock, or choose a layout with a later epoch or a wider timestamp"
            ),
            Self::LeaseExpired { until_tick, retry_after } => write!(
                f,
                "the lease until tick {until_tick} has ended or was lost, or a clock has jumped: try again in \
                 {retry_after:?}; last_error in the generator's stats may say why"
            ),
            Self::ShutDown => f.write_str(
                "the generator was shut down because its process stops: ask another process, or make a new generator",
            ),
            Self::StoreClockBehind { by } => write!(
                f,
                "the store's clock is {by:?} behind the end of a window that the store has granted, or behind the last \
                 ID: set the store's clock, or try again when the clock has caught up"
            ),
            Self::OtherProcess => f.write_str(
                "this process is a fork of the process that holds the lease: acquire a lease after the fork, not before",
            ),
            Self::Count { count, max } => {
                write!(f, "the size of the batch, {count}, is out of range: ask for 1 to {max} IDs")
            }
        }
    }
}

impl core::error::Error for GenerateError {}

/// The error of [`Generator::fill`](crate::Generator::fill): the call stopped before the buffer was full. A `FillError`
/// holds the reason and the number of IDs written.
///
/// # Examples
/// ```
/// use casflake::{GenerateError, Generator, ManualClock, Snowflake, WorkerId};
///
/// let ids = Generator::with_clock(WorkerId::fixed::<1, 7>(), ManualClock::new(1_735_689_600_000));
/// let mut buffer = [Snowflake::MIN; 5000];
/// let error = ids.fill(&mut buffer).expect_err("the clock stands still");
/// assert!(matches!(error.error(), GenerateError::ClockStalled { .. }));
/// let valid = &buffer[..error.filled()];
/// assert_eq!(valid.len(), 4096, "all IDs of the millisecond");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FillError {
    pub(crate) filled: usize,
    pub(crate) error: GenerateError,
}

impl FillError {
    /// Returns an error that says that `filled` IDs were written to the start of the buffer before `error` occurred.
    /// Use this function if an ID generator of your own returns a `FillError`.
    #[must_use]
    pub const fn new(filled: usize, error: GenerateError) -> Self {
        Self { filled, error }
    }

    /// Returns how many IDs at the start of the buffer were issued and are valid. The rest of the buffer is unchanged.
    #[must_use]
    pub const fn filled(&self) -> usize {
        self.filled
    }

    /// Returns the error that stopped the call before the buffer was full.
    #[must_use]
    pub const fn error(&self) -> GenerateError {
        self.error
    }

    /// Returns whether a call for the missing IDs can succeed at a later time, without any change to the generator.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.error.is_retryable()
    }
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the buffer is incomplete: {} IDs were written and are valid", self.filled)
    }
}

impl core::error::Error for FillError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}
