//! `Keys`: the keys of a space in etcd.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::wire::{self, Pair, Range, Response};
use crate::backend::Contents;
use crate::error::StoreError;
use crate::protocol::{Record, Space};

/// The keys of one space.
pub(super) struct Keys {
    space: String,
    root: String,
}

/// The prefix of the keys of all spaces.
pub(super) const FIRST_OF_ALL: &str = "/casflake/";

/// Returns a request about the keys of all spaces. The reply contains only the first of these keys that is equal to or
/// greater than `key`.
pub(super) fn first_since(key: &str) -> Value {
    // The range ends before "/casflake0", because '0' is the next character after '/'.
    json!({ "key": wire::base64(key), "range_end": wire::base64("/casflake0"), "limit": "1", "keys_only": true })
}

/// Returns the root, such as `/casflake/orders`, of the space to which the key in `answer` belongs. Returns `None` if
/// there is no key in `answer`.
pub(super) fn root_of(answer: &Range) -> Result<Option<String>, StoreError> {
    let Some(pair) = answer.kvs.first() else { return Ok(None) };
    let key = STANDARD.decode(&pair.key).ok().and_then(|key| String::from_utf8(key).ok());
    let name = key.as_deref().and_then(|key| key.strip_prefix(FIRST_OF_ALL)?.split('/').next());
    let corrupt = || StoreError::corrupt("a key below /casflake/ in etcd", "a space has no key with this name");
    name.map(|name| Some(format!("{FIRST_OF_ALL}{name}"))).ok_or_else(corrupt)
}

/// Returns a key that is greater than all keys of the space with this root.
pub(super) fn after(root: &str) -> String {
    format!("{root}0")
}

/// Returns the name of the space with this root.
pub(super) fn name_of(root: &str) -> String {
    root.strip_prefix(FIRST_OF_ALL).unwrap_or(root).replace("%2F", "/").replace("%25", "%")
}

impl Keys {
    pub(super) fn new(space: &str) -> Self {
        // A slash in the name would put the keys of this space among the keys of another space.
        let root = format!("{FIRST_OF_ALL}{}", space.replace('%', "%25").replace('/', "%2F"));
        Self { space: space.into(), root }
    }

    pub(super) fn space_name(&self) -> &str {
        &self.space
    }

    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// Returns the key of the space's data.
    pub(super) fn space(&self) -> String {
        format!("{}/space", self.root)
    }

    /// Returns the key of the worker's record.
    pub(super) fn record(&self, worker: u64) -> String {
        format!("{}/{worker}", self.records())
    }

    /// Returns the key that shows that the worker's holder is alive. The key belongs to an etcd lease, so it disappears
    /// some time after the holder has ended.
    pub(super) fn live(&self, worker: u64) -> String {
        format!("{}/{worker}", self.lives())
    }

    fn records(&self) -> String {
        format!("{}/workers", self.root)
    }

    fn lives(&self) -> String {
        format!("{}/live", self.root)
    }

    /// Returns the request that reads all keys of the space. All values are from the same moment.
    pub(super) fn all(&self) -> Value {
        let ranges =
            [wire::range(&self.space()), wire::range_in(&self.records(), false), wire::range_in(&self.lives(), true)];
        json!({ "success": ranges })
    }

    /// Returns the transaction that writes `space` and `records` if the stored space and each replaced record are still
    /// as in `seen`. The transaction compares the space even if `space` is `None`. If there is a `lifeline`, the
    /// transaction attaches each worker with a holder to this etcd lease.
    pub(super) fn transaction(
        &self,
        seen: &Contents,
        space: Option<&Space>,
        records: &[(u64, Record)],
        lifeline: Option<&str>,
    ) -> Result<Value, StoreError> {
        let seen_space = seen.space.as_ref().map(json_of).transpose()?;
        let mut compare: Vec<Value> = [wire::compare(&self.space(), seen_space.as_deref())].into();
        let mut success = Vec::new();
        if let Some(space) = space {
            success.push(wire::put(&self.space(), &json_of(space)?));
        }
        for (worker, record) in records {
            let (key, live) = (self.record(*worker), self.live(*worker));
            let before = seen.records.get(worker).map(json_of).transpose()?;
            compare.push(wire::compare(&key, before.as_deref()));
            success.push(wire::put(&key, &json_of(record)?));
            match (lifeline, record.token) {
                (Some(lifeline), Some(_)) => success.push(wire::put_live(&live, lifeline)),
                // The worker was released or reclaimed. The key stays if the record was lost, because the holder may be
                // alive.
                (_, None) if before.is_some() => success.push(wire::delete(&live)),
                _ => {}
            }
        }
        Ok(json!({ "compare": compare, "success": success }))
    }

