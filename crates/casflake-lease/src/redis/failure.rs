//! `Failure`: the reason why there is no answer from Redis.

use std::io;

use redis::RedisError;

use crate::error::StoreError;

/// The reason why a call got no answer from Redis.
pub(super) enum Failure {
    /// An error of the server or of the connection. It is not yet converted to a [`StoreError`].
    Redis(RedisError),
    /// A failure that is already converted to a [`StoreError`].
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
