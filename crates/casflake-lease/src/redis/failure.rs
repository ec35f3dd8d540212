//! `Failure`: why there is no answer from Redis.

use std::io;

use redis::RedisError;

use crate::error::StoreError;

/// Why there is no answer.
pub(super) enum Failure {
    /// An error of the server or of the connection, which is still to be interpreted.
    Redis(RedisError),
    /// A failure that is already interpreted.
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