    /// Converts etcd's answer to the request [`all`](Self::all) into contents.
    pub(super) fn contents(
        &self,
        unix_ns: u64,
        incarnation: String,
        answers: Vec<Response>,
    ) -> Result<Contents, StoreError> {
        let incomplete =
            || StoreError::unavailable("reading etcd's reply", "it does not have the three parts that were asked for");
        let mut ranges = answers.into_iter().map(|answer| answer.response_range.map(|range| range.kvs));
        let mut next = || ranges.next().flatten().ok_or_else(incomplete);
        let space: Option<Space> = next()?.first().map(|pair| stored(&self.space(), pair)).transpose()?;
        let records: BTreeMap<u64, Record> = next()?
            .iter()
            .map(|pair| {
                let worker = index(&self.records(), pair)?;
                Ok((worker, stored(&self.record(worker), pair)?))
            })
            .collect::<Result<_, StoreError>>()?;
        let live: BTreeSet<u64> =
            next()?.iter().map(|pair| index(&self.lives(), pair)).collect::<Result<_, StoreError>>()?;
        // The ID of the cluster is both the incarnation and the place.
        let place = incarnation.clone();
        Ok(Contents { space, records, live, ..Contents::new(unix_ns, incarnation, place) })
    }
}

/// Returns the text that is stored for `value`.
pub(super) fn json_of(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::unavailable("writing JSON", error))
}

/// Returns the value of the key `place`. Fails unless the text of the value is exactly the text that this store would
/// write, because a transaction compares texts.
fn stored<T: Serialize + DeserializeOwned>(place: &str, pair: &Pair) -> Result<T, StoreError> {
    let corrupt = |why: String| StoreError::corrupt(format!("the key {place} in etcd"), why);
    let bytes = STANDARD.decode(&pair.value).map_err(|error| corrupt(error.to_string()))?;
    let value: T = serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
    if json_of(&value)?.as_bytes() != bytes {
        return Err(corrupt("it is not in the form that this version writes".into()));
    }
    Ok(value)
}

/// Returns the index of the worker from a key `{folder}/{index}`.
fn index(folder: &str, pair: &Pair) -> Result<u64, StoreError> {
    let key = STANDARD.decode(&pair.key).unwrap_or_default();
    let key = String::from_utf8_lossy(&key);
    let name = key.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
    match name.parse::<u64>() {
        Ok(index) if index.to_string() == name => Ok(index),
        _ => Err(StoreError::corrupt(format!("the key {key} in etcd"), "its name does not end with a worker")),
    }
}

#[cfg(test)]
mod tests {

    use serde_json::{Value, json};

    use super::super::wire::base64;
    use super::Keys;
    use crate::backend::Contents;
    use crate::error::StoreError;

    const RECORD: &str = r#"{"from":1,"until":2,"counter":3,"token":null,"owner":""}"#;

    fn contents(space: Option<&str>, record: (&str, &str), live: &str) -> Result<Contents, StoreError> {
        let pair = |key: &str, value: &str| json!({ "key": base64(key), "value": base64(value) });
        let space: Vec<Value> = space.iter().map(|space| pair("/casflake/s/space", space)).collect();
        let answers = json!([
            { "response_range": { "kvs": space } },
            { "response_range": { "kvs": [pair(record.0, record.1)] } },
            { "response_range": { "kvs": [{ "key": base64(live) }] } },
        ]);
        Keys::new("s").contents(7, String::from("c"), serde_json::from_value(answers).unwrap())
    }

    #[test]
    fn written_contents_are_read_back() {
        let space = r#"{"version":1,"layout":"l","workers":2,"granted":1,"floor":0,"incarnation":"c"}"#;
        let contents = contents(Some(space), ("/casflake/s/workers/10", RECORD), "/casflake/s/live/10").unwrap();
        assert_eq!(contents.space.unwrap().workers, 2);
        assert_eq!(contents.records.into_iter().map(|(worker, record)| (worker, record.counter)).next(), Some((10, 3)));
        assert_eq!(contents.live, [10].into());
    }

    #[test]
    fn contents_that_no_store_writes_are_corrupt() {
        let (record, live) = ("/casflake/s/workers/0", "/casflake/s/live/0");
        assert!(contents(None, (record, RECORD), live).is_ok());
        for (space, record, live) in [
            (Some("{}"), (record, RECORD), live),
            (Some(""), (record, RECORD), live),
            (None, (record, "null"), live),
            (None, (record, &*RECORD.replace(',', ", ")), live),
            (None, (record, &*RECORD.replace('{', r#"{"more":1,"#)), live),
            (None, ("/casflake/s/workers/", RECORD), live),
            (None, ("/casflake/s/workers/00", RECORD), live),
            (None, ("/casflake/s/workers/1/2", RECORD), live),
            (None, (record, RECORD), "/casflake/s/live/+1"),
        ] {
            let error = contents(space, record, live).unwrap_err();
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
            assert!(error.to_string().contains("/casflake/s/"), "{error}");
        }
    }

    #[test]
    fn a_reply_without_its_parts_is_refused() {
        for answers in [json!([]), json!([{ "response_range": {} }]), json!([{}, {}, {}])] {
            let answers = serde_json::from_value(answers).unwrap();
            let error = Keys::new("s").contents(7, String::new(), answers).unwrap_err();
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        }
    }

    #[test]
    fn the_keys_of_two_spaces_never_overlap() {
        assert_eq!(Keys::new("a/workers").space(), "/casflake/a%2Fworkers/space");
        assert_ne!(Keys::new("a/b").root(), Keys::new("a%2Fb").root());
    }
}
