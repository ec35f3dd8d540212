//! The messages of etcd's JSON gateway. Keys and values are encoded as base64, and 64-bit numbers as text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::StoreError;

pub(super) fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

pub(super) fn range(key: &str) -> Value {
    json!({ "request_range": { "key": base64(key) } })
}

/// Returns the request that reads all keys that begin with `folder` and a slash. If `keys_only` is true, the reply has
/// no values.
pub(super) fn range_in(folder: &str, keys_only: bool) -> Value {
    // The range ends before `folder` and '0', because '0' is the next character after '/'.
    let (first, end) = (base64(&format!("{folder}/")), base64(&format!("{folder}0")));
    json!({ "request_range": { "key": first, "range_end": end, "keys_only": keys_only } })
}

pub(super) fn put(key: &str, value: &str) -> Value {
    json!({ "request_put": { "key": base64(key), "value": base64(value) } })
}

/// Returns the request that writes a key without a value. The key exists as long as the etcd lease `lease`.
pub(super) fn put_live(key: &str, lease: &str) -> Value {
    json!({ "request_put": { "key": base64(key), "lease": lease } })
}

pub(super) fn delete(key: &str) -> Value {
    json!({ "request_delete_range": { "key": base64(key) } })
}

/// Returns the condition that `key` has this value. If `value` is `None`, returns the condition that `key` does not
/// exist.
pub(super) fn compare(key: &str, value: Option<&str>) -> Value {
    match value {
        Some(value) => json!({ "key": base64(key), "target": "VALUE", "result": "EQUAL", "value": base64(value) }),
        None => json!({ "key": base64(key), "target": "CREATE", "result": "EQUAL", "create_revision": "0" }),
    }
}

#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) cluster_id: String,
}

#[derive(Deserialize)]
pub(super) struct Txn {
    pub(super) header: Header,
    #[serde(default)]
    pub(super) succeeded: bool,
    #[serde(default)]
    pub(super) responses: Vec<Response>,
}

impl Txn {
    /// Returns whether the transaction was written.
    ///
    /// # Errors
    /// `Unavailable` if it was written, but to a cluster other than `cluster`. That cluster does not know the leases
    /// that `cluster` has granted.
    pub(super) fn is_written_to(&self, cluster: &str) -> Result<bool, StoreError> {
        if self.succeeded && self.header.cluster_id != cluster {
            let why = format!("cluster {} has answered in place of cluster {cluster}", self.header.cluster_id);
            return Err(StoreError::unavailable("writing to etcd", why));
        }
        Ok(self.succeeded)
    }
}

#[derive(Deserialize)]
pub(super) struct Response {
    pub(super) response_range: Option<Range>,
}

#[derive(Deserialize)]
pub(super) struct Range {
    #[serde(default)]
    pub(super) kvs: Vec<Pair>,
}

#[derive(Deserialize)]
pub(super) struct Pair {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

/// The reply to the grant of an etcd lease.
#[derive(Deserialize)]
pub(super) struct Granted {
    #[serde(rename = "ID")]
    pub(super) id: String,
}

#[derive(Deserialize)]
pub(super) struct KeptAlive {
    pub(super) result: Left,
}

/// The remaining time of an etcd lease. `seconds` is `None` if the etcd lease has ended.
#[derive(Deserialize)]
pub(super) struct Left {
    #[serde(rename = "TTL", default)]
    pub(super) seconds: Option<String>,
}
