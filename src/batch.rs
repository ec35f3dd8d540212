//! `generate_batch`: many IDs in one call.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use crate::clock::Clock;
use crate::error::GenerateError;
use crate::generator::Generator;
use crate::id::Snowflake;
use crate::scheme::{Scheme, Standard};

/// The IDs that [`Generator::generate_batch`] returns, in increasing order. A `Batch` dereferences to a slice of IDs.
///
/// # Examples
/// ```
/// use casflake::{Generator, WorkerId};
///
/// let ids = Generator::new(WorkerId::fixed::<0, 1>());
/// let batch = ids.generate_batch(3)?;
/// assert!(batch[0] < batch[1]);
/// for id in &batch {
///     println!("{id}");
/// }
/// # Ok::<(), casflake::BatchError>(())
/// ```
pub struct Batch<S = Standard> {
    ids: Vec<Snowflake<S>>,
}

impl<S: Scheme> Batch<S> {
    /// Returns the highest sequence number among the IDs, or 0 if the batch is empty. If the batch is the first ten IDs
    /// of a tick, this number is 9.
    #[must_use]
    pub fn max_sequence(&self) -> u64 {
        self.ids.iter().map(|id| id.sequence()).max().unwrap_or(0)
    }
}

impl<S> Batch<S> {
    /// Turns the batch into a vector of its IDs.
    #[must_use]
    pub fn into_vec(self) -> Vec<Snowflake<S>> {
        self.ids
    }
}

impl<S> Deref for Batch<S> {
    type Target = [Snowflake<S>];

    fn deref(&self) -> &Self::Target {
        &self.ids
    }
}

impl<S> AsRef<[Snowflake<S>]> for Batch<S> {
    fn as_ref(&self) -> &[Snowflake<S>] {
        &self.ids
    }
}

/// Turns the IDs into a batch, without sorting them. Use this conversion if an ID generator of your own returns
/// batches.
impl<S> From<Vec<Snowflake<S>>> for Batch<S> {
    fn from(ids: Vec<Snowflake<S>>) -> Self {
        Self { ids }
    }
}

impl<S> From<Batch<S>> for Vec<Snowflake<S>> {
    fn from(batch: Batch<S>) -> Self {
        batch.ids
    }
}

impl<S> IntoIterator for Batch<S> {
    type Item = Snowflake<S>;
    type IntoIter = alloc::vec::IntoIter<Snowflake<S>>;

    fn into_iter(self) -> Self::IntoIter {
        self.ids.into_iter()
    }
}

impl<'a, S> IntoIterator for &'a Batch<S> {
    type Item = &'a Snowflake<S>;
    type IntoIter = core::slice::Iter<'a, Snowflake<S>>;

    fn into_iter(self) -> Self::IntoIter {
        self.ids.iter()
    }
}

impl<S: Scheme> fmt::Debug for Batch<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.ids).finish()
    }
}

impl<S> Clone for Batch<S> {
    fn clone(&self) -> Self {
        Self { ids: self.ids.clone() }
    }
}

impl<S> PartialEq for Batch<S> {
    fn eq(&self, other: &Self) -> bool {
        self.ids == other.ids
    }
}

impl<S> Eq for Batch<S> {}

/// The error of `Generator::generate_batch`: the call stopped before all IDs were issued. A `BatchError` holds the
/// reason, and the IDs issued before the error. Those IDs are valid.
///
/// # Examples
/// ```
/// use casflake::{GenerateError, Generator, ManualClock, WorkerId};
///
/// let ids = Generator::with_clock(WorkerId::fixed::<0, 1>(), ManualClock::new(1_735_689_600_000));
/// let error = ids.generate_batch(5000).expect_err("the clock stands still");
/// assert!(matches!(error.error(), GenerateError::ClockStalled { .. }));
/// assert_eq!(error.into_issued().len(), 4096, "all IDs of the millisecond");
/// ```
pub struct BatchError<S = Standard> {
    error: GenerateError,
    issued: Batch<S>,
}

