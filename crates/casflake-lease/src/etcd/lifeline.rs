//! `Lifeline`: an etcd lease that shows etcd that the holder of a worker is alive.

use std::time::Duration;

use serde_json::{Value, json};

use super::gateway::{Gateway, Reply};
use super::wire::{Granted, KeptAlive};
use crate::error::StoreError;
use crate::token::Token;

/// The etcd lease of the holder of a worker.
pub(super) struct Lifeline {
    pub(super) token: Token,
    pub(super) id: String,
}

impl Gateway {
    pub(super) fn grant(&self, seconds: u64) -> Result<String, StoreError> {
        let request = json!({ "TTL": format!("{seconds}") });
        self.call("/v3/lease/grant", &request).map(|reply: Reply<Granted>| reply.body.id)
    }

    /// Keeps the etcd lease alive. Returns the new remaining time of the etcd lease in seconds, or 0 if the etcd lease
    /// has ended.
    pub(super) fn keep_alive(&self, id: &str) -> Result<u64, StoreError> {
        let reply: Reply<KeptAlive> = self.call("/v3/lease/keepalive", &json!({ "ID": id }))?;
        Ok(reply.body.result.seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or(0))
    }

    /// Ends the etcd lease. Ignores a failure, because the etcd lease then ends when its TTL has passed.
    pub(super) fn revoke(&self, id: &str) {
        let _: Result<Reply<Value>, _> = self.call("/v3/lease/revoke", &json!({ "ID": id }));
    }
}

/// Returns the TTL of an etcd lease in whole seconds. `ttl` is rounded up.
pub(super) fn seconds(ttl: Duration) -> u64 {
    ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::seconds;

    #[test]
    fn an_etcd_lease_lasts_at_least_as_long_as_the_window() {
        for (millis, expected) in [(1, 1), (999, 1), (1000, 1), (1001, 2), (120_000, 120)] {
            assert_eq!(seconds(Duration::from_millis(millis)), expected);
        }
    }
}
