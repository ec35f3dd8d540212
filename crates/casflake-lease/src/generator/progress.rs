//! `Taken` and `Filled`: the IDs that a batch or a `fill` holds while it goes on over several generators. No ID is lost
//! if the call fails.

use casflake::{Batch, BatchError, Clock, FillError, GenerateError, Generator, Scheme, Snowflake};

/// The IDs that a batch has taken so far.
pub struct Taken<S> {
    ids: Vec<Snowflake<S>>,
    count: usize,
}

impl<S: Scheme> Taken<S> {
    /// Returns the beginning of a batch of `count` IDs.
    #[must_use]
    pub const fn of(count: usize) -> Self {
        Self { ids: Vec::new(), count }
    }

    /// Takes the missing IDs from `generator`.
    ///
    /// # Errors
    /// The error of `generator`, if it has refused some of the IDs. Those that it has issued are kept.
    pub fn take_from<C: Clock>(&mut self, generator: &Generator<S, C>) -> Result<(), GenerateError> {
        match generator.generate_batch(self.count - self.ids.len()) {
            Ok(batch) if self.ids.is_empty() => self.ids = batch.into_vec(),
            Ok(batch) => self.ids.extend(&batch),
            Err(error) => {
                self.ids.extend(error.issued());
                return Err(error.error());
            }
        }
        Ok(())
    }

    /// Returns the batch, or the error `outcome` with the IDs that were taken before.
    ///
    /// # Errors
    /// The error in `outcome`.
    pub fn ended(self, outcome: Result<(), GenerateError>) -> Result<Batch<S>, BatchError<S>> {
        let batch = Batch::from(self.ids);
        match outcome {
            Ok(()) => Ok(batch),
            Err(error) => Err(BatchError::new(error, batch)),
        }
    }
}

/// A buffer that is being filled.
pub struct Filled<'b, S> {
    buffer: &'b mut [Snowflake<S>],
    filled: usize,
}

impl<'b, S: Scheme> Filled<'b, S> {
    /// Returns the beginning of filling `buffer`.
    #[must_use]
    pub const fn of(buffer: &'b mut [Snowflake<S>]) -> Self {
        Self { buffer, filled: 0 }
    }

    /// Fills the rest of the buffer from `generator`.
    ///
    /// # Errors
    /// The error of `generator`, if it has refused some of the IDs. Those that it has issued are kept.
    pub fn fill_from<C: Clock>(&mut self, generator: &Generator<S, C>) -> Result<(), GenerateError> {
        let Some(rest) = self.buffer.get_mut(self.filled..) else { return Ok(()) };
        generator.fill(rest).map_err(|error| {
            self.filled += error.filled();
            error.error()
        })
    }

    /// Returns the outcome of the call, with the number of IDs in the buffer if it is an error.
    ///
    /// # Errors
    /// The error in `outcome`.
    pub fn ended(self, outcome: Result<(), GenerateError>) -> Result<(), FillError> {
        outcome.map_err(|error| FillError::new(self.filled, error))
    }
}