impl<S> BatchError<S> {
    /// Returns an error with the reason `error` and with the IDs `issued`, which were issued before `error` occurred.
    /// Use this function if an ID generator of your own returns a `BatchError`.
    #[must_use]
    pub const fn new(error: GenerateError, issued: Batch<S>) -> Self {
        Self { error, issued }
    }

    /// Returns the error that stopped the call before it had issued all IDs.
    #[must_use]
    pub const fn error(&self) -> GenerateError {
        self.error
    }

    /// Returns the IDs issued before the error.
    #[must_use]
    pub const fn issued(&self) -> &Batch<S> {
        &self.issued
    }

    /// Turns this `BatchError` into the IDs issued before the error. These IDs are valid. To borrow the IDs instead,
    /// call `issued`.
    #[must_use]
    pub fn into_issued(self) -> Batch<S> {
        self.issued
    }

    /// Returns whether a call for the missing IDs can succeed at a later time, without any change to the generator.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.error.is_retryable()
    }
}

impl<S> fmt::Display for BatchError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the batch is incomplete: {} IDs were issued and are valid", self.issued.len())
    }
}

impl<S: Scheme> fmt::Debug for BatchError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchError").field("error", &self.error).field("issued", &self.issued).finish()
    }
}

impl<S> Clone for BatchError<S> {
    fn clone(&self) -> Self {
        Self { error: self.error, issued: self.issued.clone() }
    }
}

impl<S> PartialEq for BatchError<S> {
    fn eq(&self, other: &Self) -> bool {
        (self.error, &self.issued) == (other.error, &other.issued)
    }
}

impl<S> Eq for BatchError<S> {}

impl<S: Scheme> core::error::Error for BatchError<S> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// The largest number of IDs that one call of [`generate_batch`](Generator::generate_batch) can return: 16,777,216. So
/// many IDs take 128 MiB.
pub const MAX_BATCH: usize = 1 << 24;

impl<S: Scheme, C: Clock> Generator<S, C> {
    /// Returns `count` IDs in increasing order, with one compare-and-swap per tick.
    ///
    /// Waits for each tick as [`generate`](Self::generate) does. In the [`Standard`] scheme a batch of a million IDs
    /// takes a quarter of a second. Other threads may get IDs between the IDs of the batch.
    ///
    /// # Errors
    /// * [`GenerateError::Count`] if `count` is 0 or over [`MAX_BATCH`].
    /// * The errors of [`generate`](Self::generate). [`BatchError::issued`] returns the IDs issued before the error.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Generator, WorkerId};
    ///
    /// static IDS: Generator = Generator::new(WorkerId::fixed::<0, 1>());
    ///
    /// let batch = IDS.generate_batch(10)?;
    /// assert_eq!(batch.len(), 10);
    /// assert!(batch.is_sorted());
    /// println!("{batch:?}, highest sequence {}", batch.max_sequence());
    /// # Ok::<(), casflake::BatchError>(())
    /// ```
    pub fn generate_batch(&self, count: usize) -> Result<Batch<S>, BatchError<S>> {
        if count == 0 || count > MAX_BATCH {
            let error = GenerateError::Count { count, max: MAX_BATCH };
            return Err(BatchError { error, issued: Batch { ids: Vec::new() } });
        }
        let mut ids = Vec::new();
        while ids.len() < count {
            match self.reserve((count - ids.len()) as u64) {
                Ok(slots) => {
                    // Allocates after the first slots are reserved, so that a call that is refused immediately
                    // allocates nothing.
                    if ids.is_empty() {
                        ids.reserve_exact(count);
                    }
                    ids.extend(self.ids(slots));
                }
                Err(error) => return Err(BatchError { error, issued: Batch { ids } }),
            }
        }
        Ok(Batch { ids })
    }
}
