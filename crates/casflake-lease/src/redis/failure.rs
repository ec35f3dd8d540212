//! `Failure`: why Redis has not answered.

use std::io;

use redis::RedisError;

use crate::error::StoreError;

/// Why there is no answer.
pub(super) enum Failure {
    /// What the server says, or the way to it.
    Redis(RedisError),
    /// What is known to mean this.
    Store(StoreError),
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Redis(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
